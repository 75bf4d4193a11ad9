//! The hosts' part of a plan, for showing it: what would be made, bootstrapped and removed, and the cluster that would
//! come of it.

use std::collections::BTreeMap;

use super::{Action, Plan, Step};
use crate::engine::Observation;
use crate::engine::observation::{Cluster, ObservedNode};
use crate::hosts::groups::HostDifference;
use crate::hosts::{Host, ProviderKind};

/// Steps for hosts, in the pool's order.
pub fn steps(difference: &HostDifference, unready: &[(Host, String)]) -> Vec<Step> {
    let step = |action, reason: &str| Step {
        action,
        after: Vec::new(),
        reason: reason.to_owned(),
    };
    let make = difference.make.iter().map(|request| {
        let provider = ProviderKind::of(&request.settings).as_str();
        step(
            Action::MakeHost {
                host: request.name.clone(),
                group: request.group.clone(),
                provider,
            },
            "not there",
        )
    });
    let bootstrap = unready.iter().map(|(host, why)| {
        step(
            Action::BootstrapHost {
                host: host.name.clone(),
            },
            why,
        )
    });
    let remove = difference.remove.iter().map(|host| {
        step(
            Action::RemoveHost {
                host: host.name.clone(),
            },
            "more than `count` of its group",
        )
    });
    make.chain(bootstrap).chain(remove).collect()
}

/// Adds the hosts that would be made to what is observed, so that services can be planned onto them.
pub fn assume_made(observed: &mut Observation, difference: &HostDifference) {
    let nodes = &mut observed.cluster.get_or_insert_with(Cluster::default).nodes;
    let wanted = difference
        .keep
        .iter()
        .map(|host| (&host.name, &host.labels))
        .chain(difference.make.iter().map(|request| (&request.name, &request.labels)));
    let missing: Vec<ObservedNode> = wanted
        .filter(|(name, _)| {
            !nodes
                .iter()
                .any(|node| super::placement::host_name(node) == name.as_str())
        })
        .map(|(name, labels)| assumed(name, labels))
        .collect();
    nodes.extend(missing);
    for node in nodes {
        // Hosts that do not answer now are made ready before services are touched.
        node.ready = true;
    }
}

fn assumed(name: &str, labels: &BTreeMap<String, String>) -> ObservedNode {
    ObservedNode {
        id: String::new(),
        name: name.to_owned(),
        labels: labels.clone(),
        manager: false,
        leader: false,
        ready: true,
        active: true,
        address: String::new(),
        engine_version: String::new(),
        operating_system: "linux".to_owned(),
        architecture: std::env::consts::ARCH.to_owned(),
        nano_cpus: 0,
        memory_bytes: 0,
        version: 0,
        engine_labels: BTreeMap::new(),
    }
}

impl Plan {
    /// Puts steps before all others; what was first comes after them.
    pub fn put_first(&mut self, first: Vec<Step>) {
        let count = first.len();
        for step in &mut self.steps {
            for before in &mut step.after {
                *before += count;
            }
            step.after.extend(0..count);
        }
        self.steps.splice(0..0, first);
    }
}
