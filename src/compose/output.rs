//! The canonical form as plain data: what `hoist config` prints.
//!
//! Knows the reference's order of keys (it stands in the schema's table) and what the reference leaves
//! out. Never changes what the project means.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::schema::{ROOT, Shape};
use super::tree::{Node, Put, Value};

/// Makes the canonical form of a finished project tree.
pub fn canonical(project: &Node) -> Json {
    let mut project = project.clone();
    if let Some(root) = project.as_map_mut() {
        root.shift_remove("version");
        for kind in ["networks", "volumes", "secrets", "configs"] {
            if root
                .get(kind)
                .and_then(|entry| entry.value.as_map())
                .is_some_and(|map| map.is_empty())
            {
                root.shift_remove(kind);
            }
        }
        let services = root.get_mut("services").and_then(|entry| entry.value.as_map_mut());
        for service in services.into_iter().flat_map(|services| services.values_mut()) {
            port_modes(&mut service.value);
            sort_hosts(service.value.get_mut("extra_hosts"));
            sort_hosts(
                service
                    .value
                    .get_mut("build")
                    .and_then(|build| build.get_mut("extra_hosts")),
            );
        }
    }
    convert(&project, &Shape::Object(&ROOT))
}

/// The form says `ingress` where the file says nothing.
fn port_modes(service: &mut Node) {
    let ports = service.get_mut("ports").and_then(Node::as_list_mut);
    for port in ports.into_iter().flatten() {
        let place = port.place.clone();
        if let Some(port) = port.as_map_mut() {
            port.put_default("mode", Node::text("ingress", &place));
        }
    }
}

/// By name; several addresses of one name stay in their order.
fn sort_hosts(node: Option<&mut Node>) {
    let host = |node: &Node| {
        let line = node.as_text().unwrap_or_default();
        line.split('=').next().unwrap_or_default().to_owned()
    };
    if let Some(list) = node.and_then(Node::as_list_mut) {
        list.sort_by_key(host);
    }
}

fn convert(node: &Node, shape: &'static Shape) -> Json {
    match &node.value {
        Value::List(list) => {
            let item = shape.item().unwrap_or(&Shape::Any);
            Json::Array(list.iter().map(|node| convert(node, item)).collect())
        }
        Value::Map(mapping) => {
            let mut output = Map::new();
            if let Some(object) = shape.object() {
                for key in object.keys.iter().filter(|key| !key.name.starts_with("x-")) {
                    if let Some(entry) = mapping.get(key.name) {
                        let value = convert(&entry.value, &key.shape);
                        if !value.is_null() && (key.kept || !is_empty(&value)) {
                            output.insert(key.name.to_owned(), value);
                        }
                    }
                }
            }
            let mut rest: BTreeSet<&String> = mapping.keys().collect();
            if let Some(object) = shape.object() {
                rest.retain(|name| name.starts_with("x-") || object.key(name).is_none());
            }
            for name in rest {
                // Extensions come out as written, in the order of the alphabet.
                let inner = shape.entry().unwrap_or(&Shape::Any);
                output.insert(name.clone(), convert(&mapping[name].value, inner));
            }
            Json::Object(output)
        }
        _ => node.to_json(),
    }
}

/// What the reference does not print, where the key does not keep it.
fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Bool(value) => !value,
        Json::Number(number) => number.as_f64() == Some(0.0),
        Json::String(text) => text.is_empty() || text == "0s",
        Json::Array(items) => items.is_empty(),
        Json::Object(entries) => entries.is_empty(),
    }
}
