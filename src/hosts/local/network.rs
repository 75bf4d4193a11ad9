//! The network that a pool's local hosts share.
//!
//! Knows how one is found, made and removed. Never hands out addresses on it.

use std::collections::BTreeSet;

use crate::engine::labels::POOL;
use crate::engine::models::{Ipam, IpamConfig, NetworkCreateRequest};
use crate::engine::{Engine, EngineError};

use super::subnets::{Subnet, free_subnet, routes};

/// How many subnets are tried that look free and that the engine refuses.
const TRIES: usize = 16;

/// A pool's network on the operator's engine.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolNetwork {
    id: String,
    pub name: String,
    pub subnet: Subnet,
}

pub(super) fn name(pool: &str) -> String {
    format!("hoist-{pool}")
}

fn label(pool: &str) -> String {
    format!("{POOL}={pool}")
}

/// The pool's network, if there is one. Of several that two runs made at once, the oldest is the pool's.
pub async fn find(engine: &Engine, pool: &str) -> Result<Option<PoolNetwork>, EngineError> {
    let mut found = Vec::new();
    for listed in engine.networks(&[&label(pool)]).await? {
        if listed.name != name(pool) {
            continue;
        }
        let network = match engine.inspect_network(&listed.id).await {
            Err(error) if error.is_not_found() => continue,
            other => other?,
        };
        if let Some(subnet) = subnets(network.ipam).next() {
            let created = network.created.map(|date| date.to_string());
            found.push((created, listed.id, subnet));
        }
    }
    found.sort();
    Ok(found.into_iter().next().map(|(_, id, subnet)| PoolNetwork {
        id,
        name: name(pool),
        subnet,
    }))
}

/// Makes the pool's network on a subnet that neither the engine nor this machine uses.
pub async fn make(engine: &Engine, pool: &str) -> Result<PoolNetwork, EngineError> {
    let mut taken = used_subnets(engine).await?;
    for _ in 0..TRIES {
        let Some(subnet) = free_subnet(&taken) else { break };
        match engine.create_network(request(pool, subnet)).await {
            Ok(id) => return keep_the_oldest(engine, pool, id).await,
            // Somebody was quicker, or knows of a use that the lists do not show.
            Err(error) if error.to_string().contains("overlap") => taken.push(subnet),
            Err(error) => return Err(error),
        }
    }
    Err(EngineError::Call {
        engine: engine.name.clone(),
        action: format!("create network `{}`", name(pool)),
        status: None,
        message: "every subnet for local hosts is in use".into(),
    })
}

fn request(pool: &str, subnet: Subnet) -> NetworkCreateRequest {
    NetworkCreateRequest {
        name: name(pool),
        driver: Some("bridge".into()),
        ipam: Some(Ipam {
            config: Some(vec![IpamConfig {
                subnet: Some(subnet.to_string()),
                gateway: Some(subnet.gateway().to_string()),
                ..IpamConfig::default()
            }]),
            ..Ipam::default()
        }),
        labels: Some([(POOL.to_owned(), pool.to_owned())].into()),
        ..NetworkCreateRequest::default()
    }
}

/// Engines before 25 let two networks have one name, so a run that came second gives its own up.
async fn keep_the_oldest(engine: &Engine, pool: &str, own: String) -> Result<PoolNetwork, EngineError> {
    let oldest = find(engine, pool).await?.ok_or_else(|| EngineError::Call {
        engine: engine.name.clone(),
        action: format!("create network `{}`", name(pool)),
        status: None,
        message: "it is gone again".into(),
    })?;
    if oldest.id != own {
        engine.remove_network(&own).await?;
    }
    Ok(oldest)
}

async fn used_subnets(engine: &Engine) -> Result<Vec<Subnet>, EngineError> {
    // Machines other than Linux have no such file, and their engines run in a virtual machine anyway.
    let table = std::fs::read_to_string("/proc/net/route").unwrap_or_default();
    let mut used: BTreeSet<Subnet> = routes(&table).into_iter().collect();
    for network in engine.networks(&[]).await? {
        match engine.inspect_network(&network.id).await {
            Ok(network) => used.extend(subnets(network.ipam)),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(used.into_iter().collect())
}

fn subnets(ipam: Option<Ipam>) -> impl Iterator<Item = Subnet> {
    let configs = ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    configs
        .into_iter()
        .filter_map(|config| Subnet::parse(config.subnet.as_deref()?))
}

/// Removes every network of the pool; none is no error.
pub async fn remove(engine: &Engine, pool: &str) -> Result<(), EngineError> {
    for network in engine.networks(&[&label(pool)]).await? {
        match engine.remove_network(&network.id).await {
            Err(error) if !error.is_not_found() => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
