//! Volumes, networks and secrets of the stack as a whole.

use docker_compose_types::{
    ComposeNetwork, ComposeSecret, ComposeSecrets, ComposeVolume, ExternalVolume, Ipam, IpamConfig, Labels, MapOrEmpty,
    SingleValue,
};
use indexmap::IndexMap;
use serde_yaml::Value as Yaml;

use crate::compose::tree::{Entry, Node};
use crate::import::did_you_mean;
use crate::import::draft::{Draft, at};

use super::stack::Stack;
use super::values;

/// Translates all three sections.
pub fn translate(stack: &mut Stack, draft: &mut Draft) {
    for (section, nodes) in std::mem::take(&mut stack.resources) {
        for (text, entry) in nodes.iter().filter_map(Node::as_map).flatten() {
            let name = &stack.key(section, text);
            // A name with a variable is no key.
            let called = Some(text.clone()).filter(|text| text != name);
            match section {
                "volumes" => volume(name, called, entry, draft),
                "networks" => network(name, called, entry, draft),
                _ => secret(name, called, entry, draft),
            }
        }
    }
}

/// A volume without settings.
pub fn empty_volume() -> ComposeVolume {
    ComposeVolume {
        driver: None,
        driver_opts: IndexMap::new(),
        external: None,
        labels: Labels::default(),
        name: None,
    }
}

fn options(node: &Node) -> IndexMap<String, Option<SingleValue>> {
    values::pairs(node)
        .into_iter()
        .map(|(key, text)| (key, Some(SingleValue::String(text))))
        .collect()
}

/// `external: true`, or the old `{name: …}`.
fn external(node: &Node) -> (bool, Option<String>) {
    let named = node.get("name").and_then(values::text);
    match values::flag(node) {
        Some(flag) => (flag, None),
        None => (true, named.or_else(|| values::text(node))),
    }
}

fn volume(name: &str, called: Option<String>, entry: &Entry, draft: &mut Draft) {
    let known = draft.compose.volumes.0.shift_remove(name);
    let mut volume = match known {
        Some(MapOrEmpty::Map(volume)) => volume,
        _ => empty_volume(),
    };
    volume.name = volume.name.take().or(called);
    let exists = entry.value.get("external").is_some_and(|node| external(node).0);
    for (key, entry) in entry.value.as_map().into_iter().flatten() {
        match key.as_str() {
            "driver" | "driver_opts" | "labels" if exists => made_already(draft, "volumes", name, key, entry),
            "driver" => volume.driver = values::text(&entry.value),
            "driver_opts" => volume.driver_opts = options(&entry.value),
            "external" => {
                let (is, named) = external(&entry.value);
                volume.external = is.then_some(ExternalVolume::Bool(true));
                volume.name = named.or(volume.name.take());
            }
            "name" => volume.name = values::text(&entry.value),
            "labels" => volume.labels = Labels::Map(values::pairs(&entry.value)),
            "per_container" => {
                if values::flag(&entry.value) != Some(false) {
                    let why = "replicas on one host share a volume: use `tmpfs` or a service for each";
                    draft.lost(at(["volumes", name]), "per_container", why, &entry.key);
                }
            }
            _ => unknown(
                draft,
                "volume",
                key,
                entry,
                &["driver", "driver_opts", "external", "per_container", "labels"],
            ),
        }
    }
    let plain = volume == empty_volume();
    let volume = if plain {
        MapOrEmpty::Empty
    } else {
        MapOrEmpty::Map(volume)
    };
    draft.compose.volumes.0.insert(name.to_owned(), volume);
}

fn network(name: &str, called: Option<String>, entry: &Entry, draft: &mut Draft) {
    let network = draft.network(name);
    network.name = network.name.take().or(called);
    let exists = entry.value.get("external").is_some_and(|node| external(node).0);
    for (key, entry) in entry.value.as_map().into_iter().flatten() {
        match key.as_str() {
            "driver" | "driver_opts" | "internal" | "labels" | "ipam" if exists => {
                made_already(draft, "networks", name, key, entry);
            }
            "driver" => draft.network(name).driver = values::text(&entry.value),
            "driver_opts" => draft.network(name).driver_opts = options(&entry.value),
            "internal" => draft.network(name).internal = values::flag(&entry.value) == Some(true),
            "labels" => draft.network(name).labels = Labels::Map(values::pairs(&entry.value)),
            "external" => {
                let (is, named) = external(&entry.value);
                let network = draft.network(name);
                network.external = is.then_some(ComposeNetwork::Bool(true));
                network.name = named.or(network.name.take());
            }
            "ipam" => ipam(name, &entry.value, draft),
            _ => unknown(
                draft,
                "network",
                key,
                entry,
                &["driver", "driver_opts", "external", "ipam", "internal", "labels"],
            ),
        }
    }
}

fn ipam(name: &str, node: &Node, draft: &mut Draft) {
    let configs = node.get("config").and_then(Node::as_list).unwrap_or_default();
    let long = |config: &Node| config.get("ip_range").or(config.get("aux_addresses")).is_some();
    let driver = node.get("driver").and_then(values::text);
    if configs.iter().any(long) {
        return draft.beyond(at(["networks", name, "ipam"]), values::yaml(node));
    }
    let config = |node: &Node| {
        let subnet = node.get("subnet").and_then(values::text)?;
        let gateway = node.get("gateway").and_then(values::text);
        Some(IpamConfig { subnet, gateway })
    };
    let config = configs.iter().filter_map(config).collect();
    draft.network(name).ipam = Some(Ipam { driver, config });
}

fn secret(name: &str, called: Option<String>, entry: &Entry, draft: &mut Draft) {
    for (key, part) in entry.value.as_map().into_iter().flatten() {
        match key.as_str() {
            "file" => {
                let file = values::text(&part.value).unwrap_or_default();
                let secrets = draft.compose.secrets.get_or_insert_with(ComposeSecrets::default);
                secrets.0.insert(name.to_owned(), Some(ComposeSecret::File(file)));
            }
            "external" => {
                let (_, named) = external(&part.value);
                let path = |key: &str| at(["secrets", name, key]);
                draft.beyond(path("external"), Yaml::from(true));
                if let Some(named) = named.or(called.clone()).filter(|named| named != name) {
                    draft.beyond(path("name"), Yaml::from(named));
                }
            }
            _ => unknown(draft, "secret", key, part, &["file", "external"]),
        }
    }
}

fn made_already(draft: &mut Draft, section: &str, name: &str, key: &str, entry: &Entry) {
    let shown = values::shown(&entry.value);
    draft.lost_with(
        at([section, name]),
        key,
        Some(&shown),
        "what is external was made by somebody else",
        &entry.key,
    );
}

fn unknown(draft: &mut Draft, what: &str, key: &str, entry: &Entry, known: &[&str]) {
    draft.error(
        format!("a {what} has no `{key}`"),
        &entry.key,
        did_you_mean(key, known.iter().copied()),
    );
}
