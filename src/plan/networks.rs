//! The networks of a project: which are missing, as overlay networks of a cluster or bridges of one engine.
//!
//! Knows the Engine API's network shapes. Never changes a network that is there: engines cannot.

use std::collections::HashMap;

use super::draft::Draft;
use super::error::PlanError;
use super::shapes::{some_if_any, some_if_any_map};
use super::{Action, NetworkPlan, Step};
use crate::compose::model::{Network, Project};
use crate::engine::{Observation, labels, models};

/// Where networks are made.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope<'a> {
    /// Overlay networks; `encrypt` as the pool says.
    Cluster { encrypt: bool },
    /// Bridges of this engine.
    Engine(&'a str),
}

/// Steps for the networks that services use and that are not there: network key to the step's index.
///
/// # Errors
///
/// [`PlanError::ExternalMissing`].
pub(super) fn steps(
    project: &Project,
    observed: &Observation,
    scope: Scope<'_>,
    steps: &mut Vec<Step>,
) -> Result<HashMap<String, usize>, PlanError> {
    let used = |key: &str| {
        project
            .services
            .values()
            .any(|service| service.networks.contains_key(key))
    };
    let mut made = HashMap::new();
    for (key, network) in project.networks.iter().filter(|(key, _)| used(key)) {
        let there = observed.networks.iter().any(|found| found.name == network.name);
        if network.external && !there {
            return Err(PlanError::ExternalMissing {
                kind: "network",
                key: key.clone(),
                name: network.name.clone(),
            });
        }
        if network.external || there {
            continue;
        }
        let host = match scope {
            Scope::Cluster { .. } => None,
            Scope::Engine(name) => Some(name.to_owned()),
        };
        let request = request(project, key, network, scope);
        made.insert(key.clone(), steps.len());
        steps.push(Step {
            action: Action::CreateNetwork {
                network: Box::new(NetworkPlan {
                    name: network.name.clone(),
                    host,
                    request,
                }),
            },
            after: Vec::new(),
            reason: "new".into(),
        });
    }
    Ok(made)
}

/// The step for the network that routers of the ingress reach replicas on, where it is not there.
pub(super) fn ingress_step(draft: &mut Draft<'_>, encrypt: bool) {
    let network = super::ingress::network(encrypt);
    if draft
        .situation
        .observed
        .networks
        .iter()
        .any(|found| found.name == network.name)
    {
        return;
    }
    let name = network.name.clone();
    let network = Box::new(network);
    let index = draft.push(Action::CreateNetwork { network }, Vec::new(), "new");
    draft.networks.insert(name, index);
}

fn request(project: &Project, key: &str, network: &Network, scope: Scope<'_>) -> models::NetworkCreateRequest {
    let mut all = super::shapes::project_labels(project);
    all.extend(network.labels.clone());
    all.insert(labels::NETWORK.to_owned(), key.to_owned());
    let mut options: HashMap<String, String> = network.driver_opts.clone().into_iter().collect();
    let driver = match scope {
        Scope::Cluster { encrypt } => {
            // `docker stack ls` counts what carries its label.
            all.insert(labels::STACK_NAMESPACE.to_owned(), project.name.clone());
            if encrypt {
                options.insert("encrypted".to_owned(), String::new());
            }
            // A bridge would stay on one host.
            network
                .driver
                .clone()
                .filter(|driver| driver != "bridge")
                .unwrap_or_else(|| "overlay".to_owned())
        }
        Scope::Engine(_) => network.driver.clone().unwrap_or_else(|| "bridge".to_owned()),
    };
    let pools = network.ipam.iter().map(|pool| models::IpamConfig {
        subnet: pool.subnet.clone(),
        ip_range: pool.ip_range.clone(),
        gateway: pool.gateway.clone(),
        auxiliary_addresses: some_if_any_map(&pool.aux_addresses),
    });
    models::NetworkCreateRequest {
        name: network.name.clone(),
        driver: Some(driver),
        internal: network.internal.then_some(true),
        // Containers that Hoist places itself join the same networks.
        attachable: Some(matches!(scope, Scope::Cluster { .. }) || network.attachable),
        enable_ipv4: network.enable_ipv4,
        enable_ipv6: network.enable_ipv6.then_some(true),
        options: (!options.is_empty()).then_some(options),
        labels: Some(all),
        ipam: (!network.ipam.is_empty() || network.ipam_driver.is_some()).then(|| models::Ipam {
            driver: network.ipam_driver.clone(),
            config: some_if_any(pools.collect()),
            options: None,
        }),
        ..Default::default()
    }
}
