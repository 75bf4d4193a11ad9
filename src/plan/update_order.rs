//! Whether a replica's successor can run beside it. Where the file asks for that (`order: start-first`) and it cannot be, the
//! replica stops first: the other order would wait for ever for a place that its own predecessor holds.
//!
//! Knows what only one replica at a time can have. Changes no order that the file does not say.

use super::volumes;
use crate::compose::model::{DeployMode, Project, Service, UpdateConfig};

/// Where the replicas of a Swarm service find themselves.
#[derive(Debug, Clone, Default)]
pub(super) struct Room {
    /// The key of a volume that keeps the service on one host.
    pub volume: Option<String>,
    /// A port that each replica takes of its host.
    pub host_port: Option<u16>,
    pub replicas: u64,
    /// Hosts that the service fits.
    pub hosts: u64,
}

/// Whether the file asks for the successor to start before the replica stops, be it in an update or in going back.
pub(super) fn starts_first(service: &Service) -> bool {
    let asks = |config: &Option<UpdateConfig>| {
        let order = config.as_ref().and_then(|config| config.order.as_deref());
        order == Some(START_FIRST)
    };
    asks(&service.deploy.update) || asks(&service.deploy.rollback)
}

/// Why a replica of a Swarm service and its successor cannot be at once; `None` where they can.
pub(super) fn hindrance(service: &Service, room: &Room) -> Option<String> {
    if let Some(volume) = &room.volume {
        return Some(one_at_a_time(volume));
    }
    let global = matches!(service.deploy.mode, DeployMode::Global | DeployMode::GlobalJob);
    if let Some(port) = room.host_port.filter(|_| global || room.replicas >= room.hosts) {
        return Some(format!(
            "each replica takes port {port} of its host, and no host has it free"
        ));
    }
    let most = service.deploy.max_replicas_per_node.filter(|_| !global)?;
    let full = room.replicas >= most.saturating_mul(room.hosts);
    full.then(|| format!("`max_replicas_per_node: {most}` leaves no room for one more"))
}

/// Why a container and its successor cannot be at once; `None` where they can. `same_host`: they are on one host; `cluster`: it
/// is one of a cluster.
pub(super) fn hindrance_of_container(
    project: &Project,
    service: &Service,
    same_host: bool,
    cluster: bool,
) -> Option<String> {
    if let Some(volume) = volumes::local_volumes(project, service).first() {
        return Some(one_at_a_time(volume));
    }
    let mut attachments = service.networks.values();
    if let Some(address) =
        attachments.find_map(|network| network.ipv4_address.as_ref().or(network.ipv6_address.as_ref()))
    {
        return Some(format!("only one container can have the address {address}"));
    }
    if !same_host {
        return None;
    }
    if cluster && service.network_mode.is_none() {
        return Some(
            "the engine cannot give the successor its name while it runs in a network of the cluster".to_owned(),
        );
    }
    if service.network_mode.as_deref() == Some("host") {
        return Some("with `network_mode: host` both would listen on the same ports".to_owned());
    }
    let port = service.ports.iter().find_map(|port| port.published)?;
    Some(format!("each container takes port {port} of its host"))
}

/// What the plan says where the file's order cannot be kept.
pub(super) fn note(service: &str, hindrance: &str) -> (String, Option<String>) {
    let message = format!(
        "service `{service}`: each replica stops before its successor starts, though the file says `start-first`: {hindrance}"
    );
    (message, Some(format!("services.{service}.deploy.update_config.order")))
}

fn one_at_a_time(volume: &str) -> String {
    format!("its volume `{volume}` is for one of them at a time")
}

pub(super) const START_FIRST: &str = "start-first";

#[cfg(test)]
mod tests {
    use super::*;

    fn service(most: Option<u64>, mode: DeployMode) -> Service {
        let mut service = Service::default();
        service.deploy.max_replicas_per_node = most;
        service.deploy.mode = mode;
        service
    }

    #[test]
    fn a_successor_needs_a_volume_port_or_place_of_its_own() {
        let room = |host_port, replicas, hosts| Room {
            volume: None,
            host_port,
            replicas,
            hosts,
        };
        let plain = || service(None, DeployMode::Replicated);
        for (service, room, at_once) in [
            (plain(), room(None, 5, 1), true),
            (plain(), room(Some(80), 2, 3), true),
            (plain(), room(Some(80), 3, 3), false),
            (service(None, DeployMode::Global), room(None, 1, 3), true),
            (service(None, DeployMode::Global), room(Some(80), 1, 3), false),
            (service(Some(2), DeployMode::Replicated), room(None, 5, 3), true),
            (service(Some(2), DeployMode::Replicated), room(None, 6, 3), false),
            (
                plain(),
                Room {
                    volume: Some("data".to_owned()),
                    ..room(None, 1, 3)
                },
                false,
            ),
        ] {
            assert_eq!(hindrance(&service, &room).is_none(), at_once, "{room:?}");
        }
    }
}
