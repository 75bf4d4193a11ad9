//! One Swarm service brought to what the plan says: made, changed, removed.
//!
//! Knows when the cluster replaces replicas for a change. When they count as up is `converge`'s to know.

use std::collections::BTreeSet;
use std::time::Instant;

use super::converge::{LOOK, converge, is_alive, timed_out};
use super::deployment::Deployment;
use super::error::StepError;
use super::event::ServiceProgress;
use super::{in_service, object_ids};
use crate::engine::observation::TaskState;
use crate::engine::services::is_empty;
use crate::engine::{labels, models};
use crate::plan::ServicePlan;

/// Makes a service and waits for it.
pub(super) async fn create(deployment: &Deployment, planned: &ServicePlan) -> Result<(), StepError> {
    deployment.tell(&planned.service, ServiceProgress::Creating);
    let manager = deployment.manager()?;
    let mut spec = with_image(deployment, planned);
    object_ids::fill_in(manager, &planned.service, &mut spec).await?;
    let id = match manager.create_service(spec.clone(), &deployment.credentials).await {
        Ok(id) => id,
        Err(error) if error.is_conflict() => {
            // An interrupted run, or another operator, made it in the meantime: bring it to the same state.
            let name = spec.name.clone().unwrap_or_default();
            let found = manager.service(&name).await?.ok_or(error)?;
            return update(deployment, planned, &found.id).await;
        }
        Err(error) => return Err(error.into()),
    };
    converge(deployment, planned, &id, &BTreeSet::new()).await
}

/// Changes a service and waits until the new replicas are up and the old ones gone.
pub(super) async fn update(deployment: &Deployment, planned: &ServicePlan, id: &str) -> Result<(), StepError> {
    deployment.tell(&planned.service, ServiceProgress::Updating);
    let manager = deployment.manager()?;
    let mut spec = with_image(deployment, planned);
    object_ids::fill_in(manager, &planned.service, &mut spec).await?;
    let before = manager.tasks_of(&[id]).await?;
    for attempt in 0.. {
        let Some(current) = manager.service(id).await? else {
            return Box::pin(create(deployment, planned)).await;
        };
        if let Some(wish) = &planned.in_service {
            let kept = in_service::keep(manager, &current, planned).await?;
            spec.labels
                .get_or_insert_default()
                .insert(labels::UPGRADED.to_owned(), kept);
            wish.pace(spec.update_config.get_or_insert_default());
        }
        let now = current.spec.task_template.as_ref();
        // The counter makes the cluster replace replicas; left out it would fall back to 0, which is a change too.
        let counter = now.and_then(|now| now.force_update);
        if let Some(template) = spec.task_template.as_mut() {
            template.force_update = if planned.force {
                Some(counter.unwrap_or(0) + 1)
            } else {
                counter
            };
        }
        let replaces = planned.force || now.is_none_or(|now| differs(now, spec.task_template.as_ref()));
        match manager
            .update_service(id, current.version, spec.clone(), &deployment.credentials)
            .await
        {
            Ok(_) => {
                let old: BTreeSet<String> = match replaces {
                    true => before.iter().map(|task| task.id.clone()).collect(),
                    false => left_over(deployment, id).await?,
                };
                converge(deployment, planned, id, &old).await?;
                if planned.in_service.is_some() {
                    // A replica that ends within the time that the cluster watches it is one that did not come up.
                    in_service::until_through(deployment, &planned.service, id).await?;
                }
                return Ok(());
            }
            // The cluster itself touches a service while it updates it.
            Err(error) if error.is_out_of_sequence() && attempt < 5 => deployment.pause(LOOK).await?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Whether the cluster will replace replicas for this change. Engines fill in defaults, so only what was said counts.
fn differs(now: &models::TaskSpec, wanted: Option<&models::TaskSpec>) -> bool {
    let (Ok(now), Ok(Some(wanted))) = (serde_json::to_value(now), wanted.map(serde_json::to_value).transpose()) else {
        return true;
    };
    !covers(&now, &wanted)
}

/// Whether all that `wanted` says stands in `now` too. Networks are named in one and numbered in the other: left out.
fn covers(now: &serde_json::Value, wanted: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (now, wanted) {
        (Value::Object(now), Value::Object(wanted)) => wanted.iter().all(|(key, value)| {
            key == "Networks" || value.is_null() || now.get(key).map_or(is_empty(value), |now| covers(now, value))
        }),
        (Value::Array(now), Value::Array(wanted)) => {
            now.len() == wanted.len() && now.iter().zip(wanted).all(|(now, wanted)| covers(now, wanted))
        }
        _ => now == wanted,
    }
}

/// The tasks of before an update that is not through: those that the cluster has still to replace, and, where there are any, those
/// that have ended, which say nothing of what is to come.
async fn left_over(deployment: &Deployment, id: &str) -> Result<BTreeSet<String>, StepError> {
    let manager = deployment.manager()?;
    let Some(service) = manager.service(id).await? else {
        return Ok(BTreeSet::new());
    };
    let tasks = manager.tasks_of(&[id]).await?;
    if !tasks.iter().any(|task| task.is_left_over(&service)) {
        return Ok(BTreeSet::new());
    }
    let before = tasks
        .iter()
        .filter(|task| task.is_left_over(&service) || task.state > TaskState::Running);
    Ok(before.map(|task| task.id.clone()).collect())
}

/// Waits for a service that is as it should be.
pub(super) async fn wait_for(deployment: &Deployment, planned: &ServicePlan, id: &str) -> Result<(), StepError> {
    converge(deployment, planned, id, &left_over(deployment, id).await?).await
}

/// The specification with the exact image that an earlier step made sure of.
fn with_image(deployment: &Deployment, planned: &ServicePlan) -> models::ServiceSpec {
    let mut spec = planned.spec.clone();
    let references = deployment
        .references
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let exact = references.get(&planned.image).or(planned.exact_image.as_ref()).cloned();
    if let (Some(exact), Some(container)) = (
        exact,
        spec.task_template
            .as_mut()
            .and_then(|task| task.container_spec.as_mut()),
    ) {
        container.image = Some(exact);
    }
    spec
}

/// Removes a service and waits until its replicas are gone, so that their ports, networks and volumes are free.
pub(super) async fn remove(deployment: &Deployment, service: &str, id: &str) -> Result<(), StepError> {
    deployment.tell(service, ServiceProgress::Removing);
    let manager = deployment.manager()?;
    match manager.remove_service(id).await {
        Err(error) if error.is_not_found() => {}
        other => other?,
    }
    let started = Instant::now();
    // Tasks outlive their service until their containers have stopped.
    while deployment
        .tasks
        .look(Instant::now())
        .await?
        .iter()
        .any(|task| task.service_id == id && is_alive(task))
    {
        if started.elapsed() > deployment.timeout {
            return Err(timed_out(service, started, "its replicas do not stop", Vec::new()));
        }
        deployment.pause(LOOK).await?;
    }
    deployment.tell(service, ServiceProgress::Removed);
    Ok(())
}
