//! Ready hosts become one cluster.
//!
//! What is there decides: a cluster that the hosts are in is gone on with, whoever began it and wherever that ended. A second
//! one is never made: only where no host knows any is one founded.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};

use super::census::{Census, Place, take_census};
use super::roles::{self, usual_managers};
use super::{BootstrapError, Progress, ReadyHost};
use crate::engine::cluster::{ClusterSettings, SwarmState};
use crate::engine::error::cause_chain;
use crate::engine::nodes::NodeChange;
use crate::engine::observation::ObservedNode;
use crate::engine::retry::{RetryPolicy, retry};
use crate::engine::wait::{Progress as Waiting, WaitError, wait_until};
use crate::engine::{Engine, EngineError, Engines, labels};
use crate::hosts::Host;

/// A dead host's replicas are elsewhere about ten times this later.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Ended tasks kept for each replica: enough to see why one fails again and again.
const TASK_HISTORY: i64 = 3;
pub(super) const CLUSTER_PORT: u16 = 2377;
const NODES_READY: Duration = Duration::from_secs(60);
/// The group's labels that Hoist set on a node, so that it takes back what the group no longer says.
const GROUP_LABELS: &str = "dev.hoist.group-labels";

/// A cluster that all ready hosts are in.
#[derive(Debug, Clone)]
pub struct JoinedCluster {
    pub id: String,
    /// One that cluster calls can go to.
    pub manager: Engine,
    /// Host name to node.
    pub nodes: BTreeMap<String, ObservedNode>,
    /// The hosts whose nodes got other labels, by name.
    pub labelled: BTreeSet<String>,
    /// The hosts that manage no more.
    pub demoted: usize,
}

/// Takes each progress message with the name of its host.
pub type OnHostProgress<'a> = &'a (dyn Fn(&str, Progress) + Send + Sync);

/// Joins the hosts to the pool's cluster, which is founded where there is none. `managers`: how many; `None`: 1, 3 or 5 by
/// the number of hosts. Who manages already goes on as far as that number reaches; the others are demoted last of all, one
/// after another.
///
/// # Errors
///
/// [`BootstrapError::Cluster`], which names the host that stands in the way; [`BootstrapError::Engine`] of a failed call.
pub async fn join(
    pool: &str,
    ready: &[ReadyHost],
    managers: Option<usize>,
    progress: OnHostProgress<'_>,
) -> Result<JoinedCluster, BootstrapError> {
    if ready.is_empty() {
        return Err(failed(pool, "there is no host to make it of"));
    }
    let census = take_census(pool, ready).await?;
    let manager = match &census.manager {
        Some(manager) => manager,
        None => found(ready, progress).await?,
    };
    let outside: Vec<&ReadyHost> = ready
        .iter()
        .filter(|host| host.host.name != manager.host.name && census.place(host) == Place::Outside)
        .collect();
    let count = managers.unwrap_or_else(|| usual_managers(ready.len()));
    let wanted = wanted_managers(ready, &census, count);
    if !outside.is_empty() {
        enter(pool, manager, &outside, &wanted, progress).await?;
    }
    let Settled {
        id,
        mut nodes,
        labelled,
    } = settle(pool, manager, ready, &wanted).await?;
    let in_order: Vec<&ObservedNode> = ready.iter().filter_map(|host| nodes.get(&host.host.name)).collect();
    let engines = Engines {
        manager: Some(manager.engine.clone()),
        hosts: ready
            .iter()
            .map(|host| (host.host.name.clone(), host.engine.clone()))
            .collect(),
    };
    let surplus = roles::surplus_managers(&in_order, count);
    let stays = roles::settle(&engines, &in_order, count)
        .await
        .map_err(engine_error(manager, "changing who manages the cluster"))?;
    for node in nodes.values_mut().filter(|node| surplus.contains(&node.id)) {
        node.manager = false;
    }
    Ok(JoinedCluster {
        id,
        manager: stays,
        nodes,
        labelled,
        demoted: surplus.len(),
    })
}

/// The hosts that shall manage: those that do, and then the others in the pool's order.
fn wanted_managers<'a>(ready: &'a [ReadyHost], census: &Census<'_>, count: usize) -> BTreeSet<&'a str> {
    let manages = |host: &&ReadyHost| census.place(host) == Place::Manager;
    let (present, others): (Vec<&ReadyHost>, Vec<&ReadyHost>) = ready.iter().partition(manages);
    let missing = count.saturating_sub(present.len());
    let chosen = present.into_iter().chain(others.into_iter().take(missing));
    chosen.map(|host| host.host.name.as_str()).collect()
}

async fn found<'a>(ready: &'a [ReadyHost], progress: OnHostProgress<'_>) -> Result<&'a ReadyHost, BootstrapError> {
    let first = &ready[0];
    progress(&first.host.name, Progress::Joining);
    let addresses = ready.iter().map(|host| host.private_address.as_str());
    first
        .engine
        .init_cluster(&first.private_address, &listen(first), overlay_addresses(addresses))
        .await
        .map_err(engine_error(first, "making the cluster"))?;
    progress(&first.host.name, Progress::Joined);
    Ok(first)
}

/// Where overlay networks get their addresses from. The engine begins at `10.0.0.0/24` and goes up without looking at the
/// hosts' own networks: hosts near that beginning, as many clouds number them, would lose sight of each other.
fn overlay_addresses<'a>(mut hosts: impl Iterator<Item = &'a str>) -> Option<&'static str> {
    let near_the_beginning = |address: &str| {
        let address: Option<std::net::Ipv4Addr> = address.parse().ok();
        address.is_some_and(|address| address.octets()[0] == 10 && address.octets()[1] < 16)
    };
    hosts.any(near_the_beginning).then_some("10.128.0.0/11")
}

async fn enter(
    pool: &str,
    manager: &ReadyHost,
    outside: &[&ReadyHost],
    wanted: &BTreeSet<&str>,
    progress: OnHostProgress<'_>,
) -> Result<(), BootstrapError> {
    let tokens = manager
        .engine
        .join_tokens()
        .await
        .map_err(engine_error(manager, "reading the join tokens"))?;
    let address = with_port(&manager.private_address);
    let entered = outside.iter().map(|host| {
        let token = if wanted.contains(host.host.name.as_str()) {
            &tokens.manager
        } else {
            &tokens.worker
        };
        enter_one(host, &address, token, progress)
    });
    let failures: Vec<String> = join_all(entered)
        .await
        .into_iter()
        .filter_map(Result::err)
        .map(|error| with_source(&error))
        .collect();
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failed(pool, failures.join("; ")))
    }
}

/// Several who join at once get in each other's way at the managers: that passes.
async fn enter_one(
    host: &ReadyHost,
    manager: &str,
    token: &str,
    progress: OnHostProgress<'_>,
) -> Result<(), BootstrapError> {
    progress(&host.host.name, Progress::Joining);
    let managers = [manager.to_string()];
    let policy = RetryPolicy {
        attempts: 5,
        ..RetryPolicy::default()
    };
    let joining = retry(
        policy,
        |_: &EngineError| true,
        || async {
            match host
                .engine
                .join_cluster(&managers, token, &host.private_address, &listen(host))
                .await
            {
                Ok(()) => Ok(()),
                Err(error) => match host.engine.swarm_state().await? {
                    SwarmState::Manager { .. } | SwarmState::Worker { .. } => Ok(()),
                    SwarmState::Inactive => Err(error),
                    // Half in: out again, so that the next try begins anew.
                    SwarmState::Troubled { .. } => {
                        host.engine.leave_cluster(true).await?;
                        Err(error)
                    }
                },
            }
        },
    );
    joining.await.map_err(engine_error(host, "joining the cluster"))?;
    progress(&host.host.name, Progress::Joined);
    Ok(())
}

/// What came of [`settle`]: the cluster's id, its nodes by host name, and the hosts whose nodes got other labels.
struct Settled {
    id: String,
    nodes: BTreeMap<String, ObservedNode>,
    labelled: BTreeSet<String>,
}

/// Roles, labels and the cluster's own settings; waits until every host's node is ready.
async fn settle(
    pool: &str,
    manager: &ReadyHost,
    ready: &[ReadyHost],
    wanted: &BTreeSet<&str>,
) -> Result<Settled, BootstrapError> {
    let settings = ClusterSettings {
        heartbeat_period: Some(HEARTBEAT),
        task_history_limit: Some(TASK_HISTORY),
    };
    let tune = async {
        manager
            .engine
            .tune_cluster(&settings)
            .await
            .map_err(engine_error(manager, "setting up the cluster"))
    };
    let states = try_join_all(ready.iter().map(|host| async move {
        let state = host
            .engine
            .swarm_state()
            .await
            .map_err(engine_error(host, "asking for its place"))?;
        match state {
            SwarmState::Manager { node_id, .. } | SwarmState::Worker { node_id, .. } => Ok((host, node_id)),
            other => Err(failed(
                pool,
                format!("host `{}` is not in it after joining: {other:?}", host.host.name),
            )),
        }
    }));
    let (_, ids) = tokio::try_join!(tune, states)?;
    let id = manager
        .engine
        .cluster_id()
        .await
        .map_err(engine_error(manager, "asking for the cluster"))?;

    let nodes = ready_nodes(pool, &manager.engine, manager, &ids).await?;
    strike_off_former_nodes(manager, &nodes, &ids).await?;
    let by_id: BTreeMap<&str, &ObservedNode> = nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let changed = try_join_all(ids.iter().map(|(host, id)| {
        let node = by_id.get(id.as_str());
        let manages = wanted.contains(host.host.name.as_str());
        async move {
            let Some(node) = node else { return Ok(None) };
            let change = node_change(host, node, manages);
            if change == NodeChange::default() {
                return Ok(None);
            }
            let changed = manager.engine.change_node(&node.id, &change).await;
            let changed = changed.map_err(engine_error(host, "labelling its node"))?;
            Ok(changed.then_some((host.host.name.clone(), change)))
        }
    }))
    .await?;
    let changed: Vec<(String, NodeChange)> = changed.into_iter().flatten().collect();
    let nodes = if changed.is_empty() {
        nodes
    } else {
        manager
            .engine
            .nodes()
            .await
            .map_err(engine_error(manager, "listing the cluster's nodes"))?
    };
    let mut by_id: BTreeMap<String, ObservedNode> = nodes.into_iter().map(|node| (node.id.clone(), node)).collect();
    let by_host = ids
        .iter()
        .filter_map(|(host, id)| Some((host.host.name.clone(), by_id.remove(id)?)));
    let labelled = (changed.into_iter())
        .filter(|(_, change)| !(change.set_labels.is_empty() && change.remove_labels.is_empty()))
        .map(|(name, _)| name);
    Ok(Settled {
        id,
        nodes: by_host.collect(),
        labelled: labelled.collect(),
    })
}

async fn ready_nodes(
    pool: &str,
    engine: &Engine,
    manager: &ReadyHost,
    ids: &[(&ReadyHost, String)],
) -> Result<Vec<ObservedNode>, BootstrapError> {
    let waited = wait_until(NODES_READY, Duration::from_millis(200), || async {
        let nodes = engine.nodes().await?;
        let is_ready = |id: &str| nodes.iter().any(|node| node.id == id && node.ready);
        let missing: Vec<&str> = ids
            .iter()
            .filter(|(_, id)| !is_ready(id))
            .map(|(host, _)| host.host.name.as_str())
            .collect();
        Ok(if missing.is_empty() {
            Waiting::Ready(nodes)
        } else {
            Waiting::Pending(format!("not ready: {}", missing.join(", ")))
        })
    });
    waited.await.map_err(|error| match error {
        WaitError::Failed(source) => engine_error(manager, "listing the cluster's nodes")(source),
        timed_out @ WaitError::TimedOut { .. } => failed(pool, timed_out.to_string()),
    })
}

/// A machine that was made anew under its old name is a new node; the old one would stay for ever.
async fn strike_off_former_nodes(
    manager: &ReadyHost,
    nodes: &[ObservedNode],
    ids: &[(&ReadyHost, String)],
) -> Result<(), BootstrapError> {
    for (host, id) in ids {
        let former = |node: &&ObservedNode| {
            node.id != *id && !node.ready && node.labels.get(labels::HOST) == Some(&host.host.name)
        };
        for node in nodes.iter().filter(former) {
            if node.manager {
                let demote = NodeChange {
                    manager: Some(false),
                    ..NodeChange::default()
                };
                let demoted = manager.engine.change_node(&node.id, &demote).await;
                demoted.map_err(engine_error(host, "demoting its former node"))?;
            }
            let removed = manager.engine.remove_node(&node.id, true).await;
            removed.map_err(engine_error(host, "removing its former node"))?;
        }
    }
    Ok(())
}

/// Whether the node lacks a label of its host's group, or has one that the group had before.
pub fn labels_differ(host: &Host, node: &ObservedNode) -> bool {
    let before = node.labels.get(GROUP_LABELS).map(String::as_str).unwrap_or_default();
    let lacks = host
        .labels
        .iter()
        .any(|(name, value)| node.labels.get(name) != Some(value));
    let names = before.split(',').filter(|name| !name.is_empty());
    lacks || names.into_iter().any(|name| !host.labels.contains_key(name))
}

/// What makes the node what the host is; nothing where it is.
fn node_change(host: &ReadyHost, node: &ObservedNode, manages: bool) -> NodeChange {
    let group_labels: Vec<&str> = host.host.labels.keys().map(String::as_str).collect();
    let mut wanted = host.host.labels.clone();
    for (name, value) in [
        (labels::POOL, host.host.pool.as_str()),
        (labels::GROUP, host.host.group.as_str()),
        (labels::HOST, host.host.name.as_str()),
        (labels::BOOTSTRAP, host.stamp.as_str()),
        (labels::IPVS, if host.facts.ipvs { "true" } else { "false" }),
        (labels::ESP, if host.facts.esp { "true" } else { "false" }),
        (GROUP_LABELS, &group_labels.join(",")),
    ] {
        wanted.insert(name.to_string(), value.to_string());
    }
    let before = node.labels.get(GROUP_LABELS).map(String::as_str).unwrap_or_default();
    NodeChange {
        availability: None,
        manager: (manages && !node.manager).then_some(true),
        remove_labels: before
            .split(',')
            .filter(|name| !wanted.contains_key(*name) && node.labels.contains_key(*name))
            .map(str::to_string)
            .collect(),
        set_labels: wanted
            .into_iter()
            .filter(|(name, value)| node.labels.get(name) != Some(value))
            .collect(),
    }
}

fn listen(host: &ReadyHost) -> String {
    let any = if host.private_address.contains(':') {
        "[::]"
    } else {
        "0.0.0.0"
    };
    format!("{any}:{CLUSTER_PORT}")
}

fn with_port(address: &str) -> String {
    if address.contains(':') {
        format!("[{address}]:{CLUSTER_PORT}")
    } else {
        format!("{address}:{CLUSTER_PORT}")
    }
}

pub(super) fn engine_error(host: &ReadyHost, action: &'static str) -> impl Fn(EngineError) -> BootstrapError {
    let host = host.host.name.clone();
    move |source| BootstrapError::Engine {
        host: host.clone(),
        action: action.to_string(),
        source: Box::new(source),
    }
}

fn with_source(error: &BootstrapError) -> String {
    cause_chain(error)
}

pub(super) fn failed(pool: &str, reason: impl Into<String>) -> BootstrapError {
    BootstrapError::Cluster {
        pool: pool.to_string(),
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{test_node, test_ready_host};
    use super::*;

    #[test]
    fn overlay_networks_keep_away_from_the_hosts_own() {
        assert_eq!(
            overlay_addresses(["10.213.0.2", "192.168.0.4", "fd00::5"].into_iter()),
            None
        );
        assert_eq!(
            overlay_addresses(["192.168.0.4", "10.0.0.7"].into_iter()),
            Some("10.128.0.0/11")
        );
    }

    #[test]
    fn a_node_becomes_what_its_host_is_and_stays_so() {
        let mut host = test_ready_host();
        host.host.labels.insert("tier".to_string(), "web".to_string());
        let mut node = test_node();
        let change = node_change(&host, &node, true);
        assert_eq!(change.manager, Some(true));
        assert_eq!(change.set_labels["tier"], "web");
        assert_eq!(change.set_labels[labels::HOST], "web-1");
        node.labels.extend(change.set_labels);
        node.manager = true;
        assert_eq!(node_change(&host, &node, true), NodeChange::default());
        // Whoever is too many is demoted later, one after another.
        assert!(!labels_differ(&host.host, &node));
        assert_eq!(node_change(&host, &node, false), NodeChange::default());
    }

    #[test]
    fn a_label_that_the_group_no_longer_has_goes_and_others_stay() {
        let mut host = test_ready_host();
        host.host.labels.insert("tier".to_string(), "web".to_string());
        let mut node = test_node();
        node.labels = node_change(&host, &node, false).set_labels;
        node.labels.insert("somebodys".to_string(), "own".to_string());
        host.host.labels.clear();
        let change = node_change(&host, &node, false);
        assert!(labels_differ(&host.host, &node));
        assert_eq!(change.remove_labels, ["tier"]);
        assert_eq!(change.set_labels[GROUP_LABELS], "");
    }
}
