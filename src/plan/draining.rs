//! What leaves a host that is drained, and what cannot: looked at before it starts.
//!
//! Knows constraints, pins and room on other hosts. Never moves anything, and never asks an engine.

use super::{images, placement};
use crate::engine::labels;
use crate::engine::models::{EndpointPortConfigPublishModeEnum, ServiceSpec};
use crate::engine::observation::{ObservedContainer, ObservedNode, ObservedService, ObservedTask, TaskState};

/// The way of one host to emptiness.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draining {
    pub moves: Vec<Move>,
    pub stays: Vec<Stay>,
}

/// A service whose replicas find another host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The cluster's id of it.
    pub id: String,
    /// `PROJECT_SERVICE`, as the cluster calls it.
    pub service: String,
    /// How many replicas it is to have in all.
    pub replicas: u64,
    /// How many of them run now, wherever.
    pub running: u64,
    /// How many are on this host.
    pub here: u64,
    /// The hosts that take it, by name.
    pub onto: Vec<String>,
    /// The exact image, where no registry has it: the other hosts get it from this one.
    pub image: Option<String>,
    /// Others can be made elsewhere before these stop; `Err`: why not, so that there is a gap.
    pub overlap: Result<(), String>,
}

/// What runs on the host and nowhere else can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// `service shop_db`, `container shop-web-1`.
    pub what: String,
    pub why: String,
    /// It ends here nevertheless; otherwise it goes on running.
    pub stops: bool,
}

/// `tasks`: of all services; `containers`: those on this host that are not the cluster's.
pub fn draining(
    host: &str,
    nodes: &[ObservedNode],
    services: &[ObservedService],
    tasks: &[ObservedTask],
    containers: &[ObservedContainer],
) -> Draining {
    let mut draining = Draining::default();
    let (own, others): (Vec<&ObservedNode>, Vec<&ObservedNode>) =
        nodes.iter().partition(|node| placement::host_name(node) == host);
    for service in services {
        let running: Vec<&ObservedTask> = tasks
            .iter()
            .filter(|task| task.service_id == service.id && runs(task))
            .collect();
        let on = |node: &ObservedNode| {
            running
                .iter()
                .filter(|task| task.node_id.as_ref() == Some(&node.id))
                .count()
        };
        let here: usize = own.iter().map(|node| on(node)).sum();
        // A global service has its replicas on the other hosts already.
        let Some(replicas) = service.replicas.filter(|_| here > 0) else {
            continue;
        };
        match fitting(service, &others) {
            Err(why) => draining.stays.push(Stay {
                what: format!("service {}", service.name),
                why,
                stops: true,
            }),
            Ok(fitting) => draining.moves.push(Move {
                id: service.id.clone(),
                service: service.name.clone(),
                replicas,
                running: running.iter().filter(|task| task.state == TaskState::Running).count() as u64,
                here: here as u64,
                onto: fitting
                    .iter()
                    .map(|node| placement::host_name(node).to_owned())
                    .collect(),
                image: images::image_of(service)
                    .filter(|image| image.starts_with("sha256:"))
                    .map(str::to_owned),
                overlap: room(&service.spec, &fitting, on, here),
            }),
        }
    }
    let placed = containers.iter().filter(|container| container.state == "running");
    draining.stays.extend(placed.map(|container| Stay {
        what: format!("container {}", container.name),
        why: "the cluster does not move containers; the next `hoist up` of its project makes it elsewhere".to_owned(),
        stops: false,
    }));
    draining
}

/// Whether a task runs, or is about to.
fn runs(task: &ObservedTask) -> bool {
    task.state <= TaskState::Running && task.desired_state <= TaskState::Running && task.node_id.is_some()
}

/// The other hosts that take the service; `Err`: why none does.
fn fitting<'a>(service: &ObservedService, others: &[&'a ObservedNode]) -> Result<Vec<&'a ObservedNode>, String> {
    if service.labels.contains_key(labels::PINNED_TO) {
        return Err("its volumes are on this host".to_owned());
    }
    let placement = service
        .spec
        .task_template
        .as_ref()
        .and_then(|template| template.placement.as_ref());
    let constraints = placement
        .and_then(|placement| placement.constraints.as_deref())
        .unwrap_or_default();
    let open = || others.iter().filter(|node| node.ready && node.active);
    if open().next().is_none() {
        return Err("there is no other host that takes anything".to_owned());
    }
    let fitting: Vec<&ObservedNode> = (open())
        .filter(|node| placement::broken(constraints, node).is_none())
        .copied()
        .collect();
    if fitting.is_empty() {
        let mut rules: Vec<String> = open()
            .filter_map(|node| {
                let rule = placement::broken(constraints, node)?;
                Some(format!("{} (`{rule}` does not hold)", placement::host_name(node)))
            })
            .collect();
        rules.sort();
        return Err(format!("no other host fits: {}", rules.join(", ")));
    }
    Ok(fitting)
}

/// Whether `more` replicas find room beside those that run.
fn room(
    spec: &ServiceSpec,
    fitting: &[&ObservedNode],
    on: impl Fn(&ObservedNode) -> usize,
    more: usize,
) -> Result<(), String> {
    let replicated = spec.mode.as_ref().is_none_or(|mode| mode.replicated.is_some());
    if !replicated {
        return Err("it is a job".to_owned());
    }
    let ports = spec
        .endpoint_spec
        .as_ref()
        .and_then(|endpoint| endpoint.ports.as_deref());
    let host_port = (ports.unwrap_or_default().iter())
        .find(|port| port.publish_mode == Some(EndpointPortConfigPublishModeEnum::HOST));
    if let Some(port) = host_port
        && fitting.iter().filter(|node| on(node) == 0).count() < more
    {
        let number = port.published_port.unwrap_or_default();
        return Err(format!(
            "each replica takes port {number} of its host, and no other host has it free"
        ));
    }
    let placement = spec
        .task_template
        .as_ref()
        .and_then(|template| template.placement.as_ref());
    let limit = placement.and_then(|placement| placement.max_replicas).unwrap_or(0);
    if let Ok(limit @ 1..) = usize::try_from(limit) {
        let free: usize = fitting.iter().map(|node| limit.saturating_sub(on(node))).sum();
        if free < more {
            return Err(format!(
                "`max_replicas_per_node: {limit}` leaves no room on the other hosts"
            ));
        }
    }
    Ok(())
}
