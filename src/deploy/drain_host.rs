//! A host emptied: what can run elsewhere runs there before it stops here, as far as there is room.
//!
//! The cluster alone would stop a replica first and start the next one afterwards. So the host is closed to new replicas,
//! each service that leaves gets as many more as run here, and only when those are healthy is the host drained. The cluster
//! makes up for what stops there; once that runs too, the number is set back. While that lasts, the service carries the number
//! to go back to as a label, so that whoever comes after an interruption knows it.
//!
//! Never takes a host out of the cluster, and never moves containers or data.

use std::time::Duration;

use futures_util::future::join_all;

use super::error::HostFailureCause;
use super::event::{Event, HostProgress};
use super::operator::Operator;
use super::pool::node_of;
use crate::bootstrap::BootstrapError;
use crate::engine::nodes::{Availability, NodeChange};
use crate::engine::observation::{ObservedNode, ObservedService, ObservedTask, TaskState};
use crate::engine::transfer::transfer;
use crate::engine::wait::{Progress as Waiting, WaitError, wait_until};
use crate::engine::{Credentials, Engine, EngineError, Engines, labels};
use crate::plan::draining::{Draining, Move, draining};

const INTERVAL: Duration = Duration::from_millis(200);
/// After this, a replica for which the cluster has found no host finds none.
const NO_ROOM: Duration = Duration::from_secs(10);
/// So many new replicas that fail are no accident.
const FAILURES: usize = 3;
/// So long an interrupted drain waits for replicas that are on their way.
const LAST_MOMENT: Duration = Duration::from_secs(5);
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Says what stays, moves the rest, and waits until nothing of the cluster runs on the host any more. A host that is not in
/// the cluster, or does not answer it, has nothing to move. Gives whether it was not drained before.
///
/// # Errors
///
/// A failed call; what does not end in `operator.service_timeout`.
pub async fn drain(host: &str, engines: &Engines, operator: &Operator) -> Result<bool, HostFailureCause> {
    let Some(manager) = &engines.manager else {
        return Ok(false);
    };
    let draining_it = |source| during(host, source);
    let nodes = manager.nodes().await.map_err(draining_it)?;
    let Some(node) = node_of(&nodes, host).filter(|node| node.ready) else {
        return Ok(false);
    };
    put_numbers_back(manager).await.map_err(draining_it)?;
    let found = look(host, engines, manager).await.map_err(draining_it)?;
    announce(host, &found, operator);
    let moves: Vec<&Move> = found.moves.iter().filter(|one| one.overlap.is_ok()).collect();
    bring_images(host, &found.moves, engines).await.map_err(draining_it)?;
    if !moves.is_empty() {
        set(manager, &node.id, Availability::Pause).await.map_err(draining_it)?;
    }
    let making = join_all(moves.iter().map(|one| make_ahead(manager, &node.id, one, operator)));
    let (mut ahead, mut broken) = (Vec::new(), Vec::new());
    let interrupted = tokio::select! {
        () = operator.interrupt.cancelled(), if !moves.is_empty() => true,
        outcomes = making => {
            for (&one, outcome) in moves.iter().zip(outcomes) {
                match outcome {
                    Ok(()) => ahead.push(one),
                    Err(Late::NoRoom(reason)) => gap(host, &one.service, &reason, operator),
                    Err(Late::Broken(reason)) => broken.push(format!("service {}: {reason}", one.service)),
                }
            }
            false
        }
    };
    if interrupted {
        // The cluster drops what makes the hosts uneven, running or not: with those that are on their way gone, fewer would run.
        let come = moves
            .iter()
            .map(|one| wait_elsewhere(manager, &node.id, one, one.running, operator));
        let _ = tokio::time::timeout(LAST_MOMENT, join_all(come)).await;
    }
    if interrupted || !broken.is_empty() {
        // What runs here may be all that runs: it stays.
        activate(manager, &node.id).await.map_err(draining_it)?;
        return Err(match interrupted {
            true => HostFailureCause::Interrupted,
            false => HostFailureCause::NotEmpty {
                host: host.to_owned(),
                reason: format!("what runs on it does not run elsewhere ({})", broken.join("; ")),
            },
        });
    }
    let drains = set(manager, &node.id, Availability::Drain).await;
    let changed = drains.map_err(draining_it)?;
    // The cluster starts as many once more; it drops what makes the hosts uneven, running or not, so all must run first.
    let all_run = ahead
        .iter()
        .map(|one| wait_elsewhere(manager, &node.id, one, one.running + one.here, operator));
    tokio::select! {
        () = operator.interrupt.cancelled() => {}
        _ = join_all(all_run) => {}
    }
    put_numbers_back(manager).await.map_err(draining_it)?;
    wait_until_empty(host, manager, &node.id, operator).await?;
    for one in &found.moves {
        wait_until_whole(manager, one, operator).await.map_err(draining_it)?;
    }
    tell(operator, host, HostProgress::Drained);
    Ok(changed)
}

/// Closes hosts that are about to be drained, one after another, so that none of them takes what another one gives away.
/// Nothing stops for it. Gives those that were open.
///
/// # Errors
///
/// A failed call.
pub async fn close<'a>(
    manager: &Engine,
    nodes: impl IntoIterator<Item = &'a ObservedNode>,
) -> Result<Vec<&'a ObservedNode>, EngineError> {
    let open: Vec<&ObservedNode> = nodes.into_iter().filter(|node| node.active).collect();
    for node in &open {
        set(manager, &node.id, Availability::Pause).await?;
    }
    Ok(open)
}

/// Lets a drained or paused host take replicas again. Gives whether it did not before.
///
/// # Errors
///
/// A failed call.
pub async fn activate(manager: &Engine, node: &str) -> Result<bool, EngineError> {
    put_numbers_back(manager).await?;
    set(manager, node, Availability::Active).await
}

async fn set(manager: &Engine, node: &str, availability: Availability) -> Result<bool, EngineError> {
    let change = NodeChange {
        availability: Some(availability),
        ..NodeChange::default()
    };
    manager.change_node(node, &change).await
}

async fn look(host: &str, engines: &Engines, manager: &Engine) -> Result<Draining, EngineError> {
    let containers = async {
        let Some(engine) = engines.hosts.get(host) else {
            return Vec::new();
        };
        let listed = engine.with_timeout(ANSWER_LIMIT).containers(&[labels::PROJECT]).await;
        // A blocked engine's replicas move all the same.
        let mut found = listed.unwrap_or_default();
        found.retain(|container| !container.labels.contains_key(labels::TASK));
        found
    };
    let (nodes, services, tasks, containers) =
        tokio::join!(manager.nodes(), manager.services(&[]), manager.tasks(&[]), containers);
    Ok(draining(host, &nodes?, &services?, &tasks?, &containers))
}

fn announce(host: &str, found: &Draining, operator: &Operator) {
    for stay in &found.stays {
        let stops = if stay.stops { " and stops there" } else { "" };
        operator.events.emit(Event::Warning {
            message: format!("{} cannot leave `{host}`{stops}: {}", stay.what, stay.why),
            hint: None,
        });
    }
    for one in &found.moves {
        if let Err(reason) = &one.overlap {
            gap(host, &one.service, reason, operator);
        }
    }
    let here = found.moves.iter().map(|one| one.here).sum();
    tell(operator, host, HostProgress::Draining { left: here });
}

fn gap(host: &str, service: &str, reason: &str, operator: &Operator) {
    operator.events.emit(Event::Warning {
        message: format!("service {service} leaves `{host}` before its replicas run elsewhere: {reason}"),
        hint: None,
    });
}

/// Makes as many replicas elsewhere as run on the node, and waits until they do; `Err`: why they do not come.
async fn make_ahead(manager: &Engine, node: &str, one: &Move, operator: &Operator) -> Result<(), Late> {
    let more = one.replicas + one.here;
    let changed = change_replicas(manager, &one.id, |_| Some((more, Some(one.replicas)))).await;
    changed.map_err(|error| Late::Broken(error.to_string()))?;
    wait_elsewhere(manager, node, one, one.running, operator).await
}

/// Waits until so many replicas run on other nodes; `Err`: why they do not come.
async fn wait_elsewhere(
    manager: &Engine,
    node: &str,
    one: &Move,
    wanted: u64,
    operator: &Operator,
) -> Result<(), Late> {
    let began = tokio::time::Instant::now();
    let before = manager.tasks_of(&[&one.id]).await;
    let before = before.map_err(|error| Late::Broken(error.to_string()))?;
    let before = &before;
    let waited = wait_until(operator.service_timeout, INTERVAL, || async {
        let tasks = manager.tasks_of(&[&one.id]).await?;
        let current = || tasks.iter().filter(|task| task.desired_state <= TaskState::Running);
        let elsewhere = current()
            .filter(|task| task.state == TaskState::Running && task.node_id.as_deref() != Some(node))
            .count() as u64;
        if elsewhere >= wanted {
            return Ok(Waiting::Ready(Ok(())));
        }
        let fails = |task: &&ObservedTask| {
            matches!(task.state, TaskState::Failed | TaskState::Rejected) && !before.iter().any(|old| old.id == task.id)
        };
        if let Some(last) = tasks.iter().filter(fails).nth(FAILURES - 1) {
            let reason = last
                .error
                .clone()
                .unwrap_or_else(|| "its replicas end at once".to_owned());
            return Ok(Waiting::Ready(Err(Late::Broken(reason))));
        }
        let stuck = current().find_map(|task| task.error.as_deref().filter(|_| task.state == TaskState::Pending));
        Ok::<_, EngineError>(match stuck {
            Some(reason) if began.elapsed() > NO_ROOM => Waiting::Ready(Err(Late::NoRoom(reason.to_owned()))),
            _ => Waiting::Pending(format!("{elsewhere} of {wanted} replicas run elsewhere")),
        })
    });
    match waited.await {
        Ok(outcome) => outcome,
        Err(WaitError::Failed(error)) => Err(Late::Broken(error.to_string())),
        Err(timed_out @ WaitError::TimedOut { .. }) => Err(Late::Broken(timed_out.to_string())),
    }
}

/// Why replicas do not come.
enum Late {
    /// The cluster finds no host for more of them.
    NoRoom(String),
    /// They are made, and do not run.
    Broken(String),
}

/// A host that joined lately lacks the images that were sent from the operator's machine; this one has them.
async fn bring_images(host: &str, moves: &[Move], engines: &Engines) -> Result<(), EngineError> {
    let Some(from) = engines.hosts.get(host) else {
        return Ok(());
    };
    for one in moves {
        let Some(image) = &one.image else { continue };
        let names = one.onto.iter().filter_map(|name| engines.hosts.get(name));
        let onto: Vec<Engine> = names.cloned().collect();
        for arrived in transfer(from, &onto, image, |_, _| ()).await?.into_values() {
            arrived?;
        }
    }
    Ok(())
}

/// Sets back what an earlier drain, this one or one that was interrupted, has made in advance.
async fn put_numbers_back(manager: &Engine) -> Result<(), EngineError> {
    for service in manager.services(&[labels::REPLICAS_BEFORE]).await? {
        change_replicas(manager, &service.id, |found| {
            let before = found.labels.get(labels::REPLICAS_BEFORE)?.parse().ok()?;
            Some((before, None))
        })
        .await?;
    }
    Ok(())
}

/// Changes a service's number of replicas, and the label with the number to go back to. Tried again where somebody
/// changed the service meanwhile. One that is gone, or for which `wanted` says nothing, stays.
async fn change_replicas(
    manager: &Engine,
    service: &str,
    wanted: impl Fn(&ObservedService) -> Option<(u64, Option<u64>)>,
) -> Result<(), EngineError> {
    let mut tries = 1;
    loop {
        let Some(found) = manager.service(service).await? else {
            return Ok(());
        };
        let Some((replicas, before)) = wanted(&found) else {
            return Ok(());
        };
        let mut spec = found.spec.clone();
        if let Some(replicated) = spec.mode.as_mut().and_then(|mode| mode.replicated.as_mut()) {
            replicated.replicas = i64::try_from(replicas).ok();
        }
        let own = spec.labels.get_or_insert_default();
        match before {
            Some(before) => own.insert(labels::REPLICAS_BEFORE.to_owned(), before.to_string()),
            None => own.remove(labels::REPLICAS_BEFORE),
        };
        // Those that the service was made with stay with it.
        let none = Credentials::default();
        match manager.update_service(&found.id, found.version, spec, &none).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_out_of_sequence() && tries < 5 => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

async fn wait_until_empty(
    host: &str,
    manager: &Engine,
    node: &str,
    operator: &Operator,
) -> Result<(), HostFailureCause> {
    let waited = wait_until(operator.service_timeout, INTERVAL, || async {
        let left = manager.tasks_on(node).await?.len();
        Ok(match left {
            0 => Waiting::Ready(()),
            left => {
                tell(operator, host, HostProgress::Draining { left: left as u64 });
                Waiting::Pending(format!("{left} replicas still run"))
            }
        })
    });
    let waited = tokio::select! {
        () = operator.interrupt.cancelled() => return Err(HostFailureCause::Interrupted),
        waited = waited => waited,
    };
    waited.map_err(|error| match error {
        WaitError::Failed(source) => during(host, source),
        timed_out @ WaitError::TimedOut { .. } => HostFailureCause::NotEmpty {
            host: host.to_owned(),
            reason: timed_out.to_string(),
        },
    })
}

/// Waits until as many replicas run as before, and no more: those that had to stop first come back, those that were made in
/// advance end. That they do not is worth a word, and no reason to keep the host.
async fn wait_until_whole(manager: &Engine, one: &Move, operator: &Operator) -> Result<(), EngineError> {
    let waited = wait_until(operator.service_timeout, INTERVAL, || async {
        let tasks = manager.tasks_of(&[&one.id]).await?;
        let running = || tasks.iter().filter(|task| task.state == TaskState::Running);
        let stay = running()
            .filter(|task| task.desired_state == TaskState::Running)
            .count() as u64;
        let all = running().count() as u64;
        Ok(if stay >= one.running && all <= one.replicas {
            Waiting::Ready(())
        } else {
            Waiting::Pending(format!("{all} replicas run of {}", one.replicas))
        })
    });
    match waited.await {
        Ok(()) => Ok(()),
        Err(WaitError::Failed(error)) => Err(error),
        Err(timed_out @ WaitError::TimedOut { .. }) => {
            operator.events.emit(Event::Warning {
                message: format!("service {}: {timed_out}", one.service),
                hint: Some("`hoist ps` shows where it stands".to_owned()),
            });
            Ok(())
        }
    }
}

fn tell(operator: &Operator, host: &str, progress: HostProgress) {
    operator.events.emit(Event::Host {
        host: host.to_owned(),
        progress,
    });
}

fn during(host: &str, source: EngineError) -> HostFailureCause {
    HostFailureCause::Bootstrap(BootstrapError::Engine {
        host: host.to_owned(),
        action: "draining".to_owned(),
        source: Box::new(source),
    })
}
