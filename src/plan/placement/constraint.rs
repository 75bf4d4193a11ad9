//! Placement constraints and the attributes of nodes that they speak of.

use std::net::IpAddr;

use crate::engine::observation::ObservedNode;

/// `ATTRIBUTE == VALUE` or `ATTRIBUTE != VALUE` (specification: *deploy.placement.constraints*; Swarm compares
/// without regard to case and knows these attributes and no others).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Constraint {
    attribute: String,
    equal: bool,
    value: String,
}

impl Constraint {
    /// `None` where the text is no constraint.
    pub(super) fn parse(text: &str) -> Option<Constraint> {
        let (equal, (attribute, value)) = match text.split_once("==") {
            Some(parts) => (true, parts),
            None => (false, text.split_once("!=")?),
        };
        let (attribute, value) = (attribute.trim(), value.trim());
        (!attribute.is_empty() && !value.is_empty()).then(|| Constraint {
            attribute: attribute.to_owned(),
            equal,
            value: value.to_owned(),
        })
    }

    pub(super) fn holds(&self, node: &ObservedNode) -> bool {
        let found = match self.attribute.as_str() {
            "node.ip" => Some(is_address_in(&node.address, &self.value)),
            other => attribute(node, other).map(|found| found.eq_ignore_ascii_case(&self.value)),
        };
        found.unwrap_or(false) == self.equal
    }
}

/// What a node has for an attribute of Swarm's (`node.hostname`, `node.labels.zone`, …); `None` where it has none.
pub(super) fn attribute<'a>(node: &'a ObservedNode, name: &str) -> Option<&'a str> {
    match name {
        "node.id" => Some(&node.id),
        "node.hostname" => Some(&node.name),
        "node.ip" => Some(&node.address),
        "node.role" => Some(if node.manager { "manager" } else { "worker" }),
        "node.platform.os" => Some(&node.operating_system),
        "node.platform.arch" => Some(&node.architecture),
        other => match (other.strip_prefix("node.labels."), other.strip_prefix("engine.labels.")) {
            (Some(label), _) => node.labels.get(label).map(String::as_str),
            (_, Some(label)) => node.engine_labels.get(label).map(String::as_str),
            _ => None,
        },
    }
}

/// Whether the address is the one said, or in the network said (`10.0.0.0/8`).
fn is_address_in(address: &str, said: &str) -> bool {
    let Ok(address) = address.parse::<IpAddr>() else {
        return false;
    };
    let Some((network, bits)) = said.split_once('/') else {
        return said.parse::<IpAddr>().is_ok_and(|said| said == address);
    };
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else {
        return false;
    };
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_address_in;

    #[test]
    fn an_address_is_compared_whole_or_by_its_network() {
        for (address, said, is_in) in [
            ("10.0.0.5", "10.0.0.5", true),
            ("10.0.0.5", "10.0.0.6", false),
            ("10.0.0.5", "10.0.0.0/24", true),
            ("10.0.1.5", "10.0.0.0/24", false),
            ("10.0.1.5", "0.0.0.0/0", true),
            ("10.0.0.5", "10.0.0.0/33", false),
            ("fd00::5", "fd00::/8", true),
            ("fd00::5", "10.0.0.0/8", false),
            ("fd00::5", "::/0", true),
            ("", "0.0.0.0/0", false),
        ] {
            assert_eq!(is_address_in(address, said), is_in, "{address} in {said}");
        }
    }
}
