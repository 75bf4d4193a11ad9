//! The canonical stage: short forms become long forms, on the tree.
//!
//! It runs after each document is merged and settles what has a shape of its own (ports, volumes, `depends_on`, …). The
//! forms that merging still has to tell apart (lists of `KEY=VALUE`, command lines, a text where a list may stand) are
//! left to `values`, which runs once, on the whole project. Knows the short forms of the specification; fills in no
//! default that a later file could still say otherwise.

mod lists;
mod mounts;
mod ports;

use super::findings::Findings;
use super::source::Place;
use super::tree::{Node, Put, Value};

/// Puts what was merged so far into long form; what is in long form already stays as it is. Where variables are still
/// `written`, a short form that cannot be read stays as it is, too: a variable may stand in it.
pub fn canonical(project: &mut Node, written: bool, findings: &mut Findings) {
    each(project.get_mut("services"), |service| {
        self::service(service, written, findings);
    });
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

fn service(service: &mut Node, written: bool, findings: &mut Findings) {
    let Some(mapping) = service.as_map_mut() else { return };
    for (key, entry) in mapping.iter_mut() {
        let node = &mut entry.value;
        match key.as_str() {
            "build" => build(node, findings),
            "depends_on" => {
                lists::name_map(node, Node::empty_map);
                each(Some(node), dependency);
            }
            "networks" | "models" => lists::name_map(node, Node::null),
            "env_file" => {
                lists::to_list(node);
                items(node, env_file);
            }
            "extends" => long(node, |name, place| {
                Node::map(place, [("service", Node::text(name, place))])
            }),
            "ports" => ports::canonical(node, written, findings),
            "volumes" => mounts::canonical(node, written, findings),
            "dns" | "label_file" => lists::to_list(node),
            "configs" | "secrets" => items(node, file_use),
            "devices" => items(node, |item| device(item, written, findings)),
            "gpus" => gpus(node),
            "ulimits" if written => limits(node, "a limit whose variables stay as they are", findings),
            "develop" => {
                if let Some(watch) = node.get_mut("watch") {
                    items(watch, patterns);
                }
            }
            _ => {}
        }
    }
}

fn build(node: &mut Node, findings: &mut Findings) {
    long(node, |context, place| {
        Node::map(place, [("context", Node::text(context, place))])
    });
    if let Some(contexts) = node.get_mut("additional_contexts") {
        lists::pairs(contexts, "additional_contexts", findings);
    }
    if let Some(keys) = node.get_mut("ssh") {
        lists::ssh_keys(keys, findings);
    }
    if let Some(secrets) = node.get_mut("secrets") {
        items(secrets, file_use);
    }
    for key in ["provenance", "sbom"] {
        if let Some(node) = node.get_mut(key)
            && let Some(text) = node.scalar_text()
        {
            node.value = Value::Text(text);
        }
    }
    if let Some(node) = node.get_mut("ulimits") {
        limits(node, "a limit of a build", findings);
    }
}

/// Limits that nothing makes numbers of.
fn limits(node: &mut Node, which: &str, findings: &mut Findings) {
    each(Some(node), |limit| {
        if limit.as_text().is_some() {
            findings.error(format!("{which} is a number without quotes"), &limit.place);
            limit.value = Value::Invalid;
        }
    });
}

/// A service that another needs.
fn dependency(node: &mut Node) {
    let place = node.place.clone();
    if let Some(mapping) = node.as_map_mut() {
        mapping.put_default("condition", Node::text("service_started", &place));
        mapping.put_default("required", Node::boolean(true, &place));
    }
}

/// A file of variables, of which the short form is its path.
fn env_file(node: &mut Node) {
    long(node, |path, place| {
        Node::map(place, [("path", Node::text(path, place))])
    });
    let place = node.place.clone();
    if let Some(mapping) = node.as_map_mut() {
        mapping.put_default("required", Node::boolean(true, &place));
    }
}

/// `all` asks for every GPU.
fn gpus(node: &mut Node) {
    if node.as_text().is_some() {
        let request = Node::map(&node.place, [("count", Node::text("all", &node.place))]);
        node.value = Value::List(vec![request]);
    }
}

/// `ignore` and `include` of a folder to watch may be one text.
fn patterns(watch: &mut Node) {
    for key in ["ignore", "include"] {
        if let Some(node) = watch.get_mut(key) {
            lists::to_list(node);
        }
    }
}

/// `SOURCE[:TARGET[:PERMISSIONS]]`.
fn device(node: &mut Node, written: bool, findings: &mut Findings) {
    let Some(text) = node.as_text().map(str::to_owned) else {
        return;
    };
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, permissions) = match parts[..] {
        [source] => (source, source, "rwm"),
        [source, target] => (source, target, "rwm"),
        [source, target, permissions] => (source, target, permissions),
        _ if written => ("", "", "rwm"),
        _ => {
            let message = format!("`{text}` is not a device: write `SOURCE[:TARGET[:PERMISSIONS]]`");
            findings.error(message, &node.place);
            node.value = Value::Invalid;
            return;
        }
    };
    let target = if target.is_empty() { source } else { target };
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
