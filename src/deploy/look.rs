//! What a project looks like now: its replicas, its hosts, its logs. Changes nothing.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, select_all};

use super::error::DeployError;
use super::event::Event;
use super::operator::Operator;
use super::pool;
use super::status::{self, HostStatus, ReplicaStatus, VolumeStatus};
use crate::compose::Project;
use crate::engine::logs::{LogLine, LogOptions};
use crate::engine::observation::TaskState;
use crate::engine::{EngineError, Observation, labels, observe};
use crate::hosts::Host;

/// The replicas of a project; those that ended only with `all`. A host that the cluster has lost is told of as a warning;
/// beside the rows stand the errors of hosts that did not answer though the cluster calls them ready.
///
/// # Errors
///
/// No engine answers.
pub async fn replicas(
    project: &Project,
    operator: &Operator,
    all: bool,
) -> Result<(Vec<ReplicaStatus>, Vec<EngineError>), DeployError> {
    let pool = pool::reached(project, operator).await?;
    let (observed, silent) = observe::observe_what_answers(&pool.engines, &project.name).await?;
    tell_unreachable(&observed, operator);
    let now = jiff::Timestamp::now().as_millisecond() as f64 / 1000.0;
    Ok((status::replicas(&observed, all, now), silent))
}

/// Says which hosts were left out of an observation.
pub(super) fn tell_unreachable(observed: &Observation, operator: &Operator) {
    for (host, reason) in &observed.unreachable {
        operator.events.emit(Event::Warning {
            message: format!("host `{host}` does not answer, and the cluster has lost it: {reason}"),
            hint: Some("`hoist up` makes it ready again once the machine runs".to_owned()),
        });
    }
}

/// The named volumes of a project, with the host that each is on.
///
/// # Errors
///
/// No engine answers.
pub async fn volumes(project: &Project, operator: &Operator) -> Result<Vec<VolumeStatus>, DeployError> {
    let pool = pool::reached(project, operator).await?;
    let observed = observe::observe(&pool.engines, &project.name, &[], None).await?;
    tell_unreachable(&observed, operator);
    Ok(status::volumes(project, &observed))
}

/// The hosts of the project's pool, as far as they can be asked without changing anything.
///
/// # Errors
///
/// The providers cannot list their hosts.
pub async fn hosts(project: &Project, operator: &Operator) -> Result<Vec<HostStatus>, DeployError> {
    let survey = pool::survey(project, operator).await?;
    let mut running: BTreeMap<String, u64> = BTreeMap::new();
    if let Some(manager) = &survey.engines.manager {
        for task in manager.tasks(&[]).await? {
            let runs = task.state == TaskState::Running && task.desired_state == TaskState::Running;
            // What Hoist itself runs is no project's replica.
            let counts = runs && !task.labels.contains_key(labels::SYSTEM);
            if let (true, Some(node)) = (counts, task.node_id) {
                *running.entry(node).or_default() += 1;
            }
        }
    }
    Ok(status::hosts(&survey.all_hosts().await?, &survey.nodes, &running))
}

/// One host of the pool by its name.
///
/// # Errors
///
/// [`DeployError::NoSuchHost`] with the names that there are.
pub async fn host(project: &Project, operator: &Operator, name: &str) -> Result<Host, DeployError> {
    let hosts = pool::survey(project, operator).await?.all_hosts().await?;
    let known = hosts.iter().map(|host| host.name.clone()).collect();
    hosts
        .into_iter()
        .find(|host| host.name == name)
        .ok_or_else(|| DeployError::NoSuchHost {
            host: name.to_owned(),
            pool: project.pool.name.clone(),
            known,
        })
}

/// The names of the replicas and their lines, merged as they come.
pub type Logs = (Vec<String>, BoxStream<'static, Result<LogLine, EngineError>>);

/// The lines of services; of all where none is named.
///
/// # Errors
///
/// [`DeployError::NoSuchService`]; no engine answers.
pub async fn logs(
    project: &Project,
    services: &[String],
    operator: &Operator,
    options: &LogOptions,
) -> Result<Logs, DeployError> {
    if let Some(unknown) = services.iter().find(|name| !project.services.contains_key(*name)) {
        return Err(DeployError::NoSuchService {
            service: unknown.clone(),
            project: project.name.clone(),
            known: project.services.keys().cloned().collect(),
        });
    }
    let pool = pool::reached(project, operator).await?;
    let observed = observe::observe(&pool.engines, &project.name, &[], None).await?;
    let wanted = |labels: &BTreeMap<String, String>| {
        services.is_empty()
            || labels
                .get(labels::SERVICE)
                .is_some_and(|service| services.contains(service))
    };
    let mut streams = Vec::new();
    if let (Some(manager), Some(cluster)) = (&pool.engines.manager, &observed.cluster) {
        for service in observed.services.iter().filter(|service| wanted(&service.labels)) {
            streams.push(manager.service_logs(service, &cluster.nodes, options));
        }
    }
    for container in observed.containers.iter().filter(|container| wanted(&container.labels)) {
        if let Some(engine) = pool.engines.hosts.get(&container.host) {
            streams.push(engine.container_logs(container, options));
        }
    }
    let names = status::replicas(&observed, true, 0.0)
        .into_iter()
        .map(|replica| replica.name)
        .collect();
    Ok((names, select_all(streams).boxed()))
}
