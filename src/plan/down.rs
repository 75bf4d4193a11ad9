//! The plan of `down`: everything of the project goes, dependents before what they depend on.
//!
//! Knows what carries the project's name. Volumes stay unless the operator says otherwise.

use std::collections::HashMap;

use super::{Action, ObjectKind, Plan, Step, containers, order};
use crate::compose::model::Project;
use crate::engine::{Observation, labels};

/// The operator's wishes.
#[derive(Debug, Clone, Copy, Default)]
pub struct DownOptions {
    /// `-v`: the project's volumes go too.
    pub volumes: bool,
}

/// The plan of `down`. The file, where there is one, gives the order and the grace periods; all else is found by label.
pub fn down(name: &str, project: Option<&Project>, observed: &Observation, options: DownOptions) -> Plan {
    let own = |found: &std::collections::BTreeMap<String, String>| {
        found.get(labels::PROJECT).map(String::as_str) == Some(name)
    };
    let mut plan = Plan::default();
    let mut by_service: HashMap<String, Vec<usize>> = HashMap::new();
    let mut push = |plan: &mut Plan, service: &str, action: Action| {
        by_service.entry(service.to_owned()).or_default().push(plan.steps.len());
        plan.steps.push(Step {
            action,
            after: Vec::new(),
            reason: "asked for".into(),
        });
    };
    for service in &observed.services {
        let name = service.labels.get(labels::SERVICE).unwrap_or(&service.name).clone();
        let action = Action::RemoveService {
            service: name.clone(),
            name: service.name.clone(),
            id: service.id.clone(),
        };
        push(&mut plan, &name, action);
    }
    for container in observed.containers.iter().chain(&observed.set_aside) {
        let name = container.labels.get(labels::SERVICE).cloned().unwrap_or_default();
        let grace = project
            .and_then(|project| project.services.get(&name))
            .and_then(|service| service.stop_grace_period);
        push(&mut plan, &name, containers::removal(container, grace));
    }
    if let Some(project) = project {
        for service in project.services.values() {
            let dependents = by_service.get(&service.name).cloned().unwrap_or_default();
            for dependency in order::dependencies(service) {
                for index in by_service.get(dependency).into_iter().flatten() {
                    plan.steps[*index].after.extend(&dependents);
                }
            }
        }
    }
    let workloads: Vec<usize> = (0..plan.steps.len()).collect();
    let mut after_workloads = |action: Action| {
        plan.steps.push(Step {
            action,
            after: workloads.clone(),
            reason: "asked for".into(),
        });
    };
    for network in observed.networks.iter().filter(|network| own(&network.labels)) {
        after_workloads(Action::RemoveNetwork {
            name: network.name.clone(),
            host: network.host.clone(),
            id: network.id.clone(),
        });
    }
    let ingress = super::ingress::settle_without(name, observed).map(|(ingress, reason)| {
        plan.steps.push(Step {
            action: Action::SettleIngress { ingress },
            after: workloads.clone(),
            reason,
        });
        plan.steps.len() - 1
    });
    // Certificates are the ingress's until it lets go of them.
    let mut after_workloads = |action: Action| {
        plan.steps.push(Step {
            action,
            after: workloads.iter().copied().chain(ingress).collect(),
            reason: "asked for".into(),
        });
    };
    let objects = observed.configs.iter().map(|found| (ObjectKind::Config, found));
    for (kind, found) in objects.chain(observed.secrets.iter().map(|found| (ObjectKind::Secret, found))) {
        after_workloads(Action::RemoveObject {
            kind,
            name: found.name.clone(),
            id: found.id.clone(),
        });
    }
    if options.volumes {
        for volume in observed.volumes.iter().filter(|volume| own(&volume.labels)) {
            after_workloads(Action::RemoveVolume {
                name: volume.name.clone(),
                host: volume.host.clone(),
            });
        }
    }
    plan
}
