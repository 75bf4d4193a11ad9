//! The reset stage: `!reset` and `!override` take away what earlier files (or an extended service) say.
//!
//! Knows the two tags. A document is read once, which takes the tags out of it; what they take away is then applied to
//! each tree that the document is laid over. Never merges.

use super::tree::{Entry, Mapping, Node, Tag, Value};

/// What one document resets: the paths of the attributes.
#[derive(Debug, Clone, Default)]
pub struct Resets(Vec<Vec<String>>);

impl Resets {
    /// Takes the tags out of a document, and with `!reset` the attributes themselves.
    pub fn taken_from(document: &mut Node) -> Self {
        let mut reader = Reader::default();
        reader.node(document, true);
        Resets(reader.paths)
    }

    /// Takes the attributes out of what lies under the document.
    pub fn apply(&self, under: &mut Node) {
        for path in &self.0 {
            remove(under, path);
        }
    }

    /// Takes the attributes of one service out of what it extends.
    pub fn apply_to_service(&self, name: &str, extended: &mut Node) {
        for path in &self.0 {
            if let [services, service, rest @ ..] = &path[..]
                && services == "services"
                && matches(service, name)
            {
                remove(extended, rest);
            }
        }
    }
}

#[derive(Default)]
struct Reader {
    path: Vec<String>,
    paths: Vec<Vec<String>>,
}

impl Reader {
    /// Inside `!override` tags mean nothing more: the parser has none there. `recorded`: whether what is reset here has a path that can be applied (entries of lists have none).
    fn node(&mut self, node: &mut Node, recorded: bool) {
        if node.tag.take() == Some(Tag::Override) {
            self.record(recorded);
            return;
        }
        match &mut node.value {
            Value::Map(mapping) => {
                self.mapping(mapping, recorded);
            }
            Value::List(list) => {
                list.retain(|item| item.tag != Some(Tag::Reset));
                list.iter_mut().for_each(|item| self.node(item, false));
            }
            _ => {}
        }
    }

    fn mapping(&mut self, mapping: &mut Mapping, recorded: bool) {
        mapping.retain(|key, entry: &mut Entry| {
            self.path.push(key.clone());
            let stays = entry.value.tag != Some(Tag::Reset);
            if stays {
                self.node(&mut entry.value, recorded);
            } else {
                self.record(recorded);
            }
            self.path.pop();
            stays
        });
    }

    fn record(&mut self, recorded: bool) {
        if recorded {
            self.paths.push(self.path.clone());
        }
    }
}

fn remove(node: &mut Node, path: &[String]) {
    let Some(mapping) = node.as_map_mut() else { return };
    match path {
        [] => {}
        [key] => mapping.retain(|name, _| !matches(key, name)),
        [key, rest @ ..] if key == "*" => mapping.values_mut().for_each(|entry| remove(&mut entry.value, rest)),
        [key, rest @ ..] => {
            if let Some(entry) = mapping.get_mut(key) {
                remove(&mut entry.value, rest);
            }
        }
    }
}

/// A key `*` stands for every key, as in the reference.
fn matches(pattern: &str, name: &str) -> bool {
    pattern == "*" || pattern == name
}
