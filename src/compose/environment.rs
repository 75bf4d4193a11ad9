//! The environment stage: `env_file`, `label_file` and variables without a value become the `environment` and the
//! `labels` that run.
//!
//! Reads files only through the reader that the caller handed in; never names a value in a message.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use super::dotenv::{self, Lookup, Variables};
use super::findings::Findings;
use super::load::FileReader;
use super::source::{Diagnostic, Place};
use super::tree::{Mapping, Node, Put, Value};

/// Where the stage looks things up.
struct Surroundings<'a> {
    variables: &'a BTreeMap<String, String>,
    read: &'a FileReader<'a>,
}

/// Resolves the environment of every service.
pub fn resolve(
    project: &mut Node,
    variables: &BTreeMap<String, String>,
    read: &FileReader<'_>,
    findings: &mut Findings,
) {
    let surroundings = Surroundings { variables, read };
    for service in services(project) {
        surroundings.environment(service, findings);
    }
}

/// Resolves the labels of every service.
pub fn resolve_labels(project: &mut Node, read: &FileReader<'_>, findings: &mut Findings) {
    let variables = &BTreeMap::new();
    let surroundings = Surroundings { variables, read };
    for service in services(project) {
        surroundings.labels(service, findings);
    }
}

/// Gives variables without a value the one from outside, in `environment` and in the arguments of builds; arguments
/// that have none are left out. Lists of arguments count as well as mappings: merging comes before, settling after.
pub fn fill_unset(project: &mut Node, variables: &BTreeMap<String, String>) {
    for service in services(project) {
        if let Some(own) = service
            .get_mut("environment")
            .and_then(|entry| entry.value.as_map_mut())
        {
            fill(own, variables);
        }
        let build = service.get_mut("build").and_then(|entry| entry.value.get_mut("args"));
        match build.map(|arguments| &mut arguments.value) {
            Some(Value::Map(arguments)) => {
                fill(arguments, variables);
                arguments.retain(|_, entry| !entry.value.is_null());
            }
            Some(Value::List(arguments)) => arguments.retain_mut(|argument| has_value(argument, variables)),
            _ => {}
        }
    }
}

/// Completes an argument that is only a name; `false` where it has no value.
fn has_value(argument: &mut Node, variables: &BTreeMap<String, String>) -> bool {
    let Some(name) = argument.as_text().filter(|text| !text.contains('=')) else {
        return true;
    };
    let Some(value) = variables.get(name) else { return false };
    argument.value = Value::Text(format!("{name}={value}"));
    true
}

fn services(project: &mut Node) -> impl Iterator<Item = &mut Mapping> {
    let services = project.get_mut("services").and_then(Node::as_map_mut);
    let services = services.into_iter().flat_map(|services| services.values_mut());
    services.filter_map(|entry| entry.value.as_map_mut())
}

fn fill(mapping: &mut Mapping, variables: &BTreeMap<String, String>) {
    for (name, entry) in mapping.iter_mut() {
        if entry.value.is_null()
            && let Some(value) = variables.get(name)
        {
            entry.value.value = Value::Text(value.clone());
        }
    }
}

impl Surroundings<'_> {
    /// What the service says itself wins over its files, later files over earlier ones.
    fn environment(&self, service: &mut Mapping, findings: &mut Findings) {
        let files = service.shift_remove("env_file");
        let mut own = service
            .get("environment")
            .and_then(|entry| entry.value.as_map())
            .cloned()
            .unwrap_or_default();
        fill(&mut own, self.variables);
        let mut known = Variables::new();
        let values = own
            .iter()
            .filter_map(|(name, entry)| Some((name.clone(), entry.value.scalar_text()?)));
        known.extend(values);
        let said = known.clone();
        let lookup = |name: &str| {
            let outside = self.variables.get(name);
            outside.or_else(|| said.get(name)).cloned()
        };
        let mut merged = Mapping::default();
        for entry in files.iter().flat_map(|files| files.value.as_list().unwrap_or_default()) {
            let Some(path) = entry.get("path") else { continue };
            let required = entry.get("required").is_none_or(Node::is_true);
            let format = entry.get("format").filter(|format| format.as_text() != Some(""));
            let raw = format.and_then(Node::as_text) == Some("raw");
            if let Some(format) = format
                && !raw
            {
                let hint = "without `format` a file is read as `.env` is".to_owned();
                findings.error_hint(
                    "the one format of environment files is `raw`",
                    &format.place,
                    Some(hint),
                );
                continue;
            }
            let hint = "`required: false` lets it be missing";
            let Some(text) = self.text(path, "environment file", required.then_some(hint), findings) else {
                continue;
            };
            self.merge(path, &text, raw, &lookup, &mut known, &mut merged, findings);
        }
        if merged.is_empty() && !service.contains_key("environment") {
            return;
        }
        let place = merged.values().next().map(|entry| entry.value.place.clone());
        let place = service
            .get("environment")
            .map(|entry| entry.value.place.clone())
            .or(place);
        merged.extend(own);
        if let Some(place) = place {
            service.put("environment", Node::new(Value::map(merged), place));
        }
    }

    /// Label files know of each other's labels only.
    fn labels(&self, service: &mut Mapping, findings: &mut Findings) {
        let Some(files) = service.shift_remove("label_file") else {
            return;
        };
        let mut known = Variables::new();
        let mut merged = Mapping::default();
        for path in files.value.as_list().unwrap_or_default() {
            let Some(text) = self.text(
                path,
                "label file",
                Some("the name counts from the project's folder"),
                findings,
            ) else {
                continue;
            };
            self.merge(path, &text, false, &|_| None, &mut known, &mut merged, findings);
        }
        let own = service.get("labels").and_then(|entry| entry.value.as_map()).cloned();
        merged.extend(own.unwrap_or_default());
        if !merged.is_empty() {
            service.put("labels", Node::new(Value::map(merged), files.value.place.clone()));
        }
    }

    /// A file's text; `None` where there is none. A file that may be missing has no `hint`.
    fn text(&self, path: &Node, what: &str, hint: Option<&str>, findings: &mut Findings) -> Option<String> {
        let name = path.as_text()?;
        match (self.read)(Path::new(name)) {
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == ErrorKind::NotFound && hint.is_none() => None,
            Err(error) => {
                let message = match error.kind() {
                    ErrorKind::NotFound => format!("the {what} `{name}` does not exist"),
                    _ => format!("cannot read the {what} `{name}`: {error}"),
                };
                findings.error_hint(message, &path.place, hint.map(str::to_owned));
                None
            }
        }
    }

    /// Adds the variables of a file, each standing where its file is named.
    #[expect(clippy::too_many_arguments, reason = "what files share is read and written in turns")]
    fn merge(
        &self,
        path: &Node,
        text: &str,
        raw: bool,
        lookup: &Lookup<'_>,
        known: &mut Variables,
        merged: &mut Mapping,
        findings: &mut Findings,
    ) {
        let name = path.as_text().unwrap_or_default();
        let read = if raw { dotenv::parse_raw } else { dotenv::parse };
        let mut found = known.clone();
        match read(name, text, lookup, &mut found) {
            Ok(()) => {
                for (variable, value) in &found {
                    if known.get(variable) != Some(value) || !merged.contains_key(variable) {
                        merged.put(variable, Node::text(value.clone(), &path.place));
                    }
                }
                *known = found;
            }
            Err(_) if text.contains(char::REPLACEMENT_CHARACTER) => {
                findings.error(format!("the file `{name}` is not text"), &path.place);
            }
            Err(found) => findings.push(named_at(*found, &path.place)),
        }
    }
}

/// A finding in a file, with the place where the file is named.
fn named_at(found: Diagnostic, place: &Place) -> Diagnostic {
    let mut found = found;
    found.trail.push(("named here".to_owned(), place.clone()));
    found
}
