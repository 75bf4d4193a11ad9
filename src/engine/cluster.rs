//! The cluster from one engine's side: whether it is in one, and making, joining, tuning and leaving one.
//!
//! Knows the swarm calls of the Engine API. Never decides who should be a manager.

use std::time::Duration;

use bollard::query_parameters::{LeaveSwarmOptions, UpdateSwarmOptions};
use futures_util::future::join_all;

use super::connection::{Engine, Engines};
use super::error::EngineError;
use super::models;

/// Joining waits for the manager; the engine itself gives up after 20 s.
const JOIN_TIMEOUT: Duration = Duration::from_secs(60);

/// Of an overlay network, where the cluster's addresses are not the engine's own choice: as many as it takes itself.
const SUBNET_SIZE: u32 = 24;

/// An engine's place in a cluster (Engine API: *SwarmInfo*).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SwarmState {
    Inactive,
    Manager {
        /// Empty while the cluster has no leader.
        cluster_id: String,
        node_id: String,
        node_address: String,
        managers: Vec<String>,
    },
    /// A worker does not know the cluster's id, only its managers' addresses (`address:port`).
    Worker {
        node_id: String,
        node_address: String,
        managers: Vec<String>,
    },
    /// On its way in, or cut off, or locked: the engine's own words.
    Troubled {
        state: String,
        reason: String,
    },
}

/// What lets an engine join; secret.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinTokens {
    pub worker: String,
    pub manager: String,
}

/// The cluster's own settings; `None` leaves one as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterSettings {
    pub heartbeat_period: Option<Duration>,
    /// How many ended tasks are kept for each slot.
    pub task_history_limit: Option<i64>,
}

impl Engine {
    pub async fn swarm_state(&self) -> Result<SwarmState, EngineError> {
        Ok(swarm_state_of(self.info().await?.swarm.unwrap_or_default()))
    }

    /// Makes this engine the first manager of a new cluster and returns its node id. `advertise` is the address that
    /// the others reach it at; `listen` such as `0.0.0.0:2377`; `networks`: where overlay networks get their addresses
    /// from, in CIDR (`None`: the engine's `10.0.0.0/8`).
    pub async fn init_cluster(
        &self,
        advertise: &str,
        listen: &str,
        networks: Option<&str>,
    ) -> Result<String, EngineError> {
        let request = models::SwarmInitRequest {
            listen_addr: Some(listen.to_owned()),
            advertise_addr: Some(advertise.to_owned()),
            default_addr_pool: networks.map(|networks| vec![networks.to_owned()]),
            // The engine takes none for 0, and then starts no service at all.
            subnet_size: networks.map(|_| SUBNET_SIZE),
            ..models::SwarmInitRequest::default()
        };
        self.with_timeout(JOIN_TIMEOUT)
            .docker
            .init_swarm(request)
            .await
            .map_err(self.failed("make a cluster"))
    }

    /// Joins the cluster of these managers (`address:port`), as what the token says.
    pub async fn join_cluster(
        &self,
        managers: &[String],
        token: &str,
        advertise: &str,
        listen: &str,
    ) -> Result<(), EngineError> {
        let request = models::SwarmJoinRequest {
            listen_addr: Some(listen.to_owned()),
            advertise_addr: Some(advertise.to_owned()),
            remote_addrs: Some(managers.to_vec()),
            join_token: Some(token.to_owned()),
            ..models::SwarmJoinRequest::default()
        };
        self.with_timeout(JOIN_TIMEOUT)
            .docker
            .join_swarm(request)
            .await
            .map_err(self.failed("join the cluster"))
    }

    /// `force`: even if it is a manager, and the cluster may lose its majority by it.
    pub async fn leave_cluster(&self, force: bool) -> Result<(), EngineError> {
        self.docker
            .leave_swarm(Some(LeaveSwarmOptions { force }))
            .await
            .map_err(self.failed("leave the cluster"))
    }

    pub async fn join_tokens(&self) -> Result<JoinTokens, EngineError> {
        let tokens = self.inspect_cluster().await?.join_tokens.unwrap_or_default();
        Ok(JoinTokens {
            worker: tokens.worker.unwrap_or_default(),
            manager: tokens.manager.unwrap_or_default(),
        })
    }

    pub async fn cluster_id(&self) -> Result<String, EngineError> {
        Ok(self.inspect_cluster().await?.id.unwrap_or_default())
    }

    /// Sets what differs, and returns whether anything did. Tried again where somebody changed the cluster meanwhile.
    pub async fn tune_cluster(&self, settings: &ClusterSettings) -> Result<bool, EngineError> {
        let mut tries = 1;
        loop {
            let cluster = self.inspect_cluster().await?;
            let version = cluster.version.and_then(|version| version.index).unwrap_or_default();
            let before = cluster.spec.unwrap_or_default();
            let mut spec = before.clone();
            settings.apply(&mut spec);
            if spec == before {
                return Ok(false);
            }
            let options = UpdateSwarmOptions {
                version: i64::try_from(version).unwrap_or(i64::MAX),
                ..UpdateSwarmOptions::default()
            };
            match self
                .docker
                .update_swarm(spec, options)
                .await
                .map_err(self.failed("set up the cluster"))
            {
                Ok(()) => return Ok(true),
                Err(error) if error.is_out_of_sequence() && tries < 5 => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    async fn inspect_cluster(&self) -> Result<models::Swarm, EngineError> {
        self.docker
            .inspect_swarm()
            .await
            .map_err(self.failed("inspect the cluster"))
    }
}

impl ClusterSettings {
    fn apply(&self, spec: &mut models::SwarmSpec) {
        if let Some(period) = self.heartbeat_period {
            let nanoseconds = i64::try_from(period.as_nanos()).unwrap_or(i64::MAX);
            spec.dispatcher.get_or_insert_default().heartbeat_period = Some(nanoseconds);
        }
        if let Some(limit) = self.task_history_limit {
            spec.orchestration.get_or_insert_default().task_history_retention_limit = Some(limit);
        }
    }
}

impl Engines {
    /// Asks all hosts at once and takes the first, in the pool's order, that is a manager of a cluster with a leader.
    /// Hosts that do not answer count as no managers; `None` where no host is one.
    pub async fn find_manager(&self) -> Option<Engine> {
        let asked = self.hosts.values().map(|engine| async move {
            let brief = engine.with_timeout(super::observe::ANSWER_LIMIT);
            brief.cluster_id().await.is_ok().then_some(engine)
        });
        join_all(asked).await.into_iter().flatten().next().cloned()
    }
}

fn swarm_state_of(swarm: models::SwarmInfo) -> SwarmState {
    use models::LocalNodeState as Local;
    let node_id = swarm.node_id.unwrap_or_default();
    let node_address = swarm.node_addr.unwrap_or_default();
    let managers = swarm
        .remote_managers
        .unwrap_or_default()
        .into_iter()
        .filter_map(|manager| manager.addr)
        .collect();
    match swarm.local_node_state {
        None | Some(Local::EMPTY | Local::INACTIVE) => SwarmState::Inactive,
        Some(Local::ACTIVE) if swarm.control_available == Some(true) => SwarmState::Manager {
            cluster_id: swarm.cluster.and_then(|cluster| cluster.id).unwrap_or_default(),
            node_id,
            node_address,
            managers,
        },
        Some(Local::ACTIVE) => SwarmState::Worker {
            node_id,
            node_address,
            managers,
        },
        Some(other) => SwarmState::Troubled {
            state: other.to_string(),
            reason: swarm.error.unwrap_or_default(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_told_from_a_manager_and_from_an_engine_alone() {
        let alone: models::SwarmInfo = serde_json::from_str(
            r#"{"NodeID":"","NodeAddr":"","LocalNodeState":"inactive","ControlAvailable":false,"Error":"","RemoteManagers":null}"#,
        )
        .unwrap();
        assert_eq!(swarm_state_of(alone), SwarmState::Inactive);
        let worker: models::SwarmInfo = serde_json::from_str(
            r#"{"NodeID":"n1","NodeAddr":"10.0.0.2","LocalNodeState":"active","ControlAvailable":false,
                "RemoteManagers":[{"NodeID":"n0","Addr":"10.0.0.1:2377"}]}"#,
        )
        .unwrap();
        assert_eq!(
            swarm_state_of(worker),
            SwarmState::Worker {
                node_id: "n1".into(),
                node_address: "10.0.0.2".into(),
                managers: vec!["10.0.0.1:2377".into()],
            }
        );
    }

    #[test]
    fn only_what_is_asked_for_is_tuned() {
        let mut spec = models::SwarmSpec::default();
        ClusterSettings {
            heartbeat_period: Some(Duration::from_secs(1)),
            task_history_limit: None,
        }
        .apply(&mut spec);
        assert_eq!(
            spec.dispatcher.and_then(|dispatcher| dispatcher.heartbeat_period),
            Some(1_000_000_000)
        );
        assert_eq!(spec.orchestration, None);
    }
}
