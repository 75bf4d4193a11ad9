//! What a service is attached to: its place on each network, links, other services' volumes.

use super::read::{entries, list, number, text, text_map, texts};
use crate::compose::findings::Findings;
use crate::compose::model::{Link, ServiceNetwork, VolumesFrom, VolumesSource};
use crate::compose::tree::Node;

pub fn network(node: &Node, findings: &mut Findings) -> ServiceNetwork {
    ServiceNetwork {
        aliases: texts(node, "aliases"),
        ipv4_address: text(node, "ipv4_address"),
        ipv6_address: text(node, "ipv6_address"),
        link_local_ips: texts(node, "link_local_ips"),
        mac_address: text(node, "mac_address"),
        driver_opts: text_map(node, "driver_opts"),
        interface_name: text(node, "interface_name"),
        gateway_priority: number(node, "gw_priority", findings),
        priority: number(node, "priority", findings),
    }
}

/// The service's own hardware address, which is that of its first network.
pub fn mac_address(service: &Node, findings: &mut Findings) -> Option<String> {
    let node = service.get("mac_address")?;
    let address = node.scalar_text()?;
    let mode = text(service, "network_mode").filter(|mode| !["", "bridge", "default"].contains(&mode.as_str()));
    if let Some(mode) = mode {
        let message = format!("`mac_address` has no network to be of: `network_mode` is `{mode}`");
        findings.refuse(message, &node.place);
    }
    // The first of those with the highest priority, as the engine gets them.
    let mut first: Option<(&String, ServiceNetwork)> = None;
    for (name, entry) in entries(service, "networks") {
        let network = network(&entry.value, findings);
        let higher = |first: &ServiceNetwork| network.priority.unwrap_or(0) > first.priority.unwrap_or(0);
        if first.as_ref().is_none_or(|(_, first)| higher(first)) {
            first = Some((name, network));
        }
    }
    if let Some((
        name,
        ServiceNetwork {
            mac_address: Some(other),
            ..
        },
    )) = first
        && other != address
    {
        let message = format!("`mac_address` says `{address}`, and that of the network `{name}` says `{other}`");
        findings.refuse(message, &node.place);
    }
    Some(address)
}

/// `NAME[:ALIAS]`.
pub fn links(service: &Node, key: &str) -> Vec<Link> {
    let link = |line: &String| {
        let (to, alias) = line.split_once(':').unwrap_or((line, line));
        Link {
            to: to.to_owned(),
            alias: alias.to_owned(),
        }
    };
    texts(service, key).iter().map(link).collect()
}

/// `SERVICE[:ro|rw]` or `container:NAME[:ro|rw]`.
pub fn volumes_from(service: &Node) -> Vec<VolumesFrom> {
    let from = |item: &Node| {
        let line = item.scalar_text()?;
        let (is_container, rest) = match line.strip_prefix("container:") {
            Some(rest) => (true, rest.to_owned()),
            None => (false, line),
        };
        let (name, mode) = match rest.split_once(':') {
            Some((name, mode)) => (name.to_owned(), Some(mode.to_owned())),
            None => (rest, None),
        };
        let source = match is_container {
            true => VolumesSource::Container(name),
            false => VolumesSource::Service(name),
        };
        Some(VolumesFrom { source, mode })
    };
    list(service, "volumes_from").iter().filter_map(from).collect()
}
