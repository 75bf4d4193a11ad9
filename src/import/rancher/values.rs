//! Scalars, lists and mappings of the two files, in the forms that the typed output takes.

use indexmap::IndexMap;
use serde_yaml::Value as Yaml;

use crate::compose::tree::{Node, Value};

/// A scalar's text.
pub fn text(node: &Node) -> Option<String> {
    node.scalar_text()
}

/// A list's texts; one scalar is a list of one, a mapping is `key` + separator + value.
pub fn texts(node: &Node, separator: char) -> Vec<String> {
    match &node.value {
        Value::List(list) => list.iter().flat_map(|item| texts(item, separator)).collect(),
        Value::Map(mapping) => mapping
            .iter()
            .map(|(key, entry)| match entry.value.scalar_text() {
                Some(value) => format!("{key}{separator}{value}"),
                None => key.clone(),
            })
            .collect(),
        _ => node.scalar_text().into_iter().collect(),
    }
}

/// A mapping, or a list of `key=value`.
pub fn pairs(node: &Node) -> IndexMap<String, String> {
    let split = |text: String| match text.split_once('=') {
        Some((key, value)) => (key.to_owned(), value.to_owned()),
        None => (text, String::new()),
    };
    texts(node, '=').into_iter().map(split).collect()
}

/// A boolean in the forms that the files have it.
pub fn flag(node: &Node) -> Option<bool> {
    match node.scalar_text()?.as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Any value, as the output has it.
pub fn yaml(node: &Node) -> Yaml {
    serde_yaml::to_value(node.to_json()).unwrap_or(Yaml::Null)
}

/// A number, or the text that a variable makes it.
pub fn number(node: &Node) -> Yaml {
    match node.scalar_text() {
        Some(text) => text.parse::<i64>().map_or_else(|_| Yaml::from(text), Yaml::from),
        None => Yaml::Null,
    }
}

/// Milliseconds as a duration: `2s`, `1m30s`.
pub fn milliseconds(node: &Node) -> Option<String> {
    let text = node.scalar_text()?;
    match text.parse::<u64>() {
        Ok(number) => Some(crate::compose::units::duration_text(std::time::Duration::from_millis(
            number,
        ))),
        Err(_) => Some(format!("{text}ms")),
    }
}

/// A value for a comment.
pub fn shown(node: &Node) -> String {
    match &node.value {
        Value::List(_) | Value::Map(_) => node.to_json().to_string(),
        _ => node.scalar_text().unwrap_or_default(),
    }
}
