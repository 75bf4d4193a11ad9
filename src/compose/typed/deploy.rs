//! `deploy`, with `scale` and the old limits of a service folded in.

use super::limits::{device_requests, generic_resources};
use super::read::{bytes, count, duration, float, text, text_map, texts, whole};
use super::service::old_nano_cpus;
use crate::compose::findings::Findings;
use crate::compose::model::{
    Deploy, DeployMode, EndpointMode, Resources, RestartCondition, RestartPolicy, UpdateConfig,
};
use crate::compose::tree::Node;
use crate::compose::units;

pub fn deploy(service: &Node, findings: &mut Findings) -> Deploy {
    let empty = Node::empty_map(&service.place);
    let node = service.get("deploy").unwrap_or(&empty);
    let placement = node.get("placement").unwrap_or(&empty);
    let resources = node.get("resources").unwrap_or(&empty);
    let mut limits = self::resources(resources.get("limits"), findings);
    let mut reservations = self::resources(resources.get("reservations"), findings);
    limits.nano_cpus = limits.nano_cpus.or_else(|| old_nano_cpus(service));
    limits.memory = limits.memory.or_else(|| bytes(service, "mem_limit"));
    let least = i128::from(i64::MIN);
    let old_pids = whole(service, "pids_limit", least, i128::from(i64::MAX), findings);
    limits.pids = limits.pids.or(old_pids);
    reservations.memory = reservations.memory.or_else(|| bytes(service, "mem_reservation"));
    let preferences = placement.get("preferences").and_then(Node::as_list).unwrap_or_default();
    let scale = count(service, "scale", findings);
    Deploy {
        mode: match text(node, "mode").as_deref() {
            Some("global") => DeployMode::Global,
            Some("replicated-job") => DeployMode::ReplicatedJob,
            Some("global-job") => DeployMode::GlobalJob,
            _ => DeployMode::Replicated,
        },
        replicas: count(node, "replicas", findings).or(scale),
        endpoint_mode: match text(node, "endpoint_mode").as_deref() {
            Some("vip") => Some(EndpointMode::VirtualIp),
            Some("dnsrr") => Some(EndpointMode::DnsRoundRobin),
            _ => None,
        },
        labels: text_map(node, "labels"),
        constraints: texts(placement, "constraints"),
        spread: preferences.iter().filter_map(|item| text(item, "spread")).collect(),
        max_replicas_per_node: count(placement, "max_replicas_per_node", findings),
        limits,
        reservations,
        reserved_devices: resources
            .get("reservations")
            .map(|reservations| device_requests(reservations, "devices", findings))
            .unwrap_or_default(),
        generic_resources: resources
            .get("reservations")
            .map(|reservations| generic_resources(reservations, findings))
            .unwrap_or_default(),
        restart_policy: node.get("restart_policy").map(|policy| RestartPolicy {
            condition: match text(policy, "condition").as_deref() {
                Some("none") => Some(RestartCondition::None),
                Some("on-failure") => Some(RestartCondition::OnFailure),
                Some("any") => Some(RestartCondition::Any),
                _ => None,
            },
            delay: duration(policy, "delay"),
            max_attempts: count(policy, "max_attempts", findings),
            window: duration(policy, "window"),
        }),
        update: update(node, "update_config", findings),
        rollback: update(node, "rollback_config", findings),
    }
}

fn resources(node: Option<&Node>, findings: &mut Findings) -> Resources {
    let Some(node) = node else { return Resources::default() };
    Resources {
        nano_cpus: text(node, "cpus").and_then(|text| units::parse_nano_cpus(&text)),
        memory: bytes(node, "memory"),
        pids: whole(node, "pids", -1, i128::from(i64::MAX), findings),
    }
}

fn update(deploy: &Node, key: &str, findings: &mut Findings) -> Option<UpdateConfig> {
    let node = deploy.get(key)?;
    node.as_map()?;
    let ratio = float(node, "max_failure_ratio");
    if let (Some(ratio), Some(node)) = (ratio, node.get("max_failure_ratio"))
        && !(0.0..=1.0).contains(&ratio)
    {
        findings.error("`max_failure_ratio` must be from 0 to 1", &node.place);
    }
    Some(UpdateConfig {
        parallelism: count(node, "parallelism", findings),
        delay: duration(node, "delay"),
        failure_action: text(node, "failure_action"),
        monitor: duration(node, "monitor"),
        max_failure_ratio: ratio,
        order: text(node, "order"),
    })
}
