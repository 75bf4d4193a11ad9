//! Waiting for a Swarm service: when its replicas count as up, and when waiting longer is no use.
//!
//! Knows what tasks say. Changes nothing: Swarm itself restarts, moves and updates replicas.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::deployment::Deployment;
use super::error::StepError;
use super::event::ServiceProgress;
use crate::engine::observation::{ObservedService, ObservedTask, TaskState};
use crate::engine::{labels, models};
use crate::plan::{Readiness, ServicePlan, placement};

/// Between two looks while a service converges.
pub(super) const LOOK: Duration = Duration::from_millis(100);
/// A service without a healthcheck counts as up when all replicas have run this long and their own hosts say that they
/// still do: one that exits at once is caught. The cluster's word of an end comes later than the host's.
const SETTLE: Duration = Duration::from_millis(150);
/// The same where a host does not say.
const SETTLE_UNSEEN: Duration = Duration::from_millis(400);
/// Replicas that ended before the service ever came up: after this many, waiting longer is no use.
const FAILURES: usize = 3;
/// How long a replica may find no host before that is the answer.
const NO_HOST: Duration = Duration::from_secs(15);
/// By then the cluster has begun an update, if it sees anything to replace.
const UPDATE_BEGINS: Duration = Duration::from_secs(5);

/// Whether a task has, or may still get, a container.
pub(super) fn is_alive(task: &ObservedTask) -> bool {
    task.state <= TaskState::Running && task.node_id.is_some()
}

/// What one look at a service's tasks says.
struct Look {
    running: u64,
    /// Tasks of before the change that still run or should.
    old: usize,
    /// Those of them that run and are to go on.
    kept: u64,
    /// Tasks since the change that ended.
    ended: Vec<ObservedTask>,
    /// What holds the rest up.
    message: Option<String>,
    no_host: Option<String>,
    complete: u64,
}

fn look(tasks: &[ObservedTask], id: &str, old: &BTreeSet<String>, ended_before: &BTreeSet<String>) -> Look {
    let own: Vec<&ObservedTask> = tasks.iter().filter(|task| task.service_id == id).collect();
    let new = || own.iter().filter(|task| !old.contains(&task.id));
    let ended: Vec<ObservedTask> = new()
        .filter(|task| !ended_before.contains(&task.id))
        .filter(|task| {
            matches!(
                task.state,
                TaskState::Failed | TaskState::Rejected | TaskState::Complete
            )
        })
        .map(|task| (*task).clone())
        .collect();
    let waiting = new().find(|task| task.desired_state == TaskState::Running && task.state < TaskState::Running);
    let no_host = new()
        .filter(|task| task.state == TaskState::Pending)
        .find_map(|task| task.error.clone().filter(|error| error.contains("no suitable node")));
    let message = ended
        .first()
        .map(why_it_ended)
        .or_else(|| no_host.as_deref().map(no_host_yet))
        .or_else(|| {
            waiting.map(|task| match task.state {
                TaskState::Preparing => "preparing its image".to_owned(),
                TaskState::Starting => "starting".to_owned(),
                TaskState::Pending => "finding a host".to_owned(),
                _ => "starting".to_owned(),
            })
        });
    Look {
        running: new()
            .filter(|task| task.state == TaskState::Running && task.desired_state == TaskState::Running)
            .count() as u64,
        old: own
            .iter()
            .filter(|task| old.contains(&task.id))
            .filter(|task| is_alive(task))
            .count(),
        kept: own
            .iter()
            .filter(|task| old.contains(&task.id))
            .filter(|task| task.state == TaskState::Running && task.desired_state == TaskState::Running)
            .count() as u64,
        complete: ended.iter().filter(|task| task.state == TaskState::Complete).count() as u64,
        ended,
        message,
        no_host,
    }
}

/// While replicas are replaced, the next one waits for the port of the one before: nothing to worry anybody with.
fn no_host_yet(reason: &str) -> String {
    if reason.contains("host-mode port already in use") {
        "waiting for a host where its port is free".to_owned()
    } else {
        reason.to_owned()
    }
}

/// `exited with code 1`, or the engine's own words.
fn why_it_ended(task: &ObservedTask) -> String {
    let words = task.error.clone().or_else(|| task.message.clone());
    match (task.exit_code, words) {
        (Some(code), Some(words)) if words.contains("non-zero exit") && !words.contains("unhealthy") => {
            format!("exited with code {code}")
        }
        (_, Some(words)) if words.starts_with("starting container failed") => {
            format!("cannot start: {}", super::failure_log::start_failure(&words))
        }
        (Some(0), None) => "ended with exit code 0".to_owned(),
        (_, Some(words)) => words,
        (Some(code), None) => format!("exited with code {code}"),
        (None, None) => "ended".to_owned(),
    }
}

/// Waits until as many replicas are up as should be and none of `old` is left.
pub(super) async fn converge(
    deployment: &Deployment,
    planned: &ServicePlan,
    id: &str,
    old: &BTreeSet<String>,
) -> Result<(), StepError> {
    let service = planned.service.as_str();
    let started = Instant::now();
    let ended_before: BTreeSet<String> = if old.is_empty() {
        let seen = deployment.manager()?.tasks_of(&[id]).await?;
        let long_ago = seen
            .iter()
            .filter(|task| task.state > TaskState::Running && task.state != TaskState::Complete);
        long_ago.map(|task| task.id.clone()).collect()
    } else {
        BTreeSet::new()
    };
    let checked = has_healthcheck(planned);
    let restarts = restarts(planned);
    let mut up_since: Option<Instant> = None;
    let mut no_host_since: Option<Instant> = None;
    let mut told = (u64::MAX, None);
    loop {
        let tasks = deployment
            .tasks
            .look(Instant::now().checked_sub(LOOK / 2).unwrap_or(started))
            .await?;
        let now = look(&tasks, id, old, &ended_before);
        let desired = match planned.replicas {
            Some(replicas) => replicas,
            None => desired_of_global(&tasks, id),
        };
        if planned.must_be == Readiness::Completed && now.complete >= desired {
            deployment.tell(service, ServiceProgress::Completed);
            return Ok(());
        }
        if !restarts && now.complete >= desired && now.ended.iter().all(|task| task.state == TaskState::Complete) {
            deployment.tell(service, ServiceProgress::Completed);
            return Ok(());
        }
        let up = now.running >= desired && now.old == 0 && planned.must_be == Readiness::Running;
        match (up, up_since) {
            (false, _) => up_since = None,
            (true, None) => up_since = Some(Instant::now()),
            (true, Some(_)) => {}
        }
        let settled = match up_since.map(|since| since.elapsed()) {
            None => false,
            Some(_) if checked || desired == 0 => true,
            Some(elapsed) if elapsed >= SETTLE_UNSEEN => true,
            Some(elapsed) => elapsed >= SETTLE && still_run(deployment, &tasks, id).await,
        };
        if settled {
            deployment.tell(
                service,
                ServiceProgress::Running {
                    replicas: desired,
                    healthy: checked,
                },
            );
            return Ok(());
        }
        let last_word = now.ended.len() >= FAILURES || (!restarts && !now.ended.is_empty());
        if last_word && let Some(task) = now.ended.first() {
            return Err(failure(deployment, planned, task).await);
        }
        // Those that are on their way out are waited for.
        let all_go_on = now.old as u64 == now.kept && now.running + now.kept >= desired;
        let enough = now.running == 0 || all_go_on;
        if now.old > 0 && enough && started.elapsed() > UPDATE_BEGINS && !is_updating(deployment, id).await? {
            // What the cluster did not replace is as it should be already: all of it, or what an update that did not get
            // through had not reached.
            return Box::pin(converge(deployment, planned, id, &BTreeSet::new())).await;
        }
        if let Some(stopped) = update_stopped(deployment, planned, id, old, &now).await? {
            return Err(stopped);
        }
        no_host_since = now.no_host.as_ref().map(|_| no_host_since.unwrap_or_else(Instant::now));
        if let (Some(since), Some(reason)) = (no_host_since, &now.no_host)
            && since.elapsed() > NO_HOST
        {
            return Err(StepError::NoHost {
                service: service.to_owned(),
                reason: reason.clone(),
            });
        }
        if started.elapsed() > deployment.timeout {
            let last = now
                .message
                .clone()
                .unwrap_or_else(|| format!("{} of {desired} replicas run", now.running));
            let log = match now.ended.first() {
                Some(task) => super::failure_log::of_task(deployment, task).await,
                None => Vec::new(),
            };
            return Err(timed_out(service, started, &last, log));
        }
        let state = (now.running, now.message.clone());
        if state != told {
            deployment.tell(
                service,
                ServiceProgress::Converging {
                    running: now.running,
                    desired,
                    message: now.message,
                },
            );
            told = state;
        }
        deployment.pause(if up { SETTLE / 2 } else { LOOK }).await?;
    }
}

/// Whether the hosts of a service's running replicas say that their containers run.
async fn still_run(deployment: &Deployment, tasks: &[ObservedTask], id: &str) -> bool {
    let nodes = match deployment.manager() {
        Ok(manager) => manager.nodes().await.unwrap_or_default(),
        Err(_) => return false,
    };
    let running = tasks
        .iter()
        .filter(|task| task.service_id == id && task.state == TaskState::Running)
        .filter(|task| task.desired_state == TaskState::Running);
    let asked = running.map(|task| async {
        let node = nodes.iter().find(|node| Some(&node.id) == task.node_id.as_ref())?;
        let engine = deployment.engine(placement::host_name(node)).ok()?;
        let found = engine.inspect_container(task.container_id.as_deref()?).await.ok()?;
        found.state?.running
    });
    join_all(asked).await.into_iter().all(|running| running == Some(true))
}

pub(super) fn timed_out(service: &str, started: Instant, last: &str, log: Vec<String>) -> StepError {
    StepError::TimedOut {
        service: service.to_owned(),
        seconds: started.elapsed().as_secs(),
        last: last.to_owned(),
        log,
    }
}

/// A global service runs once on each host that it fits: as many as the cluster wants now.
fn desired_of_global(tasks: &[ObservedTask], id: &str) -> u64 {
    let wanted = tasks
        .iter()
        .filter(|task| task.service_id == id && task.desired_state <= TaskState::Running);
    (wanted.count() as u64).max(1)
}

fn has_healthcheck(planned: &ServicePlan) -> bool {
    let container = planned
        .spec
        .task_template
        .as_ref()
        .and_then(|task| task.container_spec.as_ref());
    container
        .and_then(|container| container.health_check.as_ref())
        .and_then(|check| check.test.as_ref())
        .is_some_and(|test| test.first().is_some_and(|word| word != "NONE"))
}

/// Whether the cluster starts a replica that ended again.
fn restarts(planned: &ServicePlan) -> bool {
    let policy = planned
        .spec
        .task_template
        .as_ref()
        .and_then(|task| task.restart_policy.as_ref());
    policy.and_then(|policy| policy.condition) != Some(models::TaskSpecRestartPolicyConditionEnum::NONE)
}

/// Whether the cluster is at work on an update of the service, or stopped in the middle of one.
async fn is_updating(deployment: &Deployment, id: &str) -> Result<bool, StepError> {
    let service = deployment.manager()?.service(id).await?;
    Ok(service.is_some_and(|service| service.update_state.is_some_and(|state| state != "completed")))
}

/// The cluster pauses or rolls back an update whose new replicas fail (`update_config.failure_action`), and the operator may
/// stop one from elsewhere.
async fn update_stopped(
    deployment: &Deployment,
    planned: &ServicePlan,
    id: &str,
    old: &BTreeSet<String>,
    now: &Look,
) -> Result<Option<StepError>, StepError> {
    if old.is_empty() || (now.ended.is_empty() && planned.in_service.is_none()) {
        return Ok(None);
    }
    let Some(service) = deployment.manager()?.service(id).await? else {
        return Ok(None);
    };
    if service.labels.contains_key(labels::CANCELLED) {
        return Ok(Some(StepError::Cancelled {
            service: planned.service.clone(),
        }));
    }
    let stopped = service
        .update_state
        .as_deref()
        .is_some_and(|state| state == "paused" || state.starts_with("rollback"));
    if !stopped || now.ended.is_empty() {
        return Ok(None);
    }
    Ok(Some(
        why_update_stopped(deployment, &planned.service, &service, now.ended.first()).await,
    ))
}

/// What an update that the cluster stopped died of. `task`: a new replica that ended, where one is known.
pub(super) async fn why_update_stopped(
    deployment: &Deployment,
    service: &str,
    found: &ObservedService,
    task: Option<&ObservedTask>,
) -> StepError {
    let message = found.update_message.clone();
    let (reason, log) = match task {
        Some(task) => {
            let ended = why_it_ended(task);
            let reason = message.map_or_else(|| ended.clone(), |message| format!("{message} ({ended})"));
            (reason, super::failure_log::of_task(deployment, task).await)
        }
        None => (
            message.unwrap_or_else(|| "the cluster stopped it".to_owned()),
            Vec::new(),
        ),
    };
    StepError::UpdateStopped {
        service: service.to_owned(),
        reason,
        log,
        ways_out: found.labels.contains_key(labels::UPGRADED),
    }
}

/// What a replica that ended says about the service.
async fn failure(deployment: &Deployment, planned: &ServicePlan, task: &ObservedTask) -> StepError {
    let service = planned.service.clone();
    let reason = why_it_ended(task);
    let lower = reason.to_lowercase();
    let host = super::failure_log::host_of(deployment, task).await;
    if let Some(taken) = super::published::port_conflict(&reason) {
        return StepError::PortTaken {
            service,
            host,
            reason: taken.to_owned(),
        };
    }
    if lower.contains("no such image") || lower.contains("pull access denied") {
        return StepError::ImageMissing {
            image: planned.image.clone(),
            service,
            reason,
        };
    }
    let log = super::failure_log::of_task(deployment, task).await;
    if lower.contains("unhealthy") {
        return StepError::Unhealthy {
            service,
            reason: "its healthcheck does not succeed".to_owned(),
            log,
        };
    }
    let on = host.map_or_else(String::new, |host| format!(" on `{host}`"));
    let reason = format!("a replica{on} {reason}");
    StepError::ServiceFailed { service, reason, log }
}
