//! The environment stage: `env_file` and variables without a value become the `environment` that runs.
//!
//! Reads files only through the reader that the caller handed in; never names a value in a message.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use super::dotenv;
use super::findings::Findings;
use super::load::FileReader;
use super::source::Diagnostic;
use super::tree::{Mapping, Node, Put, Value};

/// Resolves the environment of every service, and the arguments of every build.
pub fn resolve(
    project: &mut Node,
    variables: &BTreeMap<String, String>,
    read: &FileReader<'_>,
    findings: &mut Findings,
) {
    let services = project.get_mut("services").and_then(Node::as_map_mut);
    for service in services.into_iter().flat_map(|services| services.values_mut()) {
        let service = &mut service.value;
        let from_files = files(service, variables, read, findings);
        if let Some(mapping) = service.as_map_mut() {
            mapping.shift_remove("env_file");
            environment(mapping, from_files, variables);
        }
        if let Some(arguments) = service.get_mut("build").and_then(|build| build.get_mut("args"))
            && let Some(arguments) = arguments.as_map_mut()
        {
            fill(arguments, variables);
            arguments.retain(|_, entry| !entry.value.is_null());
        }
    }
}

fn environment(service: &mut Mapping, from_files: Mapping, variables: &BTreeMap<String, String>) {
    if from_files.is_empty() && !service.contains_key("environment") {
        return;
    }
    let mut merged = from_files;
    let mut place = merged.values().next().map(|entry| entry.value.place.clone());
    if let Some(entry) = service.get("environment")
        && let Some(own) = entry.value.as_map()
    {
        place = Some(entry.value.place.clone());
        let mut own = own.clone();
        fill(&mut own, variables);
        merged.extend(own);
    }
    if let Some(place) = place {
        service.put("environment", Node::new(Value::Map(merged), place));
    }
}

/// Gives variables without a value the one from outside.
fn fill(mapping: &mut Mapping, variables: &BTreeMap<String, String>) {
    for (name, entry) in mapping.iter_mut() {
        if entry.value.is_null()
            && let Some(value) = variables.get(name)
        {
            entry.value.value = Value::Text(value.clone());
        }
    }
}

/// The variables of a service's files, each standing where its file is named.
fn files(
    service: &Node,
    variables: &BTreeMap<String, String>,
    read: &FileReader<'_>,
    findings: &mut Findings,
) -> Mapping {
    let mut values = Mapping::new();
    let entries = service.get("env_file").and_then(Node::as_list).unwrap_or_default();
    for entry in entries {
        let Some(path) = entry.get("path") else { continue };
        let Some(name) = path.as_text() else { continue };
        let required = entry.get("required").is_none_or(Node::is_true);
        let raw = entry.get("format").and_then(Node::as_text) == Some("raw");
        let bytes = match read(Path::new(name)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound && !required => continue,
            Err(error) => {
                let message = match error.kind() {
                    ErrorKind::NotFound => format!("the environment file `{name}` does not exist"),
                    _ => format!("cannot read the environment file `{name}`: {error}"),
                };
                let hint = "`required: false` lets it be missing".to_owned();
                findings.error_hint(message, &path.place, Some(hint));
                continue;
            }
        };
        let Ok(text) = String::from_utf8(bytes) else {
            findings.error(format!("the environment file `{name}` is not text"), &path.place);
            continue;
        };
        let known = |variable: &str| {
            let outside = variables.get(variable).cloned();
            outside.or_else(|| values.get(variable)?.value.scalar_text())
        };
        let read = if raw {
            Ok(dotenv::parse_raw(&text))
        } else {
            dotenv::parse(name, &text, &known)
        };
        match read {
            Ok(read) => {
                for (variable, value) in read {
                    values.put(&variable, Node::text(value, &path.place));
                }
            }
            Err(found) => findings.push(Diagnostic {
                trail: vec![("named here".to_owned(), path.place.clone())],
                ..*found
            }),
        }
    }
    values
}
