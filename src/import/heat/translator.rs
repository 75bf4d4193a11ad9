//! What the translation carries along: the template, the draft, and which resource became what.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde_yaml::Value as Yaml;

use crate::compose::load::FileReader;
use crate::compose::source::Place;
use crate::compose::tree::Node;
use crate::import::did_you_mean;
use crate::import::draft::{At, Draft, at};

use super::functions::{Found, Value};
use super::other_types::OTHER_TYPES;
use super::template::Template;
use super::types;

pub struct Translator<'a> {
    pub template: &'a Template,
    pub read: &'a FileReader<'a>,
    pub draft: &'a mut Draft,
    pub roles: IndexMap<String, Role>,
    /// Settings that all servers share, by their key in `x-openstack`.
    pub openstack: IndexMap<&'static str, Yaml>,
    /// Ports and floating addresses, and the group of the server that has them.
    pub stands_for: IndexMap<String, String>,
    /// Ports that containers publish on hosts.
    pub published: Vec<super::ports::Published>,
    /// Security groups that servers are in.
    pub guards: BTreeSet<String>,
    used: BTreeSet<String>,
}

/// What a resource becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    Service(String),
    Group(String),
    /// A generated string becomes a variable.
    Secret,
    Other,
}

/// A server or container, alone or as what a resource group repeats.
pub struct Unit {
    pub resource: String,
    /// How many; `None`: it stands alone.
    pub count: Option<Found>,
    pub properties: Properties,
}

/// The properties of one resource, from which readers take what they translate.
pub struct Properties {
    kind: &'static types::ResourceType,
    values: IndexMap<String, (Place, Found)>,
}

impl Properties {
    /// A function without a counterpart stays, to be told with the property's name.
    pub fn take(&mut self, name: &str) -> Option<Found> {
        if matches!(self.values.get(name)?.1.value, Value::Opaque(_)) {
            return None;
        }
        let (_, found) = self.values.shift_remove(name)?;
        (!matches!(found.value, Value::Null)).then_some(found)
    }

    /// One of two names of the same property, the old one only where the new one is missing.
    pub fn either(&mut self, name: &str, old: &str) -> Option<Found> {
        self.take(name).or_else(|| self.take(old))
    }

    /// Whether these are of this type.
    pub fn is(&self, kind: &str) -> bool {
        self.kind.name == kind
    }

    pub fn put_back(&mut self, name: &str, found: Found) {
        self.values.insert(name.to_owned(), (found.place.clone(), found));
    }
}

impl<'a> Translator<'a> {
    pub fn new(template: &'a Template, read: &'a FileReader<'a>, draft: &'a mut Draft) -> Self {
        let mut translator = Translator {
            template,
            read,
            draft,
            roles: IndexMap::new(),
            openstack: IndexMap::new(),
            stands_for: IndexMap::new(),
            published: Vec::new(),
            guards: BTreeSet::new(),
            used: BTreeSet::new(),
        };
        for (name, resource) in &template.resources {
            let role = match translator.repeated(name) {
                types::CONTAINER => {
                    Role::Service(translator.unused(name, |c| c.is_ascii_alphanumeric() || "._-".contains(c)))
                }
                types::SERVER => {
                    let name = name.to_lowercase();
                    Role::Group(translator.unused(&name, |c| c.is_ascii_lowercase() || c.is_ascii_digit()))
                }
                types::RANDOM_STRING => Role::Secret,
                _ => Role::Other,
            };
            translator.roles.insert(name.clone(), role);
            translator.known_type(&resource.kind, &resource.kind_place);
        }
        translator
    }

    fn known_type(&mut self, kind: &str, place: &Place) {
        let nested = [".yaml", ".yml", ".template"].iter().any(|end| kind.ends_with(end));
        if types::known(kind).is_some() || OTHER_TYPES.contains(&kind) || nested {
            return;
        }
        let names = types::TYPES
            .iter()
            .map(|known| known.name)
            .chain(OTHER_TYPES.iter().copied());
        self.draft.error(
            format!("unknown resource type `{kind}`"),
            place,
            did_you_mean(kind, names),
        );
    }

    /// The type of a resource, or of what a resource group repeats.
    fn repeated(&self, name: &str) -> &str {
        let Some(resource) = self.template.resources.get(name) else {
            return "";
        };
        if resource.kind != types::RESOURCE_GROUP {
            return &resource.kind;
        }
        let definition = resource.properties.as_ref().and_then(|node| node.get("resource_def"));
        definition
            .and_then(|node| node.get("type"))
            .and_then(Node::as_text)
            .unwrap_or_default()
    }

    /// A name of allowed characters that no other resource has.
    fn unused(&self, name: &str, allowed: impl Fn(char) -> bool) -> String {
        let mut name: String = name.chars().map(|c| if allowed(c) { c } else { '-' }).collect();
        name = name.trim_matches(['-', '.', '_']).to_owned();
        if name.is_empty() {
            name = "unnamed".to_owned();
        }
        let taken = |name: &str| {
            let same = |role: &Role| matches!(role, Role::Service(other) | Role::Group(other) if other == name);
            self.roles.values().any(same)
        };
        let mut number = 2;
        let first = name.clone();
        while taken(&name) {
            name = format!("{first}-{number}");
            number += 1;
        }
        name
    }

    /// All resources of a type, those of resource groups among them.
    pub fn units(&mut self, kind: &str) -> Vec<Unit> {
        let template = self.template;
        let mut units = Vec::new();
        for (name, resource) in &template.resources {
            if self.repeated(name) != kind {
                continue;
            }
            if resource.kind == kind {
                let properties = self.open(name);
                units.push(Unit {
                    resource: name.clone(),
                    count: None,
                    properties,
                });
                continue;
            }
            let mut group = self.open(name);
            let count = group.take("count");
            let definition = group.take("resource_def");
            let place = at(["x-hosts"]);
            self.leftover(&place, &format!("resource group {name}"), group);
            let node = resource.properties.as_ref().and_then(|node| node.get("resource_def"));
            let inner = node.and_then(|node| node.get("properties")).cloned();
            if let Some(metadata) = node.and_then(|node| node.get("metadata")) {
                self.draft
                    .lost(place, "resource_def.metadata", "it has no counterpart", &metadata.place);
            }
            let found = definition.map_or_else(|| resource.place.clone(), |found| found.place);
            let properties = self.properties(kind, inner.as_ref(), &found);
            let one = Found {
                value: Value::Number("1".to_owned()),
                place: found,
            };
            units.push(Unit {
                resource: name.clone(),
                count: Some(count.unwrap_or(one)),
                properties,
            });
        }
        units
    }

    /// The names of all resources of a type.
    pub fn of_type(&self, kind: &str) -> Vec<String> {
        let all = self.template.resources.iter();
        all.filter(|(_, resource)| resource.kind == kind)
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// The properties of a resource, which counts as translated from here on.
    pub fn open(&mut self, name: &str) -> Properties {
        self.used.insert(name.to_owned());
        let template = self.template;
        let Some(resource) = template.resources.get(name) else {
            return Properties {
                kind: &types::TYPES[0],
                values: IndexMap::new(),
            };
        };
        self.properties(&resource.kind, resource.properties.as_ref(), &resource.place)
    }

    /// One property of a resource, which does not count as translated by that.
    pub fn peek(&mut self, resource: &str, property: &str) -> Option<Found> {
        let node = self
            .template
            .resources
            .get(resource)?
            .properties
            .as_ref()?
            .get(property)?;
        Some(self.evaluate(node))
    }

    fn properties(&mut self, kind: &str, node: Option<&Node>, place: &Place) -> Properties {
        let kind = types::known(kind).unwrap_or(&types::TYPES[0]);
        let mut values = IndexMap::new();
        let mapping = match node {
            Some(node) if node.as_map().is_none() => {
                self.draft.error(
                    format!("`properties` must be a mapping, not {}", node.kind()),
                    place,
                    None,
                );
                None
            }
            other => other.and_then(Node::as_map),
        };
        for (name, entry) in mapping.into_iter().flatten() {
            if !kind.properties.iter().any(|(known, _)| known == name) {
                let hint = did_you_mean(name, kind.properties.iter().map(|(known, _)| *known));
                self.draft
                    .error(format!("`{}` has no property `{name}`", kind.name), &entry.key, hint);
                continue;
            }
            let found = self.evaluate(&entry.value);
            values.insert(name.clone(), (entry.key.clone(), found));
        }
        Properties { kind, values }
    }

    /// Reports what nobody took.
    pub fn leftover(&mut self, at: &At, owner: &str, properties: Properties) {
        for (name, (place, found)) in properties.values {
            let why = properties
                .kind
                .properties
                .iter()
                .find(|(known, _)| *known == name)
                .map_or("", |(_, why)| why);
            let why = match &found.value {
                Value::Opaque(function) => format!("the function `{function}` has no counterpart"),
                _ => why.to_owned(),
            };
            if types::IMPLIED
                .iter()
                .any(|(known, value)| *known == name && found.literal().as_deref() == Some(value))
            {
                continue;
            }
            let secret = name == "admin_pass" || name.ends_with("key");
            let value = if secret { None } else { Some(self.shown(&found)) };
            self.draft.lost_with(
                at.clone(),
                &format!("{name} of {owner}"),
                value.as_deref(),
                &why,
                &place,
            );
        }
    }

    /// The group of hosts that a resource stands for: a server, its port, its floating address.
    pub fn group_of(&self, resource: &str) -> Option<String> {
        match self.roles.get(resource) {
            Some(Role::Group(group)) => Some(group.clone()),
            _ => self.stands_for.get(resource).cloned(),
        }
    }

    /// Reports the resources that nothing took up, and what resources say beside their properties.
    pub fn untouched(&mut self) {
        let template = self.template;
        for (name, resource) in &template.resources {
            let place = match self.roles.get(name) {
                Some(Role::Service(service)) => at(["services", service]),
                Some(Role::Group(group)) => at(["x-hosts", group]),
                _ => at([]),
            };
            for (key, key_place, node) in &resource.rest {
                let found = self.evaluate(node);
                let value = self.shown(&found);
                let what = format!("{key} of {name}");
                self.draft
                    .lost_with(place.clone(), &what, Some(&value), "it has no counterpart", key_place);
            }
            if self.used.contains(name) {
                continue;
            }
            let what = format!("{name} ({})", resource.kind);
            if types::known(&resource.kind).is_none() || resource.kind == types::RESOURCE_GROUP {
                self.draft
                    .lost(at([]), &what, "this type has no counterpart", &resource.place);
                continue;
            }
            let properties = self.open(name);
            self.draft.lost(at([]), &what, "no server uses it", &resource.place);
            self.leftover(&at([]), name, properties);
        }
        let openstack = std::mem::take(&mut self.openstack);
        if !openstack.is_empty() {
            let section: serde_yaml::Mapping = super::servers::in_order(openstack);
            self.draft.extension(None, "x-openstack", Yaml::Mapping(section));
        }
    }
}
