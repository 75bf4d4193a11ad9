//! Which hosts a service fits, and which one it gets where Hoist decides: for pinned volumes and for containers.
//!
//! Knows constraints (Swarm's syntax) and nodes. Deterministic: the same input gives the same host.

use std::collections::BTreeMap;

use super::error::PlanError;
use crate::compose::model::Service;
use crate::engine::observation::ObservedNode;

/// `ATTRIBUTE == VALUE` or `ATTRIBUTE != VALUE` (specification: *deploy.placement.constraints*; Swarm compares
/// without regard to case and knows these attributes and no others).
#[derive(Debug, Clone, PartialEq, Eq)]
struct Constraint {
    attribute: String,
    equal: bool,
    value: String,
}

impl Constraint {
    fn parse(text: &str) -> Option<Constraint> {
        let (equal, (attribute, value)) = match text.split_once("==") {
            Some(parts) => (true, parts),
            None => (false, text.split_once("!=")?),
        };
        let (attribute, value) = (attribute.trim(), value.trim());
        (!attribute.is_empty() && !value.is_empty()).then(|| Constraint {
            attribute: attribute.to_owned(),
            equal,
            value: value.to_owned(),
        })
    }

    fn holds(&self, node: &ObservedNode) -> bool {
        let found = match self.attribute.as_str() {
            "node.id" => Some(node.id.as_str()),
            "node.hostname" => Some(node.name.as_str()),
            "node.ip" => Some(node.address.as_str()),
            "node.role" => Some(if node.manager { "manager" } else { "worker" }),
            "node.platform.os" => Some(node.operating_system.as_str()),
            "node.platform.arch" => Some(node.architecture.as_str()),
            other => match (other.strip_prefix("node.labels."), other.strip_prefix("engine.labels.")) {
                (Some(label), _) => node.labels.get(label).map(String::as_str),
                (_, Some(label)) => node.engine_labels.get(label).map(String::as_str),
                _ => None,
            },
        };
        found.is_some_and(|found| found.eq_ignore_ascii_case(&self.value)) == self.equal
    }
}

/// A host's fitness for a service: `Err` names the rule that excludes it.
pub type Fitness = Result<(), String>;

/// Every node, with its fitness for the service.
///
/// # Errors
///
/// [`PlanError::Constraint`] for one that cannot be read.
pub fn fitness<'a>(
    service: &Service,
    nodes: &'a [ObservedNode],
) -> Result<Vec<(&'a ObservedNode, Fitness)>, PlanError> {
    let mut constraints = Vec::new();
    for text in &service.deploy.constraints {
        let constraint = Constraint::parse(text).ok_or_else(|| PlanError::Constraint {
            service: service.name.clone(),
            constraint: text.clone(),
        })?;
        constraints.push((text, constraint));
    }
    Ok(nodes
        .iter()
        .map(|node| {
            let fits = if !node.ready {
                Err("is down".to_owned())
            } else if !node.active {
                Err("is drained".to_owned())
            } else {
                constraints
                    .iter()
                    .find(|(_, constraint)| !constraint.holds(node))
                    .map_or(Ok(()), |(text, _)| Err(format!("`{text}` does not hold")))
            };
            (node, fits)
        })
        .collect())
}

/// The nodes that fit the service.
///
/// # Errors
///
/// [`PlanError::NoHost`] with the excluding rule of each host, where there is none.
pub fn fitting<'a>(service: &Service, nodes: &'a [ObservedNode]) -> Result<Vec<&'a ObservedNode>, PlanError> {
    let fitness = fitness(service, nodes)?;
    let fitting: Vec<_> = fitness
        .iter()
        .filter(|(_, fits)| fits.is_ok())
        .map(|(node, _)| *node)
        .collect();
    if fitting.is_empty() {
        let mut reasons: Vec<(String, String)> = fitness
            .into_iter()
            .filter_map(|(node, fits)| Some((host_name(node).to_owned(), fits.err()?)))
            .collect();
        reasons.sort();
        return Err(PlanError::NoHost {
            service: service.name.clone(),
            reasons,
        });
    }
    Ok(fitting)
}

/// Whether there are hosts enough for replicas that each take a port of their own host.
///
/// # Errors
///
/// [`PlanError::TooFewHostsForPort`].
pub fn room_for_port(service: &Service, port: Option<u16>, replicas: u64, hosts: usize) -> Result<(), PlanError> {
    match port {
        Some(port) if replicas > hosts as u64 => Err(PlanError::TooFewHostsForPort {
            service: service.name.clone(),
            port,
            replicas,
            hosts,
        }),
        _ => Ok(()),
    }
}

/// Whether every host's kernel has what bootstrap noted under the label. Hosts that have not been asked yet count as
/// having it.
pub fn every_kernel_has(nodes: &[ObservedNode], label: &str) -> bool {
    nodes
        .iter()
        .all(|node| node.labels.get(label).is_none_or(|value| value == "true"))
}

/// Hoist's name of a node.
pub fn host_name(node: &ObservedNode) -> &str {
    node.labels.get(crate::engine::labels::HOST).unwrap_or(&node.name)
}

/// How much Hoist has placed on each host so far, by host name.
#[derive(Debug, Clone, Default)]
pub struct Load(BTreeMap<String, u64>);

impl Load {
    /// Counts one more on a host.
    pub fn add(&mut self, host: &str) {
        *self.0.entry(host.to_owned()).or_default() += 1;
    }

    /// The host with the least on it, the first of them in the pool's order, counted at once.
    pub fn take_least(&mut self, candidates: &[&ObservedNode]) -> Option<String> {
        let least = candidates
            .iter()
            .map(|node| host_name(node))
            .min_by_key(|host| self.0.get(*host).copied().unwrap_or(0))?;
        self.add(least);
        Some(least.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, labels: &[(&str, &str)]) -> ObservedNode {
        ObservedNode {
            id: format!("id-{name}"),
            name: name.into(),
            labels: labels
                .iter()
                .map(|(key, value)| ((*key).into(), (*value).into()))
                .collect(),
            manager: name == "a",
            leader: false,
            ready: true,
            active: true,
            address: "10.0.0.1".into(),
            engine_version: "20.10".into(),
            operating_system: "linux".into(),
            architecture: "x86_64".into(),
            nano_cpus: 0,
            memory_bytes: 0,
            version: 1,
            engine_labels: BTreeMap::new(),
        }
    }

    fn service(constraints: &[&str]) -> Service {
        let mut service = Service {
            name: "web".into(),
            ..Service::default()
        };
        service.deploy.constraints = constraints.iter().map(|text| (*text).into()).collect();
        service
    }

    #[test]
    fn constraints_compare_each_attribute() {
        let nodes = [
            node("a", &[("tier", "Web")]),
            node("b", &[("tier", "db")]),
            node("c", &[]),
        ];
        let fits = |rules: &[&str]| -> Vec<String> {
            fitting(&service(rules), &nodes)
                .map(|nodes| nodes.iter().map(|node| node.name.clone()).collect())
                .unwrap_or_default()
        };
        assert_eq!(fits(&[]), ["a", "b", "c"]);
        assert_eq!(fits(&["node.labels.tier == web"]), ["a"]);
        assert_eq!(fits(&["node.labels.tier != web"]), ["b", "c"]);
        assert_eq!(fits(&["node.role==worker", "node.hostname != c"]), ["b"]);
        assert_eq!(fits(&["node.id == id-c"]), ["c"]);
    }

    #[test]
    fn a_service_that_fits_nowhere_names_the_rule_for_each_host() {
        let mut nodes = [node("a", &[]), node("b", &[])];
        nodes[1].ready = false;
        let error = fitting(&service(&["node.labels.disk == ssd"]), &nodes).unwrap_err();
        assert_eq!(
            error.to_string(),
            "service `web` fits no host: a (`node.labels.disk == ssd` does not hold), b (is down)"
        );
    }

    #[test]
    fn the_least_loaded_host_comes_next_and_ties_keep_the_order() {
        let nodes = [node("a", &[]), node("b", &[])];
        let candidates: Vec<_> = nodes.iter().collect();
        let mut load = Load::default();
        let taken: Vec<_> = (0..4).filter_map(|_| load.take_least(&candidates)).collect();
        assert_eq!(taken, ["a", "b", "a", "b"]);
    }
}
