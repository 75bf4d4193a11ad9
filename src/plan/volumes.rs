//! Where volumes are, and where their services must therefore run.
//!
//! Knows that a local volume's data lies on one host. The first placement decides; nothing here moves one: `volume_move` does.

use std::collections::BTreeMap;

use super::error::PlanError;
use super::{placement, volume_move};
use crate::compose::model::{DeployMode, MountKind, Project, Service};
use crate::engine::observation::{ObservedNode, ObservedService};
use crate::engine::{Observation, labels};

/// The keys of the named volumes that a service mounts.
pub fn mounted(service: &Service) -> Vec<&str> {
    let keys = service.mounts.iter().filter_map(|mount| match &mount.kind {
        MountKind::Volume { volume: Some(key), .. } => Some(key.as_str()),
        _ => None,
    });
    keys.collect()
}

/// The keys of the service's volumes whose data lies on one host.
pub fn local_volumes<'a>(project: &'a Project, service: &'a Service) -> Vec<&'a str> {
    let local = |key: &&str| project.volumes.get(*key).is_some_and(|volume| volume.is_local());
    mounted(service).into_iter().filter(local).collect()
}

/// The host that the service is pinned to; `None` for one without local volumes, and for a global one, which has a
/// volume on every host.
///
/// The order: the host that has the data; the host that the running service is pinned to; the host of another service
/// of this plan that shares the volume; the fitting host with the least pinned to it.
///
/// # Errors
///
/// [`PlanError::VolumesApart`], [`PlanError::VolumeElsewhere`], [`PlanError::VolumeHalfway`], and those of [`placement::fitting`].
pub fn pinned_host(
    project: &Project,
    service: &Service,
    observed: &Observation,
    running: Option<&ObservedService>,
    nodes: &[ObservedNode],
    pins: &mut Pins,
) -> Result<Option<String>, PlanError> {
    let keys = local_volumes(project, service);
    if keys.is_empty() || matches!(service.deploy.mode, DeployMode::Global | DeployMode::GlobalJob) {
        return Ok(None);
    }
    let mut found: Vec<(String, String)> = Vec::new();
    for key in &keys {
        if let Some(host) = pins.of_volume.get(*key) {
            found.push(((*key).to_owned(), host.clone()));
            continue;
        }
        let name = &project.volumes[*key].name;
        let holders: Vec<_> = observed.volumes.iter().filter(|volume| volume.name == *name).collect();
        let remembered = running.and_then(|running| running.labels.get(labels::PINNED_TO));
        if let Some((from, to)) = volume_move::halfway(&holders, observed, remembered) {
            return Err(PlanError::VolumeHalfway {
                service: service.name.clone(),
                volume: (*key).to_owned(),
                from,
                to,
            });
        }
        // A volume of that name on several hosts: the one that the service used is the one with the data.
        let holder = holders
            .iter()
            .find(|volume| Some(&volume.host) == remembered)
            .or(holders.first());
        match (holder, remembered) {
            (Some(volume), _) => found.push(((*key).to_owned(), volume.host.clone())),
            (None, Some(host)) => found.push(((*key).to_owned(), host.clone())),
            (None, None) => {}
        }
    }
    let host = match found.split_first() {
        Some(((volume, host), rest)) => {
            if rest.iter().any(|(_, other)| other != host) {
                return Err(PlanError::VolumesApart {
                    service: service.name.clone(),
                    volumes: found,
                });
            }
            let fitness = placement::fitness(service, nodes)?;
            let excluded = fitness
                .iter()
                .find(|(node, fits)| placement::host_name(node) == host && fits.is_err());
            // A host that is down keeps its data: the service waits for it. Only a rule of the file is an error.
            if let Some((node, Err(rule))) = excluded
                && node.ready
                && node.active
            {
                return Err(PlanError::VolumeElsewhere {
                    service: service.name.clone(),
                    volume: volume.clone(),
                    host: host.clone(),
                    rule: rule.clone(),
                });
            }
            host.clone()
        }
        None => {
            let fitting = placement::fitting(service, nodes)?;
            // There is one: no fitting host at all is an error.
            pins.least(&fitting).unwrap_or_default()
        }
    };
    pins.pin_to(&host);
    for key in keys {
        pins.of_volume.insert(key.to_owned(), host.clone());
    }
    Ok(Some(host))
}

/// What has been pinned while this plan was made.
#[derive(Debug, Clone, Default)]
pub struct Pins {
    of_volume: BTreeMap<String, String>,
    /// How much is pinned to each host, by host name.
    load: BTreeMap<String, u64>,
}

impl Pins {
    /// With volumes, by key, of which it is known where they are.
    pub fn with(volumes: &BTreeMap<String, String>) -> Pins {
        Pins {
            of_volume: volumes.clone(),
            ..Pins::default()
        }
    }

    fn pin_to(&mut self, host: &str) {
        *self.load.entry(host.to_owned()).or_default() += 1;
    }

    /// The host with the least pinned to it, the first of them in the pool's order.
    fn least(&self, candidates: &[&ObservedNode]) -> Option<String> {
        let names = candidates.iter().map(|node| placement::host_name(node));
        let least = names.min_by_key(|host| self.load.get(*host).copied().unwrap_or(0));
        least.map(str::to_owned)
    }
}
