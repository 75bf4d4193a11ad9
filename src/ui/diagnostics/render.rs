//! Findings of the loader as text: the message, file, line and column, the source line with the place underlined,
//! how the loader came there, and what to do.
//!
//! Every part is bounded, so that a finding takes at most 128 KiB, whatever the input.

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode, ThemeCharacters, ThemeStyles};

use super::excerpt::{self, Excerpt};
use crate::compose::{Diagnostic, Place, Severity};
use crate::ui::{plural, style, text};

const NARROWEST: usize = 40;
/// Wider lines are hard to read, however wide the terminal is.
const WIDEST: usize = 140;
/// The columns before a source line: its number and the frame.
const FRAME: usize = 12;
/// Of a message, in characters: it may quote a value of any length.
const LONGEST_MESSAGE: usize = 1000;
const LONGEST_LABEL: usize = 200;
/// Of the places that led to a finding.
const LONGEST_TRAIL: usize = 10;
/// The findings that are shown in full.
const MOST: usize = 200;

/// The findings as text; several end with their count. Beyond 200 the rest is only counted, warnings before errors.
pub fn render(diagnostics: &[Diagnostic], width: usize, colour: bool) -> String {
    let width = width.clamp(NARROWEST, WIDEST);
    let handler = handler(width, colour);
    let mut rendered = String::new();
    let (shown, left_out) = selected(diagnostics);
    for diagnostic in shown {
        rendered.push_str(&render_one(&handler, diagnostic, width, colour));
        rendered.push('\n');
    }
    if !left_out.is_empty() {
        rendered.push_str(&format!("{} more not shown\n", count(left_out.iter().copied())));
    }
    if diagnostics.len() > 1 {
        rendered.push_str(&count(diagnostics));
        rendered.push('\n');
    }
    rendered
}

/// `2 errors, 1 warning`.
pub fn count<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>) -> String {
    let (mut errors, mut warnings) = (0, 0);
    for diagnostic in diagnostics {
        match diagnostic.severity {
            Severity::Error => errors += 1,
            Severity::Warning => warnings += 1,
        }
    }
    let counts = [(errors, "error"), (warnings, "warning")];
    let counts = counts.iter().filter(|(number, _)| *number > 0);
    counts
        .map(|(number, noun)| plural::count(*number, noun))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Those to show, in their order, and those that are too many. An error is never left out for a warning.
fn selected(diagnostics: &[Diagnostic]) -> (Vec<&Diagnostic>, Vec<&Diagnostic>) {
    let is_error = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Error;
    let errors = diagnostics.iter().filter(|diagnostic| is_error(diagnostic)).count();
    let (mut errors_left, mut warnings_left) = (MOST.min(errors), MOST.saturating_sub(errors));
    diagnostics.iter().partition(|diagnostic| {
        let left = if is_error(diagnostic) {
            &mut errors_left
        } else {
            &mut warnings_left
        };
        let is_shown = *left > 0;
        *left = left.saturating_sub(1);
        is_shown
    })
}

fn render_one(handler: &GraphicalReportHandler, diagnostic: &Diagnostic, width: usize, colour: bool) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => miette::Severity::Error,
        Severity::Warning => miette::Severity::Warning,
    };
    let place = diagnostic.place.as_ref();
    let report = Report::new(severity, &diagnostic.message, place, diagnostic.label.as_deref(), width);
    let mut rendered = written(handler, &report);
    for (message, place) in diagnostic.trail.iter().take(LONGEST_TRAIL) {
        let report = Report::new(miette::Severity::Advice, message, Some(place), None, width);
        rendered.push_str(&written(handler, &report));
    }
    let more = diagnostic.trail.len().saturating_sub(LONGEST_TRAIL);
    if more > 0 {
        let message = format!("{} more led there", plural::count(more, "place"));
        let report = Report::new(miette::Severity::Advice, &message, None, None, width);
        rendered.push_str(&written(handler, &report));
    }
    // Not miette's help: that would stand before the trail, and under another word than every other hint.
    if let Some(hint) = &diagnostic.hint {
        rendered.push_str(&hint_text(&bounded(hint, LONGEST_MESSAGE), width, colour));
    }
    rendered
}

fn written(handler: &GraphicalReportHandler, report: &Report) -> String {
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
            (0, true) => rendered.push_str(&format!("  {}\n", style::hint_line(line))),
            (0, false) => rendered.push_str(&format!("  hint: {line}\n")),
            _ => rendered.push_str(&format!("        {line}\n")),
        }
    }
    rendered
}

/// At most so many characters of a text, none of which acts on the terminal.
fn bounded(text: &str, most: usize) -> String {
    let mut characters = text.chars();
    let kept: String = characters.by_ref().take(most).collect();
    let kept = excerpt::harmless(&kept).replace('\t', " ");
    if characters.next().is_some() {
        format!("{kept}…")
    } else {
        kept
    }
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
        .tab_width(excerpt::TAB_WIDTH)
}

/// One message at one place, as miette reads it.
#[derive(Debug)]
struct Report {
    severity: miette::Severity,
    message: String,
    excerpt: Option<Excerpt>,
    label: Option<LabeledSpan>,
}

impl Report {
    fn new(
        severity: miette::Severity,
        message: &str,
        place: Option<&Place>,
        label: Option<&str>,
        width: usize,
    ) -> Self {
        let excerpt = place.map(|place| Excerpt::of(place, width - FRAME));
        Report {
            severity,
            message: bounded(message, LONGEST_MESSAGE),
            label: excerpt.as_ref().map(|excerpt| {
                let label = label.map(|label| bounded(label, LONGEST_LABEL));
                LabeledSpan::new(label, excerpt.marked.start, excerpt.marked.len())
            }),
            excerpt,
        }
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

impl miette::Diagnostic for Report {
    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.excerpt.as_ref().map(|excerpt| excerpt as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = self.label.clone()?;
        Some(Box::new(std::iter::once(label)))
    }
}
