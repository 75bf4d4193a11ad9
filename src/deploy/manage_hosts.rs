//! The stories of `hosts up`, `rm`, `down`, `drain`, `activate` and `label`.
//!
//! Knows what is asked before a host goes, and what the operator is told of the file. How one host is emptied and taken
//! away is told by `drain_host` and `take_away`.

use std::collections::BTreeMap;
use std::time::Instant;

use super::error::{DeployError, HostFailure, HostFailureCause};
use super::event::{Event, HostProgress};
use super::operator::Operator;
use super::pool::{Survey, node_of, survey};
use super::take_away::{settle_managers, take_away};
use super::{drain_host, host_data, make_ready, remove_hosts};
use crate::bootstrap::roles;
use crate::compose::Project;
use crate::engine::nodes::NodeChange;
use crate::engine::observation::ObservedNode;
use crate::engine::{Engine, labels};
use crate::hosts::groups::difference;
use crate::hosts::{Host, ProviderKind};

/// Brings the pool to what the file says, and no service.
///
/// # Errors
///
/// What could not be done; what could was done, and the next run goes on from there.
pub async fn up(project: &Project, operator: &Operator, replace: bool) -> Result<(), DeployError> {
    let started = Instant::now();
    needs_groups(project)?;
    let pool = make_ready::make_ready(project, operator, replace).await?;
    let total = pool.hosts.len() + pool.failed.len();
    ended(pool.failed, total)?;
    finished("hosts up", project, operator, pool.changed, started);
    Ok(())
}

/// Takes the pool away. Without `force` only where no project runs on it.
///
/// # Errors
///
/// [`DeployError::PoolInUse`]; the failures of single hosts.
pub async fn down(project: &Project, operator: &Operator, force: bool) -> Result<(), DeployError> {
    let started = Instant::now();
    needs_groups(project)?;
    let removed = remove_hosts::remove_hosts(project, operator, force, None).await?;
    finished("hosts down", project, operator, removed, started);
    Ok(())
}

/// Takes single hosts away, one after another. Without `force` only such that hold no data.
///
/// # Errors
///
/// [`DeployError::NoSuchHost`], [`DeployError::WholePool`], [`DeployError::HostsHoldData`], before anything is done; the
/// failures of single hosts.
pub async fn remove(project: &Project, operator: &Operator, names: &[String], force: bool) -> Result<(), DeployError> {
    let started = Instant::now();
    needs_groups(project)?;
    let survey = survey(project, operator).await?;
    let all = survey.all_hosts().await?;
    let named = named(project, &all, names)?;
    if named.len() == all.len() {
        return Err(DeployError::WholePool {
            pool: project.pool.name.clone(),
        });
    }
    let data = host_data::of(&named, &survey.engines, &survey.nodes).await;
    let objections: Vec<(String, String)> = (named.iter())
        .filter_map(|host| Some((host.name.clone(), data.get(&host.name)?.objection(host.provider)?)))
        .collect();
    if !objections.is_empty() && !force {
        return Err(DeployError::HostsHoldData { hosts: objections });
    }
    // Nobody can say what the cluster has on a host, and nobody can take it out of it.
    if survey.engines.manager.is_none() && !force {
        return Err(survey.not_ready(project));
    }
    for (host, objection) in objections {
        operator.events.emit(Event::Warning {
            message: format!("host `{host}`: {objection}"),
            hint: None,
        });
    }
    let mut engines = survey.engines.clone();
    let failed = take_away(operator, &survey.providers, &named, &mut engines).await?;
    let removed = named.len() - failed.len();
    let gone = |host: &&Host| !names.contains(&host.name) || failed.iter().any(|failure| failure.host == host.name);
    let left: Vec<Host> = all.iter().filter(gone).cloned().collect();
    let wished = project.pool.managers.and_then(|count| usize::try_from(count).ok());
    let managers = wished.unwrap_or_else(|| roles::usual_managers(left.len()));
    settle_managers(&mut engines, &left, managers).await?;
    say_what_the_file_says(project, operator, &left);
    ended(failed, named.len())?;
    finished("hosts rm", project, operator, removed, started);
    Ok(())
}

/// The next `up` goes by the file again.
fn say_what_the_file_says(project: &Project, operator: &Operator, left: &[Host]) {
    for request in difference(&project.hosts, &project.pool, left).make {
        let group = &project.hosts[&request.group];
        let message = match ProviderKind::of(&request.settings) {
            ProviderKind::Ssh => format!(
                "the file still names the machine of `{}` in group `{}`: the next `hoist up` takes it in again",
                request.name, group.name
            ),
            ProviderKind::Local | ProviderKind::Openstack => format!(
                "the file says `count: {}` for group `{}`: the next `hoist up` makes `{}` again, unless you lower it",
                group.count, group.name, request.name
            ),
        };
        operator.events.emit(Event::Note { message, place: None });
    }
}

/// Empties hosts and closes them to new replicas, until they are activated again.
///
/// # Errors
///
/// [`DeployError::NoSuchHost`]; [`DeployError::NotReady`] where no manager answers or a host is not in the cluster; the
/// failures of single hosts.
pub async fn drain(project: &Project, operator: &Operator, names: &[String]) -> Result<(), DeployError> {
    let started = Instant::now();
    let (survey, manager, nodes) = members(project, operator, names).await?;
    let closed = match nodes.len() {
        1 => Vec::new(),
        _ => drain_host::close(&manager, nodes.iter().map(|(_, node)| node)).await?,
    };
    let (mut failed, mut changed) = (Vec::new(), 0);
    for (turn, (host, _)) in nodes.iter().enumerate() {
        match drain_host::drain(host, &survey.engines, operator).await {
            Ok(drained) => changed += usize::from(drained),
            Err(HostFailureCause::Interrupted) => {
                let later = |node: &&&ObservedNode| nodes[turn + 1..].iter().any(|(_, other)| other.id == node.id);
                for node in closed.iter().filter(later) {
                    drain_host::activate(&manager, &node.id).await?;
                }
                return Err(interrupted());
            }
            Err(error) => failed.push(HostFailure {
                host: host.clone(),
                error,
            }),
        }
    }
    ended(failed, nodes.len())?;
    finished("hosts drain", project, operator, changed, started);
    Ok(())
}

/// Lets hosts take replicas again.
///
/// # Errors
///
/// As [`drain`]; a failed call.
pub async fn activate(project: &Project, operator: &Operator, names: &[String]) -> Result<(), DeployError> {
    let started = Instant::now();
    let (_survey, manager, nodes) = members(project, operator, names).await?;
    let mut changed = 0;
    for (host, node) in &nodes {
        changed += usize::from(drain_host::activate(&manager, &node.id).await?);
        tell(operator, host, HostProgress::Activated);
    }
    finished("hosts activate", project, operator, changed, started);
    Ok(())
}

/// Labels to set on a host's node, and to take away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelChange {
    pub set: BTreeMap<String, String>,
    pub remove: Vec<String>,
}

/// Sets and takes away labels of a host by hand.
///
/// # Errors
///
/// As [`drain`]; [`DeployError::LabelNotFree`] for labels of the file and of Hoist itself.
pub async fn label(
    project: &Project,
    operator: &Operator,
    name: &str,
    wanted: &LabelChange,
) -> Result<(), DeployError> {
    let started = Instant::now();
    let (_survey, manager, nodes) = members(project, operator, std::slice::from_ref(&name.to_owned())).await?;
    let mut changed = 0;
    for (host, node) in &nodes {
        for key in wanted.set.keys().chain(&wanted.remove) {
            if let Some(reason) = not_free(project, node, key) {
                return Err(DeployError::LabelNotFree {
                    host: host.clone(),
                    key: key.clone(),
                    reason,
                });
            }
        }
        let change = NodeChange {
            set_labels: wanted.set.clone(),
            remove_labels: wanted.remove.clone(),
            ..NodeChange::default()
        };
        let differs = manager.change_node(&node.id, &change).await?;
        changed += usize::from(differs);
        let progress = match differs {
            true => HostProgress::Labelled,
            false => HostProgress::UpToDate,
        };
        tell(operator, host, progress);
    }
    finished("hosts label", project, operator, changed, started);
    Ok(())
}

fn not_free(project: &Project, node: &ObservedNode, key: &str) -> Option<String> {
    if key.starts_with(labels::OWN) {
        return Some("is Hoist's own".to_owned());
    }
    let group = project.hosts.get(node.labels.get(labels::GROUP)?)?;
    group.labels.contains_key(key).then(|| {
        format!(
            "is said by the file, under `x-hosts.{}.labels`, and would come back: change it there",
            group.name
        )
    })
}

/// The named hosts with their nodes, and a manager to ask.
async fn members(
    project: &Project,
    operator: &Operator,
    names: &[String],
) -> Result<(Survey, Engine, Vec<(String, ObservedNode)>), DeployError> {
    needs_groups(project)?;
    let survey = survey(project, operator).await?;
    let all = survey.all_hosts().await?;
    let named = named(project, &all, names)?;
    let Some(manager) = survey.engines.manager.clone() else {
        return Err(survey.not_ready(project));
    };
    let mut nodes = Vec::new();
    for host in named {
        let Some(node) = node_of(&survey.nodes, &host.name) else {
            return Err(DeployError::NotReady {
                pool: project.pool.name.clone(),
                reasons: vec![(host.name.clone(), "not in the cluster".to_owned())],
            });
        };
        nodes.push((host.name.clone(), node.clone()));
    }
    Ok((survey, manager, nodes))
}

fn named<'a>(project: &Project, all: &'a [Host], names: &[String]) -> Result<Vec<&'a Host>, DeployError> {
    if let Some(unknown) = names.iter().find(|name| !all.iter().any(|host| host.name == **name)) {
        return Err(DeployError::NoSuchHost {
            host: unknown.clone(),
            pool: project.pool.name.clone(),
            known: all.iter().map(|host| host.name.clone()).collect(),
        });
    }
    Ok(all.iter().filter(|host| names.contains(&host.name)).collect())
}

/// Without `x-hosts` there is no pool to manage.
fn needs_groups(project: &Project) -> Result<(), DeployError> {
    if project.hosts.is_empty() {
        return Err(DeployError::NoGroups {
            project: project.name.clone(),
        });
    }
    Ok(())
}

fn ended(failed: Vec<HostFailure>, total: usize) -> Result<(), DeployError> {
    if failed.is_empty() {
        return Ok(());
    }
    Err(DeployError::Hosts {
        failed,
        total,
        then: None,
    })
}

fn interrupted() -> DeployError {
    DeployError::Interrupted {
        unfinished: vec!["the hosts".into()],
    }
}

fn tell(operator: &Operator, host: &str, progress: HostProgress) {
    operator.events.emit(Event::Host {
        host: host.to_owned(),
        progress,
    });
}

fn finished(command: &'static str, project: &Project, operator: &Operator, changes: usize, started: Instant) {
    operator.events.emit(Event::Finished {
        command,
        project: project.name.clone(),
        changes,
        took: started.elapsed(),
    });
}
