//! Carries out a plan's steps: each as soon as what it comes after is through, many at once.
//!
//! Knows order, failure and interruption. A failed step takes only what depends on it with it; an interruption lets
//! calls that are under way end and starts nothing more.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::deployment::Deployment;
use super::error::{DeployError, StepError, StepFailure};
use super::event::{Event, ResourceKind, ResourceProgress, ServiceProgress};
use super::{containers, images, ingress, newer_engine, replace_containers, services};
use crate::plan::{Action, ObjectKind, Plan};

/// Steps under way at once: more would only queue at the engines.
const CONCURRENT: usize = 24;

/// Carries out the plan and gives the number of steps done.
///
/// # Errors
///
/// [`DeployError::Steps`] with each failure and what was left out because of it; [`DeployError::Interrupted`].
pub async fn execute(plan: &Plan, deployment: &Deployment) -> Result<usize, DeployError> {
    for service in &plan.unchanged {
        deployment.tell(service, ServiceProgress::UpToDate);
    }
    let mut waiting: BTreeSet<usize> = (0..plan.steps.len()).collect();
    let mut done: BTreeSet<usize> = BTreeSet::new();
    let mut failed: Vec<StepFailure> = Vec::new();
    let mut lost: BTreeSet<usize> = BTreeSet::new();
    let mut skipped: Vec<String> = Vec::new();
    // Services of which a step was begun: what became of them, their own steps say.
    let mut begun: BTreeSet<String> = BTreeSet::new();
    let mut running = FuturesUnordered::new();
    tell_who_waits(plan, deployment);
    loop {
        let unreachable: Vec<usize> = waiting
            .iter()
            .copied()
            .filter(|index| plan.steps[*index].after.iter().any(|before| lost.contains(before)))
            .collect();
        for index in &unreachable {
            waiting.remove(index);
            lost.insert(*index);
            let action = &plan.steps[*index].action;
            skipped.push(subject(action));
            if let Some(service) = service_of(action)
                && !begun.contains(service)
            {
                deployment.tell(service, ServiceProgress::Skipped);
            }
        }
        if !unreachable.is_empty() {
            continue;
        }
        let ready: Vec<usize> = waiting
            .iter()
            .copied()
            .filter(|index| plan.steps[*index].after.iter().all(|before| done.contains(before)))
            .take(CONCURRENT.saturating_sub(running.len()))
            .collect();
        if !deployment.interrupt.is_cancelled() {
            for index in ready {
                waiting.remove(&index);
                begun.extend(service_of(&plan.steps[index].action).map(str::to_owned));
                let (action, deployment) = (plan.steps[index].action.clone(), deployment.clone());
                let step = tokio::spawn(async move { carry_out(action, &deployment).await });
                running.push(async move { (index, step.await) });
            }
        }
        let Some((index, outcome)) = running.next().await else {
            break;
        };
        let action = &plan.steps[index].action;
        match outcome {
            Ok(Ok(())) => {
                done.insert(index);
            }
            Ok(Err(StepError::Interrupted)) => {
                waiting.insert(index);
            }
            Ok(Err(error)) => {
                lost.insert(index);
                tell_failure(action, &error, deployment);
                failed.push(StepFailure {
                    subject: subject(action),
                    error,
                });
            }
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
    if !failed.is_empty() {
        return Err(DeployError::Steps { failed, skipped });
    }
    if deployment.interrupt.is_cancelled() && !waiting.is_empty() {
        let mut unfinished: Vec<String> = waiting
            .iter()
            .map(|index| subject(&plan.steps[*index].action))
            .collect();
        unfinished.dedup();
        return Err(DeployError::Interrupted { unfinished });
    }
    Ok(done.len())
}

/// One step, whatever it is.
async fn carry_out(action: Action, deployment: &Deployment) -> Result<(), StepError> {
    let resource = |kind, name: &str, progress| {
        deployment.events.emit(Event::Resource {
            kind,
            name: name.to_owned(),
            progress,
        });
    };
    match action {
        // The hosts' steps are carried out before the services are planned: see `pool`.
        Action::MakeHost { .. }
        | Action::BootstrapHost { .. }
        | Action::RemoveHost { .. }
        | Action::ReplaceHost { .. }
        | Action::ChangeManagers { .. }
        | Action::ChangeResource { .. } => Ok(()),
        Action::BuildImage { image, service } => images::build(deployment, &image, &service).await,
        Action::ProvideImage { image, hosts } => images::provide(deployment, &image, &hosts).await,
        Action::CreateNetwork { network } => {
            resource(ResourceKind::Network, &network.name, ResourceProgress::Creating);
            let engine = match &network.host {
                Some(host) => deployment.engine(host)?,
                None => deployment.manager()?,
            };
            newer_engine::for_network(engine, &network.request).await?;
            match engine.create_network(network.request.clone()).await {
                // Somebody made it in the meantime: all the same.
                Err(error) if error.is_conflict() => {}
                other => drop(other?),
            }
            resource(ResourceKind::Network, &network.name, ResourceProgress::Created);
            Ok(())
        }
        Action::CreateVolume { volume } => {
            resource(ResourceKind::Volume, &volume.name, ResourceProgress::Creating);
            deployment
                .engine(&volume.host)?
                .create_volume(volume.request.clone())
                .await?;
            resource(ResourceKind::Volume, &volume.name, ResourceProgress::Created);
            Ok(())
        }
        Action::CreateObject { object } => {
            let kind = resource_kind(object.kind);
            resource(kind, &object.name, ResourceProgress::Creating);
            let content = deployment.contents.get(object.kind, &object.key).unwrap_or_default();
            let manager = deployment.manager()?;
            let made = match object.kind {
                ObjectKind::Config => manager.create_config(&object.name, &object.labels, content).await,
                ObjectKind::Secret => manager.create_secret(&object.name, &object.labels, content).await,
            };
            match made {
                // The name carries the content's digest: what is there is the same.
                Err(error) if error.is_conflict() => {}
                other => drop(other?),
            }
            resource(kind, &object.name, ResourceProgress::Created);
            Ok(())
        }
        Action::CreateService { service } => services::create(deployment, &service).await,
        Action::UpdateService { service, id, .. } => services::update(deployment, &service, &id).await,
        Action::AwaitService { service, id } => services::wait_for(deployment, &service, &id).await,
        Action::CreateContainer { container } => containers::create(deployment, &container).await,
        Action::ReplaceContainers {
            service,
            pace,
            in_place,
            replacements,
        } => replace_containers::replace_containers(deployment, &service, &pace, in_place, &replacements).await,
        Action::StartContainer {
            service,
            host,
            id,
            must_be,
            ..
        } => {
            containers::start(
                deployment,
                &containers::Target {
                    service,
                    host,
                    id,
                    must_be,
                },
            )
            .await
        }
        Action::RemoveContainer {
            service,
            host,
            id,
            grace,
            ..
        } => {
            deployment.tell(&service, ServiceProgress::Removing);
            containers::remove(deployment, deployment.engine(&host)?, &id, grace).await?;
            deployment.tell(&service, ServiceProgress::Removed);
            Ok(())
        }
        Action::SetAsideContainer {
            service,
            host,
            name,
            id,
            grace,
        } => {
            deployment.tell(&service, ServiceProgress::Removing);
            containers::set_aside(deployment, deployment.engine(&host)?, &id, &name, grace).await?;
            deployment.tell(&service, ServiceProgress::Removed);
            Ok(())
        }
        Action::RemoveService { service, id, .. } => services::remove(deployment, &service, &id).await,
        Action::SettleIngress { .. } => ingress::settle(deployment).await,
        Action::RemoveNetwork { name, host, id } => {
            resource(ResourceKind::Network, &name, ResourceProgress::Removing);
            let engine = match &host {
                Some(host) => deployment.engine(host)?,
                None => deployment.manager()?,
            };
            gone_once_unused(deployment, || engine.remove_network(&id)).await?;
            resource(ResourceKind::Network, &name, ResourceProgress::Removed);
            Ok(())
        }
        Action::RemoveVolume { name, host } => {
            resource(ResourceKind::Volume, &name, ResourceProgress::Removing);
            let engine = deployment.engine(&host)?;
            gone_once_unused(deployment, || engine.remove_volume(&name, false)).await?;
            resource(ResourceKind::Volume, &name, ResourceProgress::Removed);
            Ok(())
        }
        Action::RemoveObject { kind, name, id } => {
            resource(resource_kind(kind), &name, ResourceProgress::Removing);
            let manager = deployment.manager()?;
            match kind {
                ObjectKind::Config => gone_once_unused(deployment, || manager.remove_config(&id)).await?,
                ObjectKind::Secret => gone_once_unused(deployment, || manager.remove_secret(&id)).await?,
            }
            resource(resource_kind(kind), &name, ResourceProgress::Removed);
            Ok(())
        }
    }
}

/// Removes something that replicas may still be letting go of: an engine says that it is in use until they are gone.
pub(super) async fn gone_once_unused<F, Removal>(deployment: &Deployment, mut remove: F) -> Result<(), StepError>
where
    F: FnMut() -> Removal,
    Removal: Future<Output = Result<(), crate::engine::EngineError>>,
{
    let started = std::time::Instant::now();
    loop {
        match remove().await {
            Ok(()) => return Ok(()),
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) if error.is_in_use() && started.elapsed() < deployment.timeout => {
                deployment.pause(std::time::Duration::from_millis(150)).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn resource_kind(kind: ObjectKind) -> ResourceKind {
    match kind {
        ObjectKind::Config => ResourceKind::Config,
        ObjectKind::Secret => ResourceKind::Secret,
    }
}

/// Tells which services wait for which, before anything starts.
fn tell_who_waits(plan: &Plan, deployment: &Deployment) {
    for step in &plan.steps {
        let Some(service) = service_of(&step.action) else {
            continue;
        };
        let mut services: Vec<String> = step
            .after
            .iter()
            .filter_map(|before| service_of(&plan.steps[*before].action))
            .filter(|other| *other != service)
            .map(str::to_owned)
            .collect();
        services.sort();
        services.dedup();
        if !services.is_empty()
            && !matches!(
                step.action,
                Action::RemoveService { .. } | Action::RemoveContainer { .. } | Action::SetAsideContainer { .. }
            )
        {
            deployment.tell(service, ServiceProgress::Waiting { services });
        }
    }
}

fn service_of(action: &Action) -> Option<&str> {
    match action {
        Action::CreateService { service }
        | Action::UpdateService { service, .. }
        | Action::AwaitService { service, .. } => Some(&service.service),
        Action::CreateContainer { container } => Some(&container.service),
        Action::ReplaceContainers { service, .. }
        | Action::StartContainer { service, .. }
        | Action::RemoveContainer { service, .. }
        | Action::SetAsideContainer { service, .. }
        | Action::RemoveService { service, .. } => Some(service),
        _ => None,
    }
}

fn tell_failure(action: &Action, error: &StepError, deployment: &Deployment) {
    let reason = error.reason();
    if let Some(service) = service_of(action) {
        deployment.tell(
            service,
            ServiceProgress::Failed {
                reason,
                log: error.log().to_vec(),
            },
        );
        return;
    }
    match action {
        Action::BuildImage { image, .. } | Action::ProvideImage { image, .. } => {
            let progress = super::event::ImageProgress::Failed { reason };
            deployment.events.emit(Event::Image {
                image: image.clone(),
                progress,
            });
        }
        Action::CreateNetwork { network } => fail_resource(deployment, ResourceKind::Network, &network.name, reason),
        Action::RemoveNetwork { name, .. } => fail_resource(deployment, ResourceKind::Network, name, reason),
        Action::CreateVolume { volume } => fail_resource(deployment, ResourceKind::Volume, &volume.name, reason),
        Action::RemoveVolume { name, .. } => fail_resource(deployment, ResourceKind::Volume, name, reason),
        Action::CreateObject { object } => fail_resource(deployment, resource_kind(object.kind), &object.name, reason),
        Action::RemoveObject { kind, name, .. } => fail_resource(deployment, resource_kind(*kind), name, reason),
        Action::SettleIngress { .. } => deployment.tell(
            crate::plan::ingress::NAME,
            ServiceProgress::Failed {
                reason,
                log: error.log().to_vec(),
            },
        ),
        _ => {}
    }
}

fn fail_resource(deployment: &Deployment, kind: ResourceKind, name: &str, reason: String) {
    deployment.events.emit(Event::Resource {
        kind,
        name: name.to_owned(),
        progress: ResourceProgress::Failed { reason },
    });
}

/// What a step is about, as messages name it.
pub(super) fn subject(action: &Action) -> String {
    if let Some(service) = service_of(action) {
        return format!("service `{service}`");
    }
    match action {
        Action::MakeHost { host, .. }
        | Action::BootstrapHost { host }
        | Action::RemoveHost { host }
        | Action::ReplaceHost { host, .. } => {
            format!("host `{host}`")
        }
        Action::BuildImage { image, .. } | Action::ProvideImage { image, .. } => format!("image `{image}`"),
        Action::CreateNetwork { network } => format!("network `{}`", network.name),
        Action::SettleIngress { .. } => "the ingress".to_owned(),
        Action::RemoveNetwork { name, .. } => format!("network `{name}`"),
        Action::CreateVolume { volume } => format!("volume `{}`", volume.name),
        Action::RemoveVolume { name, .. } => format!("volume `{name}`"),
        Action::CreateObject { object } => format!("{} `{}`", object_word(object.kind), object.key),
        Action::RemoveObject { kind, name, .. } => format!("{} `{name}`", object_word(*kind)),
        _ => String::new(),
    }
}

fn object_word(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Config => "config",
        ObjectKind::Secret => "secret",
    }
}
