//! Replicas spread again: those that `plan::rebalance` names move, one after another, each up at its new host before it stops at
//! the old one.
//!
//! Containers are replaced by Hoist. The cluster is told to keep off one host for the moment in which one replica leaves it;
//! whatever moment this is interrupted at, the service's label says how to go back, and the same command, or `up`, does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::contents::Contents;
use super::converge::{LOOK, is_alive, timed_out};
use super::deployment::Deployment;
use super::error::{DeployError, StepError, StepFailure};
use super::event::{Event, ServiceProgress};
use super::lock;
use super::operator::Operator;
use super::pool::{self, Pool};
use super::site::Site;
use super::up;
use crate::compose::Project;
use crate::engine::observation::{Cluster, ObservedService, ObservedTask, TaskState};
use crate::engine::transfer::transfer;
use crate::engine::{Credentials, Engine, Engines, Observation, labels, models};
use crate::plan::rebalance::{self, Kind, Move, Off, Running};
use crate::plan::{UpOptions, images, placement};

/// After this, a replica for which the cluster has found no host finds none.
const NO_ROOM: Duration = Duration::from_secs(10);
/// So many new replicas that fail are no accident.
const FAILURES: usize = 3;

/// Spreads the replicas of these services (of all, where none is named) again.
///
/// # Errors
///
/// [`DeployError::NoGroups`]; a replica that does not come up at its new host: it goes on where it was.
pub async fn rebalance(project: Arc<Project>, operator: &Operator, services: &[String]) -> Result<(), DeployError> {
    check(&project, services)?;
    lock::while_holding(&project.name, operator, "rebalance", async |lock, operator| {
        let pool = lock.reach(&project, operator).await?;
        spread(&project, operator, &pool, services).await
    })
    .await
}

async fn spread(
    project: &Arc<Project>,
    operator: &Operator,
    pool: &Pool,
    services: &[String],
) -> Result<(), DeployError> {
    let started = Instant::now();
    let site = Site::new(project, operator, pool, None, Contents::read(project)?)?;
    let deployment = site.deployment();
    let manager = deployment.manager()?;
    let mut observed = site.look().await?;
    let interrupted = mend(&deployment, &observed).await?;
    if interrupted {
        observed = site.look().await?;
    }
    let (running, moves) = look(project, &observed, manager, services).await?;
    let kinds: BTreeMap<&str, &Kind> = running
        .iter()
        .map(|running| (running.service.as_str(), &running.kind))
        .collect();
    let mut placed = BTreeMap::new();
    for one in &moves {
        let Move {
            service,
            number,
            from,
            to,
        } = one;
        operator.events.emit(Event::Note {
            message: format!("`{service}.{number}` moves from {from} to {to}"),
            place: None,
        });
        match kinds.get(service.as_str()) {
            Some(Kind::Service(id)) => {
                let at = Place {
                    id,
                    cluster: observed.cluster.as_ref(),
                    engines: &pool.engines,
                };
                let left = leave(&deployment, &at, one).await;
                left.map_err(|error| failure(service, error))?;
            }
            _ => drop(placed.insert((service.clone(), *number), to.clone())),
        }
    }
    if !placed.is_empty() {
        let options = UpOptions {
            services: placed.keys().map(|(service, _)| service.clone()).collect(),
            no_deps: true,
            only_scale: true,
            moves: placed,
            ..UpOptions::default()
        };
        site.bring(&site.look().await?, &options).await?;
    }
    let observed = match moves.is_empty() {
        true => observed,
        false => site.look().await?,
    };
    site.tell_addresses(&observed);
    operator.events.emit(Event::Finished {
        command: "rebalance",
        project: project.name.clone(),
        changes: moves.len(),
        took: started.elapsed(),
    });
    Ok(())
}

/// The moves that [`rebalance`] would make, without touching anything.
///
/// # Errors
///
/// As [`rebalance`], as far as looking goes.
pub async fn moves(project: &Arc<Project>, operator: &Operator, services: &[String]) -> Result<Vec<Move>, DeployError> {
    check(project, services)?;
    let pool = pool::reached(project, operator).await?;
    let site = Site::new(project, operator, &pool, None, Contents::read(project)?)?;
    let observed = site.look().await?;
    let (_, moves) = look(project, &observed, site.deployment().manager()?, services).await?;
    Ok(moves)
}

fn check(project: &Project, services: &[String]) -> Result<(), DeployError> {
    let options = UpOptions {
        services: services.to_vec(),
        ..UpOptions::default()
    };
    up::check_services(project, &options)?;
    match project.hosts.is_empty() {
        true => Err(DeployError::NoGroups {
            project: project.name.clone(),
        }),
        false => Ok(()),
    }
}

/// Ends what an interrupted run began: its services are placed as the file says again, and have as many replicas as before.
/// Gives whether there was any.
async fn mend(deployment: &Deployment, observed: &Observation) -> Result<bool, DeployError> {
    let manager = deployment.manager()?;
    let mut found = observed
        .services
        .iter()
        .filter(|service| rebalance::is_off(&service.spec))
        .peekable();
    let any = found.peek().is_some();
    for service in found {
        change(manager, &service.id, rebalance::back_on).await?;
        let name = service.labels.get(labels::SERVICE).unwrap_or(&service.name);
        let whole = until_whole(deployment, service, name).await;
        whole.map_err(|error| failure(name, error))?;
    }
    Ok(any)
}

/// Waits until each replica of a service runs, and none twice.
async fn until_whole(deployment: &Deployment, service: &ObservedService, name: &str) -> Result<(), StepError> {
    let started = Instant::now();
    loop {
        let tasks = deployment.tasks.look(Instant::now()).await?;
        let alive = || {
            tasks
                .iter()
                .filter(|task| task.service_id == service.id && is_alive(task))
        };
        let wanted = service.replicas.unwrap_or_default();
        if alive().count() as u64 == wanted && alive().all(|task| task.state == TaskState::Running) {
            return Ok(());
        }
        if started.elapsed() > deployment.timeout {
            return Err(timed_out(name, started, "not all of its replicas run", Vec::new()));
        }
        deployment.pause(LOOK).await?;
    }
}

async fn look(
    project: &Project,
    observed: &Observation,
    manager: &Engine,
    services: &[String],
) -> Result<(Vec<Running>, Vec<Move>), DeployError> {
    let Some(cluster) = &observed.cluster else {
        return Ok(Default::default());
    };
    let (all_services, all_tasks) = tokio::try_join!(manager.services(&[]), manager.tasks(&[]))?;
    let all = rebalance::running(project, observed, cluster, &[]);
    let mut placer = rebalance::everything(cluster, &all_services, &all_tasks, &all);
    let chosen = rebalance::running(project, observed, cluster, services);
    let moves = rebalance::moves(&mut placer, &chosen);
    Ok((chosen, moves))
}

/// Where a service of the cluster's is to be found.
struct Place<'a> {
    id: &'a str,
    cluster: Option<&'a Cluster>,
    engines: &'a Engines,
}

impl Place<'_> {
    fn node(&self, host: &str) -> Option<&str> {
        let mut nodes = self.cluster?.nodes.iter();
        nodes
            .find(|node| placement::host_name(node) == host)
            .map(|node| node.id.as_str())
    }
}

/// Has one replica of a Swarm service leave its host, and waits until it is up elsewhere and gone here.
async fn leave(deployment: &Deployment, at: &Place<'_>, one: &Move) -> Result<(), StepError> {
    let manager = deployment.manager()?;
    let (Some(node), Some(found)) = (at.node(&one.from), manager.service(at.id).await?) else {
        return Ok(());
    };
    deployment.tell(&one.service, ServiceProgress::Updating);
    bring_image(at.engines, one, &found).await?;
    let before = manager.tasks_of(&[at.id]).await?;
    change(manager, at.id, |spec| Some(rebalance::off(spec, Off(node)))).await?;
    let left = until_left(deployment, at.id, node, one, &before).await;
    // Whatever came of it: the cluster is to place the service's replicas as the file says again.
    change(manager, at.id, rebalance::back_on).await?;
    left?;
    let replicas = found.replicas.unwrap_or_default();
    let healthy = before.iter().any(|task| task.health_checked);
    deployment.tell(&one.service, ServiceProgress::Running { replicas, healthy });
    let delay = found.spec.update_config.and_then(|update| update.delay);
    let delay = delay
        .and_then(|delay| u64::try_from(delay).ok())
        .map(Duration::from_nanos);
    deployment.pause(delay.unwrap_or_default()).await
}

/// A host that joined lately lacks the images that were sent from the operator's machine; the one that the replica leaves has
/// them.
async fn bring_image(engines: &Engines, one: &Move, found: &ObservedService) -> Result<(), StepError> {
    let image = images::image_of(found).filter(|image| image.starts_with("sha256:"));
    let (Some(image), Some(from), Some(to)) = (image, engines.hosts.get(&one.from), engines.hosts.get(&one.to)) else {
        return Ok(());
    };
    for arrived in transfer(from, std::slice::from_ref(to), image, |_, _| ())
        .await?
        .into_values()
    {
        arrived?;
    }
    Ok(())
}

async fn until_left(
    deployment: &Deployment,
    id: &str,
    node: &str,
    one: &Move,
    before: &[ObservedTask],
) -> Result<(), StepError> {
    let on_node = |task: &&ObservedTask| task.node_id.as_deref() == Some(node);
    let here_before = before.iter().filter(|task| is_alive(task)).filter(on_node).count();
    let wanted = before
        .iter()
        .filter(|task| task.state == TaskState::Running && is_alive(task))
        .count();
    let started = Instant::now();
    loop {
        let all = deployment.tasks.look(Instant::now()).await?;
        let tasks: Vec<&ObservedTask> = all.iter().filter(|task| task.service_id == id).collect();
        let alive = || tasks.iter().copied().filter(|task| is_alive(task));
        let up = alive().filter(|task| task.state == TaskState::Running).count();
        let left = alive().filter(on_node).count() < here_before;
        if left && up == wanted && alive().count() == wanted {
            return Ok(());
        }
        let is_new = |task: &&&ObservedTask| !before.iter().any(|old| old.id == task.id);
        let fails = |task: &&&ObservedTask| matches!(task.state, TaskState::Failed | TaskState::Rejected);
        let failed: Vec<_> = tasks.iter().filter(is_new).filter(fails).collect();
        if let Some(last) = failed.first().filter(|_| failed.len() >= FAILURES) {
            return Err(StepError::ServiceFailed {
                service: one.service.clone(),
                reason: format!(
                    "a replica that leaves {} does not come up elsewhere: {}",
                    one.from,
                    last.error.as_deref().unwrap_or("it ends at once")
                ),
                log: Vec::new(),
            });
        }
        let pending = alive().find(|task| task.state == TaskState::Pending && task.error.is_some());
        if let Some(reason) = pending.and_then(|task| task.error.clone())
            && started.elapsed() > NO_ROOM
        {
            let service = one.service.clone();
            return Err(StepError::NoHost { service, reason });
        }
        if started.elapsed() > deployment.timeout {
            return Err(timed_out(
                &one.service,
                started,
                "its replica does not come up elsewhere",
                Vec::new(),
            ));
        }
        deployment.pause(LOOK).await?;
    }
}

/// Changes a service's specification, where there is something to change. Tried again where somebody changed it meanwhile.
async fn change(
    manager: &Engine,
    id: &str,
    wanted: impl Fn(&models::ServiceSpec) -> Option<models::ServiceSpec>,
) -> Result<(), crate::engine::EngineError> {
    let mut tries = 1;
    loop {
        let Some(found) = manager.service(id).await? else {
            return Ok(());
        };
        let Some(spec) = wanted(&found.spec) else {
            return Ok(());
        };
        // Those that the service was made with stay with it.
        match manager
            .update_service(id, found.version, spec, &Credentials::default())
            .await
        {
            Ok(_) => return Ok(()),
            Err(error) if error.is_out_of_sequence() && tries < 10 => {
                tries += 1;
                tokio::time::sleep(LOOK).await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn failure(service: &str, error: StepError) -> DeployError {
    let subject = format!("service `{service}`");
    match error {
        StepError::Interrupted => DeployError::Interrupted {
            unfinished: vec![subject],
        },
        error => DeployError::Steps {
            failed: vec![StepFailure { subject, error }],
            skipped: Vec::new(),
        },
    }
}
