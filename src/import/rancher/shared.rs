//! What a service shares with another one: its network, its processes, its volumes, its settings.
//!
//! Knows services that the output does not have. Whoever shares something with one goes without, and that is told.

use indexmap::IndexMap;

use crate::compose::source::Place;
use crate::compose::tree::Node;
use crate::import::draft::Draft;

use super::stack::{Role, Stack, place_of, warn};
use super::values;

/// Whose it is, of `container:NAME` and `service:NAME`.
enum Owner {
    Service(String),
    /// A container outside of the stack, or one that a variable names.
    Container(String),
    /// A service of the stack that is none of the output: why.
    Gone(String),
}

fn owner(stack: &Stack, text: &str) -> Option<Owner> {
    let name = text
        .strip_prefix("container:")
        .or_else(|| text.strip_prefix("service:"))?;
    Some(match stack.role(name) {
        _ if !stack.labels.contains_key(name) => Owner::Container(format!("container:{name}")),
        Role::Normal => Owner::Service(name.to_owned()),
        _ => Owner::Gone(format!("`{name}` is no service of the output")),
    })
}

/// `net` and `network_mode`.
pub fn network_mode(draft: &mut Draft, stack: &Stack, name: &str, key: &str, node: &Node) -> bool {
    let Some(mode) = node.as_text() else { return false };
    let mode = match owner(stack, mode) {
        Some(Owner::Service(service)) => format!("service:{service}"),
        Some(Owner::Container(container)) => container,
        Some(Owner::Gone(why)) => {
            let why = format!("{why}: the service is on the project's network");
            draft.lost_with(place_of(name), key, Some(mode), &why, &node.place);
            return true;
        }
        // Rancher's own network, and the engine's: the project's network takes the place of both.
        None if mode.is_empty() || mode == "managed" || mode == "bridge" => return true,
        None if mode == "ipsec" || mode == "vxlan" || stack.networks_of_drivers.iter().any(|made| made == mode) => {
            let text = format!("{key}: {mode} (Rancher's own network: the project's takes its place)");
            draft.say(place_of(name), text);
            return true;
        }
        None => mode.to_owned(),
    };
    draft.service(name).network_mode = Some(mode);
    true
}

/// `pid` and `ipc`.
pub fn namespace(draft: &mut Draft, stack: &Stack, name: &str, key: &str, node: &Node) -> bool {
    let Some(text) = values::text(node) else { return false };
    let text = match owner(stack, &text) {
        Some(Owner::Service(service)) => format!("service:{service}"),
        Some(Owner::Container(container)) => container,
        Some(Owner::Gone(why)) => {
            draft.lost_with(place_of(name), key, Some(&text), &why, &node.place);
            return true;
        }
        None => text,
    };
    let service = draft.service(name);
    let field = if key == "pid" {
        &mut service.pid
    } else {
        &mut service.ipc
    };
    *field = Some(text);
    true
}

/// `volumes_from`: of services, and of containers that are none.
pub fn volumes_from(draft: &mut Draft, stack: &Stack, name: &str, node: &Node) {
    let mut kept = Vec::new();
    for text in values::texts(node, ':') {
        let plain = text.strip_prefix("container:").unwrap_or(&text);
        let (from, mode) = plain
            .split_once(':')
            .map_or((plain, None), |(from, mode)| (from, Some(mode)));
        let with_mode = |from: &str| mode.map_or_else(|| from.to_owned(), |mode| format!("{from}:{mode}"));
        match owner(stack, &format!("container:{from}")) {
            Some(Owner::Service(service)) => kept.push(with_mode(&service)),
            Some(Owner::Container(container)) => kept.push(with_mode(&container)),
            Some(Owner::Gone(why)) => {
                draft.lost_with(place_of(name), "volumes_from", Some(&text), &why, &node.place);
            }
            None => kept.push(text),
        }
    }
    draft.service(name).volumes_from = kept;
}

/// `extends`.
pub fn extends(draft: &mut Draft, stack: &Stack, name: &str, node: &Node) {
    let extends = match node.as_text() {
        Some(service) => IndexMap::from([("service".to_owned(), service.to_owned())]),
        None => values::pairs(node),
    };
    let service = extends.get("service").filter(|_| !extends.contains_key("file"));
    if let Some(Owner::Gone(why)) = service.and_then(|service| owner(stack, &format!("service:{service}"))) {
        let shown = values::shown(node);
        return draft.lost_with(place_of(name), "extends", Some(&shown), &why, &node.place);
    }
    draft.service(name).extends = extends;
}

/// Tells that a service is dropped with its primary.
pub fn dropped(primary: &str, sidekick: &str, place: &Place, draft: &mut Draft) {
    let text =
        format!("`{sidekick}` is a sidekick of `{primary}`, which is no service of the output: it is dropped with it");
    warn(draft, Vec::new(), &text, place, None);
}
