//! Networks, volumes, configs and secrets of the project.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::read::{flag, optional_flag, text, text_map};
use crate::compose::model::{FileObject, FileSource, IpamPool, Network, Volume};
use crate::compose::tree::Node;

pub fn network(node: &Node) -> Network {
    let pools = node
        .get("ipam")
        .and_then(|ipam| ipam.get("config"))
        .and_then(Node::as_list);
    Network {
        name: text(node, "name").unwrap_or_default(),
        external: flag(node, "external"),
        driver: text(node, "driver"),
        driver_opts: text_map(node, "driver_opts"),
        internal: flag(node, "internal"),
        attachable: flag(node, "attachable"),
        enable_ipv4: optional_flag(node, "enable_ipv4"),
        enable_ipv6: flag(node, "enable_ipv6"),
        labels: text_map(node, "labels"),
        ipam_driver: node.get("ipam").and_then(|ipam| text(ipam, "driver")),
        ipam: pools
            .unwrap_or_default()
            .iter()
            .map(|pool| IpamPool {
                subnet: text(pool, "subnet"),
                gateway: text(pool, "gateway"),
                ip_range: text(pool, "ip_range"),
                aux_addresses: text_map(pool, "aux_addresses"),
            })
            .collect(),
    }
}

pub fn volume(node: &Node) -> Volume {
    Volume {
        name: text(node, "name").unwrap_or_default(),
        external: flag(node, "external"),
        driver: text(node, "driver"),
        driver_opts: text_map(node, "driver_opts"),
        labels: text_map(node, "labels"),
    }
}

pub fn file_object(node: &Node, variables: &BTreeMap<String, String>) -> FileObject {
    let source = if let Some(path) = text(node, "file") {
        FileSource::File(PathBuf::from(path))
    } else if let Some(content) = text(node, "content") {
        FileSource::Content(content)
    } else if let Some(variable) = text(node, "environment") {
        FileSource::Environment {
            value: variables.get(&variable).cloned(),
            variable,
        }
    } else {
        FileSource::External
    };
    FileObject {
        name: text(node, "name").unwrap_or_default(),
        external: flag(node, "external"),
        source,
        labels: text_map(node, "labels"),
    }
}
