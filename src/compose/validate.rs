//! The validation stage: what one attribute gets wrong that the schema's shapes cannot say.
//!
//! Runs on each set of files once it is merged, and always: `--no-consistency` is about the cross-checks.

use std::net::IpAddr;

use super::findings::Findings;
use super::tree::{Entry, Mapping, Node, Value};

/// Validates the merged files.
pub fn check(project: &Node, findings: &mut Findings) {
    for (name, entry) in section(project, "volumes") {
        external_volume(name, &entry.value, findings);
    }
    for (name, entry) in section(project, "configs") {
        one_source(name, "config", &["file", "environment", "content"], entry, findings);
    }
    for (name, entry) in section(project, "secrets") {
        one_source(name, "secret", &["file", "environment"], entry, findings);
    }
    for (_, entry) in section(project, "services") {
        service(&entry.value, findings);
    }
}

fn section<'a>(project: &'a Node, kind: &str) -> impl Iterator<Item = (&'a String, &'a Entry)> {
    project.get(kind).and_then(Node::as_map).into_iter().flatten()
}

fn external_volume(name: &str, volume: &Node, findings: &mut Findings) {
    let Some(mapping) = volume.as_map() else { return };
    if !volume.get("external").is_some_and(Node::is_true) {
        return;
    }
    for (key, entry) in mapping {
        if !matches!(key.as_str(), "name" | "external") && !key.starts_with("x-") {
            let message = format!("the external volume `{name}` cannot have `{key}`: it exists already");
            findings.error(message, &entry.key);
        }
    }
}

fn one_source(name: &str, what: &str, keys: &[&str], entry: &Entry, findings: &mut Findings) {
    let Some(object) = entry.value.as_map() else {
        if entry.value.is_null() {
            findings.error(format!("the {what} `{name}` says nothing"), &entry.key);
        }
        return;
    };
    let sources: Vec<&str> = keys.iter().copied().filter(|key| object.contains_key(*key)).collect();
    match sources[..] {
        [] if !object.contains_key("driver") && !object.contains_key("external") => {
            let known: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
            findings.error_hint(
                format!("the {what} `{name}` does not say where its content comes from"),
                &entry.key,
                Some(format!("give one of {} and `external`", known.join(", "))),
            );
        }
        [] | [_] => {}
        [first, second, ..] => {
            let message = format!("the {what} `{name}` has both `{first}` and `{second}`");
            findings.error(message, &object[second].key);
        }
    }
}

fn service(service: &Node, findings: &mut Findings) {
    for port in list(Some(service), "ports") {
        if let Some(address) = port.get("host_ip")
            && let Some(text) = address.as_text()
            && text.parse::<IpAddr>().is_err()
        {
            findings.error(format!("`{text}` is not an IP address"), &address.place);
        }
    }
    for mount in list(Some(service), "volumes") {
        if mount.get("type").and_then(Node::as_text) == Some("bind") && mount.get("source").is_none() {
            findings.error(
                "a mount of type `bind` needs `source`, a path of the host",
                &mount.place,
            );
        }
    }
    for watch in list(service.get("develop"), "watch") {
        if let Some(path) = watch.get("path").filter(|path| path.as_text() == Some("")) {
            findings.error("the `path` to watch is empty", &path.place);
        }
    }
    let reservations = ["deploy", "resources", "reservations"];
    let reserved = reservations.iter().try_fold(service, |node, key| node.get(key));
    for device in list(reserved, "devices").chain(list(Some(service), "gpus")) {
        if let (Some(mapping), Some(_)) = (device.as_map(), device.get("count")) {
            both_count_and_names(mapping, findings);
        }
    }
}

fn both_count_and_names(device: &Mapping, findings: &mut Findings) {
    if let Some(names) = device.get("device_ids") {
        findings.error("`count` and `device_ids` exclude each other", &names.key);
    }
}

fn list<'a>(node: Option<&'a Node>, key: &str) -> impl Iterator<Item = &'a Node> {
    let list = node.and_then(|node| node.get(key)).map(|node| &node.value);
    let list = match list {
        Some(Value::List(list)) => &list[..],
        _ => &[],
    };
    list.iter()
}
