//! `x-hosts`, `x-pool` and `x-openstack`, typed: which hosts a project asks for.
//!
//! Knows the forms of host groups, of SSH entries and of the settings of a cloud. The tree keeps what was
//! written, for the canonical form; this reads settled copies. Never looks for a host.

mod openstack;
mod ssh;

use std::collections::BTreeMap;
use std::path::Path;

use indexmap::IndexMap;

use super::findings::Findings;
use super::model::{DockerApi, DockerInstall, DockerSettings, GroupProvider, HostGroup, LocalHosts, Openstack, Pool};
use super::names;
use super::paths::Base;
use super::schema;
use super::source::Place;
use super::tree::{Entry, Node, Value};

/// The most hosts that one group may have.
const MOST: i128 = 100;

const DEFAULT_IMAGE: &str = "debian:12";

/// The groups of `x-hosts`.
pub fn groups(
    project: &Node,
    variables: &BTreeMap<String, String>,
    directory: &Path,
    findings: &mut Findings,
) -> IndexMap<String, HostGroup> {
    let base = Base {
        directory,
        home: variables.get("HOME").map(String::as_str),
    };
    let Some(groups) = project.get("x-hosts") else {
        return IndexMap::new();
    };
    let groups = schema::settle_copy(groups, &schema::HOSTS, "x-hosts", findings);
    let defaults = settled_openstack(project, findings);
    let mut read = IndexMap::new();
    for (name, entry) in groups.as_map().into_iter().flatten() {
        if let Some(group) = group(name, entry, defaults.as_ref(), &base, findings) {
            read.insert(name.clone(), group);
        }
    }
    read
}

/// `x-openstack` by itself, where the project has it: the defaults of every `openstack` group.
pub fn openstack(
    project: &Node,
    variables: &BTreeMap<String, String>,
    directory: &Path,
    findings: &mut Findings,
) -> Option<Openstack> {
    let base = Base {
        directory,
        home: variables.get("HOME").map(String::as_str),
    };
    let settings = settled_openstack(project, findings)?;
    Some(openstack::settings(&settings, &base, findings))
}

fn settled_openstack(project: &Node, findings: &mut Findings) -> Option<Node> {
    let settings = project.get("x-openstack")?;
    Some(schema::settle_copy(
        settings,
        &schema::OPENSTACK_SETTINGS,
        "x-openstack",
        findings,
    ))
}

fn group(
    name: &str,
    entry: &Entry,
    defaults: Option<&Node>,
    base: &Base<'_>,
    findings: &mut Findings,
) -> Option<HostGroup> {
    if !names::is_group_name(name) {
        findings.error_hint(
            format!("`{name}` cannot be the name of a group"),
            &entry.key,
            Some("use lower-case letters, digits and dashes, such as `web-2`".to_owned()),
        );
    }
    let node = &entry.value;
    let mapping = node.as_map()?;
    let providers: Vec<&str> = ["local", "ssh", "openstack"]
        .into_iter()
        .filter(|key| mapping.contains_key(*key))
        .collect();
    let provider = match providers[..] {
        [provider] => provider,
        [] if mapping.values().any(|entry| entry.value.is_invalid()) => return None,
        [] => {
            findings.error_hint(
                format!("the group `{name}` does not say where its hosts come from"),
                &entry.key,
                Some("give it one of `local`, `ssh` and `openstack`".to_owned()),
            );
            return None;
        }
        [first, second, ..] => {
            let message = format!("the group `{name}` has both `{first}` and `{second}`: a group has one provider");
            findings.error(message, &mapping[second].key);
            return None;
        }
    };
    let settings = &mapping[provider].value;
    let provider = match provider {
        "local" => GroupProvider::Local(LocalHosts {
            image: text(settings, "image").unwrap_or_else(|| DEFAULT_IMAGE.to_owned()),
        }),
        "ssh" => GroupProvider::Ssh(ssh::hosts(name, settings, base, findings)),
        _ => {
            let laid = openstack::laid_over(defaults, settings);
            openstack::require(name, &laid, findings);
            GroupProvider::Openstack(Box::new(openstack::settings(&laid, base, findings)))
        }
    };
    let listed = settings.as_list().map(<[Node]>::len);
    let count = count(node, listed, findings);
    Some(HostGroup {
        name: name.to_owned(),
        count,
        labels: labels(node, findings),
        provider,
    })
}

/// How many hosts; `listed` is the number of entries of an `ssh` group.
fn count(group: &Node, listed: Option<usize>, findings: &mut Findings) -> u32 {
    let listed = listed.and_then(|listed| u32::try_from(listed).ok());
    let Some(node) = group.get("count") else {
        return listed.unwrap_or(1);
    };
    let Value::Integer(count) = node.value else { return 0 };
    if !(0..=MOST).contains(&count) {
        findings.error(format!("`count` must be from 0 to {MOST}, not {count}"), &node.place);
        return 0;
    }
    let count = u32::try_from(count).unwrap_or(0);
    match listed {
        Some(listed) if listed != count => {
            let message = format!("`count` says {count}, but `ssh` lists {listed}");
            findings.error_hint(message, &node.place, Some("leave `count` out".to_owned()));
            listed
        }
        _ => count,
    }
}

/// Labels become node labels, which constraints compare without quoting.
fn labels(group: &Node, findings: &mut Findings) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let Some(node) = group.get("labels") else { return labels };
    let mut add = |key: &str, value: String, place: &Place| {
        if key.is_empty() || key.contains(|c: char| c.is_whitespace() || c == '=') {
            findings.error(format!("`{key}` cannot be the name of a label"), place);
        } else {
            labels.insert(key.to_owned(), value);
        }
    };
    for (key, entry) in node.as_map().into_iter().flatten() {
        add(key, entry.value.scalar_text().unwrap_or_default(), &entry.key);
    }
    for item in node.as_list().unwrap_or_default() {
        let Some(line) = item.as_text() else { continue };
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        add(key, value.to_owned(), &item.place);
    }
    labels
}

fn port(node: &Node, findings: &mut Findings) -> Option<u16> {
    let node = node.get("port")?;
    let Value::Integer(number) = node.value else {
        return None;
    };
    match u16::try_from(number) {
        Ok(port) if port > 0 => Some(port),
        _ => {
            findings.error(format!("`port` must be from 1 to 65535, not {number}"), &node.place);
            None
        }
    }
}

/// `x-pool`, with its defaults.
pub fn pool(project: &Node, project_name: &str, findings: &mut Findings) -> Pool {
    let empty = Node::empty_map(&project.place);
    let node = project.get("x-pool").unwrap_or(&empty);
    let node = &schema::settle_copy(node, &schema::POOL_SETTINGS, "x-pool", findings);
    let docker = node.get("docker").unwrap_or(&empty);
    if let Some(name) = node.get("name")
        && let Some(text) = name.as_text()
        && !names::is_group_name(text)
    {
        let hint = "use lower-case letters, digits and dashes".to_owned();
        findings.error_hint(
            format!("`{text}` cannot be the name of a pool"),
            &name.place,
            Some(hint),
        );
    }
    let defaults = DockerSettings::default();
    let api = match text(docker, "api").as_deref() {
        Some("ssh") => DockerApi::Ssh,
        Some("insecure-tcp") => DockerApi::InsecureTcp,
        _ => DockerApi::Tls,
    };
    // The ports that Docker itself gives the two.
    let usual_port = if api == DockerApi::InsecureTcp {
        2375
    } else {
        defaults.port
    };
    Pool {
        name: text(node, "name").unwrap_or_else(|| project_name.to_owned()),
        managers: managers(node, findings),
        encrypt: node.get("encrypt").is_some_and(Node::is_true),
        docker: DockerSettings {
            install: match text(docker, "install").as_deref() {
                Some("distro") => DockerInstall::Distro,
                Some("docker-ce") => DockerInstall::DockerCe,
                Some("never") => DockerInstall::Never,
                _ => DockerInstall::Auto,
            },
            version: text(docker, "version"),
            api,
            port: port(docker, findings).unwrap_or(usual_port),
            daemon: match docker.get("daemon").map(Node::to_json) {
                Some(serde_json::Value::Object(daemon)) => daemon,
                _ => defaults.daemon,
            },
        },
    }
}

fn managers(pool: &Node, findings: &mut Findings) -> Option<u32> {
    let node = pool.get("managers")?;
    let Value::Integer(number) = node.value else {
        return None;
    };
    if !(1..=7).contains(&number) {
        findings.error(format!("`managers` must be from 1 to 7, not {number}"), &node.place);
        return None;
    }
    if number % 2 == 0 {
        let message = format!("{number} managers survive no more losses than {}", number - 1);
        findings.warning(message, &node.place);
    }
    u32::try_from(number).ok()
}

fn text(node: &Node, key: &str) -> Option<String> {
    node.get(key)?.scalar_text()
}
