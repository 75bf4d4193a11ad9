//! Attributes that may be written as a list or as a mapping.

use crate::compose::findings::Findings;
use crate::compose::source::Place;
use crate::compose::tree::{Entry, Mapping, Node, Value};

/// One text becomes a list of one.
pub fn to_list(node: &mut Node) {
    if let Value::Text(_) = node.value {
        let item = Node::new(node.value.clone(), node.place.clone());
        node.value = Value::List(vec![item]);
    }
}

/// `NAME=value` items, or a mapping: becomes a mapping of text; no value is no value.
pub fn environment(node: Option<&mut Node>, findings: &mut Findings) {
    pairs(node, Node::null, findings);
}

/// The same for labels and their like, where no value is the empty text.
pub fn text_map(node: Option<&mut Node>, findings: &mut Findings) {
    pairs(node, |place| Node::text("", place), findings);
}

fn pairs(node: Option<&mut Node>, empty: impl Fn(&Place) -> Node, findings: &mut Findings) {
    let Some(node) = node else { return };
    match &mut node.value {
        Value::List(list) => {
            let mut mapping = Mapping::new();
            for item in list {
                let Some(text) = item.as_text() else { continue };
                let (name, value) = match text.split_once('=') {
                    Some((name, value)) => (name, Node::text(value, &item.place)),
                    None => (text, empty(&item.place)),
                };
                if name.is_empty() {
                    findings.error("a name is missing before `=`", &item.place);
                    continue;
                }
                let key = item.place.clone();
                mapping.insert(name.to_owned(), Entry { key, value });
            }
            node.value = Value::Map(mapping);
        }
        Value::Map(mapping) => {
            for entry in mapping.values_mut() {
                let value = &mut entry.value;
                if value.tag.is_some() || value.is_invalid() {
                    continue;
                }
                let text = match value.scalar_text() {
                    Some(text) => Node::text(text, &value.place),
                    None => empty(&value.place),
                };
                value.value = text.value;
            }
        }
        _ => {}
    }
}

/// A list of names becomes a mapping of them.
pub fn name_map(node: &mut Node, make: impl Fn(&Place) -> Node) {
    let Value::List(list) = &node.value else { return };
    let mut mapping = Mapping::new();
    for item in list {
        let Some(name) = item.as_text() else { continue };
        let entry = Entry {
            key: item.place.clone(),
            value: make(&item.place),
        };
        mapping.insert(name.to_owned(), entry);
    }
    node.value = Value::Map(mapping);
}

/// `HOST=IP`, `HOST:IP`, or a mapping: becomes a list of `HOST=IP`.
pub fn extra_hosts(node: &mut Node, findings: &mut Findings) {
    match &mut node.value {
        Value::List(list) => {
            for item in list {
                let Some(text) = item.as_text() else { continue };
                match text.split_once('=').or_else(|| text.split_once(':')) {
                    Some((host, address)) if !host.is_empty() && !address.is_empty() => {
                        item.value = Value::Text(host_line(host, address));
                    }
                    _ => {
                        let message = format!("`{text}` is not an extra host: write `HOST=ADDRESS`");
                        findings.error(message, &item.place);
                        item.value = Value::Invalid;
                    }
                }
            }
        }
        Value::Map(mapping) => {
            let mut lines = Vec::new();
            for (host, entry) in mapping {
                let addresses = match entry.value.as_list() {
                    Some(list) => list,
                    None => std::slice::from_ref(&entry.value),
                };
                for address in addresses {
                    if let Some(text) = address.as_text() {
                        lines.push(Node::text(host_line(host, text), &address.place));
                    }
                }
            }
            node.value = Value::List(lines);
        }
        _ => {}
    }
}

/// An IPv6 address loses its brackets.
fn host_line(host: &str, address: &str) -> String {
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    format!("{}={}", host.trim(), bare.unwrap_or(address).trim())
}
