//! The interpolation stage: `$NAME` and `${NAME…}` in every string value of one file.
//!
//! Knows the eight forms of the specification (*interpolation*) and `$$`. Never reads the process's
//! environment: the variables come with the request. Where a form ends is the reference's rule, to the character:
//! from `${NAME` and an operator to the last `}` of the line, of which the first balanced part is the form and what
//! follows is text. A default that is not taken warns of nothing, but it must be valid, as in the reference.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::findings::Findings;
use super::source::{Diagnostic, Place};
use super::tree::{Node, Value};

/// How deep expressions may nest in each other.
pub const DEPTH: usize = 200;

/// How much longer than it is written a text may become, in bytes; and all texts of a set of files together. Variables
/// whose values are made of each other grow without end.
pub const GROWTH: usize = 32 << 20;

/// The variables, which of them were missed already, and how much the texts have grown.
pub struct Variables<'a> {
    values: &'a BTreeMap<String, String>,
    missed: BTreeSet<String>,
    grown: usize,
}

impl<'a> Variables<'a> {
    pub fn new(values: &'a BTreeMap<String, String>) -> Self {
        Variables {
            values,
            missed: BTreeSet::new(),
            grown: 0,
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
            let result = result.and_then(|long| {
                variables.grown += long.len().saturating_sub(text.len());
                match variables.grown > GROWTH {
                    true => Err(endless("")),
                    false => Ok(long),
                }
            });
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
    if depth > DEPTH {
        return Err(malformed(text, "too many expressions inside each other"));
    }
    let mut output = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        output.push_str(&rest[..dollar]);
        let form = &rest[dollar..];
        let after = &form[1..];
        if let Some(tail) = after.strip_prefix('$') {
            output.push('$');
            rest = tail;
        } else if let Some(body) = after.strip_prefix('{') {
            let whole = braced_length(body).map_err(|why| malformed(written(form), why))?;
            let whole = &form[..2 + whole];
            let expression = &whole[..balanced_length(whole).unwrap_or(whole.len())];
            let body = &expression[2..expression.len() - 1];
            output.push_str(&braced(body, expression, lookup, unset, depth)?);
            rest = &form[expression.len()..];
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
        if output.len() > text.len() + GROWTH {
            return Err(endless(written(form)));
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
    let there = value.clone().filter(|value| !(strict && value.is_empty()));
    let mut characters = operation.chars();
    let operator = characters.next();
    // What is not taken is looked at for what is wrong in it only.
    let taken = matches!((operator, &there), (Some('-' | '?'), None) | (Some('+'), Some(_)));
    let mut missed = Vec::new();
    let word = expand(
        characters.as_str(),
        lookup,
        &mut |name| missed.push(name.to_owned()),
        depth + 1,
    )?;
    if taken {
        missed.iter().for_each(|name| unset(name));
    }
    match (operator, taken) {
        (Some('?'), true) => Err(required(name, strict, characters.as_str(), expression)),
        (_, true) => Ok(word),
        (_, false) => Ok(value.unwrap_or_default()),
    }
}

fn required(name: &str, strict: bool, word: &str, expression: &str) -> Failure {
    let state = if strict { "not set or empty" } else { "not set" };
    let message = if word.is_empty() {
        format!("the required variable `{name}` is {state}")
    } else {
        // As written: the value of another variable may be a secret.
        format!("the required variable `{name}` is {state}: {word}")
    };
    Failure {
        expression: expression.to_owned(),
        message,
        hint: Some(format!("set `{name}` in the environment or in `.env`")),
    }
}

/// An expression as it is written.
#[derive(Debug, PartialEq, Eq)]
pub struct Expression<'t> {
    /// Empty where the expression is malformed.
    pub name: &'t str,
    /// `-`, `+`, `?` or nothing.
    pub operator: &'t str,
    /// What stands behind the operator.
    pub word: &'t str,
    /// What stands behind the expression, up to the last brace of the line.
    pub behind: &'t str,
}

/// The expressions of a text, without those inside of and behind others.
pub fn expressions(text: &str) -> Vec<Expression<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        let form = &rest[dollar..];
        let after = &form[1..];
        let (expression, length) = if after.starts_with('$') {
            (None, 2)
        } else if let Some(body) = after.strip_prefix('{') {
            match braced_length(body) {
                Ok(length) => (Some(Expression::braced(&form[..2 + length])), 2 + length),
                Err(_) => (Some(Expression::plain("")), 2),
            }
        } else {
            let name = &after[..name_length(after)];
            let expression = (!name.is_empty()).then(|| Expression::plain(name));
            (expression, 1 + name.len())
        };
        found.extend(expression);
        rest = &form[length..];
    }
    found
}

impl<'t> Expression<'t> {
    fn plain(name: &'t str) -> Self {
        Expression {
            name,
            operator: "",
            word: "",
            behind: "",
        }
    }

    /// Reads a form from `${` to the last brace of its line.
    fn braced(form: &'t str) -> Self {
        let length = balanced_length(form).unwrap_or(form.len());
        let (name, rest) = form[2..length - 1].split_at(name_length(&form[2..]));
        let rest = rest.strip_prefix(':').unwrap_or(rest);
        let (operator, word) = rest.split_at(rest.len().min(1));
        Expression {
            name,
            operator,
            word,
            behind: &form[length..],
        }
    }
}

fn malformed(expression: &str, why: &str) -> Failure {
    Failure {
        expression: expression.to_owned(),
        message: format!("`{expression}` is not a valid interpolation: {why}"),
        hint: Some("write `$$` for a plain dollar sign".to_owned()),
    }
}

fn endless(expression: &str) -> Failure {
    Failure {
        expression: expression.to_owned(),
        message: format!("variables expand to more than {} MiB", GROWTH >> 20),
        hint: Some("look for variables that are made of each other".to_owned()),
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

/// How long a form is from behind its `${` to the last `}` that can close it; or why there is none.
fn braced_length(body: &str) -> Result<usize, &'static str> {
    let name = name_length(body);
    if name == 0 {
        return Err("a variable's name must follow `${`");
    }
    let rest = &body[name..];
    if rest.starts_with('}') {
        return Ok(name + 1);
    }
    if rest.is_empty() {
        return Err("the closing `}` is missing");
    }
    let operator = rest.strip_prefix(':').unwrap_or(rest);
    if !operator.starts_with(['-', '+', '?']) {
        return Err("after the name come `}` or one of `:-` `-` `:?` `?` `:+` `+`");
    }
    let line = rest.split('\n').next().unwrap_or_default();
    match line.rfind('}') {
        Some(last) => Ok(name + last + 1),
        None => Err("the closing `}` is missing in its line"),
    }
}

/// How long the first balanced part of a form is, braces and all. Of each opening brace the character behind it
/// does not count.
fn balanced_length(form: &str) -> Option<usize> {
    let mut open = 0_usize;
    let mut bytes = form.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'}' if open <= 1 => return Some(at + 1),
            b'}' => open -= 1,
            b'{' => {
                open += 1;
                bytes.next();
            }
            _ => {}
        }
    }
    None
}

/// A malformed expression as far as it is worth showing: to its brace, or to the end of its line.
fn written(form: &str) -> &str {
    let line = form.split('\n').next().unwrap_or_default();
    line.find('}').map_or(line, |at| &line[..=at])
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
        let deep = "${NO:-".repeat(300) + &"}".repeat(300);
        assert!(failure(&deep).message.contains("too many"));
    }

    #[test]
    fn an_untaken_default_warns_of_nothing_and_must_be_valid() {
        let mut missed = Vec::new();
        let text = "${A:-$B${C}} ${D} $D ${E-$F} ${NO+$F}";
        let result = substitute(text, &lookup, &mut |name| missed.push(name.to_owned()));
        assert_eq!(result.as_deref(), Ok("aval    "));
        assert_eq!(missed, ["D", "D"]);
        assert_eq!(
            failure("${A:-${NO:?gone}}").message,
            "the required variable `NO` is not set or empty: gone"
        );
        assert!(failure("${A:?${}}").message.contains("is not a valid interpolation"));
    }

    #[test]
    fn a_form_ends_where_the_reference_ends_it() {
        assert_eq!(value("${NO:-{}}"), "{}");
        assert_eq!(value("${NO:-{x}"), "{x");
        assert!(failure("${NO:-{}}|${NO:-{x}").message.contains("in its line"));
        assert_eq!(value("${NO:-{x}}y"), "{x}y");
        assert_eq!(value("${A}}"), "aval}");
        assert_eq!(value("${NO:-a}${A}b}"), "aavalb}");
        assert_eq!(value("${NO:-${A}-${NO:-x}}-${A}"), "aval-x-aval");
        assert!(failure("${NO:-a\n}").message.contains("in its line"));
    }

    #[test]
    fn texts_do_not_grow_without_end() {
        let variables = BTreeMap::from([("BIG".to_owned(), "x".repeat(1 << 20))]);
        let text = "${BIG}".repeat(40);
        let found = substitute(&text, &|name| variables.get(name).cloned(), &mut |_| {}).expect_err("too large");
        assert_eq!(found.message, "variables expand to more than 32 MiB");
        let source = std::sync::Arc::new(crate::compose::source::Source::new("", ""));
        let place = Place {
            source,
            start: 0,
            length: 0,
        };
        let items = (0..40).map(|_| Node::text("$BIG", &place)).collect();
        let mut findings = Findings::default();
        let mut list = Node::new(Value::List(items), place.clone());
        tree(&mut list, &mut Variables::new(&variables), &mut findings);
        // The last ones are too many; they stand in one place here, and are said once.
        assert_eq!(findings.errors.len(), 1);
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
