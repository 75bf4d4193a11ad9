//! The second step: what can only be said of the merged project: which keys are missing, and which
//! entries of a list are there twice. One file may leave a key to another.

use super::check::fits_kind;
use super::resources::ROOT;
use super::shape::{Object, Shape};
use crate::compose::findings::Findings;
use crate::compose::source::Place;
use crate::compose::tree::{Mapping, Node, Value};

/// Checks the merged tree; everything in it went through [`super::check`] already.
pub fn check_whole(node: &Node, findings: &mut Findings) {
    look(node, &Shape::Object(&ROOT), "the file", findings);
}

/// Checks a value; `name` is what messages call it.
fn look(node: &Node, shape: &'static Shape, name: &str, findings: &mut Findings) {
    match (&node.value, shape) {
        (_, Shape::Optional(shape)) => look(node, shape, name, findings),
        (value, Shape::Either(shapes)) => {
            if let Some(shape) = shapes.iter().find(|shape| fits_kind(shape, value)) {
                look(node, shape, name, findings);
            }
        }
        (Value::List(list), Shape::List(item) | Shape::Set(item)) => {
            if matches!(shape, Shape::Set(_)) {
                distinct(list, name, findings);
            }
            for node in list {
                look(node, item, &format!("an entry of {name}"), findings);
            }
        }
        (Value::Map(mapping), Shape::Map(names, value)) => {
            for (key, entry) in mapping.iter().filter(|(key, _)| (names.fits)(key)) {
                look(&entry.value, value, &format!("`{key}`"), findings);
            }
        }
        (Value::Map(mapping), Shape::Object(object)) => {
            for (name, entry) in mapping.iter() {
                if let Some(key) = object.key(name) {
                    look(&entry.value, &key.shape, &format!("`{name}`"), findings);
                }
            }
            required(mapping, object, name, &node.place, findings);
        }
        _ => {}
    }
}

fn required(mapping: &Mapping, object: &Object, name: &str, place: &Place, findings: &mut Findings) {
    // A key that is not known may be the mistyped one that is missing.
    if mapping.values().any(|entry| entry.value.is_invalid()) {
        return;
    }
    for required in object.required {
        if !mapping.contains_key(*required) {
            findings.error(format!("{name} needs `{required}`"), place);
        }
    }
}

/// Up to how many entries the reference compares one by one.
const FEW: usize = 20;

/// Each entry that another before it equals is an error. Among few entries, a number equals a text before it that reads
/// as that number, as in the reference; the other way round it does not.
pub fn distinct(list: &[Node], name: &str, findings: &mut Findings) {
    let mut seen = std::collections::HashSet::new();
    for (index, node) in list.iter().enumerate().filter(|(_, node)| !node.is_invalid()) {
        let same = |other: &Node| number(node).is_some() && number(node) == other.as_text().and_then(read_number);
        let is_read = list.len() <= FEW && list[..index].iter().any(same);
        let identity = number(node).map_or_else(|| node.to_json().to_string(), |number| number.to_string());
        if !seen.insert(identity) || is_read {
            let shown = node.scalar_text().unwrap_or_default();
            findings.error(format!("{name} has `{shown}` twice"), &node.place);
        }
    }
}

fn number(node: &Node) -> Option<f64> {
    match node.value {
        Value::Integer(_) | Value::Float(_) => node.scalar_text()?.parse().ok(),
        _ => None,
    }
}

fn read_number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}
