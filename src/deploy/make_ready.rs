//! The hosts of a project brought to what its file says: made, bootstrapped, joined, and those that are too many removed.
//!
//! Knows that hosts are made all at once, and that one that fails takes no other with it.

use futures_util::future::join_all;

use super::error::{DeployError, HostFailure, HostFailureCause};
use super::event::{Event, HostProgress};
use super::operator::Operator;
use super::pool::{Pool, Survey, settings, survey, without_hosts};
use super::take_away::{settle_managers, take_away};
use crate::bootstrap::{self, Keyring, ReadyHost};
use crate::compose::Project;
use crate::engine::Engines;
use crate::engine::error::cause_chain;
use crate::engine::observation::ObservedNode;
use crate::hosts::providers::Providers;
use crate::hosts::{Change, Host, HostRequest, MakeProgress};
use crate::plan::placement;

/// Brings the pool to what the file says and reaches its engines. Hosts are made and bootstrapped all at once; then those
/// that are too many are removed and, with `replace`, those that were made otherwise are replaced, one after another.
///
/// # Errors
///
/// [`DeployError::Hosts`] where none could be made ready; where only some failed they are in [`Pool::failed`].
pub async fn make_ready(project: &Project, operator: &Operator, replace: bool) -> Result<Pool, DeployError> {
    let survey = match project.hosts.is_empty() {
        true => None,
        false => Some(survey(project, operator).await?),
    };
    make_ready_from(project, operator, survey.as_ref(), replace).await
}

/// The same from a survey that was made just now; `None` where the project has no pool.
///
/// # Errors
///
/// As [`make_ready`].
pub async fn make_ready_from(
    project: &Project,
    operator: &Operator,
    survey: Option<&Survey>,
    replace: bool,
) -> Result<Pool, DeployError> {
    let Some(survey) = survey else {
        return Ok(without_hosts(operator.local_engine()?));
    };
    for note in survey.notes(replace) {
        operator.events.emit(Event::Warning {
            message: note.message,
            hint: None,
        });
    }
    let shared = make_shared(project, operator, &survey.providers).await?;
    if survey.is_settled(replace) {
        let hosts = survey.difference.keep.clone();
        for host in &hosts {
            operator.events.emit(Event::Host {
                host: host.name.clone(),
                progress: HostProgress::UpToDate,
            });
        }
        return Ok(Pool {
            hosts,
            engines: survey.engines.clone(),
            nodes: survey.nodes.clone(),
            failed: Vec::new(),
            changed: shared,
            tunnels: survey.tunnels.clone(),
        });
    }
    let mut hosts = survey.difference.keep.clone();
    // Without a manager among those that stay, they would found a second cluster: a surplus one leads them in.
    let stays = |node: &ObservedNode| hosts.iter().any(|host| host.name == placement::host_name(node));
    if !survey.nodes.iter().any(|node| node.manager && stays(node)) {
        hosts.extend(survey.difference.remove.iter().filter(|host| host.running).cloned());
    }
    let work = Work {
        project,
        operator,
        providers: &survey.providers,
        keyring: &survey.keyring,
        managers: survey.managers,
    };
    let mut pool = work.connect(hosts, survey.difference.make.clone()).await?;
    pool.changed += shared;
    pool.tunnels.extend(survey.tunnels.iter().cloned());
    for (name, engine) in &survey.engines.hosts {
        pool.engines.hosts.entry(name.clone()).or_insert_with(|| engine.clone());
    }
    remove_surplus(&work, &survey.difference.remove, &mut pool).await?;
    if replace {
        replace_hosts(&work, survey, &mut pool).await?;
    }
    Ok(pool)
}

/// What the hosts of one project are worked on with.
struct Work<'a> {
    project: &'a Project,
    operator: &'a Operator,
    providers: &'a Providers,
    keyring: &'a Keyring,
    /// How many hosts shall manage the cluster.
    managers: usize,
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
                place: None,
            });
        }
    }
    Ok(changed)
}

impl Work<'_> {
    /// Makes hosts, bootstraps them and those that are there, and joins them.
    async fn connect(&self, there: Vec<Host>, make: Vec<HostRequest>) -> Result<Pool, DeployError> {
        let Work { project, operator, .. } = *self;
        let settings = settings(project, operator);
        let there = there.into_iter().map(Wanted::There);
        let all: Vec<Wanted> = there.chain(make.into_iter().map(Wanted::ToMake)).collect();
        let total = all.len();
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
        let work = join_all(all.into_iter().map(|wanted| self.one_host(&settings, wanted)));
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
        let on_progress = |host: &str, progress| tell(operator, host, progress);
        let joining = bootstrap::join(&settings.pool, &ready, Some(self.managers), &on_progress);
        let cluster = tokio::select! {
            () = operator.interrupt.cancelled() => return Err(DeployError::Interrupted { unfinished: vec!["the cluster".into()] }),
            joined = joining => joined.map_err(DeployError::Cluster)?,
        };
        let labelled = |ready: &&ReadyHost| cluster.labelled.contains(&ready.host.name);
        // A host that came into the cluster just now has its labels with that.
        for ready in ready.iter().filter(labelled).filter(|ready| !ready.changed) {
            operator.events.emit(Event::Host {
                host: ready.host.name.clone(),
                progress: HostProgress::Labelled,
            });
        }
        let changed = ready.iter().filter(|ready| ready.changed || labelled(ready)).count() + cluster.demoted;
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

    /// One host's whole way, told as it goes.
    async fn one_host(&self, settings: &bootstrap::Settings, wanted: Wanted) -> Result<ReadyHost, HostFailure> {
        let Work {
            project,
            operator,
            providers,
            keyring,
            ..
        } = *self;
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
}

enum Wanted {
    There(Host),
    ToMake(HostRequest),
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

/// Hosts beyond their group's count are drained, taken out of the cluster and removed, one after another.
async fn remove_surplus(work: &Work<'_>, surplus: &[Host], pool: &mut Pool) -> Result<(), DeployError> {
    if surplus.is_empty() {
        return Ok(());
    }
    if !pool.failed.is_empty() {
        let names: Vec<&str> = surplus.iter().map(|host| host.name.as_str()).collect();
        work.operator.events.emit(Event::Warning {
            message: format!("surplus hosts stay until the others are ready: {}", names.join(", ")),
            hint: None,
        });
        return Ok(());
    }
    let surplus: Vec<&Host> = surplus.iter().collect();
    pool.hosts
        .retain(|host| !surplus.iter().any(|other| other.name == host.name));
    let failed = take_away(work.operator, work.providers, &surplus, &mut pool.engines).await?;
    pool.changed += surplus.len() - failed.len();
    pool.failed.extend(failed);
    refresh(work, pool).await
}

/// Hosts that were made otherwise than the file says now: each is emptied, removed, made anew and back in the cluster
/// before the next one's turn. The first that fails ends it: the pool must not lose a second host to the same cause.
async fn replace_hosts(work: &Work<'_>, survey: &Survey, pool: &mut Pool) -> Result<(), DeployError> {
    for held in &survey.not_replaced {
        pool.failed.push(HostFailure {
            host: held.host.clone(),
            error: HostFailureCause::HoldsData {
                host: held.host.clone(),
                objection: held.objection.clone(),
            },
        });
    }
    for replacement in &survey.difference.replace {
        let host = &replacement.host;
        if pool.hosts.len() < 2 {
            let error = HostFailureCause::OnlyHost {
                host: host.name.clone(),
            };
            pool.failed.push(HostFailure {
                host: host.name.clone(),
                error,
            });
            break;
        }
        let failed = take_away(work.operator, work.providers, &[host], &mut pool.engines).await?;
        if !failed.is_empty() {
            pool.failed.extend(failed);
            break;
        }
        pool.hosts.retain(|other| other.name != host.name);
        let connected = work
            .connect(pool.hosts.clone(), vec![replacement.request.clone()])
            .await?;
        let complete = connected.failed.is_empty();
        pool.hosts = connected.hosts;
        pool.engines = connected.engines;
        pool.nodes = connected.nodes;
        pool.tunnels.extend(connected.tunnels);
        pool.failed.extend(connected.failed);
        pool.changed += 1;
        if !complete {
            break;
        }
    }
    Ok(())
}

/// The right number of managers, and the nodes as they are after hosts went.
async fn refresh(work: &Work<'_>, pool: &mut Pool) -> Result<(), DeployError> {
    settle_managers(&mut pool.engines, &pool.hosts, work.managers).await?;
    if let Some(manager) = &pool.engines.manager {
        pool.nodes = manager.nodes().await?;
    }
    Ok(())
}
