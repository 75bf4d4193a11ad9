//! The reader of `.env` files and of `env_file` entries, in the reference's dialect.
//!
//! Knows lines of `NAME=value`: `export`, `NAME: value`, comments, single and double quotes over several
//! lines, escapes, interpolation. Never opens a file and never reads the process's environment.

use std::sync::Arc;

use indexmap::IndexMap;

use super::interpolate;
use super::source::{Diagnostic, Place, Source};

/// Reads a file's variables in file order.
///
/// `lookup` gives the variables from outside: they win in interpolation, and a line that is only a name
/// takes its value from there (and is left out where there is none).
///
/// # Errors
///
/// The first line that is none of the above, with its place. Never names a value.
pub fn parse(
    name: &str,
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<IndexMap<String, String>, Box<Diagnostic>> {
    let source = Arc::new(Source::new(name, text));
    let mut reader = Reader {
        position: if text.starts_with('\u{feff}') { 3 } else { 0 },
        source: &source,
        values: IndexMap::new(),
        lookup,
    };
    while reader.statement()? {}
    Ok(reader.values)
}

/// Reads a file of `format: raw`: values stand as they are, without quotes, comments or interpolation.
pub fn parse_raw(text: &str) -> IndexMap<String, String> {
    text.trim_start_matches('\u{feff}')
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.to_owned()))
        .filter(|(name, _)| !name.is_empty())
        .collect()
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    position: usize,
    values: IndexMap<String, String>,
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.source.text[self.position..]
    }

    fn skip(&mut self, wanted: impl Fn(char) -> bool) {
        let rest = self.rest();
        let length = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.position += length;
    }

    fn error(&self, message: impl Into<String>, start: usize, length: usize) -> Box<Diagnostic> {
        let place = Place {
            source: Arc::clone(self.source),
            start,
            length,
        };
        Box::new(Diagnostic::error(message, Some(place)))
    }

    /// Reads one statement; `false` at the end of the file.
    fn statement(&mut self) -> Result<bool, Box<Diagnostic>> {
        loop {
            self.skip(char::is_whitespace);
            if !self.rest().starts_with('#') {
                break;
            }
            self.skip(|c| c != '\n');
        }
        if self.rest().is_empty() {
            return Ok(false);
        }
        if let Some(after) = self.rest().strip_prefix("export")
            && after.starts_with(is_space)
        {
            self.position += "export".len();
            self.skip(is_space);
        }
        let (name, has_value) = self.name()?;
        let value = if has_value {
            Some(self.value()?)
        } else {
            (self.lookup)(&name)
        };
        if let Some(value) = value {
            self.values.insert(name, value);
        }
        Ok(true)
    }

    /// Reads a name and says whether a value follows.
    fn name(&mut self) -> Result<(String, bool), Box<Diagnostic>> {
        let start = self.position;
        let rest = self.rest();
        let end = rest.find(['=', ':', '\n']).unwrap_or(rest.len());
        let name = rest[..end].trim_end();
        let has_value = matches!(rest[end..].chars().next(), Some('=' | ':'));
        if name.is_empty() {
            return Err(self.error("a variable's name is missing before `=`", start, 1));
        }
        if let Some((at, wrong)) = name.char_indices().find(|(_, c)| !is_name_character(*c)) {
            let message = if wrong.is_whitespace() {
                "a variable's name cannot contain a space".to_owned()
            } else {
                format!("unexpected character `{wrong}` in a variable's name")
            };
            return Err(self.error(message, start + at, wrong.len_utf8()));
        }
        let name = name.to_owned();
        self.position += end + usize::from(has_value);
        self.skip(is_space);
        Ok((name, has_value))
    }

    fn value(&mut self) -> Result<String, Box<Diagnostic>> {
        match self.rest().chars().next() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote),
            _ => self.unquoted(),
        }
    }

    fn unquoted(&mut self) -> Result<String, Box<Diagnostic>> {
        let start = self.position;
        let rest = self.rest();
        let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
        let mut value = line;
        for (at, _) in line.match_indices('#') {
            if at == 0 || line[..at].ends_with(is_space) {
                value = &line[..at];
                break;
            }
        }
        let value = value.trim_end().to_owned();
        self.position += line.len();
        self.expand(&value, start)
    }

    fn quoted(&mut self, quote: char) -> Result<String, Box<Diagnostic>> {
        let start = self.position;
        let body = &self.rest()[1..];
        let mut escaped = false;
        let end = body.char_indices().find(|(_, character)| {
            let closes = *character == quote && !escaped;
            escaped = *character == '\\' && !escaped;
            closes
        });
        let Some((end, _)) = end else {
            return Err(self.error("this quote is never closed", start, 1));
        };
        let value = body[..end].to_owned();
        self.position = start + 1 + end + 1;
        self.end_of_line()?;
        if quote == '\'' {
            return Ok(value.replace("\\'", "'"));
        }
        self.expand(&unescape(&value), start)
    }

    /// After a closing quote only a comment may follow.
    fn end_of_line(&mut self) -> Result<(), Box<Diagnostic>> {
        self.skip(is_space);
        match self.rest().chars().next() {
            None | Some('\n') => Ok(()),
            Some('#') => {
                self.skip(|c| c != '\n');
                Ok(())
            }
            Some(other) => Err(self.error(
                "unexpected text after the closing quote",
                self.position,
                other.len_utf8(),
            )),
        }
    }

    fn expand(&self, value: &str, start: usize) -> Result<String, Box<Diagnostic>> {
        let lookup = |name: &str| (self.lookup)(name).or_else(|| self.values.get(name).cloned());
        match interpolate::substitute(value, &lookup, &mut |_| {}) {
            Ok(value) => Ok(value.into_owned()),
            Err(failure) => {
                let mut found = self.error(failure.message, start, 1);
                found.hint = failure.hint;
                Err(found)
            }
        }
    }
}

/// The escapes of double quotes; `\$` becomes `$$`, which interpolation turns into a dollar sign.
fn unescape(value: &str) -> String {
    let mut output = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            output.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => output.push('\n'),
            Some('r') => output.push('\r'),
            Some('t') => output.push('\t'),
            Some('a') => output.push('\u{7}'),
            Some('b') => output.push('\u{8}'),
            Some('f') => output.push('\u{c}'),
            Some('v') => output.push('\u{b}'),
            Some('$') => output.push_str("$$"),
            Some(other @ ('"' | '\\' | '\'')) => output.push(other),
            Some(other) => output.extend(['\\', other]),
            None => output.push('\\'),
        }
    }
    output
}

/// A space inside a line.
fn is_space(character: char) -> bool {
    matches!(character, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

fn is_name_character(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '.' | '-' | '[' | ']')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outside(name: &str) -> Option<String> {
        match name {
            "HOME" => Some("/root".to_owned()),
            "FOO" => Some("shell".to_owned()),
            _ => None,
        }
    }

    fn read(text: &str) -> Vec<(String, String)> {
        parse(".env", text, &outside).expect("valid").into_iter().collect()
    }

    fn one(text: &str) -> String {
        let values = read(text);
        assert_eq!(values.len(), 1, "{values:?}");
        values[0].1.clone()
    }

    fn failure(text: &str) -> (String, (usize, usize)) {
        let found = parse(".env", text, &outside).expect_err("invalid");
        let place = found.place.expect("place").line_column();
        (found.message, place)
    }

    #[test]
    fn plain_values_lose_comments_and_trailing_space() {
        assert_eq!(one("A=1"), "1");
        assert_eq!(one("\u{feff}# c\nexport B = two words  # c\r\n"), "two words");
        assert_eq!(one("E=x#y\n"), "x#y");
        assert_eq!(one("G: yaml\n"), "yaml");
        assert_eq!(one("J=\n"), "");
        assert_eq!(one("V=a\\nb\n"), "a\\nb");
        assert_eq!(one("  W  =  1 \n"), "1");
    }

    #[test]
    fn quotes_span_lines_and_know_escapes() {
        assert_eq!(one("C=\"a\\nb \\\"q\\\" \\$A\" # c\n"), "a\nb \"q\" $A");
        assert_eq!(one("D='lit $A \\n it'\n"), "lit $A \\n it");
        assert_eq!(one("I=\"multi\nline\"\n"), "multi\nline");
        assert_eq!(one("U=\"a\\tb\\\\c\"\n"), "a\tb\\c");
    }

    #[test]
    fn values_are_interpolated_and_the_outside_wins() {
        let values = read("A=1\nB=${A}${NOPE:-d}\nFOO=file\nY=$FOO\nK=$$lit\n");
        let values: Vec<&str> = values.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["1", "1d", "file", "shell", "$lit"]);
    }

    #[test]
    fn a_bare_name_takes_its_value_from_outside() {
        let expected = vec![("HOME".to_owned(), "/root".to_owned())];
        assert_eq!(read("NOPE\nHOME\n"), expected);
        assert_eq!(read("export HOME"), expected);
    }

    #[test]
    fn mistakes_have_their_place() {
        let found = |message: &str, line, column| (message.to_owned(), (line, column));
        assert_eq!(
            failure("X=1\nA B=1"),
            found("a variable's name cannot contain a space", 2, 2)
        );
        assert_eq!(failure("A=\"x\n"), found("this quote is never closed", 1, 3));
        assert_eq!(
            failure("A@=1"),
            found("unexpected character `@` in a variable's name", 1, 2)
        );
        assert_eq!(failure("=1"), found("a variable's name is missing before `=`", 1, 1));
        assert_eq!(
            failure("A=\"x\"y"),
            found("unexpected text after the closing quote", 1, 6)
        );
        assert_eq!(
            failure("A=${X:?m}").0,
            "the required variable `X` is not set or empty: m"
        );
    }

    #[test]
    fn raw_files_are_taken_as_they_are() {
        let values = parse_raw("# c\nA=\"x\" # y\nB=$A\n");
        assert_eq!(values["A"], "\"x\" # y");
        assert_eq!(values["B"], "$A");
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(text in "[A-B=:'\"#$\\\\{} \\n\\r\u{feff}é]{0,60}|\\PC{0,40}") {
            drop(parse(".env", &text, &outside));
            drop(parse_raw(&text));
        }

        #[test]
        fn single_quotes_keep_every_value(value in "[^'\\\\]{0,30}") {
            proptest::prop_assert_eq!(one(&format!("A='{value}'")), value);
        }
    }
}
