//! What of a project runs and may move, and what else fills the hosts.

use std::collections::BTreeMap;

use crate::compose::model::{DeployMode, Project, Service};
use crate::engine::observation::{Cluster, ObservedService, ObservedTask, TaskState};
use crate::engine::{Observation, labels, models};
use crate::plan::placement::{self, Placer, Port, Reservation};
use crate::plan::{in_service, volumes};

/// A service whose replicas may move.
#[derive(Debug, Clone)]
pub struct Running {
    /// Name in the file.
    pub service: String,
    pub kind: Kind,
    pub constraints: Vec<String>,
    pub spread: Vec<String>,
    pub most_per_host: Option<u64>,
    pub reserved: Reservation,
    pub ports: Vec<Port>,
    /// Where its replicas run, by number.
    pub at: BTreeMap<u64, String>,
}

/// What runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The cluster, under this id.
    Service(String),
    Containers,
}

/// The project's services whose replicas may move, in the file's order; with `only`, those of them.
pub fn running(project: &Project, observed: &Observation, cluster: &Cluster, only: &[String]) -> Vec<Running> {
    let upgraded = in_service::states(observed);
    let wanted = |service: &&Service| {
        let named = only.is_empty() || only.contains(&service.name);
        // To move one would be to go on with an upgrade that stands still.
        named && !upgraded.contains_key(&service.name)
    };
    let services = project.services.values().filter(wanted);
    let found = services.filter_map(|service| {
        let own = |found: &&ObservedService| found.labels.get(labels::SERVICE) == Some(&service.name);
        match observed.services.iter().find(own) {
            Some(found) => of_cluster(service, found, &observed.tasks, cluster),
            None => of_containers(project, service, observed),
        }
    });
    found.filter(|running| !running.at.is_empty()).collect()
}

fn of_cluster(
    service: &Service,
    found: &ObservedService,
    tasks: &[ObservedTask],
    cluster: &Cluster,
) -> Option<Running> {
    let replicated = found.spec.mode.as_ref().is_none_or(|mode| mode.replicated.is_some());
    if !replicated || found.labels.contains_key(labels::PINNED_TO) {
        return None;
    }
    let template = found.spec.task_template.clone().unwrap_or_default();
    let placement = template.placement.clone().unwrap_or_default();
    let runs = |task: &&ObservedTask| {
        task.service_id == found.id && task.state == TaskState::Running && task.desired_state == TaskState::Running
    };
    let at = tasks
        .iter()
        .filter(runs)
        .filter_map(|task| Some((task.slot?, host_of(cluster, task)?.to_owned())));
    let descriptors = placement.preferences.unwrap_or_default().into_iter();
    let host_ports = found
        .spec
        .endpoint_spec
        .clone()
        .and_then(|endpoint| endpoint.ports)
        .unwrap_or_default();
    let host = Some(models::EndpointPortConfigPublishModeEnum::HOST);
    let ports = host_ports
        .into_iter()
        .filter(|port| port.publish_mode == host)
        .filter_map(|port| {
            let number = u16::try_from(port.published_port?).ok()?;
            Some((
                number,
                port.protocol
                    .map_or_else(|| "tcp".to_owned(), |protocol| protocol.to_string()),
            ))
        });
    Some(Running {
        service: service.name.clone(),
        kind: Kind::Service(found.id.clone()),
        constraints: placement.constraints.unwrap_or_default(),
        spread: descriptors
            .filter_map(|preference| preference.spread?.spread_descriptor)
            .collect(),
        most_per_host: placement
            .max_replicas
            .and_then(|most| u64::try_from(most).ok())
            .filter(|most| *most > 0),
        reserved: Reservation::of_task(&template),
        ports: ports.collect(),
        at: at.collect(),
    })
}

fn of_containers(project: &Project, service: &Service, observed: &Observation) -> Option<Running> {
    let shares = |mode: &Option<String>| mode.as_deref().is_some_and(|mode| mode.starts_with("service:"));
    let beside = [&service.network_mode, &service.pid, &service.ipc]
        .into_iter()
        .any(shares);
    if service.deploy.mode != DeployMode::Replicated
        || beside
        || !service.volumes_from.is_empty()
        || !service.affinity.containers.is_empty()
        || !volumes::local_volumes(project, service).is_empty()
    {
        return None;
    }
    let own = observed
        .containers
        .iter()
        .filter(|found| found.labels.get(labels::SERVICE) == Some(&service.name));
    let at = own.filter(|found| found.state == "running").filter_map(|found| {
        let number = found.labels.get(labels::CONTAINER_NUMBER)?.parse().ok()?;
        Some((number, found.host.clone()))
    });
    let ports = service
        .ports
        .iter()
        .filter_map(|port| Some((port.published?, port.protocol.as_str().to_owned())));
    Some(Running {
        service: service.name.clone(),
        kind: Kind::Containers,
        constraints: service.deploy.constraints.clone(),
        spread: service.deploy.spread.clone(),
        most_per_host: service.deploy.max_replicas_per_node,
        reserved: Reservation::of_service(service),
        ports: ports.collect(),
        at: at.collect(),
    })
}

/// The cluster's hosts with all that is on them: `services` and `tasks` of all projects, and the project's containers.
pub fn everything<'a>(
    cluster: &'a Cluster,
    services: &[ObservedService],
    tasks: &[ObservedTask],
    containers: &[Running],
) -> Placer<'a> {
    let mut placer = Placer::new(&cluster.nodes);
    let current = tasks
        .iter()
        .filter(|task| task.desired_state <= TaskState::Running && task.state <= TaskState::Running);
    for task in current {
        let Some(host) = host_of(cluster, task) else { continue };
        let service = services.iter().find(|service| service.id == task.service_id);
        let template = service.and_then(|service| service.spec.task_template.as_ref());
        let ports: Vec<Port> = task
            .ports
            .iter()
            .map(|port| (port.published, port.protocol.clone()))
            .collect();
        placer.occupy(host, &template.map(Reservation::of_task).unwrap_or_default(), &ports);
    }
    for service in containers.iter().filter(|service| service.kind == Kind::Containers) {
        for host in service.at.values() {
            placer.occupy(host, &service.reserved, &service.ports);
        }
    }
    placer
}

fn host_of<'a>(cluster: &'a Cluster, task: &ObservedTask) -> Option<&'a str> {
    let mut nodes = cluster.nodes.iter();
    nodes
        .find(|node| Some(&node.id) == task.node_id.as_ref())
        .map(placement::host_name)
}
