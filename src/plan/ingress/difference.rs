//! Whether the ingress that runs is the one that claims ask for, and what a plan says where it is not.

use std::collections::{BTreeMap, BTreeSet};

use super::claims::{Claim, claims};
use super::error::IngressError;
use super::system::{System, system};
use crate::compose::model::{Protocol, Service};
use crate::engine::observation::{Cluster, ObservedIngress, ObservedService, TaskState};
use crate::engine::{Observation, labels};
use crate::plan::draft::Draft;
use crate::plan::{Action, PlanError};

/// What a plan says of the ingress. What it consists of is worked out from the claims of the moment in which it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressPlan {
    pub change: IngressChange,
    /// The ports that it will listen on, on every host.
    pub ports: Vec<u16>,
    /// The project's ways in, `https://shop.example.org/cart → web:8000`.
    pub ways: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IngressChange {
    Create,
    Change,
    Remove,
}

/// Refuses what cannot be, before anything is changed: the claims of the project's services against those of everybody else.
pub(in crate::plan) fn check(draft: &Draft<'_>, cluster: &Cluster) -> Result<(), Vec<PlanError>> {
    let observed = draft.situation.observed;
    let outcome = after(draft).map_err(|error| vec![error]).and_then(|claims| {
        system(&claims, cluster.nodes.len())?;
        let published = published(&claims, &observed.ingress, draft);
        if published.is_empty() { Ok(()) } else { Err(published) }
    });
    outcome.map_err(|errors| errors.into_iter().map(PlanError::Ingress).collect())
}

/// Adds the step that brings the ingress to what holds once the services are as the plan says, where it is not so now.
pub(in crate::plan) fn settle(draft: &mut Draft<'_>, cluster: &Cluster) {
    // What cannot be was refused by `check` before.
    let Ok(claims) = after(draft) else { return };
    let Ok(wanted) = system(&claims, cluster.nodes.len()) else {
        return;
    };
    let ingress = &draft.situation.observed.ingress;
    let Some((change, reason)) = difference(wanted.as_ref(), ingress, cluster) else {
        return;
    };
    let ways = claims
        .iter()
        .filter(|claim| claim.project == draft.project.name)
        .flat_map(|claim| claim.ways.iter().map(move |way| described(claim, way)))
        .collect();
    let ingress = IngressPlan {
        change,
        ports: wanted
            .map(|system| system.gates.keys().copied().collect())
            .unwrap_or_default(),
        ways,
    };
    let after: Vec<usize> = draft.services.values().flatten().copied().collect();
    let index = draft.push(Action::SettleIngress { ingress }, after, reason);
    draft.ingress = Some(index);
}

/// The same for a project that goes.
pub(in crate::plan) fn settle_without(project: &str, observed: &Observation) -> Option<(IngressPlan, String)> {
    let cluster = observed.cluster.as_ref()?;
    let mut rest = claims(&observed.ingress.services).ok()?;
    rest.retain(|claim| claim.project != project);
    let wanted = system(&rest, cluster.nodes.len()).ok()?;
    let (change, reason) = difference(wanted.as_ref(), &observed.ingress, cluster)?;
    let plan = IngressPlan {
        change,
        ports: wanted
            .map(|system| system.gates.keys().copied().collect())
            .unwrap_or_default(),
        ways: Vec::new(),
    };
    Some((plan, reason))
}

/// The secrets that claims name once the plan is carried out.
pub(in crate::plan) fn certificates(draft: &Draft<'_>) -> BTreeSet<String> {
    // Claims that cannot be read were refused by `check` before.
    let claims = after(draft).unwrap_or_default();
    let ways = claims.into_iter().flat_map(|claim| claim.ways);
    ways.filter_map(|way| way.certificate).collect()
}

/// What is claimed once the plan is carried out.
fn after(draft: &Draft<'_>) -> Result<Vec<Claim>, IngressError> {
    let observed = draft.situation.observed;
    let mut all: BTreeMap<String, Claim> = claims(&observed.ingress.services)?
        .into_iter()
        .map(|claim| (claim.name.clone(), claim))
        .collect();
    for (service, claim) in &draft.claims {
        let name = crate::plan::swarm_service::name(&draft.project.name, service);
        match claim {
            Some(claim) => drop(all.insert(name, claim.clone())),
            None => drop(all.remove(&name)),
        }
    }
    let gone = |service: &ObservedService| {
        draft
            .plan
            .steps
            .iter()
            .any(|step| matches!(&step.action, Action::RemoveService { id, .. } if *id == service.id))
    };
    for service in observed.services.iter().filter(|service| gone(service)) {
        all.remove(&service.name);
    }
    Ok(all.into_values().collect())
}

/// Ports that are claimed and that a service publishes by itself.
fn published(claims: &[Claim], ingress: &ObservedIngress, draft: &Draft<'_>) -> Vec<IngressError> {
    let project = draft.project;
    let own = |service: &Service| crate::plan::swarm_service::name(&project.name, &service.name);
    let mut taken: BTreeMap<u16, String> = ingress.published.clone();
    taken.retain(|_, by| !project.services.values().any(|service| own(service) == *by));
    for service in project.services.values() {
        for port in service.ports.iter().filter(|port| port.protocol == Protocol::Tcp) {
            if let Some(number) = port.published {
                taken.insert(number, own(service));
            }
        }
    }
    let ways = claims
        .iter()
        .flat_map(|claim| claim.ways.iter().map(move |way| (claim, way)));
    // What others have among themselves is not this project's to say.
    let own_by = |by: &String| project.services.values().any(|service| own(service) == *by);
    let concerns = |claim: &Claim, by: &String| claim.project == project.name || own_by(by);
    ways.filter(|(claim, way)| taken.get(&way.listen).is_some_and(|by| concerns(claim, by)))
        .filter_map(|(claim, way)| {
            Some(IngressError::PortPublished {
                port: way.listen,
                service: claim.name.clone(),
                by: taken.get(&way.listen)?.clone(),
            })
        })
        .collect()
}

fn described(claim: &Claim, way: &super::Way) -> String {
    let hosts = match way.hosts.is_empty() {
        true => way.url("*"),
        false => way
            .hosts
            .iter()
            .map(|host| way.url(host))
            .collect::<Vec<_>>()
            .join(", "),
    };
    format!("{hosts} → {}:{}", claim.service, way.port)
}

/// What is to be done and why; `None` where all is as it should be.
fn difference(
    wanted: Option<&System>,
    ingress: &ObservedIngress,
    cluster: &Cluster,
) -> Option<(IngressChange, String)> {
    let Some(wanted) = wanted else {
        let gone = ingress.system.is_empty();
        return (!gone).then(|| (IngressChange::Remove, "no service has a way in any more".to_owned()));
    };
    if ingress.system.is_empty() {
        return Some((IngressChange::Create, "new".to_owned()));
    }
    let hash = |labels: Option<&String>| labels.cloned();
    let wanted_services: Vec<_> = wanted.services().collect();
    let same = wanted_services.len() == ingress.system.len()
        && wanted_services.iter().all(|planned| {
            let labels = planned.spec.labels.as_ref();
            ingress.system.iter().any(|running| {
                running.name == planned.service
                    && hash(running.labels.get(labels::CONFIG_HASH))
                        == hash(labels.and_then(|labels| labels.get(labels::CONFIG_HASH)))
            })
        });
    if !same {
        return Some((IngressChange::Change, "ways in changed".to_owned()));
    }
    let hosts = cluster.nodes.iter().filter(|node| node.ready && node.active).count();
    let everywhere = ingress.system.iter().all(|service| {
        let tasks = ingress.tasks.iter().filter(|task| task.service_id == service.id);
        let up = tasks.filter(|task| task.state == TaskState::Running && task.desired_state == TaskState::Running);
        up.count() >= hosts
    });
    (!everywhere).then(|| (IngressChange::Change, "not ready on every host".to_owned()))
}

#[cfg(test)]
mod tests;
