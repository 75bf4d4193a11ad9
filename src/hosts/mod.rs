//! The hosts of a pool: what groups ask for, what there is, and the [`Provider`]s that make and remove them.
//!
//! Knows addresses, logins and host keys. Never knows Docker on a host: that is `bootstrap`'s.
//! `plan` and `bootstrap` use the plain data of this room ([`Host`], [`Login`]); nothing here uses them.

pub mod error;
pub mod groups;
pub mod local;
pub mod providers;
pub mod ssh;

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures_util::future::BoxFuture;

pub use error::HostError;
pub use groups::{HostDifference, difference};
pub use local::LocalProvider;
pub use providers::Providers;
pub use ssh::{SshProvider, UnknownHostKeys};

/// One machine of a pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// `GROUP-NUMBER`, unique in the pool; also the machine's host name where Hoist makes the machine, and the
    /// node's name in the cluster otherwise kept as the label `dev.hoist.host`.
    pub name: String,
    pub group: String,
    pub pool: String,
    pub provider: ProviderKind,
    /// The provider's own id of it (container id, server id, `user@address:port`).
    pub id: String,
    pub login: Login,
    /// The address that the other hosts reach it at; `None`: bootstrap asks the host.
    pub private_address: Option<String>,
    /// The group's labels: become `node.labels.KEY`.
    pub labels: BTreeMap<String, String>,
    /// Whether the machine runs, as far as the provider knows (`ssh` hosts: always true).
    pub running: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProviderKind {
    Local,
    Ssh,
    Openstack,
}

/// How to log in to a host over SSH.
#[derive(Debug, Clone, PartialEq)]
pub struct Login {
    /// IP address, DNS name or an alias of the user's SSH configuration.
    pub address: String,
    /// `None`: the SSH configuration's, else 22.
    pub port: Option<u16>,
    /// `None`: the SSH configuration's.
    pub user: Option<String>,
    pub identity_file: Option<PathBuf>,
    pub host_key: HostKey,
}

/// How the host's own key is checked. There is no way to leave it unchecked.
#[derive(Debug, Clone, PartialEq)]
pub enum HostKey {
    /// This key and no other (`ssh-ed25519 AAAA…`).
    Pinned(String),
    /// What the user's `known_hosts` says; an unknown key is refused.
    KnownHosts,
    /// An unknown key is accepted and written to the user's `known_hosts`; a changed one is refused.
    AcceptNew,
}

/// A host that is to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct HostRequest {
    pub name: String,
    pub group: String,
    pub pool: String,
    pub labels: BTreeMap<String, String>,
    /// What the group says to its provider.
    pub settings: crate::compose::model::GroupProvider,
}

/// What a provider tells while it makes a host; `deploy` passes it on as an event.
#[derive(Debug, Clone, PartialEq)]
pub enum MakeProgress {
    /// Something shared is being prepared first (network, host image), with a short description.
    Preparing(String),
    /// The machine is asked for.
    Creating,
    /// It is there and boots.
    Booting,
}

/// Takes each progress message of a provider.
pub type OnProgress<'a> = &'a (dyn Fn(MakeProgress) + Send + Sync);

/// What makes, finds and removes hosts. All that it makes carries the pool's name, and that is how it is found again.
pub trait Provider: Send + Sync {
    fn kind(&self) -> ProviderKind;

    /// Every host of the pool that there is, by name.
    fn list<'a>(&'a self, pool: &'a str) -> BoxFuture<'a, Result<Vec<Host>, HostError>>;

    /// Makes one host, or adopts what an interrupted run left of it. Several may be made at once.
    fn make<'a>(&'a self, request: &'a HostRequest, progress: OnProgress<'a>)
    -> BoxFuture<'a, Result<Host, HostError>>;

    /// Removes one host and all that belongs to it alone. Removing what is gone already is no error.
    fn remove<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<(), HostError>>;

    /// Removes what the pool's hosts shared, once none is left.
    fn remove_shared<'a>(&'a self, pool: &'a str) -> BoxFuture<'a, Result<(), HostError>>;
}
