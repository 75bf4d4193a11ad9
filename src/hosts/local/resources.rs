//! What the first local host of a pool brings with it: network, client key, host image.
//!
//! Knows how to tell whether they are there. Never makes one.

use std::path::Path;

use super::{failed, image, keys, network};
use crate::compose::model::GroupProvider;
use crate::engine::Engine;
use crate::hosts::{Change, HostError, HostRequest, ResourceChange};

/// What is missing for the local hosts among `make`; nothing where none is to be made.
pub async fn missing(
    engine: &Engine,
    state: &Path,
    pool: &str,
    make: &[HostRequest],
) -> Result<Vec<ResourceChange>, HostError> {
    let mut bases: Vec<&str> = Vec::new();
    for request in make {
        if let GroupProvider::Local(settings) = &request.settings
            && !bases.contains(&settings.image.as_str())
        {
            bases.push(&settings.image);
        }
    }
    let mut missing = Vec::new();
    if bases.is_empty() {
        return Ok(missing);
    }
    let mut add = |kind, name: String, why: &str| {
        missing.push(ResourceChange {
            kind,
            name,
            change: Change::Make,
            why: why.to_owned(),
        });
    };
    let looking = |source| failed(pool, "looking for what local hosts share", source);
    if network::find(engine, pool).await.map_err(looking)?.is_none() {
        add("network", network::name(pool), "not there");
    }
    if !keys::client_key_file(state, pool).exists() {
        add(
            "key",
            format!("pools/{pool}/{}", keys::CLIENT_KEY),
            "not on this machine",
        );
    }
    for base in bases {
        if image::is_missing(engine, base).await.map_err(looking)? {
            add("host image", format!("on {base}"), "not built yet");
        }
    }
    Ok(missing)
}
