//! What one service says against the rest of the project, and against itself.

use std::collections::HashMap;

use super::{defined, section};
use crate::compose::findings::Findings;
use crate::compose::nearest;
use crate::compose::source::Place;
use crate::compose::tree::{Entry, Node, Value};

pub fn check(project: &Node, name: &str, entry: &Entry, findings: &mut Findings) {
    let service = &entry.value;
    let mistyped = service
        .as_map()
        .is_some_and(|keys| keys.values().any(|entry| entry.value.is_invalid()));
    if !mistyped
        && !["image", "build", "provider"]
            .iter()
            .any(|key| service.get(key).is_some())
    {
        findings.error_hint(
            format!("the service `{name}` has neither `image` nor `build`"),
            &entry.key,
            Some("say which image it runs".to_owned()),
        );
    }
    depends_on(project, name, service, findings);
    networks(project, service, findings);
    shared_namespaces(project, service, findings);
    for mount in list(service, "volumes") {
        let is_volume = mount.get("type").and_then(Node::as_text) == Some("volume");
        if let (true, Some(source)) = (is_volume, mount.get("source"))
            && let Some(volume) = source.as_text()
        {
            defined(project, "volumes", "volume", volume, &source.place, findings);
        }
    }
    for (kind, what) in [("configs", "config"), ("secrets", "secret")] {
        for item in list(service, kind) {
            if let Some(source) = item.get("source")
                && let Some(name) = source.as_text()
            {
                defined(project, kind, what, name, &source.place, findings);
            }
        }
    }
    replicas(service, findings);
    doubled_limits(service, findings);
    constraints(project, service, findings);
}

fn list<'a>(service: &'a Node, key: &str) -> &'a [Node] {
    service.get(key).and_then(Node::as_list).unwrap_or_default()
}

fn depends_on(project: &Node, name: &str, service: &Node, findings: &mut Findings) {
    let dependencies = service.get("depends_on").and_then(Node::as_map);
    for (dependency, entry) in dependencies.into_iter().flatten() {
        if dependency == name {
            findings.error(format!("the service `{name}` depends on itself"), &entry.key);
            continue;
        }
        let required = entry.value.get("required").is_none_or(Node::is_true);
        if required {
            service_exists(project, dependency, &entry.key, findings);
        }
    }
}

fn service_exists(project: &Node, name: &str, place: &Place, findings: &mut Findings) {
    let Some(services) = section(project, "services") else {
        return;
    };
    if !services.contains_key(name) {
        let hint = nearest::hint(name, services.keys().map(String::as_str));
        findings.error_hint(format!("there is no service `{name}`"), place, hint);
    }
}

fn networks(project: &Node, service: &Node, findings: &mut Findings) {
    let networks = service.get("networks").and_then(Node::as_map);
    for (network, entry) in networks.into_iter().flatten() {
        if network != "default" {
            defined(project, "networks", "network", network, &entry.key, findings);
        }
    }
    if let (Some(_), Some(mode)) = (networks, service.get("network_mode")) {
        let message = "`network_mode` and `networks` exclude each other";
        findings.error(message, &mode.place);
    }
}

fn shared_namespaces(project: &Node, service: &Node, findings: &mut Findings) {
    for key in ["network_mode", "ipc", "pid"] {
        if let Some(node) = service.get(key)
            && let Some(name) = node.as_text().and_then(|text| text.strip_prefix("service:"))
        {
            service_exists(project, name, &node.place, findings);
        }
    }
}

fn replicas(service: &Node, findings: &mut Findings) {
    let scale = service.get("scale");
    let replicas = service.get("deploy").and_then(|deploy| deploy.get("replicas"));
    let number = |node: Option<&Node>| match node?.value {
        Value::Integer(number) => Some(number),
        _ => None,
    };
    if let (Some(left), Some(right), Some(scale)) = (number(scale), number(replicas), scale)
        && left != right
    {
        let message = format!("`scale` says {left} and `deploy.replicas` says {right}");
        findings.error_hint(message, &scale.place, Some("keep `deploy.replicas` only".to_owned()));
    }
    let wanted = number(replicas).or(number(scale)).unwrap_or(1);
    if let Some(name) = service.get("container_name")
        && wanted > 1
    {
        let message = format!("`container_name` allows one replica, not {wanted}: a name is there once");
        findings.error_hint(message, &name.place, Some("leave the name to Hoist".to_owned()));
    }
}

/// The old limits of a service beside those of `deploy.resources`.
fn doubled_limits(service: &Node, findings: &mut Findings) {
    let resources = service.get("deploy").and_then(|deploy| deploy.get("resources"));
    for (old, kind, new) in [
        ("mem_limit", "limits", "memory"),
        ("cpus", "limits", "cpus"),
        ("pids_limit", "limits", "pids"),
        ("mem_reservation", "reservations", "memory"),
    ] {
        let Some(left) = service.get(old) else { continue };
        let right = resources.and_then(|resources| resources.get(kind)?.get(new));
        let Some(right) = right else { continue };
        if left.scalar_text() != right.scalar_text() && !left.is_invalid() && !right.is_invalid() {
            let message = format!("`{old}` and `deploy.resources.{kind}.{new}` say different things");
            findings.error(message, &left.place);
        }
    }
}

/// A label that no group has can still be set by hand: a warning.
fn constraints(project: &Node, service: &Node, findings: &mut Findings) {
    let Some(groups) = section(project, "x-hosts") else {
        return;
    };
    let placement = service.get("deploy").and_then(|deploy| deploy.get("placement"));
    let constraints = placement
        .and_then(|placement| placement.get("constraints"))
        .and_then(Node::as_list);
    for constraint in constraints.unwrap_or_default() {
        let Some(text) = constraint.as_text() else { continue };
        let Some((left, right)) = text.split_once("==") else {
            if !text.contains("!=") {
                let message = format!("`{text}` is not a constraint");
                let hint = "write `node.labels.KEY == VALUE` or `!=`".to_owned();
                findings.error_hint(message, &constraint.place, Some(hint));
            }
            continue;
        };
        let Some(label) = left.trim().strip_prefix("node.labels.") else {
            continue;
        };
        let values = groups
            .values()
            .filter_map(|group| group.value.get("labels")?.get(label)?.scalar_text());
        let mut values = values.peekable();
        if values.peek().is_none() {
            let message = format!("no group of `x-hosts` has the label `{label}`");
            findings.warning(message, &constraint.place);
        } else if !values.any(|value| value == right.trim()) {
            let message = format!(
                "no group of `x-hosts` has the label `{label}` with the value `{}`",
                right.trim()
            );
            findings.warning(message, &constraint.place);
        }
    }
}

pub fn shared_container_names(project: &Node, findings: &mut Findings) {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    for (name, entry) in section(project, "services").into_iter().flatten() {
        let Some(node) = entry.value.get("container_name") else {
            continue;
        };
        let Some(container) = node.as_text() else { continue };
        if let Some(other) = seen.insert(container, name) {
            let message = format!("the container name `{container}` is that of the service `{other}` already");
            findings.error(message, &node.place);
        }
    }
}
