//! A container's place on its networks: addresses, names, and what it calls others.
//!
//! Knows the Engine API's endpoints. Makes no network.

use std::collections::HashMap;

use crate::compose::model::{Link, Project, Service, ServiceNetwork};
use crate::engine::models;
use crate::plan::shapes::{self, some_if_any};

/// The driver's option in which an engine takes an interface's name.
pub const INTERFACE_NAME: &str = "com.docker.network.endpoint.ifname";

/// The networks in order of `priority`, highest first, then file order (specification: *networks.priority*).
///
/// `more`: names that the service answers to beside its own.
pub(super) fn attachments(
    project: &Project,
    service: &Service,
    more: &[String],
) -> Vec<(String, models::EndpointSettings)> {
    if let Some(mode) = &service.network_mode {
        // The engine's own bridge gives hardware addresses too, and nothing else of this.
        let address = service.mac_address.clone().into_iter();
        return address.map(|address| (mode.clone(), only_address(address))).collect();
    }
    let mut networks: Vec<_> = service.networks.iter().collect();
    networks.sort_by_key(|(_, attachment)| std::cmp::Reverse(attachment.priority.unwrap_or(0)));
    let mut attachments: Vec<_> = networks
        .into_iter()
        .map(|(key, attachment)| {
            // The container's own name needs no alias: the engine's DNS knows it.
            let (network, aliases) = shapes::attachment(project, service, key, attachment, more);
            (network, endpoint(project, service, attachment, aliases))
        })
        .collect();
    if let (Some((_, first)), Some(address)) = (attachments.first_mut(), &service.mac_address) {
        first.mac_address = Some(address.clone());
    }
    attachments
}

fn only_address(address: String) -> models::EndpointSettings {
    models::EndpointSettings {
        mac_address: Some(address),
        ..Default::default()
    }
}

fn endpoint(
    project: &Project,
    service: &Service,
    attachment: &ServiceNetwork,
    aliases: Vec<String>,
) -> models::EndpointSettings {
    let addresses = models::EndpointIpamConfig {
        ipv4_address: attachment.ipv4_address.clone(),
        ipv6_address: attachment.ipv6_address.clone(),
        link_local_ips: some_if_any(attachment.link_local_ips.clone()),
    };
    let mut options: HashMap<String, String> = attachment.driver_opts.clone().into_iter().collect();
    if let Some(name) = &attachment.interface_name {
        options.insert(INTERFACE_NAME.to_owned(), name.clone());
    }
    models::EndpointSettings {
        aliases: Some(aliases),
        links: some_if_any(links(project, service)),
        ipam_config: (addresses != Default::default()).then_some(addresses),
        mac_address: attachment.mac_address.clone(),
        driver_opts: (!options.is_empty()).then_some(options),
        gw_priority: attachment.gateway_priority,
        ..Default::default()
    }
}

/// `NAME:ALIAS`. A service goes by the name that all its replicas answer to, and gets the names that Compose gives beside
/// the alias; its containers need not be there yet.
fn links(project: &Project, service: &Service) -> Vec<String> {
    let own = service.links.iter().flat_map(|link| {
        let Link { to, alias } = link;
        [
            format!("{to}:{alias}"),
            format!("{to}:{to}-1"),
            format!("{to}:{}-{to}-1", project.name),
        ]
    });
    let external = service
        .external_links
        .iter()
        .map(|Link { to, alias }| format!("{to}:{alias}"));
    own.chain(external).collect()
}

/// The same on the engine's own bridge, which knows containers by their own names alone.
pub(super) fn links_without_network(project: &Project, service: &Service) -> Option<Vec<String>> {
    service.network_mode.as_ref()?;
    let own = service.links.iter().map(|Link { to, alias }| {
        let name = project
            .services
            .get(to)
            .map_or_else(|| to.clone(), |other| super::name(&project.name, other, 1));
        format!("{name}:{alias}")
    });
    let external = service
        .external_links
        .iter()
        .map(|Link { to, alias }| format!("{to}:{alias}"));
    some_if_any(own.chain(external).collect())
}
