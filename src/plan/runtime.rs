//! How a service runs on a pool: as a Swarm service, or as containers that Hoist places.
//!
//! Knows what Swarm services cannot do. Without a cluster everything runs as containers.

use super::error::PlanError;
use crate::compose::model::{BlockIo, Mount, MountKind, Port, RuntimeChoice, Service};

/// How a service runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runtime {
    Service,
    /// With the reason where it was not the operator's own choice.
    Container {
        because: Option<String>,
    },
}

/// The runtime of a service on a pool.
///
/// # Errors
///
/// [`PlanError::RuntimeImpossible`] where `x-runtime: service` meets an attribute that Swarm has no word for.
pub fn of(service: &Service) -> Result<Runtime, PlanError> {
    match (service.runtime, beyond_swarm(service)) {
        (Some(RuntimeChoice::Container), _) => Ok(Runtime::Container { because: None }),
        (Some(RuntimeChoice::Service), Some(attribute)) => Err(PlanError::RuntimeImpossible {
            service: service.name.clone(),
            reason: format!("Swarm services have no `{attribute}`"),
        }),
        (None, Some(attribute)) => Ok(Runtime::Container {
            because: Some(attribute.to_owned()),
        }),
        (_, None) => Ok(Runtime::Service),
    }
}

/// The first attribute in use that the Engine API's service specification has no field for.
fn beyond_swarm(service: &Service) -> Option<&'static str> {
    let scheduling = &service.scheduling;
    let memory = &service.memory_use;
    let networks = || service.networks.values();
    let uses = [
        (service.privileged, "privileged"),
        (!service.devices.is_empty(), "devices"),
        (service.network_mode.is_some(), "network_mode"),
        (service.pid.is_some(), "pid"),
        (service.ipc.is_some(), "ipc"),
        (!service.security_opt.is_empty(), "security_opt"),
        (service.cgroup_parent.is_some(), "cgroup_parent"),
        (service.userns_mode.is_some(), "userns_mode"),
        (service.uts.is_some(), "uts"),
        (service.cgroup.is_some(), "cgroup"),
        (service.container_runtime.is_some(), "runtime"),
        (!service.storage_opt.is_empty(), "storage_opt"),
        (service.block_io != BlockIo::default(), "blkio_config"),
        (scheduling.shares.is_some(), "cpu_shares"),
        (scheduling.period.is_some(), "cpu_period"),
        (scheduling.quota.is_some(), "cpu_quota"),
        (scheduling.realtime_period.is_some(), "cpu_rt_period"),
        (scheduling.realtime_runtime.is_some(), "cpu_rt_runtime"),
        (scheduling.processors.is_some(), "cpuset"),
        (memory.with_swap.is_some(), "memswap_limit"),
        (memory.swappiness.is_some(), "mem_swappiness"),
        (memory.oom_kill_disable, "oom_kill_disable"),
        (!service.device_cgroup_rules.is_empty(), "device_cgroup_rules"),
        (!service.gpus.is_empty(), "gpus"),
        (
            !service.deploy.reserved_devices.is_empty(),
            "deploy.resources.reservations.devices",
        ),
        (!service.volumes_from.is_empty(), "volumes_from"),
        (
            service.mounts.iter().any(is_recursive_otherwise),
            "volumes.bind.recursive",
        ),
        (!service.external_links.is_empty(), "external_links"),
        (service.mac_address.is_some(), "mac_address"),
        (
            networks().any(|network| network.mac_address.is_some()),
            "networks.mac_address",
        ),
        (
            networks().any(|network| !network.link_local_ips.is_empty()),
            "networks.link_local_ips",
        ),
        (
            networks().any(|network| network.interface_name.is_some()),
            "networks.interface_name",
        ),
        (
            networks().any(|network| network.gateway_priority.is_some()),
            "networks.gw_priority",
        ),
        (
            service.affinity.containers.iter().any(|neighbour| neighbour.hard),
            "affinity to containers",
        ),
        (!service.post_start.is_empty(), "post_start"),
        (!service.pre_stop.is_empty(), "pre_stop"),
        // Swarm would publish on every address of the host what the file keeps to one.
        (service.ports.iter().any(is_narrowed), "ports.host_ip"),
    ];
    uses.into_iter().find_map(|(used, attribute)| used.then_some(attribute))
}

/// Whether the port is published on one address of the host only.
fn is_narrowed(port: &Port) -> bool {
    port.host_ip
        .as_deref()
        .is_some_and(|address| !["", "0.0.0.0", "::"].contains(&address))
}

fn is_recursive_otherwise(mount: &Mount) -> bool {
    matches!(&mount.kind, MountKind::Bind { recursive: Some(_), .. })
}

/// The attributes in use that a Swarm service takes no notice of, and that no runtime choice follows from.
pub(super) fn unheeded(service: &Service) -> Vec<&'static str> {
    let fixed = service
        .networks
        .values()
        .any(|attachment| attachment.ipv4_address.is_some() || attachment.ipv6_address.is_some());
    let uses = [
        (service.container_name.is_some(), "container_name"),
        (service.domainname.is_some(), "domainname"),
        (!service.annotations.is_empty(), "annotations"),
        (service.platform.is_some(), "platform"),
        (fixed, "networks.ipv4_address"),
        (!service.links.is_empty(), "links"),
        (
            !service.affinity.preferred.is_empty() || !service.affinity.containers.is_empty(),
            "labels.io.rancher.scheduler.affinity:…_soft",
        ),
    ];
    uses.into_iter()
        .filter_map(|(used, attribute)| used.then_some(attribute))
        .collect()
}
