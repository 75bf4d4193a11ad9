//! One replica as a container of one engine: made, replaced, started, stopped, waited for.
//!
//! Knows what an interrupted replacement leaves, and leaves nothing that the next run cannot put right.

use std::time::{Duration, Instant};

use super::batches::Up;
use super::deployment::Deployment;
use super::error::StepError;
use super::event::{Event, ServiceProgress};
use super::{hooks, newer_engine};
use crate::engine::containers::UploadedFile;
use crate::engine::observation::{ObservedContainer, SetAside};
use crate::engine::{Engine, EngineError, labels, models};
use crate::plan::{ContainerPlan, ContainerReplacement, ObjectKind, Readiness};

/// Between two looks while a container comes up.
const LOOK: Duration = Duration::from_millis(100);
/// A container without a healthcheck counts as up when it has run this long.
const SETTLE: Duration = Duration::from_millis(300);
/// Restarts before the service ever came up: after this many, waiting longer is no use.
const RESTARTS: i64 = 3;

/// A container that is there.
pub(super) struct Target {
    pub service: String,
    pub host: String,
    pub id: String,
    pub must_be: Readiness,
}

/// Makes a container, starts it and waits for it.
pub(super) async fn create(deployment: &Deployment, planned: &ContainerPlan) -> Result<(), StepError> {
    deployment.tell(&planned.service, ServiceProgress::Creating);
    let engine = deployment.engine(&planned.host)?;
    let id = make(deployment, engine, planned, &planned.name).await?;
    start_and_wait(deployment, engine, &planned.service, &id, planned.must_be).await
}

/// Puts a new container in an old one's place. The new one is made before the old one stops, and where the plan says so it
/// is up by then, too: one that does not come up goes again, and the old one stays. Whatever moment this is interrupted at,
/// the next run finds both by their number and keeps the right one. `keep`: the old one is set aside and not removed.
pub(super) async fn replace(
    deployment: &Deployment,
    replacement: &ContainerReplacement,
    keep: bool,
) -> Result<Up, StepError> {
    let ContainerReplacement {
        container: planned,
        old,
        old_host,
        ..
    } = replacement;
    let engine = deployment.engine(&planned.host)?;
    let old_engine = deployment.engine(old_host)?;
    // Names are an engine's own, and it cannot give a running container in a cluster's network another one.
    let keeps_name = planned.starts_first && planned.host != *old_host;
    let interim = match keeps_name {
        true => planned.name.clone(),
        false => format!("{}_{}", old.chars().take(12).collect::<String>(), planned.name),
    };
    if !keeps_name {
        remove(deployment, engine, &interim, None).await?;
    }
    let id = make(deployment, engine, planned, &interim).await?;
    if planned.starts_first {
        let up = start_and_wait(deployment, engine, &planned.service, &id, planned.must_be).await;
        if let Err(error) = up {
            if !matches!(error, StepError::Interrupted) {
                remove(deployment, engine, &id, grace(planned)).await?;
            }
            return Err(error);
        }
    }
    match keep {
        true => set_aside(deployment, old_engine, old, &planned.name, grace(planned)).await?,
        false => remove(deployment, old_engine, old, grace(planned)).await?,
    }
    if !keeps_name {
        engine.rename_container(&id, &planned.name).await?;
    }
    start_and_wait(deployment, engine, &planned.service, &id, planned.must_be).await?;
    Ok(Up {
        host: planned.host.clone(),
        id,
    })
}

fn grace(planned: &ContainerPlan) -> Option<Duration> {
    planned
        .body
        .stop_timeout
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map(Duration::from_secs)
}

/// Starts a container that is there and waits for it.
pub(super) async fn start(deployment: &Deployment, target: &Target) -> Result<(), StepError> {
    let engine = deployment.engine(&target.host)?;
    start_and_wait(deployment, engine, &target.service, &target.id, target.must_be).await
}

/// Stops a container, its `pre_stop` commands first, and keeps it for the day that it is wanted back. It gives its name free.
/// What only ran since an earlier upgrade, of which another is kept, goes.
pub(super) async fn set_aside(
    deployment: &Deployment,
    engine: &Engine,
    id: &str,
    name: &str,
    grace: Option<Duration>,
) -> Result<(), StepError> {
    if !is_first_kept(deployment, engine, id, name).await? {
        return remove(deployment, engine, id, grace).await;
    }
    let found = engine.inspect_container(id).await?;
    let policy = found.host_config.and_then(|host| host.restart_policy);
    let always = policy.and_then(|policy| policy.name) == Some(models::RestartPolicyNameEnum::ALWAYS);
    let aside = SetAside {
        name: name.to_owned(),
        always,
    };
    hooks::pre_stop(deployment, engine, id).await?;
    engine.stop_container(id, grace).await?;
    // Named first: one that is called so is known for what it is, whatever its policy.
    engine.rename_container(id, &aside.kept_name()).await?;
    if always {
        engine
            .set_restart_policy(id, models::RestartPolicyNameEnum::UNLESS_STOPPED)
            .await?;
    }
    Ok(())
}

/// Takes a container that was set aside into service again.
pub(super) async fn take_back(
    deployment: &Deployment,
    service: &str,
    kept: &ObservedContainer,
    aside: &SetAside,
) -> Result<(), StepError> {
    let engine = deployment.engine(&kept.host)?;
    if aside.always {
        engine
            .set_restart_policy(&kept.id, models::RestartPolicyNameEnum::ALWAYS)
            .await?;
    }
    engine.rename_container(&kept.id, &aside.name).await?;
    start_and_wait(deployment, engine, service, &kept.id, Readiness::Running).await
}

/// Whether a container is what ran under the name until now, and no earlier upgrade that is not confirmed kept another: the
/// oldest is the way back.
async fn is_first_kept(deployment: &Deployment, engine: &Engine, id: &str, name: &str) -> Result<bool, StepError> {
    let project = format!("{}={}", labels::PROJECT, deployment.project.name);
    let found = engine.containers(&[&project]).await?;
    let in_use = found.iter().any(|found| found.id == id && found.name == name);
    let mut kept = found.iter().filter_map(|found| SetAside::read(&found.name));
    Ok(in_use && !kept.any(|aside| aside.name == name))
}

/// Stops and removes a container, its `pre_stop` commands first; gone already is all the same.
pub(super) async fn remove(
    deployment: &Deployment,
    engine: &Engine,
    id: &str,
    grace: Option<Duration>,
) -> Result<(), StepError> {
    hooks::pre_stop(deployment, engine, id).await?;
    match engine.stop_container(id, grace).await {
        Err(error) if error.is_not_found() => return Ok(()),
        other => other?,
    }
    match engine.remove_container(id, true, false).await {
        Err(error) if error.is_not_found() || error.is_conflict() => Ok(()),
        other => Ok(other?),
    }
}

async fn make(
    deployment: &Deployment,
    engine: &Engine,
    planned: &ContainerPlan,
    name: &str,
) -> Result<String, StepError> {
    newer_engine::for_container(engine, planned).await?;
    let mut body = planned.body.clone();
    if let Some(host_config) = body.host_config.as_mut() {
        for mode in [
            &mut host_config.network_mode,
            &mut host_config.pid_mode,
            &mut host_config.ipc_mode,
        ] {
            if let Some(service) = mode.as_deref().and_then(|mode| mode.strip_prefix("service:")) {
                *mode = Some(format!(
                    "container:{}",
                    first_container(deployment, engine, service).await?
                ));
            }
        }
        for from in host_config.volumes_from.iter_mut().flatten() {
            let Some(rest) = from.strip_prefix("service:") else {
                continue;
            };
            let (service, mode) = rest
                .split_once(':')
                .map_or((rest, None), |(service, mode)| (service, Some(mode)));
            let container = first_container(deployment, engine, service).await?;
            *from = match mode {
                Some(mode) => format!("{container}:{mode}"),
                None => container,
            };
        }
    }
    let made = engine
        .create_container(name, planned.platform.as_deref(), body)
        .await
        .map_err(|error| match &error {
            EngineError::Call {
                status: Some(404),
                message,
                ..
            } if message.to_lowercase().contains("image") => StepError::ImageMissing {
                image: planned.image.clone(),
                service: planned.service.clone(),
                reason: message.clone(),
            },
            _ => StepError::Engine(error),
        })?;
    // What the kernel has no controller for, an engine leaves out, and says so.
    for warning in &made.warnings {
        deployment.events.emit(Event::Warning {
            message: format!("container `{}`: {warning}", planned.name),
            hint: None,
        });
    }
    for (network, settings) in &planned.networks {
        engine.connect_network(network, &made.id, settings.clone()).await?;
    }
    let files = files(deployment, planned);
    if !files.is_empty() {
        engine.upload(&made.id, "/", &files).await?;
    }
    Ok(made.id)
}

/// Configs and secrets of the service, as files at their targets.
fn files(deployment: &Deployment, planned: &ContainerPlan) -> Vec<UploadedFile> {
    let contents = &deployment.contents;
    planned
        .files
        .iter()
        .filter_map(|reference| {
            let content = contents
                .get(ObjectKind::Config, &reference.source)
                .or_else(|| contents.get(ObjectKind::Secret, &reference.source))?;
            Some(UploadedFile {
                path: reference.target.trim_start_matches('/').to_owned(),
                content: content.to_vec(),
                mode: reference.mode.unwrap_or(0o444),
                user: reference.uid.as_deref().and_then(|uid| uid.parse().ok()).unwrap_or(0),
                group: reference.gid.as_deref().and_then(|gid| gid.parse().ok()).unwrap_or(0),
            })
        })
        .collect()
}

async fn first_container(deployment: &Deployment, engine: &Engine, service: &str) -> Result<String, StepError> {
    let project = format!("{}={}", labels::PROJECT, deployment.project.name);
    let found = engine
        .containers(&[&project, &format!("{}={service}", labels::SERVICE)])
        .await?;
    let found = found.into_iter().min_by_key(|found| found.name.clone());
    found.map(|found| found.id).ok_or_else(|| StepError::ServiceFailed {
        service: service.to_owned(),
        reason: "another service shares its name spaces or volumes, and it has no container here".to_owned(),
        log: Vec::new(),
    })
}

/// Which kind of failure an engine's refusal to start a container is.
fn start_failure(deployment: &Deployment, engine: &Engine, service: &str, error: EngineError) -> StepError {
    let EngineError::Call { message, .. } = &error else {
        return StepError::Engine(error);
    };
    let service = service.to_owned();
    if let Some(reason) = super::published::port_conflict(message) {
        let in_pool = deployment.engines.manager.is_some();
        return StepError::PortTaken {
            service,
            host: in_pool.then(|| engine.name.clone()),
            reason: reason.to_owned(),
        };
    }
    let reason = format!(
        "its container cannot start: {}",
        super::failure_log::start_failure(message)
    );
    StepError::ServiceFailed {
        service,
        reason,
        log: Vec::new(),
    }
}

/// What a container that came up died of since, or suffers from; `None` where all is well, or nobody has it any more.
pub(super) async fn failed_since(engine: &Engine, service: &str, id: &str) -> Result<Option<StepError>, StepError> {
    let found = match engine.inspect_container(id).await {
        Err(error) if error.is_not_found() => return Ok(None),
        other => other?,
    };
    let restarted = found.restart_count.unwrap_or(0) > 0;
    let state = found.state.unwrap_or_default();
    Ok(failure(engine, service, id, &state, restarted).await)
}

fn has_ended(state: &models::ContainerState) -> bool {
    let exited = state.status.is_some_and(|status| status.to_string() == "exited");
    exited && state.running != Some(true) && state.restarting != Some(true)
}

/// What speaks against a container: it ended with an error, it ends again and again, its healthcheck fails.
async fn failure(
    engine: &Engine,
    service: &str,
    id: &str,
    state: &models::ContainerState,
    again_and_again: bool,
) -> Option<StepError> {
    let exit_code = state.exit_code.unwrap_or(0);
    let service = service.to_owned();
    let reason = match () {
        () if has_ended(state) && exit_code != 0 => format!("its container exited with code {exit_code}"),
        () if again_and_again => format!("its container ends again and again (exit code {exit_code})"),
        () => {
            let health = state.health.as_ref().and_then(|health| health.status)?;
            if health.to_string() != "unhealthy" {
                return None;
            }
            let log = super::failure_log::of_container(engine, id).await;
            let reason = "its healthcheck does not succeed".to_owned();
            return Some(StepError::Unhealthy { service, reason, log });
        }
    };
    let log = super::failure_log::of_container(engine, id).await;
    Some(StepError::ServiceFailed { service, reason, log })
}

async fn start_and_wait(
    deployment: &Deployment,
    engine: &Engine,
    service: &str,
    id: &str,
    must_be: Readiness,
) -> Result<(), StepError> {
    let before = engine.inspect_container(id).await?;
    engine
        .start_container(id)
        .await
        .map_err(|error| start_failure(deployment, engine, service, error))?;
    if before.state.as_ref().and_then(|state| state.running) != Some(true) {
        hooks::post_start(deployment, engine, service, &before).await?;
    }
    let started = Instant::now();
    let mut told = None;
    loop {
        let found = engine.inspect_container(id).await?;
        let restarts = found.restart_count.unwrap_or(0);
        let state = found.state.unwrap_or_default();
        let health = state
            .health
            .as_ref()
            .and_then(|health| health.status)
            .map(|status| status.to_string());
        let health = health.filter(|status| !status.is_empty() && status != "none");
        if has_ended(&state) && state.exit_code.unwrap_or(0) == 0 {
            deployment.tell(service, ServiceProgress::Completed);
            return Ok(());
        }
        if let Some(failure) = failure(engine, service, id, &state, restarts >= RESTARTS).await {
            return Err(failure);
        }
        let running = state.running == Some(true) && state.restarting != Some(true);
        let healthy = health.as_deref() == Some("healthy");
        let settled = health.is_none() && started.elapsed() >= SETTLE && restarts == 0;
        if must_be == Readiness::Running && running && (healthy || settled) {
            deployment.tell(service, ServiceProgress::Running { replicas: 1, healthy });
            return Ok(());
        }
        let message = health.as_ref().map(|status| format!("health: {status}"));
        if started.elapsed() > deployment.timeout {
            let last = message.unwrap_or_else(|| "it does not run".to_owned());
            let log = super::failure_log::of_container(engine, id).await;
            return Err(StepError::TimedOut {
                service: service.to_owned(),
                seconds: started.elapsed().as_secs(),
                last,
                log,
            });
        }
        if told.as_ref() != Some(&message) {
            let running = u64::from(running);
            deployment.tell(
                service,
                ServiceProgress::Converging {
                    running,
                    desired: 1,
                    message: message.clone(),
                },
            );
            told = Some(message);
        }
        deployment.pause(LOOK).await?;
    }
}
