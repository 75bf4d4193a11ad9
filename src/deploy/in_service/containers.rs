//! Services of the container runtime that were upgraded in place: the containers of before are stopped, and still there.

use super::super::containers;
use super::super::deployment::Deployment;
use super::super::error::StepError;
use super::super::event::ServiceProgress;
use crate::engine::observation::{ObservedContainer, SetAside};
use crate::engine::{Observation, labels};

/// Removes what was set aside.
pub(super) async fn confirm(deployment: &Deployment, observed: &Observation, service: &str) -> Result<(), StepError> {
    for kept in set_aside(observed, service) {
        containers::remove(deployment, deployment.engine(&kept.host)?, &kept.id, None).await?;
    }
    if set_aside(observed, service).next().is_some() {
        deployment.tell(service, ServiceProgress::Confirmed);
    }
    Ok(())
}

/// Puts each container of before in its place again, one after another; those that had none before go.
pub(super) async fn roll_back(deployment: &Deployment, observed: &Observation, service: &str) -> Result<(), StepError> {
    let mut kept: Vec<&ObservedContainer> = set_aside(observed, service).collect();
    if kept.is_empty() {
        return Ok(());
    }
    kept.sort_by_key(|found| number(found));
    deployment.tell(service, ServiceProgress::RollingBack);
    let now = || {
        let own = |found: &&ObservedContainer| found.labels.get(labels::SERVICE).is_some_and(|name| name == service);
        observed.containers.iter().filter(own)
    };
    for before in &kept {
        for after in now().filter(|found| number(found) == number(before)) {
            containers::remove(deployment, deployment.engine(&after.host)?, &after.id, None).await?;
        }
        if let Some(aside) = SetAside::read(&before.name) {
            containers::take_back(deployment, service, before, &aside).await?;
        }
    }
    let had_one = |found: &ObservedContainer| kept.iter().any(|before| number(before) == number(found));
    // One that is called as before the upgrade was not reached by it.
    for more in now().filter(|found| !had_one(found) && is_new(found, &kept)) {
        containers::remove(deployment, deployment.engine(&more.host)?, &more.id, None).await?;
    }
    deployment.tell(service, ServiceProgress::RolledBack);
    Ok(())
}

fn set_aside<'a>(observed: &'a Observation, service: &'a str) -> impl Iterator<Item = &'a ObservedContainer> {
    let own = move |found: &&ObservedContainer| found.labels.get(labels::SERVICE).is_some_and(|name| name == service);
    observed.set_aside.iter().filter(own)
}

/// Whether a container was made by the upgrade: its definition or its image is not that of before.
fn is_new(found: &ObservedContainer, before: &[&ObservedContainer]) -> bool {
    let definition = |found: &ObservedContainer| found.labels.get(labels::CONFIG_HASH).cloned();
    !before
        .iter()
        .any(|before| definition(before) == definition(found) && before.image_id == found.image_id)
}

fn number(container: &ObservedContainer) -> u64 {
    let number = container.labels.get(labels::CONTAINER_NUMBER);
    number.and_then(|number| number.parse().ok()).unwrap_or(1)
}
