//! How two applied projects differ: section by section (a service, a network, …), attribute by attribute.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::AppliedService;
use crate::compose::plain_yaml;

/// One of two projects that are compared.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The canonical project as YAML.
    pub project: &'a str,
    /// What ran; `None` for a project that was not applied yet. Compared only where both sides have it.
    pub services: Option<&'a BTreeMap<String, AppliedService>>,
    /// The names of the objects with the contents of configs and secrets, by key.
    pub configs: &'a BTreeMap<String, String>,
    pub secrets: &'a BTreeMap<String, String>,
}

/// What differs in one service, network, volume, config or secret, or in the project itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// `services`, `networks`, …; empty for the project itself.
    pub kind: String,
    /// Its key; of the project itself its name.
    pub name: String,
    pub changes: Vec<Change>,
}

/// One attribute's value that only one side has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `environment.MODE`; empty where the whole is a single value.
    pub attribute: String,
    pub value: String,
    /// It is the newer side's.
    pub added: bool,
}

/// Attribute to its values: several only where the attribute is a list of mappings.
type Attributes = Vec<(String, String)>;

/// What differs between two projects, services first.
///
/// # Errors
///
/// A text that is no YAML, with the parser's words.
pub fn differences(old: Side<'_>, new: Side<'_>) -> Result<Vec<Section>, String> {
    let with_services = old.services.is_some() && new.services.is_some();
    let (old, new) = (sections(old, with_services)?, sections(new, with_services)?);
    let keys = old.keys().chain(new.keys()).collect::<BTreeSet<_>>();
    let none = Attributes::new();
    let mut found: Vec<Section> = keys
        .into_iter()
        .map(|key| Section {
            kind: key.0.clone(),
            name: key.1.clone(),
            changes: changes(old.get(key).unwrap_or(&none), new.get(key).unwrap_or(&none)),
        })
        .filter(|section| !section.changes.is_empty())
        .collect();
    found.sort_by_key(|section| section.kind != "services");
    Ok(found)
}

/// Attributes by the section that they stand in: kind and key.
fn sections(side: Side<'_>, with_services: bool) -> Result<BTreeMap<(String, String), Attributes>, String> {
    let document = plain_yaml("project", side.project)?;
    let name = document["name"].as_str().unwrap_or_default().to_owned();
    let mut sections: BTreeMap<(String, String), Attributes> = BTreeMap::new();
    for (kind, value) in document.as_object().into_iter().flatten() {
        match value.as_object().filter(|_| !kind.starts_with("x-")) {
            Some(entries) => {
                for (key, value) in entries {
                    let section = sections.entry((kind.clone(), key.clone())).or_default();
                    flatten("", value, section);
                }
            }
            None => flatten(kind, value, sections.entry((String::new(), name.clone())).or_default()),
        }
    }
    let running = side.services.filter(|_| with_services);
    for (service, applied) in running.into_iter().flatten() {
        let section = sections.entry(("services".to_owned(), service.clone())).or_default();
        if let Some(image) = &applied.image {
            section.push(("(exact image)".to_owned(), image.clone()));
        }
        if let Some(replicas) = applied.replicas {
            section.push(("(replicas)".to_owned(), replicas.to_string()));
        }
    }
    for (kind, names) in [("configs", side.configs), ("secrets", side.secrets)] {
        for (key, name) in names {
            let section = sections.entry((kind.to_owned(), key.clone())).or_default();
            section.push(("(content)".to_owned(), name.clone()));
        }
    }
    Ok(sections)
}

fn flatten(path: &str, value: &Value, into: &mut Attributes) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                flatten(&path, value, into);
            }
        }
        // Each by itself: ports, mounts. Lists of words are read as a whole.
        Value::Array(items) if items.iter().any(Value::is_object) => {
            into.extend(items.iter().map(|item| (path.to_owned(), text(item))));
        }
        other => into.push((path.to_owned(), text(other))),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() && !text.contains(char::is_control) => text.clone(),
        Value::Object(entries) if !entries.is_empty() => pairs(entries),
        other => other.to_string(),
    }
}

fn pairs(entries: &Map<String, Value>) -> String {
    let pairs = entries.iter().map(|(key, value)| format!("{key}: {}", text(value)));
    pairs.collect::<Vec<_>>().join(", ")
}

/// What only one side has, attribute by attribute: the old value before the new one.
fn changes(old: &Attributes, new: &Attributes) -> Vec<Change> {
    let attributes: BTreeSet<&String> = old.iter().chain(new).map(|(attribute, _)| attribute).collect();
    let only = |attribute: &String, here: &Attributes, there: &Attributes, added: bool| -> Vec<Change> {
        let mut others: Vec<&String> = there
            .iter()
            .filter(|(name, _)| name == attribute)
            .map(|(_, value)| value)
            .collect();
        let mut found = Vec::new();
        for (_, value) in here.iter().filter(|(name, _)| name == attribute) {
            match others.iter().position(|other| *other == value) {
                Some(same) => drop(others.remove(same)),
                None => found.push(Change {
                    attribute: attribute.clone(),
                    value: value.clone(),
                    added,
                }),
            }
        }
        found
    };
    attributes
        .into_iter()
        .flat_map(|attribute| [only(attribute, old, new, false), only(attribute, new, old, true)].concat())
        .collect()
}
