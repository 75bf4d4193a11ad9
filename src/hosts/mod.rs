//! The hosts of a pool: what groups ask for, what there is, and the [`Provider`]s that make and remove them.
//!
//! Knows addresses, logins and host keys. Never knows Docker on a host: that is `bootstrap`'s.
//! `plan` and `bootstrap` use the plain data of this room ([`Host`], [`Login`]); nothing here uses them.

pub mod error;
pub mod groups;
mod key_pair;
pub mod local;
pub mod openstack;
pub mod providers;
pub mod resources;
pub mod ssh;

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures_util::future::BoxFuture;

pub use error::HostError;
pub use groups::{HostDifference, Replacement, difference};
pub use local::LocalProvider;
pub use openstack::OpenstackProvider;
pub use providers::Providers;
pub use resources::{Change, ResourceChange};
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
    /// What the machine was made from and keeps until it is made anew, as the file said it then (`image`, `flavor`): the
    /// same keys as [`groups::shape`] gives for the group. A key that is missing here is not known, and not compared.
    pub shape: BTreeMap<String, String>,
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
///
/// A provider never decides: which hosts are made, removed or replaced is told by [`difference`], and a host was drained and
/// taken out of the cluster before [`Self::remove`] is called. So a changed `count` or shape needs nothing of a provider but
/// that [`Self::list`] says of each host what it was made from ([`Host::shape`]).
pub trait Provider: Send + Sync {
    fn kind(&self) -> ProviderKind;

    /// Every host of the pool that there is, by name, each with its [`Host::shape`]: kept with the machine when it is made
    /// (label, metadata), in the words of the file, so that comparing it takes no further call.
    fn list<'a>(&'a self, pool: &'a str) -> BoxFuture<'a, Result<Vec<Host>, HostError>>;

    /// What there is to be made, changed and removed beside the hosts themselves, for showing it: what hosts share (network,
    /// rules, keys), and what belongs to single ones of `make` and `remove` (ports, addresses, disks). Empty where all is as
    /// the file says. Never changes anything.
    fn resources<'a>(
        &'a self,
        pool: &'a str,
        make: &'a [HostRequest],
        remove: &'a [Host],
    ) -> BoxFuture<'a, Result<Vec<ResourceChange>, HostError>>;

    /// Brings what the pool's hosts share to what the file says, where that can differ while every host is as it should be
    /// (the rules of a security group), and gives what it made and changed. Called once at the start of each `up`, before
    /// any host is made, and not by commands that only look. What only a new host needs can wait for [`Self::make`].
    fn make_shared<'a>(&'a self, pool: &'a str) -> BoxFuture<'a, Result<Vec<ResourceChange>, HostError>>;

    /// Makes one host, or adopts what an interrupted run left of it. Several may be made at once.
    fn make<'a>(&'a self, request: &'a HostRequest, progress: OnProgress<'a>)
    -> BoxFuture<'a, Result<Host, HostError>>;

    /// Removes one host and all that belongs to it alone. Removing what is gone already is no error. Its name is free
    /// afterwards: a replaced host is made anew under it.
    fn remove<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<(), HostError>>;

    /// Takes back what was opened on the pool's hosts for one of its projects, which is gone; gives how much that was.
    fn withdraw<'a>(&'a self, project: &'a str) -> BoxFuture<'a, Result<usize, HostError>>;

    /// Removes what the pool's hosts shared, once none is left.
    fn remove_shared<'a>(&'a self, pool: &'a str) -> BoxFuture<'a, Result<(), HostError>>;
}
