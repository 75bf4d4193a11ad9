//! The hosts' part of a plan, for showing it: what would be made, bootstrapped, replaced and removed, and the cluster that would
//! come of it.

use std::collections::BTreeMap;

use super::host_data::Held;
use super::{Action, Note, Plan, Step};
use crate::engine::Observation;
use crate::engine::observation::{Cluster, ObservedNode};
use crate::hosts::groups::HostDifference;
use crate::hosts::{Change, Host, ProviderKind, ResourceChange};

/// What a look at the pool found.
#[derive(Debug, Clone, Copy)]
pub struct HostsSituation<'a> {
    pub difference: &'a HostDifference,
    /// Hosts that are there and must be bootstrapped, with the reason.
    pub unready: &'a [(Host, String)],
    /// What the providers have beside hosts.
    pub resources: &'a [ResourceChange],
    /// How many hosts manage, and how many should; `None` where that is as it should be.
    pub managers: Option<(usize, usize)>,
    /// Surplus hosts that stay for their data.
    pub held: &'a [Held],
    /// Hosts that differ and are not replaced for their data.
    pub not_replaced: &'a [Held],
    /// The operator wants hosts that differ to be replaced.
    pub replace: bool,
}

/// Steps for hosts and what they share: first what is made, last what is removed.
pub fn steps(situation: &HostsSituation<'_>) -> Vec<Step> {
    let HostsSituation {
        difference, unready, ..
    } = situation;
    let step = |action, reason: &str| Step {
        action,
        after: Vec::new(),
        reason: reason.to_owned(),
    };
    let resources = |removed: bool| {
        let resources = situation.resources.iter();
        let wanted = resources.filter(move |resource| (resource.change == Change::Remove) == removed);
        wanted.map(|resource| {
            let action = Action::ChangeResource {
                resource: resource.clone(),
            };
            step(action, &resource.why)
        })
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
    let replace = difference
        .replace
        .iter()
        .filter(|_| situation.replace)
        .map(|replacement| {
            step(
                Action::ReplaceHost {
                    host: replacement.host.name.clone(),
                    group: replacement.host.group.clone(),
                    provider: replacement.host.provider.as_str(),
                },
                &replacement.why,
            )
        });
    let managers = situation
        .managers
        .iter()
        .map(|(from, to)| step(Action::ChangeManagers { to: *to }, &format!("{from} → {to}")));
    resources(false)
        .chain(make)
        .chain(bootstrap)
        .chain(managers)
        .chain(remove)
        .chain(replace)
        .chain(resources(true))
        .collect()
}

/// What is not done, and why.
pub fn notes(situation: &HostsSituation<'_>) -> Vec<Note> {
    let note = |message| Note {
        message,
        path: None,
        place: None,
    };
    let held = situation.held.iter().map(|held| {
        note(format!(
            "host `{0}` is {1} and stays: {2} (`hoist hosts rm --force {0}` removes it)",
            held.host, held.wish, held.objection
        ))
    });
    let not_replaced = situation.not_replaced.iter().filter(|_| situation.replace).map(|held| {
        note(format!(
            "host `{0}` differs from the file ({1}) and is not replaced: {2} (`hoist hosts rm --force {0}` gives that up; the \
             next `hoist up` makes the host anew)",
            held.host, held.wish, held.objection
        ))
    });
    held.chain(not_replaced).chain(later(situation).map(note)).collect()
}

/// Hosts that differ and go on as they are, where nobody asked for more.
fn later(situation: &HostsSituation<'_>) -> Option<String> {
    let replaceable = situation.difference.replace.iter();
    let differing: Vec<String> = replaceable
        .map(|replacement| (&replacement.host.name, &replacement.why))
        .chain(situation.not_replaced.iter().map(|held| (&held.host, &held.wish)))
        .map(|(host, why)| format!("{host} ({why})"))
        .collect();
    (!situation.replace && !differing.is_empty()).then(|| {
        format!(
            "made otherwise than the file says now, and going on as they are: {}; `--replace-hosts` replaces them, one at a time",
            differing.join(", ")
        )
    })
}

/// Adds the hosts that would be made to what is observed, and takes out those that would go, so that services can be planned
/// onto what comes of it.
pub fn assume_made(observed: &mut Observation, difference: &HostDifference) {
    let nodes = &mut observed.cluster.get_or_insert_with(Cluster::default).nodes;
    nodes.retain(|node| {
        !difference
            .remove
            .iter()
            .any(|host| host.name == super::placement::host_name(node))
    });
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
        name: name.to_owned(),
        labels: labels.clone(),
        manager: false,
        ready: true,
        active: true,
        operating_system: "linux".to_owned(),
        architecture: std::env::consts::ARCH.to_owned(),
        ..ObservedNode::default()
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
