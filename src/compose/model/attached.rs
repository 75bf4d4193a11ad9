//! What a service is attached to: networks, other services and containers.

use indexmap::IndexMap;

/// A service's place on one network.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServiceNetwork {
    pub aliases: Vec<String>,
    pub ipv4_address: Option<String>,
    pub ipv6_address: Option<String>,
    pub link_local_ips: Vec<String>,
    pub mac_address: Option<String>,
    pub driver_opts: IndexMap<String, String>,
    pub interface_name: Option<String>,
    /// The network with the highest gives the container its default gateway.
    pub gateway_priority: Option<i64>,
    pub priority: Option<i64>,
}

/// An entry of `links` or `external_links`: a second name for something, known to this service alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// A service of the project, or the name of a container outside of it.
    pub to: String,
    pub alias: String,
}

/// An entry of `volumes_from`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumesFrom {
    pub source: VolumesSource,
    /// `ro` or `rw`; `None`: each mount as it is at the source.
    pub mode: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumesSource {
    /// A service of the project.
    Service(String),
    /// A container by its name, whoever made it.
    Container(String),
}
