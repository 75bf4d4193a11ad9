//! The first step: one file against the table. Never knows of a second file.

use super::resources::ROOT;
use super::shape::{Becomes, Kinds, Names, Object, Others, Rule, Scalar, Shape};
use super::{settle, whole};
use crate::compose::findings::Findings;
use crate::compose::nearest;
use crate::compose::tree::{Entry, Mapping, Node, Tag, Value};

/// Checks one file's tree against the specification.
///
/// `cast` says whether the file was interpolated: then text stands for numbers and booleans at once, as
/// in the reference, and is checked as such.
pub fn check(node: &mut Node, cast: bool, findings: &mut Findings) {
    Checker { cast, findings }.check(node, &Shape::Object(&ROOT), "the file");
}

/// Whether a value is of a kind that a shape takes.
pub fn fits_kind(shape: &Shape, value: &Value) -> bool {
    match shape {
        Shape::Any => true,
        Shape::Scalar(scalar) => fits_scalar(scalar, value),
        Shape::List(_) | Shape::Set(_) => matches!(value, Value::List(_)),
        Shape::Map(..) | Shape::Object(_) => matches!(value, Value::Map(_)),
        Shape::Either(shapes) => shapes.iter().any(|shape| fits_kind(shape, value)),
        Shape::Optional(shape) => matches!(value, Value::Null) || fits_kind(shape, value),
    }
}

fn fits_scalar(scalar: &Scalar, value: &Value) -> bool {
    match value {
        Value::Null => scalar.kinds.has(Kinds::NULL),
        Value::Bool(value) => scalar.kinds.has(Kinds::BOOLEAN) && !(*value && matches!(scalar.rule, Rule::False)),
        Value::Integer(_) => scalar.kinds.has(Kinds::INTEGER),
        // The schema takes `80.0` for a whole number, but no stage of the reference can make text of it.
        Value::Float(_) if scalar.becomes == Becomes::Text => false,
        Value::Float(number) if number.fract() == 0.0 => scalar.kinds.has(Kinds::INTEGER),
        Value::Float(_) => scalar.kinds.has(Kinds::FRACTION),
        Value::Text(_) => scalar.kinds.has(Kinds::TEXT),
        Value::Timestamp(_) | Value::List(_) | Value::Map(_) | Value::Invalid => false,
    }
}

struct Checker<'a> {
    cast: bool,
    findings: &'a mut Findings,
}

impl Checker<'_> {
    /// Checks a value; `name` is what messages call it.
    fn check(&mut self, node: &mut Node, shape: &'static Shape, name: &str) {
        if node.is_invalid() || node.tag == Some(Tag::Reset) {
            return;
        }
        match shape {
            Shape::Optional(_) if node.is_null() => return,
            Shape::Optional(shape) => return self.check(node, shape, name),
            Shape::Either(shapes) => {
                if let Some(shape) = shapes.iter().find(|shape| fits_kind(shape, &node.value)) {
                    return self.check(node, shape, name);
                }
            }
            _ => {}
        }
        if !fits_kind(shape, &node.value) {
            let found = match node.value {
                // A number is what it wants, but not this one.
                Value::Float(number) => format!("`{number}`"),
                _ => node.kind().to_owned(),
            };
            let message = format!("{name} must be {}, not {found}", shape.words());
            self.findings.error(message, &node.place);
            node.value = Value::Invalid;
            return;
        }
        match (&mut node.value, shape) {
            (Value::List(list), Shape::List(item) | Shape::Set(item)) => {
                if matches!(shape, Shape::Set(_)) {
                    whole::distinct(list, name, self.findings);
                }
                for node in list {
                    self.check(node, item, &format!("an entry of {name}"));
                }
            }
            (Value::Map(mapping), Shape::Map(names, value)) => self.map(mapping, names, value, name),
            (Value::Map(mapping), Shape::Object(object)) => self.object(mapping, object),
            (_, Shape::Scalar(scalar)) => self.scalar(node, scalar, name),
            _ => {}
        }
    }

    fn scalar(&mut self, node: &mut Node, scalar: &'static Scalar, name: &str) {
        if self.cast && scalar.at_once && matches!(node.value, Value::Text(_)) {
            settle::scalar(node, scalar, name, self.findings);
            if node.is_invalid() {
                return;
            }
        }
        self.rule(node, scalar, name);
    }

    fn rule(&mut self, node: &mut Node, scalar: &'static Scalar, name: &str) {
        match (scalar.rule, &node.value) {
            (Rule::Choice(words), Value::Text(text)) if !words.contains(&text.as_str()) => {
                let message = format!("{name} cannot be `{text}`");
                let hint = nearest::hint(text, words.iter().copied());
                self.findings.error_hint(message, &node.place, hint);
            }
            (Rule::Pattern(fits, words), Value::Text(text)) if !fits(text) => {
                let message = if text.is_empty() {
                    format!("{name} must not be empty")
                } else {
                    format!("{name} cannot be `{text}`: it must be {words}")
                };
                self.findings.error(message, &node.place);
            }
            (Rule::Range(least, most), Value::Integer(_) | Value::Float(_)) => {
                let message = match number(&node.value) {
                    Some(number) if (i128::from(least)..=i128::from(most)).contains(&number) => return,
                    Some(number) if most == i64::MAX => format!("{name} must be {least} or more, not {number}"),
                    Some(number) => format!("{name} must be from {least} to {most}, not {number}"),
                    None => format!(
                        "{name} must be a whole number, not `{}`",
                        node.scalar_text().unwrap_or_default()
                    ),
                };
                self.findings.error(message, &node.place);
            }
            _ => return,
        }
        node.value = Value::Invalid;
    }

    fn map(&mut self, mapping: &mut Mapping, names: &Names, value: &'static Shape, name: &str) {
        for (key, entry) in mapping.iter_mut() {
            if (names.fits)(key) {
                if !matches!(value, Shape::Any) {
                    self.check(&mut entry.value, value, &format!("`{key}`"));
                }
            } else if names.strict {
                let message = match key.as_str() {
                    "" => format!("a name in {name} must not be empty"),
                    key => format!("`{key}` cannot be a name in {name}: {} can", names.words),
                };
                self.findings.error(message, &entry.key);
                entry.value.value = Value::Invalid;
            }
        }
    }

    fn object(&mut self, mapping: &mut Mapping, object: &'static Object) {
        for (name, entry) in mapping.iter_mut() {
            let Some(key) = object.key(name) else {
                let passes = match object.others {
                    Others::None => false,
                    Others::Extensions => name.starts_with("x-"),
                    Others::Ignored => true,
                };
                if !passes {
                    self.unknown(name, entry, object);
                    entry.value.value = Value::Invalid;
                }
                continue;
            };
            self.check(&mut entry.value, &key.shape, &format!("`{name}`"));
        }
    }

    fn unknown(&mut self, name: &str, entry: &Entry, object: &Object) {
        let names = object.keys.iter().map(|key| key.name);
        let hint = nearest::hint(name, names);
        self.findings
            .error_hint(format!("unknown key `{name}`"), &entry.key, hint);
    }
}

/// A number that is whole, as one.
fn number(value: &Value) -> Option<i128> {
    match value {
        Value::Integer(number) => Some(*number),
        #[expect(clippy::cast_possible_truncation, reason = "whole; what is too large stays large")]
        Value::Float(number) if number.fract() == 0.0 => Some(*number as i128),
        _ => None,
    }
}
