//! `x-hosts` and `x-pool`: which hosts a project asks for, and what they have in common.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::openstack::Openstack;

/// One entry of `x-hosts`: hosts made alike.
#[derive(Debug, Clone, PartialEq)]
pub struct HostGroup {
    pub name: String,
    /// For `ssh` groups: the number of entries.
    pub count: u32,
    /// Become `node.labels.KEY`.
    pub labels: BTreeMap<String, String>,
    pub provider: GroupProvider,
}

#[derive(Debug, Clone, PartialEq)]
pub enum GroupProvider {
    Local(LocalHosts),
    Ssh(Vec<SshHost>),
    Openstack(Box<Openstack>),
}

/// `local:`: containers on this machine that act as hosts.
#[derive(Debug, Clone, PartialEq)]
pub struct LocalHosts {
    /// The base image; `debian:12` by default.
    pub image: String,
}

/// One entry of `ssh:`. The short form is `[USER@]HOST[:PORT]`.
#[derive(Debug, Clone, PartialEq)]
pub struct SshHost {
    pub host: String,
    pub user: Option<String>,
    pub port: Option<u16>,
    pub identity_file: Option<PathBuf>,
    /// The host's own public key (`ssh-ed25519 AAAA…`), where the file pins it.
    pub host_key: Option<String>,
    /// The address that the other hosts of the pool reach it at; default: found out by bootstrap.
    pub private_address: Option<String>,
}

/// `x-pool`, with defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// Default: the project's name.
    pub name: String,
    /// `None`: 1, 3 or 5 by the number of hosts.
    pub managers: Option<u32>,
    pub encrypt: bool,
    pub docker: DockerSettings,
}

/// `x-pool.docker`.
#[derive(Debug, Clone, PartialEq)]
pub struct DockerSettings {
    pub install: DockerInstall,
    /// A version pattern such as `28.*`.
    pub version: Option<String>,
    pub api: DockerApi,
    /// Default 2376; 2375 for [`DockerApi::InsecureTcp`].
    pub port: u16,
    /// Merged into each host's `daemon.json`.
    pub daemon: serde_json::Map<String, Value>,
}

impl Default for DockerSettings {
    fn default() -> Self {
        DockerSettings {
            install: DockerInstall::Auto,
            version: None,
            api: DockerApi::Tls,
            port: 2376,
            daemon: serde_json::Map::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DockerInstall {
    /// What is there, else the distribution's package.
    Auto,
    Distro,
    DockerCe,
    Never,
}

/// How the Docker API of a host is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DockerApi {
    Tls,
    Ssh,
    InsecureTcp,
}
