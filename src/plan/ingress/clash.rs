//! Claims that cannot hold at once.

use std::collections::BTreeMap;

use super::claims::{Claim, Protocol, Way};
use super::error::IngressError;

/// All that cannot be, in the order of ports.
pub(super) fn clashes(claims: &[Claim]) -> Vec<IngressError> {
    let mut errors = Vec::new();
    let mut kinds: BTreeMap<u16, (&'static str, &Claim)> = BTreeMap::new();
    let mut taken: BTreeMap<(u16, String, String), &Claim> = BTreeMap::new();
    for (claim, way) in claims
        .iter()
        .flat_map(|claim| claim.ways.iter().map(move |way| (claim, way)))
    {
        let kind = kind(way);
        match kinds.get(&way.listen) {
            None => drop(kinds.insert(way.listen, (kind, claim))),
            Some((first, by)) if *first != kind => {
                errors.push(IngressError::Mixed {
                    port: way.listen,
                    first,
                    one: named(by),
                    second: kind,
                    other: named(claim),
                });
                continue;
            }
            Some(_) => {}
        }
        let any = [String::new()];
        let hosts = if way.hosts.is_empty() { &any[..] } else { &way.hosts };
        for host in hosts {
            let key = (way.listen, host.clone(), way.path.clone().unwrap_or_default());
            match taken.get(&key) {
                None => drop(taken.insert(key, claim)),
                // Rolling from one to the other, both serve it.
                Some(by) if by.is_of_one_upgrade_with(claim) => {}
                Some(by) => errors.push(IngressError::Clash {
                    what: what(way, host),
                    one: named(by),
                    other: named(claim),
                }),
            }
        }
    }
    errors
}

fn named(claim: &Claim) -> String {
    format!("service `{}` of project `{}`", claim.service, claim.project)
}

fn kind(way: &Way) -> &'static str {
    match (way.protocol, way.certificate.is_some()) {
        (Protocol::Http, false) => "HTTP",
        (Protocol::Http, true) => "HTTP with TLS",
        (Protocol::Tcp, false) => "TCP",
        (Protocol::Tcp, true) => "TCP with TLS",
    }
}

fn what(way: &Way, host: &str) -> String {
    match (way.protocol, host) {
        (Protocol::Tcp, _) => format!("port {}", way.listen),
        (Protocol::Http, "") => format!("`{}` for any host", way.url("*")),
        (Protocol::Http, host) => format!("`{}`", way.url(host)),
    }
}
