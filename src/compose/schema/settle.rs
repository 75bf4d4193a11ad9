//! The third step: every scalar of the merged project gets the type that it has there, in one spelling:
//! `"3"` where a number stands becomes 3, `90s` becomes `1m30s`, `64m` becomes 67108864.

use super::check::fits_kind;
use super::resources::ROOT;
use super::shape::{Becomes, Scalar, Shape};
use crate::compose::findings::Findings;
use crate::compose::tree::{Node, Value};
use crate::compose::units;

/// Settles the merged tree; everything in it went through [`super::check`] already. What stands under
/// `x-` keys stays as written, for the canonical form: its readers settle a copy ([`settle_copy`]).
pub fn settle(node: &mut Node, findings: &mut Findings) {
    each(node, &Shape::Object(&ROOT), "the file", findings);
}

/// A settled copy of what stands under one of Hoist's own keys; `name` is the key.
pub fn settle_copy(node: &Node, shape: &'static Shape, name: &str, findings: &mut Findings) -> Node {
    let mut copy = node.clone();
    each(&mut copy, shape, &format!("`{name}`"), findings);
    copy
}

fn each(node: &mut Node, shape: &'static Shape, name: &str, findings: &mut Findings) {
    match (&mut node.value, shape) {
        (_, Shape::Optional(shape)) => each(node, shape, name, findings),
        (value, Shape::Either(shapes)) => {
            if let Some(shape) = shapes.iter().find(|shape| fits_kind(shape, value)) {
                each(node, shape, name, findings);
            }
        }
        (Value::List(list), Shape::List(item) | Shape::Set(item)) => {
            for node in list {
                each(node, item, &format!("an entry of {name}"), findings);
            }
        }
        (Value::Map(mapping), Shape::Map(names, value)) => {
            for (key, entry) in mapping.iter_mut().filter(|(key, _)| (names.fits)(key)) {
                each(&mut entry.value, value, &format!("`{key}`"), findings);
            }
        }
        (Value::Map(mapping), Shape::Object(object)) => {
            for (name, entry) in mapping.iter_mut().filter(|(name, _)| !name.starts_with("x-")) {
                if let Some(key) = object.key(name) {
                    each(&mut entry.value, &key.shape, &format!("`{name}`"), findings);
                }
            }
        }
        (_, Shape::Scalar(settled)) => scalar(node, settled, name, findings),
        _ => {}
    }
}

/// Gives one scalar its type, or reports why it has none.
pub fn scalar(node: &mut Node, scalar: &Scalar, name: &str, findings: &mut Findings) {
    if node.is_invalid() || node.is_null() {
        return;
    }
    let settled = match scalar.becomes {
        Becomes::Itself => return,
        Becomes::Text => text(&node.value),
        Becomes::Boolean => boolean(node, name, findings),
        Becomes::Whole => whole(&node.value),
        Becomes::Unsigned(bits) => unsigned(&node.value, bits, scalar.at_once),
        Becomes::Decimal => decimal(&node.value),
        Becomes::Duration => duration(&node.value),
        Becomes::Bytes => bytes(&node.value),
        Becomes::Cpus => cpus(&node.value),
        Becomes::FileMode => file_mode(&node.value),
        Becomes::DeviceCount => device_count(&node.value),
    };
    match settled {
        Some(value) => node.value = value,
        None => {
            let shown = node.scalar_text().unwrap_or_default();
            let message = if shown.is_empty() {
                format!("{name} must not be empty")
            } else {
                format!("{name} must be {}, not `{shown}`", scalar.words())
            };
            findings.error(message, &node.place);
            node.value = Value::Invalid;
        }
    }
}

fn text(value: &Value) -> Option<Value> {
    match value {
        Value::Integer(number) => Some(Value::Text(number.to_string())),
        Value::Text(_) => Some(value.clone()),
        _ => None,
    }
}

/// `true` and `false`; and, with a warning, the words of YAML 1.1 (the reference does the same).
fn boolean(node: &Node, name: &str, findings: &mut Findings) -> Option<Value> {
    let text = match &node.value {
        Value::Text(text) => text,
        other => return Some(other.clone()),
    };
    let value = match text.to_lowercase().as_str() {
        "true" => return Some(Value::Bool(true)),
        "false" => return Some(Value::Bool(false)),
        "y" | "yes" | "on" => true,
        "n" | "no" | "off" => false,
        _ => return None,
    };
    let message = format!("`{text}` is not a boolean of YAML 1.2: {name} should say `{value}`");
    findings.warning(message, &node.place);
    Some(Value::Bool(value))
}

fn whole(value: &Value) -> Option<Value> {
    let number: i64 = match value {
        Value::Integer(number) => i64::try_from(*number).ok()?,
        #[expect(clippy::cast_possible_truncation, reason = "the fraction does not count")]
        Value::Float(number) => *number as i64,
        Value::Text(text) => whole_text(text)?,
        _ => return None,
    };
    Some(Value::Integer(number.into()))
}

/// Digits with or without a sign.
fn whole_text(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// What does not fit into the bits loses its upper ones, as in the reference.
fn unsigned(value: &Value, bits: u32, text_too: bool) -> Option<Value> {
    let Some(Value::Integer(number)) = (match value {
        Value::Text(_) if !text_too => None,
        _ => whole(value),
    }) else {
        return None;
    };
    (number >= 0).then(|| Value::Integer(number % (1_i128 << bits)))
}

fn decimal(value: &Value) -> Option<Value> {
    match value {
        Value::Text(text) => {
            let number = units::parse_float(text)?;
            number.is_finite().then_some(Value::Float(number))
        }
        other => Some(other.clone()),
    }
}

fn duration(value: &Value) -> Option<Value> {
    let Value::Text(text) = value else { return None };
    Some(Value::Text(units::nanoseconds_text(units::parse_nanoseconds(text)?)))
}

/// A number with a fraction is none, and the reference takes it for nothing.
fn bytes(value: &Value) -> Option<Value> {
    let bytes = match value {
        Value::Integer(bytes) => i64::try_from(*bytes).ok()?,
        Value::Float(_) => 0,
        Value::Text(text) if text.starts_with('-') => return None,
        Value::Text(text) => units::parse_bytes(text)?,
        _ => return None,
    };
    Some(Value::Text(bytes.to_string()))
}

fn cpus(value: &Value) -> Option<Value> {
    match value {
        Value::Integer(_) | Value::Float(_) | Value::Text(_) => decimal(&Value::Text(match value {
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Text(text) => text.clone(),
            _ => return None,
        })),
        _ => None,
    }
}

fn file_mode(value: &Value) -> Option<Value> {
    let mode = match value {
        Value::Integer(mode) => i64::try_from(*mode).ok()?,
        Value::Text(text) => i64::from_str_radix(text, 8).ok()?,
        _ => return None,
    };
    let sign = if mode < 0 { "-" } else { "" };
    Some(Value::Text(format!("0{sign}{:o}", mode.unsigned_abs())))
}

fn device_count(value: &Value) -> Option<Value> {
    match value {
        Value::Text(text) if text.eq_ignore_ascii_case("all") => Some(Value::Integer(-1)),
        Value::Float(_) => None,
        other => whole(other),
    }
}
