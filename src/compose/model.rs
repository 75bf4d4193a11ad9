//! The typed project: what a Compose file says once every stage of the loader has run.
//!
//! Knows the canonical shape of each attribute. Never reads a file, an environment or a clock, and
//! carries no text position except through [`Places`].

mod affinity;
mod attached;
mod deploy;
mod hook;
mod hosts;
mod ingress;
mod limits;
mod openstack;

use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::Value;

pub use affinity::{Affinity, Neighbour, Who};
pub use attached::{Link, ServiceNetwork, VolumesFrom, VolumesSource};
pub use deploy::{Deploy, DeployMode, EndpointMode, Resources, RestartCondition, RestartPolicy, UpdateConfig};
pub use hook::Hook;
pub use hosts::{DockerApi, DockerInstall, DockerSettings, GroupProvider, HostGroup, LocalHosts, Pool, SshHost};
pub use ingress::{IngressProtocol, IngressTls, WayIn};
pub use limits::{BlockIo, DeviceRate, DeviceRequest, GenericResource, MemoryUse, Scheduling};
pub use openstack::{
    BootVolume, Cidr, CloudInterface, CloudName, CloudNetwork, CloudRouter, FloatingIp, IpVersion, MadeNetwork,
    NamedBy, Openstack, ServerGroup, ServerGroupPolicy,
};

use super::output::Canonical;
use super::places::Places;

/// One Compose application, loaded, merged and in canonical form.
#[derive(Debug, Clone)]
pub struct Project {
    /// Lower-case letters, digits, dashes and underscores (specification: *name*).
    pub name: String,
    /// The folder that relative paths were resolved against.
    pub directory: PathBuf,
    /// The files it was loaded from, in merge order.
    pub files: Vec<PathBuf>,
    /// Only the services whose profiles are active, in file order.
    pub services: IndexMap<String, Service>,
    /// Names of the services whose profiles are not active.
    pub disabled: Vec<String>,
    /// Networks that a service uses; `default` is there when a service names none.
    pub networks: IndexMap<String, Network>,
    pub volumes: IndexMap<String, Volume>,
    pub configs: IndexMap<String, FileObject>,
    pub secrets: IndexMap<String, FileObject>,
    /// `x-hosts`: group name to group. Empty means: the engine of the current Docker context.
    pub hosts: IndexMap<String, HostGroup>,
    /// `x-pool`, with its defaults filled in.
    pub pool: Pool,
    /// `x-openstack` by itself; each group has its own settings laid over it already.
    pub openstack: Option<Openstack>,
    /// What the files say of hosts, as a Compose file by itself: the name, `x-hosts`, `x-pool` and `x-openstack`.
    pub hosts_part: String,
    /// All of it as what `hoist config` prints: a Compose file, too.
    pub canonical: Canonical,
    /// Other top-level `x-` keys, as written.
    pub extensions: IndexMap<String, Value>,
    /// Where each attribute stands, for messages.
    pub places: Places,
}

/// One service in canonical form. `None` means: the file does not say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Service {
    pub name: String,
    /// Always there when `build` is not; with `build` and no `image`, the loader leaves it empty
    /// and [`Service::image_name`] gives the name that Compose gives.
    pub image: Option<String>,
    pub build: Option<Build>,
    pub pull_policy: Option<PullPolicy>,
    pub platform: Option<String>,
    pub command: Option<Vec<String>>,
    pub entrypoint: Option<Vec<String>>,
    /// `env_file` and `environment` merged; `None` is a variable that has no value anywhere.
    pub environment: IndexMap<String, Option<String>>,
    pub working_dir: Option<String>,
    pub user: Option<String>,
    pub group_add: Vec<String>,
    pub hostname: Option<String>,
    pub domainname: Option<String>,
    pub container_name: Option<String>,
    pub labels: IndexMap<String, String>,
    pub annotations: IndexMap<String, String>,
    pub ports: Vec<Port>,
    pub expose: Vec<String>,
    pub networks: IndexMap<String, ServiceNetwork>,
    pub network_mode: Option<String>,
    /// Of the network with the highest priority.
    pub mac_address: Option<String>,
    pub links: Vec<Link>,
    pub external_links: Vec<Link>,
    pub extra_hosts: Vec<(String, String)>,
    pub dns: Vec<String>,
    pub dns_search: Vec<String>,
    pub dns_opt: Vec<String>,
    /// `volumes` and `tmpfs`.
    pub mounts: Vec<Mount>,
    pub volumes_from: Vec<VolumesFrom>,
    pub configs: Vec<FileReference>,
    pub secrets: Vec<FileReference>,
    pub depends_on: IndexMap<String, Dependency>,
    pub healthcheck: Option<Healthcheck>,
    pub restart: Option<Restart>,
    pub stop_signal: Option<String>,
    pub stop_grace_period: Option<Duration>,
    pub post_start: Vec<Hook>,
    pub pre_stop: Vec<Hook>,
    pub init: Option<bool>,
    pub read_only: bool,
    pub tty: bool,
    pub stdin_open: bool,
    pub privileged: bool,
    pub cap_add: Vec<String>,
    pub cap_drop: Vec<String>,
    pub security_opt: Vec<String>,
    pub devices: Vec<String>,
    pub device_cgroup_rules: Vec<String>,
    pub gpus: Vec<DeviceRequest>,
    pub pid: Option<String>,
    pub ipc: Option<String>,
    pub uts: Option<String>,
    pub userns_mode: Option<String>,
    /// `host` or `private`.
    pub cgroup: Option<String>,
    pub cgroup_parent: Option<String>,
    /// `runtime`: what the engine starts the container with, such as `runc`.
    pub container_runtime: Option<String>,
    pub storage_opt: IndexMap<String, String>,
    pub scheduling: Scheduling,
    pub memory_use: MemoryUse,
    pub block_io: BlockIo,
    /// Bytes.
    pub shm_size: Option<u64>,
    pub sysctls: IndexMap<String, String>,
    pub ulimits: IndexMap<String, Ulimit>,
    pub logging: Option<Logging>,
    pub oom_score_adj: Option<i64>,
    pub deploy: Deploy,
    /// What labels say of neighbours and better hosts.
    pub affinity: Affinity,
    pub profiles: Vec<String>,
    /// `x-runtime`: the operator's own choice of how the service runs.
    pub runtime: Option<RuntimeChoice>,
    /// `x-ingress`: the ways in from outside.
    pub ingress: Vec<WayIn>,
    /// Other `x-` keys of the service, as written.
    pub extensions: IndexMap<String, Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimeChoice {
    Service,
    Container,
}

impl Service {
    /// The image's name: as the file says or, for a service with only `build`, `PROJECT-SERVICE`.
    pub fn image_name(&self, project: &str) -> String {
        self.image.clone().unwrap_or_else(|| format!("{project}-{}", self.name))
    }

    /// How many replicas the file asks for: `deploy.replicas` (the loader folds `scale` into it), else 1.
    pub fn replicas(&self) -> u64 {
        self.deploy.replicas.unwrap_or(1)
    }
}

/// Specification: *build*. `context` is absolute after the paths stage.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Build {
    pub context: PathBuf,
    /// Relative to the context.
    pub dockerfile: Option<String>,
    pub dockerfile_inline: Option<String>,
    pub args: IndexMap<String, Option<String>>,
    pub target: Option<String>,
    pub labels: IndexMap<String, String>,
    pub network: Option<String>,
    pub extra_hosts: Vec<(String, String)>,
    pub tags: Vec<String>,
    pub no_cache: bool,
    pub pull: bool,
    pub shm_size: Option<u64>,
    pub platforms: Vec<String>,
    pub cache_from: Vec<String>,
}

/// Specification: *pull_policy*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPolicy {
    Always,
    Never,
    Missing,
    Build,
}

/// One published port, a range already spread out.
#[derive(Debug, Clone, PartialEq)]
pub struct Port {
    pub target: u16,
    /// `None`: the engine chooses one.
    pub published: Option<u16>,
    pub host_ip: Option<String>,
    pub protocol: Protocol,
    /// `None` where the file does not say: `ingress`, unless the kernel cannot route it.
    pub mode: Option<PortMode>,
    pub name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortMode {
    Ingress,
    Host,
}

/// One mount in long form (specification: *volumes*, *tmpfs*).
#[derive(Debug, Clone, PartialEq)]
pub struct Mount {
    pub kind: MountKind,
    /// Path in the container.
    pub target: String,
    pub read_only: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum MountKind {
    /// A named volume: a key of [`Project::volumes`]. `None`: an anonymous volume.
    Volume {
        volume: Option<String>,
        no_copy: bool,
        subpath: Option<String>,
    },
    /// An absolute path of the host.
    Bind {
        source: String,
        create_host_path: bool,
        propagation: Option<String>,
        recursive: Option<Recursive>,
    },
    Tmpfs {
        size: Option<u64>,
        mode: Option<u32>,
    },
}

/// What becomes of mounts inside of a bind mount, where the file says other than the default: they come along, and of a
/// read-only mount they are read-only as far as the kernel can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recursive {
    /// They stay out.
    Disabled,
    /// They can be written to, though the mount itself is read-only.
    Writable,
    /// They are read-only, or the container does not start.
    Readonly,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Dependency {
    pub condition: DependencyCondition,
    pub restart: bool,
    pub required: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DependencyCondition {
    Started,
    Healthy,
    CompletedSuccessfully,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Healthcheck {
    /// `["CMD", …]`, `["CMD-SHELL", text]` or `["NONE"]`; empty: the image's own.
    pub test: Vec<String>,
    pub interval: Option<Duration>,
    pub timeout: Option<Duration>,
    pub start_period: Option<Duration>,
    pub start_interval: Option<Duration>,
    pub retries: Option<u64>,
    pub disable: bool,
}

/// Specification: *restart*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    No,
    Always,
    UnlessStopped,
    OnFailure { attempts: Option<u64> },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Ulimit {
    pub soft: i64,
    pub hard: i64,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Logging {
    pub driver: Option<String>,
    pub options: IndexMap<String, String>,
}

/// A top-level network.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Network {
    /// The engine's name of it: `name:`, else `PROJECT_KEY`.
    pub name: String,
    pub external: bool,
    pub driver: Option<String>,
    pub driver_opts: IndexMap<String, String>,
    pub internal: bool,
    pub attachable: bool,
    /// `None`: as the engine has it, which is yes.
    pub enable_ipv4: Option<bool>,
    pub enable_ipv6: bool,
    pub labels: IndexMap<String, String>,
    pub ipam_driver: Option<String>,
    pub ipam: Vec<IpamPool>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct IpamPool {
    pub subnet: Option<String>,
    pub gateway: Option<String>,
    pub ip_range: Option<String>,
    /// Name to address: what the engine gives to no container.
    pub aux_addresses: IndexMap<String, String>,
}

/// A top-level volume.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Volume {
    /// The engine's name of it: `name:`, else `PROJECT_KEY`.
    pub name: String,
    pub external: bool,
    pub driver: Option<String>,
    pub driver_opts: IndexMap<String, String>,
    pub labels: IndexMap<String, String>,
}

impl Volume {
    /// Whether its data lies on one host only, so that its services must stay there.
    pub fn is_local(&self) -> bool {
        self.driver.as_deref().unwrap_or("local") == "local" && self.driver_opts.is_empty()
    }
}

/// A top-level config or secret.
#[derive(Clone, PartialEq)]
pub struct FileObject {
    /// The engine's name of it: `name:`, else `PROJECT_KEY`.
    pub name: String,
    pub external: bool,
    pub source: FileSource,
    pub labels: IndexMap<String, String>,
}

/// Where the content comes from. The content itself is read by `cli::settings`, not by the loader.
#[derive(Clone, PartialEq)]
pub enum FileSource {
    External,
    File(PathBuf),
    /// `content:` (configs only), interpolated.
    Content(String),
    /// `environment:`: the variable's name and, where set, its value.
    Environment {
        variable: String,
        value: Option<String>,
    },
}

// Secrets must not reach any output: the value never shows in `Debug`.
impl std::fmt::Debug for FileSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FileSource::External => f.write_str("External"),
            FileSource::File(path) => write!(f, "File({})", path.display()),
            FileSource::Content(text) => write!(f, "Content({} bytes)", text.len()),
            FileSource::Environment { variable, .. } => write!(f, "Environment({variable})"),
        }
    }
}

impl std::fmt::Debug for FileObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileObject({}, {:?})", self.name, self.source)
    }
}

/// A service's use of a config or secret, in long form.
#[derive(Debug, Clone, PartialEq)]
pub struct FileReference {
    /// Key of [`Project::configs`] or [`Project::secrets`].
    pub source: String,
    /// Absolute path in the container.
    pub target: String,
    pub uid: Option<String>,
    pub gid: Option<String>,
    pub mode: Option<u32>,
}
