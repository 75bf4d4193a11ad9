//! Findings of the loader as reports: the message, file, line and column, the source line with the place underlined,
//! the way the loader came there, and what to do.

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan,
    SpanContents, ThemeCharacters, ThemeStyles,
};

use super::output::{Output, Stream, hint_line};
use super::{plural, text};
use crate::compose::{Diagnostic, Place, Severity};

const NARROWEST: usize = 40;
/// Wider lines are hard to read, however wide the terminal is.
const WIDEST: usize = 140;

/// Writes the findings to stderr.
pub fn report(output: &Output, diagnostics: &[Diagnostic]) {
    if diagnostics.is_empty() {
        return;
    }
    let width = output.width(Stream::Stderr);
    output.message(&render(diagnostics, width, output.has_colour(Stream::Stderr)));
}

/// The findings as text; several end with their count.
pub fn render(diagnostics: &[Diagnostic], width: usize, colour: bool) -> String {
    let width = width.clamp(NARROWEST, WIDEST);
    let handler = handler(width, colour);
    let mut rendered = String::new();
    for diagnostic in diagnostics {
        rendered.push_str(&render_one(&handler, diagnostic, width, colour));
        rendered.push('\n');
    }
    if diagnostics.len() > 1 {
        rendered.push_str(&count(diagnostics));
        rendered.push('\n');
    }
    rendered
}

/// `2 errors, 1 warning`.
pub fn count(diagnostics: &[Diagnostic]) -> String {
    let of = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let counts = [(of(Severity::Error), "error"), (of(Severity::Warning), "warning")];
    let counts = counts.iter().filter(|(number, _)| *number > 0);
    counts
        .map(|(number, noun)| plural::count(*number, noun))
        .collect::<Vec<_>>()
        .join(", ")
}

fn render_one(handler: &GraphicalReportHandler, diagnostic: &Diagnostic, width: usize, colour: bool) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => miette::Severity::Error,
        Severity::Warning => miette::Severity::Warning,
    };
    let place = diagnostic.place.as_ref();
    let report = Report::new(severity, &diagnostic.message, place, diagnostic.label.as_deref());
    let mut rendered = written(handler, &report);
    for (message, place) in &diagnostic.trail {
        let report = Report::new(miette::Severity::Advice, message, Some(place), None);
        rendered.push_str(&written(handler, &report));
    }
    // Not miette's help: that would stand before the trail, and under another word than every other hint.
    if let Some(hint) = &diagnostic.hint {
        rendered.push_str(&hint_text(hint, width, colour));
    }
    rendered
}

fn written(handler: &GraphicalReportHandler, report: &Report<'_>) -> String {
    let mut rendered = String::new();
    match handler.render_report(&mut rendered, report) {
        Ok(()) => rendered,
        // The place does not fit its text: the words are worth more than the picture.
        Err(std::fmt::Error) => format!("  {report}\n"),
    }
}

fn hint_text(hint: &str, width: usize, colour: bool) -> String {
    let mut rendered = String::new();
    for (index, line) in text::wrap(hint, width.saturating_sub(8)).iter().enumerate() {
        match (index, colour) {
            (0, true) => rendered.push_str(&format!("  {}\n", hint_line(line))),
            (0, false) => rendered.push_str(&format!("  hint: {line}\n")),
            _ => rendered.push_str(&format!("        {line}\n")),
        }
    }
    rendered
}

/// Words for severities, so that nobody has to know a sign or see a colour.
fn handler(width: usize, colour: bool) -> GraphicalReportHandler {
    let theme = GraphicalTheme {
        characters: ThemeCharacters {
            error: "error:".to_owned(),
            warning: "warning:".to_owned(),
            advice: "note:".to_owned(),
            ..ThemeCharacters::unicode()
        },
        styles: if colour {
            ThemeStyles::ansi()
        } else {
            ThemeStyles::none()
        },
    };
    GraphicalReportHandler::new_themed(theme)
        .with_width(width)
        .with_links(false)
        .with_context_lines(1)
        .tab_width(4)
}

/// One message at one place, as miette reads it.
#[derive(Debug)]
struct Report<'a> {
    severity: miette::Severity,
    message: &'a str,
    source: Option<Text>,
    label: Option<LabeledSpan>,
}

impl<'a> Report<'a> {
    fn new(severity: miette::Severity, message: &'a str, place: Option<&Place>, label: Option<&str>) -> Self {
        Report {
            severity,
            message,
            source: place.map(Text::of),
            label: place.map(|place| {
                let (start, length) = marked(place);
                LabeledSpan::new(label.map(str::to_owned), start, length)
            }),
        }
    }
}

/// A source text with a name. miette counts a column in bytes; the loader, and every editor, in characters.
#[derive(Debug)]
struct Text {
    name: String,
    text: String,
    /// The marked place's, from 0.
    column: usize,
}

impl Text {
    fn of(place: &Place) -> Self {
        let text = &place.source.text;
        let line_start = text[..marked(place).0].rfind('\n').map_or(0, |at| at + 1);
        Text {
            name: place.source.name.clone(),
            column: text[line_start..marked(place).0].chars().count(),
            text: harmless(text),
        }
    }
}

impl SourceCode for Text {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let read = self.text.read_span(span, before, after)?;
        let column = if before == 0 { self.column } else { read.column() };
        let (data, at, line, lines) = (read.data(), *read.span(), read.line(), read.line_count());
        let contents = MietteSpanContents::new_named(self.name.clone(), data, at, line, column, lines);
        Ok(Box::new(contents))
    }
}

impl std::fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.message)
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = self.label.clone()?;
        Some(Box::new(std::iter::once(label)))
    }
}

/// The text to underline: within the source, and of a mapping that goes over many lines only the first.
fn marked(place: &Place) -> (usize, usize) {
    let text = &place.source.text;
    let start = text.floor_char_boundary(place.start);
    let end = text.ceil_char_boundary(start.saturating_add(place.length));
    let first_line = text[start..end].lines().next().unwrap_or_default().trim_end();
    (start, first_line.len())
}

/// The source without characters that would act on the terminal; each stays one byte, so that places stay right.
fn harmless(source: &str) -> String {
    let acts = |c: char| c.is_ascii_control() && !matches!(c, '\n' | '\r' | '\t');
    source.chars().map(|c| if acts(c) { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests;
