//! One service as containers: replicas made, replaced, started, removed, or left alone, on one engine or on the hosts
//! of a cluster.
//!
//! Knows Compose's numbering of replicas. Moves no container that need not move.

use std::collections::BTreeMap;
use std::time::Duration;

use super::draft::{Draft, readiness};
use super::placement::{Count, Refusal, Reservation};
use super::{
    Action, ContainerPlan, PlanError, Readiness, VolumePlan, beside, container, images, neighbours, placement, shapes,
    update_order, volumes,
};
use crate::compose::model::{DeployMode, MountKind, PullPolicy, Service};
use crate::engine::observation::{Cluster, ObservedContainer};
use crate::engine::{Observation, labels, models};

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
            planned.keeps_before = in_service;
            if let Some(exact) = draft.options.exact_images.get(&service.name) {
                // Only now: the digest of what it is made from goes by the name.
                planned.body.image = Some(exact.clone());
            }
            planned
        })
        .collect();
    provide(draft, service, &wanted, &existing)?;
    let mut steps = Vec::new();
    for planned in wanted {
        let found = existing.get(&planned.number).map_or(&[][..], Vec::as_slice);
        one_replica(draft, service, planned, found, &mut steps);
    }
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
        reserved: Reservation {
            nano_cpus: service.deploy.reservations.nano_cpus.unwrap_or(0),
            memory: service.deploy.reservations.memory.unwrap_or(0),
        },
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

/// Steps for the image and the volumes of containers that are to be made.
fn provide(
    draft: &mut Draft<'_>,
    service: &Service,
    wanted: &[ContainerPlan],
    existing: &BTreeMap<u64, Vec<&ObservedContainer>>,
) -> Result<(), PlanError> {
    let observed = draft.situation.observed;
    let mut hosts: Vec<String> = Vec::new();
    for planned in wanted {
        let found = existing.get(&planned.number).map_or(&[][..], Vec::as_slice);
        let anew = found.is_empty()
            || found
                .iter()
                .any(|found| why_replace(draft, &planned_hash(planned), planned, found).is_some());
        if anew && !hosts.contains(&planned.host) {
            hosts.push(planned.host.clone());
        }
    }
    for host in &hosts {
        for mount in &service.mounts {
            let MountKind::Volume { volume: Some(key), .. } = &mount.kind else {
                continue;
            };
            let Some(volume) = draft.project.volumes.get(key) else {
                continue;
            };
            let there = observed
                .volumes
                .iter()
                .any(|found| found.name == volume.name && found.host == *host);
            let planned = draft.plan.steps.iter().any(|step| {
                matches!(&step.action, Action::CreateVolume { volume: planned } if planned.name == volume.name && planned.host == *host)
            });
            if volume.external && !there {
                return Err(PlanError::ExternalMissing {
                    kind: "volume",
                    name: volume.name.clone(),
                });
            }
            if there || planned {
                continue;
            }
            let request = models::VolumeCreateRequest {
                name: Some(volume.name.clone()),
                driver: volume.driver.clone(),
                driver_opts: shapes::some_if_any_map(&volume.driver_opts),
                labels: Some(shapes::volume_labels(draft.project, key, volume)),
                cluster_volume_spec: None,
            };
            let plan = VolumePlan {
                name: volume.name.clone(),
                host: host.clone(),
                request,
            };
            let index = draft.push(Action::CreateVolume { volume: Box::new(plan) }, Vec::new(), "new");
            draft.objects.push(index);
        }
    }
    if let Some(exact) = draft.options.exact_images.get(&service.name).cloned() {
        provide_exact(draft, service, exact, hosts);
        return Ok(());
    }
    let image = service.image_name(&draft.project.name);
    let anew = draft.options.images.pull || service.pull_policy == Some(PullPolicy::Always);
    let built_here = observed.cluster.is_none() && draft.images.contains_key(&image);
    let lacking: Vec<String> = match image_made_here(draft, service) {
        Some(id) => images::lacking(observed, &image, &id, hosts.into_iter()),
        None if anew => hosts,
        None => hosts
            .into_iter()
            .filter(|host| !built_here && !has_image(observed, host, &image))
            .collect(),
    };
    if !lacking.is_empty() {
        let builds = draft.images.get(&image).copied();
        let reason = if anew { "asked for" } else { "not there" };
        let index = draft.push(
            Action::ProvideImage {
                image: image.clone(),
                hosts: lacking,
            },
            builds.into_iter().collect(),
            reason,
        );
        draft.images.insert(image, index);
    }
    Ok(())
}

/// A step for an exact image, where hosts lack it.
fn provide_exact(draft: &mut Draft<'_>, service: &Service, exact: String, hosts: Vec<String>) {
    let observed = draft.situation.observed;
    let lacking: Vec<String> = hosts
        .into_iter()
        .filter(|host| !has_image(observed, host, &exact))
        .collect();
    if lacking.is_empty() {
        return;
    }
    let action = Action::ProvideImage {
        image: exact,
        hosts: lacking,
    };
    let index = draft.push(action, Vec::new(), "ran before");
    draft.images.insert(service.image_name(&draft.project.name), index);
}

fn has_image(observed: &Observation, host: &str, image: &str) -> bool {
    observed
        .images
        .get(host)
        .is_some_and(|images| images.contains_key(image))
}

/// The id of the service's image where it was made on the operator's engine and must be sent to the cluster's hosts.
fn image_made_here(draft: &Draft<'_>, service: &Service) -> Option<String> {
    draft.situation.observed.cluster.as_ref()?;
    let image = service.image_name(&draft.project.name);
    images::made_here(draft.situation.observed, draft.situation.builder, service, &image)
}

fn planned_hash(planned: &ContainerPlan) -> String {
    planned
        .body
        .labels
        .as_ref()
        .and_then(|all| all.get(labels::CONFIG_HASH))
        .cloned()
        .unwrap_or_default()
}

/// Why a container is not as it should be; `None` where it is.
fn why_replace(draft: &Draft<'_>, hash: &str, planned: &ContainerPlan, found: &ObservedContainer) -> Option<String> {
    if found.host != planned.host && moves(draft, planned) {
        return Some(format!("moves from {}", found.host));
    }
    if draft.options.only_scale {
        return None;
    }
    if let Some(reason) = draft.why_replace_all(&planned.service) {
        return Some(reason);
    }
    if found.host != planned.host {
        return Some(format!("moves from {}", found.host));
    }
    if found.labels.get(labels::CONFIG_HASH).map(String::as_str) != Some(hash) {
        return Some("definition changed".to_owned());
    }
    let images = draft.situation.observed.images.get(&found.host);
    if let Some(exact) = draft.options.exact_images.get(&planned.service) {
        let there = images
            .and_then(|images| images.get(exact))
            .map(|image| image.id.as_str());
        return (there != Some(found.image_id.as_str())).then(|| "image changed".to_owned());
    }
    let there = images
        .and_then(|images| images.get(&planned.image))
        .map(|image| image.id.clone());
    let service = draft.project.services.get(&planned.service);
    let wanted = service.and_then(|service| image_made_here(draft, service)).or(there);
    wanted
        .filter(|id| *id != found.image_id)
        .map(|_| "image changed".to_owned())
}

/// Whether a container's successor comes up before it stops: where the file asks for that, and both can be at once.
fn starts_first(
    draft: &mut Draft<'_>,
    service: &Service,
    planned: &ContainerPlan,
    current: &ObservedContainer,
) -> bool {
    let serves = current.state == "running" && planned.must_be == Readiness::Running;
    let moves = moves(draft, planned);
    if !serves || !(moves || update_order::starts_first(service)) {
        return false;
    }
    let same_host = current.host == planned.host;
    let cluster = draft.situation.observed.cluster.is_some();
    let Some(hindrance) = update_order::hindrance_of_container(draft.project, service, same_host, cluster) else {
        return true;
    };
    if !moves {
        let (message, path) = update_order::note(&service.name, &hindrance);
        draft.note(message, path);
    }
    false
}

/// Whether the operator wants this container on another host.
fn moves(draft: &Draft<'_>, planned: &ContainerPlan) -> bool {
    let replica = (planned.service.clone(), planned.number);
    draft.options.moves.contains_key(&replica)
}

/// Steps for one replica, given the containers of its number.
fn one_replica(
    draft: &mut Draft<'_>,
    service: &Service,
    mut planned: ContainerPlan,
    found: &[&ObservedContainer],
    steps: &mut Vec<usize>,
) {
    let mut after = draft.prerequisites(service);
    // One replica after the other, so that the rest serve meanwhile.
    after.extend(steps.last().copied());
    let hash = planned_hash(&planned);
    let good = found
        .iter()
        .find(|found| why_replace(draft, &hash, &planned, found).is_none() && found.name == planned.name);
    let keep = good.or(found.first());
    for leftover in found.iter().filter(|found| keep.is_none_or(|keep| keep.id != found.id)) {
        let index = draft.push(
            removal(leftover, service.stop_grace_period),
            Vec::new(),
            "left by an interrupted run",
        );
        after.push(index);
    }
    let Some(current) = keep else {
        let index = draft.push(
            Action::CreateContainer {
                container: Box::new(planned),
            },
            after,
            "new",
        );
        steps.push(index);
        return;
    };
    let misnamed = (current.name != planned.name).then(|| "left by an interrupted run".to_owned());
    let replaced = why_replace(draft, &hash, &planned, current);
    if replaced.is_some() {
        draft.replaced.insert(service.name.clone());
    }
    if let Some(reason) = replaced.or(misnamed) {
        planned.starts_first = starts_first(draft, service, &planned, current);
        let action = Action::ReplaceContainer {
            container: Box::new(planned),
            old: current.id.clone(),
            old_host: current.host.clone(),
        };
        steps.push(draft.push(action, after, reason));
        return;
    }
    let is_done = match planned.must_be {
        Readiness::Completed => current.state == "exited" && current.status.starts_with("Exited (0)"),
        Readiness::Running => {
            current.state == "running"
                && current
                    .health
                    .is_none_or(|health| health == crate::engine::observation::Health::Healthy)
        }
    };
    if !is_done {
        let action = Action::StartContainer {
            service: service.name.clone(),
            host: current.host.clone(),
            name: current.name.clone(),
            id: current.id.clone(),
            must_be: planned.must_be,
        };
        let reason = if current.state == "running" {
            "not healthy yet"
        } else {
            "not running"
        };
        steps.push(draft.push(action, after, reason));
    }
}
