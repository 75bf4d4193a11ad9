//! Tags with commas and brackets in them, as the reference's libyaml reads them.
//!
//! To the reference, `[!reset, 80]` is one item with the tag `!reset,`: commas and brackets are characters of a tag. The
//! library ends the tag before them, and then gives up, or panics. What ends a tag here is therefore replaced before the
//! library reads it, by a character that both take and nobody gives a meaning. No byte moves.

use std::borrow::Cow;
use std::ops::Range;

use libyaml_safer::{Scanner, TokenData};

/// How many bytes may be read again to tell tags from text: beyond that, the file is not one that anybody wrote.
const PATIENCE: usize = 64 << 20;

/// Stands for a comma or a bracket in a tag.
const STAND_IN: &str = ";";

/// The text with tags that the library reads to their end; without a tag in question, it is the text itself.
///
/// # Errors
///
/// The place of the exclamation mark that is one too many to look at.
pub fn readable(text: &str) -> Result<Cow<'_, str>, usize> {
    let mut readable = Cow::Borrowed(text);
    let mut read = 0;
    let mut from = 0;
    while let Some(at) = text[from..].find('!').map(|found| from + found) {
        from = at + 1;
        let before = text[..at].chars().next_back();
        let stretch = unreadable(text, at);
        if stretch.is_empty() || before.is_some_and(char::is_alphanumeric) {
            continue;
        }
        read += at;
        if read > PATIENCE {
            return Err(at);
        }
        if is_tag(&readable, at) {
            from = stretch.end;
            let plain: String = text[stretch.clone()].replace([',', '[', ']'], STAND_IN);
            readable.to_mut().replace_range(stretch, &plain);
        }
    }
    Ok(readable)
}

/// The part of a would-be tag that holds commas and brackets: none where there are none.
fn unreadable(text: &str, at: usize) -> Range<usize> {
    let rest = &text[at + 1..];
    let end = |rest: &str| rest.find(|c| !is_of_uri(c)).unwrap_or(rest.len());
    // In `!<…>` the library takes them; behind it, neither does, but the library panics.
    if let Some(verbatim) = rest.strip_prefix('<') {
        let length = end(verbatim);
        let behind = at + 2 + length + 1;
        return match verbatim[length..].starts_with(">,") {
            true => behind..behind + 1,
            false => at..at,
        };
    }
    let tag = at..at + 1 + end(rest);
    match text[tag.clone()].contains([',', '[', ']']) {
        true => tag,
        false => at..at,
    }
}

/// Whether the exclamation mark begins a tag: the library is asked, with what stands before it.
fn is_tag(text: &str, at: usize) -> bool {
    let begun = format!("{}!t : \n", &text[..at]);
    let mut bytes = begun.as_bytes();
    let mut scanner = Scanner::new();
    scanner.set_input_string(&mut bytes);
    for token in scanner {
        match token {
            Ok(token) if !matches!(token.data, TokenData::Tag { .. }) => {}
            Ok(token) if token.start_mark.index != at as u64 => {}
            Ok(_) => return true,
            // Before it may stand what must be a key and now is none, so that no token came out. What else is wrong
            // before it stays wrong, whatever it is.
            Err(error) => return error.context().is_some_and(|context| context.contains("simple key")),
        }
    }
    false
}

fn is_of_uri(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_-;/?:@&=+$,.!~*'()[]%".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_and_brackets_of_tags_are_replaced() {
        for (text, expected) in [
            ("[!reset, 80]", "[!reset; 80]"),
            ("{a: !b,c d, !e, f: g}", "{a: !b;c d, !e; f: g}"),
            ("a: !b[c] d", "a: !b;c; d"),
            ("!a,b c: d", "!a;b c: d"),
            ("? !a,\n: !b,\n", "? !a;\n: !b;\n"),
            ("[&a !b, c]", "[&a !b; c]"),
            ("[!<a,b>, c]", "[!<a,b>; c]"),
            ("{a: !b,}: c", "{a: !b;}: c"),
        ] {
            assert_eq!(readable(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn exclamation_marks_in_values_are_text() {
        for text in [
            "[a !b, c]",
            "a: \"x !b, y\"",
            "a: '!b,'",
            "a: |\n  !b, c\n",
            "a: b # !c, d\n",
            "a: b\n  !c, d\n",
            "Hello!, you",
            "a: \"\\\\ !b,\"",
            "!plain [a, b]",
        ] {
            assert_eq!(readable(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn more_exclamation_marks_than_can_be_told_apart_are_an_error() {
        let text = format!(
            "a: |\n{}",
            "  !, !, !, !, !, !, !, !, !, !, !, !, !, !, !,\n".repeat(900)
        );
        assert!(readable(&text).is_err());
    }
}
