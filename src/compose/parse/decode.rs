//! The graph of a file becomes one tree for each document: aliases and merge keys (`<<`) followed, scalars resolved.
//!
//! Knows the reference's rules for all of it. Never knows what a key means.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::graph::{Content, Graph, Id, RawNode, place};
use super::scalar::{self, MERGE};
use super::{DEPTH, Keys};
use crate::compose::source::{Diagnostic, Place, Source};
use crate::compose::tree::{Entry, Mapping, Node, Tag, Value};

/// Nodes that a file may become, beside ten for each that it has: what aliases are followed to must end.
const NODES: usize = 400_000;

type Decoded<T> = Result<T, Box<Diagnostic>>;

/// Decodes one document.
///
/// # Errors
///
/// The first duplicate key, key that is no string, impossible tag, wrong merge, alias inside its own anchor, or too
/// large a result.
pub fn document(graph: &Graph, root: Id, source: &Arc<Source>, keys: Keys) -> Decoded<Node> {
    let mut decoder = Decoder {
        graph,
        source,
        keys,
        made: 0,
        path: Vec::new(),
        followed: HashMap::new(),
        open: Vec::new(),
        aliases: 0,
        overriding: 0,
    };
    decoder.node(root)
}

/// The paths on which one anchor was followed, and all that lies above them.
#[derive(Default)]
struct Followed {
    paths: HashSet<String>,
    above: HashSet<String>,
}

struct Decoder<'g> {
    graph: &'g Graph,
    source: &'g Arc<Source>,
    keys: Keys,
    /// How many nodes were made so far.
    made: usize,
    /// Keys and numbers down to the node at hand; merge keys left out.
    path: Vec<String>,
    followed: HashMap<Id, Followed>,
    /// The nodes that the one at hand stands in.
    open: Vec<Id>,
    /// How many aliases were followed to the node at hand.
    aliases: usize,
    /// How many `!override` stand above the node at hand: inside one, tags of Compose mean nothing more.
    overriding: usize,
}

impl<'g> Decoder<'g> {
    fn node(&mut self, id: Id) -> Decoded<Node> {
        let raw = &self.graph.nodes[id];
        self.enter(id, raw)?;
        let node = self.inside(id, raw);
        self.open.pop();
        node
    }

    /// Counts a node and opens it.
    fn enter(&mut self, id: Id, raw: &RawNode) -> Decoded<()> {
        self.made += 1;
        if self.made > NODES + 10 * self.graph.nodes.len() || self.open.len() > 2 * DEPTH {
            let message = "the file grows too large, or its aliases expand without end";
            return Err(self.error(message, raw).into());
        }
        self.open.push(id);
        Ok(())
    }

    fn inside(&mut self, id: Id, raw: &'g RawNode) -> Decoded<Node> {
        if let Content::Alias(_, target) = raw.content {
            return self.alias(id, target);
        }
        let tag = match raw.tag.as_deref() {
            _ if self.overriding > 0 => None,
            Some("!reset") => Some(Tag::Reset),
            Some("!override") => Some(Tag::Override),
            _ => None,
        };
        self.overriding += usize::from(tag.is_some());
        let value = match &raw.content {
            Content::Scalar(text) => {
                scalar::resolve(raw.tag.as_deref(), text).map_err(|found| self.error(found, raw).into())
            }
            Content::List(items) => self.list(items),
            Content::Map(entries) => self.map(entries).map(Value::map),
            Content::Alias(..) => Ok(Value::Null),
        };
        self.overriding -= usize::from(tag.is_some());
        let mut node = Node::new(value?, self.place(raw));
        node.tag = tag;
        Ok(node)
    }

    fn alias(&mut self, id: Id, target: Id) -> Decoded<Node> {
        self.follow(id, target)?;
        self.aliases += 1;
        let node = self.node(target);
        self.aliases -= 1;
        node
    }

    /// Checks that an alias may be followed: not inside its own anchor, and not where the same anchor is used above
    /// or below this place too, which the reference takes for a cycle.
    fn follow(&mut self, id: Id, target: Id) -> Decoded<()> {
        let mut cycle = self.open.contains(&target);
        let path = self.path.join(".");
        // Inside of what an alias stands for, the reference does not look again.
        if self.aliases == 0 && self.overriding == 0 && !path.is_empty() && !path.contains("<<") {
            let followed = self.followed.entry(target).or_default();
            let above = || path.match_indices('.').map(|(at, _)| &path[..at]);
            cycle |= followed.above.contains(&path) || above().any(|above| followed.paths.contains(above));
            followed.above.extend(above().map(str::to_owned));
            followed.paths.insert(path);
        }
        if !cycle {
            return Ok(());
        }
        let found = self.error("this alias stands inside what it stands for", &self.graph.nodes[id]);
        let (line, _) = self.place(&self.graph.nodes[target]).line_column();
        let hint = format!("the anchor is in line {line}; an alias of it cannot stand in itself, nor in another one");
        Err(Box::new(found.hint(hint)))
    }

    fn list(&mut self, items: &[Id]) -> Decoded<Value> {
        let mut list = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            self.path.push(index.to_string());
            let node = self.node(*item);
            self.path.pop();
            let node = node?;
            // An item cannot be named by a path of the reference: `!reset` on it only takes it out of this list.
            if node.tag != Some(Tag::Reset) {
                list.push(node);
            }
        }
        Ok(Value::List(list))
    }

    fn map(&mut self, entries: &[(Id, Id)]) -> Decoded<Mapping> {
        self.unique(entries)?;
        let mut mapping = Mapping::with_capacity_and_hasher(entries.len(), foldhash::fast::RandomState::default());
        self.own(entries, &mut mapping, false)?;
        self.merged(entries, &mut mapping)?;
        Ok(mapping)
    }

    /// The entries that a mapping writes itself, where the mapping has no such key yet.
    fn own(&mut self, entries: &[(Id, Id)], mapping: &mut Mapping, merging: bool) -> Decoded<()> {
        for (key, value) in entries {
            if self.is_merge(*key) {
                continue;
            }
            let Some(name) = self.key(*key, merging)? else { continue };
            self.path.push(name);
            let node = self.node(*value);
            let name = self.path.pop().unwrap_or_default();
            let node = node?;
            // What an anchor takes away is taken away where the anchor stands, not where it is used.
            if (node.tag == Some(Tag::Reset) && self.aliases > 0) || (merging && mapping.contains_key(&name)) {
                continue;
            }
            let key = self.place(&self.graph.nodes[*key]);
            mapping.insert(name, Entry { key, value: node });
        }
        Ok(())
    }

    /// What a mapping's `<<` adds: of several mappings the first one that has a key gives it.
    fn merged(&mut self, entries: &[(Id, Id)], mapping: &mut Mapping) -> Decoded<()> {
        let Some((_, value)) = entries.iter().find(|(key, _)| self.is_merge(*key)) else {
            return Ok(());
        };
        let raw = &self.graph.nodes[*value];
        if raw.tag.as_deref() == Some("!reset") && self.overriding == 0 {
            return Ok(());
        }
        // An alias may stand for the list, too: the reference puts what it stands for in its place first.
        let (target, aliased) = match raw.content {
            Content::Alias(_, target) => (target, 1),
            _ => (*value, 0),
        };
        match &self.graph.nodes[target].content {
            Content::List(items) => {
                if aliased > 0 {
                    self.follow(*value, target)?;
                }
                self.aliases += aliased;
                for (index, item) in items.iter().enumerate() {
                    self.path.push(index.to_string());
                    let done = self.merge_one(*item, mapping);
                    self.path.pop();
                    done?;
                }
                self.aliases -= aliased;
                Ok(())
            }
            _ => self.merge_one(*value, mapping),
        }
    }

    fn merge_one(&mut self, id: Id, mapping: &mut Mapping) -> Decoded<()> {
        let raw = &self.graph.nodes[id];
        let (target, aliased) = match raw.content {
            Content::Alias(_, target) => (target, true),
            _ => (id, false),
        };
        let Content::Map(entries) = &self.graph.nodes[target].content else {
            return Err(self.error("`<<` takes a mapping or a list of mappings", raw).into());
        };
        if aliased {
            self.follow(id, target)?;
        }
        self.unique(entries)?;
        self.enter(target, raw)?;
        self.aliases += usize::from(aliased);
        let done = self
            .own(entries, mapping, true)
            .and_then(|()| self.merged(entries, mapping));
        self.aliases -= usize::from(aliased);
        self.open.pop();
        done
    }

    fn unique(&self, entries: &[(Id, Id)]) -> Decoded<()> {
        let mut seen: HashMap<&str, Id> = HashMap::with_capacity(entries.len());
        for (key, _) in entries {
            let raw = &self.graph.nodes[*key];
            let name = match &raw.content {
                Content::Scalar(text) | Content::Alias(text, _) => text,
                Content::List(_) | Content::Map(_) => "",
            };
            if let Some(earlier) = seen.insert(name, *key) {
                let (line, _) = self.place(&self.graph.nodes[earlier]).line_column();
                let found = self.error(format!("the key `{name}` is there twice"), raw);
                return Err(Box::new(found.hint(format!("the first one is in line {line}"))));
            }
        }
        Ok(())
    }

    /// A key's name. What is merged takes numbers and the like as they are written; nothing (`~`) is no key there.
    fn key(&self, id: Id, merging: bool) -> Decoded<Option<String>> {
        let key = &self.graph.nodes[id];
        let target = match key.content {
            Content::Alias(_, target) => &self.graph.nodes[target],
            _ => key,
        };
        let Content::Scalar(text) = &target.content else {
            return Err(self
                .error("a key must be a string, not a list or a mapping", key)
                .into());
        };
        let resolved = scalar::resolve(target.tag.as_deref(), text);
        match resolved.map_err(|found| Box::new(self.error(found, key)))? {
            Value::Text(name) => Ok(Some(name)),
            Value::Null if merging => Ok(None),
            Value::Null => Err(self.no_key(&Value::Null, text, key)),
            _ if merging || self.keys == Keys::Scalars => Ok(Some(text.clone())),
            other => Err(self.no_key(&other, text, key)),
        }
    }

    fn no_key(&self, value: &Value, text: &str, key: &RawNode) -> Box<Diagnostic> {
        let found = self.error(format!("a key must be a string, not {}", value.kind()), key);
        Box::new(found.hint(format!("put it in quotes: `\"{text}\"`")))
    }

    fn is_merge(&self, key: Id) -> bool {
        let raw = &self.graph.nodes[key];
        raw.tag.as_deref() == Some(MERGE) && matches!(&raw.content, Content::Scalar(text) if text == "<<")
    }

    fn place(&self, raw: &RawNode) -> Place {
        place(self.source, raw.start, raw.end)
    }

    fn error(&self, message: impl Into<String>, raw: &RawNode) -> Diagnostic {
        Diagnostic::error(message, Some(self.place(raw)))
    }
}
