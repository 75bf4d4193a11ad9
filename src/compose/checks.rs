//! The cross-checks: what only the whole project can get wrong (`--no-consistency` leaves them out).
//!
//! Knows which attribute names which other. Works on the active services of the settled tree, as the reference does;
//! passes over what an earlier stage reported, and changes nothing.

mod build;
mod cycles;
mod limits;
mod mounts;
mod services;

use std::collections::HashMap;

use super::findings::Findings;
use super::nearest;
use super::profiles::{self, Disabled};
use super::source::Place;
use super::tree::{Mapping, Node};

pub use limits::share_scale;

/// The project with what takes no part in it.
struct Whole<'a> {
    project: &'a Node,
    disabled: &'a Disabled,
}

/// Checks the merged project.
pub fn check(project: &Node, disabled: &Disabled, findings: &mut Findings) {
    let whole = Whole { project, disabled };
    for (name, entry) in whole.section("services").into_iter().flatten() {
        if !entry.value.is_invalid() {
            services::check(&whole, name, entry, findings);
            build::check(&whole, name, &entry.value, findings);
            limits::check(&entry.value, findings);
            mounts::check(&entry.value, findings);
        }
    }
    secrets(&whole, findings);
    cycles::check(project, findings);
}

impl<'a> Whole<'a> {
    fn section(&self, kind: &str) -> Option<&'a Mapping> {
        self.project.get(kind)?.as_map()
    }

    /// A name must be one of a section's; `what` is what messages call it.
    fn defined(&self, kind: &str, what: &str, name: &str, place: &Place, findings: &mut Findings) {
        let known = self.project.get(kind);
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

    /// A name must be that of a service that takes part.
    fn service_exists(&self, name: &str, place: &Place, findings: &mut Findings) {
        let services = self.section("services");
        if services.is_some_and(|services| services.contains_key(name)) {
            return;
        }
        if let Some(entry) = self.disabled.get(name) {
            let profiles: Vec<String> = profiles::of(&entry.value).map(|name| format!("`{name}`")).collect();
            let message = format!("the service `{name}` takes no part: its profiles are not active");
            let hint = format!("activate one of them with `--profile`: {}", profiles.join(", "));
            findings.error_hint(message, place, Some(hint));
            return;
        }
        let known = services.into_iter().flat_map(Mapping::keys).chain(self.disabled.keys());
        let hint = nearest::hint(name, known.map(String::as_str));
        findings.error_hint(format!("there is no service `{name}`"), place, hint);
    }
}

/// Every secret, used or not, needs a source.
fn secrets(whole: &Whole<'_>, findings: &mut Findings) {
    for (name, entry) in whole.section("secrets").into_iter().flatten() {
        let said = |key: &str| {
            let node = entry.value.get(key);
            node.is_some_and(|node| node.is_invalid() || node.as_text().is_some_and(|text| !text.is_empty()))
        };
        let external = entry
            .value
            .get("external")
            .is_some_and(|node| node.is_true() || node.is_invalid());
        // Without any of these keys the validation says so already.
        let mut sources = ["driver", "external", "environment"].iter();
        let is_valid = sources.any(|key| entry.value.get(key).is_some());
        if is_valid && !external && !said("file") && !said("environment") {
            findings.error_hint(
                format!("the secret `{name}` has neither `file` nor `environment`"),
                &entry.key,
                Some("say where its content comes from, or that it is `external`".to_owned()),
            );
        }
    }
}

/// A name of a container is there once. Checked on the services that are left at the end.
pub fn container_names(project: &Node, findings: &mut Findings) {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    let services = project.get("services").and_then(Node::as_map);
    for (name, entry) in services.into_iter().flatten() {
        let Some(node) = entry.value.get("container_name") else {
            continue;
        };
        let Some(container) = node.as_text().filter(|container| !container.is_empty()) else {
            continue;
        };
        if let Some(other) = seen.insert(container, name) {
            let message = format!("the container name `{container}` is that of the service `{other}` already");
            findings.error(message, &node.place);
        }
    }
}

#[cfg(test)]
mod tests;
