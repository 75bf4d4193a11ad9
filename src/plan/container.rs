//! A Compose service's replica as a container of one engine.
//!
//! Knows the Engine API's container shapes and Compose's names and labels for containers. Never chooses the host.

mod hooks;
mod networks;
mod resources;
#[cfg(test)]
mod tests;

pub use networks::INTERFACE_NAME;

use std::collections::{BTreeMap, HashMap};

use super::shapes::{self, some_if_any, some_if_any_map};
use super::{ContainerPlan, Readiness, UpdatePace, rolling};
use crate::compose::model::{Project, Restart, Service, VolumesFrom, VolumesSource};
use crate::engine::{labels, models};

/// The container's name: `container_name`, else `PROJECT-SERVICE-NUMBER` as Compose gives it.
pub fn name(project: &str, service: &Service, number: u64) -> String {
    service
        .container_name
        .clone()
        .unwrap_or_else(|| format!("{project}-{}-{number}", service.name))
}

/// What a replica's container is made from; its digest is the same for every replica of the service.
///
/// `content`: the keyed digests of the configs and secrets in use, so that a changed one replaces the container.
/// `standing`: labels that no file says.
pub(super) fn container(
    project: &Project,
    service: &Service,
    number: u64,
    host: &str,
    must_be: Readiness,
    content: &[String],
    standing: &BTreeMap<String, String>,
) -> ContainerPlan {
    let mut attachments = networks::attachments(project, service, &rolling::answers_for(standing));
    let first = (!attachments.is_empty()).then(|| attachments.remove(0));
    let mut labels: HashMap<String, String> = service.labels.clone().into_iter().collect();
    labels.extend(hooks::labels(service));
    let mut body = models::ContainerCreateBody {
        hostname: service.hostname.clone(),
        domainname: service.domainname.clone(),
        user: service.user.clone(),
        exposed_ports: some_if_any(exposed(service)),
        tty: service.tty.then_some(true),
        open_stdin: service.stdin_open.then_some(true),
        env: shapes::environment(&service.environment),
        cmd: service.command.clone(),
        healthcheck: shapes::healthcheck(service),
        image: Some(service.image_name(&project.name)),
        working_dir: service.working_dir.clone(),
        entrypoint: service.entrypoint.clone(),
        stop_signal: service.stop_signal.clone(),
        stop_timeout: service
            .stop_grace_period
            .and_then(|grace| i64::try_from(grace.as_secs()).ok()),
        host_config: Some(host_config(
            project,
            service,
            first.as_ref().map(|(name, _)| name.as_str()),
        )),
        networking_config: first.map(|(name, settings)| models::NetworkingConfig {
            endpoints_config: Some(HashMap::from([(name, settings)])),
        }),
        labels: Some(labels),
        ..Default::default()
    };
    let digest = super::digest::of(&(&body, &attachments, content));
    let mut all: HashMap<String, String> = body.labels.take().unwrap_or_default();
    let files: Vec<String> = project.files.iter().map(|file| file.display().to_string()).collect();
    all.extend([
        (labels::PROJECT.to_owned(), project.name.clone()),
        (labels::SERVICE.to_owned(), service.name.clone()),
        (labels::CONTAINER_NUMBER.to_owned(), number.to_string()),
        (labels::CONFIG_HASH.to_owned(), digest),
        (labels::ONE_OFF.to_owned(), "False".to_owned()),
        (
            labels::WORKING_DIRECTORY.to_owned(),
            project.directory.display().to_string(),
        ),
        (labels::CONFIG_FILES.to_owned(), files.join(",")),
    ]);
    if service.deploy.rollback.is_some() {
        // Not in the digest: it changes nothing of what runs.
        let pace = UpdatePace::of_rollback(&service.deploy);
        all.insert(labels::ROLLBACK_PACE.to_owned(), serde_json::json!(pace).to_string());
    }
    all.extend(standing.clone());
    body.labels = Some(all);
    let files = service.configs.iter().chain(&service.secrets).cloned().collect();
    ContainerPlan {
        service: service.name.clone(),
        number,
        host: host.to_owned(),
        name: name(&project.name, service, number),
        image: service.image_name(&project.name),
        platform: service.platform.clone(),
        body,
        networks: attachments,
        files,
        must_be,
        starts_first: false,
    }
}

fn exposed(service: &Service) -> Vec<String> {
    let published = service
        .ports
        .iter()
        .map(|port| format!("{}/{}", port.target, port.protocol.as_str()));
    let only_exposed = service.expose.iter().map(|port| {
        if port.contains('/') {
            port.clone()
        } else {
            format!("{port}/tcp")
        }
    });
    let mut all: Vec<String> = published.chain(only_exposed).collect();
    all.sort();
    all.dedup();
    all
}

fn host_config(project: &Project, service: &Service, first_network: Option<&str>) -> models::HostConfig {
    let mut bindings: HashMap<String, Option<Vec<models::PortBinding>>> = HashMap::new();
    for port in &service.ports {
        let key = format!("{}/{}", port.target, port.protocol.as_str());
        let binding = models::PortBinding {
            host_ip: port.host_ip.clone(),
            host_port: Some(
                port.published
                    .map_or_else(String::new, |published| published.to_string()),
            ),
        };
        bindings
            .entry(key)
            .or_default()
            .get_or_insert_with(Vec::new)
            .push(binding);
    }
    models::HostConfig {
        network_mode: service
            .network_mode
            .clone()
            .or_else(|| first_network.map(str::to_owned)),
        port_bindings: (!bindings.is_empty()).then_some(bindings),
        mounts: some_if_any(shapes::mounts(project, service)),
        restart_policy: Some(restart_policy(service)),
        log_config: service.logging.as_ref().map(|logging| models::HostConfigLogConfig {
            typ: logging.driver.clone(),
            config: some_if_any_map(&logging.options),
        }),
        init: service.init,
        readonly_rootfs: service.read_only.then_some(true),
        privileged: service.privileged.then_some(true),
        cap_add: some_if_any(service.cap_add.clone()),
        cap_drop: some_if_any(service.cap_drop.clone()),
        security_opt: some_if_any(service.security_opt.clone()),
        pid_mode: service.pid.clone(),
        ipc_mode: service.ipc.clone(),
        userns_mode: service.userns_mode.clone(),
        uts_mode: service.uts.clone(),
        cgroupns_mode: service.cgroup.as_deref().and_then(|mode| mode.parse().ok()),
        runtime: service.container_runtime.clone(),
        storage_opt: some_if_any_map(&service.storage_opt),
        links: networks::links_without_network(project, service),
        volumes_from: some_if_any(service.volumes_from.iter().map(volumes_from).collect()),
        sysctls: some_if_any_map(&service.sysctls),
        group_add: some_if_any(service.group_add.clone()),
        extra_hosts: some_if_any(
            service
                .extra_hosts
                .iter()
                .map(|(name, address)| format!("{name}:{address}"))
                .collect(),
        ),
        dns: some_if_any(service.dns.clone()),
        dns_search: some_if_any(service.dns_search.clone()),
        dns_options: some_if_any(service.dns_opt.clone()),
        annotations: some_if_any_map(&service.annotations),
        ..resources::of(service)
    }
}

/// `NAME[:ro|rw]`, a service as `service:NAME` for now.
fn volumes_from(from: &VolumesFrom) -> String {
    let name = match &from.source {
        VolumesSource::Service(name) => format!("service:{name}"),
        VolumesSource::Container(name) => name.clone(),
    };
    match &from.mode {
        Some(mode) => format!("{name}:{mode}"),
        None => name,
    }
}

fn restart_policy(service: &Service) -> models::RestartPolicy {
    use models::RestartPolicyNameEnum as Name;
    let (name, attempts) = match (service.restart, &service.deploy.restart_policy) {
        (Some(Restart::No), _) | (None, None) => (Name::NO, None),
        (Some(Restart::Always), _) => (Name::ALWAYS, None),
        (Some(Restart::UnlessStopped), _) => (Name::UNLESS_STOPPED, None),
        (Some(Restart::OnFailure { attempts }), _) => (Name::ON_FAILURE, attempts),
        (None, Some(policy)) => match policy.condition {
            Some(crate::compose::model::RestartCondition::None) => (Name::NO, None),
            Some(crate::compose::model::RestartCondition::OnFailure) => (Name::ON_FAILURE, policy.max_attempts),
            Some(crate::compose::model::RestartCondition::Any) | None => (Name::UNLESS_STOPPED, None),
        },
    };
    models::RestartPolicy {
        name: Some(name),
        maximum_retry_count: attempts.and_then(|count| i64::try_from(count).ok()),
    }
}
