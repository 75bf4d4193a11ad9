//! Text measured and cut to the width of a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that the text takes on a terminal, escape codes not counted.
pub fn width(text: &str) -> usize {
    if text.contains('\x1b') {
        anstream::adapter::strip_str(text).to_string().width()
    } else {
        text.width()
    }
}

/// The text padded with blanks to the width.
pub fn pad(text: &str, to: usize) -> String {
    let missing = to.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// The plain text cut to the width, with `…` where something is missing.
pub fn cut(text: &str, to: usize) -> String {
    if text.width() <= to {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for character in text.chars() {
        let columns = character.width().unwrap_or(0);
        if used + columns + 1 > to {
            break;
        }
        used += columns;
        kept.push(character);
    }
    if to > 0 {
        kept.push('…');
    }
    kept
}

/// The plain text in lines of at most the width, broken at blanks; a longer word stands out.
pub fn wrap(text: &str, to: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.width() + 1 + word.width() > to {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// A remark in lines of at most the width, broken at blanks, those that go on indented; its escape codes take no columns.
pub fn hanging(text: &str, to: usize) -> String {
    const INDENT: &str = "      ";
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.lines() {
        let start = paragraph.len() - paragraph.trim_start().len();
        let mut line = paragraph[..start].to_owned();
        let mut is_empty = true;
        for word in paragraph.split_whitespace() {
            if !is_empty && width(&line) + 1 + width(word) > to {
                lines.push(std::mem::replace(&mut line, INDENT.to_owned()));
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// Text of others (a builder's output, an engine's message) as one line without control sequences, so that it cannot
/// break the rows around it. Of a line that was redrawn with carriage returns, the last state stays.
pub fn one_line(text: &str) -> String {
    let plain = anstream::adapter::strip_str(text).to_string();
    let lines = plain.lines().filter_map(|line| {
        let shown = line.trim_end().rsplit('\r').next().unwrap_or_default();
        let shown: String = shown.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let shown = shown.trim().to_owned();
        (!shown.is_empty()).then_some(shown)
    });
    lines.collect::<Vec<_>>().join("; ")
}

/// A log's line without control sequences, its indentation kept.
pub fn log_line(text: &str) -> String {
    let plain = anstream::adapter::strip_str(text).to_string().replace('\t', "    ");
    plain.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_columns_not_by_characters() {
        assert_eq!(cut("hosts", 5), "hosts");
        assert_eq!(cut("hosts", 4), "hos…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("hosts", 0), "");
    }

    #[test]
    fn text_is_wrapped_at_blanks() {
        assert_eq!(wrap("a bc\tdef  g", 4), ["a bc", "def", "g"]);
        assert_eq!(wrap("averylongword b", 4), ["averylongword", "b"]);
    }

    #[test]
    fn a_long_remark_goes_on_indented() {
        assert_eq!(
            hanging("\x1b[1mnote:\x1b[0m a b c", 9),
            "\x1b[1mnote:\x1b[0m a b\n      c"
        );
        assert_eq!(hanging("warning: x\n  hint: y", 80), "warning: x\n  hint: y");
    }

    #[test]
    fn escape_codes_take_no_columns() {
        assert_eq!(width("\x1b[31mred\x1b[0m"), 3);
        assert_eq!(pad("\x1b[31mred\x1b[0m", 5), "\x1b[31mred\x1b[0m  ");
    }

    #[test]
    fn text_of_others_becomes_one_harmless_line() {
        assert_eq!(one_line("10%\r55%\r\n\x1b[2Jdone\tnow\n"), "55%; done now");
        assert_eq!(one_line("\n\n"), "");
        assert_eq!(log_line("  \x1b[31mat\x1b[0m x\x07"), "  at x");
    }
}
