//! Bare host → Docker host → cluster member: SSH, certificates, and the templates of `provision/`.
//!
//! Knows how a host is made ready and how that is proved. Never knows Compose: what a file says comes in as [`Settings`].

mod census;
mod cluster;
mod daemon_json;
pub mod error;
mod facts;
mod files;
mod first_container;
mod install;
mod keyring;
mod leave;
mod pki;
mod prove;
mod reach;
mod ready;
pub mod roles;
mod security_modules;
mod ssh;
mod ssh_failure;
mod ssh_options;
mod stamp;
mod suitable;
mod templates;
mod tunnel;

use std::net::IpAddr;
use std::sync::Arc;

pub use cluster::{JoinedCluster, OnHostProgress, join, labels_differ};
pub use error::BootstrapError;
pub use keyring::Keyring;
pub use leave::{leave, remove_host};
pub use reach::reach;
pub use ready::bootstrap;
pub use ssh::{Output, Session};
pub use ssh_options::interactive;
pub use stamp::stamp;
pub use tunnel::Tunnel;

use crate::engine::{Endpoint, Engine};
use crate::hosts::Host;

/// What every host of the pool is to be like.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub pool: String,
    pub install: Install,
    /// A version pattern such as `28.*`.
    pub version: Option<String>,
    pub api: Api,
    /// The port of the Docker API.
    pub port: u16,
    /// Merged into `daemon.json`; wins over what the host has, but never over the TLS settings.
    pub daemon: serde_json::Map<String, serde_json::Value>,
    /// How long a host may take until it answers SSH.
    pub ssh_timeout: std::time::Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Install {
    Auto,
    Distro,
    DockerCe,
    Never,
}

/// How the Docker API is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    Tls,
    Ssh,
    InsecureTcp,
}

/// What a host says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// `debian`, `fedora`, … (`ID` of os-release).
    pub distribution: String,
    /// `12` (`VERSION_ID`).
    pub distribution_version: String,
    /// `apt`, `dnf`, `zypper`, or none that Hoist knows.
    pub package_manager: Option<String>,
    /// `uname -m`.
    pub architecture: String,
    pub kernel: String,
    pub user: String,
    pub sudo: Sudo,
    pub systemd: bool,
    pub ipvs: bool,
    /// The kernel has ESP, so that overlay traffic can be encrypted.
    pub esp: bool,
    /// The kernel enforces AppArmor profiles.
    pub apparmor: bool,
    /// `enforcing` or `permissive`; `None`: the kernel has no SELinux, or it is off.
    pub selinux: Option<String>,
    /// 1 or 2.
    pub cgroup_version: u8,
    /// Bytes free where Docker keeps its data.
    pub free_disk: u64,
    /// Bytes.
    pub memory: u64,
    pub hostname: String,
    /// The address of the interface that the default route uses.
    pub private_address: Option<IpAddr>,
    /// The version of the Docker Engine that is there.
    pub docker_version: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sudo {
    /// The user is root.
    Root,
    /// `sudo -n` works.
    Passwordless,
    /// sudo is there and asks for a password.
    AsksForPassword,
    /// There is no sudo.
    Missing,
}

/// How far the bootstrap of one host is; `deploy` passes it on as an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// Waiting for SSH; the reason of the last failed try, if any.
    WaitingForSsh {
        reason: Option<String>,
    },
    ReadingFacts,
    InstallingDocker {
        attempt: u32,
    },
    WritingFiles,
    StartingDocker,
    ProvingApi,
    StartingFirstContainer,
    /// Nothing was to be done, or it is done.
    Ready {
        changed: bool,
        engine_version: String,
    },
    Joining,
    Joined,
    /// Something that a person should know of this host, said once per run.
    Notice(String),
}

/// Takes each progress message.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// A host whose engine runs and was proved to answer this operator and nobody else. Only [`bootstrap`] makes one.
#[derive(Debug, Clone)]
pub struct ReadyHost {
    pub host: Host,
    pub facts: Facts,
    /// The address that the other hosts reach it at.
    pub private_address: String,
    pub endpoint: Endpoint,
    pub engine: Engine,
    /// With `api: ssh`, what carries [`Self::engine`]: it answers as long as this lives.
    pub tunnel: Option<Arc<Tunnel>>,
    /// Digest of what bootstrap made sure of: the node's label `dev.hoist.bootstrap`.
    pub stamp: String,
    /// Whether this run changed anything on the host.
    pub changed: bool,
}

/// Where a host keeps the pool's authority and its own certificate: root's alone.
const PKI_FOLDER: &str = "/etc/hoist/pki";

#[cfg(test)]
fn test_host() -> (Host, Settings) {
    let login = crate::hosts::Login {
        address: "10.0.0.5".to_string(),
        port: None,
        user: Some("debian".to_string()),
        identity_file: None,
        host_key: crate::hosts::HostKey::KnownHosts,
    };
    let host = Host {
        name: "web-1".to_string(),
        group: "web".to_string(),
        pool: "dev".to_string(),
        provider: crate::hosts::ProviderKind::Ssh,
        id: "debian@10.0.0.5:22".to_string(),
        login,
        private_address: None,
        labels: Default::default(),
        shape: Default::default(),
        running: true,
    };
    let settings = Settings {
        pool: "dev".to_string(),
        install: Install::Auto,
        version: None,
        api: Api::Tls,
        port: 2376,
        daemon: serde_json::Map::new(),
        ssh_timeout: std::time::Duration::from_secs(60),
    };
    (host, settings)
}

#[cfg(test)]
fn test_survey() -> facts::Survey {
    facts::Survey {
        facts: Facts {
            distribution: "debian".to_string(),
            distribution_version: "12".to_string(),
            package_manager: Some("apt".to_string()),
            architecture: "x86_64".to_string(),
            kernel: "6.1".to_string(),
            user: "debian".to_string(),
            sudo: Sudo::Passwordless,
            systemd: true,
            ipvs: false,
            esp: false,
            apparmor: false,
            selinux: None,
            cgroup_version: 2,
            free_disk: 10 << 30,
            memory: 1 << 30,
            hostname: "web-1".to_string(),
            private_address: Some(IpAddr::from([10, 0, 0, 5])),
            docker_version: None,
        },
        state: facts::State::default(),
    }
}

#[cfg(test)]
fn test_ready_host() -> ReadyHost {
    let (host, settings) = test_host();
    let endpoint = Endpoint::Tcp {
        address: "10.0.0.5".to_string(),
        port: 2376,
    };
    ReadyHost {
        stamp: stamp(&host, &settings),
        engine: Engine::new("web-1", &endpoint).unwrap(),
        host,
        facts: test_survey().facts,
        private_address: "10.0.0.5".to_string(),
        endpoint,
        tunnel: None,
        changed: false,
    }
}

#[cfg(test)]
fn test_node() -> crate::engine::observation::ObservedNode {
    crate::engine::observation::ObservedNode {
        id: "n1".to_string(),
        name: "web-1".to_string(),
        labels: Default::default(),
        manager: false,
        ready: true,
        active: true,
        address: "10.0.0.5".to_string(),
        engine_version: "28.0.1".to_string(),
        operating_system: "linux".to_string(),
        architecture: "x86_64".to_string(),
        version: 1,
        engine_labels: Default::default(),
        ..crate::engine::observation::ObservedNode::default()
    }
}
