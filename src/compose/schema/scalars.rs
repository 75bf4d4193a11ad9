//! Scalars at their shapes: what may stand where, and the one spelling that later stages see.

use super::Shape;
use crate::compose::findings::Findings;
use crate::compose::tree::{Node, Value};
use crate::compose::{nearest, units};

/// Checks a scalar whose kind fits already and puts it into its one spelling.
pub fn settle(node: &mut Node, shape: &Shape, name: &str, findings: &mut Findings) {
    let settled = match shape {
        Shape::Boolean => boolean(node, name, findings),
        Shape::Integer => integer(&node.value),
        Shape::Number => number(&node.value),
        Shape::Duration => duration(&node.value),
        Shape::Bytes => bytes(&node.value),
        Shape::Cpus => cpus(&node.value),
        Shape::Name if node.as_text() == Some("") => None,
        Shape::Choice(words) => return choice(node, words, name, findings),
        _ => return,
    };
    match settled {
        Some(value) => node.value = value,
        None => {
            let shown = node.scalar_text().unwrap_or_default();
            let message = if shown.is_empty() {
                format!("{name} must not be empty")
            } else {
                format!("{name} must be {}, not `{shown}`", shape.words())
            };
            findings.error(message, &node.place);
            node.value = Value::Invalid;
        }
    }
}

fn choice(node: &mut Node, words: &'static [&'static str], name: &str, findings: &mut Findings) {
    let Some(text) = node.as_text() else { return };
    if words.contains(&text) {
        return;
    }
    let message = format!("{name} cannot be `{text}`");
    findings.error_hint(message, &node.place, nearest::hint(text, words.iter().copied()));
    node.value = Value::Invalid;
}

/// `true` and `false`; and, with a warning, the words of YAML 1.1 (the reference does the same).
fn boolean(node: &Node, name: &str, findings: &mut Findings) -> Option<Value> {
    let text = match &node.value {
        Value::Text(text) => text,
        other => return Some(other.clone()),
    };
    let value = match text.to_ascii_lowercase().as_str() {
        "true" => return Some(Value::Bool(true)),
        "false" => return Some(Value::Bool(false)),
        "y" | "yes" | "on" | "1" | "t" => true,
        "n" | "no" | "off" | "0" | "f" => false,
        _ => return None,
    };
    let message = format!("`{text}` is not a boolean of YAML 1.2: {name} should say `{value}`");
    findings.warning(message, &node.place);
    Some(Value::Bool(value))
}

fn integer(value: &Value) -> Option<Value> {
    let number = match value {
        Value::Integer(number) => *number,
        #[expect(clippy::cast_possible_truncation, reason = "whole and small")]
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => *number as i128,
        Value::Text(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    i64::try_from(number).ok()?;
    Some(Value::Integer(number))
}

fn number(value: &Value) -> Option<Value> {
    match value {
        Value::Text(text) => {
            let number: f64 = text.trim().parse().ok()?;
            number.is_finite().then_some(Value::Float(number))
        }
        other => Some(other.clone()),
    }
}

fn duration(value: &Value) -> Option<Value> {
    let Value::Text(text) = value else { return None };
    Some(Value::Text(units::duration_text(units::parse_duration(text)?)))
}

fn bytes(value: &Value) -> Option<Value> {
    let bytes = match value {
        Value::Integer(bytes) => i64::try_from(*bytes).ok().filter(|bytes| *bytes >= -1)?,
        Value::Text(text) => units::parse_bytes(text)?,
        _ => return None,
    };
    Some(Value::Text(bytes.to_string()))
}

fn cpus(value: &Value) -> Option<Value> {
    let text = match value {
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) => text.trim().to_owned(),
        _ => return None,
    };
    units::parse_nano_cpus(&text)?;
    text.parse().ok().map(Value::Float)
}
