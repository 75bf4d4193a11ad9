//! One host taken away while the others go on: emptied, out of the cluster, removed.
//!
//! Knows the order. Whether the host may go was decided before; what it shared with others stays.

use super::drain_host::drain;
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

/// Takes one host away. `engines` has it no more afterwards, and a manager that stays.
///
/// # Errors
///
/// Where its way ended; the next run takes it up from there.
pub async fn take_away(
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
