//! The hosts of a project brought to what its file says: made, bootstrapped, joined, and those that are too many removed.
//!
//! Knows that hosts are made all at once, and that one that fails takes no other with it.

use std::sync::Arc;

use futures_util::future::join_all;

use super::error::{DeployError, HostFailure, HostFailureCause};
use super::event::{Event, HostProgress};
use super::operator::Operator;
use super::pool::{Pool, Survey, settings, survey, without_hosts};
use crate::bootstrap::{self, Keyring, ReadyHost};
use crate::compose::Project;
use crate::engine::Engines;
use crate::engine::error::cause_chain;
use crate::hosts::providers::Providers;
use crate::hosts::{Change, Host, HostRequest, MakeProgress};

/// Brings the pool to what the file says and reaches its engines. Hosts are made and bootstrapped all at once.
///
/// # Errors
///
/// [`DeployError::Hosts`] where none could be made ready; where only some failed they are in [`Pool::failed`].
pub async fn make_ready(project: &Project, operator: &Operator) -> Result<Pool, DeployError> {
    if project.hosts.is_empty() {
        return Ok(without_hosts(operator.local_engine()?));
    }
    let survey = survey(project, operator).await?;
    let shared = make_shared(project, operator, &survey.providers).await?;
    if survey.is_settled() {
        let hosts = survey.difference.keep.clone();
        for host in &hosts {
            operator.events.emit(Event::Host {
                host: host.name.clone(),
                progress: HostProgress::UpToDate,
            });
        }
        return Ok(Pool {
            hosts,
            engines: survey.engines,
            nodes: survey.nodes,
            failed: Vec::new(),
            changed: shared,
            tunnels: survey.tunnels,
        });
    }
    let surplus = survey.difference.remove.clone();
    let providers = Arc::clone(&survey.providers);
    let keep = survey.difference.keep.clone();
    let mut pool = connect(project, operator, survey, keep).await?;
    pool.changed += shared;
    remove_surplus(operator, &providers, &surplus, &mut pool).await?;
    Ok(pool)
}

/// What the pool's hosts share as the file says it now; gives how much of it was made or changed.
async fn make_shared(project: &Project, operator: &Operator, providers: &Providers) -> Result<usize, DeployError> {
    let mut changed = 0;
    for provider in providers.all() {
        let shared = provider.make_shared(&project.pool.name);
        for done in shared.await.map_err(DeployError::Provider)? {
            changed += 1;
            let what = match done.change {
                Change::Make => "made",
                Change::Change => "changed",
                Change::Remove => "removed",
            };
            operator.events.emit(Event::Note {
                message: format!("{} `{}` {what}: {}", done.kind, done.name, done.why),
            });
        }
    }
    Ok(changed)
}

/// Makes the missing hosts, bootstraps `hosts` and the new ones, and joins them.
async fn connect(
    project: &Project,
    operator: &Operator,
    survey: Survey,
    hosts: Vec<Host>,
) -> Result<Pool, DeployError> {
    let settings = settings(project, operator);
    let total = survey.difference.make.len() + hosts.len();
    let there = hosts.into_iter().map(Wanted::There);
    let made = survey.difference.make.iter().cloned().map(Wanted::ToMake);
    let all: Vec<Wanted> = there.chain(made).collect();
    // Told in the pool's order before they run apart: whoever shows them keeps it.
    for wanted in &all {
        let (name, progress) = match wanted {
            Wanted::There(host) => {
                let waiting = bootstrap::Progress::WaitingForSsh { reason: None };
                (&host.name, HostProgress::Bootstrap(waiting))
            }
            Wanted::ToMake(request) => (
                &request.name,
                HostProgress::Make(MakeProgress::Preparing(String::new())),
            ),
        };
        operator.events.emit(Event::Host {
            host: name.clone(),
            progress,
        });
    }
    let work = join_all(all.into_iter().map(|wanted| {
        let (settings, providers, keyring) = (&settings, &survey.providers, &survey.keyring);
        async move { one_host(operator, providers, keyring, settings, project, wanted).await }
    }));
    let outcomes = tokio::select! {
        // What was asked of a host goes on there or not at all; the next run takes it up from either.
        () = operator.interrupt.cancelled() => return Err(DeployError::Interrupted { unfinished: vec!["the hosts".into()] }),
        outcomes = work => outcomes,
    };
    let (mut ready, mut failed) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        match outcome {
            Ok(host) => ready.push(host),
            Err(failure) => failed.push(failure),
        }
    }
    if ready.is_empty() {
        return Err(DeployError::Hosts {
            failed,
            total,
            then: None,
        });
    }
    ready.sort_by_key(|ready| order(project, &ready.host));
    let managers = project.pool.managers.and_then(|count| usize::try_from(count).ok());
    let on_progress = |host: &str, progress| tell(operator, host, progress);
    let joining = bootstrap::join(&settings.pool, &ready, managers, &on_progress);
    let cluster = tokio::select! {
        () = operator.interrupt.cancelled() => return Err(DeployError::Interrupted { unfinished: vec!["the cluster".into()] }),
        joined = joining => joined.map_err(DeployError::Cluster)?,
    };
    let changed = ready.iter().filter(|ready| ready.changed).count();
    let hosts = ready.iter().map(|ready| ready.host.clone()).collect();
    let engines = ready
        .iter()
        .map(|ready| (ready.host.name.clone(), ready.engine.clone()))
        .collect();
    let engines = Engines {
        manager: Some(cluster.manager),
        hosts: engines,
    };
    let nodes = cluster.nodes.into_values().collect();
    let tunnels = ready.into_iter().filter_map(|ready| ready.tunnel).collect();
    Ok(Pool {
        hosts,
        engines,
        nodes,
        failed,
        changed,
        tunnels,
    })
}

enum Wanted {
    There(Host),
    ToMake(HostRequest),
}

/// One host's whole way, told as it goes.
async fn one_host(
    operator: &Operator,
    providers: &Providers,
    keyring: &Keyring,
    settings: &bootstrap::Settings,
    project: &Project,
    wanted: Wanted,
) -> Result<ReadyHost, HostFailure> {
    let name = match &wanted {
        Wanted::There(host) => host.name.clone(),
        Wanted::ToMake(request) => request.name.clone(),
    };
    let tell = |progress| {
        operator.events.emit(Event::Host {
            host: name.clone(),
            progress,
        })
    };
    let way = async {
        let host = match wanted {
            Wanted::There(host) => host,
            Wanted::ToMake(request) => {
                let provider = providers.of_group(&project.hosts[&request.group])?;
                provider
                    .make(&request, &|progress| tell(HostProgress::Make(progress)))
                    .await?
            }
        };
        let ready = bootstrap::bootstrap(&host, settings, keyring, &operator.runtime, &|progress| {
            self::tell(operator, &name, progress);
        })
        .await?;
        Ok::<_, HostFailureCause>(ready)
    };
    way.await.map_err(|error| {
        // The others must not wait for this host's word about the pool's keys.
        keyring.has_none(&name);
        tell(HostProgress::Failed {
            reason: cause_chain(&error),
        });
        HostFailure {
            host: name.clone(),
            error,
        }
    })
}

/// Passes a host's progress on; what a person should know of it is a warning of its own.
fn tell(operator: &Operator, host: &str, progress: bootstrap::Progress) {
    operator.events.emit(match progress {
        bootstrap::Progress::Notice(message) => Event::Warning {
            message: format!("host `{host}`: {message}"),
            hint: None,
        },
        progress => Event::Host {
            host: host.to_owned(),
            progress: HostProgress::Bootstrap(progress),
        },
    });
}

/// The file's order of groups, then of hosts: the first ones become managers.
fn order(project: &Project, host: &Host) -> (usize, u32) {
    let group = project.hosts.get_index_of(&host.group).unwrap_or(usize::MAX);
    (group, crate::hosts::groups::host_number(host).unwrap_or(u32::MAX))
}

/// Hosts beyond their group's count are drained, taken out of the cluster and removed; one with data stays.
async fn remove_surplus(
    operator: &Operator,
    providers: &Providers,
    surplus: &[Host],
    pool: &mut Pool,
) -> Result<(), DeployError> {
    let Some(manager) = pool.engines.manager.clone() else {
        return Ok(());
    };
    for host in surplus {
        let tell = |progress| {
            operator.events.emit(Event::Host {
                host: host.name.clone(),
                progress,
            })
        };
        tell(HostProgress::Removing);
        let outcome = async {
            let own = pool.engines.hosts.get(&host.name);
            bootstrap::remove_host(&host.pool, &host.name, &manager, own, operator.service_timeout).await?;
            providers.of_host(host)?.remove(host).await?;
            Ok::<(), HostFailureCause>(())
        };
        match outcome.await {
            Ok(()) => {
                pool.changed += 1;
                tell(HostProgress::Removed);
            }
            Err(error) => {
                tell(HostProgress::Failed {
                    reason: cause_chain(&error),
                });
                pool.failed.push(HostFailure {
                    host: host.name.clone(),
                    error,
                });
            }
        }
    }
    pool.nodes = manager.nodes().await?;
    Ok(())
}
