//! The forms that merging tells apart become one, on the whole project.
//!
//! Knows which attributes are lists or mappings of text, and command lines. Never runs before the last file is merged:
//! how two files merge depends on the form that each was written in.

use super::{each, items, lists};
use crate::compose::findings::Findings;
use crate::compose::tree::{Node, Value};

/// Settles the merged project.
pub fn settle(project: &mut Node, findings: &mut Findings) {
    each(project.get_mut("services"), |service| self::service(service, findings));
    for kind in ["networks", "volumes", "configs", "secrets"] {
        each(project.get_mut(kind), |resource| {
            lists::text_map(resource.get_mut("labels"), findings);
            lists::text_map(resource.get_mut("driver_opts"), findings);
        });
    }
    each(project.get_mut("x-hosts"), |group| {
        lists::text_map(group.get_mut("labels"), findings);
    });
}

fn service(service: &mut Node, findings: &mut Findings) {
    let Some(mapping) = service.as_map_mut() else { return };
    for (key, entry) in mapping.iter_mut() {
        let node = &mut entry.value;
        match key.as_str() {
            "build" => build(node, findings),
            "command" | "entrypoint" => command(node, key, findings),
            "environment" => lists::environment(Some(node), findings),
            "labels" | "annotations" | "sysctls" | "storage_opt" => lists::text_map(Some(node), findings),
            "tmpfs" | "dns_search" => lists::to_list(node),
            "configs" | "secrets" => items(node, mode),
            "extra_hosts" => lists::extra_hosts(node, findings),
            "expose" => items(node, to_text),
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
    lists::environment(node.get_mut("args"), findings);
    lists::text_map(node.get_mut("labels"), findings);
    for key in ["cache_from", "cache_to", "no_cache_filter"] {
        if let Some(node) = node.get_mut(key) {
            lists::to_list(node);
        }
    }
    if let Some(hosts) = node.get_mut("extra_hosts") {
        lists::extra_hosts(hosts, findings);
    }
    if let Some(secrets) = node.get_mut("secrets") {
        items(secrets, mode);
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

/// The mode of a config or secret becomes text.
fn mode(file: &mut Node) {
    if let Some(mode) = file.get_mut("mode")
        && let Value::Integer(number) = mode.value
    {
        mode.value = Value::Text(format!("{number:04o}"));
    }
}

fn to_text(node: &mut Node) {
    if let Some(text) = node.scalar_text() {
        node.value = Value::Text(text);
    }
}
