//! Swarm services that were upgraded in place: what ran before is kept as a config of the cluster, and a label names it.
//!
//! Swarm keeps one definition of before by itself, and loses it with the next change of any kind, be it a scale. Hoist's is
//! kept until it is confirmed or rolled back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::super::converge::{LOOK, is_alive, timed_out, why_update_stopped};
use super::super::deployment::Deployment;
use super::super::error::StepError;
use super::super::event::ServiceProgress;
use super::super::services;
use crate::engine::observation::{ObservedService, ObservedTask, TaskState};
use crate::engine::{Engine, labels, models};
use crate::plan::ServicePlan;
use crate::plan::in_service::{Before, State, state};

/// Between two batches of an upgrade that was cancelled: longer than anybody waits. Swarm has no call that stops an update.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Keeps what a service is now, unless an earlier upgrade that is not confirmed did. Gives the config's name.
pub(in super::super) async fn keep(
    manager: &Engine,
    now: &ObservedService,
    planned: &ServicePlan,
) -> Result<String, StepError> {
    let before = match now.labels.get(labels::UPGRADED) {
        // What it is brought back to stays what it was; what comes after it is new.
        Some(kept) => match read(manager, &planned.service, kept).await? {
            Some(before) => before.spec,
            None => now.spec.clone(),
        },
        None => now.spec.clone(),
    };
    let before = Before {
        spec: before,
        update_config: planned.spec.update_config.clone(),
    };
    let name = format!(
        "hoist-before-{}-{}",
        now.id.chars().take(12).collect::<String>(),
        now.version
    );
    let project = now.labels.get(labels::PROJECT).cloned().unwrap_or_default();
    let all = BTreeMap::from([
        (labels::PROJECT.to_owned(), project.clone()),
        (labels::STACK_NAMESPACE.to_owned(), project),
        (labels::KEPT.to_owned(), planned.service.clone()),
    ]);
    let content = serde_json::json!(before).to_string().into_bytes();
    match manager.create_config(&name, &all, &content).await {
        // An interrupted run kept it already: the service has not changed since.
        Err(error) if error.is_conflict() => {}
        other => drop(other?),
    }
    Ok(name)
}

/// What a config keeps of what a service was; `None` where the config is gone.
async fn read(manager: &Engine, service: &str, config: &str) -> Result<Option<Before>, StepError> {
    let Some(content) = manager.config_content(config).await? else {
        return Ok(None);
    };
    let before = serde_json::from_slice(&content);
    before.map(Some).map_err(|error| StepError::BeforeLost {
        service: service.to_owned(),
        unreadable: Some(error),
    })
}

/// What ran before a service was upgraded.
async fn before(manager: &Engine, service: &str, found: &ObservedService) -> Result<Before, StepError> {
    let kept = match found.labels.get(labels::UPGRADED) {
        Some(kept) => read(manager, service, kept).await?,
        None => None,
    };
    kept.ok_or_else(|| StepError::BeforeLost {
        service: service.to_owned(),
        unreadable: None,
    })
}

/// Takes the mark away, once the upgrade is through, and what was kept with it.
pub(super) async fn confirm(deployment: &Deployment, service: &str, id: &str) -> Result<(), StepError> {
    let Some(found) = until_through(deployment, service, id).await? else {
        return Ok(());
    };
    let update = match before(deployment.manager()?, service, &found).await {
        Ok(before) => before.update_config,
        Err(StepError::BeforeLost { .. }) => found.spec.update_config.clone(),
        Err(error) => return Err(error),
    };
    change(deployment, id, |spec| {
        forget(spec);
        spec.update_config = update.clone();
    })
    .await?;
    remove_kept(deployment, service).await?;
    deployment.tell(service, ServiceProgress::Confirmed);
    Ok(())
}

/// Brings back what ran before, and waits for it.
pub(super) async fn roll_back(deployment: &Deployment, service: &str, id: &str) -> Result<(), StepError> {
    let manager = deployment.manager()?;
    let Some(found) = manager.service(id).await? else {
        return Ok(());
    };
    if state(&found).is_none() {
        return Ok(());
    }
    deployment.tell(service, ServiceProgress::RollingBack);
    let before = before(manager, service, &found).await?;
    let mut spec = before.at_rollback_pace();
    let own = spec.labels.get_or_insert_default();
    for label in [labels::UPGRADED, labels::ROLLING_BACK] {
        let kept = found.labels.get(labels::UPGRADED).cloned().unwrap_or_default();
        own.insert(label.to_owned(), kept);
    }
    let planned = ServicePlan::of_what_ran(service, spec);
    services::update(deployment, &planned, id).await?;
    // Only now is it as it was, down to the pace of its next update.
    change(deployment, id, |spec| {
        forget(spec);
        spec.update_config = before.spec.update_config.clone();
    })
    .await?;
    remove_kept(deployment, service).await?;
    deployment.tell(service, ServiceProgress::RolledBack);
    Ok(())
}

/// Lets no further batch begin. The one that is under way ends.
pub(super) async fn cancel(deployment: &Deployment, service: &str, id: &str) -> Result<(), StepError> {
    change(deployment, id, |spec| {
        let update = spec.update_config.get_or_insert_default();
        update.parallelism = Some(1);
        update.delay = i64::try_from(NEVER.as_nanos()).ok();
        let own = spec.labels.get_or_insert_default();
        own.insert(labels::CANCELLED.to_owned(), "true".to_owned());
    })
    .await?;
    deployment.tell(service, ServiceProgress::Cancelled);
    Ok(())
}

/// Goes on with an upgrade that stopped, and waits until it is through.
pub(super) async fn resume(deployment: &Deployment, service: &str, id: &str) -> Result<(), StepError> {
    let manager = deployment.manager()?;
    let Some(found) = manager.service(id).await? else {
        return Ok(());
    };
    deployment.tell(service, ServiceProgress::Updating);
    let before = before(manager, service, &found).await?;
    // The cluster takes an update that it paused up again with the next change, whatever that is.
    change(deployment, id, |spec| {
        spec.update_config = before.update_config.clone();
        if let Some(own) = spec.labels.as_mut() {
            own.remove(labels::CANCELLED);
        }
    })
    .await?;
    // By then the cluster has begun, if there is anything left to replace.
    deployment.pause(Duration::from_secs(1)).await?;
    until_through(deployment, service, id).await?;
    until_gone(deployment, service, id).await?;
    deployment.tell(
        service,
        ServiceProgress::Running {
            replicas: found.replicas.unwrap_or(1),
            healthy: false,
        },
    );
    Ok(())
}

/// Waits until the cluster is through with an update; `None` where the service is gone.
///
/// # Errors
///
/// The cluster stops on the way; the time limit.
pub(in super::super) async fn until_through(
    deployment: &Deployment,
    service: &str,
    id: &str,
) -> Result<Option<ObservedService>, StepError> {
    let started = Instant::now();
    loop {
        let Some(found) = deployment.manager()?.service(id).await? else {
            return Ok(None);
        };
        match state(&found) {
            Some(State::Upgrading | State::RollingBack) => {}
            Some(State::Paused | State::RollbackPaused) => {
                let tasks = deployment.manager()?.tasks_of(&[id]).await?;
                let failed = |task: &&ObservedTask| matches!(task.state, TaskState::Failed | TaskState::Rejected);
                let task = tasks.iter().find(failed);
                return Err(why_update_stopped(deployment, service, &found, task).await);
            }
            Some(State::Cancelled) => {
                return Err(StepError::Cancelled {
                    service: service.to_owned(),
                });
            }
            Some(State::Upgraded) | None => return Ok(Some(found)),
        }
        if started.elapsed() > deployment.timeout {
            let last = "the cluster still updates it";
            return Err(timed_out(service, started, last, Vec::new()));
        }
        deployment.pause(LOOK).await?;
    }
}

/// Waits until the replicas that gave way have stopped.
async fn until_gone(deployment: &Deployment, service: &str, id: &str) -> Result<(), StepError> {
    let started = Instant::now();
    loop {
        let tasks = deployment.manager()?.tasks_of(&[id]).await?;
        let leaves = |task: &ObservedTask| is_alive(task) && task.desired_state > TaskState::Running;
        if !tasks.iter().any(leaves) {
            return Ok(());
        }
        if started.elapsed() > deployment.timeout {
            return Err(timed_out(
                service,
                started,
                "its former replicas do not stop",
                Vec::new(),
            ));
        }
        deployment.pause(LOOK).await?;
    }
}

fn forget(spec: &mut models::ServiceSpec) {
    if let Some(own) = spec.labels.as_mut() {
        for label in [labels::UPGRADED, labels::ROLLING_BACK, labels::CANCELLED] {
            own.remove(label);
        }
    }
}

/// Changes a service's definition as it is now, whoever changes it at the same time.
async fn change(
    deployment: &Deployment,
    id: &str,
    mut how: impl FnMut(&mut models::ServiceSpec),
) -> Result<(), StepError> {
    let manager = deployment.manager()?;
    for attempt in 0.. {
        let Some(current) = manager.service(id).await? else {
            return Ok(());
        };
        let mut spec = current.spec.clone();
        how(&mut spec);
        match manager
            .update_service(id, current.version, spec, &deployment.credentials)
            .await
        {
            Ok(_) => return Ok(()),
            // The cluster itself touches a service while it updates it.
            Err(error) if error.is_out_of_sequence() && attempt < 20 => deployment.pause(LOOK).await?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Removes the configs that kept what a service was.
async fn remove_kept(deployment: &Deployment, service: &str) -> Result<(), StepError> {
    let manager = deployment.manager()?;
    let project = format!("{}={}", labels::PROJECT, deployment.project.name);
    let kept = format!("{}={service}", labels::KEPT);
    for config in manager.configs(&[&project, &kept]).await? {
        match manager.remove_config(&config.id).await {
            Err(error) if error.is_not_found() => {}
            other => other?,
        }
    }
    Ok(())
}
