//! What `x-openstack` and a group's `openstack` say, typed: the cloud, the servers, the way in, the network.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;

/// The settings of one group: `x-openstack`, with the group's own `openstack` laid over it.
#[derive(Debug, Clone, PartialEq)]
pub struct Openstack {
    /// An entry of `clouds.yaml`; without it the `OS_*` variables say which cloud and as whom.
    pub cloud: Option<String>,
    pub region: Option<String>,
    /// Which of each service's endpoints is called. `None`: as `clouds.yaml` says, else the public one.
    pub interface: Option<CloudInterface>,
    /// Certificates that the cloud's own is checked against, beside the system's.
    pub cacert: Option<PathBuf>,
    /// The cloud's certificate is not checked.
    pub insecure: bool,

    /// There for every group with `openstack`, unless it boots from a volume that exists.
    pub image: Option<CloudName>,
    /// There for every group with `openstack`.
    pub flavor: Option<CloudName>,
    pub availability_zone: Option<String>,
    pub server_group: Option<ServerGroup>,
    /// `None`: the server's disk is the flavor's.
    pub boot_volume: Option<BootVolume>,
    /// The least size of a server's root disk, in GiB: of the flavor, or of a boot volume without a size.
    pub root_disk: Option<u32>,
    pub config_drive: Option<bool>,
    /// Of each server, beside Hoist's own.
    pub metadata: IndexMap<String, String>,
    /// A file that is merged with Hoist's own cloud-init data.
    pub user_data: Option<PathBuf>,
    /// How long a server may take to become active. Default: 10 minutes.
    pub timeout: Duration,

    /// An existing keypair; without it Hoist imports the operator's public key.
    pub keypair: Option<String>,
    /// What SSH logs in with. `None`: as the operator's SSH is set up.
    pub private_key_file: Option<PathBuf>,
    /// Who SSH logs in as. `None`: the image's usual user.
    pub user: Option<String>,
    /// Of SSH; 22 by default.
    pub port: u16,

    /// `None`: the only network that the project has.
    pub network: Option<CloudNetwork>,
    pub floating_ip: FloatingIp,
    /// Which of a server's addresses SSH and the Docker API are reached at, where it has both. `None`: IPv4.
    pub ip_version: Option<IpVersion>,
    /// `None`: as the network has it. Without it there are no security groups either.
    pub port_security: Option<bool>,
    /// Existing ones that the servers get beside Hoist's own.
    pub security_groups: Vec<CloudName>,
    /// Who may reach SSH and the Docker API. Empty: not said, which is not everybody.
    pub allow: Vec<Cidr>,
    /// Who may reach published ports. Default: everybody.
    pub publish_to: Vec<Cidr>,
}

impl Default for Openstack {
    fn default() -> Self {
        Openstack {
            cloud: None,
            region: None,
            interface: None,
            cacert: None,
            insecure: false,
            image: None,
            flavor: None,
            availability_zone: None,
            server_group: None,
            boot_volume: None,
            root_disk: None,
            config_drive: None,
            metadata: IndexMap::new(),
            user_data: None,
            timeout: Duration::from_secs(600),
            keypair: None,
            private_key_file: None,
            user: None,
            port: 22,
            network: None,
            floating_ip: FloatingIp::Unsaid,
            ip_version: None,
            port_security: None,
            security_groups: Vec::new(),
            allow: Vec::new(),
            publish_to: Cidr::everybody(),
        }
    }
}

/// Something of the cloud that is there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudName {
    pub text: String,
    pub by: NamedBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedBy {
    /// The file does not say: an id where there is one, else a name.
    Either,
    Name,
    Id,
}

impl std::fmt::Display for CloudName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloudInterface {
    Public,
    Internal,
    Admin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerGroup {
    /// One is made for the group, with this policy.
    Made(ServerGroupPolicy),
    Existing(CloudName),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerGroupPolicy {
    Affinity,
    AntiAffinity,
    SoftAffinity,
    SoftAntiAffinity,
}

impl ServerGroupPolicy {
    /// As the compute API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            ServerGroupPolicy::Affinity => "affinity",
            ServerGroupPolicy::AntiAffinity => "anti-affinity",
            ServerGroupPolicy::SoftAffinity => "soft-affinity",
            ServerGroupPolicy::SoftAntiAffinity => "soft-anti-affinity",
        }
    }
}

/// A volume that a server boots from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootVolume {
    /// GiB. `None`: as large as `root_disk` or, without it, as the image asks for.
    pub size: Option<u32>,
    pub kind: Option<String>,
    /// The device's name in the server, such as `vda`.
    pub device: Option<String>,
    pub delete_on_termination: bool,
    /// The id of a volume that is there, which one server can boot from.
    pub existing: Option<CloudName>,
    /// What a volume that is made is called; default: as its server.
    pub name: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloudNetwork {
    /// `subnet` says which of its subnets the addresses come from.
    Existing {
        network: CloudName,
        subnet: Option<CloudName>,
    },
    Made(MadeNetwork),
}

/// A network with one subnet, made for the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeNetwork {
    /// Default: the pool's name.
    pub name: Option<String>,
    /// Default: `10.20.0.0/24`.
    pub cidr: Cidr,
    /// Name servers that the subnet hands out; empty: the cloud's own.
    pub dns: Vec<IpAddr>,
    pub router: CloudRouter,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloudRouter {
    /// `router: false`.
    None,
    Existing(CloudName),
    Made {
        /// Default: the pool's name.
        name: Option<String>,
        /// The network that its gateway is on. `None`: the one that floating addresses come from or, without
        /// such, the only external one.
        external: Option<CloudName>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FloatingIp {
    /// The file does not say.
    Unsaid,
    /// `false`: the servers are reached at the addresses of their network.
    None,
    /// From this external network.
    From(CloudName),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpVersion {
    V4,
    V6,
}

/// An address with the length of its network part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cidr {
    pub address: IpAddr,
    pub prefix: u8,
}

impl Cidr {
    /// Reads `ADDRESS/LENGTH`, or an address alone, which is a network of one.
    pub fn parse(text: &str) -> Option<Cidr> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
            Some(_) => return None,
            None => most,
        };
        (prefix <= most).then_some(Cidr { address, prefix })
    }

    /// All addresses of both versions.
    pub fn everybody() -> Vec<Cidr> {
        let of = |address: IpAddr| Cidr { address, prefix: 0 };
        vec![
            of(IpAddr::from([0, 0, 0, 0])),
            of(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 0])),
        ]
    }

    /// The network's first address, without the bits of a host.
    pub fn network(self) -> IpAddr {
        match self.address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                IpAddr::from((u32::from(address) & mask).to_be_bytes())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                IpAddr::from((u128::from(address) & mask).to_be_bytes())
            }
        }
    }

    /// Whether every address counts.
    pub fn is_everybody(self) -> bool {
        self.prefix == 0
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}
