//! Rancher's labels: scheduling, sidekicks, pulling.

use docker_compose_types::{Labels, PullPolicy, RestartPolicy};
use indexmap::IndexMap;

use crate::compose::source::Place;
use crate::compose::tree::Node;
use crate::import::draft::Draft;
use crate::import::links::Links;

use super::stack::{Keys, Role, Stack, place_of};
use super::{affinity, values};

/// Sidekicks run beside their primary, as many as it.
pub fn sidekicks(stack: &mut Stack, draft: &mut Draft) {
    let primaries: Vec<(String, String)> = stack
        .labels
        .iter()
        .filter_map(|(name, labels)| Some((name.clone(), labels.get("io.rancher.sidekicks")?.clone())))
        .collect();
    for (primary, sidekicks) in primaries {
        if matches!(stack.role(&primary), Role::Other(_)) {
            continue;
        }
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
        let net = |net: &String| {
            ["container:", "service:"]
                .iter()
                .any(|of| net.strip_prefix(of) == Some(other))
        };
        volumes || nets.iter().any(net)
    };
    shares(one, other) || shares(other, one)
}

/// Translates a service's labels; those that are not Rancher's stay.
pub fn translate(keys: &mut Keys, stack: &Stack, name: &str, links: &mut Links, draft: &mut Draft) {
    let labels = keys.take("labels");
    let mut own = IndexMap::new();
    for (key, value, place) in labels.iter().flat_map(placed) {
        if !key.starts_with("io.rancher.") {
            own.insert(key, value);
        } else if let Some(rule) = key.strip_prefix(affinity::RULE) {
            if let Some(kept) = affinity::translate(stack, rule, &value, &place, name, draft) {
                own.insert(key, kept);
            }
        } else if key == affinity::GLOBAL && affinity::varies(&value) {
            // Hoist reads this label, once the variable has its value.
            own.insert(key, value);
        } else {
            let wanted = stack.wanted.contains(&key);
            match rancher(&key, &value, name, links, draft) {
                Some(why) if !wanted => draft.lost_with(place_of(name), &key, Some(&value), why, &place),
                _ => {}
            }
            // A rule that stays refers to it.
            if wanted {
                own.insert(key, value);
            }
        }
    }
    affinity::name_the_stack(stack, name, &mut own);
    if own.is_empty() {
        return;
    }
    draft.service(name).labels = match own.keys().any(|key| affinity::varies(key)) {
        // Variables in keys are replaced in a list only.
        true => Labels::List(own.iter().map(|(key, value)| format!("{key}={value}")).collect()),
        false => Labels::Map(own),
    };
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

/// Translates another label of Rancher's; why it has no counterpart, where it has none.
fn rancher(key: &str, value: &str, name: &str, links: &mut Links, draft: &mut Draft) -> Option<&'static str> {
    Some(match (key, value) {
        ("io.rancher.scheduler.global", "true") => {
            draft.service(name).deploy.get_or_insert_default().mode = Some("global".to_owned());
            return None;
        }
        ("io.rancher.container.pull_image", "always") => {
            draft.service(name).pull_policy = Some(PullPolicy::Always);
            return None;
        }
        ("io.rancher.container.start_once", "true") => {
            let service = draft.service(name);
            service.restart = Some("no".to_owned());
            service.deploy.get_or_insert_default().restart_policy = Some(RestartPolicy {
                condition: Some("none".to_owned()),
                ..RestartPolicy::default()
            });
            return None;
        }
        ("io.rancher.service.wait_for_healthcheck", "true") => {
            links.wait_until_healthy(name);
            return None;
        }
        // The stack's names work everywhere.
        ("io.rancher.container.dns", _) | ("io.rancher.scheduler.global", "false") => return None,
        // Their services say what it comes to.
        ("io.rancher.sidekicks", _) => {
            draft.say(place_of(name), format!("io.rancher.sidekicks: {value}"));
            return None;
        }
        ("io.rancher.container.hostname_override", _) => "replicas are called after their service",
        ("io.rancher.container.requested_ip", _) => "addresses are given out by the network",
        ("io.rancher.container.dns.priority", _) => "the search list is `dns_search`",
        ("io.rancher.service.selector.link" | "io.rancher.service.selector.container", _) => {
            "services are named, not selected: all services of a network reach each other"
        }
        _ => "Rancher reads this label, Hoist does not",
    })
}
