//! `x-hosts` and `x-pool`, typed: which hosts a project asks for.
//!
//! Knows the forms of host groups and of SSH entries. `openstack` settings pass through as written, for
//! their provider; their keys were checked by the schema. Never looks for a host.

use std::collections::BTreeMap;
use std::path::Path;

use indexmap::IndexMap;

use super::findings::Findings;
use super::model::{DockerApi, DockerInstall, DockerSettings, GroupProvider, HostGroup, LocalHosts, Pool, SshHost};
use super::names;
use super::paths::Base;
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
    let groups = project.get("x-hosts").and_then(Node::as_map);
    groups
        .into_iter()
        .flatten()
        .filter_map(|(name, entry)| Some((name.clone(), group(name, entry, &base, findings)?)))
        .collect()
}

fn group(name: &str, entry: &Entry, base: &Base<'_>, findings: &mut Findings) -> Option<HostGroup> {
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
        "ssh" => GroupProvider::Ssh(ssh_hosts(name, settings, base, findings)),
        _ => GroupProvider::Openstack(settings.to_json()),
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
    for (key, entry) in group.get("labels").and_then(Node::as_map).into_iter().flatten() {
        if key.is_empty() || key.contains(|c: char| c.is_whitespace() || c == '=') {
            findings.error(format!("`{key}` cannot be the name of a label"), &entry.key);
            continue;
        }
        labels.insert(key.clone(), entry.value.scalar_text().unwrap_or_default());
    }
    labels
}

fn ssh_hosts(group: &str, node: &Node, base: &Base<'_>, findings: &mut Findings) -> Vec<SshHost> {
    let Some(list) = node.as_list() else { return Vec::new() };
    let mut hosts: Vec<SshHost> = Vec::new();
    for item in list {
        let host = match item.as_text() {
            Some(line) => match parse_ssh(line) {
                Ok(host) => Some(host),
                Err(why) => {
                    findings.error_hint(
                        format!("`{line}` is not an SSH host: {why}"),
                        &item.place,
                        Some("write `[USER@]HOST[:PORT]`, an IPv6 address in brackets if a port follows".to_owned()),
                    );
                    None
                }
            },
            None => long_ssh(item, base, findings),
        };
        let Some(host) = host else { continue };
        if hosts
            .iter()
            .any(|other| other.host == host.host && other.port == host.port)
        {
            let message = format!("the group `{group}` lists the host `{}` twice", host.host);
            findings.error(message, &item.place);
        }
        hosts.push(host);
    }
    hosts
}

fn long_ssh(item: &Node, base: &Base<'_>, findings: &mut Findings) -> Option<SshHost> {
    item.as_map()?;
    let host_node = item.get("host")?;
    let host = host_node.as_text()?;
    if let Err(why) = check_host(host) {
        findings.error(format!("`host` cannot be `{host}`: {why}"), &host_node.place);
    }
    if let Some(user) = item.get("user")
        && let Some(Err(why)) = user.as_text().map(check_user)
    {
        findings.error(why, &user.place);
    }
    Some(SshHost {
        host: host.to_owned(),
        user: text(item, "user"),
        port: port(item, findings),
        identity_file: text(item, "identity_file").map(|path| base.absolute(&path)),
        host_key: text(item, "host_key"),
        private_address: text(item, "private_address"),
    })
}

/// Reads `[USER@]HOST[:PORT]`.
fn parse_ssh(line: &str) -> Result<SshHost, String> {
    let (user, rest) = match line.rsplit_once('@') {
        Some((user, rest)) => {
            check_user(user)?;
            (Some(user.to_owned()), rest)
        }
        None => (None, line),
    };
    let (host, port) = if let Some(inner) = rest.strip_prefix('[') {
        let (host, tail) = inner.split_once(']').ok_or("the closing `]` is missing")?;
        if host.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(format!("`{host}` is not an IPv6 address"));
        }
        match tail.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if tail.is_empty() => (host, None),
            None => return Err(format!("`{tail}` follows the address")),
        }
    } else if rest.parse::<std::net::Ipv6Addr>().is_ok() {
        (rest, None)
    } else {
        match rest.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (rest, None),
        }
    };
    check_host(host)?;
    let port = match port {
        Some(text) => match text.parse::<u16>() {
            Ok(port) if port > 0 => Some(port),
            _ => return Err(format!("`{text}` is not a port number")),
        },
        None => None,
    };
    Ok(SshHost {
        host: host.to_owned(),
        user,
        port,
        identity_file: None,
        host_key: None,
        private_address: None,
    })
}

/// A name of a host reaches the command line of `ssh`: it must not look like an option.
fn check_host(host: &str) -> Result<(), String> {
    if host.is_empty() {
        return Err("the host is missing".to_owned());
    }
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    match host.chars().find(|c| !allowed(*c)) {
        Some(wrong) => Err(format!("a host cannot have `{wrong}` in its name")),
        None if host.starts_with('-') => Err("a host cannot begin with a dash".to_owned()),
        None => Ok(()),
    }
}

fn check_user(user: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | '\\' | '$');
    if user.is_empty() || user.starts_with('-') || !user.chars().all(allowed) {
        return Err(format!("`{user}` is not a user's name"));
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> Result<String, String> {
        let host = parse_ssh(line)?;
        let port = host.port.map(|port| port.to_string()).unwrap_or_default();
        Ok(format!("{}|{}|{port}", host.user.unwrap_or_default(), host.host))
    }

    #[test]
    fn ssh_entries_in_their_short_forms() {
        assert_eq!(shown("10.0.0.5").as_deref(), Ok("|10.0.0.5|"));
        assert_eq!(shown("debian@10.0.0.5:2222").as_deref(), Ok("debian|10.0.0.5|2222"));
        assert_eq!(shown("root@[fd00::5]:22").as_deref(), Ok("root|fd00::5|22"));
        assert_eq!(shown("[::1]").as_deref(), Ok("|::1|"));
        assert_eq!(shown("fd00::5").as_deref(), Ok("|fd00::5|"));
        assert_eq!(shown("web.example.org").as_deref(), Ok("|web.example.org|"));
    }

    #[test]
    fn what_is_no_ssh_entry_says_why() {
        assert_eq!(shown(""), Err("the host is missing".to_owned()));
        assert_eq!(shown("a@"), Err("the host is missing".to_owned()));
        assert_eq!(shown("@b"), Err("`` is not a user's name".to_owned()));
        assert_eq!(shown("a:b"), Err("`b` is not a port number".to_owned()));
        assert_eq!(shown("a:0"), Err("`0` is not a port number".to_owned()));
        assert_eq!(shown("[::1"), Err("the closing `]` is missing".to_owned()));
        assert_eq!(shown("[x]:1"), Err("`x` is not an IPv6 address".to_owned()));
        assert_eq!(
            shown("-oProxyCommand=x"),
            Err("a host cannot have `=` in its name".to_owned())
        );
        assert_eq!(shown("-x"), Err("a host cannot begin with a dash".to_owned()));
    }

    proptest::proptest! {
        #[test]
        fn reading_ssh_entries_never_panics(line in "[a-z0-9@:.\\[\\]-]{0,30}|\\PC{0,20}") {
            drop(parse_ssh(&line));
        }
    }
}
