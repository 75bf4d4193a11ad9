//! Balancers of the first `docker-compose.yml`: links, ports and labels say what `lb_config` says later.

use super::super::stack::{Keys, Stack};
use super::super::values;
use super::{Rule, Way, sticky};
use crate::compose::tree::Node;
use crate::import::did_you_mean;
use crate::import::draft::Draft;

const CONFIG: [&str; 6] = [
    "haproxy_config",
    "lb_cookie_stickiness_policy",
    "app_cookie_stickiness_policy",
    "health_check",
    "name",
    "description",
];

/// `load_balancer_config`.
pub(super) fn configuration(config: &Node, name: &str, common: &mut Way, draft: &mut Draft) {
    for (key, entry) in config.as_map().into_iter().flatten() {
        match key.as_str() {
            "lb_cookie_stickiness_policy" | "app_cookie_stickiness_policy" => sticky(&entry.value, name, common, draft),
            _ if CONFIG.contains(&key.as_str()) => {
                let why = "Hoist writes the configuration of HAProxy itself";
                let what = format!("load_balancer_config.{key} of {name}");
                draft.lost_with(Vec::new(), &what, Some(&values::shown(&entry.value)), why, &entry.key);
            }
            _ => {
                draft.error(
                    format!("`load_balancer_config` has no `{key}`"),
                    &entry.key,
                    did_you_mean(key, CONFIG),
                );
            }
        }
    }
}

/// The older balancer: each port leads to each linked service, and labels say host, path and port of a service.
pub(super) fn rules(stack: &Stack, keys: &mut Keys, name: &str, draft: &mut Draft) -> Vec<Rule> {
    let place = keys.place.clone();
    let labels = stack.labels.get(name).cloned().unwrap_or_default();
    let mut ports = Vec::new();
    for key in ["ports", "expose"] {
        ports.extend(keys.take(key).map(|node| values::texts(&node, ':')).unwrap_or_default());
    }
    let mut targets = Vec::new();
    for key in ["links", "external_links"] {
        targets.extend(keys.take(key).map(|node| values::texts(&node, ':')).unwrap_or_default());
    }
    let secure: Vec<&str> = labels
        .get("io.rancher.loadbalancer.ssl.ports")
        .map(|ports| ports.split(',').map(str::trim).collect())
        .unwrap_or_default();
    let mut rules = Vec::new();
    for port in &ports {
        let (port, protocol) = port.split_once('/').unwrap_or((port, "http"));
        let (source, target) = port.split_once(':').unwrap_or((port, port));
        for service in targets.iter().map(|target| target.split(':').next().unwrap_or(target)) {
            let mut way = Way {
                source: Some(source.to_owned()),
                target: Some(target.to_owned()),
                protocol: Some(if secure.contains(&source) { "https" } else { protocol }.to_owned()),
                ..Way::default()
            };
            let label = labels.get(&format!("io.rancher.loadbalancer.target.{service}"));
            for request in label.iter().flat_map(|label| label.split(',')) {
                requested(request.trim(), &mut way);
            }
            rules.push(Rule {
                way,
                service: Some(service.to_owned()),
                selector: None,
                place: place.clone(),
            });
        }
    }
    if let Some(node) = keys.take("labels") {
        for (key, value) in values::pairs(&node) {
            let understood =
                key.starts_with("io.rancher.loadbalancer.target.") || key == "io.rancher.loadbalancer.ssl.ports";
            if !understood {
                let why = "the ingress is Hoist's own";
                draft.lost_with(Vec::new(), &format!("{key} of {name}"), Some(&value), why, &node.place);
            }
        }
    }
    rules
}

/// `HOST:SOURCE_PORT/PATH=TARGET_PORT`, each part optional, for the source port that it names.
fn requested(request: &str, way: &mut Way) {
    let (request, target) = match request.split_once('=') {
        Some((request, target)) => (request, Some(target)),
        None if request.parse::<u16>().is_ok() => ("", Some(request)),
        None => (request, None),
    };
    let (address, path) = match request.find('/') {
        Some(at) => (&request[..at], Some(&request[at..])),
        None => (request, None),
    };
    let (host, source) = match address.split_once(':') {
        Some((host, source)) => (host, Some(source)),
        None if address.parse::<u16>().is_ok() => ("", Some(address)),
        None => (address, None),
    };
    if source.is_some_and(|source| way.source.as_deref() != Some(source)) {
        return;
    }
    way.host = Some(host.to_owned()).filter(|host| !host.is_empty());
    way.path = path.map(str::to_owned);
    if let Some(target) = target {
        way.target = Some(target.to_owned());
    }
}
