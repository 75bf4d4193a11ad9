//! Lists of texts.

use super::Settler;
use super::texts::go_text;
use crate::compose::tree::{Node, Value};

impl Settler<'_> {
    /// A list; whole numbers in it are taken for their digits, nothing for the empty text.
    pub fn texts(&mut self, node: &mut Node, name: &str) {
        let Some(items) = node.as_list_mut() else {
            return self.mismatch(node, name, "a list");
        };
        for item in items {
            if item.is_null() {
                item.value = Value::Text(String::new());
            }
            self.text(item, &format!("an entry of {name}"));
        }
    }

    /// A list of texts, or one text.
    pub fn text_list(&mut self, node: &mut Node, name: &str) {
        if let Value::Text(_) = node.value {
            let item = Node::new(node.value.clone(), node.place.clone());
            node.value = Value::List(vec![item]);
        }
        let Some(items) = node.as_list_mut() else {
            return self.mismatch(node, name, "a string or a list");
        };
        for item in items {
            if !matches!(item.value, Value::Text(_) | Value::Invalid) {
                self.mismatch(item, &format!("an entry of {name}"), "a string");
            }
        }
    }

    /// A list of scalars, each taken for its text; or one text.
    pub fn scalar_list(&mut self, node: &mut Node, name: &str) {
        if let Value::Text(_) = node.value {
            return self.text_list(node, name);
        }
        let Some(items) = node.as_list_mut() else {
            return self.mismatch(node, name, "a list");
        };
        for item in items.iter_mut().filter(|item| !item.is_invalid()) {
            item.value = Value::Text(go_text(item));
        }
    }

    /// A list that begins with `CMD`, `CMD-SHELL` or `NONE`; a text is for the shell.
    pub fn health_test(&mut self, node: &mut Node, name: &str) {
        if let Some(text) = node.as_text() {
            let items = vec![Node::text("CMD-SHELL", &node.place), Node::text(text, &node.place)];
            node.value = Value::List(items);
        }
        self.text_list(node, name);
    }

    /// `HOST=ADDRESS` or `HOST:ADDRESS` items, or a mapping to one address or several: becomes a list of `HOST=ADDRESS`.
    pub fn hosts(&mut self, node: &mut Node, name: &str) {
        self.no_extensions(node, name);
        let mut lines = Vec::new();
        match &mut node.value {
            Value::List(items) => {
                for item in items {
                    let text = go_text(item);
                    let Some((host, addresses)) = text.split_once('=').or_else(|| text.split_once(':')) else {
                        let message = format!("`{text}` in {name} has no address: write `HOST=ADDRESS`");
                        self.findings.error(message, &item.place);
                        continue;
                    };
                    self.host_name(host, item);
                    for address in addresses.split(',') {
                        lines.push(Node::text(host_line(host, address), &item.place));
                    }
                }
            }
            Value::Map(mapping) => {
                for (host, entry) in mapping.iter() {
                    self.host_name(host, &entry.value);
                    let addresses = match &entry.value.value {
                        Value::List(items) => items.as_slice(),
                        _ => std::slice::from_ref(&entry.value),
                    };
                    for address in addresses.iter().filter(|address| !address.is_invalid()) {
                        let text = if address.is_null() {
                            String::new()
                        } else {
                            go_text(address)
                        };
                        lines.push(Node::text(host_line(host, &text), &address.place));
                    }
                }
            }
            _ => return self.mismatch(node, name, "a list or a mapping"),
        }
        node.value = Value::List(lines);
    }

    fn host_name(&mut self, host: &str, node: &Node) {
        if host.is_empty() || host.contains([':', '=']) {
            let message = format!("`{host}` cannot be the name of a host");
            self.findings.error(message, &node.place);
        }
    }
}

/// An IPv6 address loses its brackets.
fn host_line(host: &str, address: &str) -> String {
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    format!("{host}={}", bare.filter(|bare| !bare.is_empty()).unwrap_or(address))
}
