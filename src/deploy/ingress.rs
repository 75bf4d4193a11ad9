//! The pool's ingress brought to what the services of all its projects claim, as their labels say at that moment.
//!
//! Knows the order in which no connection is lost: routers that can serve what is new, then gates for new ports, then away with
//! what nothing needs. Several operators may be at it: whoever ends last has read the claims last.

mod certificates;
mod image;

pub(super) use certificates::read as certificates;

use std::collections::BTreeSet;

use futures_util::future::try_join_all;

use super::deployment::Deployment;
use super::error::StepError;
use super::{converge, services};
use crate::engine::observation::ObservedService;
use crate::engine::{Engine, labels};
use crate::plan::ServicePlan;
use crate::plan::ingress::{self, Claim, NAME, System};

/// Claims that change while they are carried out are carried out again; other runs settle what they changed themselves.
const ROUNDS: usize = 5;

/// Brings the ingress to what is claimed now. With no claim left, nothing of it stays.
///
/// # Errors
///
/// Claims of services that somebody else made meanwhile clash; HAProxy cannot be had; a router or gate does not get ready.
pub(super) async fn settle(deployment: &Deployment) -> Result<(), StepError> {
    let deployment = deployment.for_system(&system_label());
    let manager = deployment.manager()?;
    let mut claims = claimed(manager).await?;
    for _ in 0..ROUNDS {
        let nodes = manager.nodes().await?.len();
        let running = manager.services(&[&system_label()]).await?;
        match ingress::system(&claims, nodes) {
            // Somebody else's run was as quick as this one: each message names both.
            Err(mut clashes) => return Err(StepError::Ingress(clashes.swap_remove(0))),
            Ok(Some(system)) => bring_up(&deployment, &system, &running).await?,
            Ok(None) => remove_all(&deployment, &running).await?,
        }
        let now = claimed(manager).await?;
        if now == claims {
            break;
        }
        claims = now;
    }
    Ok(())
}

fn system_label() -> String {
    format!("{}={}", labels::SYSTEM, labels::SYSTEM_INGRESS)
}

async fn claimed(manager: &Engine) -> Result<Vec<Claim>, StepError> {
    let services = manager.services(&[labels::INGRESS]).await?;
    Ok(ingress::claims(&services)?)
}

async fn bring_up(deployment: &Deployment, system: &System, running: &[ObservedService]) -> Result<(), StepError> {
    let manager = deployment.manager()?;
    let image = image::provide(deployment, running).await?;
    if !manager.networks(&[]).await?.iter().any(|network| network.name == NAME) {
        // A service of another project brought its own claim along, and somebody took the network away since.
        let network = ingress::network(deployment.project.pool.encrypt);
        manager.create_network(network.request).await?;
    }
    let own = [(labels::SYSTEM.to_owned(), labels::SYSTEM_INGRESS.to_owned())].into();
    for config in &system.configs {
        match manager
            .create_config(&config.name, &own, config.content.as_bytes())
            .await
        {
            Err(error) if error.is_conflict() => {}
            other => drop(other?),
        }
    }
    bring_up_service(deployment, &system.routers, running, &image).await?;
    let gates = system.gates.values();
    try_join_all(gates.map(|gate| bring_up_service(deployment, gate, running, &image))).await?;
    let wanted: BTreeSet<&str> = system.services().map(|planned| planned.service.as_str()).collect();
    for service in running.iter().filter(|service| !wanted.contains(service.name.as_str())) {
        services::remove(deployment, &service.name, &service.id).await?;
    }
    for config in manager.configs(&[&system_label()]).await? {
        if system.configs.iter().any(|wanted| wanted.name == config.name) {
            continue;
        }
        match manager.remove_config(&config.id).await {
            // What a service could be brought back to is still in its keeping: the next run tries again.
            Err(error) if error.is_in_use() || error.is_not_found() => {}
            other => other?,
        }
    }
    Ok(())
}

async fn bring_up_service(
    deployment: &Deployment,
    planned: &ServicePlan,
    running: &[ObservedService],
    image: &str,
) -> Result<(), StepError> {
    let planned = ServicePlan {
        exact_image: Some(image.to_owned()),
        ..planned.clone()
    };
    let digest = |labels: Option<&String>| labels.cloned();
    let wanted = planned
        .spec
        .labels
        .as_ref()
        .and_then(|labels| labels.get(labels::CONFIG_HASH));
    match running.iter().find(|service| service.name == planned.service) {
        None => services::create(deployment, &planned).await,
        Some(service) if digest(service.labels.get(labels::CONFIG_HASH)) == digest(wanted) => {
            converge::converge(deployment, &planned, &service.id, &BTreeSet::new()).await
        }
        Some(service) => services::update(deployment, &planned, &service.id).await,
    }
}

async fn remove_all(deployment: &Deployment, running: &[ObservedService]) -> Result<(), StepError> {
    let manager = deployment.manager()?;
    let removed = running.iter();
    try_join_all(removed.map(|service| services::remove(deployment, &service.name, &service.id))).await?;
    for config in manager.configs(&[&system_label()]).await? {
        super::execute::gone_once_unused(deployment, || manager.remove_config(&config.id)).await?;
    }
    let networks = manager.networks(&[&system_label()]).await?;
    for network in networks.into_iter().filter(|network| network.host.is_none()) {
        super::execute::gone_once_unused(deployment, || manager.remove_network(&network.id)).await?;
    }
    Ok(())
}
