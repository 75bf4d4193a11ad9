//! The system services that carry claims: routers and gates as Swarm services, with their configurations.
//!
//! Knows the Engine API's shapes. Which image they run is `deploy`'s to find out: a registry or an engine says it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::NAME;
use super::claims::Claim;
use super::clash::clashes;
use super::error::IngressError;
use super::render::{self, READY};
use crate::engine::{labels, models};
use crate::plan::shapes::{nanoseconds, some_if_any};
use crate::plan::{NetworkPlan, Readiness, ServicePlan, digest};

/// Where a container of the ingress finds its configuration.
const CONFIGURATION: &str = "/etc/hoist/haproxy.cfg";
/// Least time that what has begun may take once a router is to stop.
const LEAST_DRAIN: Duration = Duration::from_secs(30);

/// Everything that the ingress consists of, beside its network and the certificates.
#[derive(Debug, Clone)]
pub struct System {
    pub configs: Vec<SystemConfig>,
    pub routers: ServicePlan,
    /// By the port that they hold.
    pub gates: BTreeMap<u16, ServicePlan>,
}

/// A configuration: a config of the cluster, whose name carries the content's digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemConfig {
    pub name: String,
    pub content: String,
}

impl System {
    /// The system services, routers first.
    pub fn services(&self) -> impl Iterator<Item = &ServicePlan> {
        std::iter::once(&self.routers).chain(self.gates.values())
    }
}

/// What is to run for these claims; `None` where there is none. `nodes`: hosts of the cluster.
///
/// # Errors
///
/// All clashes.
pub fn system(claims: &[Claim], nodes: usize) -> Result<Option<System>, Vec<IngressError>> {
    let clashes = clashes(claims);
    if !clashes.is_empty() {
        return Err(clashes);
    }
    let ways = || claims.iter().flat_map(|claim| &claim.ways);
    let ports: BTreeSet<u16> = ways().map(|way| way.listen).collect();
    if ports.is_empty() {
        return Ok(None);
    }
    let listens: Vec<u16> = ports.iter().copied().collect();
    let mut certificates: Vec<&str> = ways().filter_map(|way| way.certificate.as_deref()).collect();
    certificates.sort_unstable();
    certificates.dedup();
    let drain = ways().filter_map(|way| way.drain).max().map(Duration::from_secs);
    let config = config(NAME, render::router(claims, nodes as u64));
    let routers = SystemService {
        name: NAME.to_owned(),
        config: &config,
        certificates,
        monitor: render::monitor(&listens),
        publishes: None,
        drain: drain.unwrap_or_default().max(LEAST_DRAIN),
    };
    let routers = routers.plan(nodes);
    let mut configs = vec![config];
    let mut gates = BTreeMap::new();
    for port in ports {
        let name = format!("{NAME}-{port}");
        let config = self::config(&name, render::gate(port));
        let gate = SystemService {
            name,
            config: &config,
            certificates: Vec::new(),
            monitor: render::monitor(&[port]),
            publishes: Some(port),
            drain: LEAST_DRAIN,
        };
        gates.insert(port, gate.plan(nodes));
        configs.push(config);
    }
    Ok(Some(System {
        configs,
        routers,
        gates,
    }))
}

/// The network that routers reach replicas on; containers may join it too.
pub fn network(encrypt: bool) -> NetworkPlan {
    let request = models::NetworkCreateRequest {
        name: NAME.to_owned(),
        driver: Some("overlay".to_owned()),
        attachable: Some(true),
        options: encrypt.then(|| HashMap::from([("encrypted".to_owned(), String::new())])),
        labels: Some(system_labels()),
        ..Default::default()
    };
    NetworkPlan {
        name: NAME.to_owned(),
        host: None,
        request,
    }
}

/// The labels that everything of the ingress carries.
fn system_labels() -> HashMap<String, String> {
    HashMap::from([(labels::SYSTEM.to_owned(), labels::SYSTEM_INGRESS.to_owned())])
}

fn config(stem: &str, content: String) -> SystemConfig {
    let digest: String = digest::of(&content).chars().take(12).collect();
    SystemConfig {
        name: format!("{stem}_{digest}"),
        content,
    }
}

/// One system service, on every host.
struct SystemService<'a> {
    name: String,
    config: &'a SystemConfig,
    certificates: Vec<&'a str>,
    monitor: u16,
    /// The port of the hosts that it holds. What holds one cannot start beside what it follows.
    publishes: Option<u16>,
    drain: Duration,
}

impl SystemService<'_> {
    fn plan(&self, nodes: usize) -> ServicePlan {
        let mut spec = models::ServiceSpec {
            name: Some(self.name.clone()),
            labels: None,
            task_template: Some(self.task_template()),
            mode: Some(models::ServiceSpecMode {
                global: Some(HashMap::new()),
                ..Default::default()
            }),
            update_config: None,
            rollback_config: None,
            networks: None,
            endpoint_spec: Some(self.endpoint()),
        };
        let mut all = system_labels();
        all.insert(labels::CONFIG_HASH.to_owned(), digest::of(&spec));
        spec.labels = Some(all);
        spec.update_config = Some(self.update_config(nodes));
        ServicePlan {
            service: self.name.clone(),
            image: "haproxy".to_owned(),
            exact_image: None,
            force: false,
            spec,
            replicas: None,
            must_be: Readiness::Running,
            in_service: None,
        }
    }

    fn task_template(&self) -> models::TaskSpec {
        let file = |name: &str| models::TaskSpecContainerSpecFile {
            name: Some(name.to_owned()),
            uid: Some("0".to_owned()),
            gid: Some("0".to_owned()),
            // The official image's user is none of root's.
            mode: Some(0o444),
        };
        let secrets = self
            .certificates
            .iter()
            .map(|name| models::TaskSpecContainerSpecSecrets {
                file: Some(file(name)),
                secret_name: Some((*name).to_owned()),
                ..Default::default()
            });
        let configs = vec![models::TaskSpecContainerSpecConfigs {
            file: Some(models::TaskSpecContainerSpecFile1 {
                name: Some(CONFIGURATION.to_owned()),
                uid: Some("0".to_owned()),
                gid: Some("0".to_owned()),
                mode: Some(0o444),
            }),
            config_name: Some(self.config.name.clone()),
            ..Default::default()
        }];
        let seconds = |seconds| Some(nanoseconds(Duration::from_secs(seconds)));
        let probe = ["CMD", "bash", "-c", READY, "ready", &self.monitor.to_string()].map(str::to_owned);
        models::TaskSpec {
            container_spec: Some(models::TaskSpecContainerSpec {
                labels: Some(system_labels()),
                command: Some(["haproxy", "-db", "-f", CONFIGURATION].map(str::to_owned).to_vec()),
                // HAProxy then takes nothing new and ends what it has.
                stop_signal: Some("SIGUSR1".to_owned()),
                stop_grace_period: Some(nanoseconds(self.drain)),
                health_check: Some(models::HealthConfig {
                    test: Some(probe.to_vec()),
                    interval: seconds(3),
                    timeout: seconds(10),
                    retries: Some(5),
                    start_period: seconds(30),
                    start_interval: None,
                }),
                configs: Some(configs),
                secrets: some_if_any(secrets.collect()),
                ..Default::default()
            }),
            restart_policy: Some(models::TaskSpecRestartPolicy {
                condition: Some(models::TaskSpecRestartPolicyConditionEnum::ANY),
                delay: seconds(1),
                ..Default::default()
            }),
            networks: Some(vec![models::NetworkAttachmentConfig {
                target: Some(NAME.to_owned()),
                ..Default::default()
            }]),
            ..Default::default()
        }
    }

    fn endpoint(&self) -> models::EndpointSpec {
        let ports = self.publishes.map(|port| {
            vec![models::EndpointPortConfig {
                name: None,
                protocol: Some(models::EndpointPortConfigProtocolEnum::TCP),
                target_port: Some(i64::from(port)),
                published_port: Some(i64::from(port)),
                // On each host by itself: clients keep their address, and no kernel needs IPVS.
                publish_mode: Some(models::EndpointPortConfigPublishModeEnum::HOST),
            }]
        });
        models::EndpointSpec {
            mode: Some(models::EndpointSpecModeEnum::DNSRR),
            ports,
        }
    }

    /// Routers in three turns, whatever the number of hosts; one that does not become ready brings the ones before back.
    fn update_config(&self, nodes: usize) -> models::ServiceSpecUpdateConfig {
        let order = match self.publishes {
            Some(_) => models::ServiceSpecUpdateConfigOrderEnum::STOP_FIRST,
            None => models::ServiceSpecUpdateConfigOrderEnum::START_FIRST,
        };
        models::ServiceSpecUpdateConfig {
            parallelism: Some(i64::try_from(nodes.div_ceil(3).max(1)).unwrap_or(1)),
            failure_action: Some(models::ServiceSpecUpdateConfigFailureActionEnum::ROLLBACK),
            order: Some(order),
            ..Default::default()
        }
    }
}
