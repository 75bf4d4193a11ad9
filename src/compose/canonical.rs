//! The canonical stage: every short form of one file becomes its long form, on the tree.
//!
//! It runs before the merge, so that merging sees one shape for each attribute. Knows the short forms
//! of the specification; never knows of other files and fills in no default that a second file could
//! still say otherwise.

mod lists;
mod mounts;
mod ports;

use super::findings::Findings;
use super::source::Place;
use super::tree::{Node, Put, Tag, Value};

/// Puts one checked file into long form.
pub fn canonical(file: &mut Node, findings: &mut Findings) {
    each(file.get_mut("services"), |service| self::service(service, findings));
    for kind in ["networks", "volumes", "configs", "secrets"] {
        each(file.get_mut(kind), |resource| {
            lists::text_map(resource.get_mut("labels"), findings);
            lists::text_map(resource.get_mut("driver_opts"), findings);
            external(resource);
        });
    }
    each(file.get_mut("x-hosts"), |group| {
        lists::text_map(group.get_mut("labels"), findings);
    });
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
        if node.tag == Some(Tag::Reset) {
            continue;
        }
        match key.as_str() {
            "build" => build(node, findings),
            "command" | "entrypoint" => command(node, key, findings),
            "environment" => lists::environment(Some(node), findings),
            "labels" | "annotations" | "sysctls" | "storage_opt" => lists::text_map(Some(node), findings),
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
            "ports" => ports::canonical(node, findings),
            "volumes" => mounts::canonical(node, findings),
            "tmpfs" | "dns" | "dns_search" | "label_file" => lists::to_list(node),
            "configs" | "secrets" => items(node, file_use),
            "extra_hosts" => lists::extra_hosts(node, findings),
            "expose" => items(node, to_text),
            "devices" => items(node, |item| device(item, findings)),
            "healthcheck" => test(node),
            "pull_policy" if node.as_text() == Some("if_not_present") => {
                node.value = Value::Text("missing".to_owned());
            }
            "deploy" => lists::text_map(node.get_mut("labels"), findings),
            "logging" => lists::text_map(node.get_mut("options"), findings),
            _ => {}
        }
    }
}

fn build(node: &mut Node, findings: &mut Findings) {
    long(node, |context, place| {
        Node::map(place, [("context", Node::text(context, place))])
    });
    lists::environment(node.get_mut("args"), findings);
    lists::text_map(node.get_mut("labels"), findings);
    lists::text_map(node.get_mut("additional_contexts"), findings);
    for key in ["cache_from", "cache_to", "no_cache_filter"] {
        if let Some(node) = node.get_mut(key) {
            lists::to_list(node);
        }
    }
    if let Some(hosts) = node.get_mut("extra_hosts") {
        lists::extra_hosts(hosts, findings);
    }
    if let Some(secrets) = node.get_mut("secrets") {
        items(secrets, file_use);
    }
}

/// Splits a command line as a POSIX shell would; the reference does the same.
fn command(node: &mut Node, key: &str, findings: &mut Findings) {
    let Some(text) = node.as_text() else { return };
    match shell_words::split(text) {
        Ok(words) => {
            let place = node.place.clone();
            node.value = Value::List(words.into_iter().map(|word| Node::text(word, &place)).collect());
        }
        Err(_) => {
            findings.error(format!("a quote in `{key}` is never closed"), &node.place);
            node.value = Value::Invalid;
        }
    }
}

fn test(healthcheck: &mut Node) {
    let Some(node) = healthcheck.get_mut("test") else {
        return;
    };
    if let Some(text) = node.as_text() {
        let items = vec![Node::text("CMD-SHELL", &node.place), Node::text(text, &node.place)];
        node.value = Value::List(items);
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

/// A config or secret of a service: the name alone, or the long form with its mode as text.
fn file_use(node: &mut Node) {
    long(node, |source, place| {
        Node::map(place, [("source", Node::text(source, place))])
    });
    if let Some(mode) = node.get_mut("mode")
        && let Value::Integer(number) = mode.value
    {
        mode.value = Value::Text(format!("{number:04o}"));
    }
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

fn to_text(node: &mut Node) {
    if let Some(text) = node.scalar_text() {
        node.value = Value::Text(text);
    }
}

/// The first port of `FIRST[-LAST]`.
pub fn first_port_of_range(text: &str) -> Option<u16> {
    ports::first_of_range(text)
}
