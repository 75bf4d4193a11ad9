//! The forms that one attribute may be written in, made alike so that two of them merge.
//!
//! Never touches an attribute that stands in one file only.

use crate::compose::source::Place;
use crate::compose::tree::{Entry, Mapping, Node, Value, float_text};

/// Appends one list of text to another; `once`: leaves out what is there already.
pub fn append(base: &mut Node, over: Node, once: bool) {
    let place = if over.is_null() {
        base.place.clone()
    } else {
        over.place.clone()
    };
    let mut list = sequence(std::mem::replace(base, Node::null(&place)));
    let mut later = sequence(over);
    if once {
        later.retain(|item| !list.iter().any(|known| known.as_text() == item.as_text()));
    }
    list.extend(later);
    *base = Node::new(Value::List(list), place);
}

/// A mapping as its `KEY=VALUE` lines in the order of the alphabet, a text as a list of one.
fn sequence(node: Node) -> Vec<Node> {
    let place = node.place.clone();
    match node.value {
        Value::List(list) => list,
        Value::Text(text) => vec![Node::text(text, &place)],
        Value::Map(mapping) => {
            let mut lines: Vec<Node> = mapping
                .into_iter()
                .flat_map(|(key, entry)| lines(&key, entry))
                .collect();
            lines.sort_by(|left, right| left.as_text().cmp(&right.as_text()));
            lines
        }
        Value::Invalid => vec![Node::new(Value::Invalid, place)],
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Timestamp(_) => Vec::new(),
    }
}

fn lines(key: &str, entry: Entry) -> Vec<Node> {
    let place = entry.value.place.clone();
    match entry.value.value {
        Value::Null => vec![Node::text(key, &entry.key)],
        Value::Invalid => vec![Node::new(Value::Invalid, place)],
        Value::List(items) => items
            .iter()
            .map(|item| Node::text(format!("{key}={}", printed(item)), &item.place))
            .collect(),
        value => {
            let text = format!("{key}={}", printed(&Node::new(value, place.clone())));
            vec![Node::text(text, &place)]
        }
    }
}

/// A value as Go prints it (`%v`), which is how the reference writes it into the line.
fn printed(node: &Node) -> String {
    match &node.value {
        Value::Null | Value::Invalid => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Float(value) => float_text(*value),
        Value::Text(text) | Value::Timestamp(text) => text.clone(),
        Value::List(list) => {
            let items: Vec<String> = list.iter().map(printed).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Map(mapping) => {
            let mut entries: Vec<String> = mapping
                .iter()
                .map(|(key, entry)| format!("{key}:{}", printed(&entry.value)))
                .collect();
            entries.sort();
            format!("map[{}]", entries.join(" "))
        }
    }
}

/// A list of names becomes a mapping of them.
pub fn names(node: &mut Node, value: impl Fn(&Place) -> Node) {
    let Value::List(list) = &node.value else { return };
    let mut mapping = Mapping::default();
    for item in list {
        let Some(name) = item.as_text() else { continue };
        let entry = Entry {
            key: item.place.clone(),
            value: value(&item.place),
        };
        mapping.insert(name.to_owned(), entry);
    }
    node.value = Value::map(mapping);
}

/// What a dependency says that is only a name.
pub fn started(place: &Place) -> Node {
    Node::map(
        place,
        [
            ("condition", Node::text("service_started", place)),
            ("required", Node::boolean(true, place)),
        ],
    )
}

/// The short form of `build` is the context.
pub fn build(node: &mut Node) {
    if let Some(text) = node.as_text() {
        node.value = Node::map(&node.place, [("context", Node::text(text, &node.place))]).value;
    }
}
