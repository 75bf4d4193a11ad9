//! Source texts and places in them: what every diagnostic of the loader points at.
//!
//! Knows files as text with a name. Never reads them from a disk.

use std::sync::Arc;

/// One source text and the name that messages call it by.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    pub name: String,
    pub text: String,
    /// How the loader came to this text (extended from, included from), nearest first; empty for a file that was
    /// asked for. Every finding in the text carries it.
    pub trail: Vec<(String, Place)>,
}

impl Source {
    /// A text that nothing led to but the request.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Source {
            name: name.into(),
            text: text.into(),
            trail: Vec::new(),
        }
    }
}

/// A file's bytes as text: UTF-8, or UTF-16 with its byte order mark.
///
/// # Errors
///
/// Where the bytes are no text.
pub fn text_of(bytes: Vec<u8>) -> Result<String, String> {
    let wide = match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => Some((rest, u16::from_le_bytes as fn([u8; 2]) -> u16)),
        [0xfe, 0xff, rest @ ..] => Some((rest, u16::from_be_bytes as fn([u8; 2]) -> u16)),
        _ => None,
    };
    if let Some((rest, unit)) = wide {
        let units: Vec<u16> = rest
            .chunks(2)
            .map(|pair| unit([pair[0], *pair.get(1).unwrap_or(&0)]))
            .collect();
        return String::from_utf16(&units).map_err(|_| "it is not valid UTF-16".to_owned());
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = String::from_utf8_lossy(valid)
            .chars()
            .rev()
            .take_while(|c| *c != '\n')
            .count()
            + 1;
        format!("it is not UTF-8 in line {line}, column {column}")
    })
}

/// A stretch of a source text, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub source: Arc<Source>,
    pub start: usize,
    pub length: usize,
}

impl Place {
    /// Line and column, both from 1; the column counts characters.
    pub fn line_column(&self) -> (usize, usize) {
        let start = self.source.text.floor_char_boundary(self.start);
        let before = &self.source.text[..start];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        (line, column)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (line, column) = self.line_column();
        write!(f, "{}:{line}:{column}", self.source.name)
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// One finding of the loader, made for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// The text is not YAML at all: the rest of the file was not looked at.
    pub syntax: bool,
    /// A lower-case fragment: what is wrong.
    pub message: String,
    /// The place, where there is one, with a short label for the underlined text.
    pub place: Option<Place>,
    pub label: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// How the loader came there (extended from, included from), nearest first.
    pub trail: Vec<(String, Place)>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(message: impl Into<String>, place: Option<Place>) -> Self {
        Diagnostic {
            severity: Severity::Error,
            syntax: false,
            message: message.into(),
            place,
            label: None,
            hint: None,
            trail: Vec::new(),
        }
    }

    /// A warning at a place.
    pub fn warning(message: impl Into<String>, place: Option<Place>) -> Self {
        Diagnostic {
            severity: Severity::Warning,
            ..Diagnostic::error(message, place)
        }
    }

    /// The same as an error.
    pub fn as_error(mut self) -> Self {
        self.severity = Severity::Error;
        self
    }

    /// The same, said of a text that is not YAML.
    pub fn syntax(mut self) -> Self {
        self.syntax = true;
        self
    }

    /// The same with a hint.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with a label under the marked text.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }
}
