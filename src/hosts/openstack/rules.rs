//! Who may reach what: a pool's security group rules, wanted and there. Pure.
//!
//! Rules come from the file (`allow`, `publish_to`, published ports) and from what a cluster needs among its own hosts
//! (Docker, "Getting started with swarm mode": 2377/tcp, 7946/tcp and udp, 4789/udp, and ESP for encrypted overlays).

use std::fmt;

use super::mark;
use super::observed::{SecurityGroup, SecurityGroupRule};
use super::wish::Wish;
use crate::compose::model::Cidr;

/// A port that the project publishes on its hosts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Published {
    /// `tcp`, `udp` or `sctp`.
    pub protocol: &'static str,
    pub port: u16,
}

/// A rule that lets something in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub ether_type: &'static str,
    pub protocol: &'static str,
    /// `None`: the protocol has no ports.
    pub port: Option<u16>,
    pub from: Source,
    /// The project whose port it is; `None`: the pool's own.
    pub project: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// With its host bits cleared, as Neutron keeps it.
    Prefix(Cidr),
    /// The hosts of the pool.
    Pool,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{port}/{}", self.protocol)?,
            None => write!(f, "{}", self.protocol)?,
        }
        match &self.from {
            Source::Prefix(prefix) => write!(f, " from {prefix}"),
            Source::Pool if self.ether_type == "IPv6" => write!(f, " among the hosts (IPv6)"),
            Source::Pool => write!(f, " among the hosts"),
        }
    }
}

/// The rules that a file asks for.
pub fn wanted(wish: &Wish) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    // Neutron refuses a second rule of the same traffic, so what the pool opens anyway is not opened for a project again.
    let mut add = |rule: Rule| {
        if !rules.iter().any(|other| same_traffic(&rule, other)) {
            rules.push(rule);
        }
    };
    let settings = wish.first();
    let mut management: Vec<u16> = wish.groups.values().map(|group| group.port).collect();
    management.extend(wish.docker_port);
    for cidr in &settings.allow {
        for port in &management {
            add(from_prefix(*cidr, "tcp", *port, None));
        }
    }
    let versions: &[&'static str] = if wish.ip_version() == 6 {
        &["IPv4", "IPv6"]
    } else {
        &["IPv4"]
    };
    for ether_type in versions {
        let among = |protocol, port| Rule {
            ether_type,
            protocol,
            port,
            from: Source::Pool,
            project: None,
        };
        for (protocol, port) in [("tcp", 2377), ("tcp", 7946), ("udp", 7946), ("udp", 4789)] {
            add(among(protocol, Some(port)));
        }
        if wish.encrypt {
            add(among("esp", None));
        }
    }
    for published in &wish.published {
        for cidr in &settings.publish_to {
            add(from_prefix(
                *cidr,
                published.protocol,
                published.port,
                Some(&wish.project),
            ));
        }
    }
    rules
}

fn from_prefix(cidr: Cidr, protocol: &'static str, port: u16, project: Option<&str>) -> Rule {
    Rule {
        ether_type: if cidr.address.is_ipv4() { "IPv4" } else { "IPv6" },
        protocol,
        port: Some(port),
        from: Source::Prefix(Cidr {
            address: cidr.network(),
            ..cidr
        }),
        project: project.map(str::to_owned),
    }
}

fn same_traffic(a: &Rule, b: &Rule) -> bool {
    (a.ether_type, a.protocol, a.port, &a.from) == (b.ether_type, b.protocol, b.port, &b.from)
}

/// What is to be opened and closed in the pool's group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuleDifference {
    pub open: Vec<Rule>,
    /// With the rule in words.
    pub close: Vec<(String, String)>,
}

/// Compares; rules of the pool's other projects stay, and so do rules that somebody else put there.
pub fn difference(wish: &Wish, there: &SecurityGroup) -> RuleDifference {
    let wanted = wanted(wish);
    let open = wanted
        .iter()
        .filter(|rule| !there.rules.iter().any(|found| is_same(rule, found, &there.id)))
        .cloned()
        .collect();
    let close = there
        .rules
        .iter()
        .filter(|found| mark::is_of_pool(*found, &wish.pool))
        .filter(|found| match mark::project_of(*found, &wish.pool) {
            Some(project) => project == wish.project,
            None => true,
        })
        .filter(|found| !wanted.iter().any(|rule| is_same(rule, found, &there.id)))
        .map(|found| (found.id.clone(), words(found)))
        .collect();
    RuleDifference { open, close }
}

/// The rules that are there for one project.
pub fn of_project(there: &SecurityGroup, pool: &str, project: &str) -> Vec<(String, String)> {
    let own = there
        .rules
        .iter()
        .filter(|rule| mark::project_of(*rule, pool) == Some(project));
    own.map(|rule| (rule.id.clone(), words(rule))).collect()
}

fn is_same(rule: &Rule, found: &SecurityGroupRule, group: &str) -> bool {
    let source = match (&rule.from, &found.remote_ip_prefix, &found.remote_group_id) {
        (Source::Pool, _, Some(remote)) => remote == group,
        (Source::Prefix(prefix), Some(text), None) => Cidr::parse(text) == Some(*prefix),
        // No prefix is every address.
        (Source::Prefix(prefix), None, None) => prefix.is_everybody(),
        _ => false,
    };
    source
        && found.direction == "ingress"
        && found.ethertype == rule.ether_type
        && found.protocol.as_deref().map(protocol_name) == Some(rule.protocol)
        && (found.port_range_min, found.port_range_max) == (rule.port, rule.port)
}

/// Neutron gives some protocols back as numbers.
fn protocol_name(said: &str) -> &str {
    match said {
        "6" => "tcp",
        "17" => "udp",
        "50" => "esp",
        "132" => "sctp",
        other => other,
    }
}

fn words(found: &SecurityGroupRule) -> String {
    let protocol = found.protocol.as_deref().unwrap_or("anything");
    let what = match (found.port_range_min, found.port_range_max) {
        (Some(from), Some(to)) if from == to => format!("{from}/{protocol}"),
        (Some(from), Some(to)) => format!("{from}-{to}/{protocol}"),
        _ => protocol.to_owned(),
    };
    match (&found.remote_ip_prefix, &found.remote_group_id) {
        (Some(prefix), _) => format!("{what} from {prefix}"),
        (None, Some(_)) => format!("{what} among the hosts"),
        (None, None) => format!("{what} from anywhere"),
    }
}

#[cfg(test)]
mod tests;
