//! What a cloud says that it has, as plain data: only what Hoist reads of it.
//!
//! Field names are the APIs' own (Network API v2.0, Compute API v2.64). Never asks the cloud.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The shared things that matter to one pool.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// Every network that the project sees.
    pub networks: Vec<Network>,
    pub subnets: Vec<Subnet>,
    pub routers: Vec<Router>,
    pub ports: Vec<Port>,
    pub security_groups: Vec<SecurityGroup>,
    pub floating_ips: Vec<FloatingIp>,
    /// Names of the keypairs; looked at only where servers are to be made.
    pub keypairs: Vec<String>,
    pub server_groups: Vec<ServerGroup>,
    pub servers: Vec<Server>,
}

/// Every thing of Neutron has these.
pub trait Marked {
    fn description(&self) -> Option<&str>;
}

/// What carries the pool's tag beside its mark.
pub trait Tagged: Marked {
    fn id(&self) -> &str;
    fn tags(&self) -> &[String];
}

macro_rules! marked {
    ($($kind:ty),*) => {$(
        impl Marked for $kind {
            fn description(&self) -> Option<&str> {
                self.description.as_deref()
            }
        }
    )*};
}

macro_rules! tagged {
    ($($kind:ty),*) => {$(
        impl Tagged for $kind {
            fn id(&self) -> &str {
                &self.id
            }

            fn tags(&self) -> &[String] {
                &self.tags
            }
        }
    )*};
}

marked!(
    Network,
    Subnet,
    Router,
    Port,
    SecurityGroup,
    SecurityGroupRule,
    FloatingIp
);
tagged!(Network, Subnet, Router, Port, SecurityGroup, FloatingIp);

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Network {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default, rename = "router:external")]
    pub external: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Subnet {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    pub network_id: String,
    pub cidr: String,
    #[serde(default)]
    pub dns_nameservers: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Router {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Port {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    pub network_id: String,
    #[serde(default)]
    pub device_id: String,
    #[serde(default)]
    pub device_owner: String,
    #[serde(default)]
    pub fixed_ips: Vec<FixedIp>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct FixedIp {
    pub subnet_id: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct SecurityGroup {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default, rename = "security_group_rules")]
    pub rules: Vec<SecurityGroupRule>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct SecurityGroupRule {
    pub id: String,
    pub description: Option<String>,
    pub direction: String,
    pub ethertype: String,
    pub protocol: Option<String>,
    pub port_range_min: Option<u16>,
    pub port_range_max: Option<u16>,
    pub remote_ip_prefix: Option<String>,
    pub remote_group_id: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct FloatingIp {
    pub id: String,
    pub description: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    pub port_id: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct ServerGroup {
    pub id: String,
    pub name: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Server {
    pub id: String,
    pub name: String,
    pub status: String,
    #[serde(rename = "OS-EXT-STS:task_state")]
    pub task_state: Option<String>,
    /// When it first ran; never where it could not be built.
    #[serde(rename = "OS-SRV-USG:launched_at")]
    pub launched_at: Option<String>,
    pub fault: Option<Fault>,
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// By network name.
    #[serde(default)]
    pub addresses: BTreeMap<String, Vec<Address>>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Fault {
    pub message: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Address {
    pub addr: String,
    pub version: u8,
    #[serde(rename = "OS-EXT-IPS:type")]
    pub kind: Option<String>,
}

impl Server {
    /// The addresses of one kind and version.
    fn address(&self, floating: bool, version: u8) -> Option<&str> {
        let all = self.addresses.values().flatten();
        let mut fitting = all
            .filter(|address| address.version == version && (address.kind.as_deref() == Some("floating")) == floating);
        fitting.next().map(|address| address.addr.as_str())
    }

    pub fn floating_address(&self) -> Option<&str> {
        self.address(true, 4)
    }

    /// The address in its network; `version` first, else the other one.
    pub fn fixed_address(&self, version: u8) -> Option<&str> {
        let other = if version == 6 { 4 } else { 6 };
        self.address(false, version).or_else(|| self.address(false, other))
    }
}

/// Reads each item of a list; one that lacks what every version of the API promises is a mistake of the cloud's.
pub fn read<T: for<'a> Deserialize<'a>>(items: Vec<Value>) -> Result<Vec<T>, serde_json::Error> {
    items.into_iter().map(serde_json::from_value).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_server_tells_its_addresses_by_kind_and_version() {
        let server: Server = serde_json::from_value(json!({
            "id": "s", "name": "dev-web-1", "status": "ACTIVE", "OS-EXT-STS:task_state": null,
            "OS-SRV-USG:launched_at": "2026-11-21T06:00:00", "metadata": {"hoist-host": "web-1"},
            "addresses": {"app": [
                {"addr": "fd00::5", "version": 6, "OS-EXT-IPS:type": "fixed"},
                {"addr": "10.20.0.5", "version": 4, "OS-EXT-IPS:type": "fixed"},
                {"addr": "198.51.100.7", "version": 4, "OS-EXT-IPS:type": "floating"}]}
        }))
        .unwrap();
        assert_eq!(server.floating_address(), Some("198.51.100.7"));
        assert_eq!(server.fixed_address(4), Some("10.20.0.5"));
        assert_eq!(server.fixed_address(6), Some("fd00::5"));
        let bare = Server::default();
        assert_eq!((bare.floating_address(), bare.fixed_address(4)), (None, None));
    }
}
