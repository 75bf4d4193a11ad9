//! What Hoist does with each attribute: the schema's table, read for a project, as a list of all paths, and
//! as the page `docs/compose-support.md`.
//!
//! Nothing is passed over in silence: what a project uses and Hoist does not do as the specification says
//! is a warning, or what commands that deploy refuse. Never decides what is done: that is in the table.

mod page;
mod table;

pub use page::page;
pub use table::{Row, table};

use super::schema::{By, ROOT, SERVICE, Shape, Support, fits_kind};
use super::source::{Diagnostic, Place};
use super::tree::{Entry, Node, Value};

/// One attribute that a project uses.
#[derive(Debug, Clone)]
pub struct Use {
    /// As it stands in the project: `services.web.ports[0].target`.
    pub path: String,
    /// As it stands in the table: `services.*.ports[].target`.
    pub attribute: String,
    pub place: Place,
    pub support: Support,
    /// The attribute's own key, for messages.
    name: String,
    /// Whether the table speaks of this attribute itself, not only of what it is inside of.
    own: bool,
    /// What the service runs as, for attributes of services.
    containers: bool,
}

impl Use {
    /// Whether this is, or is inside of, one of the services that are asked for by name. A name may have dots itself.
    pub fn is_of_one(&self, is_service: impl Fn(&str) -> bool) -> bool {
        let Some(rest) = self.path.strip_prefix("services.") else {
            return false;
        };
        let ends = rest.match_indices(['.', '[']).map(|(end, _)| end);
        ends.chain([rest.len()]).any(|end| is_service(&rest[..end]))
    }

    /// The service that this is of.
    pub fn is_of_services(&self) -> bool {
        self.path.starts_with("services.")
    }

    /// How or why, where the table speaks of this attribute itself.
    pub fn words(&self) -> Option<&'static str> {
        self.own.then(|| self.support.words()).flatten()
    }

    /// What there is to say about the use: a warning, or the error of commands that deploy.
    pub fn finding(&self) -> Option<Diagnostic> {
        if !self.own {
            return None;
        }
        let name = &self.name;
        let place = Some(self.place.clone());
        match self.support {
            Support::Approximated(words) => Some(Diagnostic::warning(format!("`{name}` {words}"), place)),
            Support::Services(words) if self.containers => {
                let message = format!("`{name}` has no effect on containers: {words}");
                Some(Diagnostic::warning(message, place))
            }
            Support::Containers(words) if !self.containers => {
                let message = format!("`{name}` has no effect on Swarm services: {words}");
                let hint = "`x-runtime: container` runs the service as containers that Hoist places";
                Some(Diagnostic::warning(message, place).hint(hint))
            }
            Support::Refused(words) => Some(Diagnostic::error(format!("`{name}` is not supported: {words}"), place)),
            _ => None,
        }
    }
}

/// The attributes that a merged project uses, in the order of the tree.
pub fn uses(project: &Node) -> Vec<Use> {
    let pool = project.get("x-hosts").and_then(Node::as_map);
    let mut walk = Walk {
        on_pool: pool.is_some_and(|groups| !groups.is_empty()),
        containers: false,
        uses: Vec::new(),
    };
    walk.node(
        project,
        &Shape::Object(&ROOT),
        At::default(),
        Support::Honoured(By::Both),
    );
    walk.uses
}

/// Where the walk is.
#[derive(Debug, Clone, Default)]
struct At {
    path: String,
    attribute: String,
}

impl At {
    fn key(&self, name: &str, attribute: &str) -> At {
        let join = |path: &str, key: &str| match path {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        };
        At {
            path: join(&self.path, name),
            attribute: join(&self.attribute, attribute),
        }
    }

    fn item(&self, index: usize) -> At {
        At {
            path: format!("{}[{index}]", self.path),
            attribute: format!("{}[]", self.attribute),
        }
    }
}

struct Walk {
    on_pool: bool,
    containers: bool,
    uses: Vec<Use>,
}

impl Walk {
    fn node(&mut self, node: &Node, shape: &'static Shape, at: At, inherited: Support) {
        match (&node.value, shape) {
            (_, Shape::Optional(shape)) => self.node(node, shape, at, inherited),
            (value, Shape::Either(shapes)) => {
                if let Some(shape) = shapes.iter().find(|shape| fits_kind(shape, value)) {
                    self.node(node, shape, at, inherited);
                }
            }
            (Value::List(list), Shape::List(item) | Shape::Set(item)) => {
                for (index, node) in list.iter().enumerate() {
                    self.node(node, item, at.item(index), inherited);
                }
            }
            (Value::Map(mapping), Shape::Map(names, shape)) => {
                for (name, entry) in mapping.iter().filter(|(name, _)| (names.fits)(name)) {
                    let at = at.key(name, "*");
                    if at.attribute == "services.*" {
                        self.containers = !self.on_pool || is_placed(&entry.value);
                    }
                    self.node(&entry.value, shape, at, inherited);
                }
            }
            (Value::Map(mapping), Shape::Object(object)) => {
                for (name, entry) in mapping.iter() {
                    let Some(key) = object.key(name) else { continue };
                    let support = key.support.unwrap_or(inherited);
                    let at = at.key(name, name);
                    if is_written(entry) {
                        self.uses.push(Use {
                            path: at.path.clone(),
                            attribute: at.attribute.clone(),
                            place: entry.key.clone(),
                            support,
                            name: name.clone(),
                            own: key.support.is_some(),
                            containers: self.containers,
                        });
                    }
                    self.node(&entry.value, &key.shape, at, support);
                }
            }
            _ => {}
        }
    }
}

/// Whether a key stands in a file; one of a long form that was made of a short one stands where its value does.
fn is_written(entry: &Entry) -> bool {
    entry.key != entry.value.place
}

/// Whether a service of a pool runs as containers: by its own word, or because of an attribute.
fn is_placed(service: &Node) -> bool {
    let by_word = service.get("x-runtime").and_then(Node::as_text);
    by_word == Some("container") || asks_for_placing(service, &Shape::Object(&SERVICE))
}

/// Whether something that only containers can do is in use, however deep inside.
fn asks_for_placing(node: &Node, shape: &'static Shape) -> bool {
    match (&node.value, shape) {
        (_, Shape::Optional(shape)) => asks_for_placing(node, shape),
        (value, Shape::Either(shapes)) => {
            let shape = shapes.iter().find(|shape| fits_kind(shape, value));
            shape.is_some_and(|shape| asks_for_placing(node, shape))
        }
        (Value::List(list), Shape::List(item) | Shape::Set(item)) => {
            list.iter().any(|node| asks_for_placing(node, item))
        }
        (Value::Map(mapping), Shape::Map(_, shape)) => {
            mapping.values().any(|entry| asks_for_placing(&entry.value, shape))
        }
        (Value::Map(mapping), Shape::Object(object)) => mapping.iter().any(|(name, entry)| {
            let key = object.key(name);
            key.is_some_and(|key| {
                key.support == Some(Support::Honoured(By::Placed)) || asks_for_placing(&entry.value, &key.shape)
            })
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
