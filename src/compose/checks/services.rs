//! What one service says against the rest of the project, and against itself.

use super::Whole;
use crate::compose::findings::Findings;
use crate::compose::tree::{Entry, Node};

pub fn check(whole: &Whole<'_>, name: &str, entry: &Entry, findings: &mut Findings) {
    let service = &entry.value;
    let mistyped = service
        .as_map()
        .is_some_and(|keys| keys.values().any(|entry| entry.value.is_invalid()));
    let image = service.get("image").is_some_and(|image| image.as_text() != Some(""));
    if !mistyped && !image && service.get("build").is_none() && service.get("provider").is_none() {
        findings.error_hint(
            format!("the service `{name}` has neither `image` nor `build`"),
            &entry.key,
            Some("say which image it runs".to_owned()),
        );
    }
    depends_on(whole, service, findings);
    networks(whole, service, findings);
    healthcheck(service, findings);
    watch(service, findings);
    for mount in list(service, "volumes") {
        let is_volume = mount.get("type").and_then(Node::as_text) == Some("volume");
        if let (true, Some(source)) = (is_volume, mount.get("source"))
            && let Some(volume) = source.as_text().filter(|volume| !volume.is_empty())
        {
            whole.defined("volumes", "volume", volume, &source.place, findings);
        }
    }
    for (kind, what) in [("configs", "config"), ("secrets", "secret")] {
        for item in list(service, kind) {
            match item.get("source") {
                Some(source) => {
                    if let Some(name) = source.as_text() {
                        whole.defined(kind, what, name, &source.place, findings);
                    }
                }
                None if item.is_invalid() => {}
                None => findings.error(format!("`source` must say which {what}"), &item.place),
            }
        }
    }
    for (model, entry) in service.get("models").and_then(Node::as_map).into_iter().flatten() {
        whole.defined("models", "model", model, &entry.key, findings);
    }
    constraints(whole, service, findings);
}

pub fn list<'a>(node: &'a Node, key: &str) -> &'a [Node] {
    node.get(key).and_then(Node::as_list).unwrap_or_default()
}

fn depends_on(whole: &Whole<'_>, service: &Node, findings: &mut Findings) {
    let dependencies = service.get("depends_on").and_then(Node::as_map);
    for (dependency, entry) in dependencies.into_iter().flatten() {
        let required = entry.value.get("required").is_some_and(Node::is_true);
        if required || !whole.disabled.contains_key(dependency) {
            whole.service_exists(dependency, &entry.key, findings);
        }
    }
}

fn networks(whole: &Whole<'_>, service: &Node, findings: &mut Findings) {
    let networks = service.get("networks").and_then(Node::as_map);
    for (network, entry) in networks.into_iter().flatten() {
        whole.defined("networks", "network", network, &entry.key, findings);
    }
    let mode = service.get("network_mode").filter(|mode| mode.as_text() != Some(""));
    if let Some(mode) = mode {
        if networks.is_some_and(|networks| !networks.is_empty()) {
            let message = "`network_mode` and `networks` exclude each other";
            findings.error(message, &mode.place);
        }
        if let Some(name) = mode.as_text().and_then(|text| text.strip_prefix("service:")) {
            whole.service_exists(name, &mode.place, findings);
        }
    }
}

fn healthcheck(service: &Node, findings: &mut Findings) {
    let test = service
        .get("healthcheck")
        .and_then(|healthcheck| healthcheck.get("test"));
    let first = test.and_then(Node::as_list).and_then(|test| test.first());
    if let Some(first) = first
        && let Some(text) = first.as_text()
        && !matches!(text, "CMD" | "CMD-SHELL" | "NONE")
    {
        let message = format!("a list in `test` must begin with `CMD`, `CMD-SHELL` or `NONE`, not `{text}`");
        let hint = "a plain string is run by the shell".to_owned();
        findings.error_hint(message, &first.place, Some(hint));
    }
}

fn watch(service: &Node, findings: &mut Findings) {
    let Some(develop) = service.get("develop") else { return };
    for watch in list(develop, "watch") {
        let action = watch.get("action").and_then(Node::as_text);
        let target = watch.get("target").is_some_and(|target| target.as_text() != Some(""));
        if let (false, Some(action)) = (target, action)
            && !matches!(action, "rebuild" | "restart")
        {
            let message = format!("the action `{action}` needs `target`: where the files go in the container");
            findings.error(message, &watch.place);
        }
    }
}

const BY_HAND: &str = "`labels` of a group gives it to each of its hosts; `hoist hosts label` sets it by hand";

/// A label that no group has can still be set by hand: a warning.
fn constraints(whole: &Whole<'_>, service: &Node, findings: &mut Findings) {
    let Some(groups) = whole.section("x-hosts") else {
        return;
    };
    let placement = service.get("deploy").and_then(|deploy| deploy.get("placement"));
    let constraints = placement
        .and_then(|placement| placement.get("constraints"))
        .and_then(Node::as_list);
    for constraint in constraints.unwrap_or_default() {
        let Some(text) = constraint.as_text() else { continue };
        let Some((left, right)) = text.split_once("==") else {
            if !text.contains("!=") {
                let message = format!("`{text}` is not a constraint");
                let hint = "write `node.labels.KEY == VALUE` or `!=`".to_owned();
                findings.error_hint(message, &constraint.place, Some(hint));
            }
            continue;
        };
        let Some(label) = left.trim().strip_prefix("node.labels.") else {
            continue;
        };
        let values = groups
            .values()
            .filter_map(|group| group.value.get("labels")?.get(label)?.scalar_text());
        let mut values = values.peekable();
        if values.peek().is_none() {
            let message = format!("no group of `x-hosts` has the label `{label}`");
            findings.warning_hint(message, &constraint.place, BY_HAND);
        } else if !values.any(|value| value == right.trim()) {
            let message = format!(
                "no group of `x-hosts` has the label `{label}` with the value `{}`",
                right.trim()
            );
            findings.warning_hint(message, &constraint.place, BY_HAND);
        }
    }
}
