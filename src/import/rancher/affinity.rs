//! Rules of Rancher's scheduler, which are labels: what `deploy` has a word for becomes that, and Hoist reads the others
//! from the labels that stay.
//!
//! Knows which labels the rules refer to, and which of them no container has any more.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde_yaml::Value as Yaml;

use crate::compose::interpolate;
use crate::compose::source::Place;
use crate::import::draft::{Draft, at};

use super::stack::{Role, Stack, place_of, warn};

/// Before a rule's name.
pub const RULE: &str = "io.rancher.scheduler.affinity:";
pub const GLOBAL: &str = "io.rancher.scheduler.global";
/// Labels that Rancher gives to containers, with the stack's and the service's name.
const OF_SERVICE: [&str; 2] = ["io.rancher.stack_service.name", "io.rancher.project_service.name"];
/// The same with the stack's name alone.
const OF_STACK: [&str; 2] = ["io.rancher.stack.name", "io.rancher.project.name"];
/// The stack's name in a rule.
const STACK_NAME: &str = "$${stack_name}";
/// The stack's name in the output.
const PROJECT: &str = "${COMPOSE_PROJECT_NAME}";

/// Whether a text has a variable, `$$` not counted.
pub fn varies(text: &str) -> bool {
    !interpolate::expressions(text).is_empty()
}

/// Labels of containers that a rule of the stack refers to.
pub fn wanted(labels: &IndexMap<String, IndexMap<String, String>>) -> BTreeSet<String> {
    let rules = labels.values().flatten();
    let rules = rules.filter(|(key, _)| {
        key.strip_prefix(RULE)
            .is_some_and(|rule| rule.starts_with("container_label"))
    });
    let pairs = rules.flat_map(|(_, value)| value.split(','));
    pairs
        .map(|pair| pair.split('=').next().unwrap_or_default().trim().to_owned())
        .collect()
}

/// Gives the services the labels with the stack's name, where a rule refers to them.
pub fn name_the_stack(stack: &Stack, name: &str, own: &mut IndexMap<String, String>) {
    for key in OF_STACK.iter().filter(|key| stack.wanted.contains(**key)) {
        let asked = format!("{key}={STACK_NAME}");
        let rules = stack
            .labels
            .values()
            .flatten()
            .filter(|(label, _)| label.starts_with(RULE));
        if stack.role(name) == Role::Normal
            && rules
                .clone()
                .any(|(_, value)| value.split(',').any(|pair| pair.trim() == asked))
        {
            own.entry((*key).to_owned()).or_insert_with(|| PROJECT.to_owned());
        }
    }
}

/// Translates a rule; the value of the label that stays for what Hoist reads from it.
pub fn translate(
    stack: &Stack,
    rule: &str,
    value: &str,
    place: &Place,
    name: &str,
    draft: &mut Draft,
) -> Option<String> {
    let constraint = match rule {
        "host_label" => Some("=="),
        "host_label_ne" => Some("!="),
        _ => None,
    };
    if let Some(sign) = constraint.filter(|_| !varies(value)) {
        let deploy = draft.service(name).deploy.get_or_insert_default();
        let placement = deploy.placement.get_or_insert_default();
        for pair in value.split(',').filter(|pair| !pair.trim().is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            placement
                .constraints
                .push(format!("node.labels.{} {sign} {}", key.trim(), value.trim()));
        }
        return None;
    }
    let pairs = value.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let mut kept = Vec::new();
    match rule {
        "host_label" | "host_label_ne" | "host_label_soft" | "host_label_soft_ne" => return Some(value.to_owned()),
        "container" | "container_ne" | "container_soft" | "container_soft_ne" => {
            for pair in pairs {
                if !is_named(stack, pair) {
                    let why = "no service of the stack has this `container_name`: give it to the one that is meant, or \
                               name the service with `container_label`";
                    let text = format!("`{RULE}{rule}` refers to the container `{pair}`: {why}");
                    warn(draft, place_of(name), &text, place, None);
                }
                kept.push(pair.to_owned());
            }
        }
        "container_label" | "container_label_ne" | "container_label_soft" | "container_label_soft_ne" => {
            for pair in pairs {
                match (matches(stack, pair, name), rule) {
                    // A service that shuns its own kind runs once on a host.
                    (Match::Itself, "container_label_ne") => {
                        let path = at(["services", name, "deploy", "placement", "max_replicas_per_node"]);
                        draft.beyond(path, Yaml::from(1));
                    }
                    // Replicas are spread over the hosts anyway.
                    (Match::Itself, "container_label_soft_ne") => {}
                    (Match::Itself | Match::Some, _) => kept.push(pair.replace(STACK_NAME, PROJECT)),
                    (Match::None(why), _) => {
                        draft.lost_with(place_of(name), &format!("{RULE}{rule}"), Some(pair), &why, place);
                    }
                }
            }
        }
        _ => draft.error(
            format!("no rule of Rancher's scheduler is called `{rule}`"),
            place,
            None,
        ),
    }
    (!kept.is_empty()).then(|| kept.join(","))
}

/// What a rule about a container's label meets in the output.
enum Match {
    Itself,
    Some,
    None(String),
}

fn matches(stack: &Stack, pair: &str, name: &str) -> Match {
    if varies(pair) {
        return Match::Some;
    }
    let (key, value) = pair
        .split_once('=')
        .map_or((pair, ""), |(key, value)| (key.trim(), value.trim()));
    let there = |service: &str| stack.labels.contains_key(service) && stack.role(service) == Role::Normal;
    if OF_SERVICE.contains(&key) {
        let service = value.rsplit('/').next().unwrap_or(value);
        return match service {
            _ if service == name || (service.contains("service_name") && service.contains('$')) => Match::Itself,
            _ if there(service) => Match::Some,
            _ if stack.labels.contains_key(service) => Match::None(format!("`{service}` is no service of the output")),
            _ => Match::None(format!(
                "the stack has no service `{service}`, and Hoist sees this project's containers only"
            )),
        };
    }
    if OF_STACK.contains(&key) && value == STACK_NAME {
        return Match::Some;
    }
    let has = |labels: &IndexMap<String, String>| labels.get(key).is_some_and(|label| label == value || varies(label));
    let owners = stack.labels.iter().filter(|(_, labels)| has(labels));
    if owners.clone().any(|(service, _)| there(service)) {
        return Match::Some;
    }
    Match::None(match OF_STACK.contains(&key) || key.starts_with("io.rancher.") {
        true => format!("Rancher gave its containers the label `{key}`, Hoist does not"),
        false => format!("no service of the output has the label `{pair}`"),
    })
}

/// Whether a service's container has this name.
fn is_named(stack: &Stack, wanted: &str) -> bool {
    varies(wanted)
        || stack
            .container_names
            .iter()
            .any(|(service, name)| stack.role(service) == Role::Normal && (name == wanted || varies(name)))
}
