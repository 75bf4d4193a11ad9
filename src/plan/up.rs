//! The plan of `up`: from what runs to what the file says.
//!
//! Knows the order (networks, images, configs, then services after what they depend on). Whether a service is as it
//! should be is told by the two runtimes: `cluster_services`, `containers`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::draft::{Draft, Situation, UpOptions};
use super::ingress::{self, IngressError};
use super::objects::{self, Objects};
use super::placement::{Placer, Reservation};
use super::runtime::{self, Runtime};
use super::volumes::Pins;
use super::{Action, Plan, PlanError, images, networks, order, placement, rolling};
use crate::compose::model::{Project, Service};
use crate::engine::observation::{Cluster, TaskState};
use crate::engine::{Observation, labels};

/// The plan of `up`.
///
/// # Errors
///
/// All that stand in the way, not only the first.
pub fn up(project: &Project, situation: Situation<'_>, options: &UpOptions) -> Result<Plan, Vec<PlanError>> {
    let ordered = order::in_dependency_order(project).map_err(|error| vec![error])?;
    let chosen: Vec<&Service> = ordered
        .into_iter()
        .filter(|service| is_chosen(project, service, options))
        .collect();
    let mut draft = Draft {
        project,
        situation,
        options,
        plan: Plan::default(),
        networks: HashMap::new(),
        images: HashMap::new(),
        objects: Vec::new(),
        services: HashMap::new(),
        pins: Pins::with(&options.volumes_at),
        claims: BTreeMap::new(),
        replaced: BTreeSet::new(),
        definitions: BTreeMap::new(),
        ingress: None,
        placer: situation
            .observed
            .cluster
            .as_ref()
            .map(|cluster| occupied(cluster, situation.observed)),
    };
    let cluster = situation.observed.cluster.as_ref();
    for service in images::to_build(project, situation.observed, situation.builder, options.images) {
        if chosen
            .iter()
            .any(|other| other.image_name(&project.name) == service.image_name(&project.name))
        {
            let image = service.image_name(&project.name);
            let action = Action::BuildImage {
                image: image.clone(),
                service: service.name.clone(),
            };
            let index = draft.push(
                action,
                Vec::new(),
                if options.images.build {
                    "asked for"
                } else {
                    "not built yet"
                },
            );
            draft.images.insert(image, index);
        }
    }
    let can_encrypt = cluster.is_some_and(|cluster| placement::every_kernel_has(&cluster.nodes, labels::ESP));
    if project.pool.encrypt && cluster.is_some() && !can_encrypt {
        let message =
            "the hosts' kernel has no ESP: overlay networks are NOT encrypted, though `x-pool.encrypt` asks for it";
        draft.note(message.to_owned(), Some("x-pool.encrypt".to_owned()));
    }
    let scope = match cluster {
        Some(_) => networks::Scope::Cluster {
            encrypt: project.pool.encrypt && can_encrypt,
        },
        None => networks::Scope::Engine(super::containers::only_engine(situation.observed)),
    };
    let mut errors = Vec::new();
    match networks::steps(project, situation.observed, scope, &mut draft.plan.steps) {
        Ok(made) => draft.networks = made,
        Err(error) => errors.push(error),
    }
    if cluster.is_some() && chosen.iter().any(|service| !service.ingress.is_empty()) {
        let encrypt = project.pool.encrypt && can_encrypt;
        networks::ingress_step(&mut draft, encrypt);
    }
    let objects = if cluster.is_some() {
        objects::missing(&mut draft)
    } else {
        Objects::default()
    };
    for service in chosen {
        if let Some(by) = leave_replaced(&draft, service) {
            let message = format!(
                "service `{0}` stays as it is: `{by}` has taken its place (`hoist upgrade {by} {0}` goes back)",
                service.name
            );
            draft.note(message, Some(format!("services.{}", service.name)));
            continue;
        }
        let planned = match cluster {
            Some(cluster) => runtime::of(service).and_then(|runtime| match runtime {
                Runtime::Service => super::cluster_services::plan(&mut draft, cluster, service, &objects),
                Runtime::Container { because } if !service.ingress.is_empty() => {
                    let service = service.name.clone();
                    Err(PlanError::Ingress(IngressError::Containers { service, because }))
                }
                Runtime::Container { because } => {
                    if let Some(attribute) = because {
                        let message = format!(
                            "service `{}` runs as containers that Hoist places, since Swarm services have no `{attribute}`",
                            service.name
                        );
                        draft.note(message, Some(format!("services.{}.{attribute}", service.name)));
                    }
                    super::containers::plan(&mut draft, Some(cluster), service)
                }
            }),
            None if !service.ingress.is_empty() => {
                let service = service.name.clone();
                Err(PlanError::Ingress(IngressError::NoPool { service }))
            }
            None => super::containers::plan(&mut draft, None, service),
        };
        if let Err(error) = planned {
            errors.push(error);
        }
    }
    if let Some(cluster) = cluster
        && let Err(clashes) = ingress::check(&draft, cluster)
    {
        errors.extend(clashes);
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    orphans(&mut draft);
    if let Some(cluster) = cluster {
        ingress::settle(&mut draft, cluster);
    }
    objects::remove_stale(&mut draft, &objects);
    Ok(draft.plan)
}

/// The service that has taken this one's place, unless the operator names this one.
fn leave_replaced(draft: &Draft<'_>, service: &Service) -> Option<String> {
    let options = draft.options;
    if options.services.contains(&service.name) || options.scale.contains_key(&service.name) {
        return None;
    }
    rolling::replaced_by(draft.situation.observed, &service.name)
}

/// The cluster's hosts, with what the project's Swarm services have on them.
fn occupied<'a>(cluster: &'a Cluster, observed: &'a Observation) -> Placer<'a> {
    let mut placer = Placer::new(&cluster.nodes);
    let placed = observed
        .tasks
        .iter()
        .filter(|task| task.desired_state <= TaskState::Running);
    for task in placed {
        let node = cluster
            .nodes
            .iter()
            .find(|node| Some(&node.id) == task.node_id.as_ref());
        let service = observed.services.iter().find(|service| service.id == task.service_id);
        let (Some(node), Some(service)) = (node, service) else {
            continue;
        };
        let template = service.spec.task_template.as_ref();
        let reserved = template.map(Reservation::of_task).unwrap_or_default();
        let ports = task.ports.iter().map(|port| (port.published, port.protocol.clone()));
        placer.occupy(placement::host_name(node), &reserved, &ports.collect::<Vec<_>>());
    }
    placer
}

/// Whether the operator's choice of services takes this one in.
pub fn is_chosen(project: &Project, service: &Service, options: &UpOptions) -> bool {
    if options.services.is_empty() {
        return true;
    }
    let mut wanted: Vec<&str> = options.services.iter().map(String::as_str).collect();
    let mut next = 0;
    while !options.no_deps && next < wanted.len() {
        if let Some(service) = project.services.get(wanted[next]) {
            for dependency in order::dependencies(service) {
                if !wanted.contains(&dependency) {
                    wanted.push(dependency);
                }
            }
        }
        next += 1;
    }
    wanted.contains(&service.name.as_str())
}

/// Services that run and are no longer in the file: said, and removed where the operator asked for it.
fn orphans(draft: &mut Draft<'_>) {
    let (project, observed) = (draft.project, draft.situation.observed);
    let known = |labels: &BTreeMap<String, String>| {
        labels
            .get(labels::SERVICE)
            .is_some_and(|name| project.services.contains_key(name) || project.disabled.contains(name))
    };
    let mut names = Vec::new();
    for service in observed.services.iter().filter(|service| !known(&service.labels)) {
        let name = service.labels.get(labels::SERVICE).unwrap_or(&service.name).clone();
        if draft.options.remove_orphans {
            let action = Action::RemoveService {
                service: name,
                name: service.name.clone(),
                id: service.id.clone(),
            };
            draft.push(action, Vec::new(), "not in the file");
        } else {
            names.push(name);
        }
    }
    let containers = observed.containers.iter().chain(&observed.set_aside);
    for container in containers.filter(|container| !known(&container.labels)) {
        let service = container.labels.get(labels::SERVICE).unwrap_or(&container.name).clone();
        if draft.options.remove_orphans {
            let action = super::containers::removal(container, None);
            draft.push(action, Vec::new(), "not in the file");
        } else if !names.contains(&service) {
            names.push(service);
        }
    }
    if !names.is_empty() {
        let list = names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ");
        draft.note(
            format!("still running and no longer in the file: {list} (`--remove-orphans` removes them)"),
            None,
        );
    }
}
