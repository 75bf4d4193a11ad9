//! Reads `x-openstack` and the `openstack` of a group. Never asks a cloud.

use std::net::IpAddr;
use std::path::PathBuf;

use indexmap::IndexMap;

use crate::compose::findings::Findings;
use crate::compose::model::{
    BootVolume, Cidr, CloudInterface, CloudName, CloudNetwork, CloudRouter, FloatingIp, IpVersion, MadeNetwork,
    NamedBy, Openstack, ServerGroup, ServerGroupPolicy,
};
use crate::compose::paths::Base;
use crate::compose::tree::{Mapping, Node, Value};
use crate::compose::units;

/// Where a network that is made lies unless the file says so.
const USUAL_NETWORK: Cidr = Cidr {
    address: IpAddr::V4(std::net::Ipv4Addr::new(10, 20, 0, 0)),
    prefix: 24,
};

/// The longest key or value of a server's metadata (compute API).
const LONGEST_METADATA: usize = 255;

/// A group's settings over the defaults: mappings key by key, everything else as a whole.
pub fn laid_over(defaults: Option<&Node>, own: &Node) -> Node {
    let mut laid = own.clone();
    if let (Some(defaults), Some(own)) = (defaults.and_then(Node::as_map), laid.as_map_mut()) {
        lay(defaults, own);
    }
    laid
}

fn lay(defaults: &Mapping, own: &mut Mapping) {
    for (key, entry) in defaults {
        match own.get_mut(key) {
            None => {
                own.insert(key.clone(), entry.clone());
            }
            Some(there) => {
                if let (Some(defaults), Some(own)) = (entry.value.as_map(), there.value.as_map_mut()) {
                    lay(defaults, own);
                }
            }
        }
    }
}

/// Reads settled settings.
pub fn settings(node: &Node, base: &Base<'_>, findings: &mut Findings) -> Openstack {
    let mut reader = Reader { node, base, findings };
    let usual = Openstack::default();
    Openstack {
        cloud: reader.text("cloud"),
        region: reader.text("region"),
        interface: match reader.text("interface").as_deref() {
            Some("public") => Some(CloudInterface::Public),
            Some("internal") => Some(CloudInterface::Internal),
            Some("admin") => Some(CloudInterface::Admin),
            _ => None,
        },
        cacert: reader.path("cacert"),
        insecure: reader.flag("insecure").unwrap_or(false),
        image: reader.reference("image"),
        flavor: reader.reference("flavor"),
        availability_zone: reader.text("availability_zone"),
        server_group: reader.server_group(),
        boot_volume: reader.boot_volume(),
        root_disk: reader.number("root_disk", 1, i128::from(u32::MAX)),
        config_drive: reader.flag("config_drive"),
        metadata: reader.metadata(),
        user_data: reader.path("user_data"),
        timeout: reader.timeout().unwrap_or(usual.timeout),
        keypair: reader.text("keypair"),
        private_key_file: reader.path("private_key_file"),
        user: reader.user(),
        port: reader.number("port", 1, 65_535).unwrap_or(usual.port),
        network: reader.network(),
        floating_ip: reader.floating_ip(),
        ip_version: match reader.number::<u8>("ip_version", 4, 6) {
            Some(4) => Some(IpVersion::V4),
            Some(6) => Some(IpVersion::V6),
            _ => None,
        },
        port_security: reader.flag("port_security"),
        security_groups: reader.references("security_groups"),
        allow: reader.cidrs("allow").unwrap_or(usual.allow),
        publish_to: reader.cidrs("publish_to").unwrap_or(usual.publish_to),
    }
}

/// What every group with `openstack` must say.
pub fn require(group: &str, settings: &Node, findings: &mut Findings) {
    if has_invalid(settings) {
        return;
    }
    let from_volume = settings
        .get("boot_volume")
        .is_some_and(|volume| volume.get("id").is_some());
    for (key, missing) in [("image", !from_volume), ("flavor", true)] {
        if missing && settings.get(key).is_none() {
            findings.error_hint(
                format!("the group `{group}` does not say which `{key}` its hosts have"),
                &settings.place,
                Some(format!("write `{key}` here or, for all groups, in `x-openstack`")),
            );
        }
    }
}

fn has_invalid(node: &Node) -> bool {
    match &node.value {
        Value::Invalid => true,
        Value::Map(mapping) => mapping.values().any(|entry| has_invalid(&entry.value)),
        Value::List(list) => list.iter().any(has_invalid),
        _ => false,
    }
}

struct Reader<'a> {
    node: &'a Node,
    base: &'a Base<'a>,
    findings: &'a mut Findings,
}

impl Reader<'_> {
    fn text(&self, key: &str) -> Option<String> {
        self.node.get(key)?.as_text().map(str::to_owned)
    }

    fn flag(&self, key: &str) -> Option<bool> {
        match self.node.get(key)?.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        Some(self.base.absolute(self.node.get(key)?.as_text()?))
    }

    /// A whole number; one outside of the range is an error.
    fn number<T: TryFrom<i128>>(&mut self, key: &str, least: i128, most: i128) -> Option<T> {
        number(self.node, key, least, most, self.findings)
    }

    fn reference(&mut self, key: &str) -> Option<CloudName> {
        reference(self.node.get(key)?, key, self.findings)
    }

    fn references(&mut self, key: &str) -> Vec<CloudName> {
        let list = self.node.get(key).and_then(Node::as_list).unwrap_or_default();
        let read = |node| reference(node, key, self.findings);
        list.iter().filter_map(read).collect()
    }

    fn server_group(&mut self) -> Option<ServerGroup> {
        let node = self.node.get("server_group")?;
        let policy = match node.as_text() {
            None => return reference(node, "server_group", self.findings).map(ServerGroup::Existing),
            Some("affinity") => ServerGroupPolicy::Affinity,
            Some("anti-affinity") => ServerGroupPolicy::AntiAffinity,
            Some("soft-affinity") => ServerGroupPolicy::SoftAffinity,
            Some(_) => ServerGroupPolicy::SoftAntiAffinity,
        };
        Some(ServerGroup::Made(policy))
    }

    fn boot_volume(&mut self) -> Option<BootVolume> {
        let node = self.node.get("boot_volume")?;
        node.as_map()?;
        let text = |key: &str| node.get(key).and_then(Node::as_text).map(str::to_owned);
        let existing = text("id").map(|id| CloudName {
            text: id,
            by: NamedBy::Id,
        });
        for key in ["size", "type", "name"] {
            if let (Some(_), Some(other)) = (&existing, node.get(key)) {
                let message = format!("a volume that is there already (`id`) has its `{key}`");
                self.findings.error(message, &other.place);
            }
        }
        Some(BootVolume {
            size: number(node, "size", 1, i128::from(u32::MAX), self.findings),
            kind: text("type"),
            device: text("device"),
            delete_on_termination: node
                .get("delete_on_termination")
                .map_or(existing.is_none(), Node::is_true),
            existing,
            name: text("name"),
        })
    }

    fn metadata(&mut self) -> IndexMap<String, String> {
        let mapping = self.node.get("metadata").and_then(Node::as_map);
        let mut metadata = IndexMap::new();
        for (key, entry) in mapping.into_iter().flatten() {
            let value = entry.value.scalar_text().unwrap_or_default();
            if key.len() > LONGEST_METADATA || value.len() > LONGEST_METADATA {
                let message = format!("keys and values of `metadata` have {LONGEST_METADATA} bytes at most");
                self.findings.error(message, &entry.value.place);
            }
            metadata.insert(key.clone(), value);
        }
        metadata
    }

    fn timeout(&mut self) -> Option<std::time::Duration> {
        let node = self.node.get("timeout")?;
        let timeout = units::parse_duration(node.as_text()?)?;
        if timeout.is_zero() {
            self.findings
                .error("`timeout` must be longer than nothing", &node.place);
        }
        Some(timeout)
    }

    fn user(&mut self) -> Option<String> {
        let node = self.node.get("user")?;
        let user = node.as_text()?;
        if let Err(why) = super::ssh::check_user(user) {
            self.findings.error(why, &node.place);
        }
        Some(user.to_owned())
    }

    fn network(&mut self) -> Option<CloudNetwork> {
        let node = self.node.get("network")?;
        if let Some(network) = reference_text(node) {
            return Some(CloudNetwork::Existing { network, subnet: None });
        }
        let mapping = node.as_map()?;
        let there = ["id", "subnet"].into_iter().find(|key| mapping.contains_key(*key));
        let Some(there) = there else {
            return Some(CloudNetwork::Made(self.made_network(node)));
        };
        for key in ["cidr", "dns", "router"] {
            if let Some(entry) = mapping.get(key) {
                let message = format!("a network that is there already (`{there}`) takes no `{key}`");
                self.findings.error(message, &entry.key);
            }
        }
        let subnet = node
            .get("subnet")
            .and_then(|node| reference(node, "subnet", self.findings));
        let Some(network) = name_or_id(node) else {
            let hint = "say which network it is in: `name` or `id`".to_owned();
            self.findings
                .error_hint("`subnet` alone names no network", &node.place, Some(hint));
            return None;
        };
        Some(CloudNetwork::Existing { network, subnet })
    }

    fn made_network(&mut self, node: &Node) -> MadeNetwork {
        MadeNetwork {
            name: node.get("name").and_then(Node::as_text).map(str::to_owned),
            cidr: self.cidr(node).unwrap_or(USUAL_NETWORK),
            dns: self.addresses(node),
            router: self.router(node),
        }
    }

    fn cidr(&mut self, network: &Node) -> Option<Cidr> {
        let node = network.get("cidr")?;
        let text = node.as_text()?;
        let cidr = Cidr::parse(text).filter(|_| text.contains('/'));
        match cidr {
            None => self.no_cidr("cidr", node),
            Some(cidr) if cidr.network() != cidr.address => {
                let fit = Cidr {
                    address: cidr.network(),
                    ..cidr
                };
                let message = format!("`cidr` cannot be `{text}`: that is an address in the network");
                let hint = format!("write `{fit}`");
                self.findings.error_hint(message, &node.place, Some(hint));
            }
            Some(_) => {}
        }
        cidr
    }

    fn addresses(&mut self, network: &Node) -> Vec<IpAddr> {
        let mut addresses = Vec::new();
        for node in network.get("dns").and_then(Node::as_list).unwrap_or_default() {
            let Some(text) = node.as_text() else { continue };
            match text.parse() {
                Ok(address) => addresses.push(address),
                Err(_) => {
                    let message = format!("an entry of `dns` must be an IP address, not `{text}`");
                    self.findings.error(message, &node.place);
                }
            }
        }
        addresses
    }

    fn router(&mut self, network: &Node) -> CloudRouter {
        let made = CloudRouter::Made {
            name: None,
            external: None,
        };
        let Some(node) = network.get("router") else { return made };
        if matches!(node.value, Value::Bool(_)) {
            return CloudRouter::None;
        }
        if let Some(router) = reference_text(node) {
            return CloudRouter::Existing(router);
        }
        let external = node
            .get("external")
            .and_then(|node| reference(node, "external", self.findings));
        match (node.get("id").and_then(Node::as_text), &external) {
            (Some(_), Some(_)) => {
                let message = "a router that is there already (`id`) has its `external` network";
                self.findings.error(message, &node.place);
                made
            }
            (Some(id), None) => CloudRouter::Existing(CloudName {
                text: id.to_owned(),
                by: NamedBy::Id,
            }),
            (None, _) => CloudRouter::Made {
                name: node.get("name").and_then(Node::as_text).map(str::to_owned),
                external,
            },
        }
    }

    fn floating_ip(&mut self) -> FloatingIp {
        match self.node.get("floating_ip") {
            None => FloatingIp::Unsaid,
            Some(node) if matches!(node.value, Value::Bool(_)) => FloatingIp::None,
            Some(node) => {
                if let Some(version) = self.node.get("ip_version")
                    && matches!(version.value, Value::Integer(6))
                {
                    let hint = "take `floating_ip` or `ip_version` out".to_owned();
                    let message = "floating addresses are IPv4 addresses";
                    self.findings.error_hint(message, &node.place, Some(hint));
                }
                reference(node, "floating_ip", self.findings).map_or(FloatingIp::Unsaid, FloatingIp::From)
            }
        }
    }

    fn cidrs(&mut self, key: &str) -> Option<Vec<Cidr>> {
        let mut cidrs = Vec::new();
        for node in self.node.get(key)?.as_list()? {
            match node.as_text().map(Cidr::parse) {
                Some(Some(cidr)) => cidrs.push(cidr),
                Some(None) => self.no_cidr(key, node),
                None => {}
            }
        }
        Some(cidrs)
    }

    fn no_cidr(&mut self, key: &str, node: &Node) {
        let text = node.as_text().unwrap_or_default();
        let message = format!("`{key}` must be a network such as `203.0.113.0/24`, not `{text}`");
        self.findings.error(message, &node.place);
    }
}

fn number<T: TryFrom<i128>>(settings: &Node, key: &str, least: i128, most: i128, findings: &mut Findings) -> Option<T> {
    let node = settings.get(key)?;
    let Value::Integer(number) = node.value else {
        return None;
    };
    let allowed = (least..=most).contains(&number) && (key != "ip_version" || number != 5);
    if !allowed {
        let range = match key {
            "ip_version" => "4 or 6".to_owned(),
            _ if most == i128::from(u32::MAX) => format!("{least} or more"),
            _ => format!("from {least} to {most}"),
        };
        findings.error(format!("`{key}` must be {range}, not {number}"), &node.place);
        return None;
    }
    T::try_from(number).ok()
}

/// Plain text: a name or an id.
fn reference_text(node: &Node) -> Option<CloudName> {
    node.as_text().map(|text| CloudName {
        text: text.to_owned(),
        by: NamedBy::Either,
    })
}

/// The `name` or the `id` of a mapping.
fn name_or_id(node: &Node) -> Option<CloudName> {
    let by = |key, by| {
        node.get(key).and_then(Node::as_text).map(|text| CloudName {
            text: text.to_owned(),
            by,
        })
    };
    by("id", NamedBy::Id).or_else(|| by("name", NamedBy::Name))
}

fn reference(node: &Node, key: &str, findings: &mut Findings) -> Option<CloudName> {
    let read = reference_text(node).or_else(|| name_or_id(node));
    match (&read, node.as_map()) {
        (Some(name), _) if name.text.is_empty() => {
            findings.error(format!("`{key}` must not be empty"), &node.place);
        }
        (Some(_), Some(mapping)) if mapping.len() > 1 => {
            findings.error(format!("`{key}` takes one of `name` and `id`"), &node.place);
        }
        (None, Some(mapping)) if !mapping.values().any(|entry| entry.value.is_invalid()) => {
            findings.error(format!("`{key}` needs `name` or `id`"), &node.place);
        }
        _ => {}
    }
    read
}

#[cfg(test)]
mod tests;
