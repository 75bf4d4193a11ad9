//! What the containers on the hosts mean to a service that wants to be near some, or away from them.
//!
//! Knows the project's own: those that run and those that are planned by now. A cluster's service that is not made yet has no
//! host that could be known.

use std::collections::{BTreeMap, BTreeSet};

use super::PlanError;
use super::draft::Draft;
use super::placement::{self, Leaning};
use crate::compose::model::{Service, Who};
use crate::engine::labels;
use crate::engine::observation::{Cluster, TaskState};

/// Where the service would rather not be, and where it cannot be.
///
/// # Errors
///
/// [`PlanError::NobodyNear`].
pub(super) fn leaning(draft: &Draft<'_>, service: &Service, cluster: &Cluster) -> Result<Leaning, PlanError> {
    let mut leaning = Leaning::default();
    let hosts = || cluster.nodes.iter().map(placement::host_name);
    for preferred in &service.affinity.preferred {
        let breaks = cluster
            .nodes
            .iter()
            .filter(|node| placement::broken(std::slice::from_ref(preferred), node).is_some());
        for node in breaks {
            *leaning.broken.entry(placement::host_name(node).to_owned()).or_default() += 1;
        }
    }
    for neighbour in &service.affinity.containers {
        let with = hosts_with(draft, cluster, &neighbour.who);
        if neighbour.hard && neighbour.near && with.is_empty() {
            return Err(PlanError::NobodyNear {
                service: service.name.clone(),
                who: neighbour.who.to_string(),
            });
        }
        for host in hosts().filter(|host| with.contains(*host) != neighbour.near) {
            match neighbour.hard {
                true => {
                    let said = match neighbour.near {
                        true => format!("it must be near {}", neighbour.who),
                        false => format!("it must be away from {}", neighbour.who),
                    };
                    leaning.never.insert(host.to_owned(), said);
                }
                false => *leaning.broken.entry(host.to_owned()).or_default() += 1,
            }
        }
    }
    Ok(leaning)
}

/// The hosts that have one of these containers, by name.
fn hosts_with(draft: &Draft<'_>, cluster: &Cluster, who: &Who) -> BTreeSet<String> {
    let observed = draft.situation.observed;
    let is = |name: &str, own: &BTreeMap<String, String>| match who {
        Who::Service(service) => own.get(labels::SERVICE) == Some(service),
        Who::Label { key, value } => own.get(key) == Some(value),
        Who::Name(wanted) => name == wanted,
    };
    let planned = draft.plan.steps.iter().flat_map(|step| step.action.containers());
    let planned = planned.filter_map(|container| {
        let own = container.body.labels.clone().unwrap_or_default().into_iter().collect();
        is(&container.name, &own).then(|| container.host.clone())
    });
    let running = observed
        .containers
        .iter()
        .filter(|found| is(&found.name, &found.labels));
    let tasks = observed.tasks.iter().filter(|task| {
        let alive = task.desired_state <= TaskState::Running && task.state <= TaskState::Running;
        alive && is("", &task.labels)
    });
    let of_tasks = tasks.filter_map(|task| {
        let mut nodes = cluster.nodes.iter();
        nodes
            .find(|node| Some(&node.id) == task.node_id.as_ref())
            .map(|node| placement::host_name(node).to_owned())
    });
    planned
        .chain(running.map(|found| found.host.clone()))
        .chain(of_tasks)
        .collect()
}
