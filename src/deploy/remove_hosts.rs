//! The hosts of a project taken away, with what they shared and the keys that opened them.
//!
//! Knows that machines that stay must not stay in a cluster that goes. Half-made hosts go like any other.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::error::{DeployError, HostFailure, HostFailureCause};
use super::event::{Event, HostProgress};
use super::operator::Operator;
use super::pool::survey;
use crate::bootstrap;
use crate::compose::Project;
use crate::engine::error::cause_chain;
use crate::engine::{Engine, labels};
use crate::hosts::{Host, HostError, ProviderKind};

/// Removes all hosts of the project's groups and what they shared. `force`: even where other projects run on the pool.
///
/// # Errors
///
/// [`DeployError::PoolInUse`] without `force`; the failures of single hosts.
pub async fn remove_hosts(project: &Project, operator: &Operator, force: bool) -> Result<usize, DeployError> {
    let survey = survey(project, operator).await?;
    if let (false, Some(manager)) = (force, &survey.engines.manager) {
        let services = manager.services(&[labels::PROJECT]).await?;
        let mut others: Vec<String> = services
            .iter()
            .filter_map(|service| service.labels.get(labels::PROJECT).cloned())
            .filter(|name| *name != project.name)
            .collect();
        others.sort();
        others.dedup();
        if !others.is_empty() {
            return Err(DeployError::PoolInUse {
                pool: project.pool.name.clone(),
                projects: others,
            });
        }
    }
    let existing = survey.providers.list().await.map_err(DeployError::Provider)?;
    let (own, others): (Vec<Host>, Vec<Host>) = existing
        .into_iter()
        .partition(|host| project.hosts.contains_key(&host.group));
    let total = own.len();
    let engines: BTreeMap<&str, &Engine> = survey
        .engines
        .hosts
        .iter()
        .map(|(name, engine)| (name.as_str(), engine))
        .collect();
    let outcomes = join_all(own.iter().map(|host| async {
        let tell = |progress| {
            operator.events.emit(Event::Host {
                host: host.name.clone(),
                progress,
            })
        };
        tell(HostProgress::Removing);
        let removed = async {
            // A machine that stays must not stay in a cluster that goes.
            if let (ProviderKind::Ssh, Some(engine)) = (host.provider, engines.get(host.name.as_str())) {
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
    }))
    .await;
    let failed: Vec<HostFailure> = outcomes.into_iter().filter_map(Result::err).collect();
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
