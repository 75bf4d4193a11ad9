//! What data is on hosts that are to go.
//!
//! Knows whom to ask. What follows from it is decided in `plan::host_data`.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use super::pool::node_of;
use crate::engine::Engines;
use crate::engine::error::cause_chain;
use crate::engine::observation::ObservedNode;
use crate::hosts::Host;
use crate::plan::host_data::HostData;

const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// By host name. A host that never came into the cluster holds nothing of it, and is left out.
pub async fn of(hosts: &[&Host], engines: &Engines, nodes: &[ObservedNode]) -> BTreeMap<String, HostData> {
    let asked = hosts.iter().map(|host| async {
        let known = node_of(nodes, &host.name).is_some();
        let volumes = match engines.hosts.get(&host.name) {
            Some(engine) => Some(engine.with_timeout(ANSWER_LIMIT).volumes(&[]).await),
            None => None,
        };
        let data = match volumes {
            Some(Ok(volumes)) => HostData::of(&volumes),
            Some(Err(error)) if known => HostData::Unknown(cause_chain(&error)),
            None if known && !host.running => HostData::Unknown("it does not run".to_owned()),
            None if known => HostData::Unknown("it was never reached from this machine".to_owned()),
            Some(Err(_)) | None => return None,
        };
        Some((host.name.clone(), data))
    });
    join_all(asked).await.into_iter().flatten().collect()
}
