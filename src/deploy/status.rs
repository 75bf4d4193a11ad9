//! What runs, as `ps` and `hosts ls` show it: rows made from an observation, no words of the terminal.

use std::collections::BTreeMap;

use super::pool::node_of;
use crate::compose::Project;
use crate::engine::observation::{
    ObservedContainer, ObservedNode, ObservedService, ObservedTask, ObservedVolume, PublishedPort, TaskState,
};
use crate::engine::{Observation, labels};
use crate::hosts::Host;
use crate::plan::volumes::mounted;
use crate::plan::{in_service, ingress, placement};

/// One replica of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplicaStatus {
    /// `web.1` in a cluster, the container's name elsewhere.
    pub name: String,
    pub service: String,
    pub image: String,
    pub host: String,
    /// `running`, `starting`, `exited (1)`, …
    pub state: String,
    /// `healthy`, `unhealthy`, `starting`; `None` without a healthcheck or where the engine does not say.
    pub health: Option<String>,
    /// Seconds since it is in that state.
    pub for_seconds: u64,
    /// `10.0.0.1:8080->80/tcp`.
    pub ports: Vec<String>,
    /// Why it is not running, where the engine says so.
    pub message: Option<String>,
    /// How its service's upgrade in place stands, where that waits for something.
    pub upgrade: Option<&'static str>,
}

/// One host of a pool.
#[derive(Debug, Clone, PartialEq)]
pub struct HostStatus {
    pub name: String,
    pub group: String,
    pub provider: String,
    pub address: String,
    /// `manager (leader)`, `manager`, `worker`, or empty where it is not in the cluster.
    pub role: String,
    /// `ready`, `down`, `drained`, `not joined`, `stopped`.
    pub state: String,
    pub engine_version: String,
    pub labels: Vec<String>,
    /// Replicas of all projects that run there.
    pub replicas: u64,
}

/// One named volume of a project, on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeStatus {
    /// The engine's name.
    pub name: String,
    /// Name in the file; empty where the engine does not know it.
    pub volume: String,
    pub host: String,
    pub driver: String,
    /// Services of the file that mount it.
    pub services: Vec<String>,
}

/// The volumes of a project, by name, then by host.
pub fn volumes(project: &Project, observed: &Observation) -> Vec<VolumeStatus> {
    let row = |found: &ObservedVolume| {
        let is_it = |key: &&str| project.volumes.get(*key).is_some_and(|known| known.name == found.name);
        let mounting = project
            .services
            .values()
            .filter(|service| mounted(service).iter().any(is_it));
        VolumeStatus {
            name: found.name.clone(),
            volume: found.labels.get(labels::VOLUME).cloned().unwrap_or_default(),
            host: found.host.clone(),
            driver: found.driver.clone(),
            services: mounting.map(|service| service.name.clone()).collect(),
        }
    };
    let mut rows: Vec<VolumeStatus> = observed.volumes.iter().map(row).collect();
    rows.sort_by(|one, other| (&one.name, &one.host).cmp(&(&other.name, &other.host)));
    rows
}

/// The replicas of a project, by service in name order, then by number. Those that ended are left out unless `all`.
pub fn replicas(observed: &Observation, all: bool, now_seconds: f64) -> Vec<ReplicaStatus> {
    let mut rows: Vec<ReplicaStatus> = Vec::new();
    let nodes = observed.cluster.as_ref().map_or(&[][..], |cluster| &cluster.nodes);
    for service in &observed.services {
        let name = service.labels.get(labels::SERVICE).unwrap_or(&service.name);
        let image = service.labels.get(labels::STACK_IMAGE);
        for task in observed.tasks.iter().filter(|task| task.service_id == service.id) {
            let current = task.desired_state <= TaskState::Running;
            if current || all {
                let mut row = task_row(name, image.unwrap_or(&task.image), task, nodes, now_seconds);
                row.ports.extend(ways_in(service));
                rows.push(row);
            }
        }
    }
    for container in &observed.containers {
        if all || container.state != "exited" {
            rows.push(container_row(container, now_seconds));
        }
    }
    let states = in_service::states(observed);
    for row in &mut rows {
        row.upgrade = states.get(&row.service).map(|state| state.as_str());
    }
    rows.sort_by(|one, other| (&one.service, &one.name).cmp(&(&other.service, &other.name)));
    rows
}

/// `*:443->8000/tcp`: the ingress answers on every host for the service.
fn ways_in(service: &ObservedService) -> Vec<String> {
    // A label of another version is no reason to show nothing else.
    let claims = ingress::claims(std::slice::from_ref(service)).unwrap_or_default();
    let ways = claims.into_iter().flat_map(|claim| claim.ways);
    ways.map(|way| format!("*:{}->{}/tcp", way.listen, way.port)).collect()
}

fn task_row(
    service: &str,
    image: &str,
    task: &ObservedTask,
    nodes: &[ObservedNode],
    now_seconds: f64,
) -> ReplicaStatus {
    let node = nodes.iter().find(|node| Some(&node.id) == task.node_id.as_ref());
    let host = node
        .map(|node| placement::host_name(node).to_owned())
        .unwrap_or_default();
    let name = match task.slot {
        Some(slot) => format!("{service}.{slot}"),
        None => format!("{service}.{host}"),
    };
    let lost = node.is_some_and(|node| !node.ready) && task.state == TaskState::Running;
    let state = match (lost, task.state, task.exit_code) {
        (true, _, _) => "host is down".to_owned(),
        (_, TaskState::Failed | TaskState::Complete, Some(code)) => format!("exited ({code})"),
        (_, state, _) => format!("{state:?}").to_lowercase(),
    };
    ReplicaStatus {
        name,
        service: service.to_owned(),
        image: image.to_owned(),
        host,
        state,
        // Swarm calls a task running only once its healthcheck succeeds.
        health: task.health_checked.then(|| {
            if task.state == TaskState::Running {
                "healthy"
            } else {
                "starting"
            }
            .to_owned()
        }),
        for_seconds: (now_seconds - task.since).max(0.0) as u64,
        ports: task
            .ports
            .iter()
            .map(|port| shown_port(node.map_or("", |node| &node.address), port))
            .collect(),
        message: task.error.clone(),
        upgrade: None,
    }
}

fn container_row(container: &ObservedContainer, now_seconds: f64) -> ReplicaStatus {
    ReplicaStatus {
        name: container.name.clone(),
        service: container.labels.get(labels::SERVICE).cloned().unwrap_or_default(),
        image: container.image.clone(),
        host: container.host.clone(),
        state: container.state.clone(),
        health: container.health.map(|health| format!("{health:?}").to_lowercase()),
        for_seconds: (now_seconds - container.created as f64).max(0.0) as u64,
        ports: container
            .ports
            .iter()
            .map(|port| shown_port(port.host_ip.as_deref().unwrap_or("0.0.0.0"), port))
            .collect(),
        message: None,
        upgrade: None,
    }
}

fn shown_port(address: &str, port: &PublishedPort) -> String {
    format!("{address}:{}->{}/{}", port.published, port.target, port.protocol)
}

/// The hosts of a pool, in the pool's order.
///
/// `replicas`: running tasks by node id. A host in the cluster has its node's labels, whoever set them; another one those that
/// the file gives it.
pub fn hosts(hosts: &[Host], nodes: &[ObservedNode], replicas: &BTreeMap<String, u64>) -> Vec<HostStatus> {
    hosts
        .iter()
        .map(|host| {
            let node = node_of(nodes, &host.name);
            let replicas = node.and_then(|node| replicas.get(&node.id)).copied().unwrap_or(0);
            let role = match node {
                Some(node) if node.leader => "manager (leader)",
                Some(node) if node.manager => "manager",
                Some(_) => "worker",
                None => "",
            };
            let state = match node {
                _ if !host.running => "stopped",
                None => "not joined",
                Some(node) if !node.ready => "down",
                Some(node) if !node.active && replicas > 0 => "draining",
                Some(node) if !node.active => "drained",
                Some(_) => "ready",
            };
            HostStatus {
                name: host.name.clone(),
                group: host.group.clone(),
                provider: host.provider.as_str().to_owned(),
                address: host.login.address.clone(),
                role: role.to_owned(),
                state: state.to_owned(),
                engine_version: node.map(|node| node.engine_version.clone()).unwrap_or_default(),
                labels: node
                    .map_or(&host.labels, |node| &node.labels)
                    .iter()
                    .filter(|(key, _)| !key.starts_with(labels::OWN))
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect(),
                replicas,
            }
        })
        .collect()
}
