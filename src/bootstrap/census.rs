//! Which cluster the hosts of a pool are in already, and what stands in the way of one. Puts right what is certainly dead.
//!
//! A cluster is the pool's if one of its nodes carries the pool's label, or if it has no node beside the pool's hosts: an
//! interrupted run had no time for labels. Any other is foreign, and no host is torn out of a foreign one.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::time::Instant;

use super::cluster::{engine_error, failed};
use super::{BootstrapError, ReadyHost};
use crate::engine::cluster::SwarmState;
use crate::engine::labels;

/// An engine that was just started needs a moment to find its cluster, or a leader in it.
const RECOVERY: Duration = Duration::from_secs(15);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Manager,
    Worker,
    Outside,
}

/// Who is where.
pub(super) struct Census<'a> {
    /// A manager of the pool's cluster; `None`: there is no such cluster.
    pub manager: Option<&'a ReadyHost>,
    places: BTreeMap<String, Place>,
}

impl Census<'_> {
    pub fn place(&self, host: &ReadyHost) -> Place {
        self.places.get(&host.host.name).copied().unwrap_or(Place::Outside)
    }
}

/// Asks all hosts at once.
pub(super) async fn take_census<'a>(pool: &str, ready: &'a [ReadyHost]) -> Result<Census<'a>, BootstrapError> {
    let states = try_join_all(ready.iter().map(settled_state)).await?;
    let mut clusters: BTreeMap<&str, Vec<&ReadyHost>> = BTreeMap::new();
    for (host, state) in ready.iter().zip(&states) {
        if let SwarmState::Manager { cluster_id, .. } = state {
            clusters.entry(cluster_id).or_default().push(host);
        }
    }
    if clusters.contains_key("") {
        let without = leaderless(ready, &states);
        return Err(failed(
            pool,
            format!(
                "it has lost the majority of its managers; {} cannot decide alone",
                without.join(", ")
            ),
        ));
    }

    let mut own = Vec::new();
    for (id, managers) in &clusters {
        let nodes = managers[0]
            .engine
            .nodes()
            .await
            .map_err(engine_error(managers[0], "listing the cluster's nodes"))?;
        let of_pool = |name: &str| {
            nodes
                .iter()
                .any(|node| node.labels.get(labels::POOL).is_some_and(|pool| pool == name))
        };
        let other_pool = nodes
            .iter()
            .filter_map(|node| node.labels.get(labels::POOL))
            .find(|other| *other != pool);
        let ours_alone = nodes.iter().all(|node| {
            // A manager may call itself by an address that means nothing to others.
            let local = ["0.0.0.0", "127.0.0.1", "::"].contains(&node.address.as_str());
            local || ready.iter().any(|host| host.private_address == node.address)
        });
        if of_pool(pool) || (other_pool.is_none() && ours_alone) {
            let lone = nodes.len() == 1 && !of_pool(pool);
            own.push((*id, managers[0], lone));
        } else {
            let whose = other_pool
                .map(|other| format!("of pool `{other}`"))
                .unwrap_or_else(|| "of somebody else".to_string());
            let names: Vec<String> = managers.iter().map(|host| format!("`{}`", host.host.name)).collect();
            return Err(failed(
                pool,
                format!("host {} manages a cluster {whose}", names.join(", ")),
            ));
        }
    }
    // Of two, one was founded by a run that was interrupted before anything else came into it.
    if own.len() > 1 {
        own.sort_by_key(|(_, _, lone)| *lone);
        if let Some((_, host, _)) = own[1..].iter().find(|(_, _, lone)| !lone) {
            let first = &own[0].1.host.name;
            return Err(failed(
                pool,
                format!(
                    "hosts `{first}` and `{}` are in different clusters of this pool",
                    host.host.name
                ),
            ));
        }
        for (_, host, _) in &own[1..] {
            leave(host).await?;
        }
    }
    let manager = own.first().map(|(_, host, _)| *host);
    let dissolved: Vec<&str> = own.iter().skip(1).map(|(id, ..)| *id).collect();

    let addresses = match manager {
        Some(manager) => manager_addresses(manager).await?,
        None => Vec::new(),
    };
    let mut places = BTreeMap::new();
    for (host, state) in ready.iter().zip(&states) {
        let place = match state {
            SwarmState::Manager { cluster_id, .. } if dissolved.contains(&cluster_id.as_str()) => Place::Outside,
            SwarmState::Manager { .. } => Place::Manager,
            SwarmState::Inactive => Place::Outside,
            SwarmState::Worker { managers, .. } => {
                match worker_place(pool, ready, &states, host, managers, &addresses)? {
                    WorkerPlace::Inside => Place::Worker,
                    WorkerPlace::Orphaned => {
                        leave(host).await?;
                        Place::Outside
                    }
                }
            }
            SwarmState::Troubled { state, reason } if state == "locked" => {
                return Err(failed(
                    pool,
                    format!("host `{}` is in a locked cluster: {reason}", host.host.name),
                ));
            }
            // Not in after all this time: a join that never came to its end.
            SwarmState::Troubled { .. } => {
                leave(host).await?;
                Place::Outside
            }
        };
        places.insert(host.host.name.clone(), place);
    }
    Ok(Census { manager, places })
}

/// The state, once an engine that is still finding its cluster has had a moment for it.
async fn settled_state(host: &ReadyHost) -> Result<SwarmState, BootstrapError> {
    let deadline = Instant::now() + RECOVERY;
    loop {
        let asked = host.engine.swarm_state().await;
        let state = asked.map_err(engine_error(host, "asking for its place in the cluster"))?;
        let unsettled = match &state {
            SwarmState::Troubled { state, .. } => state != "locked",
            SwarmState::Manager { cluster_id, .. } => cluster_id.is_empty(),
            SwarmState::Inactive | SwarmState::Worker { .. } => false,
        };
        if !unsettled || Instant::now() >= deadline {
            return Ok(state);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// Where a worker is: it knows only its managers' addresses.
fn worker_place(
    pool: &str,
    ready: &[ReadyHost],
    states: &[SwarmState],
    host: &ReadyHost,
    managers: &[String],
    of_the_pool: &[String],
) -> Result<WorkerPlace, BootstrapError> {
    if managers.iter().any(|manager| of_the_pool.contains(manager)) {
        return Ok(WorkerPlace::Inside);
    }
    // A manager that is one of these hosts and says that it is in no cluster has left, or was made anew.
    let gone = |manager: &String| {
        let address = manager
            .rsplit_once(':')
            .map_or(manager.as_str(), |(address, _)| address);
        let address = address.trim_start_matches('[').trim_end_matches(']');
        ready
            .iter()
            .zip(states)
            .any(|(other, state)| other.private_address == address && *state == SwarmState::Inactive)
    };
    if !managers.is_empty() && managers.iter().all(gone) {
        return Ok(WorkerPlace::Orphaned);
    }
    Err(failed(
        pool,
        format!(
            "host `{}` works for a cluster whose managers are not hosts of this pool: {}",
            host.host.name,
            managers.join(", ")
        ),
    ))
}

#[derive(Debug, PartialEq, Eq)]
enum WorkerPlace {
    Inside,
    /// Its cluster is no more.
    Orphaned,
}

/// Every manager of the cluster, as workers know them.
async fn manager_addresses(manager: &ReadyHost) -> Result<Vec<String>, BootstrapError> {
    let asked = manager.engine.swarm_state().await;
    match asked.map_err(engine_error(manager, "asking for the cluster's managers"))? {
        SwarmState::Manager { managers, .. } => Ok(managers),
        _ => Ok(Vec::new()),
    }
}

async fn leave(host: &ReadyHost) -> Result<(), BootstrapError> {
    host.engine
        .leave_cluster(true)
        .await
        .map_err(engine_error(host, "leaving a cluster that is no more"))
}

fn leaderless<'a>(ready: &'a [ReadyHost], states: &[SwarmState]) -> Vec<&'a str> {
    let lost = |state: &SwarmState| matches!(state, SwarmState::Manager { cluster_id, .. } if cluster_id.is_empty());
    let hosts = ready.iter().zip(states).filter(|(_, state)| lost(state));
    hosts.map(|(host, _)| host.host.name.as_str()).collect()
}
