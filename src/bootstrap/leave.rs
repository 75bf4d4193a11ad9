//! A host leaves the cluster: what runs on it moves away first, and the cluster keeps a manager.

use std::time::Duration;

use super::BootstrapError;
use super::cluster::failed;
use super::roles::{self, host_name};
use crate::engine::nodes::{Availability, NodeChange};
use crate::engine::observation::{ObservedNode, TaskState};
use crate::engine::wait::{Progress as Waiting, WaitError, wait_until};
use crate::engine::{Engine, EngineError, Engines, labels};

/// An engine removes a stopped container in less.
const REMOVAL: Duration = Duration::from_secs(20);

/// Takes a host out of the pool's cluster: another one manages in its place where it was the last to, what still runs on it
/// moves away, then it leaves. Gives a manager that stays; `None` where the host was the last and the cluster ended with it.
/// Taking out what is not in it is no error.
///
/// # Errors
///
/// [`BootstrapError::Cluster`] where nobody could manage in its place; [`BootstrapError::Engine`] of a failed call.
pub async fn remove_host(
    pool: &str,
    host: &str,
    engines: &Engines,
    patience: Duration,
) -> Result<Option<Engine>, BootstrapError> {
    let call = |action| during(host, action);
    let Some(manager) = &engines.manager else {
        return Ok(None);
    };
    let own = engines.hosts.get(host);
    let nodes = manager.nodes().await.map_err(call("listing the cluster's nodes"))?;
    let (leaving, staying): (Vec<&ObservedNode>, Vec<&ObservedNode>) =
        nodes.iter().partition(|node| host_name(node) == host);
    if leaving.is_empty() {
        return Ok(Some(manager.clone()));
    }
    if staying.is_empty() {
        // The last one: with it the cluster ends.
        leave(pool, host, manager).await?;
        return Ok(None);
    }
    let manager = &manager_that_stays(pool, host, engines, manager, &staying).await?;
    for node in leaving {
        if node.ready {
            let drain = NodeChange {
                availability: Some(Availability::Drain),
                ..NodeChange::default()
            };
            manager.change_node(&node.id, &drain).await.map_err(call("draining"))?;
            wait_until_empty(manager, &node.id, patience)
                .await
                .map_err(call("draining"))?;
        }
        let answering = own.filter(|_| node.ready);
        if node.manager {
            roles::demote(manager, &node.id, answering)
                .await
                .map_err(call("making it a worker"))?;
        }
        if let Some(engine) = answering {
            // A host that cannot be asked any more is struck off all the same.
            let _ = leave(pool, host, engine).await;
        }
        match manager.remove_node(&node.id, true).await {
            Err(error) if !error.is_not_found() => return Err(call("removing its node")(error)),
            _ => {}
        }
    }
    Ok(Some(manager.clone()))
}

/// A manager that is not on its way out. Where all others are workers, the first that answers becomes one: a cluster
/// without a manager is lost.
async fn manager_that_stays(
    pool: &str,
    host: &str,
    engines: &Engines,
    manager: &Engine,
    staying: &[&ObservedNode],
) -> Result<Engine, BootstrapError> {
    let engine_of = |node: &&&ObservedNode| engines.hosts.get(host_name(node));
    let ready = || staying.iter().filter(|node| node.ready);
    if let Some(other) = ready().filter(|node| node.manager).find_map(|node| engine_of(&node)) {
        return Ok(other.clone());
    }
    if manager.name != host && ready().any(|node| node.manager) {
        return Ok(manager.clone());
    }
    let Some((node, engine)) = ready().find_map(|node| Some((node, engine_of(&node)?))) else {
        return Err(failed(
            pool,
            format!("host `{host}` is its last manager, and no other host answers that could manage in its place"),
        ));
    };
    roles::promote(manager, &node.id, engine)
        .await
        .map_err(during(host_name(node), "making it a manager"))?;
    Ok(engine.clone())
}

/// Takes an engine out of whatever cluster it is in, with the containers of that cluster's replicas: stopped ones are removed by
/// the cluster a moment after their service, and an engine that has left in between would keep them for ever.
///
/// # Errors
///
/// [`BootstrapError::Engine`] of a failed call; [`BootstrapError::Cluster`] where a container does not go. An engine that is in no cluster is no error.
pub async fn leave(pool: &str, host: &str, engine: &Engine) -> Result<(), BootstrapError> {
    match engine.leave_cluster(true).await {
        Err(error) if !error.is_out_of_cluster() => return Err(during(host, "leaving the cluster")(error)),
        _ => {}
    }
    // The engine may be removing some of them itself: gone is what counts.
    let gone = wait_until(REMOVAL, Duration::from_millis(100), || async {
        let left = engine.containers(&[labels::TASK]).await?;
        for container in &left {
            match engine.remove_container(&container.id, true, true).await {
                Err(error) if !error.is_not_found() && !error.is_in_use() => return Err(error),
                _ => {}
            }
        }
        Ok(match left.len() {
            0 => Waiting::Ready(()),
            count => Waiting::Pending(format!("{count} containers are left")),
        })
    });
    match gone.await {
        Ok(()) => Ok(()),
        Err(WaitError::TimedOut { last, .. }) => Err(failed(pool, format!("on host `{host}` {last} that do not go"))),
        Err(WaitError::Failed(error)) => Err(during(host, "removing what the cluster left")(error)),
    }
}

/// A failed call to a host's engine, and what it was for.
fn during(host: &str, action: &'static str) -> impl FnOnce(EngineError) -> BootstrapError {
    let host = host.to_owned();
    move |source| BootstrapError::Engine {
        host,
        action: action.to_owned(),
        source: Box::new(source),
    }
}

/// Waits until nothing runs on the node any more, or time is up: what is left then ends with the host.
async fn wait_until_empty(manager: &Engine, node: &str, patience: Duration) -> Result<(), EngineError> {
    let waited = wait_until(patience, Duration::from_millis(250), || async {
        let tasks = manager.tasks_on(node).await?;
        let running = tasks.iter().filter(|task| task.state == TaskState::Running).count();
        Ok(if running == 0 {
            Waiting::Ready(())
        } else {
            Waiting::Pending(format!("{running} replicas still run"))
        })
    });
    match waited.await {
        Ok(()) | Err(WaitError::TimedOut { .. }) => Ok(()),
        Err(WaitError::Failed(error)) => Err(error),
    }
}
