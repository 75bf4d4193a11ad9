//! The hosts of a project taken away, with what they shared and the keys that opened them.
//!
//! Knows that machines that stay must not stay in a cluster that goes. Half-made hosts go like any other.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;

use super::error::{DeployError, HostFailure, HostFailureCause};
use super::event::{Event, HostProgress};
use super::host_data;
use super::operator::Operator;
use super::pool::{Survey, survey};
use super::take_away::take_away;
use crate::bootstrap;
use crate::compose::Project;
use crate::engine::error::cause_chain;
use crate::engine::{Engines, labels};
use crate::hosts::{Host, HostError, ProviderKind};
use crate::plan::host_data::HostData;

const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Removes all hosts of the project's groups and what they shared. `force`: even where projects run on the pool; `but_for` is
/// one that does not count, since it goes as well.
///
/// # Errors
///
/// [`DeployError::PoolInUse`] without `force`; the failures of single hosts.
pub async fn remove_hosts(
    project: &Project,
    operator: &Operator,
    force: bool,
    but_for: Option<&str>,
) -> Result<usize, DeployError> {
    let survey = survey(project, operator).await?;
    if !force {
        check_unused(project, &survey.engines, but_for).await?;
    }
    let existing = survey.all_hosts().await?;
    let (own, others): (Vec<Host>, Vec<Host>) = existing
        .into_iter()
        .partition(|host| project.hosts.contains_key(&host.group));
    tell_of_data(&own, &survey, operator).await;
    let total = own.len();
    let failed: Vec<HostFailure> = if others.is_empty() {
        let outcomes = join_all(own.iter().map(|host| remove_with_all(host, &survey, operator))).await;
        outcomes.into_iter().filter_map(Result::err).collect()
    } else {
        // The cluster goes on with the others: it must keep a manager, and what moves to them moves first.
        let own: Vec<&Host> = own.iter().collect();
        take_away(operator, &survey.providers, &own, &mut survey.engines.clone()).await?
    };
    if !failed.is_empty() {
        return Err(DeployError::Hosts {
            failed,
            total,
            then: None,
        });
    }
    if !others.is_empty() {
        // Hosts of groups that another project's file names: network and keys are theirs too.
        return Ok(total);
    }
    for provider in survey.providers.all() {
        provider
            .remove_shared(&project.pool.name)
            .await
            .map_err(DeployError::Provider)?;
    }
    let stays = project
        .hosts
        .values()
        .any(|group| ProviderKind::of(&group.provider) == ProviderKind::Ssh);
    if !stays {
        // The keys of machines that are gone open nothing any more.
        let folder = survey.keyring.folder();
        match std::fs::remove_dir_all(folder) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                let path = folder.to_owned();
                return Err(DeployError::Provider(HostError::State {
                    action: "removing",
                    path,
                    source,
                }));
            }
            _ => {}
        }
    }
    Ok(total)
}

/// Whether no project but `but_for` runs on the project's pool.
///
/// # Errors
///
/// [`DeployError::PoolInUse`] with their names.
pub async fn check_unused(project: &Project, engines: &Engines, but_for: Option<&str>) -> Result<(), DeployError> {
    let mut users = users(engines).await?;
    users.retain(|name| Some(name.as_str()) != but_for);
    if users.is_empty() {
        return Ok(());
    }
    Err(DeployError::PoolInUse {
        pool: project.pool.name.clone(),
        projects: users.into_iter().collect(),
    })
}

/// The projects that run on the pool, as far as its engines answer.
async fn users(engines: &Engines) -> Result<BTreeSet<String>, DeployError> {
    let name = |labels: &BTreeMap<String, String>| labels.get(labels::PROJECT).cloned();
    let mut users = BTreeSet::new();
    if let Some(manager) = &engines.manager {
        let services = manager.services(&[labels::PROJECT]).await?;
        users.extend(services.iter().filter_map(|service| name(&service.labels)));
    }
    let asked = engines.hosts.values().map(|engine| async {
        let engine = engine.with_timeout(ANSWER_LIMIT);
        // Half-made hosts never answer, and nothing runs on them.
        engine.containers(&[labels::PROJECT]).await.unwrap_or_default()
    });
    for containers in join_all(asked).await {
        let placed = containers
            .iter()
            .filter(|container| !container.labels.contains_key(labels::TASK));
        users.extend(placed.filter_map(|container| name(&container.labels)));
    }
    Ok(users)
}

/// Names what goes with the hosts and cannot be had again.
async fn tell_of_data(hosts: &[Host], survey: &Survey, operator: &Operator) {
    let hosts: Vec<&Host> = hosts.iter().collect();
    let data = host_data::of(&hosts, &survey.engines, &survey.nodes).await;
    for host in hosts {
        let volumes = data.get(&host.name).filter(|data| matches!(data, HostData::Volumes(_)));
        if let Some(objection) = volumes.and_then(|data| data.objection(host.provider)) {
            operator.events.emit(Event::Warning {
                message: format!("host `{}`: {objection}", host.name),
                hint: None,
            });
        }
    }
}

/// Removes one host of a cluster that goes as a whole.
async fn remove_with_all(host: &Host, survey: &Survey, operator: &Operator) -> Result<(), HostFailure> {
    let tell = |progress| {
        operator.events.emit(Event::Host {
            host: host.name.clone(),
            progress,
        })
    };
    tell(HostProgress::Removing);
    let removed = async {
        // A machine that stays must not stay in a cluster that goes.
        if let (ProviderKind::Ssh, Some(engine)) = (host.provider, survey.engines.hosts.get(&host.name)) {
            bootstrap::leave(&host.pool, &host.name, engine).await?;
        }
        Ok::<(), HostFailureCause>(survey.providers.of_host(host)?.remove(host).await?)
    };
    match removed.await {
        Ok(()) => {
            tell(HostProgress::Removed);
            Ok(())
        }
        Err(error) => {
            tell(HostProgress::Failed {
                reason: cause_chain(&error),
            });
            Err(HostFailure {
                host: host.name.clone(),
                error,
            })
        }
    }
}
