//! More or fewer replicas of what runs, whatever any file says of it; or none of it any more.

use std::time::Instant;

use super::converge::{LOOK, is_alive, timed_out};
use super::deployment::Deployment;
use super::error::StepError;
use super::event::ServiceProgress;
use super::{containers, services};
use crate::engine::observation::{ObservedContainer, ObservedService};
use crate::engine::{Observation, labels};
use crate::plan::ServicePlan;

/// Brings what runs under a service's name down to so many replicas, and waits until the others have stopped.
///
/// A service that goes down gives back what it took over from another: it has no part in an upgrade any more.
pub(super) async fn down(
    deployment: &Deployment,
    observed: &Observation,
    service: &str,
    replicas: u64,
) -> Result<(), StepError> {
    let own = |found: Option<&String>| found.is_some_and(|found| found == service);
    deployment.tell(service, ServiceProgress::Updating);
    for found in observed
        .services
        .iter()
        .filter(|found| own(found.labels.get(labels::SERVICE)))
    {
        set_replicas(deployment, found, replicas).await?;
        until_stopped(deployment, service, &found.id, replicas).await?;
    }
    let mut surplus: Vec<&ObservedContainer> = observed
        .containers
        .iter()
        .filter(|found| own(found.labels.get(labels::SERVICE)))
        .collect();
    surplus.sort_by_key(|found| number(found));
    for found in surplus
        .into_iter()
        .skip(usize::try_from(replicas).unwrap_or(usize::MAX))
    {
        containers::remove(deployment, deployment.engine(&found.host)?, &found.id, None).await?;
    }
    deployment.tell(
        service,
        ServiceProgress::Running {
            replicas,
            healthy: false,
        },
    );
    Ok(())
}

/// Gives a Swarm service so many replicas again, and waits until they are up. Nothing is done where it is none.
pub(super) async fn up(
    deployment: &Deployment,
    observed: &Observation,
    service: &str,
    replicas: u64,
) -> Result<(), StepError> {
    let own = |found: &&ObservedService| found.labels.get(labels::SERVICE).is_some_and(|found| found == service);
    let Some(found) = observed.services.iter().find(own) else {
        return Ok(());
    };
    let mut spec = found.spec.clone();
    if let Some(replicated) = spec.mode.as_mut().and_then(|mode| mode.replicated.as_mut()) {
        replicated.replicas = i64::try_from(replicas).ok();
    }
    services::update(deployment, &ServicePlan::of_what_ran(service, spec), &found.id).await
}

/// Removes what runs under a service's name.
pub(super) async fn remove(deployment: &Deployment, observed: &Observation, service: &str) -> Result<(), StepError> {
    let own = |found: Option<&String>| found.is_some_and(|found| found == service);
    for found in observed
        .services
        .iter()
        .filter(|found| own(found.labels.get(labels::SERVICE)))
    {
        services::remove(deployment, service, &found.id).await?;
    }
    for found in observed
        .containers
        .iter()
        .filter(|found| own(found.labels.get(labels::SERVICE)))
    {
        containers::remove(deployment, deployment.engine(&found.host)?, &found.id, None).await?;
    }
    Ok(())
}

fn number(container: &ObservedContainer) -> u64 {
    let number = container.labels.get(labels::CONTAINER_NUMBER);
    number.and_then(|number| number.parse().ok()).unwrap_or(1)
}

async fn set_replicas(deployment: &Deployment, service: &ObservedService, replicas: u64) -> Result<(), StepError> {
    let manager = deployment.manager()?;
    for attempt in 0.. {
        let Some(current) = manager.service(&service.id).await? else {
            return Ok(());
        };
        let mut spec = current.spec.clone();
        let replicated = spec.mode.as_mut().and_then(|mode| mode.replicated.as_mut());
        match replicated {
            Some(replicated) => replicated.replicas = i64::try_from(replicas).ok(),
            None => return Ok(()),
        }
        if let Some(found) = spec.labels.as_mut() {
            for label in [labels::REPLACES, labels::REPLACES_FROM, labels::REPLACES_TO] {
                found.remove(label);
            }
        }
        match manager
            .update_service(&service.id, current.version, spec, &deployment.credentials)
            .await
        {
            Ok(_) => return Ok(()),
            // The cluster itself touches a service while it updates it.
            Err(error) if error.is_out_of_sequence() && attempt < 5 => deployment.pause(LOOK).await?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Waits until no more than so many replicas have a container.
pub(super) async fn until_stopped(
    deployment: &Deployment,
    service: &str,
    id: &str,
    replicas: u64,
) -> Result<(), StepError> {
    let started = Instant::now();
    loop {
        let tasks = deployment.tasks.look(Instant::now()).await?;
        let alive = tasks.iter().filter(|task| task.service_id == id && is_alive(task));
        if alive.count() as u64 <= replicas {
            return Ok(());
        }
        if started.elapsed() > deployment.timeout {
            return Err(timed_out(service, started, "its replicas do not stop", Vec::new()));
        }
        deployment.pause(LOOK).await?;
    }
}
