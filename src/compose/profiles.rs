//! The profiles stage: which services take part (specification: *profiles*).
//!
//! Never looks at what a service says otherwise.

use std::collections::BTreeSet;

use super::tree::{Mapping, Node};

/// Services that take no part, by name.
pub type Disabled = Mapping;

/// Takes the services out that no active profile wants.
pub fn choose(project: &mut Node, active: &[String]) -> Disabled {
    let mut disabled = Disabled::default();
    let Some(services) = project.get_mut("services").and_then(Node::as_map_mut) else {
        return disabled;
    };
    for (name, entry) in std::mem::take(services) {
        let to = if is_active(&entry.value, active) {
            &mut *services
        } else {
            &mut disabled
        };
        to.insert(name, entry);
    }
    disabled
}

/// Puts the services back that these profiles want.
pub fn enable(project: &mut Node, disabled: &mut Disabled, active: &[String]) {
    let Some(services) = project.get_mut("services").and_then(Node::as_map_mut) else {
        return;
    };
    for (name, entry) in std::mem::take(disabled) {
        let to = if is_active(&entry.value, active) {
            &mut *services
        } else {
            &mut *disabled
        };
        to.insert(name, entry);
    }
}

/// The profiles that services name, in the order of the alphabet.
pub fn all(project: &Node) -> Vec<String> {
    let services = project.get("services").and_then(Node::as_map);
    let named: BTreeSet<&str> = services
        .into_iter()
        .flat_map(|services| services.values())
        .flat_map(|entry| of(&entry.value))
        .collect();
    named.into_iter().map(str::to_owned).collect()
}

/// The profiles of one service.
pub fn of(service: &Node) -> impl Iterator<Item = &str> {
    let profiles = service.get("profiles").and_then(Node::as_list).unwrap_or_default();
    profiles.iter().filter_map(Node::as_text)
}

fn is_active(service: &Node, active: &[String]) -> bool {
    let mut profiles = of(service).peekable();
    profiles.peek().is_none()
        || active.iter().any(|name| name == "*")
        || profiles.any(|name| active.iter().any(|active| active == name))
}
