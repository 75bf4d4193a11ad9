//! What a service may use of its host's kernel and devices.

use super::read::{bytes, flag, list, number, text, text_map, texts, whole};
use crate::compose::findings::Findings;
use crate::compose::model::{BlockIo, DeviceRate, DeviceRequest, GenericResource, MemoryUse, Scheduling};
use crate::compose::tree::Node;

pub fn scheduling(service: &Node, findings: &mut Findings) -> Scheduling {
    let mut number = |key| number(service, key, findings);
    Scheduling {
        shares: number("cpu_shares"),
        period: number("cpu_period"),
        quota: number("cpu_quota"),
        realtime_period: number("cpu_rt_period"),
        realtime_runtime: number("cpu_rt_runtime"),
        processors: text(service, "cpuset"),
    }
}

pub fn memory_use(service: &Node) -> MemoryUse {
    MemoryUse {
        with_swap: bytes(service, "memswap_limit"),
        swappiness: bytes(service, "mem_swappiness"),
        oom_kill_disable: flag(service, "oom_kill_disable"),
    }
}

pub fn block_io(service: &Node, findings: &mut Findings) -> BlockIo {
    let Some(node) = service.get("blkio_config") else {
        return BlockIo::default();
    };
    let most = i128::from(u16::MAX);
    let rates = |key| {
        let rate = |item: &Node| {
            Some(DeviceRate {
                path: text(item, "path")?,
                rate: bytes(item, "rate")?,
            })
        };
        list(node, key).iter().filter_map(rate).collect()
    };
    BlockIo {
        weight: whole(node, "weight", 0, most, findings),
        device_weights: list(node, "weight_device")
            .iter()
            .filter_map(|item| Some((text(item, "path")?, whole(item, "weight", 0, most, findings)?)))
            .collect(),
        read_bytes: rates("device_read_bps"),
        read_operations: rates("device_read_iops"),
        write_bytes: rates("device_write_bps"),
        write_operations: rates("device_write_iops"),
    }
}

/// The entries of `gpus`, or of `devices` of the reservations.
pub fn device_requests(node: &Node, key: &str, findings: &mut Findings) -> Vec<DeviceRequest> {
    let request = |item: &Node| DeviceRequest {
        capabilities: texts(item, "capabilities"),
        driver: text(item, "driver"),
        count: number(item, "count", findings),
        device_ids: texts(item, "device_ids"),
        options: text_map(item, "options"),
    };
    list(node, key).iter().map(request).collect()
}

/// `generic_resources` of the reservations.
pub fn generic_resources(reservations: &Node, findings: &mut Findings) -> Vec<GenericResource> {
    let mut resources = Vec::new();
    for item in list(reservations, "generic_resources") {
        let Some(specification) = item.get("discrete_resource_spec") else {
            continue;
        };
        if let Some(kind) = text(specification, "kind") {
            let value = number(specification, "value", findings).unwrap_or_default();
            resources.push(GenericResource { kind, value });
        }
    }
    resources
}
