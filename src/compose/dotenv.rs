//! The reader of `.env` files, of `env_file` and of `label_file` entries, in the reference's dialect.
//!
//! Knows lines of `NAME=value`: `export`, `NAME: value`, comments, single and double quotes over several
//! lines, escapes, interpolation. Never opens a file and never reads the process's environment.
//!
//! What looks like a mistake is often none to the reference, and so none here: a value without a name has the name
//! ``, and a bare name that ends the file without a line break is such a value; a new variable may follow a closing quote.

mod raw;

use std::sync::Arc;

use indexmap::IndexMap;

use super::interpolate;
use super::source::{Diagnostic, Place, Source};

pub use raw::parse_raw;

/// Variables in file order.
pub type Variables = IndexMap<String, String>;

/// Where variables from outside are looked up.
pub type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Reads a file's variables into those of the files before it.
///
/// `lookup` gives the variables from outside: they win in interpolation over the file's own, and a line that is only a
/// name takes its value from there, else from what was read before (and is left out where there is none).
///
/// # Errors
///
/// The first line that is none of the above, with its place. Never names a value.
pub fn parse(name: &str, text: &str, lookup: &Lookup<'_>, variables: &mut Variables) -> Result<(), Box<Diagnostic>> {
    let source = Arc::new(Source::new(name, text));
    let mut reader = Reader {
        position: if text.starts_with('\u{feff}') { 3 } else { 0 },
        source: &source,
        grown: 0,
        variables,
        lookup,
    };
    while reader.statement()? {}
    Ok(())
}

/// How much longer than they are written the values of a file may become, in bytes: as much as no process takes. Values
/// that are made of each other grow without end.
const GROWTH: usize = 1 << 20;

struct Reader<'a> {
    source: &'a Arc<Source>,
    /// How much longer the values are so far.
    grown: usize,
    position: usize,
    variables: &'a mut Variables,
    lookup: &'a Lookup<'a>,
}

/// What follows a name.
enum After {
    Value,
    LineBreak,
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
            && after.starts_with(['\t', '\n', '\u{c}', '\r', ' '])
        {
            self.position += "export".len();
            self.skip(is_space);
        }
        let (name, after) = self.name()?;
        let value = match after {
            After::Value => Some(self.value()?),
            After::LineBreak => self.outside(&name),
        };
        if let Some(value) = value {
            self.variables.insert(name, value);
        }
        Ok(true)
    }

    /// Reads a name up to `=`, `:` or the end of its line, and the spaces behind it.
    fn name(&mut self) -> Result<(String, After), Box<Diagnostic>> {
        let start = self.position;
        let end = self
            .rest()
            .char_indices()
            .find(|(_, c)| !is_space(*c) && !is_name_character(*c));
        let Some((end, found)) = end else {
            self.skip(is_space);
            return Ok((String::new(), After::Value));
        };
        if !matches!(found, '=' | ':' | '\n') {
            let message = format!("unexpected character `{found}` in a variable's name");
            let found = self.error(message, start + end, found.len_utf8());
            return Err(Box::new(
                found.hint("a value that holds it goes behind `=`, in quotes where it has spaces"),
            ));
        }
        let name = self.rest()[..end].trim_end().to_owned();
        if let Some(space) = name.find(' ') {
            let found = self.error("a variable's name cannot contain a space", start + space, 1);
            return Err(Box::new(found));
        }
        self.position += end + 1;
        self.skip(is_space);
        let after = if found == '\n' { After::LineBreak } else { After::Value };
        Ok((name, after))
    }

    fn value(&mut self) -> Result<String, Box<Diagnostic>> {
        match self.rest().chars().next() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote),
            _ => self.unquoted(),
        }
    }

    /// The rest of the line up to ` #`, without the spaces around it.
    fn unquoted(&mut self) -> Result<String, Box<Diagnostic>> {
        let start = self.position;
        let rest = self.rest();
        let line = rest.split('\n').next().unwrap_or_default();
        let value = line.split(" #").next().unwrap_or_default().trim_end();
        let (value, length) = (value.to_owned(), line.len());
        self.position += length;
        self.expand(&value, start, value.len())
    }

    fn quoted(&mut self, quote: char) -> Result<String, Box<Diagnostic>> {
        let start = self.position;
        let mut value = String::new();
        let mut escaped = false;
        let body = self.rest()[1..].char_indices();
        for (at, character) in body {
            if character == quote && !escaped {
                self.position = start + 1 + at + 1;
                return match quote {
                    '"' => self.expand(&unescape(&value), start, at + 2),
                    _ => Ok(value),
                };
            }
            if character == '\\' && !escaped {
                escaped = true;
                continue;
            }
            if escaped && character != quote {
                value.push('\\');
            }
            escaped = false;
            value.push(character);
        }
        let found = self.error("this quote is never closed", start, 1);
        Err(Box::new(found.hint(
            "a value in quotes may have several lines, and ends with the same quote",
        )))
    }

    fn outside(&self, name: &str) -> Option<String> {
        (self.lookup)(name).or_else(|| self.variables.get(name).cloned())
    }

    fn expand(&mut self, value: &str, start: usize, length: usize) -> Result<String, Box<Diagnostic>> {
        match interpolate::substitute(value, &|name| self.outside(name), &mut |_| {}) {
            Ok(long) => {
                self.grown += long.len().saturating_sub(value.len());
                if self.grown > GROWTH {
                    let found = self.error("the values of this file expand to more than 1 MiB", start, length);
                    return Err(Box::new(found.hint("look for variables that are made of each other")));
                }
                Ok(long.into_owned())
            }
            Err(failure) => {
                // Points at the expression alone: what stands around it may be a secret.
                let written = &self.source.text[start..start + length];
                let found = match written.find(&failure.expression) {
                    Some(at) => self.error(failure.message, start + at, failure.expression.len()),
                    None => self.error(failure.message, start, 1),
                };
                Err(Box::new(Diagnostic {
                    hint: failure.hint,
                    ..found
                }))
            }
        }
    }

    fn error(&self, message: impl Into<String>, start: usize, length: usize) -> Diagnostic {
        let place = Place {
            source: Arc::clone(self.source),
            start,
            length,
        };
        Diagnostic::error(message, Some(place))
    }
}

/// The escapes of double quotes; `\$` becomes `$$`, which interpolation turns into a dollar sign. An escape that is
/// none stays as it is.
fn unescape(value: &str) -> String {
    let mut output = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('\\') {
        output.push_str(&rest[..at]);
        let escape = &rest[at..];
        let plain = match escape[1..].chars().next() {
            Some('n') => "\n",
            Some('r') => "\r",
            Some('t') => "\t",
            Some('a') => "\u{7}",
            Some('b') => "\u{8}",
            Some('f') => "\u{c}",
            Some('v') => "\u{b}",
            Some('$') => "$$",
            Some('"') => "\"",
            Some('\\') => "\\",
            Some('0') => {
                let length = octal(escape, &mut output);
                rest = &escape[length..];
                continue;
            }
            _ => {
                output.push('\\');
                rest = &escape[1..];
                continue;
            }
        };
        output.push_str(plain);
        rest = &escape[2..];
    }
    output.push_str(rest);
    output
}

/// `\0` with three more digits is a character by its octal number; where it is none, it loses its zero. Gives its length.
fn octal(escape: &str, output: &mut String) -> usize {
    let digits = escape[2..].bytes().take(3).take_while(u8::is_ascii_digit).count();
    let written = &escape[..2 + digits];
    let code = (digits == 3)
        .then(|| u8::from_str_radix(&written[2..], 8).ok())
        .flatten();
    match code {
        Some(code) => output.push(char::from(code)),
        None => {
            output.push('\\');
            output.push_str(&written[2..]);
        }
    }
    written.len()
}

/// A space inside a line.
fn is_space(character: char) -> bool {
    matches!(character, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

fn is_name_character(character: char) -> bool {
    character.is_alphabetic() || character.is_numeric() || matches!(character, '_' | '.' | '-' | '[' | ']')
}

#[cfg(test)]
mod tests;
