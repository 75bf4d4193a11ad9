//! `deploy` of a service: how many replicas, where, with what, and how they change.

use std::time::Duration;

use super::limits::{DeviceRequest, GenericResource};
use indexmap::IndexMap;

/// Specification: *deploy*.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Deploy {
    pub mode: DeployMode,
    /// `None` where neither `deploy.replicas` nor `scale` is said.
    pub replicas: Option<u64>,
    pub endpoint_mode: Option<EndpointMode>,
    pub labels: IndexMap<String, String>,
    pub constraints: Vec<String>,
    /// Node attributes to spread over, such as `node.labels.zone`.
    pub spread: Vec<String>,
    pub max_replicas_per_node: Option<u64>,
    pub limits: Resources,
    pub reservations: Resources,
    pub reserved_devices: Vec<DeviceRequest>,
    pub generic_resources: Vec<GenericResource>,
    pub restart_policy: Option<RestartPolicy>,
    pub update: Option<UpdateConfig>,
    pub rollback: Option<UpdateConfig>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeployMode {
    #[default]
    Replicated,
    Global,
    ReplicatedJob,
    GlobalJob,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointMode {
    VirtualIp,
    DnsRoundRobin,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Resources {
    /// Thousand-millionths of a processor, as the Engine API counts.
    pub nano_cpus: Option<i64>,
    /// Bytes.
    pub memory: Option<i64>,
    pub pids: Option<i64>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct RestartPolicy {
    pub condition: Option<RestartCondition>,
    pub delay: Option<Duration>,
    pub max_attempts: Option<u64>,
    pub window: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartCondition {
    None,
    OnFailure,
    Any,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct UpdateConfig {
    pub parallelism: Option<u64>,
    pub delay: Option<Duration>,
    /// `pause`, `continue` or `rollback`.
    pub failure_action: Option<String>,
    pub monitor: Option<Duration>,
    pub max_failure_ratio: Option<f64>,
    /// `start-first` or `stop-first`.
    pub order: Option<String>,
}
