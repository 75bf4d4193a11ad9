//! Mappings of text, which may be written as lists of `NAME=VALUE`.

use super::Settler;
use super::texts::go_text;
use crate::compose::source::Place;
use crate::compose::tree::{Entry, Mapping, Node, Value};

impl Settler<'_> {
    /// No value is the empty text.
    pub fn text_map(&mut self, node: &mut Node, name: &str) {
        match &mut node.value {
            Value::List(items) => {
                let pairs = items.iter().map(|item| pair(item, |place| Node::text("", place)));
                node.value = Value::map(pairs.collect());
            }
            Value::Map(mapping) => {
                for entry in mapping.values_mut().filter(|entry| !entry.value.is_invalid()) {
                    let value = &mut entry.value;
                    let text = if value.is_null() { String::new() } else { go_text(value) };
                    value.value = Value::Text(text);
                }
            }
            _ => self.mismatch(node, name, "a mapping or a list"),
        }
    }

    /// No value is no value.
    pub fn environment(&mut self, node: &mut Node, name: &str) {
        match &mut node.value {
            Value::List(items) => {
                let mut mapping = Mapping::default();
                for item in items {
                    let (variable, entry) = pair(item, Node::null);
                    if variable
                        .ends_with(|last: char| last == '\u{85}' || last == '\u{a0}' || last.is_ascii_whitespace())
                    {
                        let message = format!("there is a space behind the name `{}`", variable.trim_end());
                        self.findings.error(message, &item.place);
                    }
                    mapping.insert(variable, entry);
                }
                node.value = Value::map(mapping);
            }
            Value::Map(mapping) => {
                for entry in mapping.values_mut() {
                    let value = &mut entry.value;
                    if !value.is_null() && !value.is_invalid() {
                        value.value = Value::Text(go_text(value));
                    }
                }
            }
            _ => self.mismatch(node, name, "a mapping or a list"),
        }
    }

    /// Texts and whole numbers; no value is the empty text.
    pub fn strict_text_map(&mut self, node: &mut Node, name: &str) {
        self.no_extensions(node, name);
        self.each(node, name, |settler, value, name| {
            if value.is_null() {
                value.value = Value::Text(String::new());
            }
            settler.text(value, name);
        });
    }

    /// `x-` keys are extensions wherever a mapping stands, and not everything can hold them.
    pub fn no_extensions(&mut self, node: &Node, name: &str) {
        for (key, entry) in node.as_map().into_iter().flatten() {
            if key.starts_with("x-") {
                let message = format!("`{key}` is read as an extension, which {name} cannot have");
                self.findings.error(message, &entry.key);
            }
        }
    }

    /// Scalars and lists of scalars.
    pub fn options(&mut self, node: &mut Node, name: &str) {
        self.each(node, name, |_, value, _| {
            let items = match &value.value {
                Value::List(items) => items
                    .iter()
                    .map(|item| Node::text(go_text(item), &item.place))
                    .collect(),
                _ => vec![Node::text(go_text(value), &value.place)],
            };
            value.value = Value::List(items);
        });
    }
}

/// One `NAME[=VALUE]`.
fn pair(item: &Node, empty: impl Fn(&Place) -> Node) -> (String, Entry) {
    let text = go_text(item);
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Node::text(value, &item.place)),
        None => (text.as_str(), empty(&item.place)),
    };
    let key = item.place.clone();
    (name.to_owned(), Entry { key, value })
}
