//! Reads values of a checked tree into plain types.

use std::time::Duration;

use indexmap::IndexMap;

use crate::compose::findings::Findings;
use crate::compose::tree::{Entry, Node, Value};
use crate::compose::units;

pub fn list<'a>(node: &'a Node, key: &str) -> &'a [Node] {
    node.get(key).and_then(Node::as_list).unwrap_or_default()
}

pub fn entries<'a>(node: &'a Node, key: &str) -> impl Iterator<Item = (&'a String, &'a Entry)> {
    node.get(key).and_then(Node::as_map).into_iter().flatten()
}

pub fn text(node: &Node, key: &str) -> Option<String> {
    node.get(key)?.scalar_text()
}

pub fn texts(node: &Node, key: &str) -> Vec<String> {
    let list = node.get(key).and_then(Node::as_list).unwrap_or_default();
    list.iter().filter_map(Node::scalar_text).collect()
}

/// A list whose absence and emptiness differ.
pub fn optional_texts(node: &Node, key: &str) -> Option<Vec<String>> {
    node.get(key)?.as_list().map(|_| texts(node, key))
}

pub fn flag(node: &Node, key: &str) -> bool {
    node.get(key).is_some_and(Node::is_true)
}

pub fn optional_flag(node: &Node, key: &str) -> Option<bool> {
    match node.get(key)?.value {
        Value::Bool(value) => Some(value),
        _ => None,
    }
}

/// A whole number; one outside of `least..=most` is an error.
pub fn whole<T: TryFrom<i128>>(node: &Node, key: &str, least: i128, most: i128, findings: &mut Findings) -> Option<T> {
    let node = node.get(key)?;
    let number = match node.value {
        Value::Integer(number) => number,
        #[expect(clippy::cast_possible_truncation, reason = "a fraction has no meaning here")]
        Value::Float(number) => number as i128,
        _ => return None,
    };
    if !(least..=most).contains(&number) {
        let message = if most >= i128::from(i64::MAX) {
            format!("`{key}` must be {least} or more, not {number}")
        } else {
            format!("`{key}` must be from {least} to {most}, not {number}")
        };
        findings.error(message, &node.place);
        return None;
    }
    T::try_from(number).ok()
}

/// A whole number of any size.
pub fn number(node: &Node, key: &str, findings: &mut Findings) -> Option<i64> {
    whole(node, key, i128::from(i64::MIN), i128::from(i64::MAX), findings)
}

/// A count of things: 0 or more.
pub fn count(node: &Node, key: &str, findings: &mut Findings) -> Option<u64> {
    whole(node, key, 0, i128::from(i64::MAX), findings)
}

pub fn duration(node: &Node, key: &str) -> Option<Duration> {
    units::parse_duration(node.get(key)?.as_text()?)
}

/// A number of bytes, which stands there as digits.
pub fn bytes(node: &Node, key: &str) -> Option<i64> {
    node.get(key)?.scalar_text()?.parse().ok()
}

pub fn unsigned_bytes(node: &Node, key: &str) -> Option<u64> {
    bytes(node, key).and_then(|bytes| u64::try_from(bytes).ok())
}

pub fn float(node: &Node, key: &str) -> Option<f64> {
    match node.get(key)?.value {
        Value::Float(number) => Some(number),
        #[expect(clippy::cast_precision_loss, reason = "a ratio or a number of processors")]
        Value::Integer(number) => Some(number as f64),
        _ => None,
    }
}

/// A mapping of text.
pub fn text_map(node: &Node, key: &str) -> IndexMap<String, String> {
    let mapping = node.get(key).and_then(Node::as_map);
    mapping
        .into_iter()
        .flatten()
        .filter(|(_, entry)| !entry.value.is_invalid())
        .map(|(key, entry)| (key.clone(), entry.value.scalar_text().unwrap_or_default()))
        .collect()
}

/// A mapping of text in which there may be nothing.
pub fn optional_text_map(node: &Node, key: &str) -> IndexMap<String, Option<String>> {
    let mapping = node.get(key).and_then(Node::as_map);
    mapping
        .into_iter()
        .flatten()
        .map(|(key, entry)| (key.clone(), entry.value.scalar_text()))
        .collect()
}

/// The `x-` keys that are nobody's, as written.
pub fn extensions(node: &Node, known: &[&str]) -> IndexMap<String, serde_json::Value> {
    let mapping = node.as_map();
    mapping
        .into_iter()
        .flatten()
        .filter(|(key, _)| key.starts_with("x-") && !known.contains(&key.as_str()))
        .map(|(key, entry)| (key.clone(), entry.value.to_json()))
        .collect()
}

/// Octal digits, as in `mode: "0440"`.
pub fn mode(node: &Node, key: &str, findings: &mut Findings) -> Option<u32> {
    let node = node.get(key)?;
    let number = match &node.value {
        Value::Integer(number) => u32::try_from(*number).ok(),
        Value::Text(text) => u32::from_str_radix(text.trim_start_matches("0o"), 8).ok(),
        _ => return None,
    };
    let mode = number.filter(|mode| *mode <= 0o7777);
    if mode.is_none() {
        let message = format!("`{key}` must be octal digits such as `0440`");
        findings.error(message, &node.place);
    }
    mode
}
