//! The selection stage: services whose profiles are active, and of the resources what they use.
//!
//! Knows the specification's *profiles*. Never looks at what a service says otherwise.

use std::collections::HashSet;

use super::findings::Findings;
use super::tree::{Mapping, Node};

/// Takes out what the active profiles do not need.
pub fn select(project: &mut Node, profiles: &[String], findings: &mut Findings) {
    let Some(services) = project.get_mut("services").and_then(Node::as_map_mut) else {
        return;
    };
    let mut inactive: HashSet<String> = HashSet::new();
    services.retain(|name, entry| {
        let active = is_active(&entry.value, profiles);
        if !active {
            inactive.insert(name.clone());
        }
        active
    });
    for (name, entry) in services.iter() {
        let dependencies = entry.value.get("depends_on").and_then(Node::as_map);
        for (dependency, entry) in dependencies.into_iter().flatten() {
            let required = entry.value.get("required").is_none_or(Node::is_true);
            if required && inactive.contains(dependency) {
                findings.error_hint(
                    format!("the service `{name}` depends on `{dependency}`, whose profiles are not active"),
                    &entry.key,
                    Some("activate one with `--profile`, or say `required: false`".to_owned()),
                );
            }
        }
    }
    let used = Used::of(services);
    for (kind, used) in [
        ("networks", used.networks),
        ("volumes", used.volumes),
        ("configs", used.configs),
        ("secrets", used.secrets),
    ] {
        if let Some(resources) = project.get_mut(kind).and_then(Node::as_map_mut) {
            resources.retain(|name, _| used.contains(name));
        }
    }
}

fn is_active(service: &Node, active: &[String]) -> bool {
    let profiles = service.get("profiles").and_then(Node::as_list).unwrap_or_default();
    profiles.is_empty()
        || active.iter().any(|name| name == "*")
        || profiles
            .iter()
            .filter_map(Node::as_text)
            .any(|name| active.iter().any(|active| active == name))
}

#[derive(Default)]
struct Used {
    networks: HashSet<String>,
    volumes: HashSet<String>,
    configs: HashSet<String>,
    secrets: HashSet<String>,
}

impl Used {
    fn of(services: &Mapping) -> Self {
        let mut used = Used::default();
        for entry in services.values() {
            let service = &entry.value;
            let networks = service.get("networks").and_then(Node::as_map);
            used.networks
                .extend(networks.into_iter().flat_map(|networks| networks.keys().cloned()));
            let sources = |node: Option<&Node>| -> Vec<String> {
                let list = node.and_then(Node::as_list).unwrap_or_default();
                list.iter()
                    .filter_map(|item| item.get("source")?.as_text().map(str::to_owned))
                    .collect()
            };
            used.volumes.extend(sources(service.get("volumes")));
            used.configs.extend(sources(service.get("configs")));
            used.secrets.extend(sources(service.get("secrets")));
            used.secrets
                .extend(sources(service.get("build").and_then(|build| build.get("secrets"))));
        }
        used
    }
}
