//! The cross-checks: what only the whole project can get wrong.
//!
//! Knows which attribute names which other. Works on the merged tree, passes over what an earlier stage
//! reported, and changes nothing.

mod cycles;
mod services;

use super::findings::Findings;
use super::nearest;
use super::source::Place;
use super::tree::{Mapping, Node};

/// Checks the merged project.
pub fn check(project: &Node, findings: &mut Findings) {
    let services = section(project, "services");
    match &services {
        Some(services) if !services.is_empty() => {}
        Some(_) | None if has_invalid(project) => {}
        _ => findings.error_hint(
            "the project has no services",
            &project.place,
            Some("name at least one under `services:`".to_owned()),
        ),
    }
    for (name, entry) in services.into_iter().flatten() {
        if !entry.value.is_invalid() {
            services::check(project, name, entry, findings);
        }
    }
    services::shared_container_names(project, findings);
    resources(project, findings);
    cycles::check(project, findings);
}

fn has_invalid(project: &Node) -> bool {
    project.get("services").is_some_and(Node::is_invalid)
}

fn section<'a>(project: &'a Node, kind: &str) -> Option<&'a Mapping> {
    project.get(kind)?.as_map()
}

/// A name must be one of a section's; `what` is what messages call it.
fn defined(project: &Node, kind: &str, what: &str, name: &str, place: &Place, findings: &mut Findings) {
    let known = project.get(kind);
    if known.is_some_and(Node::is_invalid) || known.is_some_and(|known| known.get(name).is_some()) {
        return;
    }
    let names = known.and_then(Node::as_map).into_iter().flat_map(|known| known.keys());
    let near = nearest::nearest(name, names.map(String::as_str));
    let hint = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("define it under the top-level `{kind}:`"),
    };
    findings.error_hint(format!("the {what} `{name}` is not defined"), place, Some(hint));
}

fn resources(project: &Node, findings: &mut Findings) {
    for kind in ["networks", "volumes", "configs", "secrets"] {
        for (name, entry) in section(project, kind).into_iter().flatten() {
            let Some(resource) = entry.value.as_map() else { continue };
            let external = entry.value.get("external").is_some_and(Node::is_true);
            if external {
                external_says_no_more(name, kind, resource, findings);
            } else if matches!(kind, "configs" | "secrets") {
                one_source(name, kind, entry, findings);
            }
        }
    }
}

fn external_says_no_more(name: &str, kind: &str, resource: &Mapping, findings: &mut Findings) {
    for (key, entry) in resource {
        if !matches!(key.as_str(), "name" | "external") && !key.starts_with("x-") {
            let what = kind.trim_end_matches('s');
            let message = format!("the external {what} `{name}` cannot have `{key}`: it exists already");
            findings.error(message, &entry.key);
        }
    }
}

fn one_source(name: &str, kind: &str, entry: &super::tree::Entry, findings: &mut Findings) {
    let Some(object) = entry.value.as_map() else { return };
    let what = kind.trim_end_matches('s');
    let sources: Vec<&str> = ["file", "environment", "content", "driver"]
        .into_iter()
        .filter(|key| object.contains_key(*key))
        .collect();
    match sources[..] {
        [] => findings.error_hint(
            format!("the {what} `{name}` does not say where its content comes from"),
            &entry.key,
            Some("give one of `file`, `environment`, `content` and `external`".to_owned()),
        ),
        [_] => {}
        [first, second, ..] => {
            let message = format!("the {what} `{name}` has both `{first}` and `{second}`");
            findings.error(message, &object[second].key);
        }
    }
}

#[cfg(test)]
mod tests;
