//! Rancher's labels: scheduling, sidekicks, pulling.

use docker_compose_types::{Labels, PullPolicy, RestartPolicy};
use indexmap::IndexMap;
use serde_yaml::Value as Yaml;

use crate::compose::source::Place;
use crate::compose::tree::Node;
use crate::import::draft::{Draft, at};
use crate::import::links::Links;

use super::stack::{Keys, Role, Stack, place_of};
use super::values;

const AFFINITY: &str = "io.rancher.scheduler.affinity:";

/// Sidekicks run beside their primary, as many as it.
pub fn sidekicks(stack: &mut Stack, draft: &mut Draft) {
    let primaries: Vec<(String, String)> = stack
        .labels
        .iter()
        .filter_map(|(name, labels)| Some((name.clone(), labels.get("io.rancher.sidekicks")?.clone())))
        .collect();
    for (primary, sidekicks) in primaries {
        let scale = stack.services.get(&primary).and_then(|keys| keys.get("scale")).cloned();
        for sidekick in sidekicks.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let role = stack.role(sidekick);
            let Some(keys) = stack.services.get_mut(sidekick) else {
                let Some(primary) = stack.services.get(&primary) else {
                    continue;
                };
                draft.error(
                    format!("no service `{sidekick}`, which is to be a sidekick"),
                    &primary.place,
                    None,
                );
                continue;
            };
            if let Some(scale) = &scale {
                keys.put_back("scale", scale.clone());
            }
            if role == Role::Normal && !together(stack, &primary, sidekick) {
                let why = format!(
                    "it ran on the host of `{primary}`: Compose keeps two services together where one has the other's \
                     volumes or network"
                );
                let place = stack.services[sidekick].place.clone();
                draft.lost(place_of(sidekick), &format!("sidekick of {primary}"), &why, &place);
            }
        }
    }
}

/// Whether one of two services has the other's volumes or network.
fn together(stack: &Stack, one: &str, other: &str) -> bool {
    let shares = |one: &str, other: &str| {
        let keys = stack.services.get(one);
        let named = |key: &str| {
            keys.and_then(|keys| keys.get(key))
                .map(|node| values::texts(node, ':'))
                .unwrap_or_default()
        };
        let volumes = named("volumes_from")
            .iter()
            .any(|from| from.split(':').next() == Some(other));
        let nets = [named("net"), named("network_mode")].concat();
        volumes || nets.iter().any(|net| net == &format!("container:{other}"))
    };
    shares(one, other) || shares(other, one)
}

/// Translates a service's labels; those that are not Rancher's stay.
pub fn translate(keys: &mut Keys, name: &str, links: &mut Links, draft: &mut Draft) {
    let Some(node) = keys.take("labels") else { return };
    let mut own = IndexMap::new();
    for (key, value, place) in placed(&node) {
        if !key.starts_with("io.rancher.") {
            own.insert(key, value);
        } else if let Some(rule) = key.strip_prefix(AFFINITY) {
            if affinity(rule, &value, &place, name, draft) == Label::Stays {
                own.insert(key, value);
            }
        } else {
            rancher(&key, &value, &place, name, links, draft);
        }
    }
    if !own.is_empty() {
        draft.service(name).labels = Labels::Map(own);
    }
}

/// Labels with their places, from either form.
fn placed(node: &Node) -> Vec<(String, String, Place)> {
    match node.as_map() {
        Some(mapping) => mapping
            .iter()
            .map(|(key, entry)| {
                (
                    key.clone(),
                    entry.value.scalar_text().unwrap_or_default(),
                    entry.key.clone(),
                )
            })
            .collect(),
        None => node
            .as_list()
            .unwrap_or_default()
            .iter()
            .flat_map(|item| {
                values::pairs(item)
                    .into_iter()
                    .map(|(key, value)| (key, value, item.place.clone()))
            })
            .collect(),
    }
}

/// What becomes of a label of Rancher's scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    /// Compose has words for it.
    Goes,
    /// Compose has none, and Hoist reads the label.
    Stays,
}

fn affinity(rule: &str, value: &str, place: &Place, name: &str, draft: &mut Draft) -> Label {
    let constraint = match rule {
        "host_label" => Some("=="),
        "host_label_ne" => Some("!="),
        _ => None,
    };
    if let Some(sign) = constraint {
        let deploy = draft.service(name).deploy.get_or_insert_default();
        let placement = deploy.placement.get_or_insert_default();
        for pair in value.split(',').filter(|pair| !pair.trim().is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            placement
                .constraints
                .push(format!("node.labels.{} {sign} {}", key.trim(), value.trim()));
        }
        return Label::Goes;
    }
    // A service that shuns its own kind runs once on a host.
    let own = value.split_once('=').is_some_and(|(key, value)| {
        let service = value.rsplit('/').next().unwrap_or(value);
        let itself = service == name || (service.contains("service_name") && service.contains('$'));
        (key == "io.rancher.stack_service.name" || key == "io.rancher.project_service.name") && itself
    });
    match rule {
        "container_label_ne" if own => {
            let path = at(["services", name, "deploy", "placement", "max_replicas_per_node"]);
            draft.beyond(path, Yaml::from(1));
        }
        // Replicas are spread over the hosts anyway.
        "container_label_soft_ne" if own => {}
        "host_label_soft"
        | "host_label_soft_ne"
        | "container_label"
        | "container_label_ne"
        | "container_label_soft"
        | "container_label_soft_ne"
        | "container"
        | "container_ne"
        | "container_soft"
        | "container_soft_ne" => return Label::Stays,
        _ => draft.error(
            format!("no rule of Rancher's scheduler is called `{rule}`"),
            place,
            None,
        ),
    }
    Label::Goes
}

fn rancher(key: &str, value: &str, place: &Place, name: &str, links: &mut Links, draft: &mut Draft) {
    let why = match (key, value) {
        ("io.rancher.scheduler.global", "true") => {
            draft.service(name).deploy.get_or_insert_default().mode = Some("global".to_owned());
            return;
        }
        ("io.rancher.container.pull_image", "always") => {
            draft.service(name).pull_policy = Some(PullPolicy::Always);
            return;
        }
        ("io.rancher.container.start_once", "true") => {
            let service = draft.service(name);
            service.restart = Some("no".to_owned());
            service.deploy.get_or_insert_default().restart_policy = Some(RestartPolicy {
                condition: Some("none".to_owned()),
                ..RestartPolicy::default()
            });
            return;
        }
        ("io.rancher.service.wait_for_healthcheck", "true") => {
            links.wait_until_healthy(name);
            return;
        }
        // The stack's names work everywhere.
        ("io.rancher.container.dns", _) | ("io.rancher.scheduler.global", "false") => return,
        // Their services say what it comes to.
        ("io.rancher.sidekicks", _) => {
            draft.say(place_of(name), format!("io.rancher.sidekicks: {value}"));
            return;
        }
        ("io.rancher.container.hostname_override", _) => "replicas are called after their service",
        ("io.rancher.container.requested_ip", _) => "addresses are given out by the network",
        ("io.rancher.container.dns.priority", _) => "the search list is `dns_search`",
        ("io.rancher.service.selector.link" | "io.rancher.service.selector.container", _) => {
            "services are named, not selected: all services of a network reach each other"
        }
        _ => "Rancher reads this label, Hoist does not",
    };
    draft.lost_with(place_of(name), key, Some(value), why, place);
}
