//! The defaults stage: what the specification says where the merged files say nothing.
//!
//! Two steps, as in the reference: [`fill`] completes what is there, in each set of files; [`imply`] adds to the whole
//! project what it implies (networks, names, dependencies). Never overrides what a file says.

use super::paths::normal;
use super::source::Place;
use super::tree::{Entry, Mapping, Node, Put, Value};

/// Fills the defaults of attributes that are there: a build's context, a secret's target.
pub fn fill(project: &mut Node) {
    let services = project.get_mut("services").and_then(Node::as_map_mut);
    for entry in services.into_iter().flat_map(|services| services.values_mut()) {
        let Some(service) = entry.value.as_map_mut() else {
            continue;
        };
        if let Some(entry) = service.get_mut("build")
            && let Some(build) = entry.value.as_map_mut()
        {
            build.put_default("context", Node::text(".", &entry.key.clone()));
        }
        for secret in list(service.get_mut("secrets").map(|entry| &mut entry.value)) {
            secret_target(secret);
        }
        for port in list(service.get_mut("ports").map(|entry| &mut entry.value)) {
            let place = port.place.clone();
            if let Some(port) = port.as_map_mut() {
                port.put_default("protocol", Node::text("tcp", &place));
            }
        }
        for request in list(service.get_mut("gpus").map(|entry| &mut entry.value)) {
            device_count(request);
        }
        let reservations = service
            .get_mut("deploy")
            .and_then(|deploy| deploy.value.get_mut("resources"))
            .and_then(|resources| resources.get_mut("reservations"));
        for request in list(reservations.and_then(|reservations| reservations.get_mut("devices"))) {
            device_count(request);
        }
    }
}

/// Fills what the reference fills as early, and Hoist leaves open to the end: whether the file said it matters to the
/// runtime. For the merged files as data.
pub fn fill_modes(project: &mut Node) {
    let services = project.get_mut("services").and_then(Node::as_map_mut);
    for entry in services.into_iter().flat_map(|services| services.values_mut()) {
        for port in list(entry.value.get_mut("ports")) {
            let place = port.place.clone();
            if let Some(port) = port.as_map_mut() {
                port.put_default("mode", Node::text("ingress", &place));
            }
        }
    }
}

fn list(node: Option<&mut Node>) -> impl Iterator<Item = &mut Node> {
    node.and_then(Node::as_list_mut).into_iter().flatten()
}

/// A request for devices that says neither how many nor which asks for all.
fn device_count(request: &mut Node) {
    let place = request.place.clone();
    if let Some(request) = request.as_map_mut()
        && !request.contains_key("device_ids")
    {
        request.put_default("count", Node::text("all", &place));
    }
}

fn secret_target(secret: &mut Node) {
    let name = secret.get("source").and_then(Node::as_text);
    let target = name.map(|name| format!("/run/secrets/{name}"));
    let place = secret.place.clone();
    if let (Some(target), Some(mapping)) = (target, secret.as_map_mut()) {
        mapping.put_default("target", Node::text(target, &place));
    }
}

/// Adds what the whole project implies: the default network, names of what it makes, dependencies.
pub fn imply(project: &mut Node, name: &str) {
    let mut default_network = None;
    if let Some(services) = project.get_mut("services").and_then(Node::as_map_mut) {
        for entry in services.values_mut() {
            let place = entry.key.clone();
            if let Some(service) = entry.value.as_map_mut() {
                self::service(service, &place);
                let uses_default = service
                    .get("networks")
                    .is_some_and(|networks| networks.value.get("default").is_some());
                let own_network = !service.contains_key("network_mode") && !service.contains_key("provider");
                if uses_default && own_network && default_network.is_none() {
                    default_network = Some(place);
                }
            }
        }
    }
    let Some(root) = project.as_map_mut() else { return };
    if let Some(place) = default_network {
        root.put_default("networks", Node::empty_map(&place));
        if let Some(networks) = root.get_mut("networks").and_then(|entry| entry.value.as_map_mut()) {
            networks.put_default("default", Node::null(&place));
        }
    }
    for kind in ["networks", "volumes", "configs", "secrets"] {
        let resources = root.get_mut(kind).and_then(|entry| entry.value.as_map_mut());
        for (key, entry) in resources.into_iter().flat_map(|resources| resources.iter_mut()) {
            resource_name(key, entry, name);
        }
    }
}

/// `name:`, else `PROJECT_KEY` or, for what is external, the key.
fn resource_name(key: &str, entry: &mut Entry, project: &str) {
    if entry.value.is_null() {
        entry.value.value = Value::map(Mapping::default());
    }
    let external = entry.value.get("external").is_some_and(Node::is_true);
    let name = if external {
        key.to_owned()
    } else {
        format!("{project}_{key}")
    };
    let place = entry.key.clone();
    if let Some(mapping) = entry.value.as_map_mut() {
        mapping.put_default("name", Node::text(name, &place));
    }
}

fn service(service: &mut Mapping, place: &Place) {
    let has_networks = service
        .get("networks")
        .and_then(|networks| networks.value.as_map())
        .is_some_and(|networks| !networks.is_empty());
    let broken = service
        .get("networks")
        .is_some_and(|networks| networks.value.is_invalid());
    if !has_networks && !broken && !service.contains_key("network_mode") && !service.contains_key("provider") {
        service.put("networks", Node::map(place, [("default", Node::null(place))]));
    }
    if let Some(entry) = service.get_mut("build")
        && let Some(build) = entry.value.as_map_mut()
    {
        let place = entry.key.clone();
        let stated = |build: &Mapping, key: &str| build.get(key).is_some_and(|entry| !entry.value.is_null());
        if !stated(build, "dockerfile_inline") && !stated(build, "dockerfile") {
            build.put("dockerfile", Node::text("Dockerfile", &place));
        }
    }
    if let Some(policy) = service.get_mut("pull_policy")
        && policy.value.as_text() == Some("if_not_present")
    {
        policy.value.value = Value::Text("missing".to_owned());
    }
    for mount in list(service.get_mut("volumes").map(|entry| &mut entry.value)) {
        if let Some(target) = mount.get_mut("target")
            && let Some(text) = target.as_text()
        {
            // `/data/` and `/data` are one target.
            target.value = Value::Text(normal(text));
        }
    }
    for (name, restart) in implied_dependencies(service) {
        let dependency = Node::map(
            &name.place,
            [
                ("condition", Node::text("service_started", &name.place)),
                ("restart", Node::boolean(restart, &name.place)),
                ("required", Node::boolean(true, &name.place)),
            ],
        );
        service.put_default("depends_on", Node::empty_map(&name.place));
        let depends_on = service.get_mut("depends_on").and_then(|entry| entry.value.as_map_mut());
        if let (Some(depends_on), Some(name)) = (depends_on, name.as_text()) {
            depends_on.put_default(name, dependency);
        }
    }
}

/// The services that a service needs because it shares something of theirs, and whether it restarts with them.
fn implied_dependencies(service: &Mapping) -> Vec<(Node, bool)> {
    let mut names = Vec::new();
    let list = |key: &str| {
        let list = service.get(key).and_then(|entry| entry.value.as_list());
        list.unwrap_or_default().iter()
    };
    for item in list("links") {
        let Some(text) = item.as_text() else { continue };
        let name = text.split_once(':').filter(|(_, alias)| !alias.contains(':'));
        names.push((Node::text(name.map_or(text, |(name, _)| name), &item.place), true));
    }
    for key in ["network_mode", "ipc", "pid", "uts", "cgroup"] {
        let Some(node) = service.get(key).map(|entry| &entry.value) else {
            continue;
        };
        if let Some(name) = node.as_text().and_then(|text| text.strip_prefix("service:")) {
            names.push((Node::text(name, &node.place), true));
        }
    }
    for item in list("volumes_from") {
        let Some(text) = item.as_text() else { continue };
        if !text.starts_with("container:") {
            names.push((Node::text(text.split(':').next().unwrap_or(text), &item.place), false));
        }
    }
    names
}
