//! What a container may use of its host: processors, memory, block I/O, devices.
//!
//! Knows the Engine API's *Resources*, which are fields of its *HostConfig*.

use crate::compose::model::{DeviceRate, DeviceRequest, Service};
use crate::engine::models;
use crate::plan::shapes::{self, some_if_any, some_if_any_map};

/// A host configuration that says this and nothing else.
pub(super) fn of(service: &Service) -> models::HostConfig {
    let limits = &service.deploy.limits;
    let scheduling = &service.scheduling;
    let memory = &service.memory_use;
    let block_io = &service.block_io;
    models::HostConfig {
        nano_cpus: limits.nano_cpus,
        cpu_shares: scheduling.shares,
        cpu_period: scheduling.period,
        cpu_quota: scheduling.quota,
        cpu_realtime_period: scheduling.realtime_period,
        cpu_realtime_runtime: scheduling.realtime_runtime,
        cpuset_cpus: scheduling.processors.clone(),
        memory: limits.memory,
        memory_reservation: service.deploy.reservations.memory,
        memory_swap: memory.with_swap,
        memory_swappiness: memory.swappiness,
        oom_kill_disable: memory.oom_kill_disable.then_some(true),
        oom_score_adj: service.oom_score_adj,
        shm_size: service.shm_size.and_then(|bytes| i64::try_from(bytes).ok()),
        pids_limit: limits.pids,
        ulimits: shapes::ulimits(service),
        cgroup_parent: service.cgroup_parent.clone(),
        blkio_weight: block_io.weight,
        blkio_weight_device: some_if_any(
            block_io
                .device_weights
                .iter()
                .map(|(path, weight)| models::ResourcesBlkioWeightDevice {
                    path: Some(path.clone()),
                    weight: Some(usize::from(*weight)),
                })
                .collect(),
        ),
        blkio_device_read_bps: rates(&block_io.read_bytes),
        blkio_device_read_iops: rates(&block_io.read_operations),
        blkio_device_write_bps: rates(&block_io.write_bytes),
        blkio_device_write_iops: rates(&block_io.write_operations),
        devices: some_if_any(service.devices.iter().map(|device| device_mapping(device)).collect()),
        device_cgroup_rules: some_if_any(service.device_cgroup_rules.clone()),
        device_requests: device_requests(service),
        ..Default::default()
    }
}

fn rates(rates: &[DeviceRate]) -> Option<Vec<models::ThrottleDevice>> {
    let rates = rates.iter().map(|rate| models::ThrottleDevice {
        path: Some(rate.path.clone()),
        rate: Some(rate.rate),
    });
    some_if_any(rates.collect())
}

/// `gpus` are requests like any other that name one capability more.
fn device_requests(service: &Service) -> Option<Vec<models::DeviceRequest>> {
    let gpus = service.gpus.iter().map(|request| device_request(request, Some("gpu")));
    let reserved = service.deploy.reserved_devices.iter();
    some_if_any(
        gpus.chain(reserved.map(|request| device_request(request, None)))
            .collect(),
    )
}

fn device_request(request: &DeviceRequest, beside: Option<&str>) -> models::DeviceRequest {
    let capabilities = request.capabilities.iter().map(String::as_str).chain(beside);
    models::DeviceRequest {
        driver: request.driver.clone(),
        count: request.count,
        device_ids: some_if_any(request.device_ids.clone()),
        capabilities: Some(vec![capabilities.map(str::to_owned).collect()]),
        options: some_if_any_map(&request.options),
    }
}

/// `/dev/HOST[:/dev/CONTAINER[:PERMISSIONS]]`.
fn device_mapping(text: &str) -> models::DeviceMapping {
    let mut parts = text.split(':');
    let on_host = parts.next().unwrap_or_default().to_owned();
    let in_container = parts.next().map_or_else(|| on_host.clone(), str::to_owned);
    models::DeviceMapping {
        path_on_host: Some(on_host),
        path_in_container: Some(in_container),
        cgroup_permissions: Some(parts.next().unwrap_or("rwm").to_owned()),
    }
}
