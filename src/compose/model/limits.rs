//! What a service may use of its host's kernel and devices, beside what `deploy.resources` says.

use indexmap::IndexMap;

/// `cpu_…` and `cpuset`, in the units of the kernel: microseconds, relative weights.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scheduling {
    pub shares: Option<i64>,
    pub period: Option<i64>,
    pub quota: Option<i64>,
    pub realtime_period: Option<i64>,
    pub realtime_runtime: Option<i64>,
    /// Processors by number: `0-2,5`.
    pub processors: Option<String>,
}

/// How the kernel may take a service's memory away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryUse {
    /// `memswap_limit`: bytes of memory and swap together; -1: as much swap as there is.
    pub with_swap: Option<i64>,
    /// 0 to 100.
    pub swappiness: Option<i64>,
    pub oom_kill_disable: bool,
}

/// `blkio_config`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlockIo {
    /// 10 to 1000.
    pub weight: Option<u16>,
    /// Path of a device to its weight.
    pub device_weights: Vec<(String, u16)>,
    /// Bytes a second.
    pub read_bytes: Vec<DeviceRate>,
    /// Operations a second.
    pub read_operations: Vec<DeviceRate>,
    pub write_bytes: Vec<DeviceRate>,
    pub write_operations: Vec<DeviceRate>,
}

/// So much a second of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRate {
    pub path: String,
    pub rate: i64,
}

/// An entry of `gpus` or of `deploy.resources.reservations.devices`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceRequest {
    /// All of them must be there.
    pub capabilities: Vec<String>,
    pub driver: Option<String>,
    /// -1: all that there are.
    pub count: Option<i64>,
    pub device_ids: Vec<String>,
    pub options: IndexMap<String, String>,
}

/// An entry of `deploy.resources.reservations.generic_resources`: so many of what the hosts' engines were told to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenericResource {
    pub kind: String,
    pub value: i64,
}
