//! Where each attribute of the loaded project stands.
//!
//! Looked up in the finished tree when somebody asks; nothing is written down for the many attributes that nobody asks for.

use std::sync::Arc;

use super::source::Place;
use super::tree::{Entry, Mapping, Node, Value};

/// Attribute path (`services.web.ports.0`) to place. Clones share what they look into.
#[derive(Debug, Clone)]
pub struct Places {
    tree: Arc<Node>,
}

impl Places {
    pub(super) fn of(tree: Arc<Node>) -> Self {
        Places { tree }
    }

    /// The place of an attribute, or of the nearest attribute above it that has one: a scalar or an item by itself, a mapping or
    /// list by its key.
    pub fn nearest(&self, path: &str) -> Option<&Place> {
        below(&self.tree, path)
    }
}

fn below<'a>(node: &'a Node, path: &str) -> Option<&'a Place> {
    match &node.value {
        Value::Map(mapping) => {
            let (entry, rest) = entry_of(mapping, path)?;
            let collection = matches!(entry.value.value, Value::Map(_) | Value::List(_) | Value::Null);
            let own = if collection { &entry.key } else { &entry.value.place };
            Some(below(&entry.value, rest).unwrap_or(own))
        }
        Value::List(list) => {
            let (index, rest) = path.split_once('.').unwrap_or((path, ""));
            let item = list.get(index.parse::<usize>().ok()?)?;
            Some(below(item, rest).unwrap_or(&item.place))
        }
        _ => None,
    }
}

/// The entry that a path begins with, and the rest of the path. Keys may have dots themselves: the longest that fits is meant.
fn entry_of<'a, 'p>(mapping: &'a Mapping, path: &'p str) -> Option<(&'a Entry, &'p str)> {
    let mut end = path.len();
    loop {
        if let Some(entry) = mapping.get(&path[..end]) {
            return Some((entry, path[end..].strip_prefix('.').unwrap_or_default()));
        }
        end = path[..end].rfind('.')?;
    }
}
