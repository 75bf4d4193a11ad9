//! One service.

use std::path::PathBuf;

use super::read::{
    count, duration, entries, extensions, flag, list, mode, optional_flag, optional_text_map, optional_texts, text,
    text_map, texts, unsigned_bytes, whole,
};
use super::{affinity, attached, deploy, hooks, limits, mounts};
use crate::compose::canonical::first_port_of_range;
use crate::compose::findings::Findings;
use crate::compose::ingress;
use crate::compose::model::{
    Build, Dependency, DependencyCondition, FileReference, Healthcheck, Logging, Port, PortMode, Protocol, PullPolicy,
    Restart, RuntimeChoice, Service, Ulimit,
};
use crate::compose::nearest;
use crate::compose::paths::Base;
use crate::compose::tree::{Node, Value};
use crate::compose::units;

pub fn service(name: &str, node: &Node, base: &Base<'_>, findings: &mut Findings) -> Service {
    let mut service = Service {
        name: name.to_owned(),
        image: text(node, "image"),
        build: node.get("build").filter(|build| build.as_map().is_some()).map(build),
        pull_policy: pull_policy(node, findings),
        platform: text(node, "platform"),
        command: optional_texts(node, "command"),
        entrypoint: optional_texts(node, "entrypoint"),
        environment: optional_text_map(node, "environment"),
        working_dir: text(node, "working_dir"),
        user: text(node, "user"),
        group_add: texts(node, "group_add"),
        hostname: text(node, "hostname"),
        domainname: text(node, "domainname"),
        container_name: text(node, "container_name"),
        labels: text_map(node, "labels"),
        annotations: text_map(node, "annotations"),
        ports: list(node, "ports")
            .iter()
            .filter_map(|item| port(item, findings))
            .collect(),
        expose: texts(node, "expose"),
        networks: entries(node, "networks")
            .map(|(key, entry)| (key.clone(), attached::network(&entry.value, findings)))
            .collect(),
        network_mode: text(node, "network_mode"),
        mac_address: attached::mac_address(node, findings),
        links: attached::links(node, "links"),
        external_links: attached::links(node, "external_links"),
        extra_hosts: extra_hosts(node),
        dns: texts(node, "dns"),
        dns_search: texts(node, "dns_search"),
        dns_opt: texts(node, "dns_opt"),
        mounts: mounts::mounts(node, findings),
        volumes_from: attached::volumes_from(node),
        configs: list(node, "configs")
            .iter()
            .filter_map(|item| file_reference(item, "/", findings))
            .collect(),
        secrets: list(node, "secrets")
            .iter()
            .filter_map(|item| file_reference(item, "/run/secrets/", findings))
            .collect(),
        depends_on: entries(node, "depends_on")
            .map(|(key, entry)| (key.clone(), dependency(&entry.value)))
            .collect(),
        healthcheck: healthcheck(node, findings),
        restart: restart(node, findings),
        stop_signal: text(node, "stop_signal"),
        stop_grace_period: duration(node, "stop_grace_period"),
        post_start: hooks::hooks(node, "post_start"),
        pre_stop: hooks::hooks(node, "pre_stop"),
        init: optional_flag(node, "init"),
        read_only: flag(node, "read_only"),
        tty: flag(node, "tty"),
        stdin_open: flag(node, "stdin_open"),
        privileged: flag(node, "privileged"),
        cap_add: texts(node, "cap_add"),
        cap_drop: texts(node, "cap_drop"),
        security_opt: texts(node, "security_opt"),
        devices: list(node, "devices").iter().filter_map(device).collect(),
        device_cgroup_rules: texts(node, "device_cgroup_rules"),
        gpus: limits::device_requests(node, "gpus", findings),
        pid: text(node, "pid"),
        ipc: text(node, "ipc"),
        uts: text(node, "uts"),
        userns_mode: text(node, "userns_mode"),
        cgroup: text(node, "cgroup"),
        cgroup_parent: text(node, "cgroup_parent"),
        container_runtime: text(node, "runtime"),
        storage_opt: text_map(node, "storage_opt"),
        scheduling: limits::scheduling(node, findings),
        memory_use: limits::memory_use(node),
        block_io: limits::block_io(node, findings),
        shm_size: unsigned_bytes(node, "shm_size"),
        sysctls: text_map(node, "sysctls"),
        ulimits: entries(node, "ulimits")
            .filter_map(|(key, entry)| Some((key.clone(), ulimit(&entry.value, findings)?)))
            .collect(),
        logging: node.get("logging").map(|logging| Logging {
            driver: text(logging, "driver"),
            options: text_map(logging, "options"),
        }),
        oom_score_adj: whole(node, "oom_score_adj", -1000, 1000, findings),
        deploy: deploy::deploy(node, findings),
        profiles: texts(node, "profiles"),
        runtime: match text(node, "x-runtime").as_deref() {
            Some("service") => Some(RuntimeChoice::Service),
            Some("container") => Some(RuntimeChoice::Container),
            _ => None,
        },
        ingress: ingress::ways_in(node, base, findings),
        extensions: extensions(node, &["x-runtime", "x-ingress"]),
        affinity: Default::default(),
    };
    affinity::apply(&mut service, node, findings);
    service
}

fn build(node: &Node) -> Build {
    Build {
        context: text(node, "context").map(PathBuf::from).unwrap_or_default(),
        dockerfile: text(node, "dockerfile"),
        dockerfile_inline: text(node, "dockerfile_inline"),
        args: optional_text_map(node, "args"),
        target: text(node, "target"),
        labels: text_map(node, "labels"),
        network: text(node, "network"),
        extra_hosts: extra_hosts(node),
        tags: texts(node, "tags"),
        no_cache: flag(node, "no_cache"),
        pull: flag(node, "pull"),
        shm_size: unsigned_bytes(node, "shm_size"),
        platforms: texts(node, "platforms"),
        cache_from: texts(node, "cache_from"),
    }
}

fn pull_policy(service: &Node, findings: &mut Findings) -> Option<PullPolicy> {
    let node = service.get("pull_policy")?;
    match node.as_text()? {
        "always" => Some(PullPolicy::Always),
        "never" => Some(PullPolicy::Never),
        "missing" | "if_not_present" => Some(PullPolicy::Missing),
        "build" => Some(PullPolicy::Build),
        text if matches!(text, "daily" | "weekly" | "refresh") || text.starts_with("every_") => {
            let message =
                format!("`pull_policy: {text}` works as `missing`: intervals are not supported by this version yet");
            findings.warning(message, &node.place);
            Some(PullPolicy::Missing)
        }
        text => {
            let known = [
                "always",
                "never",
                "missing",
                "if_not_present",
                "build",
                "daily",
                "weekly",
            ];
            findings.error_hint(
                format!("`pull_policy` cannot be `{text}`"),
                &node.place,
                nearest::hint(text, known),
            );
            None
        }
    }
}

fn restart(service: &Node, findings: &mut Findings) -> Option<Restart> {
    let node = service.get("restart")?;
    let text = node.as_text()?;
    let (word, attempts) = match text.split_once(':') {
        Some((word, attempts)) => (word, Some(attempts)),
        None => (text, None),
    };
    match (word, attempts) {
        ("no" | "", None) => return Some(Restart::No),
        ("always", None) => return Some(Restart::Always),
        ("unless-stopped", None) => return Some(Restart::UnlessStopped),
        ("on-failure", None) => return Some(Restart::OnFailure { attempts: None }),
        ("on-failure", Some(attempts)) => {
            if let Ok(attempts) = attempts.parse() {
                return Some(Restart::OnFailure {
                    attempts: Some(attempts),
                });
            }
        }
        _ => {}
    }
    let known = ["no", "always", "unless-stopped", "on-failure", "on-failure:3"];
    findings.error_hint(
        format!("`restart` cannot be `{text}`"),
        &node.place,
        nearest::hint(text, known),
    );
    None
}

fn port(item: &Node, findings: &mut Findings) -> Option<Port> {
    let published = item.get("published");
    if let Some(node) = published
        && node.as_text().is_some_and(|text| text.contains('-'))
    {
        findings.warning(
            "of a range of published ports only the first is used: ranges for one target are not supported by this version yet",
            &node.place,
        );
    }
    Some(Port {
        target: whole(item, "target", 1, 65535, findings)?,
        published: published
            .and_then(Node::scalar_text)
            .and_then(|text| first_port_of_range(&text))
            .filter(|port| *port != 0),
        host_ip: text(item, "host_ip"),
        protocol: match text(item, "protocol").as_deref() {
            Some("udp") => Protocol::Udp,
            Some("sctp") => Protocol::Sctp,
            _ => Protocol::Tcp,
        },
        mode: match text(item, "mode").as_deref() {
            Some("host") => Some(PortMode::Host),
            Some("ingress") => Some(PortMode::Ingress),
            _ => None,
        },
        name: text(item, "name"),
    })
}

fn extra_hosts(node: &Node) -> Vec<(String, String)> {
    texts(node, "extra_hosts")
        .iter()
        .filter_map(|line| line.split_once('='))
        .map(|(host, address)| (host.to_owned(), address.to_owned()))
        .collect()
}

fn file_reference(item: &Node, folder: &str, findings: &mut Findings) -> Option<FileReference> {
    let source = text(item, "source")?;
    let target = text(item, "target").unwrap_or_else(|| source.clone());
    let target = if target.starts_with('/') {
        target
    } else {
        format!("{folder}{target}")
    };
    Some(FileReference {
        source,
        target,
        uid: text(item, "uid"),
        gid: text(item, "gid"),
        mode: mode(item, "mode", findings),
    })
}

fn dependency(node: &Node) -> Dependency {
    Dependency {
        condition: match text(node, "condition").as_deref() {
            Some("service_healthy") => DependencyCondition::Healthy,
            Some("service_completed_successfully") => DependencyCondition::CompletedSuccessfully,
            _ => DependencyCondition::Started,
        },
        restart: flag(node, "restart"),
        required: node.get("required").is_none_or(Node::is_true),
    }
}

fn healthcheck(service: &Node, findings: &mut Findings) -> Option<Healthcheck> {
    let node = service.get("healthcheck")?;
    node.as_map()?;
    let test = texts(node, "test");
    if let (Some(first), Some(place)) = (test.first(), node.get("test").map(|test| &test.place)) {
        let known = ["CMD", "CMD-SHELL", "NONE"];
        if !known.contains(&first.as_str()) {
            findings.error_hint(
                format!("a list in `test` must begin with `CMD`, `CMD-SHELL` or `NONE`, not `{first}`"),
                node.get("test")
                    .and_then(Node::as_list)
                    .and_then(<[Node]>::first)
                    .map_or(place, |item| &item.place),
                Some("a plain string is run by the shell".to_owned()),
            );
        } else if first == "CMD-SHELL" && test.len() != 2 {
            findings.error("`CMD-SHELL` takes exactly one string", place);
        }
    }
    Some(Healthcheck {
        disable: flag(node, "disable") || test.first().is_some_and(|first| first == "NONE"),
        test,
        interval: duration(node, "interval"),
        timeout: duration(node, "timeout"),
        start_period: duration(node, "start_period"),
        start_interval: duration(node, "start_interval"),
        retries: count(node, "retries", findings),
    })
}

fn device(item: &Node) -> Option<String> {
    let source = text(item, "source")?;
    let target = text(item, "target").unwrap_or_else(|| source.clone());
    let permissions = text(item, "permissions").unwrap_or_else(|| "rwm".to_owned());
    Some(format!("{source}:{target}:{permissions}"))
}

fn ulimit(node: &Node, findings: &mut Findings) -> Option<Ulimit> {
    if let Value::Integer(number) = node.value {
        let number = i64::try_from(number).ok()?;
        return Some(Ulimit {
            soft: number,
            hard: number,
        });
    }
    let most = i128::from(i64::MAX);
    Some(Ulimit {
        soft: whole(node, "soft", -1, most, findings)?,
        hard: whole(node, "hard", -1, most, findings)?,
    })
}

/// The limits of a service in the words of old files.
pub fn old_nano_cpus(service: &Node) -> Option<i64> {
    units::parse_nano_cpus(&text(service, "cpus")?)
}
