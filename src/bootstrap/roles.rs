//! Which hosts manage the cluster, and how one becomes a manager or stops being one without the cluster losing its majority.
//!
//! Knows numbers and roles. Never takes a host out of the cluster: that is `leave`'s.

use std::time::Duration;

use crate::engine::nodes::NodeChange;
use crate::engine::observation::ObservedNode;
use crate::engine::wait::{Progress as Waiting, WaitError, wait_until};
use crate::engine::{Engine, EngineError, Engines, SwarmState, labels};

/// A node learns of its new role from its managers; its engine then starts or stops its part of them. One that missed the word
/// asks for a certificate of its new role after 16 s, and again after longer pauses (*swarmkit, node*).
const ROLE_CHANGE: Duration = Duration::from_secs(90);

/// How many managers a pool of so many hosts has where its file does not say: an odd number keeps a majority when one
/// fails; more than five slow every change down.
pub fn usual_managers(hosts: usize) -> usize {
    match hosts {
        0..=2 => 1,
        3 | 4 => 3,
        _ => 5,
    }
}

/// The managers beyond `count`: the leader stays, and then the first ones. `nodes` in the pool's order; those that do not
/// answer are left alone, for nobody knows what they hold.
pub fn surplus_managers(nodes: &[&ObservedNode], count: usize) -> Vec<String> {
    let mut managers: Vec<&&ObservedNode> = nodes.iter().filter(|node| node.manager && node.ready).collect();
    managers.sort_by_key(|node| !node.leader);
    let surplus = managers.into_iter().skip(count.max(1));
    surplus.map(|node| node.id.clone()).collect()
}

/// How many hosts should become managers, or stop being one; 0 where as many manage as should and can.
pub fn role_changes(nodes: &[&ObservedNode], count: usize) -> usize {
    let ready = nodes.iter().filter(|node| node.ready).count();
    let managers = nodes.iter().filter(|node| node.ready && node.manager).count();
    count.clamp(1, ready.max(1)).abs_diff(managers)
}

/// Lets `count` of the nodes manage: the first workers that answer come to it, and then managers beyond it become workers, one
/// after another. `nodes` in the pool's order. Gives a manager that goes on.
///
/// # Errors
///
/// A failed call, or a node that does not come to its new role.
pub async fn settle(engines: &Engines, nodes: &[&ObservedNode], count: usize) -> Result<Engine, EngineError> {
    let engine_of = |node: &ObservedNode| engines.hosts.get(host_name(node));
    let manager = engines
        .manager
        .clone()
        .or_else(|| engines.hosts.values().next().cloned());
    let Some(manager) = manager else {
        return Err(EngineError::Call {
            engine: "the cluster".to_owned(),
            action: "choose its managers".to_owned(),
            status: None,
            message: "it has no host that answers".to_owned(),
        });
    };
    let managing = nodes.iter().filter(|node| node.manager && node.ready).count();
    let workers = nodes.iter().filter(|node| !node.manager && node.ready);
    let able = workers.filter_map(|node| Some((node, engine_of(node)?)));
    for (node, engine) in able.take(count.saturating_sub(managing)) {
        promote(&manager, &node.id, engine).await?;
    }
    let surplus = surplus_managers(nodes, count);
    let goes_on = |node: &&&ObservedNode| node.manager && node.ready && !surplus.contains(&node.id);
    let stays = match nodes.iter().find(goes_on).and_then(|node| engine_of(node)) {
        Some(engine) if !surplus.is_empty() => engine.clone(),
        _ => manager,
    };
    for node in nodes.iter().filter(|node| surplus.contains(&node.id)) {
        demote(&stays, &node.id, engine_of(node)).await?;
    }
    Ok(stays)
}

/// Makes a node a manager, and waits until its own engine says so: only then does the majority count on it.
///
/// # Errors
///
/// A failed call, or the last thing that the engine said of itself.
pub(super) async fn promote(manager: &Engine, node: &str, engine: &Engine) -> Result<(), EngineError> {
    set_role(manager, node, true).await?;
    wait_for_role(
        engine,
        |state| matches!(state, SwarmState::Manager { cluster_id, .. } if !cluster_id.is_empty()),
    )
    .await
}

/// Makes a manager a worker. With its own `engine`, waits until that one says so: a manager that leaves before is
/// missed by the others' majority.
///
/// # Errors
///
/// A failed call: the cluster refuses where too few managers would be left.
pub(super) async fn demote(manager: &Engine, node: &str, engine: Option<&Engine>) -> Result<(), EngineError> {
    set_role(manager, node, false).await?;
    match engine {
        Some(engine) => wait_for_role(engine, |state| !matches!(state, SwarmState::Manager { .. })).await,
        None => Ok(()),
    }
}

/// Hoist's name of the node's host.
pub(super) fn host_name(node: &ObservedNode) -> &str {
    node.labels.get(labels::HOST).unwrap_or(&node.name)
}

async fn set_role(manager: &Engine, node: &str, manages: bool) -> Result<(), EngineError> {
    let change = NodeChange {
        manager: Some(manages),
        ..NodeChange::default()
    };
    manager.change_node(node, &change).await.map(|_| ())
}

async fn wait_for_role(engine: &Engine, is_there: impl Fn(&SwarmState) -> bool) -> Result<(), EngineError> {
    let waited = wait_until(ROLE_CHANGE, Duration::from_millis(100), || async {
        let state = engine.swarm_state().await?;
        Ok(if is_there(&state) {
            Waiting::Ready(())
        } else {
            Waiting::Pending(format!("{state:?}"))
        })
    });
    match waited.await {
        Ok(()) => Ok(()),
        Err(WaitError::Failed(error)) => Err(error),
        Err(timed_out @ WaitError::TimedOut { .. }) => Err(EngineError::Call {
            engine: engine.name.clone(),
            action: "change its role in the cluster".to_owned(),
            status: None,
            message: timed_out.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_node;
    use super::*;

    fn node(id: &str, manager: bool, leader: bool) -> ObservedNode {
        ObservedNode {
            id: id.to_owned(),
            manager,
            leader,
            ..test_node()
        }
    }

    #[test]
    fn the_number_of_managers_is_odd_and_small() {
        let counts: Vec<usize> = [1, 2, 3, 4, 5, 40].into_iter().map(usual_managers).collect();
        assert_eq!(counts, [1, 1, 3, 3, 5, 5]);
    }

    #[test]
    fn the_leader_stays_and_then_the_first_managers() {
        let nodes = [node("a", true, false), node("b", true, false), node("c", true, true)];
        let all: Vec<&ObservedNode> = nodes.iter().collect();
        assert_eq!(surplus_managers(&all, 1), ["a", "b"]);
        assert_eq!(surplus_managers(&all, 2), ["b"]);
        assert_eq!(surplus_managers(&all, 3), Vec::<String>::new());
        // Nobody can wish for a cluster without a manager.
        assert_eq!(surplus_managers(&all, 0), ["a", "b"]);
    }

    #[test]
    fn a_manager_that_does_not_answer_is_neither_demoted_nor_counted() {
        let mut nodes = [node("a", true, true), node("b", true, false), node("c", false, false)];
        nodes[1].ready = false;
        let all: Vec<&ObservedNode> = nodes.iter().collect();
        assert_eq!(surplus_managers(&all, 1), Vec::<String>::new());
        assert_eq!(role_changes(&all, 1), 0);
        assert_eq!(role_changes(&all, 3), 1, "c can take b's place");
        nodes[2].ready = false;
        assert_eq!(
            role_changes(&nodes.iter().collect::<Vec<_>>(), 3),
            0,
            "there is nobody else"
        );
    }
}
