//! Live progress: one row for each host, image, resource and service, redrawn in place.
//!
//! [`Board`] holds the rows and renders them, purely; [`Live`] is the thin loop that draws them ten times a second.
//! Own redraw rather than a progress bar library: rows fold to the terminal's height by what matters, which is a
//! property of the whole picture and not of one bar.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indexmap::IndexMap;

use super::output::{Output, Stream};
use super::words::{self, Line, Section, Tone};
use super::{measure, plural, style, text};
use crate::deploy::event::Event;

const TICK: Duration = Duration::from_millis(100);
/// What is through sooner is not drawn before its end: a command with nothing to do does not flicker.
const PATIENCE: Duration = Duration::from_millis(80);
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const LONGEST_NAME: usize = 40;

/// All rows, in the order in which they were first heard of.
#[derive(Debug, Default)]
pub struct Board {
    rows: IndexMap<(Section, &'static str, String), Row>,
    /// Words that stand after the rows once all is through.
    closing: Vec<String>,
}

#[derive(Debug)]
struct Row {
    /// By host where one thing is in several states at once; else one.
    parts: IndexMap<Option<String>, Line>,
    /// Time that went into it before `since`: pauses between two pieces of work are nobody's waiting.
    before: Duration,
    /// When the work began that is under way.
    since: Option<Duration>,
}

impl Board {
    /// Takes what an event says of one thing; gives back words to be said at once, above the rows.
    pub fn apply(&mut self, event: &Event, now: Duration) -> Option<String> {
        if let Some(line) = words::line(event) {
            let key = (line.section, line.kind, line.name.clone());
            let row = self.rows.entry(key).or_insert_with(|| Row {
                parts: IndexMap::new(),
                before: Duration::ZERO,
                since: None,
            });
            if row.tone() == Tone::Waiting {
                row.since = Some(now);
            }
            row.since.get_or_insert(now);
            row.parts.insert(line.on.clone(), line);
            if row.tone().is_final() {
                row.before = row.took(now);
                row.since = None;
            }
            return None;
        }
        let said = words::remark(event)?;
        if matches!(event, Event::Published { .. } | Event::Finished { .. }) {
            self.closing.push(said);
            return None;
        }
        Some(said)
    }

    /// The picture while it goes on: no line is wider than `width`, and there are fewer lines than `height`.
    pub fn render(&self, width: usize, height: usize, now: Duration) -> Vec<String> {
        let budget = height.saturating_sub(1).max(1);
        let folded = self.folded(budget);
        let mut lines = self.lines(width.saturating_sub(1).max(20), now, &folded, false);
        if lines.len() > budget {
            lines.drain(..lines.len() - budget);
        }
        lines
    }

    /// The picture that stays: every row, reasons in full, and the closing words. Logs stand in the error that follows.
    pub fn render_final(&self, width: usize, now: Duration) -> Vec<String> {
        let none_folded = vec![false; self.rows.len()];
        let mut lines = self.lines(width.saturating_sub(1).max(20), now, &none_folded, true);
        lines.extend(self.closing.iter().cloned());
        lines
    }

    fn lines(&self, width: usize, now: Duration, folded: &[bool], is_final: bool) -> Vec<String> {
        let names = self.rows.iter().zip(folded).filter(|(_, folded)| !**folded);
        let name_width = names
            .map(|((key, _), _)| text::width(&shown_name(key)))
            .max()
            .map_or(0, |longest| longest.min(LONGEST_NAME).min(width / 3));
        let mut lines = Vec::new();
        for section in Section::ALL {
            let rows: Vec<_> = (self.rows.iter().zip(folded))
                .filter(|((key, _), _)| key.0 == section)
                .collect();
            if rows.is_empty() {
                continue;
            }
            lines.push(header(section, rows.iter().map(|((_, row), _)| row.tone())));
            for ((key, row), _) in rows.iter().filter(|(_, folded)| !**folded) {
                lines.extend(row.lines(&shown_name(key), name_width, width, now, is_final));
            }
            let hidden = rows.iter().filter(|(_, folded)| **folded);
            lines.extend(fold_line(hidden.map(|((_, row), _)| row.tone()), width));
        }
        lines
    }

    /// Which rows are left out so that the rest fits: first what is done, then what waits, last what failed. Of what is
    /// done the oldest goes first, of the rest the last.
    fn folded(&self, budget: usize) -> Vec<bool> {
        let rows: Vec<(Section, Tone)> = self.rows.iter().map(|(key, row)| (key.0, row.tone())).collect();
        let mut folded = vec![false; rows.len()];
        let mut lines: usize = (Section::ALL.iter())
            .map(|section| rows.iter().filter(|row| row.0 == *section).count())
            .map(|rows| if rows == 0 { 0 } else { rows + 1 })
            .sum();
        for tone in [Tone::Good, Tone::Waiting, Tone::Active, Tone::Failed] {
            for section in Section::ALL {
                let mut candidates: Vec<usize> = (0..rows.len()).filter(|i| rows[*i] == (section, tone)).collect();
                if tone != Tone::Good {
                    candidates.reverse();
                }
                for index in candidates {
                    if lines <= budget {
                        return folded;
                    }
                    let first = !(0..rows.len()).any(|i| folded[i] && rows[i].0 == section);
                    folded[index] = true;
                    // The first fold of a section brings the line that says so.
                    lines -= usize::from(!first);
                }
            }
        }
        folded
    }
}

impl Row {
    fn tone(&self) -> Tone {
        self.parts.values().map(|line| line.tone).max().unwrap_or(Tone::Waiting)
    }

    fn took(&self, now: Duration) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }

    /// The parts that decide what is shown: those in the gravest state; of several good ones those on hosts.
    fn leading(&self) -> Vec<&Line> {
        let tone = self.tone();
        let leading: Vec<&Line> = self.parts.values().filter(|line| line.tone == tone).collect();
        let on_hosts: Vec<&Line> = leading.iter().copied().filter(|line| line.on.is_some()).collect();
        if tone == Tone::Good && !on_hosts.is_empty() {
            on_hosts
        } else {
            leading
        }
    }

    /// State and what is said after it.
    fn said(&self) -> (String, String) {
        let leading = self.leading();
        let Some(line) = leading.first() else {
            return Default::default();
        };
        match (line.tone, leading.len()) {
            (Tone::Good, 2..) => (
                format!("ready on {}", plural::count(leading.len(), "host")),
                String::new(),
            ),
            (_, many) => {
                let amount = line.detail.as_ref().or(line.amount.as_ref());
                let mut more = amount.cloned().unwrap_or_default();
                if many > 1 {
                    more.push_str(&format!(
                        "{}and {} more",
                        if more.is_empty() { "" } else { " " },
                        many - 1
                    ));
                }
                (line.state.clone(), more)
            }
        }
    }

    fn lines(&self, name: &str, name_width: usize, width: usize, now: Duration, is_final: bool) -> Vec<String> {
        let tone = self.tone();
        let glyph = match tone {
            Tone::Good => "✔",
            Tone::Failed => "✘",
            Tone::Waiting => "·",
            Tone::Active if is_final => "·",
            Tone::Active => SPINNER[(now.as_millis() / TICK.as_millis()) as usize % SPINNER.len()],
        };
        let took = self.took(now);
        let elapsed = if tone.is_final() && took < Duration::from_millis(50) || tone == Tone::Waiting {
            String::new()
        } else {
            measure::duration(took)
        };
        let name = text::pad(&text::cut(name, name_width), name_width);
        let before = format!("{glyph} {name} {elapsed:>9}  ");
        let room = width.saturating_sub(text::width(&before) + 1);
        let (state, more) = self.said();
        let state = text::cut(&state, room);
        let room = room.saturating_sub(text::width(&state) + 2);
        let fits = text::width(&more) <= room;

        let mut line = format!(
            " {} {name} {}  {}",
            style::paint(tone.style(), glyph),
            style::paint(style::DIM, &format!("{elapsed:>9}")),
            style::paint(tone.style(), &state)
        );
        let in_full_below = is_final && tone == Tone::Failed && !fits;
        if !in_full_below && !more.is_empty() && room > 3 {
            line.push_str(&format!("  {}", style::paint(style::DIM, &text::cut(&more, room))));
        }
        let mut lines = vec![line];
        if in_full_below {
            lines.push(format!("     {more}"));
        }
        lines
    }
}

/// Resources of several kinds share a section: the kind belongs to the name there.
fn shown_name((section, kind, name): &(Section, &'static str, String)) -> String {
    match section {
        Section::Resources => format!("{kind} {name}"),
        Section::Hosts | Section::Images | Section::Services => name.clone(),
    }
}

fn header(section: Section, tones: impl Iterator<Item = Tone>) -> String {
    let tones: Vec<Tone> = tones.collect();
    let good = tones.iter().filter(|tone| **tone == Tone::Good).count();
    let title = style::paint(style::BOLD, section.title());
    format!("{title} {good}/{}", tones.len())
}

fn fold_line(tones: impl Iterator<Item = Tone>, width: usize) -> Option<String> {
    let tones: Vec<Tone> = tones.collect();
    if tones.is_empty() {
        return None;
    }
    let words = [
        (Tone::Good, "done"),
        (Tone::Waiting, "waiting"),
        (Tone::Active, "active"),
        (Tone::Failed, "failed"),
    ];
    let counts = words.iter().filter_map(|(tone, word)| {
        let count = tones.iter().filter(|other| *other == tone).count();
        (count > 0).then(|| format!("{count} {word}"))
    });
    let counts = counts.collect::<Vec<_>>().join(", ");
    let line = text::cut(&format!(" … and {counts}"), width);
    Some(style::paint(style::DIM, &line))
}

/// Draws a [`Board`] on stderr until it is dropped; then the final picture stays.
pub struct Live {
    shared: Arc<Shared>,
    stop: Option<mpsc::Sender<()>>,
    drawer: Option<JoinHandle<()>>,
}

struct Shared {
    output: Output,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    board: Board,
    ended: bool,
}

impl Live {
    pub fn start(output: &Output) -> Self {
        let shared = Arc::new(Shared {
            output: output.clone(),
            began: Instant::now(),
            state: Mutex::default(),
        });
        let (stop, stopped) = mpsc::channel();
        let drawn = Arc::clone(&shared);
        let drawer = std::thread::spawn(move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                drawn.draw();
            }
        });
        Live {
            shared,
            stop: Some(stop),
            drawer: Some(drawer),
        }
    }

    /// What takes the events. After the end, remarks are still said and states no longer shown.
    pub fn reader(&self) -> impl Fn(Event) + Send + Sync + use<> {
        let shared = Arc::clone(&self.shared);
        move |event| shared.take(&event)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(drawer) = self.drawer.take() {
            // A drawer that panicked has said so already.
            let _ = drawer.join();
        }
        self.shared.end();
    }
}

impl Shared {
    fn take(&self, event: &Event) {
        let said = {
            let mut state = self.lock();
            if state.ended {
                words::remark(event)
            } else {
                state.board.apply(event, self.began.elapsed())
            }
        };
        if let Some(said) = said {
            let width = self.output.width(Stream::Stderr);
            self.output.message(&text::hanging(&said, width));
        }
    }

    fn draw(&self) {
        let now = self.began.elapsed();
        let Some((width, height)) = self.output.size(Stream::Stderr) else {
            return;
        };
        let lines = self.lock().board.render(width, height, now);
        if !lines.is_empty() && now >= PATIENCE {
            self.output.draw(&lines);
        }
    }

    fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        let board = std::mem::take(&mut state.board);
        drop(state);
        if std::thread::panicking() {
            // The panic's message stands below the region: nothing may be drawn over it.
            self.output.release();
        }
        let width = self.output.width(Stream::Stderr);
        self.output.settle(&board.render_final(width, self.began.elapsed()));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
