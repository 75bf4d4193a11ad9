//! Where local hosts are: their pool's network, and the address that each of them has on it.
//!
//! Knows what this run has found and promised. An address is promised before its container is there to tell, so that
//! hosts can be made at once. Never makes a host.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;

use tokio::sync::Mutex;

use super::container::ADDRESS;
use super::network::{self, PoolNetwork};
use crate::engine::labels::{HOST, POOL};
use crate::engine::{Engine, EngineError};

/// The networks and addresses of one run, by pool. Locked while a network is looked for or made and while an address is
/// chosen.
#[derive(Debug, Default)]
pub struct Places {
    by_pool: Mutex<HashMap<String, Place>>,
}

#[derive(Debug, Default)]
struct Place {
    network: Option<PoolNetwork>,
    /// By host name.
    promised: BTreeMap<String, Ipv4Addr>,
    /// What the engine refused: something without our labels has these addresses.
    refused: BTreeSet<Ipv4Addr>,
}

impl Places {
    /// The pool's network; `making` is called where it has to be made first.
    pub async fn network(
        &self,
        engine: &Engine,
        pool: &str,
        making: impl FnOnce() + Send,
    ) -> Result<PoolNetwork, EngineError> {
        let mut places = self.by_pool.lock().await;
        let place = places.entry(pool.to_owned()).or_default();
        if let Some(known) = &place.network {
            return Ok(known.clone());
        }
        let network = match network::find(engine, pool).await? {
            Some(found) => found,
            None => {
                making();
                network::make(engine, pool).await?
            }
        };
        place.network = Some(network.clone());
        Ok(network)
    }

    /// The lowest address that no host of the pool has, running or not, and that none was promised.
    pub async fn promise(
        &self,
        engine: &Engine,
        pool: &str,
        host: &str,
        network: &PoolNetwork,
    ) -> Result<Ipv4Addr, EngineError> {
        let mut places = self.by_pool.lock().await;
        let place = places.entry(pool.to_owned()).or_default();
        if let Some(promised) = place.promised.get(host) {
            return Ok(*promised);
        }
        let containers = engine.containers(&[&format!("{POOL}={pool}"), HOST]).await?;
        let mut taken: BTreeSet<Ipv4Addr> = containers
            .iter()
            .filter_map(|container| container.labels.get(ADDRESS)?.parse().ok())
            .collect();
        taken.extend(place.promised.values());
        taken.extend(&place.refused);
        let address = network
            .subnet
            .lowest_free(&taken)
            .ok_or_else(|| no_address(engine, network))?;
        place.promised.insert(host.to_owned(), address);
        Ok(address)
    }

    /// Takes back a promise that the engine did not let us keep; the address is not promised again.
    pub async fn refuse(&self, pool: &str, host: &str, address: Ipv4Addr) {
        let mut places = self.by_pool.lock().await;
        let place = places.entry(pool.to_owned()).or_default();
        place.promised.remove(host);
        place.refused.insert(address);
    }

    /// A host is gone, and its address free.
    pub async fn forget_host(&self, pool: &str, host: &str) {
        if let Some(place) = self.by_pool.lock().await.get_mut(pool) {
            place.promised.remove(host);
        }
    }

    /// The pool's network is about to go.
    pub async fn forget_pool(&self, pool: &str) {
        self.by_pool.lock().await.remove(pool);
    }
}

fn no_address(engine: &Engine, network: &PoolNetwork) -> EngineError {
    EngineError::Call {
        engine: engine.name.clone(),
        action: format!("choose an address on network `{}`", network.name),
        status: None,
        message: format!("none of {} is free", network.subnet),
    }
}
