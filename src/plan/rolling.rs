//! A rolling upgrade from one service to another: what each has at every step, and whether it can begin.
//!
//! Knows the order of steps, who is called what, and what an interrupted upgrade left on the services' labels. Carrying
//! a step out is `deploy`'s.

mod names;
mod scales;

use std::collections::BTreeMap;
use std::num::NonZeroU64;

pub use scales::Scales;

use super::runtime::{self, Runtime};
use super::{placement, swarm_service};
use crate::compose::model::{DeployMode, PortMode, Project, Service};
use crate::engine::observation::{ObservedContainer, ObservedService, TaskState};
use crate::engine::{Observation, labels};

/// What the operator asks for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The service that runs.
    pub old: String,
    /// The service of the file that takes its place.
    pub new: String,
    /// Replicas of the new service that start at once.
    pub batch: NonZeroU64,
    /// Replicas of the new service in the end, where the operator says so.
    pub scale: Option<NonZeroU64>,
    /// The new service answers to what the old one is called.
    pub update_links: bool,
}

/// An upgrade that can begin, or go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rolling {
    /// What each has now.
    pub now: Scales,
    /// Replicas of the new service in the end.
    pub last: u64,
    pub replacement: Replacement,
    /// What the operator should know before it begins.
    pub notes: Vec<String>,
    /// The old service is there, be it with no replica.
    pub old_exists: bool,
    pub new_exists: bool,
}

/// What is kept on the new service, so that an upgrade can be resumed, undone, and stays as it is through the next `up`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    pub new: String,
    pub old: String,
    /// Replicas that the old service had at first.
    pub first: u64,
    /// Replicas that the new one is to have.
    pub last: u64,
    /// The names, beside its own, that the new service answers to.
    pub names: Vec<String>,
}

impl Replacement {
    /// As labels of the new service.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::from([
            (labels::REPLACES.to_owned(), self.old.clone()),
            (labels::REPLACES_FROM.to_owned(), self.first.to_string()),
            (labels::REPLACES_TO.to_owned(), self.last.to_string()),
        ]);
        if !self.names.is_empty() {
            all.insert(labels::ANSWERS_FOR.to_owned(), self.names.join(","));
        }
        all
    }
}

/// Labels of a running service or container that outlive a change of its definition.
pub fn kept_labels(running: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let kept = [
        labels::REPLACES,
        labels::REPLACES_FROM,
        labels::REPLACES_TO,
        labels::ANSWERS_FOR,
    ];
    let kept = kept
        .iter()
        .filter_map(|label| running.get_key_value(*label))
        .map(|(label, value)| (label.clone(), value.clone()));
    kept.collect()
}

/// The names that labels say a service answers to, beside its own.
pub fn answers_for(labels: &BTreeMap<String, String>) -> Vec<String> {
    let names = labels.get(labels::ANSWERS_FOR).map(String::as_str).unwrap_or_default();
    names
        .split(',')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The service that has taken this one's place and runs, if there is one.
pub fn replaced_by(observed: &Observation, service: &str) -> Option<String> {
    let takes = |labels: &BTreeMap<String, String>| labels.get(labels::REPLACES).is_some_and(|old| old == service);
    let name = |labels: &BTreeMap<String, String>| labels.get(labels::SERVICE).cloned();
    let services = observed
        .services
        .iter()
        .filter(|found| found.replicas != Some(0) && takes(&found.labels))
        .find_map(|found| name(&found.labels));
    services.or_else(|| {
        let mut containers = observed.containers.iter().filter(|found| takes(&found.labels));
        containers.find_map(|found| name(&found.labels))
    })
}

/// Why an upgrade cannot begin. Nothing has been touched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpgradeError {
    #[error("`{service}` cannot take its own place")]
    Same { service: String },
    #[error("`{service}` does not run: there is nothing to upgrade from")]
    NotRunning { service: String, running: Vec<String> },
    #[error("`{service}` runs once on every host: a rolling upgrade goes from one number of replicas to another")]
    Global { service: String },
    #[error("`{service}` runs to its end and has no replicas that could be replaced one by one")]
    Job { service: String },
    #[error(
        "`{old}` and `{new}` both publish port {port} of their hosts: both together would need {needed} hosts at a time, and {hosts} fit"
    )]
    HostPort {
        old: String,
        new: String,
        port: u16,
        needed: u64,
        hosts: usize,
    },
    #[error("`{old}` and `{new}` both publish port {port} of the whole cluster, which one service can have at a time")]
    ClusterPort { old: String, new: String, port: u16 },
}

impl UpgradeError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            UpgradeError::Same { service } => format!("`hoist up --upgrade {service}` changes a service in place"),
            UpgradeError::NotRunning { running, .. } if running.is_empty() => "`hoist up` starts the project".into(),
            UpgradeError::NotRunning { running, .. } => {
                let names: Vec<String> = running.iter().map(|name| format!("`{name}`")).collect();
                format!("these run: {}", names.join(", "))
            }
            UpgradeError::Global { service } | UpgradeError::Job { service } => {
                format!("`hoist up --upgrade {service}` changes a service in place")
            }
            UpgradeError::HostPort { new, .. } | UpgradeError::ClusterPort { new, .. } => format!(
                "publish another port in `{new}`, add hosts, let `x-ingress` listen in place of `ports`, or change the service in place with `hoist up --upgrade`"
            ),
        }
    }
}

/// Looks whether the upgrade can begin or go on, and from where.
///
/// # Errors
///
/// [`UpgradeError`]; nothing was touched.
pub fn begin(
    project: &Project,
    service: &Service,
    observed: &Observation,
    wish: &Wish,
) -> Result<Rolling, UpgradeError> {
    if wish.old == wish.new {
        return Err(UpgradeError::Same {
            service: wish.new.clone(),
        });
    }
    refuse_modes(service.deploy.mode, &wish.new)?;
    let old = Found::of(observed, &wish.old);
    let new = Found::of(observed, &wish.new);
    let replaces = |found: &Found<'_>, other: &str| found.label(labels::REPLACES) == Some(other);
    let resumed = replaces(&new, &wish.old);
    let undone = replaces(&old, &wish.new);
    if !old.exists() && !resumed {
        return Err(UpgradeError::NotRunning {
            service: wish.old.clone(),
            running: running_services(observed),
        });
    }
    if let Some(service) = old.service
        && service.replicas.is_none()
    {
        return Err(UpgradeError::Global {
            service: wish.old.clone(),
        });
    }
    let number = |found: &Found<'_>, label| found.label(label).and_then(|number| number.parse::<u64>().ok());
    let (first, last) = match (resumed, undone) {
        (true, _) => (number(&new, labels::REPLACES_FROM), number(&new, labels::REPLACES_TO)),
        (false, true) => (number(&old, labels::REPLACES_TO), number(&old, labels::REPLACES_FROM)),
        (false, false) => (None, None),
    };
    let now = Scales {
        old: old.replicas(),
        new: new.replicas(),
    };
    let first = first.unwrap_or(now.old);
    let said = wish.scale.map(NonZeroU64::get);
    let last = said.or(last).or(service.deploy.replicas).unwrap_or(first).max(1);
    let mut notes = Vec::new();
    let names = match () {
        () if resumed => new.answers_for(),
        () if !wish.update_links => Vec::new(),
        // New aliases would replace the replicas that run already, all for names that nobody needs to call.
        () if now.new > 0 => new.answers_for(),
        () => names::of(project, &old, &wish.old, &wish.new),
    };
    notes.extend(names::out_of_reach(project, service, &wish.old, &names));
    let rolling = Rolling {
        now,
        last,
        replacement: Replacement {
            new: wish.new.clone(),
            old: wish.old.clone(),
            first,
            last,
            names,
        },
        notes,
        old_exists: old.exists(),
        new_exists: new.exists(),
    };
    check_ports(service, observed, wish, &old, &rolling)?;
    Ok(rolling)
}

fn refuse_modes(mode: DeployMode, service: &str) -> Result<(), UpgradeError> {
    let service = service.to_owned();
    match mode {
        DeployMode::Replicated => Ok(()),
        DeployMode::Global => Err(UpgradeError::Global { service }),
        DeployMode::ReplicatedJob | DeployMode::GlobalJob => Err(UpgradeError::Job { service }),
    }
}

/// What runs under a service's name, on whichever runtime.
struct Found<'a> {
    service: Option<&'a ObservedService>,
    containers: Vec<&'a ObservedContainer>,
}

impl<'a> Found<'a> {
    fn of(observed: &'a Observation, name: &str) -> Self {
        let own = |labels: &BTreeMap<String, String>| labels.get(labels::SERVICE).is_some_and(|found| found == name);
        Found {
            service: observed.services.iter().find(|found| own(&found.labels)),
            containers: observed.containers.iter().filter(|found| own(&found.labels)).collect(),
        }
    }

    fn exists(&self) -> bool {
        self.service.is_some() || !self.containers.is_empty()
    }

    /// Replicas that it is set to.
    fn replicas(&self) -> u64 {
        match self.service {
            Some(service) => service.replicas.unwrap_or(0),
            None => self.containers.len() as u64,
        }
    }

    fn labels(&self) -> Option<&'a BTreeMap<String, String>> {
        let first = self.containers.first();
        self.service
            .map(|service| &service.labels)
            .or(first.map(|container| &container.labels))
    }

    fn label(&self, label: &str) -> Option<&'a str> {
        self.labels()?.get(label).map(String::as_str)
    }

    fn answers_for(&self) -> Vec<String> {
        self.labels().map(answers_for).unwrap_or_default()
    }
}

fn running_services(observed: &Observation) -> Vec<String> {
    let services = observed.services.iter().map(|found| &found.labels);
    let containers = observed.containers.iter().map(|found| &found.labels);
    let mut names: Vec<String> = services
        .chain(containers)
        .filter_map(|labels| labels.get(labels::SERVICE).cloned())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// A port of a host is taken once: where both services publish the same one, each replica of either needs a host of its
/// own.
fn check_ports(
    service: &Service,
    observed: &Observation,
    wish: &Wish,
    old: &Found<'_>,
    rolling: &Rolling,
) -> Result<(), UpgradeError> {
    let taken = ports_of(observed, old);
    let Some(port) = service
        .ports
        .iter()
        .find(|port| port.published.is_some_and(|port| taken.contains(&port)))
    else {
        return Ok(());
    };
    let number = port.published.unwrap_or_default();
    let cluster = observed.cluster.as_ref();
    let nodes = cluster.map(|cluster| cluster.nodes.as_slice()).unwrap_or_default();
    let ipvs = placement::every_kernel_has(nodes, labels::IPVS);
    let as_service = cluster.is_some() && matches!(runtime::of(service), Ok(Runtime::Service));
    if as_service && swarm_service::port_mode(service, port, ipvs) == PortMode::Ingress {
        return Err(UpgradeError::ClusterPort {
            old: wish.old.clone(),
            new: wish.new.clone(),
            port: number,
        });
    }
    let hosts = match cluster {
        Some(cluster) => placement::fitting(service, &cluster.nodes).map_or(0, |fitting| fitting.len()),
        None => 1,
    };
    let needed = rolling.now.most(rolling.last, wish.batch);
    if needed <= hosts as u64 || rolling.now.next(rolling.last, wish.batch).is_none() {
        return Ok(());
    }
    Err(UpgradeError::HostPort {
        old: wish.old.clone(),
        new: wish.new.clone(),
        port: number,
        needed,
        hosts,
    })
}

/// The ports that what runs publishes.
fn ports_of(observed: &Observation, found: &Found<'_>) -> Vec<u16> {
    let containers = found.containers.iter().flat_map(|container| &container.ports);
    let service = found.service.map(|service| service.id.as_str());
    let tasks = observed
        .tasks
        .iter()
        .filter(|task| Some(task.service_id.as_str()) == service && task.desired_state <= TaskState::Running)
        .flat_map(|task| &task.ports);
    let of_cluster = found
        .service
        .and_then(|service| service.spec.endpoint_spec.as_ref()?.ports.as_ref())
        .into_iter()
        .flatten()
        .filter_map(|port| u16::try_from(port.published_port?).ok());
    let mut all: Vec<u16> = containers
        .chain(tasks)
        .map(|port| port.published)
        .chain(of_cluster)
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests;
