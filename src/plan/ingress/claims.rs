//! The ways in that services claim, as they stand in the label of a Swarm service.

use serde::{Deserialize, Serialize};

use super::certificate_name;
use super::error::IngressError;
use crate::compose::model::{IngressProtocol, Project, Service, WayIn};
use crate::engine::labels;
use crate::engine::observation::ObservedService;

/// What one service claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub project: String,
    /// Name in the file.
    pub service: String,
    /// Name in the cluster, and its DNS.
    pub name: String,
    /// Replicas that there should be; `None`: one on each host.
    pub replicas: Option<u64>,
    pub ways: Vec<Way>,
    /// The service of the same project whose place it takes, or took: both may serve the same way in.
    pub replaces: Option<String>,
}

/// One way in, as the label has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// Of the replicas.
    pub port: u16,
    /// Of the hosts.
    pub listen: u16,
    pub protocol: Protocol,
    /// Names that requests must be for; empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// What paths begin with, without a `/` at its end; `None`: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sticky: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// Seconds that what has begun may take once a router or replica is to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<u64>,
    /// The secret with the certificate, its chain and its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Http,
    Tcp,
}

impl Protocol {
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Http => "http",
            Protocol::Tcp => "tcp",
        }
    }
}

impl Claim {
    /// Whether one takes the other's place: what both claim is no clash.
    pub(super) fn is_of_one_upgrade_with(&self, other: &Claim) -> bool {
        self.takes_the_place_of(other) || other.takes_the_place_of(self)
    }

    /// Whether what both claim stands under this one's name. Where each has taken the other's place once, names decide: both
    /// serve all the same.
    pub(super) fn goes_before(&self, other: &Claim) -> bool {
        self.takes_the_place_of(other) && !(other.takes_the_place_of(self) && other.name < self.name)
    }

    fn takes_the_place_of(&self, other: &Claim) -> bool {
        self.project == other.project && self.replaces.as_ref() == Some(&other.service)
    }

    /// What the service's label says.
    pub fn label(&self) -> String {
        // Made of strings, numbers and lists: it always serialises.
        serde_json::to_string(&self.ways).unwrap_or_default()
    }
}

impl Way {
    /// Whether both take the same requests.
    pub(super) fn is_for_the_same_as(&self, other: &Way) -> bool {
        (self.listen, &self.hosts, &self.path) == (other.listen, &other.hosts, &other.path)
    }

    /// `https://shop.example.org:8443/cart`; without a host of its own, `address` stands for it.
    pub fn url(&self, host: &str) -> String {
        let (scheme, usual) = match (self.protocol, &self.certificate) {
            (Protocol::Tcp, _) => ("tcp", 0),
            (Protocol::Http, Some(_)) => ("https", 443),
            (Protocol::Http, None) => ("http", 80),
        };
        let host = match host.contains(':') && !host.starts_with('[') {
            true => format!("[{host}]"),
            false => host.to_owned(),
        };
        let port = match self.listen == usual {
            true => String::new(),
            false => format!(":{}", self.listen),
        };
        format!("{scheme}://{host}{port}{}", self.path.as_deref().unwrap_or_default())
    }
}

/// What a service of the file claims; `None` where it has no way in. `secrets` gives the keyed digests of certificates.
pub(in crate::plan) fn of_service(
    project: &Project,
    service: &Service,
    replicas: Option<u64>,
    digest: impl Fn(&str) -> Option<String>,
) -> Option<Claim> {
    let ways: Vec<Way> = service
        .ingress
        .iter()
        .enumerate()
        .map(|(index, way)| of_way(project, service, index, way, &digest))
        .collect();
    (!ways.is_empty()).then(|| Claim {
        project: project.name.clone(),
        service: service.name.clone(),
        name: crate::plan::swarm_service::name(&project.name, &service.name),
        replicas,
        ways,
        replaces: None,
    })
}

/// The ways in of a service of the file, to be named; their certificates are not known here.
pub fn ways(project: &Project, service: &Service) -> Vec<Way> {
    of_service(project, service, None, |_| None).map_or_else(Vec::new, |claim| claim.ways)
}

fn of_way(
    project: &Project,
    service: &Service,
    index: usize,
    way: &WayIn,
    digest: &impl Fn(&str) -> Option<String>,
) -> Way {
    let path = way.path.as_deref().map(|path| path.trim_end_matches('/'));
    Way {
        port: way.port,
        listen: way.listen,
        protocol: match way.protocol {
            IngressProtocol::Http => Protocol::Http,
            IngressProtocol::Tcp => Protocol::Tcp,
        },
        hosts: way.hosts.clone(),
        path: path.filter(|path| !path.is_empty()).map(str::to_owned),
        sticky: way.sticky,
        health: way.health.clone(),
        drain: way.drain.map(|drain| drain.as_secs()),
        certificate: way.tls.as_ref().map(|_| {
            let digest = digest(&super::certificate_key(&service.name, index)).unwrap_or_default();
            certificate_name(&project.name, &service.name, index, &digest)
        }),
    }
}

/// What running services claim, by name.
///
/// # Errors
///
/// A label that cannot be read: another version of Hoist wrote it, or somebody else.
pub fn claims(services: &[ObservedService]) -> Result<Vec<Claim>, IngressError> {
    let mut all = Vec::new();
    for service in services {
        let Some(label) = service.labels.get(labels::INGRESS) else {
            continue;
        };
        let ways = serde_json::from_str(label).map_err(|error| IngressError::Unreadable {
            service: service.name.clone(),
            reason: error.to_string(),
        })?;
        all.push(Claim {
            project: service.labels.get(labels::PROJECT).cloned().unwrap_or_default(),
            service: service.labels.get(labels::SERVICE).unwrap_or(&service.name).clone(),
            name: service.name.clone(),
            replicas: service.replicas,
            ways,
            replaces: service.labels.get(labels::REPLACES).cloned(),
        });
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}
