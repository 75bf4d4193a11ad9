//! The interpolation stage: `$NAME` and `${NAME…}` in every string value of one file.
//!
//! Knows the eight forms of the specification (*interpolation*) and `$$`. Never reads the process's
//! environment: the variables come with the request. A default that is not taken is not looked at, so
//! it neither warns nor fails; the reference expands it all the same.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::findings::Findings;
use super::source::{Diagnostic, Place};
use super::tree::{Node, Value};

/// How deep expressions may nest in each other.
const DEPTH: usize = 32;

/// The variables, and which of them were missed already.
pub struct Variables<'a> {
    values: &'a BTreeMap<String, String>,
    missed: BTreeSet<String>,
}

impl<'a> Variables<'a> {
    pub fn new(values: &'a BTreeMap<String, String>) -> Self {
        Variables {
            values,
            missed: BTreeSet::new(),
        }
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

/// Interpolates every string value of a tree; keys are left as they are.
pub fn tree(node: &mut Node, variables: &mut Variables<'_>, findings: &mut Findings) {
    match &mut node.value {
        Value::Text(text) if text.contains('$') => {
            let mut unset = Vec::new();
            let values = variables.values;
            let result = substitute(text, &|name| values.get(name).cloned(), &mut |name| {
                unset.push(name.to_owned());
            });
            for name in unset {
                if variables.missed.insert(name.clone()) {
                    let message = format!("the variable `{name}` is not set: a blank string stands in for it");
                    let place = inside(&node.place, &name);
                    let hint = format!("set it, or give a default: `${{{name}:-default}}`");
                    findings.push(Diagnostic::warning(message, Some(place)).hint(hint));
                }
            }
            node.value = match result {
                Ok(text) => Value::Text(text.into_owned()),
                Err(failure) => {
                    let place = inside(&node.place, &failure.expression);
                    let mut found = Diagnostic::error(failure.message, Some(place));
                    found.hint = failure.hint;
                    findings.push(found);
                    Value::Invalid
                }
            };
        }
        Value::List(list) => list.iter_mut().for_each(|item| tree(item, variables, findings)),
        Value::Map(mapping) => mapping
            .values_mut()
            .for_each(|entry| tree(&mut entry.value, variables, findings)),
        _ => {}
    }
}

/// The place of an expression inside a scalar, where the scalar's text has it as it stands.
fn inside(place: &Place, expression: &str) -> Place {
    let text = &place.source.text;
    let end = (place.start + place.length).min(text.len());
    let scalar = text.get(place.start..end).unwrap_or_default();
    match scalar.find(expression) {
        Some(offset) if !expression.is_empty() => Place {
            source: std::sync::Arc::clone(&place.source),
            start: place.start + offset,
            length: expression.len(),
        },
        _ => place.clone(),
    }
}

/// Why a text could not be interpolated.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// The expression as written.
    pub expression: String,
    pub message: String,
    pub hint: Option<String>,
}

/// Replaces the expressions of a text; `unset` hears of each missing variable that has no default.
///
/// # Errors
///
/// The first malformed expression or missing required variable.
pub fn substitute<'t>(
    text: &'t str,
    lookup: &dyn Fn(&str) -> Option<String>,
    unset: &mut dyn FnMut(&str),
) -> Result<Cow<'t, str>, Failure> {
    if !text.contains('$') {
        return Ok(Cow::Borrowed(text));
    }
    expand(text, lookup, unset, 0).map(Cow::Owned)
}

fn expand(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    unset: &mut dyn FnMut(&str),
    depth: usize,
) -> Result<String, Failure> {
    let mut output = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        output.push_str(&rest[..dollar]);
        let after = &rest[dollar + 1..];
        if let Some(tail) = after.strip_prefix('$') {
            output.push('$');
            rest = tail;
        } else if let Some(body) = after.strip_prefix('{') {
            let Some(end) = closing_brace(body) else {
                return Err(malformed(&rest[dollar..], "the closing `}` is missing"));
            };
            let expression = &rest[dollar..dollar + 2 + end + 1];
            if depth >= DEPTH {
                return Err(malformed(expression, "too many expressions inside each other"));
            }
            output.push_str(&braced(&body[..end], expression, lookup, unset, depth)?);
            rest = &body[end + 1..];
        } else {
            let name = &after[..name_length(after)];
            if name.is_empty() {
                output.push('$');
            } else if let Some(value) = lookup(name) {
                output.push_str(&value);
            } else {
                unset(name);
            }
            rest = &after[name.len()..];
        }
    }
    output.push_str(rest);
    Ok(output)
}

/// The value of what stands between `${` and `}`.
fn braced(
    body: &str,
    expression: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    unset: &mut dyn FnMut(&str),
    depth: usize,
) -> Result<String, Failure> {
    let (name, rest) = body.split_at(name_length(body));
    if name.is_empty() {
        return Err(malformed(expression, "a variable's name must follow `${`"));
    }
    let value = lookup(name);
    if rest.is_empty() {
        if value.is_none() {
            unset(name);
        }
        return Ok(value.unwrap_or_default());
    }
    let (strict, operation) = match rest.strip_prefix(':') {
        Some(operation) => (true, operation),
        None => (false, rest),
    };
    let there = value.filter(|value| !(strict && value.is_empty()));
    let mut characters = operation.chars();
    let operator = characters.next();
    let word = characters.as_str();
    match (operator, there) {
        (Some('-' | '?'), Some(value)) => Ok(value),
        (Some('-'), None) | (Some('+'), Some(_)) => expand(word, lookup, unset, depth + 1),
        (Some('+'), None) => Ok(String::new()),
        (Some('?'), None) => {
            let state = if strict { "not set or empty" } else { "not set" };
            let message = if word.is_empty() {
                format!("the required variable `{name}` is {state}")
            } else {
                format!("the required variable `{name}` is {state}: {word}")
            };
            Err(Failure {
                expression: expression.to_owned(),
                message,
                hint: Some(format!("set `{name}` in the environment or in `.env`")),
            })
        }
        _ => Err(malformed(
            expression,
            "after the name come `}` or one of `:-` `-` `:?` `?` `:+` `+`",
        )),
    }
}

fn malformed(expression: &str, why: &str) -> Failure {
    Failure {
        expression: expression.to_owned(),
        message: format!("`{expression}` is not a valid interpolation: {why}"),
        hint: Some("write `$$` for a plain dollar sign".to_owned()),
    }
}

fn name_length(text: &str) -> usize {
    let mut characters = text.char_indices();
    match characters.next() {
        Some((_, first)) if first.is_ascii_alphabetic() || first == '_' => {}
        _ => return 0,
    }
    characters
        .find(|(_, c)| !(c.is_ascii_alphanumeric() || *c == '_'))
        .map_or(text.len(), |(at, _)| at)
}

/// Where the brace closes that was opened before the text; every `{` inside opens one more.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    for (at, character) in text.char_indices() {
        match character {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "A" => Some("aval".to_owned()),
            "E" => Some(String::new()),
            _ => None,
        }
    }

    fn value(text: &str) -> String {
        substitute(text, &lookup, &mut |_| {}).expect("valid").into_owned()
    }

    fn failure(text: &str) -> Failure {
        substitute(text, &lookup, &mut |_| {}).expect_err("invalid")
    }

    #[test]
    fn the_eight_forms_do_what_the_specification_says() {
        assert_eq!(value("$A ${A}"), "aval aval");
        assert_eq!(value("${E:-d}|${E-d}|${NO:-d}|${NO-d}|${A:-d}"), "d||d|d|aval");
        assert_eq!(value("${E:+r}|${E+r}|${A:+r}|${NO+r}"), "|r|r|");
        assert_eq!(value("${A:?m}${A?m}${E?m}"), "avalaval");
        assert_eq!(
            failure("${E:?m}").message,
            "the required variable `E` is not set or empty: m"
        );
        assert_eq!(failure("x ${NO?}").message, "the required variable `NO` is not set");
    }

    #[test]
    fn expressions_nest() {
        assert_eq!(value("${NO:-${ALSO:-${A}}}"), "aval");
        assert_eq!(value("${NO:-{\"x\":1}}"), "{\"x\":1}");
        assert_eq!(value("${NO:-a}b}"), "ab}");
    }

    #[test]
    fn a_dollar_is_escaped_by_another_and_harmless_before_anything_but_a_name() {
        assert_eq!(value("$$A $${A} $1 $-x $"), "$A ${A} $1 $-x $");
        assert_eq!(value("${NO:-a$$b}"), "a$b");
    }

    #[test]
    fn malformed_expressions_are_errors() {
        for text in ["${}", "${A!}", "${ A }", "${A:x}", "${A", "${1}"] {
            assert!(failure(text).message.contains("is not a valid interpolation"), "{text}");
        }
        let deep = "${NO:-".repeat(100) + &"}".repeat(100);
        assert!(failure(&deep).message.contains("too many"));
    }

    #[test]
    fn an_untaken_default_is_not_looked_at() {
        let mut missed = Vec::new();
        let text = "${A:-$B${C:?gone}} ${D} $D ${E-$F}";
        let result = substitute(text, &lookup, &mut |name| missed.push(name.to_owned()));
        assert_eq!(result.as_deref(), Ok("aval   "));
        assert_eq!(missed, ["D", "D"]);
    }

    proptest::proptest! {
        #[test]
        fn without_variables_it_is_the_identity(text in "[^$]{0,60}") {
            proptest::prop_assert_eq!(value(&text), text);
        }

        #[test]
        fn it_never_panics(text in "[$${}:?+A-Cé -]{0,60}") {
            drop(substitute(&text, &lookup, &mut |_| {}));
        }

        #[test]
        fn doubled_dollars_come_out_single(text in "\\PC{0,40}") {
            proptest::prop_assert_eq!(value(&text.replace('$', "$$")), text);
        }
    }
}
