//! One service as a Swarm service: made, changed, waited for, or left alone.
//!
//! Knows when a running service is as the file says, where it may run, and which hosts need its image.

use super::draft::{Draft, readiness};
use super::objects::Objects;
use super::swarm_service::{self, Circumstances};
use super::{
    Action, PlanError, Readiness, ServicePlan, images, ingress, placement, rebalance, rolling, runtime, update_order,
    volumes,
};
use crate::compose::model::{DeployMode, MountKind, Service};
use crate::engine::observation::{Cluster, ObservedNode, ObservedService, ObservedTask, TaskState};
use crate::engine::{labels, models};

/// Plans one service.
///
/// # Errors
///
/// Where no host fits, or too few do.
pub(super) fn plan(
    draft: &mut Draft<'_>,
    cluster: &Cluster,
    service: &Service,
    objects: &Objects,
) -> Result<(), PlanError> {
    let (project, observed) = (draft.project, draft.situation.observed);
    let running = observed
        .services
        .iter()
        .find(|found| found.labels.get(labels::SERVICE) == Some(&service.name));
    let ipvs = placement::every_kernel_has(&cluster.nodes, labels::IPVS);
    let pinned_to = volumes::pinned_host(project, service, observed, running, &cluster.nodes, &mut draft.pins)?;
    draft.say_kept_replicas(service, running.and_then(replicas_wanted));
    let replicas = draft.replicas(service, running.and_then(replicas_wanted));
    let mut fitting = placement::fitting(service, &cluster.nodes)?;
    if let Some(host) = &pinned_to {
        fitting.retain(|node| placement::host_name(node) == host);
    }
    let must_be = readiness(project, service);
    let room = update_order::Room {
        volume: (pinned_to.as_ref()).and_then(|_| {
            volumes::local_volumes(project, service)
                .first()
                .map(|key| (*key).to_owned())
        }),
        host_port: swarm_service::host_port(service, ipvs),
        replicas,
        hosts: fitting.len() as u64,
    };
    let apart = update_order::hindrance(service, &room);
    check_host_ports(service, ipvs, replicas, fitting.len())?;
    let standing = draft.standing(service, running.map(|running| &running.labels));
    let claim = match running.filter(|_| draft.options.only_scale) {
        Some(running) => ingress::claims(std::slice::from_ref(running))?
            .pop()
            .map(|claim| ingress::Claim {
                replicas: running.replicas.map(|_| replicas),
                ..claim
            }),
        None => ingress::of_service(project, service, (!is_global(service)).then_some(replicas), |key| {
            draft.situation.secrets.get(key).cloned()
        }),
    };
    let claim = claim.map(|claim| ingress::Claim {
        replaces: standing.get(labels::REPLACES).cloned(),
        ..claim
    });
    if let Some(claim) = &claim {
        ingress::missing_certificates(draft, claim);
    }
    let around = Circumstances {
        ingress: claim.as_ref().map(ingress::Claim::label),
        ipvs,
        pinned_to: pinned_to.clone(),
        one_shot: must_be == Readiness::Completed,
        apart: apart.clone(),
        replicas,
        configs: objects.configs.clone(),
        secrets: objects.secrets.clone(),
        answers_for: rolling::answers_for(&standing),
    };
    let mut spec = match running.filter(|_| draft.options.only_scale) {
        Some(running) => scaled(running, replicas),
        None => swarm_service::specification(project, service, &around),
    };
    spec.labels.get_or_insert_default().extend(standing);
    let replaces_all = running.and_then(|running| draft.why_replace_anyhow(&service.name, &running.labels));
    count_replacements(&mut spec, running, replaces_all.is_some());
    draft.define(service, spec.labels.as_ref());
    let image = service.image_name(&project.name);
    let keeps_image = draft.options.only_scale && running.is_some();
    let exact = draft.options.exact_images.get(&service.name).cloned();
    let made_here = exact
        .clone()
        .or_else(|| images::made_here(observed, draft.situation.builder, service, &image))
        .filter(|_| !keeps_image);
    draft.claims.insert(service.name.clone(), claim);
    let planned = ServicePlan {
        service: service.name.clone(),
        image: image.clone(),
        replicas: (!is_global(service)).then_some(replicas),
        must_be,
        in_service: draft.options.in_service.clone().filter(|_| running.is_some()),
        force: replaces_all.is_some(),
        exact_image: match running.filter(|_| keeps_image) {
            Some(running) => images::image_of(running).map(str::to_owned),
            None => made_here.clone().or_else(|| images::running_reference(running, &image)),
        },
        spec,
    };
    let change = match running {
        None => Some("new".to_owned()),
        Some(running) => what_changed(draft, running, &planned, made_here.as_deref()),
    };
    let replaces = |running| replaces_replicas(running, &planned, made_here.as_deref());
    if !draft.options.only_scale && running.is_some_and(replaces) {
        draft.replaced.insert(service.name.clone());
    }
    if change.is_some() {
        say_what_differs(draft, service, ipvs, pinned_to.as_deref());
        if let Some(hindrance) = apart.filter(|_| update_order::starts_first(service)) {
            let (message, path) = update_order::note(&service.name, &hindrance);
            draft.note(message, path);
        }
    }
    if let Some(exact) = exact {
        provide_exact(draft, &image, &exact, &fitting);
    } else if !keeps_image {
        provide_image(draft, &image, made_here.as_deref(), &fitting, change.is_some());
    }
    let after = draft.prerequisites(service);
    let settled = || running.is_some_and(|running| is_settled(running, &observed.tasks, &planned, fitting.len()));
    let step = match (running, change) {
        (None, _) => draft.push(
            Action::CreateService {
                service: Box::new(planned),
            },
            after,
            "new",
        ),
        (Some(running), Some(reason)) => {
            let action = Action::UpdateService {
                service: Box::new(planned),
                id: running.id.clone(),
                version: running.version,
            };
            draft.push(action, after, reason)
        }
        (Some(running), None) if !settled() => {
            let action = Action::AwaitService {
                service: Box::new(planned),
                id: running.id.clone(),
            };
            draft.push(action, after, "not all replicas run")
        }
        (Some(_), None) => {
            draft.plan.unchanged.push(service.name.clone());
            return Ok(());
        }
    };
    draft.services.insert(service.name.clone(), vec![step]);
    Ok(())
}

/// How many replicas somebody wanted of a service that runs: not those that an interrupted drain made in advance, nor those that
/// stopped for a volume's move.
pub(super) fn replicas_wanted(running: &ObservedService) -> Option<u64> {
    let set_back = [labels::REPLICAS_BEFORE, labels::REPLICAS_MOVING];
    let before = set_back.iter().find_map(|label| running.labels.get(*label));
    before.and_then(|before| before.parse().ok()).or(running.replicas)
}

fn is_global(service: &Service) -> bool {
    matches!(service.deploy.mode, DeployMode::Global | DeployMode::GlobalJob)
}

/// What runs, with another number of replicas: the file may have moved on since.
fn scaled(running: &ObservedService, replicas: u64) -> models::ServiceSpec {
    let mut spec = rebalance::back_on(&running.spec).unwrap_or_else(|| running.spec.clone());
    if let Some(own) = spec.labels.as_mut() {
        own.remove(labels::REPLICAS_BEFORE);
        own.remove(labels::REPLICAS_MOVING);
    }
    if let Some(replicated) = spec.mode.as_mut().and_then(|mode| mode.replicated.as_mut()) {
        replicated.replicas = i64::try_from(replicas).ok();
    }
    spec
}

/// The cluster replaces the replicas of a service whose counter changes: it goes up where that was asked for, and stays as
/// it is where it was not.
fn count_replacements(spec: &mut models::ServiceSpec, running: Option<&ObservedService>, asked: bool) {
    let before = running
        .and_then(|running| running.spec.task_template.as_ref())
        .and_then(|template| template.force_update)
        .unwrap_or(0);
    if let (Some(_), Some(template)) = (running, spec.task_template.as_mut()) {
        template.force_update = Some(before + u64::from(asked));
    }
}

/// Whether replicas that run give way to others: for another image or definition, or because that is asked for.
fn replaces_replicas(running: &ObservedService, planned: &ServicePlan, made_here: Option<&str>) -> bool {
    let hash = |labels: Option<&String>| labels.cloned();
    let wanted = planned
        .spec
        .labels
        .as_ref()
        .and_then(|labels| labels.get(labels::CONFIG_HASH));
    planned.force
        || running.labels.get(labels::STACK_IMAGE) != Some(&planned.image)
        || images::differs(running, made_here)
        || hash(running.labels.get(labels::CONFIG_HASH)) != hash(wanted)
}

fn what_changed(
    draft: &Draft<'_>,
    running: &ObservedService,
    planned: &ServicePlan,
    made_here: Option<&str>,
) -> Option<String> {
    let wanted = planned
        .spec
        .labels
        .as_ref()
        .and_then(|labels| labels.get(labels::CONFIG_HASH));
    if let Some(reason) = draft.why_replace_anyhow(&planned.service, &running.labels) {
        return Some(reason);
    }
    if rebalance::is_off(&running.spec) {
        return Some("left by an interrupted run".to_owned());
    }
    if draft.options.only_scale {
        let (from, to) = (running.replicas?, planned.replicas?);
        return (from != to).then(|| format!("replicas {from} → {to}"));
    }
    if running.labels.get(labels::STACK_IMAGE) != Some(&planned.image) || images::differs(running, made_here) {
        return Some("image changed".to_owned());
    }
    if running.labels.get(labels::CONFIG_HASH) != wanted {
        return Some("definition changed".to_owned());
    }
    let pinned = planned
        .spec
        .labels
        .as_ref()
        .and_then(|labels| labels.get(labels::PINNED_TO));
    if running.labels.get(labels::PINNED_TO) != pinned {
        return Some("its volumes are elsewhere".to_owned());
    }
    let claimed = planned
        .spec
        .labels
        .as_ref()
        .and_then(|labels| labels.get(labels::INGRESS));
    if running.labels.get(labels::INGRESS) != claimed {
        return Some("ways in changed".to_owned());
    }
    match (running.replicas, planned.replicas) {
        (Some(from), Some(to)) if from != to => Some(format!("replicas {from} → {to}")),
        // Who brings a project to what its file says has decided.
        _ if draft.options.in_service.is_none() && running.labels.contains_key(labels::UPGRADED) => {
            Some("its upgrade is confirmed".to_owned())
        }
        // The cluster takes it up again with the next change, whatever that is.
        _ if is_stopped(running, &draft.situation.observed.tasks) => {
            Some("its update was stopped on the way".to_owned())
        }
        _ => None,
    }
}

/// An image made on the operator's engine must be on every host that fits, since a replica may move there; one from a
/// registry is resolved to its digest when the service changes, and each host pulls it by itself.
fn provide_image(
    draft: &mut Draft<'_>,
    image: &str,
    made_here: Option<&str>,
    fitting: &[&ObservedNode],
    changing: bool,
) {
    let builds = draft.images.get(image).copied();
    let built_by_this_plan =
        builds.is_some_and(|index| matches!(draft.plan.steps[index].action, Action::BuildImage { .. }));
    let hosts = fitting.iter().map(|node| placement::host_name(node).to_owned());
    let hosts: Vec<String> = match made_here {
        Some(id) if !built_by_this_plan => images::lacking(draft.situation.observed, image, id, hosts),
        _ if built_by_this_plan => hosts.collect(),
        _ => Vec::new(),
    };
    if let Some(index) = builds
        && let Action::ProvideImage { hosts: already, .. } = &mut draft.plan.steps[index].action
    {
        already.extend(
            hosts
                .into_iter()
                .filter(|host| !already.contains(host))
                .collect::<Vec<_>>(),
        );
        return;
    }
    if hosts.is_empty() && (!changing || made_here.is_some()) {
        return;
    }
    let reason = if made_here.is_some() || built_by_this_plan {
        "made on this machine"
    } else {
        "from its registry"
    };
    let action = Action::ProvideImage {
        image: image.to_owned(),
        hosts,
    };
    let index = draft.push(action, builds.into_iter().collect(), reason);
    draft.images.insert(image.to_owned(), index);
}

/// An exact image that no registry has must be on every host that fits, from this machine where it still has it; one with a
/// registry's digest each host pulls by itself.
fn provide_exact(draft: &mut Draft<'_>, image: &str, exact: &str, fitting: &[&ObservedNode]) {
    if !images::is_id(exact) {
        return;
    }
    let hosts = fitting.iter().map(|node| placement::host_name(node).to_owned());
    let hosts = images::lacking(draft.situation.observed, exact, exact, hosts);
    if hosts.is_empty() {
        return;
    }
    let action = Action::ProvideImage {
        image: exact.to_owned(),
        hosts,
    };
    let index = draft.push(action, Vec::new(), "ran before");
    draft.images.insert(image.to_owned(), index);
}

/// A port published on the hosts themselves is taken once per host.
fn check_host_ports(service: &Service, ipvs: bool, replicas: u64, hosts: usize) -> Result<(), PlanError> {
    if service.deploy.mode != DeployMode::Replicated {
        return Ok(());
    }
    placement::room_for_port(service, swarm_service::host_port(service, ipvs), replicas, hosts)
}

/// Says once what the hosts make different from what the file might suggest.
fn say_what_differs(draft: &mut Draft<'_>, service: &Service, ipvs: bool, pinned_to: Option<&str>) {
    for attribute in runtime::unheeded(service) {
        draft.note(
            format!(
                "service `{}`: `{attribute}` has no effect on a pool; `x-runtime: container` honours it",
                service.name
            ),
            Some(format!("services.{}.{attribute}", service.name)),
        );
    }
    if !ipvs && service.deploy.endpoint_mode.is_none() {
        draft.note(
            "the hosts' kernel has no IPVS: services are found by DNS round robin instead of a virtual IP, and ports are \
             published on the hosts that run the replicas"
                .to_owned(),
            None,
        );
    }
    if let Some(host) = pinned_to {
        let keys = volumes::local_volumes(draft.project, service)
            .iter()
            .map(|key| format!("`{key}`"))
            .collect::<Vec<_>>();
        let noun = if keys.len() == 1 { "volume" } else { "volumes" };
        draft.note(
            format!(
                "service `{}` runs on {host} only, with its {noun} {}",
                service.name,
                keys.join(", ")
            ),
            Some(format!("services.{}.volumes", service.name)),
        );
    }
    let here = draft.project.directory.to_string_lossy().into_owned();
    for (index, mount) in service.mounts.iter().enumerate() {
        if let MountKind::Bind { source, .. } = &mount.kind
            && source.starts_with(&here)
        {
            draft.note(
                format!(
                    "service `{}` binds `{source}`: the path is taken on each host, not on this machine",
                    service.name
                ),
                Some(format!("services.{}.volumes.{index}", service.name)),
            );
        }
    }
}

/// Whether the cluster stopped in the middle of an update.
fn is_stopped(running: &ObservedService, tasks: &[ObservedTask]) -> bool {
    let mut own = tasks.iter().filter(|task| task.service_id == running.id);
    let paused = running
        .update_state
        .as_deref()
        .is_some_and(|state| state.ends_with("paused"));
    paused && own.any(|task| task.is_left_over(running))
}

/// Whether as many replicas run as should (or, for a one-shot service, its last run ended well), and none is left to replace.
fn is_settled(running: &ObservedService, tasks: &[ObservedTask], planned: &ServicePlan, hosts: usize) -> bool {
    let own = || tasks.iter().filter(|task| task.service_id == running.id);
    if planned.must_be == Readiness::Completed {
        return own().next().is_some_and(|newest| newest.state == TaskState::Complete);
    }
    let wanted = planned.replicas.unwrap_or(hosts as u64);
    let up: Vec<&ObservedTask> = own()
        .filter(|task| task.state == TaskState::Running && task.desired_state == TaskState::Running)
        .collect();
    up.len() as u64 >= wanted && !own().any(|task| task.is_left_over(running))
}
