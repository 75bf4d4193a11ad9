//! One service as containers: replicas made, replaced, started, removed, or left alone, on one engine or on the hosts
//! of a cluster.
//!
//! Knows Compose's numbering of replicas. Moves no container that need not move.

mod provisions;
mod replica;

use std::collections::BTreeMap;
use std::time::Duration;

use self::replica::Turn;
use super::draft::{Draft, readiness};
use super::placement::{Count, Refusal, Reservation};
use super::{Action, ContainerPlan, PlanError, UpdatePace, beside, container, neighbours, placement, volumes};
use crate::compose::model::{DeployMode, Service};
use crate::engine::observation::{Cluster, ObservedContainer};
use crate::engine::{Observation, labels};

/// The one engine's name, where there is no cluster.
pub(super) fn only_engine(observed: &Observation) -> &str {
    observed.engine.as_deref().unwrap_or("local")
}

/// Plans one service.
///
/// # Errors
///
/// Where no host fits, or an external volume is missing.
pub(super) fn plan(draft: &mut Draft<'_>, cluster: Option<&Cluster>, service: &Service) -> Result<(), PlanError> {
    let observed = draft.situation.observed;
    let existing = existing(&draft.project.name, observed, service);
    let hosts = hosts(draft, cluster, service, &existing)?;
    let must_be = readiness(draft.project, service);
    let content = content_digests(draft, service);
    let running = existing.values().flatten().next().map(|found| &found.labels);
    let standing = draft.standing(service, running);
    let in_service = draft.options.in_service.is_some() && !existing.is_empty();
    let wanted: Vec<ContainerPlan> = hosts
        .iter()
        .enumerate()
        .map(|(index, host)| {
            let number = index as u64 + 1;
            let mut planned = container::container(draft.project, service, number, host, must_be, &content, &standing);
            if let Some(exact) = draft.options.exact_images.get(&service.name) {
                // Only now: the digest of what it is made from goes by the name.
                planned.body.image = Some(exact.clone());
            }
            planned
        })
        .collect();
    draft.define(service, wanted.first().and_then(|planned| planned.body.labels.as_ref()));
    provisions::provide(draft, service, &wanted, &existing)?;
    let steps = replicas(draft, service, wanted, &existing);
    let surplus = existing
        .iter()
        .filter(|(number, _)| **number > hosts.len() as u64)
        .flat_map(|(_, found)| found);
    for found in surplus {
        let action = match in_service {
            true => Action::SetAsideContainer {
                service: service.name.clone(),
                host: found.host.clone(),
                name: found.name.clone(),
                id: found.id.clone(),
                grace: service.stop_grace_period,
            },
            false => removal(found, service.stop_grace_period),
        };
        draft.push(action, Vec::new(), "fewer replicas");
    }
    let confirmed = match draft.options.in_service.is_none() && !draft.options.only_scale {
        true => set_aside(observed, &service.name),
        false => Vec::new(),
    };
    for found in &confirmed {
        draft.push(removal(found, None), steps.clone(), "its upgrade is confirmed");
    }
    if steps.is_empty() && confirmed.is_empty() {
        draft.plan.unchanged.push(service.name.clone());
    }
    draft.services.insert(service.name.clone(), steps);
    Ok(())
}

/// The steps of a service's replicas, one after another, so that the rest serve meanwhile: those that stopped start, then the
/// others give way to their successors, then new ones are made.
fn replicas(
    draft: &mut Draft<'_>,
    service: &Service,
    wanted: Vec<ContainerPlan>,
    existing: &BTreeMap<u64, Vec<&ObservedContainer>>,
) -> Vec<usize> {
    let mut before = draft.prerequisites(service);
    let (mut starts, mut replacements, mut new) = (Vec::new(), Vec::new(), Vec::new());
    for planned in wanted {
        let found = existing.get(&planned.number).map_or(&[][..], Vec::as_slice);
        match replica::turn(draft, service, planned, found, &mut before) {
            Some(Turn::Start { action, reason }) => starts.push((action, reason.to_owned())),
            Some(Turn::Replace(replacement)) => replacements.push(replacement),
            Some(Turn::Create(planned)) => {
                let container = Box::new(planned);
                new.push((Action::CreateContainer { container }, "new".to_owned()));
            }
            None => {}
        }
    }
    let reason = replacements.first().map(|first| first.reason.clone());
    let replace = reason.map(|reason| {
        let action = Action::ReplaceContainers {
            service: service.name.clone(),
            pace: UpdatePace::of_update(&service.deploy, draft.options.in_service.as_ref()),
            in_place: draft.options.in_service.is_some(),
            replacements,
        };
        (action, reason)
    });
    let mut steps: Vec<usize> = Vec::new();
    for (action, reason) in starts.into_iter().chain(replace).chain(new) {
        let mut after = before.clone();
        after.extend(steps.last());
        steps.push(draft.push(action, after, reason));
    }
    steps
}

/// The step that stops and removes a container.
pub(super) fn removal(found: &ObservedContainer, grace: Option<Duration>) -> Action {
    Action::RemoveContainer {
        service: found.labels.get(labels::SERVICE).cloned().unwrap_or_default(),
        host: found.host.clone(),
        name: found.name.clone(),
        id: found.id.clone(),
        grace,
    }
}

/// The containers that were set aside when the service was upgraded in place.
fn set_aside<'a>(observed: &'a Observation, service: &str) -> Vec<&'a ObservedContainer> {
    let own = |found: &&ObservedContainer| found.labels.get(labels::SERVICE).is_some_and(|name| name == service);
    observed.set_aside.iter().filter(own).collect()
}

/// The service's containers by number; more than one of a number is what an interrupted replacement left.
fn existing<'a>(
    project: &str,
    observed: &'a Observation,
    service: &Service,
) -> BTreeMap<u64, Vec<&'a ObservedContainer>> {
    let mut by_number: BTreeMap<u64, Vec<&ObservedContainer>> = BTreeMap::new();
    for found in &observed.containers {
        let own = found.labels.get(labels::SERVICE) == Some(&service.name);
        let one_off = found
            .labels
            .get(labels::ONE_OFF)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"));
        if own && !one_off {
            let number = found
                .labels
                .get(labels::CONTAINER_NUMBER)
                .and_then(|number| number.parse().ok())
                .unwrap_or(1);
            by_number.entry(number).or_default().push(found);
        }
    }
    // What has its own name first: it is the one that serves while its successor comes up under an interim name.
    for (number, found) in &mut by_number {
        let name = container::name(project, service, *number);
        found.sort_by_key(|found| found.name != name);
    }
    by_number
}

/// The host of each replica, by number from 1: where it is already, else as [`placement::Placer`] has it.
fn hosts(
    draft: &mut Draft<'_>,
    cluster: Option<&Cluster>,
    service: &Service,
    existing: &BTreeMap<u64, Vec<&ObservedContainer>>,
) -> Result<Vec<String>, PlanError> {
    let running = (!existing.is_empty()).then_some(existing.len() as u64);
    draft.say_kept_replicas(service, running);
    let replicas = draft.replicas(service, running);
    let fixed_port = service.ports.iter().find_map(|port| port.published);
    let check_ports = |hosts: usize| placement::room_for_port(service, fixed_port, replicas, hosts);
    let Some(cluster) = cluster else {
        say_what_needs_hosts(draft, service);
        check_ports(1)?;
        return Ok(vec![
            only_engine(draft.situation.observed).to_owned();
            usize::try_from(replicas).unwrap_or(0)
        ]);
    };
    let observed = draft.situation.observed;
    let mut fitting = placement::fitting(service, &cluster.nodes)?;
    let pinned = volumes::pinned_host(draft.project, service, observed, None, &cluster.nodes, &mut draft.pins)?;
    let only = pinned.or_else(|| beside::host(draft, service));
    if let Some(host) = &only {
        fitting.retain(|node| placement::host_name(node) == host);
    }
    let global = matches!(service.deploy.mode, DeployMode::Global | DeployMode::GlobalJob);
    if !global {
        check_ports(fitting.len())?;
    }
    let ports: Vec<placement::Port> = service
        .ports
        .iter()
        .filter_map(|port| Some((port.published?, port.protocol.as_str().to_owned())))
        .collect();
    let present: BTreeMap<u64, String> = existing
        .iter()
        .filter_map(|(number, found)| {
            let moves = draft.options.moves.get(&(service.name.clone(), *number));
            Some((*number, moves.unwrap_or(&found.first()?.host).clone()))
        })
        .collect();
    let demand = placement::Demand {
        service: &service.name,
        count: if global {
            Count::EveryHost
        } else {
            Count::Replicas(replicas)
        },
        constraints: &service.deploy.constraints,
        spread: &service.deploy.spread,
        most_per_host: service.deploy.max_replicas_per_node,
        reserved: Reservation::of_service(service),
        ports: &ports,
        only: only.as_deref(),
        present: &present,
        leaning: neighbours::leaning(draft, service, cluster)?,
    };
    let placed = draft.placer.as_mut().map(|placer| placer.place(&demand));
    match placed.unwrap_or_else(|| Ok(Vec::new())) {
        Ok(chosen) => Ok(chosen),
        Err(Refusal::Unreadable(error)) => Err(error),
        Err(Refusal::Full { placed, reasons }) => Err(PlanError::HostsFull {
            service: service.name.clone(),
            placed,
            replicas: (!global).then_some(replicas),
            reasons,
        }),
    }
}

/// What the file says of hosts means nothing on a single engine: that is said.
fn say_what_needs_hosts(draft: &mut Draft<'_>, service: &Service) {
    let deploy = &service.deploy;
    let uses = [
        (!deploy.constraints.is_empty(), "placement.constraints"),
        (!deploy.spread.is_empty(), "placement.preferences"),
        (
            !deploy.generic_resources.is_empty(),
            "resources.reservations.generic_resources",
        ),
    ];
    for (_, attribute) in uses.into_iter().filter(|(used, _)| *used) {
        let path = format!("services.{}.deploy.{attribute}", service.name);
        let message = format!(
            "service `{}`: `deploy.{attribute}` has no effect on a single engine, without `x-hosts`",
            service.name
        );
        draft.note(message, Some(path));
    }
}

fn content_digests(draft: &Draft<'_>, service: &Service) -> Vec<String> {
    let configs = service
        .configs
        .iter()
        .filter_map(|reference| draft.situation.configs.get(&reference.source));
    let secrets = service
        .secrets
        .iter()
        .filter_map(|reference| draft.situation.secrets.get(&reference.source));
    configs.chain(secrets).cloned().collect()
}
