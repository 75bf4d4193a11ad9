//! What engines report about one project, as plain data: the other half of what a plan is made from.
//!
//! Knows nothing of how it was fetched ([`super::observe`] does) and draws no conclusion from it.

use std::collections::BTreeMap;

use super::models;

/// What runs where, for one project.
#[derive(Debug, Clone, Default)]
pub struct Observation {
    /// The one engine's name, where there is no cluster.
    pub engine: Option<String>,
    /// The cluster, where the engines are joined in one.
    pub cluster: Option<Cluster>,
    pub services: Vec<ObservedService>,
    /// Tasks of [`Self::services`], those that ended included, newest first.
    pub tasks: Vec<ObservedTask>,
    /// Containers of the project that are not tasks of a Swarm service.
    pub containers: Vec<ObservedContainer>,
    /// Stopped containers of the project that are kept because their upgrade is not confirmed: see [`SetAside`].
    pub set_aside: Vec<ObservedContainer>,
    pub networks: Vec<ObservedNetwork>,
    pub volumes: Vec<ObservedVolume>,
    pub configs: Vec<ObservedObject>,
    pub secrets: Vec<ObservedObject>,
    /// The project's revisions that are kept in the cluster.
    pub revisions: Vec<ObservedObject>,
    /// What the pool's ingress is made from, and what runs of it.
    pub ingress: ObservedIngress,
    /// Image names asked for, by engine name: which of them it has, with the image's id.
    pub images: BTreeMap<String, BTreeMap<String, ObservedImage>>,
    /// Hosts left out because they do not answer and their nodes are not ready either, with the reason.
    pub unreachable: Vec<(String, String)>,
}

/// The ingress of a cluster, whatever project is looked at.
#[derive(Debug, Clone, Default)]
pub struct ObservedIngress {
    /// Services of all projects that have ways in (`dev.hoist.ingress`).
    pub services: Vec<ObservedService>,
    /// Its own services (`dev.hoist.system`).
    pub system: Vec<ObservedService>,
    /// Tasks of [`Self::system`].
    pub tasks: Vec<ObservedTask>,
    /// TCP ports that other services publish on hosts, and the name of one that does.
    pub published: BTreeMap<u16, String>,
}

/// The cluster as one of its managers sees it.
#[derive(Debug, Clone, Default)]
pub struct Cluster {
    pub id: String,
    pub nodes: Vec<ObservedNode>,
}

#[derive(Debug, Clone, Default)]
pub struct ObservedNode {
    pub id: String,
    /// The machine's own name; Hoist's name of the host is its label `dev.hoist.host`.
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub manager: bool,
    pub leader: bool,
    /// The engine answers its manager (`Status.State` is `ready`).
    pub ready: bool,
    /// `Spec.Availability` is `active`: neither paused nor drained.
    pub active: bool,
    pub address: String,
    pub engine_version: String,
    /// `linux/amd64` and the like, in the Engine API's words.
    pub operating_system: String,
    pub architecture: String,
    pub nano_cpus: i64,
    pub memory_bytes: i64,
    /// Pieces of what its engine was told to have (`node-generic-resources`), by kind; `None` where it has not said what it has.
    pub generic_resources: Option<BTreeMap<String, i64>>,
    /// The version that an update of the node must name.
    pub version: u64,
    pub engine_labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub struct ObservedService {
    pub id: String,
    pub name: String,
    pub labels: BTreeMap<String, String>,
    /// The version that an update of the service must name.
    pub version: u64,
    /// Desired replicas; `None` for a global service.
    pub replicas: Option<u64>,
    /// `UpdateStatus.State` (`updating`, `paused`, …), where an update has been made.
    pub update_state: Option<String>,
    pub update_message: Option<String>,
    pub spec: models::ServiceSpec,
}

#[derive(Debug, Clone)]
pub struct ObservedTask {
    pub id: String,
    pub service_id: String,
    pub node_id: Option<String>,
    pub slot: Option<u64>,
    pub state: TaskState,
    pub desired_state: TaskState,
    /// `Status.Err`, else `Status.Message` where that says more than the state.
    pub message: Option<String>,
    pub error: Option<String>,
    pub container_id: Option<String>,
    pub exit_code: Option<i64>,
    /// What it was made from; `None` where the engine does not say.
    pub spec: Option<Box<models::TaskSpec>>,
    /// Seconds since the epoch with fraction: `Status.Timestamp`.
    pub since: f64,
    pub image: String,
    /// The service says a healthcheck, so that the task counts as running only once it is healthy.
    pub health_checked: bool,
    pub labels: BTreeMap<String, String>,
    /// Ports published on the task's own host (`mode: host`).
    pub ports: Vec<PublishedPort>,
}

/// Swarm's task states in their order (Engine API: *TaskState*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskState {
    New,
    Allocated,
    Pending,
    Assigned,
    Accepted,
    Preparing,
    Ready,
    Starting,
    Running,
    Complete,
    Shutdown,
    Failed,
    Rejected,
    Remove,
    Orphaned,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedPort {
    pub target: u16,
    pub published: u16,
    pub protocol: String,
    pub host_ip: Option<String>,
}

#[derive(Debug, Clone)]
pub struct ObservedContainer {
    pub id: String,
    pub name: String,
    /// The engine it is on.
    pub host: String,
    pub labels: BTreeMap<String, String>,
    /// `created`, `running`, `paused`, `restarting`, `exited`, `dead`.
    pub state: String,
    /// `Up 3 minutes (healthy)` and the like, as the engine says it.
    pub status: String,
    pub health: Option<Health>,
    pub image: String,
    pub image_id: String,
    /// Seconds since the epoch.
    pub created: i64,
    pub ports: Vec<PublishedPort>,
    /// Network name to address.
    pub networks: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Starting,
    Healthy,
    Unhealthy,
}

#[derive(Debug, Clone)]
pub struct ObservedNetwork {
    pub id: String,
    pub name: String,
    /// The engine it is on, or `None` for one of the whole cluster.
    pub host: Option<String>,
    pub driver: String,
    pub labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub struct ObservedVolume {
    pub name: String,
    pub host: String,
    pub driver: String,
    pub labels: BTreeMap<String, String>,
    /// When it was made, in the engine's words: tells it from another of its name.
    pub created: String,
}

/// A config or a secret of the cluster.
#[derive(Debug, Clone)]
pub struct ObservedObject {
    pub id: String,
    pub name: String,
    pub labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedImage {
    /// `sha256:…`
    pub id: String,
    /// `name@sha256:…`, where the image came from a registry.
    pub digest: Option<String>,
}

/// The name of a container that was stopped and kept for its service's upgrade in place. Its labels cannot change any more, so
/// that the name says all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// What it was called, and is to be called again.
    pub name: String,
    /// An engine that starts anew would start it: its restart policy was `always`, and is `unless-stopped` while it is kept.
    pub always: bool,
}

impl SetAside {
    const MARK: &str = ".hoist-before";
    const ALWAYS: &str = "-always";

    /// The name that it has while it is kept.
    pub fn kept_name(&self) -> String {
        let always = if self.always { Self::ALWAYS } else { "" };
        format!("{}{}{always}", self.name, Self::MARK)
    }

    /// What a container's name says; `None` for one that is in use.
    pub fn read(name: &str) -> Option<Self> {
        let (name, rest) = name.rsplit_once(Self::MARK)?;
        let always = match rest {
            "" => false,
            Self::ALWAYS => true,
            _ => return None,
        };
        Some(SetAside {
            name: name.to_owned(),
            always,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::SetAside;

    #[test]
    fn a_name_says_whether_its_container_is_set_aside_and_what_it_was() {
        for always in [false, true] {
            let name = "shop-web-1".to_owned();
            let aside = SetAside { name, always };
            assert_eq!(SetAside::read(&aside.kept_name()), Some(aside));
        }
        for other in ["shop-web-1", "web.hoist-beforehand", "web.hoist-before.1"] {
            assert_eq!(SetAside::read(other), None, "{other}");
        }
    }
}
