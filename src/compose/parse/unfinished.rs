//! Texts whose last line has no line break, as a libyaml of bytes reads them.
//!
//! The library panics where such a text ends in a block scalar, or behind a backslash in quotes. It therefore gets every
//! text with a line break at its end, and what that adds to a block scalar is taken out again here.

use std::borrow::Cow;

/// Line breaks of YAML 1.1.
const BREAKS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];

/// The text, its last line finished.
pub fn finished(text: &str) -> Cow<'_, str> {
    if text.is_empty() || text.ends_with(BREAKS) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("{text}\n"))
    }
}

/// The value of a block scalar that reaches to the end of a text.
///
/// `written` is the scalar from its indicator to the end of the text as it was; `value` is what the finished text gave.
pub fn as_unfinished(written: &str, mut value: String) -> String {
    if written.ends_with(BREAKS) {
        return value;
    }
    let mut lines = written.split(BREAKS);
    let header = lines.next().unwrap_or_default();
    let header = header.split('#').next().unwrap_or_default();
    let depth = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let first = lines.clone().find(|line| !line.trim_start_matches(' ').is_empty());
    let last = lines.next_back().unwrap_or_default();
    // A line of spaces is content only as far as it goes beyond the indentation of the scalar's first line.
    let is_content = match last.trim_start_matches(' ').is_empty() {
        true => first.is_some_and(|first| depth(last) > depth(first)),
        false => true,
    };
    if (is_content || header.contains('+')) && value.ends_with('\n') {
        value.pop();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_added_break_brought_is_taken_out() {
        for (written, value, expected) in [
            ("|\n  a", "a\n", "a"),
            ("|-\n  a", "a", "a"),
            ("|+\n  a", "a\n", "a"),
            (">\n  a\n  b", "a b\n", "a b"),
            ("|\n  a\n", "a\n", "a\n"),
            ("|\n  a\n ", "a\n", "a\n"),
            ("|\n  a\n    ", "a\n  \n", "a\n  "),
            ("|+\n  a\n  ", "a\n\n", "a\n"),
            ("|", "", ""),
            ("| # not +\n  a\n  ", "a\n", "a\n"),
        ] {
            assert_eq!(as_unfinished(written, value.to_owned()), expected, "{written:?}");
        }
    }
}
