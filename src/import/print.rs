//! The draft as text: printed with `serde_yaml`, in the order that people write, with the comments in their places.
//!
//! `serde_yaml` prints no comments. Each one goes through it as a key that occurs nowhere else, and becomes a comment in
//! the text that comes out.

use serde_yaml::{Mapping, Value};

use super::draft::{Comment, Draft};

/// How wide a comment may grow.
const WIDTH: usize = 110;

const TOP: &[&str] = &[
    "name",
    "x-hosts",
    "x-pool",
    "x-openstack",
    "services",
    "networks",
    "volumes",
    "secrets",
];

const SERVICE: &[&str] = &[
    "image",
    "build",
    "extends",
    "container_name",
    "hostname",
    "domainname",
    "pull_policy",
    "entrypoint",
    "command",
    "user",
    "working_dir",
    "environment",
    "env_file",
    "depends_on",
    "network_mode",
    "networks",
    "links",
    "external_links",
    "extra_hosts",
    "dns",
    "ports",
    "expose",
    "volumes",
    "volumes_from",
    "devices",
    "secrets",
    "healthcheck",
    "restart",
    "labels",
    "logging",
    "privileged",
    "cap_add",
    "cap_drop",
    "read_only",
    "tty",
    "stdin_open",
];

/// These come last.
const SERVICE_END: &[&str] = &["deploy", "x-ingress"];

/// The whole file.
///
/// # Errors
///
/// What `serde_yaml` cannot print; nothing that a draft holds is of that kind.
pub fn yaml(draft: &Draft) -> Result<String, serde_yaml::Error> {
    let mut root = match serde_yaml::to_value(&draft.compose)? {
        Value::Mapping(root) => root,
        _ => Mapping::new(),
    };
    for (path, value) in &draft.beyond {
        set(&mut root, path, value.clone());
    }
    root.entry(Value::from("services"))
        .or_insert(Value::Mapping(Mapping::new()));
    let mut root = ordered(root, TOP, &[]);
    if let Some(Value::Mapping(services)) = root.get_mut("services") {
        for (_, service) in services.iter_mut() {
            if let Value::Mapping(service) = service {
                *service = ordered(std::mem::take(service), SERVICE, SERVICE_END);
            }
        }
    }
    let plain = serde_yaml::to_string(&root)?;
    let mark = mark(&plain);
    let mut head: Vec<String> = draft.head.clone();
    for (number, comment) in draft.comments.iter().enumerate() {
        if !insert(&mut root, &comment.at, &format!("{mark}{number}")) {
            head.push(comment.text.clone());
        }
    }
    let mut text = String::new();
    for paragraph in &head {
        push_comment(&mut text, 0, paragraph);
    }
    for line in serde_yaml::to_string(&root)?.lines() {
        match marked(line, &mark, &draft.comments) {
            Some((indent, comment)) => push_comment(&mut text, indent, &comment.text),
            None => {
                if !line.starts_with([' ', '-']) {
                    text.push('\n');
                }
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    Ok(text)
}

/// A word that the text has nowhere.
fn mark(text: &str) -> String {
    let mut mark = "comment-".to_owned();
    while text.contains(&mark) {
        mark.insert(0, 'a');
    }
    mark
}

fn marked<'c>(line: &str, mark: &str, comments: &'c [Comment]) -> Option<(usize, &'c Comment)> {
    let rest = line.trim_start();
    let number = rest.strip_prefix(mark)?.strip_suffix(": null")?;
    Some((line.len() - rest.len(), comments.get(number.parse::<usize>().ok()?)?))
}

fn set(mapping: &mut Mapping, path: &[String], value: Value) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    if rest.is_empty() {
        mapping.insert(Value::from(first.as_str()), value);
        return;
    }
    let inner = mapping.entry(Value::from(first.as_str())).or_insert(Value::Null);
    if !inner.is_mapping() {
        *inner = Value::Mapping(Mapping::new());
    }
    if let Value::Mapping(inner) = inner {
        set(inner, rest, value);
    }
}

fn ordered(mapping: Mapping, first: &[&str], last: &[&str]) -> Mapping {
    let rank = |key: &Value| {
        let key = key.as_str().unwrap_or_default();
        match (
            first.iter().position(|k| *k == key),
            last.iter().position(|k| *k == key),
        ) {
            (Some(at), _) => at,
            (None, Some(at)) => first.len() + 1 + at,
            (None, None) => first.len(),
        }
    };
    let mut entries: Vec<(Value, Value)> = mapping.into_iter().collect();
    entries.sort_by_key(|(key, _)| rank(key));
    entries.into_iter().collect()
}

/// Puts a key in the path's place, or as near above it as there is something; `false`: that is the file as a whole.
fn insert(mapping: &mut Mapping, path: &[String], key: &str) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return false;
    };
    match mapping.get_mut(first.as_str()) {
        Some(Value::Mapping(inner)) if !inner.is_empty() => {
            if !insert(inner, rest, key) {
                inner.insert(Value::from(key), Value::Null);
            }
            true
        }
        Some(_) => {
            let entries = std::mem::take(mapping);
            for (name, value) in entries {
                if name.as_str() == Some(first) {
                    mapping.insert(Value::from(key), Value::Null);
                }
                mapping.insert(name, value);
            }
            true
        }
        None => false,
    }
}

fn push_comment(text: &mut String, indent: usize, comment: &str) {
    for line in comment.lines() {
        let line: String = line
            .chars()
            .map(|c| if c.is_control() && c != '\t' { '?' } else { c })
            .collect();
        let wrapped = if line.starts_with('|') {
            vec![line]
        } else {
            wrap(&line, WIDTH.saturating_sub(indent + 2))
        };
        for line in wrapped {
            text.push_str(format!("{:indent$}# {line}", "").trim_end());
            text.push('\n');
        }
    }
}

fn wrap(line: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        let last = lines.last_mut().expect("there is one from the start");
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > width {
            lines.push(format!("  {word}"));
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}
