//! A Compose service as a Swarm service specification.
//!
//! Knows the Engine API's `ServiceSpec` and what Compose means by each attribute. The image is the file's name of it:
//! `deploy` puts the exact image in when it is at hand.

mod resources;

use std::collections::HashMap;
use std::time::Duration;

use super::shapes::{self, nanoseconds, some_if_any, some_if_any_map};
use super::update_order;
use crate::compose::model::{
    DeployMode, EndpointMode, Port, PortMode, Project, Protocol, Restart, RestartCondition, Service, UpdateConfig,
};
use crate::engine::{labels, models};

/// What an engine gives a container to stop where nothing is said.
const ENGINES_GRACE: Duration = Duration::from_secs(10);

/// What the cluster and the plan add to what the file says.
#[derive(Debug, Clone, Default)]
pub(super) struct Circumstances {
    /// Every host's kernel has IPVS: virtual IPs and the routing mesh work.
    pub ipvs: bool,
    /// The host that local volumes pin the service to.
    pub pinned_to: Option<String>,
    /// The service runs once to its end: something waits for its completion.
    pub one_shot: bool,
    /// Why a replica and its successor cannot be at once.
    pub apart: Option<String>,
    /// Desired replicas (the file's, or what runs where the file does not say).
    pub replicas: u64,
    /// Config and secret keys to the names of the objects that hold their content now.
    pub configs: HashMap<String, String>,
    pub secrets: HashMap<String, String>,
    /// Names that the service answers to on each of its networks, beside its own and its aliases.
    pub answers_for: Vec<String>,
    /// What the service claims of the pool's ingress, as its label says it.
    pub ingress: Option<String>,
}

/// The engine's name of a service.
pub fn name(project: &str, service: &str) -> String {
    format!("{project}_{service}")
}

/// How a port is published: as the file says, or as the kernel can.
pub(super) fn port_mode(service: &Service, port: &Port, ipvs: bool) -> PortMode {
    let round_robin = service.deploy.endpoint_mode == Some(EndpointMode::DnsRoundRobin);
    if !ipvs || round_robin || port.host_ip.is_some() {
        PortMode::Host
    } else {
        port.mode.unwrap_or(PortMode::Ingress)
    }
}

/// A port that each replica takes of its host.
pub(super) fn host_port(service: &Service, ipvs: bool) -> Option<u16> {
    let of_host = |port: &&Port| port_mode(service, port, ipvs) == PortMode::Host;
    service.ports.iter().filter(of_host).find_map(|port| port.published)
}

/// The specification, with the digest of what it was made from as a label.
pub(super) fn specification(project: &Project, service: &Service, around: &Circumstances) -> models::ServiceSpec {
    let mut spec = models::ServiceSpec {
        name: Some(name(&project.name, &service.name)),
        labels: None,
        task_template: Some(task_template(project, service, around)),
        mode: Some(mode(service, around)),
        update_config: Some(update_config(service, around)),
        rollback_config: rollback_config(service, around),
        networks: None,
        endpoint_spec: Some(endpoint(service, around)),
    };
    let digest = super::digest::of(&without_number(&spec));
    // Not in the digest: a host more or less changes no definition, nor does a volume that moved.
    if let Some(host) = &around.pinned_to {
        pin(&mut spec, host);
    }
    if around.apart.is_some() {
        stop_first(&mut spec);
    }
    let mut all: HashMap<String, String> = service.deploy.labels.clone().into_iter().collect();
    all.extend([
        (labels::PROJECT.to_owned(), project.name.clone()),
        (labels::STACK_NAMESPACE.to_owned(), project.name.clone()),
        (labels::SERVICE.to_owned(), service.name.clone()),
        (labels::STACK_IMAGE.to_owned(), service.image_name(&project.name)),
        (labels::CONFIG_HASH.to_owned(), digest),
    ]);
    if let Some(claim) = &around.ingress {
        all.insert(labels::INGRESS.to_owned(), claim.clone());
    }
    if let Some(host) = &around.pinned_to {
        all.insert(labels::PINNED_TO.to_owned(), host.clone());
    }
    spec.labels = Some(all);
    spec
}

/// Binds the service to a host, in place of the one that it was bound to.
pub(super) fn pin(spec: &mut models::ServiceSpec, host: &str) {
    let placement = spec
        .task_template
        .get_or_insert_default()
        .placement
        .get_or_insert_default();
    let constraints = placement.constraints.get_or_insert_default();
    let pin = format!("node.labels.{} == ", labels::HOST);
    constraints.retain(|constraint| !constraint.starts_with(&pin));
    constraints.push(format!("{pin}{host}"));
}

/// Where a replica and its successor cannot be at once, no order but this one ends.
fn stop_first(spec: &mut models::ServiceSpec) {
    use models::{ServiceSpecRollbackConfigOrderEnum as Back, ServiceSpecUpdateConfigOrderEnum as Forth};
    if let Some(update) = spec.update_config.as_mut() {
        update.order = update.order.map(|_| Forth::STOP_FIRST);
    }
    if let Some(rollback) = spec.rollback_config.as_mut() {
        rollback.order = rollback.order.map(|_| Back::STOP_FIRST);
    }
}

/// The number of replicas is compared by itself: who scales a service does not change its definition.
fn without_number(spec: &models::ServiceSpec) -> models::ServiceSpec {
    let mut spec = spec.clone();
    if let Some(replicated) = spec.mode.as_mut().and_then(|mode| mode.replicated.as_mut()) {
        replicated.replicas = None;
    }
    spec
}

fn task_template(project: &Project, service: &Service, around: &Circumstances) -> models::TaskSpec {
    let constraints = service.deploy.constraints.clone();
    let preferences = service
        .deploy
        .spread
        .iter()
        .map(|descriptor| models::TaskSpecPlacementPreferences {
            spread: Some(models::TaskSpecPlacementSpread {
                spread_descriptor: Some(descriptor.clone()),
            }),
        });
    let networks = service.networks.iter().map(|(key, attachment)| {
        let (name, aliases) = shapes::attachment(project, service, key, attachment, &around.answers_for);
        models::NetworkAttachmentConfig {
            target: Some(name),
            aliases: Some(aliases),
            driver_opts: some_if_any_map(&attachment.driver_opts),
        }
    });
    // By the service's own name: aliases of one project are nothing to another.
    let ingress = around.ingress.as_ref().map(|_| models::NetworkAttachmentConfig {
        target: Some(super::ingress::NAME.to_owned()),
        ..Default::default()
    });
    models::TaskSpec {
        container_spec: Some(container(project, service, around)),
        resources: Some(resources::of(service)),
        restart_policy: Some(restart_policy(service, around.one_shot)),
        placement: Some(models::TaskSpecPlacement {
            constraints: some_if_any(constraints),
            preferences: some_if_any(preferences.collect()),
            max_replicas: service
                .deploy
                .max_replicas_per_node
                .and_then(|count| i64::try_from(count).ok()),
            platforms: None,
        }),
        networks: some_if_any(networks.chain(ingress).collect()),
        log_driver: service.logging.as_ref().map(|logging| models::TaskSpecLogDriver {
            name: logging.driver.clone(),
            options: some_if_any_map(&logging.options),
        }),
        ..Default::default()
    }
}

fn container(project: &Project, service: &Service, around: &Circumstances) -> models::TaskSpecContainerSpec {
    let mut all: HashMap<String, String> = service.labels.clone().into_iter().collect();
    all.extend([
        (labels::PROJECT.to_owned(), project.name.clone()),
        (labels::STACK_NAMESPACE.to_owned(), project.name.clone()),
        (labels::SERVICE.to_owned(), service.name.clone()),
        (labels::ONE_OFF.to_owned(), "False".to_owned()),
    ]);
    let mut mounts = shapes::mounts(project, service);
    if let Some(bytes) = service.shm_size {
        // Swarm has no field for it; a tmpfs of that size in its place is the same thing.
        mounts.push(models::Mount {
            target: Some("/dev/shm".to_owned()),
            typ: Some(models::MountType::TMPFS),
            tmpfs_options: Some(models::MountTmpfsOptions {
                size_bytes: i64::try_from(bytes).ok(),
                ..Default::default()
            }),
            ..Default::default()
        });
    }
    let dns = models::TaskSpecContainerSpecDnsConfig {
        nameservers: some_if_any(service.dns.clone()),
        search: some_if_any(service.dns_search.clone()),
        options: some_if_any(service.dns_opt.clone()),
    };
    let configs = service
        .configs
        .iter()
        .map(|reference| models::TaskSpecContainerSpecConfigs {
            file: Some(models::TaskSpecContainerSpecFile1 {
                name: Some(reference.target.clone()),
                uid: Some(reference.uid.clone().unwrap_or_else(|| "0".into())),
                gid: Some(reference.gid.clone().unwrap_or_else(|| "0".into())),
                mode: Some(reference.mode.unwrap_or(0o444)),
            }),
            config_name: around.configs.get(&reference.source).cloned(),
            ..Default::default()
        });
    let secrets = service
        .secrets
        .iter()
        .map(|reference| models::TaskSpecContainerSpecSecrets {
            file: Some(models::TaskSpecContainerSpecFile {
                name: Some(reference.target.clone()),
                uid: Some(reference.uid.clone().unwrap_or_else(|| "0".into())),
                gid: Some(reference.gid.clone().unwrap_or_else(|| "0".into())),
                mode: Some(reference.mode.unwrap_or(0o444)),
            }),
            secret_name: around.secrets.get(&reference.source).cloned(),
            ..Default::default()
        });
    models::TaskSpecContainerSpec {
        image: Some(service.image_name(&project.name)),
        labels: Some(all),
        // Compose's entrypoint is Swarm's command, Compose's command is Swarm's args.
        command: service.entrypoint.clone(),
        args: service.command.clone(),
        hostname: service.hostname.clone(),
        env: shapes::environment(&service.environment),
        dir: service.working_dir.clone(),
        user: service.user.clone(),
        groups: some_if_any(service.group_add.clone()),
        tty: service.tty.then_some(true),
        open_stdin: service.stdin_open.then_some(true),
        read_only: service.read_only.then_some(true),
        mounts: some_if_any(mounts),
        stop_signal: service.stop_signal.clone(),
        stop_grace_period: stop_grace_period(service).map(nanoseconds),
        health_check: shapes::healthcheck(service),
        hosts: some_if_any(
            service
                .extra_hosts
                .iter()
                .map(|(name, address)| format!("{address} {name}"))
                .collect(),
        ),
        dns_config: (dns != Default::default()).then_some(dns),
        secrets: some_if_any(secrets.collect()),
        configs: some_if_any(configs.collect()),
        oom_score_adj: service.oom_score_adj,
        init: service.init,
        sysctls: some_if_any_map(&service.sysctls),
        capability_add: some_if_any(service.cap_add.clone()),
        capability_drop: some_if_any(service.cap_drop.clone()),
        ulimits: shapes::ulimits(service),
        ..Default::default()
    }
}

/// The file's own, or as long as what came through the ingress may take to end.
fn stop_grace_period(service: &Service) -> Option<Duration> {
    let drain = service.ingress.iter().filter_map(|way| way.drain).max();
    match (service.stop_grace_period, drain) {
        (Some(grace), Some(drain)) => Some(grace.max(drain)),
        (None, Some(drain)) => Some(drain.max(ENGINES_GRACE)),
        (grace, None) => grace,
    }
}

fn mode(service: &Service, around: &Circumstances) -> models::ServiceSpecMode {
    let replicas = i64::try_from(around.replicas).unwrap_or(i64::MAX);
    match service.deploy.mode {
        DeployMode::Replicated => models::ServiceSpecMode {
            replicated: Some(models::ServiceSpecModeReplicated {
                replicas: Some(replicas),
            }),
            ..Default::default()
        },
        DeployMode::Global => models::ServiceSpecMode {
            global: Some(HashMap::new()),
            ..Default::default()
        },
        DeployMode::ReplicatedJob => models::ServiceSpecMode {
            replicated_job: Some(models::ServiceSpecModeReplicatedJob {
                max_concurrent: Some(replicas),
                total_completions: Some(replicas),
            }),
            ..Default::default()
        },
        DeployMode::GlobalJob => models::ServiceSpecMode {
            global_job: Some(HashMap::new()),
            ..Default::default()
        },
    }
}

/// `deploy.restart_policy` where it is said, else `restart`. A service that says neither is restarted: on a cluster a
/// replica must come back when its host dies.
fn restart_policy(service: &Service, one_shot: bool) -> models::TaskSpecRestartPolicy {
    use models::TaskSpecRestartPolicyConditionEnum as Condition;
    let condition = |condition| match condition {
        RestartCondition::None => Condition::NONE,
        RestartCondition::OnFailure => Condition::ON_FAILURE,
        RestartCondition::Any => Condition::ANY,
    };
    let job = matches!(service.deploy.mode, DeployMode::ReplicatedJob | DeployMode::GlobalJob);
    // Swarm refuses `any` for a job.
    let default = if one_shot {
        Condition::NONE
    } else if job {
        Condition::ON_FAILURE
    } else {
        Condition::ANY
    };
    if let Some(policy) = &service.deploy.restart_policy {
        return models::TaskSpecRestartPolicy {
            condition: Some(policy.condition.map_or(default, condition)),
            delay: policy.delay.map(nanoseconds),
            max_attempts: policy.max_attempts.and_then(|count| i64::try_from(count).ok()),
            window: policy.window.map(nanoseconds),
        };
    }
    let (condition, attempts) = match service.restart {
        None => (default, None),
        Some(Restart::No) => (Condition::NONE, None),
        Some(Restart::Always | Restart::UnlessStopped) => (
            if one_shot {
                Condition::ON_FAILURE
            } else {
                Condition::ANY
            },
            None,
        ),
        Some(Restart::OnFailure { attempts }) => (Condition::ON_FAILURE, attempts),
    };
    models::TaskSpecRestartPolicy {
        condition: Some(condition),
        max_attempts: attempts.and_then(|count| i64::try_from(count).ok()),
        ..Default::default()
    }
}

/// What has a way in starts the next replica before the one that it follows stops, be it forth or back, unless both cannot be
/// there at once: with Swarm's own order a lone replica would be missed.
fn order<'a>(said: Option<&'a str>, service: &Service, around: &Circumstances) -> Option<&'a str> {
    let apart = around.pinned_to.is_some() || host_port(service, around.ipvs).is_some();
    match (said, &around.ingress) {
        (None, Some(_)) if !apart => Some(update_order::START_FIRST),
        (said, _) => said,
    }
}

/// Swarm's defaults where the file does not say (Engine API: *UpdateConfig*), but for the order.
fn update_config(service: &Service, around: &Circumstances) -> models::ServiceSpecUpdateConfig {
    let default = UpdateConfig::default();
    let update = service.deploy.update.as_ref().unwrap_or(&default);
    models::ServiceSpecUpdateConfig {
        parallelism: Some(parallelism(update)),
        delay: update.delay.map(nanoseconds),
        failure_action: update.failure_action.as_deref().and_then(|action| action.parse().ok()),
        monitor: update.monitor.map(nanoseconds),
        max_failure_ratio: update.max_failure_ratio,
        order: order(update.order.as_deref(), service, around).and_then(|order| order.parse().ok()),
    }
}

/// The same of going back; `None` where neither the file nor a way in says anything of it.
fn rollback_config(service: &Service, around: &Circumstances) -> Option<models::ServiceSpecRollbackConfig> {
    let default = UpdateConfig::default();
    let said = service.deploy.rollback.as_ref();
    let rollback = said.unwrap_or(&default);
    let order = order(rollback.order.as_deref(), service, around);
    (said.is_some() || order.is_some()).then(|| models::ServiceSpecRollbackConfig {
        parallelism: Some(parallelism(rollback)),
        delay: rollback.delay.map(nanoseconds),
        failure_action: rollback
            .failure_action
            .as_deref()
            .and_then(|action| action.parse().ok()),
        monitor: rollback.monitor.map(nanoseconds),
        max_failure_ratio: rollback.max_failure_ratio,
        order: order.and_then(|order| order.parse().ok()),
    })
}

/// How many replicas change at once: one where the file does not say.
fn parallelism(config: &UpdateConfig) -> i64 {
    config
        .parallelism
        .map_or(1, |count| i64::try_from(count).unwrap_or(i64::MAX))
}

fn endpoint(service: &Service, around: &Circumstances) -> models::EndpointSpec {
    let ports: Vec<_> = service
        .ports
        .iter()
        .map(|port| models::EndpointPortConfig {
            name: None,
            protocol: Some(match port.protocol {
                Protocol::Tcp => models::EndpointPortConfigProtocolEnum::TCP,
                Protocol::Udp => models::EndpointPortConfigProtocolEnum::UDP,
                Protocol::Sctp => models::EndpointPortConfigProtocolEnum::SCTP,
            }),
            target_port: Some(i64::from(port.target)),
            published_port: port.published.map(i64::from),
            publish_mode: Some(match port_mode(service, port, around.ipvs) {
                PortMode::Ingress => models::EndpointPortConfigPublishModeEnum::INGRESS,
                PortMode::Host => models::EndpointPortConfigPublishModeEnum::HOST,
            }),
        })
        .collect();
    let mode = match service.deploy.endpoint_mode {
        Some(EndpointMode::DnsRoundRobin) => models::EndpointSpecModeEnum::DNSRR,
        Some(EndpointMode::VirtualIp) => models::EndpointSpecModeEnum::VIP,
        None if around.ipvs => models::EndpointSpecModeEnum::VIP,
        None => models::EndpointSpecModeEnum::DNSRR,
    };
    models::EndpointSpec {
        mode: Some(mode),
        ports: some_if_any(ports),
    }
}
