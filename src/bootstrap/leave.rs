//! A host leaves the cluster: what runs on it moves away first.

use std::collections::BTreeSet;
use std::time::Duration;

use super::BootstrapError;
use super::cluster::failed;
use crate::engine::nodes::{Availability, NodeChange};
use crate::engine::observation::{ObservedNode, TaskState};
use crate::engine::wait::{Progress as Waiting, WaitError, wait_until};
use crate::engine::{Engine, EngineError, labels};

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
    let call = |action: &'static str| {
        move |source: EngineError| BootstrapError::Engine {
            host: host.to_string(),
            action: action.to_string(),
            source: Box::new(source),
        }
    };
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
        return manager.leave_cluster(true).await.map_err(call("leaving the cluster"));
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
            let _ = engine.leave_cluster(true).await;
        }
        match manager.remove_node(&node.id, true).await {
            Err(error) if !error.is_not_found() => return Err(call("removing its node")(error)),
            _ => {}
        }
    }
    Ok(())
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
