//! Hosts taken away while the others go on, one after another: emptied, out of the cluster, removed.
//!
//! Knows the order. Whether the host may go was decided before; what it shared with others stays.

use super::drain_host::{activate, close, drain};
use super::error::{DeployError, HostFailure, HostFailureCause};
use super::event::{Event, HostProgress};
use super::operator::Operator;
use super::pool::node_of;
use crate::bootstrap::{self, roles};
use crate::engine::Engines;
use crate::engine::error::cause_chain;
use crate::engine::observation::ObservedNode;
use crate::hosts::Host;
use crate::hosts::providers::Providers;
use crate::plan::placement;

/// Takes hosts away, one after another. `engines` has those that went no more afterwards, and a manager that stays. Gives
/// where the way of the others ended; the next run takes it up from there.
///
/// # Errors
///
/// A failed call to a manager; the operator's interruption.
pub async fn take_away(
    operator: &Operator,
    providers: &Providers,
    hosts: &[&Host],
    engines: &mut Engines,
) -> Result<Vec<HostFailure>, DeployError> {
    let mut failed = Vec::new();
    let nodes = match &engines.manager {
        Some(manager) => manager.nodes().await?,
        None => Vec::new(),
    };
    let leaving = hosts.iter().filter_map(|host| node_of(&nodes, &host.name));
    let closed = match &engines.manager {
        Some(manager) if hosts.len() > 1 => close(manager, leaving).await?,
        _ => Vec::new(),
    };
    for (turn, host) in hosts.iter().enumerate() {
        match one(operator, providers, host, engines).await {
            Ok(()) => {}
            Err(failure) if matches!(failure.error, HostFailureCause::Interrupted) => {
                let later = |node: &&&ObservedNode| {
                    let name = placement::host_name(node);
                    hosts[turn + 1..].iter().any(|host| host.name == name)
                };
                if let Some(manager) = &engines.manager {
                    for node in closed.iter().filter(later) {
                        activate(manager, &node.id).await?;
                    }
                }
                return Err(DeployError::Interrupted {
                    unfinished: vec!["the hosts".into()],
                });
            }
            Err(failure) => failed.push(failure),
        }
    }
    Ok(failed)
}

async fn one(
    operator: &Operator,
    providers: &Providers,
    host: &Host,
    engines: &mut Engines,
) -> Result<(), HostFailure> {
    let tell = |progress| {
        operator.events.emit(Event::Host {
            host: host.name.clone(),
            progress,
        })
    };
    let way = async {
        drain(&host.name, engines, operator).await?;
        tell(HostProgress::Removing);
        let manager = bootstrap::remove_host(&host.pool, &host.name, engines, operator.service_timeout).await?;
        providers.of_host(host)?.remove(host).await?;
        Ok::<_, HostFailureCause>(manager)
    };
    match way.await {
        Ok(manager) => {
            engines.manager = manager;
            engines.hosts.shift_remove(&host.name);
            tell(HostProgress::Removed);
            Ok(())
        }
        Err(error) => {
            tell(HostProgress::Failed {
                reason: cause_chain(&error),
            });
            Err(HostFailure {
                host: host.name.clone(),
                error,
            })
        }
    }
}

/// Lets `count` of the hosts manage the cluster, in their order.
///
/// # Errors
///
/// A failed call to a manager.
pub async fn settle_managers(engines: &mut Engines, hosts: &[Host], count: usize) -> Result<(), DeployError> {
    let Some(manager) = &engines.manager else { return Ok(()) };
    let nodes = manager.nodes().await?;
    let in_order: Vec<&ObservedNode> = hosts.iter().filter_map(|host| node_of(&nodes, &host.name)).collect();
    engines.manager = Some(roles::settle(engines, &in_order, count).await?);
    Ok(())
}
