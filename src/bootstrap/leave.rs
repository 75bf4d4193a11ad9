//! A host leaves the cluster: what runs on it moves away first.

use std::collections::BTreeSet;
use std::time::Duration;

use super::BootstrapError;
use super::cluster::failed;
use crate::engine::nodes::{Availability, NodeChange};
use crate::engine::observation::{ObservedNode, TaskState};
use crate::engine::wait::{Progress as Waiting, WaitError, wait_until};
use crate::engine::{Engine, EngineError, labels};

/// An engine removes a stopped container in less.
const REMOVAL: Duration = Duration::from_secs(20);

/// Takes a host out of the cluster: its replicas move away first, then it leaves. `engine` is the host's own, where it still
/// answers. Taking out what is not in it is no error.
///
/// # Errors
///
/// [`BootstrapError::Cluster`] where it is the last manager of several nodes; [`BootstrapError::Engine`] of a failed call.
pub async fn remove_host(
    pool: &str,
    host: &str,
    manager: &Engine,
    engine: Option<&Engine>,
    patience: Duration,
) -> Result<(), BootstrapError> {
    let call = |action| during(host, action);
    let nodes = manager.nodes().await.map_err(call("listing the cluster's nodes"))?;
    let own = |node: &&ObservedNode| node.labels.get(labels::HOST).is_some_and(|name| name == host);
    let leaving: Vec<&ObservedNode> = nodes.iter().filter(own).collect();
    if leaving.is_empty() {
        return Ok(());
    }
    let gone: BTreeSet<&str> = leaving.iter().map(|node| node.id.as_str()).collect();
    let staying: Vec<&ObservedNode> = nodes.iter().filter(|node| !gone.contains(node.id.as_str())).collect();
    if staying.is_empty() {
        // The last one: with it the cluster ends.
        return leave(pool, host, manager).await;
    }
    if !staying.iter().any(|node| node.manager && node.ready) {
        return Err(failed(
            pool,
            format!("host `{host}` is its last manager, and other hosts are still in it"),
        ));
    }
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
        if node.manager {
            let demote = NodeChange {
                manager: Some(false),
                ..NodeChange::default()
            };
            manager.change_node(&node.id, &demote).await.map_err(call("demoting"))?;
        }
        if let Some(engine) = engine {
            // A host that cannot be asked any more is struck off all the same.
            let _ = leave(pool, host, engine).await;
        }
        match manager.remove_node(&node.id, true).await {
            Err(error) if !error.is_not_found() => return Err(call("removing its node")(error)),
            _ => {}
        }
    }
    Ok(())
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
