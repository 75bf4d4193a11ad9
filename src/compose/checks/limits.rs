//! Replicas and limits, which a service may say in two places.

use crate::compose::findings::Findings;
use crate::compose::tree::{Node, Put, Value};

pub fn check(service: &Node, findings: &mut Findings) {
    replicas(service, findings);
    doubled_limits(service, findings);
}

fn replicas(service: &Node, findings: &mut Findings) {
    let scale = service.get("scale");
    let replicas = service.get("deploy").and_then(|deploy| deploy.get("replicas"));
    for (name, node) in [("scale", scale), ("replicas", replicas)] {
        if let (Some(wanted), Some(node)) = (number(node), node)
            && wanted < 0
        {
            findings.error(format!("`{name}` must be 0 or more, not {wanted}"), &node.place);
        }
    }
    if let (Some(left), Some(right), Some(scale)) = (number(scale), number(replicas), scale)
        && left != right
    {
        let message = format!("`scale` says {left} and `deploy.replicas` says {right}");
        findings.error_hint(message, &scale.place, Some("keep `deploy.replicas` only".to_owned()));
    }
    let wanted = number(scale).or(number(replicas)).unwrap_or(1);
    if let Some(name) = service.get("container_name").filter(|name| name.as_text() != Some(""))
        && wanted > 1
    {
        let message = format!("`container_name` allows one replica, not {wanted}: a name is there once");
        findings.error_hint(message, &name.place, Some("leave the name to Hoist".to_owned()));
    }
}

fn number(node: Option<&Node>) -> Option<i128> {
    match node?.value {
        Value::Integer(number) => Some(number),
        _ => None,
    }
}

/// The old limits of a service beside those of `deploy.resources`. Where the new ones are there at all, what they
/// leave out counts as 0, as in the reference.
fn doubled_limits(service: &Node, findings: &mut Findings) {
    let resources = service.get("deploy").and_then(|deploy| deploy.get("resources"));
    for (old, kind, new) in [
        ("cpus", "limits", "cpus"),
        ("mem_limit", "limits", "memory"),
        ("mem_reservation", "reservations", "memory"),
        ("pids_limit", "limits", "pids"),
    ] {
        let (Some(left), Some(section)) = (service.get(old), resources.and_then(|resources| resources.get(kind)))
        else {
            continue;
        };
        if section.as_map().is_none() {
            continue;
        }
        let right = section.get(new);
        if left.is_invalid() || right.is_some_and(Node::is_invalid) {
            continue;
        }
        let (amount, other) = (amount(Some(left)), amount(right));
        if amount != 0.0 && amount.to_bits() != other.to_bits() {
            let message = match right {
                Some(_) => format!("`{old}` and `deploy.resources.{kind}.{new}` say different things"),
                None => format!("`{old}` stands beside `deploy.resources.{kind}`, which does not say the same"),
            };
            let hint = format!("keep `deploy.resources.{kind}.{new}` only");
            findings.error_hint(message, &left.place, Some(hint));
        }
    }
}

fn amount(node: Option<&Node>) -> f64 {
    let text = node.and_then(Node::scalar_text);
    text.and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

/// `scale` says the replicas of `deploy` too.
pub fn share_scale(project: &mut Node) {
    let services = project.get_mut("services").and_then(Node::as_map_mut);
    for service in services.into_iter().flat_map(|services| services.values_mut()) {
        let scale = service
            .value
            .get("scale")
            .and_then(|scale| Some((number(Some(scale))?, scale.place.clone())));
        let deploy = service.value.get_mut("deploy").and_then(Node::as_map_mut);
        if let (Some((scale, place)), Some(deploy)) = (scale, deploy) {
            deploy.put("replicas", Node::new(Value::Integer(scale), place));
        }
    }
}
