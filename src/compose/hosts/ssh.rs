//! Reads the entries of a group's `ssh`. Never connects to one.

use super::{port, text};
use crate::compose::findings::Findings;
use crate::compose::model::SshHost;
use crate::compose::paths::Base;
use crate::compose::tree::Node;

/// The machines of a group.
pub fn hosts(group: &str, node: &Node, base: &Base<'_>, findings: &mut Findings) -> Vec<SshHost> {
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

/// Whether a name can be that of a user who logs in.
pub fn check_user(user: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | '\\' | '$');
    if user.is_empty() || user.starts_with('-') || !user.chars().all(allowed) {
        return Err(format!("`{user}` is not a user's name"));
    }
    Ok(())
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
