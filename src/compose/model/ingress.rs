//! What a service's `x-ingress` says, typed: the ways in from outside.

use std::path::PathBuf;
use std::time::Duration;

/// One way in: where the hosts listen, and which requests go to which port of the replicas.
#[derive(Debug, Clone, PartialEq)]
pub struct WayIn {
    /// Of the replicas.
    pub port: u16,
    /// Of the hosts. Default: 443 with `tls`, else 80; with [`IngressProtocol::Tcp`], `port`.
    pub listen: u16,
    /// The names that requests must be for; empty: any. `*.` stands for one label.
    pub hosts: Vec<String>,
    /// What the path of requests must begin with.
    pub path: Option<String>,
    pub protocol: IngressProtocol,
    /// Whether a client stays with its replica.
    pub sticky: bool,
    /// The path that the replicas are asked for to see whether they serve. `None`: a connection is enough.
    pub health: Option<String>,
    /// How long a replica that is to stop may finish what it has begun. `None`: its `stop_grace_period`.
    pub drain: Option<Duration>,
    pub tls: Option<IngressTls>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IngressProtocol {
    Http,
    Tcp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressTls {
    /// PEM: the certificate with its chain and, without `key`, the key.
    pub cert: PathBuf,
    pub key: Option<PathBuf>,
}
