//! What a service's `build` says against the rest of the project, and against itself.

use super::Whole;
use crate::compose::findings::Findings;
use crate::compose::tree::Node;

pub fn check(whole: &Whole<'_>, name: &str, service: &Node, findings: &mut Findings) {
    let Some(build) = service.get("build") else { return };
    if let (Some(_), Some(inline)) = (said(build, "dockerfile"), said(build, "dockerfile_inline")) {
        let message = "`dockerfile` and `dockerfile_inline` exclude each other";
        findings.error(message, &inline.place);
    }
    let contexts = build.get("additional_contexts").and_then(Node::as_map);
    for (context, entry) in contexts.into_iter().flatten() {
        let node = &entry.value;
        if let Some(other) = node.as_text().and_then(|text| text.strip_prefix("service:")) {
            whole.service_exists(other, &node.place, findings);
            let other_service = whole.section("services").and_then(|services| services.get(other));
            if other_service.is_some_and(|other| other.value.as_map().is_some() && other.value.get("build").is_none()) {
                let message = format!("the context `{context}` is the service `{other}`, which has no `build`");
                findings.error(message, &node.place);
            }
        }
    }
    for secret in super::services::list(build, "secrets") {
        if let Some(source) = secret.get("source")
            && let Some(text) = source.as_text()
        {
            whole.defined("secrets", "secret", text, &source.place, findings);
        }
    }
    let platforms = super::services::list(build, "platforms");
    if let Some(platform) = said(service, "platform")
        && !platforms.is_empty()
        && !platforms.iter().any(|node| node.as_text() == platform.as_text())
    {
        let message = format!("`build.platforms` of the service `{name}` lacks its `platform`");
        findings.error(message, &platform.place);
    }
}

/// A text that says something.
fn said<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    node.get(key)
        .filter(|node| node.as_text().is_some_and(|text| !text.is_empty()))
}
