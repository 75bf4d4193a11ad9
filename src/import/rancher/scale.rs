//! How many, and how they change: `scale`, `scale_policy`, `start_on_create`, `upgrade_strategy`, `drain_timeout_ms`.

use docker_compose_types::UpdateConfig;
use serde_yaml::Value as Yaml;

use crate::compose::tree::Node;
use crate::import::draft::{Draft, at};

use super::stack::{Keys, place_of};
use super::values;

/// Translates to `deploy`.
pub fn translate(keys: &mut Keys, name: &str, draft: &mut Draft) {
    replicas(keys, name, draft);
    if let Some(node) = keys.take("upgrade_strategy") {
        upgrade(&node, name, draft);
    }
    if let Some(node) = keys.take("milli_cpu_reservation") {
        let cpus = values::text(&node)
            .and_then(|text| text.parse::<f64>().ok())
            .map(|milli| (milli / 1000.0).to_string());
        let resources = draft
            .service(name)
            .deploy
            .get_or_insert_default()
            .resources
            .get_or_insert_default();
        resources.reservations.get_or_insert_default().cpus = cpus;
        // Memory is not reserved beside `deploy` once that reserves something.
        let memory = draft.service(name).mem_reservation.take();
        let deploy = draft.service(name).deploy.get_or_insert_default();
        let resources = deploy.resources.get_or_insert_default();
        resources.reservations.get_or_insert_default().memory = memory;
    }
    // A balancer drained for so long; then the engine stops the container.
    if let Some(node) = keys.take("drain_timeout_ms") {
        draft.service(name).stop_grace_period = values::milliseconds(&node);
        let text =
            "drain_timeout_ms: Hoist's ingress drains a replica before it stops; the time is the replica's to stop in";
        draft.say(at(["services", name, "stop_grace_period"]), text);
    }
}

fn replicas(keys: &mut Keys, name: &str, draft: &mut Draft) {
    let policy = keys.take("scale_policy");
    let smallest = policy.as_ref().and_then(|node| node.get("min")).cloned();
    let scale = keys.take("scale").or(smallest);
    let stopped = keys
        .get("start_on_create")
        .is_some_and(|node| values::flag(node) == Some(false));
    let global = draft
        .service(name)
        .deploy
        .as_ref()
        .is_some_and(|deploy| deploy.mode.as_deref() == Some("global"));
    if let Some(policy) = &policy {
        let shown = values::shown(policy);
        draft.lost_with(
            place_of(name),
            "scale_policy",
            Some(&shown),
            "Hoist scales when it is told to",
            &policy.place,
        );
    }
    if stopped && let Some(node) = keys.take("start_on_create") {
        draft.service(name).deploy.get_or_insert_default().replicas = Some(0);
        let scale = scale.as_ref().and_then(values::text).unwrap_or_else(|| "1".to_owned());
        let why = format!("it is made at 0: `hoist scale {name}={scale}` starts it");
        draft.lost(
            at(["services", name, "deploy", "replicas"]),
            "start_on_create: false",
            &why,
            &node.place,
        );
    } else if let Some(scale) = scale {
        if global {
            let shown = values::shown(&scale);
            let why = "the service is global: it runs once on each host";
            return draft.lost_with(place_of(name), "scale", Some(&shown), why, &scale.place);
        }
        match values::number(&scale) {
            Yaml::Number(number) => {
                draft.service(name).deploy.get_or_insert_default().replicas = number.as_i64();
            }
            variable => draft.beyond(at(["services", name, "deploy", "replicas"]), variable),
        }
    }
}

fn upgrade(node: &Node, name: &str, draft: &mut Draft) {
    let path = |key: &str| at(["services", name, "deploy", "update_config", key]);
    let mut config = UpdateConfig::default();
    let mut beyond = Vec::new();
    for (key, entry) in node.as_map().into_iter().flatten() {
        match key.as_str() {
            "batch_size" => match values::number(&entry.value) {
                Yaml::Number(number) => config.parallelism = number.as_i64(),
                variable => beyond.push((path("parallelism"), variable)),
            },
            "interval_millis" => config.delay = values::milliseconds(&entry.value),
            "start_first" => {
                let order = if values::flag(&entry.value) == Some(true) {
                    "start-first"
                } else {
                    "stop-first"
                };
                beyond.push((path("order"), Yaml::from(order)));
            }
            _ => {
                let shown = values::shown(&entry.value);
                let what = format!("upgrade_strategy.{key}");
                let why = "it is the state of an upgrade, which Hoist keeps with the cluster";
                draft.lost_with(place_of(name), &what, Some(&shown), why, &entry.key);
            }
        }
    }
    draft.service(name).deploy.get_or_insert_default().update_config = Some(config);
    for (path, value) in beyond {
        draft.beyond(path, value);
    }
}
