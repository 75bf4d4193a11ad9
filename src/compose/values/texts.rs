//! Texts, and booleans in words.

use super::Settler;
use crate::compose::tree::{Node, Value};

impl Settler<'_> {
    /// A text; a whole number is taken for its digits.
    pub fn text(&mut self, node: &mut Node, name: &str) {
        match &node.value {
            Value::Text(_) | Value::Invalid => {}
            Value::Integer(number) => node.value = Value::Text(number.to_string()),
            _ => self.mismatch(node, name, "a string"),
        }
    }

    /// Any scalar, as text; what is no scalar is written as the reference writes it.
    pub fn scalar(&mut self, node: &mut Node, _name: &str) {
        if !node.is_invalid() {
            node.value = Value::Text(go_text(node));
        }
    }

    /// `true` and `false`; and, with a warning, the words of YAML 1.1.
    pub fn flag(&mut self, node: &mut Node, name: &str) {
        let text = match &node.value {
            Value::Bool(_) | Value::Invalid => return,
            Value::Text(text) => text,
            _ => return self.mismatch(node, name, "`true` or `false`"),
        };
        let value = match text.to_lowercase().as_str() {
            "true" => true,
            "false" => false,
            word @ ("y" | "yes" | "on" | "n" | "no" | "off") => {
                let value = matches!(word, "y" | "yes" | "on");
                let message = format!("`{text}` is not a boolean of YAML 1.2: {name} should say `{value}`");
                self.findings.warning(message, &node.place);
                value
            }
            _ => return self.mismatch(node, name, "`true` or `false`"),
        };
        node.value = Value::Bool(value);
    }
}

/// A value as Go's `fmt.Sprint` writes it.
pub fn go_text(node: &Node) -> String {
    match &node.value {
        Value::Null | Value::Invalid => "<nil>".to_owned(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(go_text).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Map(mapping) => {
            let mut entries: Vec<_> = mapping.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, entry)| format!("{key}:{}", go_text(&entry.value)))
                .collect();
            format!("map[{}]", entries.join(" "))
        }
        _ => node.scalar_text().unwrap_or_default(),
    }
}
