//! The canonical stage: short forms become long forms, on the tree.
//!
//! Two steps, as in the reference. [`canonical`] runs after each document is merged and settles what has a shape of
//! its own (ports, volumes, `depends_on`, …). [`settle`] runs once, on the whole project, and settles the forms that
//! merging still has to tell apart: lists of `KEY=VALUE`, command lines, a text where a list may stand. Knows the
//! short forms of the specification; fills in no default that a later file could still say otherwise.

mod lists;
mod mounts;
mod ports;
mod settled;

use super::findings::Findings;
use super::source::Place;
use super::tree::{Node, Put, Value};

pub use settled::settle;

/// Puts what was merged so far into long form; what is in long form already stays as it is.
pub fn canonical(project: &mut Node, findings: &mut Findings) {
    each(project.get_mut("services"), |service| self::service(service, findings));
    for kind in ["networks", "volumes", "configs", "secrets"] {
        each(project.get_mut(kind), external);
    }
}

/// Runs a step on every value of a mapping.
fn each(node: Option<&mut Node>, mut step: impl FnMut(&mut Node)) {
    if let Some(mapping) = node.and_then(Node::as_map_mut) {
        mapping.values_mut().for_each(|entry| step(&mut entry.value));
    }
}

fn service(service: &mut Node, findings: &mut Findings) {
    let Some(mapping) = service.as_map_mut() else { return };
    for (key, entry) in mapping.iter_mut() {
        let node = &mut entry.value;
        match key.as_str() {
            "build" => build(node, findings),
            "depends_on" => lists::name_map(node, |place| {
                Node::map(
                    place,
                    [
                        ("condition", Node::text("service_started", place)),
                        ("required", Node::boolean(true, place)),
                    ],
                )
            }),
            "networks" => lists::name_map(node, Node::null),
            "env_file" => {
                lists::to_list(node);
                items(node, |item| {
                    long(item, |path, place| {
                        Node::map(place, [("path", Node::text(path, place))])
                    });
                });
            }
            "extends" => long(node, |name, place| {
                Node::map(place, [("service", Node::text(name, place))])
            }),
            "ports" => ports::canonical(node, findings),
            "volumes" => mounts::canonical(node, findings),
            "dns" | "label_file" => lists::to_list(node),
            "configs" | "secrets" => items(node, file_use),
            "devices" => items(node, |item| device(item, findings)),
            _ => {}
        }
    }
}

fn build(node: &mut Node, findings: &mut Findings) {
    long(node, |context, place| {
        Node::map(place, [("context", Node::text(context, place))])
    });
    lists::text_map(node.get_mut("additional_contexts"), findings);
    if let Some(secrets) = node.get_mut("secrets") {
        items(secrets, file_use);
    }
}

/// `SOURCE[:TARGET[:PERMISSIONS]]`.
fn device(node: &mut Node, findings: &mut Findings) {
    let Some(text) = node.as_text().map(str::to_owned) else {
        return;
    };
    let mut parts = text.split(':');
    let source = parts.next().unwrap_or_default();
    let target = parts.next().unwrap_or(source);
    let permissions = parts.next().unwrap_or("rwm");
    if parts.next().is_some() || source.is_empty() {
        let message = format!("`{text}` is not a device: write `SOURCE[:TARGET[:PERMISSIONS]]`");
        findings.error(message, &node.place);
        node.value = Value::Invalid;
        return;
    }
    let place = node.place.clone();
    *node = Node::map(
        &place,
        [
            ("source", Node::text(source, &place)),
            ("target", Node::text(target, &place)),
            ("permissions", Node::text(permissions, &place)),
        ],
    );
}

/// A config or secret of a service, of which the short form is its name.
fn file_use(node: &mut Node) {
    long(node, |source, place| {
        Node::map(place, [("source", Node::text(source, place))])
    });
}

/// The old `external: {name: N}` becomes `external: true` and `name: N`.
fn external(resource: &mut Node) {
    let Some(node) = resource.get_mut("external") else {
        return;
    };
    let Some(inner) = node.as_map() else { return };
    let name = inner.get("name").map(|entry| entry.value.clone());
    node.value = Value::Bool(true);
    if let (Some(name), Some(mapping)) = (name, resource.as_map_mut()) {
        mapping.put_default("name", name);
    }
}

/// Runs a step on every item of a list.
fn items(node: &mut Node, step: impl FnMut(&mut Node)) {
    if let Some(list) = node.as_list_mut() {
        list.iter_mut().for_each(step);
    }
}

/// Replaces a text by its long form, keeping the tag.
fn long(node: &mut Node, make: impl FnOnce(&str, &Place) -> Node) {
    if let Some(text) = node.as_text() {
        node.value = make(text, &node.place).value;
    }
}

/// The first port of `FIRST[-LAST]`.
pub fn first_port_of_range(text: &str) -> Option<u16> {
    ports::first_of_range(text)
}
