//! The uniqueness stage: entries of a list that mean the same are there once, the later one in the earlier one's place.
//!
//! Knows for each list what makes two of its entries the same (specification: *merge*, unique resources). Runs on what
//! is written and again on its long form, which can show that two entries are the same. Never merges two entries.

use std::collections::HashMap;

use super::findings::Findings;
use super::tree::{Node, Value};

/// Lets each entry be there once, in the whole project.
pub fn unify(project: &mut Node, findings: &mut Findings) {
    walk(project, &mut Vec::new(), findings);
}

fn walk(node: &mut Node, path: &mut Vec<String>, findings: &mut Findings) {
    match &mut node.value {
        // Nothing that is unique stands deeper than an attribute of an attribute of a service's attribute.
        Value::Map(mapping) if path.len() < 5 => {
            for (key, entry) in mapping.iter_mut() {
                path.push(key.clone());
                walk(&mut entry.value, path, findings);
                path.pop();
            }
        }
        Value::List(list) => {
            if let Some(identity) = identity(path) {
                unify_list(list, identity, findings);
            }
        }
        _ => {}
    }
}

fn unify_list(list: &mut Vec<Node>, identity: Identity, findings: &mut Findings) {
    let mut kept: Vec<Node> = Vec::with_capacity(list.len());
    let mut positions: HashMap<String, usize> = HashMap::new();
    for mut item in std::mem::take(list) {
        let Some(key) = key(&mut item, identity, findings) else {
            kept.push(item);
            continue;
        };
        match positions.get(&key) {
            Some(at) => kept[*at] = item,
            None => {
                positions.insert(key, kept.len());
                kept.push(item);
            }
        }
    }
    *list = kept;
}

/// What makes two entries the same.
#[derive(Clone, Copy)]
enum Identity {
    /// The text up to its first `=`.
    Key,
    /// The number or text.
    Scalar,
    /// Where it is in the container; `what` names such an entry.
    Target {
        what: &'static str,
    },
    /// The same, by default the source in this folder.
    File {
        folder: &'static str,
    },
    /// Address, published port, target and protocol.
    Port,
    Path,
}

fn identity(path: &[String]) -> Option<Identity> {
    let mut parts = [""; 6];
    if path.len() > parts.len() {
        return None;
    }
    for (part, name) in parts.iter_mut().zip(path) {
        *part = name;
    }
    Some(match parts[..path.len()] {
        ["services", _, "expose"] => Identity::Scalar,
        ["services", _, "volumes"] => Identity::Target { what: "mount" },
        ["services", _, "devices"] => Identity::Target { what: "device" },
        ["services", _, "configs"] => Identity::File { folder: "" },
        ["services", _, "secrets"] => Identity::File { folder: "/run/secrets" },
        ["services", _, "ports"] => Identity::Port,
        ["services", _, "env_file"] => Identity::Path,
        [
            "services",
            _,
            "annotations" | "cap_add" | "cap_drop" | "dns" | "dns_opt" | "dns_search" | "environment" | "labels"
            | "links" | "profiles" | "sysctls" | "tmpfs",
        ]
        | [
            "services",
            _,
            "build",
            "args" | "additional_contexts" | "platform" | "tags" | "labels",
        ]
        | ["services", _, "deploy", "labels"]
        | ["services", _, "networks", _, "aliases" | "link_local_ips"]
        | ["networks", _, "labels"]
        | ["networks", _, "ipam", "options"] => Identity::Key,
        _ => return None,
    })
}

/// The identity of one entry; `None`: it stands for itself.
fn key(item: &mut Node, identity: Identity, findings: &mut Findings) -> Option<String> {
    match identity {
        Identity::Key => {
            let text = item.as_text()?;
            Some(text.split_once('=').map_or(text, |(key, _)| key).to_owned())
        }
        Identity::Scalar => match item.value {
            Value::Text(_) | Value::Integer(_) => item.scalar_text(),
            _ => None,
        },
        Identity::Target { what } => match &item.value {
            // The long form will say what the short form's target is.
            Value::Text(text) => Some(format!("short:{text}")),
            Value::Map(mapping) => {
                let target = mapping.get("target").map(|entry| &entry.value);
                if target.is_some_and(Node::is_invalid) {
                    return None;
                }
                let text = target.and_then(Node::as_text).map(|text| format!("target:{text}"));
                if text.is_none() {
                    let hint = "`target` says where it is in the container".to_owned();
                    findings.error_hint(format!("the {what} needs `target`"), &item.place, Some(hint));
                    item.value = Value::Invalid;
                }
                text
            }
            _ => None,
        },
        Identity::File { folder } => match &item.value {
            Value::Text(name) => Some(format!("{folder}/{name}")),
            Value::Map(mapping) => {
                let part = |key: &str| mapping.get(key)?.value.scalar_text();
                part("target").or_else(|| Some(format!("{folder}/{}", part("source")?)))
            }
            _ => None,
        },
        Identity::Port => port(item),
        Identity::Path => match &item.value {
            Value::Text(path) => Some(path.clone()),
            _ => item.get("path")?.scalar_text(),
        },
    }
}

fn port(item: &Node) -> Option<String> {
    if let Value::Integer(_) | Value::Text(_) = item.value {
        return item.scalar_text();
    }
    item.as_map()?;
    let part = |key: &str| item.get(key).and_then(Node::scalar_text);
    let target = part("target")?;
    // A published port that is a number is another one than the same digits as text.
    let published = item.get("published").map_or_else(String::new, |node| match node.value {
        Value::Integer(number) => format!("number {number}"),
        _ => node.scalar_text().unwrap_or_default(),
    });
    let host = part("host_ip").unwrap_or_else(|| "0.0.0.0".to_owned());
    let protocol = part("protocol").unwrap_or_else(|| "tcp".to_owned());
    Some(format!("{host}:{published}:{target}/{protocol}"))
}
