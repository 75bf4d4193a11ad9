//! A volume's way to another host: what goes with it, who stops meanwhile, and where an earlier run left off.
//!
//! Knows which copy has the data. Until a copy is known to be complete, that is the one it was made from; from then on it is the
//! copy. What is complete is said by a mark that the cluster keeps, apart from the copy itself. Never touches anything.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::{in_service, order, placement, swarm_service, volumes};
use crate::compose::model::{DeployMode, Project, Service};
use crate::engine::observation::{ObservedObject, ObservedService, ObservedVolume};
use crate::engine::{Observation, labels, models};

/// Volumes that go to one host together, because services use them together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeMove {
    pub to: String,
    pub volumes: Vec<Transit>,
    /// Services of the file that mount any of them, each after those that it depends on.
    pub services: Vec<String>,
    /// Marks of former moves that mean nothing any more.
    pub stale_marks: Vec<String>,
}

impl VolumeMove {
    /// Whether there is nothing to do but to have the services run where their data is.
    pub fn is_through(&self) -> bool {
        self.volumes.iter().all(|transit| transit.stage == Stage::There)
    }
}

/// One volume on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transit {
    /// Key in the file.
    pub key: String,
    /// The engine's name.
    pub name: String,
    pub stage: Stage,
}

/// How far a volume has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Its data is on this host. `discard`: what is at the new host is an unfinished copy, or what a finished move has left.
    Copy { from: String, discard: bool },
    /// The copy is complete; the old one, on this host, goes once the services run.
    Copied { from: String },
    /// Its data is at the new host, and on this one is an unfinished copy of it.
    Return { unfinished: String },
    /// Its data is at the new host, and nowhere else.
    There,
}

/// Why a volume cannot move.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VolumeMoveError {
    #[error("project `{project}` runs on one engine: its volumes have nowhere to move to")]
    OneEngine { project: String },
    #[error("no volume `{volume}` in project `{project}`")]
    NoSuchVolume {
        volume: String,
        project: String,
        known: Vec<String>,
    },
    #[error("no host `{host}` in the cluster")]
    NoSuchHost { host: String, known: Vec<String> },
    #[error("volume `{volume}` is not on any host yet")]
    Nowhere { volume: String },
    #[error("the driver or the options of volume `{volume}` say where its data is: no host has it")]
    NotLocal { volume: String },
    #[error("volume `{volume}` is on several hosts: {}", hosts.join(", "))]
    Several { volume: String, hosts: Vec<String> },
    #[error("service `{service}` runs on every host, and has a volume `{volume}` on each")]
    EveryHost { service: String, volume: String },
    #[error("service `{service}` was upgraded in place, and what ran before would miss the volume")]
    Unconfirmed { service: String },
    #[error("host `{host}` {reason}")]
    HostUnfit { host: String, reason: String },
    #[error("service `{service}` cannot run on {host}: {rule}")]
    Excluded {
        service: String,
        host: String,
        rule: String,
    },
    #[error("{host} has a volume `{volume}` already, with content of its own")]
    Taken { volume: String, host: String },
    #[error("volume `{volume}` on {host} is used by {user} too, which is not of this project")]
    InUse { volume: String, host: String, user: String },
    #[error("the copy of volume `{volume}` on {host} is not what was read on {from}: it was taken away again")]
    Differs { volume: String, host: String, from: String },
}

impl VolumeMoveError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            VolumeMoveError::OneEngine { .. } => "name hosts under `x-hosts`".into(),
            VolumeMoveError::NoSuchVolume { known, .. } if known.is_empty() => "the project has no named volumes".into(),
            VolumeMoveError::NoSuchVolume { known, .. } => format!("the project has {}", known.join(", ")),
            VolumeMoveError::NoSuchHost { known, .. } => format!("the cluster has {}", known.join(", ")),
            VolumeMoveError::Nowhere { .. } => "`hoist up` makes it where its service runs".into(),
            VolumeMoveError::Several { .. } | VolumeMoveError::Taken { .. } => {
                "look at what is in them, and remove the ones that are not needed with `docker volume rm` on their hosts".into()
            }
            VolumeMoveError::HostUnfit { .. } => "`hoist hosts ls` shows the hosts' state".into(),
            VolumeMoveError::Unconfirmed { service } => {
                format!("confirm it first (`hoist confirm {service}`), or go back (`hoist rollback {service}`)")
            }
            VolumeMoveError::Excluded { .. } => "change `deploy.placement.constraints`, or label the host".into(),
            VolumeMoveError::InUse { .. } => "take that down first".into(),
            VolumeMoveError::Differs { .. } => "make sure that nothing else writes to the volume, and run the same command again".into(),
            VolumeMoveError::NotLocal { .. } | VolumeMoveError::EveryHost { .. } => return None,
        })
    }
}

/// What moving a volume, by its key or its engine's name, comes to. `marks`: what the cluster keeps of copies that are complete.
///
/// # Errors
///
/// [`VolumeMoveError`]: nothing was touched.
pub fn volume_move(
    project: &Project,
    observed: &Observation,
    marks: &[ObservedObject],
    volume: &str,
    to: &str,
) -> Result<VolumeMove, VolumeMoveError> {
    let Some(cluster) = &observed.cluster else {
        return Err(VolumeMoveError::OneEngine {
            project: project.name.clone(),
        });
    };
    let found = project
        .volumes
        .iter()
        .find(|(key, known)| *key == volume || known.name == volume);
    let Some((first, known)) = found else {
        return Err(VolumeMoveError::NoSuchVolume {
            volume: volume.to_owned(),
            project: project.name.clone(),
            known: project.volumes.keys().cloned().collect(),
        });
    };
    if !known.is_local() {
        return Err(VolumeMoveError::NotLocal { volume: first.clone() });
    }
    let Some(node) = cluster.nodes.iter().find(|node| placement::host_name(node) == to) else {
        return Err(VolumeMoveError::NoSuchHost {
            host: to.to_owned(),
            known: cluster
                .nodes
                .iter()
                .map(|node| placement::host_name(node).to_owned())
                .collect(),
        });
    };
    if !node.ready || !node.active {
        let reason = if node.ready {
            "takes no replicas: it is drained"
        } else {
            "is down"
        };
        return Err(VolumeMoveError::HostUnfit {
            host: to.to_owned(),
            reason: reason.to_owned(),
        });
    }
    let (keys, services) = together(project, first)?;
    let upgraded = in_service::states(observed);
    for service in &services {
        if upgraded.contains_key(&service.name) {
            return Err(VolumeMoveError::Unconfirmed {
                service: service.name.clone(),
            });
        }
        if let Some(rule) = placement::broken(&service.deploy.constraints, node) {
            return Err(VolumeMoveError::Excluded {
                service: service.name.clone(),
                host: to.to_owned(),
                rule: format!("`{rule}` does not hold"),
            });
        }
    }
    let mut stale_marks = Vec::new();
    let mut transits = Vec::new();
    for key in keys {
        let name = &project.volumes[key].name;
        let holders: Vec<&ObservedVolume> = observed.volumes.iter().filter(|volume| volume.name == *name).collect();
        let own_marks = marks
            .iter()
            .filter(|mark| mark.labels.get(labels::MOVED_VOLUME) == Some(name));
        let (valid, stale): (Vec<_>, Vec<_>) = own_marks.partition(|mark| is_valid(mark, &holders));
        stale_marks.extend(stale.into_iter().map(|mark| mark.name.clone()));
        if let Some(host) = silent_holder(observed, &services, name, &holders, to) {
            return Err(VolumeMoveError::HostUnfit {
                host,
                reason: format!("does not answer, and volume `{key}` may be there"),
            });
        }
        let stage = stage(key, &holders, &valid, to)?;
        if let Stage::Copy { discard: true, .. } = stage {
            stale_marks.extend(valid.into_iter().map(|mark| mark.name.clone()));
        }
        transits.push(Transit {
            key: key.to_owned(),
            name: name.clone(),
            stage,
        });
    }
    let ordered = order::in_dependency_order(project).unwrap_or_default().into_iter();
    let names: BTreeSet<&str> = services.iter().map(|service| service.name.as_str()).collect();
    Ok(VolumeMove {
        to: to.to_owned(),
        volumes: transits,
        services: ordered
            .map(|service| service.name.clone())
            .filter(|name| names.contains(name.as_str()))
            .collect(),
        stale_marks,
    })
}

/// The volumes that services mount together with this one, and these services.
fn together<'a>(project: &'a Project, first: &'a str) -> Result<(Vec<&'a str>, Vec<&'a Service>), VolumeMoveError> {
    let mut keys = vec![first];
    let mut services: Vec<&Service> = Vec::new();
    let mut next = 0;
    while let Some(key) = keys.get(next).copied() {
        for service in project.services.values() {
            let mounted = volumes::local_volumes(project, service);
            if !mounted.contains(&key) || services.iter().any(|known| known.name == service.name) {
                continue;
            }
            if matches!(service.deploy.mode, DeployMode::Global | DeployMode::GlobalJob) {
                return Err(VolumeMoveError::EveryHost {
                    service: service.name.clone(),
                    volume: key.to_owned(),
                });
            }
            services.push(service);
            for other in mounted {
                if !keys.contains(&other) {
                    keys.push(other);
                }
            }
        }
        next += 1;
    }
    Ok((keys, services))
}

/// A host that does not answer, and may have the data: the one that a copy was made from, or that a service is bound to.
fn silent_holder(
    observed: &Observation,
    services: &[&Service],
    volume: &str,
    holders: &[&ObservedVolume],
    to: &str,
) -> Option<String> {
    let running = observed.services.iter().filter(|found| {
        let name = found.labels.get(labels::SERVICE);
        services.iter().any(|service| Some(&service.name) == name)
    });
    let pins = running.filter_map(|found| found.labels.get(labels::PINNED_TO));
    let copied = holders
        .iter()
        .filter_map(|holder| holder.labels.get(labels::COPIED_FROM));
    let silent = |host: &&String| observed.unreachable.iter().any(|(name, _)| name == *host);
    let mut hosts = pins.chain(copied).filter(silent).filter(|host| *host != to);
    // What runs there with its data says that an earlier move is through.
    let settled =
        holders.iter().any(|holder| holder.name == volume && holder.host == to) && pinned(observed, services, to);
    hosts.find(|_| !settled).cloned()
}

/// Whether a service is bound to the host.
fn pinned(observed: &Observation, services: &[&Service], host: &str) -> bool {
    observed.services.iter().any(|found| {
        let name = found.labels.get(labels::SERVICE);
        let own = services.iter().any(|service| Some(&service.name) == name);
        own && found.labels.get(labels::PINNED_TO).is_some_and(|to| to == host)
    })
}

/// A mark means something as long as both copies are there, the one made from the other.
fn is_valid(mark: &ObservedObject, holders: &[&ObservedVolume]) -> bool {
    let (from, to) = (mark.labels.get(labels::MOVED_FROM), mark.labels.get(labels::MOVED_TO));
    let at = |host: Option<&String>| holders.iter().find(|holder| Some(&holder.host) == host);
    at(from)
        .zip(at(to))
        .is_some_and(|(original, copy)| is_copy(copy, original))
}

/// Whether a volume was copied from this one, and not from an earlier one of its name: a copy keeps for good where it came from,
/// and what has appeared there since is somebody's own.
fn is_copy(one: &ObservedVolume, of: &ObservedVolume) -> bool {
    let label = |name| one.labels.get(name);
    label(labels::COPIED_FROM) == Some(&of.host) && label(labels::COPIED_FROM_CREATED) == Some(&of.created)
}

fn stage(
    key: &str,
    holders: &[&ObservedVolume],
    marks: &[&ObservedObject],
    to: &str,
) -> Result<Stage, VolumeMoveError> {
    let marked = |from: &str, to: &str| {
        marks.iter().any(|mark| {
            let is = |label: &str, host: &str| mark.labels.get(label).map(String::as_str) == Some(host);
            is(labels::MOVED_FROM, from) && is(labels::MOVED_TO, to)
        })
    };
    let (there, elsewhere): (Vec<&ObservedVolume>, Vec<&ObservedVolume>) =
        holders.iter().copied().partition(|holder| holder.host == to);
    match (there.as_slice(), elsewhere.as_slice()) {
        ([], []) => Err(VolumeMoveError::Nowhere { volume: key.to_owned() }),
        ([_], []) => Ok(Stage::There),
        ([], [from]) => Ok(Stage::Copy {
            from: from.host.clone(),
            discard: false,
        }),
        ([there], [from]) if is_copy(there, from) => Ok(match marked(&from.host, to) {
            true => Stage::Copied {
                from: from.host.clone(),
            },
            false => Stage::Copy {
                from: from.host.clone(),
                discard: true,
            },
        }),
        // An earlier move, the other way.
        ([there], [other]) if is_copy(other, there) => Ok(match marked(to, &other.host) {
            true => Stage::Copy {
                from: other.host.clone(),
                discard: true,
            },
            false => Stage::Return {
                unfinished: other.host.clone(),
            },
        }),
        ([_], [_]) => Err(VolumeMoveError::Taken {
            volume: key.to_owned(),
            host: to.to_owned(),
        }),
        _ => Err(VolumeMoveError::Several {
            volume: key.to_owned(),
            hosts: holders.iter().map(|holder| holder.host.clone()).collect(),
        }),
    }
}

/// Where a volume is on its way from and to, as far as an interrupted move has left it on both. A host that does not answer may
/// still have what a copy was made from, unless the service is bound to the copy already.
pub(super) fn halfway(
    holders: &[&ObservedVolume],
    observed: &Observation,
    bound_to: Option<&String>,
) -> Option<(String, String)> {
    let copies = holders
        .iter()
        .filter_map(|copy| Some((copy.labels.get(labels::COPIED_FROM)?, &copy.host, copy)));
    let mut halfway = copies.filter(|(from, to, copy)| {
        let has_it = holders.iter().any(|original| is_copy(copy, original));
        let silent = observed.unreachable.iter().any(|(host, _)| host == *from);
        from != to && (has_it || (silent && bound_to != Some(to)))
    });
    halfway.next().map(|(from, to, _)| (from.clone(), to.clone()))
}

/// The specification of a service that stops for its volume's sake: `None` where it has stopped for it already.
pub fn stopped(service: &ObservedService) -> Option<models::ServiceSpec> {
    let mut spec = service.spec.clone();
    let replicated = spec.mode.as_mut()?.replicated.as_mut()?;
    if replicated.replicas == Some(0) {
        return None;
    }
    let before = service.labels.get(labels::REPLICAS_BEFORE).cloned();
    let replicas = before.unwrap_or_else(|| replicated.replicas.unwrap_or(1).to_string());
    replicated.replicas = Some(0);
    let own = spec.labels.get_or_insert_default();
    own.remove(labels::REPLICAS_BEFORE);
    own.insert(labels::REPLICAS_MOVING.to_owned(), replicas);
    Some(spec)
}

/// The specification with which a service runs on the host, with as many replicas as before.
pub fn started(service: &ObservedService, host: &str) -> models::ServiceSpec {
    let mut spec = service.spec.clone();
    let own = spec.labels.get_or_insert_default();
    let before: Option<u64> = own
        .remove(labels::REPLICAS_MOVING)
        .and_then(|before| before.parse().ok());
    own.insert(labels::PINNED_TO.to_owned(), host.to_owned());
    let replicas = before.or(service.replicas).unwrap_or(1);
    if let Some(replicated) = spec.mode.as_mut().and_then(|mode| mode.replicated.as_mut()) {
        replicated.replicas = i64::try_from(replicas).ok();
    }
    swarm_service::pin(&mut spec, host);
    spec
}
