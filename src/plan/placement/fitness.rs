//! Which hosts a service fits by what its file says of them, and why it fits none of the others.

use super::constraint::Constraint;
use super::host_name;
use crate::compose::model::Service;
use crate::engine::observation::ObservedNode;
use crate::plan::error::PlanError;

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
    let constraints = parsed(&service.name, &service.deploy.constraints)?;
    Ok(nodes.iter().map(|node| (node, node_fits(node, &constraints))).collect())
}

/// The constraints with their texts.
pub(super) fn parsed<'a>(service: &str, texts: &'a [String]) -> Result<Vec<(&'a str, Constraint)>, PlanError> {
    let parsed = texts.iter().map(|text| match Constraint::parse(text) {
        Some(constraint) => Ok((text.as_str(), constraint)),
        None => Err(PlanError::Constraint {
            service: service.to_owned(),
            constraint: text.clone(),
        }),
    });
    parsed.collect()
}

/// Whether the node takes replicas at all, and these constraints hold for it.
pub(super) fn node_fits(node: &ObservedNode, constraints: &[(&str, Constraint)]) -> Fitness {
    if !node.ready {
        return Err("is down".to_owned());
    }
    if !node.active {
        return Err("is drained".to_owned());
    }
    match constraints.iter().find(|(_, constraint)| !constraint.holds(node)) {
        Some((text, _)) => Err(format!("`{text}` does not hold")),
        None => Ok(()),
    }
}

/// The first of these constraints that does not hold on the node. One that cannot be read holds: the cluster has taken it.
pub fn broken<'a>(constraints: &'a [String], node: &ObservedNode) -> Option<&'a str> {
    let holds = |text: &&String| Constraint::parse(text).is_none_or(|constraint| constraint.holds(node));
    constraints.iter().find(|text| !holds(text)).map(String::as_str)
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
