//! Services of the container runtime that were upgraded in place: the containers of before are stopped, and still there.

use futures_util::FutureExt;

use super::super::batches::{self, Up};
use super::super::containers;
use super::super::deployment::Deployment;
use super::super::error::StepError;
use super::super::event::{Event, ServiceProgress};
use crate::engine::observation::{ObservedContainer, SetAside};
use crate::engine::{Observation, labels, observe};
use crate::plan::UpdatePace;

/// Makes an upgrade final.
pub(super) async fn confirm(deployment: &Deployment, observed: &Observation, service: &str) -> Result<(), StepError> {
    if remove_set_aside(deployment, observed, service).await? > 0 {
        deployment.tell(service, ServiceProgress::Confirmed);
    }
    Ok(())
}

/// Removes what was set aside while a service was updated, now that all is well.
pub(in super::super) async fn forget_containers(deployment: &Deployment, service: &str) -> Result<(), StepError> {
    let observed = observe::observe(&deployment.engines, &deployment.project.name, &[], None).await?;
    remove_set_aside(deployment, &observed, service).await.map(drop)
}

/// Removes what was set aside, and gives how many.
async fn remove_set_aside(deployment: &Deployment, observed: &Observation, service: &str) -> Result<usize, StepError> {
    let mut removed = 0;
    for kept in set_aside(observed, service) {
        containers::remove(deployment, deployment.engine(&kept.host)?, &kept.id, None).await?;
        removed += 1;
    }
    Ok(removed)
}

/// Brings back what ran before an update that failed, and gives what is to be said of it.
pub(in super::super) async fn roll_back_failed(
    deployment: &Deployment,
    service: &str,
    failure: StepError,
) -> StepError {
    let back = async {
        let observed = observe::observe(&deployment.engines, &deployment.project.name, &[], None).await?;
        roll_back(deployment, &observed, service).await
    };
    let reason = failure.reason();
    let (reason, ways_out) = match back.await {
        Ok(()) => (format!("{reason}; what ran before is back"), false),
        Err(StepError::Interrupted) => return StepError::Interrupted,
        Err(error) => (
            format!("{reason}; what ran before does not come back: {}", error.reason()),
            true,
        ),
    };
    StepError::UpdateStopped {
        service: service.to_owned(),
        reason,
        log: failure.log().to_vec(),
        ways_out,
    }
}

/// Puts each container of before in its place again, at the pace of the service's `rollback_config`; those that had none before
/// go.
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
    let changes = kept.iter().map(|before| {
        let after = now().filter(|found| number(found) == number(before)).collect();
        put_back(deployment, service, before, after).boxed()
    });
    batches::carry_out(deployment, service, &pace(deployment, &kept), changes.collect()).await?;
    let had_one = |found: &ObservedContainer| kept.iter().any(|before| number(before) == number(found));
    // One that is called as before the upgrade was not reached by it.
    for more in now().filter(|found| !had_one(found) && is_new(found, &kept)) {
        containers::remove(deployment, deployment.engine(&more.host)?, &more.id, None).await?;
    }
    deployment.tell(service, ServiceProgress::RolledBack);
    Ok(())
}

/// One container of before in its place again, and what took that place gone.
async fn put_back(
    deployment: &Deployment,
    service: &str,
    before: &ObservedContainer,
    after: Vec<&ObservedContainer>,
) -> Result<Up, StepError> {
    for after in after {
        containers::remove(deployment, deployment.engine(&after.host)?, &after.id, None).await?;
    }
    if let Some(aside) = SetAside::read(&before.name) {
        containers::take_back(deployment, service, before, &aside).await?;
    }
    Ok(Up {
        host: before.host.clone(),
        id: before.id.clone(),
    })
}

/// The pace that the containers of before were made with. Going back does not fail for it.
fn pace(deployment: &Deployment, kept: &[&ObservedContainer]) -> UpdatePace {
    let mut said = kept
        .iter()
        .filter_map(|before| before.labels.get(labels::ROLLBACK_PACE));
    let Some(text) = said.next() else {
        return UpdatePace::default();
    };
    serde_json::from_str(text).unwrap_or_else(|error| {
        deployment.events.emit(Event::Warning {
            message: format!("the pace of going back cannot be read, one after another it is: {error}"),
            hint: None,
        });
        UpdatePace::default()
    })
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
