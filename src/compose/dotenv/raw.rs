//! Files of `format: raw`: values stand as they are, without quotes, comments behind them or interpolation.

use std::sync::Arc;

use super::{Lookup, Variables};
use crate::compose::source::{Diagnostic, Place, Source};

/// Reads a raw file's variables into those of the files before it; a bare name takes its value from outside.
///
/// # Errors
///
/// The first line whose name is missing or has a space in it.
pub fn parse_raw(
    name: &str,
    text: &str,
    lookup: &Lookup<'_>,
    variables: &mut Variables,
) -> Result<(), Box<Diagnostic>> {
    let mut start = if text.starts_with('\u{feff}') { 3 } else { 0 };
    for line in text[start..].split_inclusive('\n') {
        let content = line.strip_suffix('\n').unwrap_or(line);
        let content = content.strip_suffix('\r').unwrap_or(content);
        let statement = content.trim_start();
        let at = start + content.len() - statement.len();
        start += line.len();
        if statement.is_empty() || statement.starts_with('#') {
            continue;
        }
        let (variable, value) = match statement.split_once('=') {
            Some((variable, value)) => (variable, Some(value.to_owned())),
            None => (statement, lookup(statement)),
        };
        let error = |message: &str, offset: usize| {
            let place = Place {
                source: Arc::new(Source::new(name, text)),
                start: at + offset,
                length: 1,
            };
            Box::new(Diagnostic::error(message, Some(place)))
        };
        if let Some(space) = variable.find([' ', '\t']) {
            return Err(error("a variable's name cannot contain a space", space));
        }
        if variable.is_empty() {
            return Err(error("a variable's name is missing before `=`", 0));
        }
        if let Some(value) = value {
            let bare = !statement.contains('=');
            let variable = if bare { variable.trim() } else { variable };
            variables.insert(variable.to_owned(), value);
        }
    }
    Ok(())
}
