//! Log lines as `docker compose logs` prints them: an aligned, coloured `name | ` before each.
//!
//! The text itself stays as the service wrote it, control sequences included: programs colour their logs, and
//! `docker compose` passes that on as well.

use std::collections::HashMap;

use anstyle::{AnsiColor, Color, Style};

use super::output::{Output, Stream};
use super::{style, text};

/// The order of Compose's own rainbow.
const COLOURS: [AnsiColor; 10] = [
    AnsiColor::Cyan,
    AnsiColor::Yellow,
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::BrightCyan,
    AnsiColor::BrightYellow,
    AnsiColor::BrightGreen,
    AnsiColor::BrightMagenta,
    AnsiColor::BrightBlue,
];

/// One line of one replica's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    pub name: String,
    /// Without the line's end.
    pub text: String,
    pub stderr: bool,
    /// Shown where it is there (`-t`).
    pub timestamp: Option<String>,
}

/// How log lines are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOptions {
    /// Off with `--no-log-prefix`.
    pub prefix: bool,
    /// Off with `--no-color`; on shows colour only where the stream does.
    pub colour: bool,
}

impl Default for LogOptions {
    fn default() -> Self {
        LogOptions {
            prefix: true,
            colour: true,
        }
    }
}

/// Prints log lines; what a service wrote to stderr goes to stderr.
pub struct LogPrinter {
    output: Output,
    options: LogOptions,
    colours: HashMap<String, AnsiColor>,
    width: usize,
}

impl LogPrinter {
    /// `names`: those known beforehand, so that the first line is aligned already.
    pub fn new<'a>(output: &Output, options: LogOptions, names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut printer = LogPrinter {
            output: output.clone(),
            options,
            colours: HashMap::new(),
            width: 0,
        };
        for name in names {
            printer.know(name);
        }
        printer
    }

    /// Prints one line.
    pub fn print(&mut self, line: &LogLine) {
        let stream = if line.stderr { Stream::Stderr } else { Stream::Stdout };
        let rendered = self.render(line, self.options.colour && self.output.has_colour(stream));
        self.output.raw(stream, &rendered);
    }

    fn render(&mut self, line: &LogLine, coloured: bool) -> String {
        let timestamp = line.timestamp.as_ref().map(|at| format!("{at} ")).unwrap_or_default();
        if !self.options.prefix {
            return format!("{timestamp}{}\n", line.text);
        }
        let colour = self.know(&line.name);
        let mut prefix = format!("{}  | ", text::pad(&line.name, self.width));
        if coloured {
            prefix = style::paint(Style::new().fg_color(Some(Color::Ansi(colour))), &prefix);
        }
        format!("{prefix}{timestamp}{}\n", line.text)
    }

    fn know(&mut self, name: &str) -> AnsiColor {
        self.width = self.width.max(text::width(name));
        let next = COLOURS[self.colours.len() % COLOURS.len()];
        *self.colours.entry(name.to_owned()).or_insert(next)
    }
}

#[cfg(test)]
mod tests {
    use super::super::output::Capabilities;
    use super::super::output::tests::{captured, plain};
    use super::*;

    fn line(name: &str, text: &str) -> LogLine {
        LogLine {
            name: name.to_owned(),
            text: text.to_owned(),
            stderr: false,
            timestamp: None,
        }
    }

    #[test]
    fn prefixes_are_aligned_and_streams_kept_apart() {
        let (output, out, err) = captured(plain(), false);
        let mut printer = LogPrinter::new(&output, LogOptions::default(), ["web-1", "database-1"]);
        printer.print(&line("web-1", "GET /"));
        printer.print(&LogLine {
            stderr: true,
            timestamp: Some("2024-01-01T00:00:00Z".to_owned()),
            ..line("database-1", "ready")
        });
        assert_eq!(out.text(), "web-1       | GET /\n");
        assert_eq!(err.text(), "database-1  | 2024-01-01T00:00:00Z ready\n");
    }

    #[test]
    fn each_name_keeps_its_colour_and_the_text_its_own_codes() {
        let colour = Capabilities {
            colour: true,
            ..plain()
        };
        let (output, out, _) = captured(colour, false);
        let mut printer = LogPrinter::new(&output, LogOptions::default(), []);
        printer.print(&line("a", "\x1b[31mred\x1b[0m"));
        printer.print(&line("b", ""));
        printer.print(&line("a", "again"));
        assert_eq!(
            out.text(),
            "\x1b[36ma  | \x1b[0m\x1b[31mred\x1b[0m\n\x1b[33mb  | \x1b[0m\n\x1b[36ma  | \x1b[0magain\n"
        );
    }

    #[test]
    fn prefix_and_colour_can_be_left_out() {
        let colour = Capabilities {
            colour: true,
            ..plain()
        };
        let (output, out, _) = captured(colour, false);
        let options = LogOptions {
            prefix: true,
            colour: false,
        };
        LogPrinter::new(&output, options, []).print(&line("a", "one"));
        let options = LogOptions {
            prefix: false,
            colour: true,
        };
        LogPrinter::new(&output, options, []).print(&line("a", "two"));
        assert_eq!(out.text(), "a  | one\ntwo\n");
    }
}
