//! Attributes that may be written as a list or as a mapping, or as one text.

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

/// A list of names becomes a mapping of them.
pub fn name_map(node: &mut Node, make: impl Fn(&Place) -> Node) {
    let Value::List(list) = &node.value else { return };
    let mut mapping = Mapping::default();
    for item in list {
        let Some(name) = item.as_text() else { continue };
        mapping.insert(name.to_owned(), entry(item, make(&item.place)));
    }
    node.value = Value::map(mapping);
}

/// A list of `NAME=VALUE` becomes a mapping; an item without a value is an error.
pub fn pairs(node: &mut Node, name: &str, findings: &mut Findings) {
    split(node, name, findings, |_| None);
}

/// A list of `ID=PATH` becomes a mapping; the id `default` may stand alone.
pub fn ssh_keys(node: &mut Node, findings: &mut Findings) {
    split(node, "ssh", findings, |item| {
        (item.as_text() == Some("default")).then(|| Node::null(&item.place))
    });
}

/// Splits items at `=`; `alone` gives the value of an item without one, where it may be so.
fn split(node: &mut Node, name: &str, findings: &mut Findings, alone: impl Fn(&Node) -> Option<Node>) {
    let Value::List(list) = &node.value else { return };
    let mut mapping = Mapping::default();
    for item in list {
        let Some(text) = item.as_text() else { continue };
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(Node::text(value, &item.place))),
            None => (text, alone(item)),
        };
        match value {
            Some(value) => {
                mapping.insert(key.to_owned(), entry(item, value));
            }
            None => findings.error(
                format!("`{text}` in `{name}` has no value: write `NAME=VALUE`"),
                &item.place,
            ),
        }
    }
    node.value = Value::map(mapping);
}

fn entry(item: &Node, value: Node) -> Entry {
    Entry {
        key: item.place.clone(),
        value,
    }
}
