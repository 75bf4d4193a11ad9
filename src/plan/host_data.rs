//! Which hosts must not go without a word: those that hold data.
//!
//! Knows that a named local volume lies on one host and goes with it. Never removes anything; whether the operator insists is
//! told from outside.

use std::collections::BTreeMap;

use crate::engine::observation::ObservedVolume;
use crate::hosts::groups::HostDifference;
use crate::hosts::{Host, ProviderKind};

/// What is known of the data on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostData {
    /// Names of volumes; none: nothing is lost with the host.
    Volumes(Vec<String>),
    /// It is in the cluster and cannot be asked; the reason.
    Unknown(String),
}

/// On volumes that an engine made without a name; older engines tell them by nothing but their names of 64 digits.
const ANONYMOUS: &str = "com.docker.volume.anonymous";

impl HostData {
    /// Of all volumes of a host's engine.
    pub fn of(volumes: &[ObservedVolume]) -> HostData {
        let is_digest = |name: &str| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mut names: Vec<String> = volumes
            .iter()
            .filter(|volume| volume.driver == "local" && !volume.labels.contains_key(ANONYMOUS))
            .map(|volume| volume.name.clone())
            .filter(|name| !is_digest(name))
            .collect();
        names.sort();
        HostData::Volumes(names)
    }

    /// What stands against the host's removal, in words; `None` where nothing does.
    pub fn objection(&self, provider: ProviderKind) -> Option<String> {
        match self {
            HostData::Volumes(names) if names.is_empty() => None,
            HostData::Volumes(names) => {
                let noun = if names.len() == 1 { "volume" } else { "volumes" };
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                let what = format!("{noun} {}", names.join(", "));
                Some(match provider {
                    ProviderKind::Ssh => format!("out of the pool's reach with it comes {what}"),
                    ProviderKind::Local | ProviderKind::Openstack => format!("with it goes {what}"),
                })
            }
            HostData::Unknown(reason) => Some(format!("nobody knows what data is on it: {reason}")),
        }
    }
}

/// A host that stays though the file says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub host: String,
    /// Why it is to go: `more than its group's count`.
    pub wish: String,
    pub objection: String,
}

/// Hosts with data are kept: surplus ones go on among the others, and those that differ are not replaced. `data` by host
/// name; a host that is not in it holds none. The order is the difference's.
pub fn hold_back(difference: &mut HostDifference, data: &BTreeMap<String, HostData>) -> (Vec<Held>, Vec<Held>) {
    let objection = |host: &Host| data.get(&host.name)?.objection(host.provider);
    let mut surplus = Vec::new();
    let (stay, go): (Vec<Host>, Vec<Host>) = std::mem::take(&mut difference.remove)
        .into_iter()
        .partition(|host| objection(host).is_some());
    difference.remove = go;
    for host in stay {
        surplus.extend(objection(&host).map(|objection| Held {
            host: host.name.clone(),
            wish: "more than its group's count".to_owned(),
            objection,
        }));
        // One that does not run is nobody's to reach.
        if host.running {
            difference.keep.push(host);
        }
    }
    let mut replaced = Vec::new();
    difference.replace.retain(|replacement| {
        let held = objection(&replacement.host).map(|objection| Held {
            host: replacement.host.name.clone(),
            wish: replacement.why.clone(),
            objection,
        });
        let goes = held.is_none();
        replaced.extend(held);
        goes
    });
    (surplus, replaced)
}
