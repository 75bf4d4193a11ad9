//! The way from a deployment's events to a person's eyes: chooses the reader.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::json;
use super::live::Live;
use super::output::{Output, Stream};
use super::plain::Plain;
use crate::deploy::event::{Event, Events};

/// `--progress`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ProgressMode {
    /// Live on a terminal, else plain.
    #[default]
    Auto,
    /// Rows that are redrawn in place; plain where there is no terminal to do so.
    #[value(alias = "tty")]
    Live,
    /// One line for each change.
    Plain,
    /// One JSON object a line.
    Json,
    /// Warnings only.
    Quiet,
}

/// A reader of events. When it is dropped, live progress leaves its final picture and gives the cursor back.
#[must_use = "progress ends when it is dropped"]
pub struct Progress {
    events: Events,
    live: Option<Live>,
}

impl Progress {
    /// Shows events on stderr in the given mode; an output that is quiet makes `auto` quiet.
    pub fn start(mode: ProgressMode, output: &Output) -> Self {
        match mode {
            ProgressMode::Auto if output.is_quiet() => Progress::quiet(output),
            ProgressMode::Auto | ProgressMode::Live if output.is_terminal(Stream::Stderr) => Progress::live(output),
            ProgressMode::Auto | ProgressMode::Live | ProgressMode::Plain => Progress::plain(output),
            ProgressMode::Json => Progress::json(Stream::Stderr, output),
            ProgressMode::Quiet => Progress::quiet(output),
        }
    }

    /// JSON lines on the stream of one's choice.
    pub fn json(stream: Stream, output: &Output) -> Self {
        let output = output.clone();
        Progress::of(move |event| {
            let line = json::object(&event, &timestamp()).to_string();
            output.raw(stream, &line);
        })
    }

    fn plain(output: &Output) -> Self {
        let output = output.clone();
        let began = Instant::now();
        let plain = Mutex::new(Plain::default());
        Progress::of(move |event| {
            // Held while writing, so that lines stand in the order of their events.
            let mut plain = plain.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(text) = plain.text(&event, began.elapsed()) {
                output.message(&text);
            }
        })
    }

    fn quiet(output: &Output) -> Self {
        let output = output.clone();
        // A failure is told once, by the error that ends the command.
        Progress::of(move |event| {
            if let Event::Warning { message, hint } = &event {
                output.warning(message, hint.as_deref());
            }
        })
    }

    fn live(output: &Output) -> Self {
        let live = Live::start(output);
        Progress {
            events: Events::new(live.reader()),
            live: Some(live),
        }
    }

    fn of(reader: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Progress {
            events: Events::new(reader),
            live: None,
        }
    }

    /// What `deploy` tells its events to.
    pub fn events(&self) -> Events {
        self.events.clone()
    }

    /// Ends the display; the same as dropping it, said aloud.
    pub fn finish(mut self) {
        drop(self.live.take());
    }
}

/// Now, in UTC to the millisecond.
fn timestamp() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::{captured, plain, terminal};
    use super::super::samples::{every_event, service};
    use super::*;
    use crate::deploy::event::ServiceProgress;

    fn stderr_of(mode: ProgressMode, terminal_is_there: bool, quiet: bool) -> String {
        let capabilities = if terminal_is_there { terminal(80, 24) } else { plain() };
        let (output, _, err) = captured(capabilities, quiet);
        let progress = Progress::start(mode, &output);
        progress.events().emit(service("web", ServiceProgress::Creating));
        progress.events().emit(service("web", ServiceProgress::Completed));
        progress.finish();
        err.text()
    }

    #[test]
    fn auto_is_live_on_a_terminal_and_plain_elsewhere() {
        assert!(stderr_of(ProgressMode::Auto, true, false).starts_with("services 1/1\n"));
        let plain = " service web       creating\n service web       completed\n";
        assert_eq!(stderr_of(ProgressMode::Auto, false, false), plain);
        assert_eq!(stderr_of(ProgressMode::Plain, true, false), plain);
        assert_eq!(stderr_of(ProgressMode::Live, false, false), plain);
        assert_eq!(stderr_of(ProgressMode::Auto, true, true), "");
    }

    #[test]
    fn json_goes_to_the_stream_that_was_chosen() {
        let (output, out, err) = captured(plain(), false);
        let events = Progress::json(Stream::Stdout, &output).events();
        for event in every_event() {
            events.emit(event);
        }
        assert_eq!(err.text(), "");
        let objects: Vec<serde_json::Value> = out
            .text()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(objects.len(), every_event().len());
        let time = objects[0]["time"].as_str().unwrap();
        assert!(time.parse::<jiff::Timestamp>().is_ok() && time.len() == 24, "{time}");
    }

    #[test]
    fn quiet_tells_warnings_only() {
        let (output, _, err) = captured(plain(), false);
        let progress = Progress::start(ProgressMode::Quiet, &output);
        for event in every_event() {
            progress.events().emit(event);
        }
        insta::assert_snapshot!(err.text(), @"
        warning: host `lab-1` has no IPVS
          hint: load the module `ip_vs`
        ");
    }
}
