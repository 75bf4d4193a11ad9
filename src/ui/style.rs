//! The colours, each named by what it says. Nothing relies on them: every message reads without.

use anstyle::{AnsiColor, Style};

pub const GOOD: Style = AnsiColor::Green.on_default();
pub const BAD: Style = AnsiColor::Red.on_default();
pub const WARN: Style = AnsiColor::Yellow.on_default();
pub const ACTIVE: Style = AnsiColor::Cyan.on_default();
pub const DIM: Style = Style::new().dimmed();
pub const BOLD: Style = Style::new().bold();
pub const ERROR_WORD: Style = AnsiColor::Red.on_default().bold();
pub const WARNING_WORD: Style = AnsiColor::Yellow.on_default().bold();
pub const HINT_WORD: Style = AnsiColor::Cyan.on_default().bold();

/// The text in the style; an empty text stays empty.
pub fn paint(style: Style, text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    format!("{style}{text}{style:#}")
}

/// `hint: …`, as it stands under errors and warnings.
pub fn hint_line(hint: &str) -> String {
    format!("{} {hint}", paint(HINT_WORD, "hint:"))
}
