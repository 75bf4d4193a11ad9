//! What must be made, changed or removed in the cloud beside the servers themselves, in the order in which it is done. Pure.
//!
//! The plan shows these changes, and [`super::shared`] and [`super::servers`] carry out the very same ones.

use super::error::CloudError;
use super::mark;
use super::observed::{Marked, Network, Observed, Port, Router, SecurityGroup, Subnet};
use super::rules::{self, Rule};
use super::wish::{NetworkWish, RouterWish, Wish, floating_from, named};
use crate::compose::model::{CloudName, ServerGroup};
use crate::hosts::{Change, Host, HostRequest, ResourceChange};

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub enum CloudChange {
    MakeNetwork {
        name: String,
    },
    MakeSubnet {
        name: String,
        cidr: String,
        dns: Vec<String>,
    },
    ChangeNameservers {
        id: String,
        name: String,
        dns: Vec<String>,
    },
    MakeRouter {
        name: String,
        external: Option<CloudName>,
    },
    ConnectRouter {
        name: String,
    },
    MakeSecurityGroup {
        name: String,
    },
    OpenPort(Rule),
    ClosePort {
        id: String,
        rule: String,
    },
    ImportKey {
        name: String,
    },
    MakeServerGroup {
        name: String,
        policy: &'static str,
    },
    MakePort {
        host: String,
    },
    MakeFloatingIp {
        host: String,
        from: String,
    },
    RemovePort {
        host: String,
    },
    RemoveFloatingIp {
        host: String,
        address: String,
    },
}

/// What the pool's hosts share against what the file says of it.
///
/// # Errors
///
/// Something that the file names is not there, or cannot be changed under hosts that use it.
pub fn shared(wish: &Wish, there: &Observed) -> Result<Vec<CloudChange>, CloudError> {
    let mut changes = Vec::new();
    network(wish, there, &mut changes)?;
    let group = own_security_group(wish, there);
    let none = SecurityGroup::default();
    if group.is_none() {
        changes.push(CloudChange::MakeSecurityGroup {
            name: mark::shared_resource(&wish.pool, None),
        });
    }
    let rules = rules::difference(wish, group.unwrap_or(&none));
    changes.extend(rules.open.into_iter().map(CloudChange::OpenPort));
    changes.extend(
        rules
            .close
            .into_iter()
            .map(|(id, rule)| CloudChange::ClosePort { id, rule }),
    );
    Ok(changes)
}

/// What comes with new hosts and goes with old ones. `key` is the keypair that Hoist imports, where it does.
///
/// # Errors
///
/// As [`shared`].
pub fn of_hosts(
    wish: &Wish,
    there: &Observed,
    make: &[&HostRequest],
    remove: &[&Host],
    key: Option<&str>,
) -> Result<Vec<CloudChange>, CloudError> {
    let mut changes = Vec::new();
    if let (false, Some(key)) = (make.is_empty(), key)
        && !there.keypairs.iter().any(|name| name == key)
    {
        changes.push(CloudChange::ImportKey { name: key.to_owned() });
    }
    for (group, settings) in &wish.groups {
        let name = mark::shared_resource(&wish.pool, Some(group));
        if let Some(ServerGroup::Made(policy)) = &settings.server_group
            && make.iter().any(|request| request.group == *group)
            && !there.server_groups.iter().any(|other| other.name == name)
        {
            changes.push(CloudChange::MakeServerGroup {
                name,
                policy: policy.as_str(),
            });
        }
    }
    for request in make {
        let Some(settings) = wish.groups.get(&request.group) else {
            continue;
        };
        let port = port_of(there, &wish.pool, &request.name);
        if port.is_none() {
            changes.push(CloudChange::MakePort {
                host: request.name.clone(),
            });
        }
        let Some(from) = floating_from(settings) else { continue };
        external_network(there, Some(from))?;
        let has_one = port.is_some_and(|port| {
            let of_port = |address: &super::observed::FloatingIp| address.port_id.as_ref() == Some(&port.id);
            there.floating_ips.iter().any(of_port)
        });
        if !has_one {
            changes.push(CloudChange::MakeFloatingIp {
                host: request.name.clone(),
                from: from.text.clone(),
            });
        }
    }
    for host in remove {
        changes.push(CloudChange::RemovePort {
            host: host.name.clone(),
        });
        let server = there.servers.iter().find(|server| server.id == host.id);
        if let Some(address) = server.and_then(|server| server.floating_address()) {
            changes.push(CloudChange::RemoveFloatingIp {
                host: host.name.clone(),
                address: address.to_owned(),
            });
        }
    }
    Ok(changes)
}

fn network(wish: &Wish, there: &Observed, changes: &mut Vec<CloudChange>) -> Result<(), CloudError> {
    let NetworkWish::Made {
        name,
        cidr,
        dns,
        router,
    } = &wish.network
    else {
        return network_of(wish, there).map(drop);
    };
    let subnet_wish = CloudChange::MakeSubnet {
        name: name.clone(),
        cidr: cidr.to_string(),
        dns: dns.clone(),
    };
    let subnet = own_network(wish, there).and_then(|network| own_subnet(wish, there, network));
    if own_network(wish, there).is_none() {
        changes.push(CloudChange::MakeNetwork { name: name.clone() });
    }
    match subnet {
        None => changes.push(subnet_wish),
        Some(subnet) if subnet.cidr != cidr.to_string() => {
            return Err(CloudError::Settings {
                group: wish.groups.keys().next().cloned().unwrap_or_default(),
                message: format!("the network `{name}` has the range {}, and the file says {cidr}", subnet.cidr),
                hint: "a network keeps its range as long as hosts are on it: `hoist down --hosts` first, or write the old one".into(),
            });
        }
        Some(subnet) if !same(&subnet.dns_nameservers, dns) => changes.push(CloudChange::ChangeNameservers {
            id: subnet.id.clone(),
            name: name.clone(),
            dns: dns.clone(),
        }),
        Some(_) => {}
    }
    let (router, name) = match router {
        RouterWish::None => return Ok(()),
        RouterWish::Existing(wanted) => {
            let found = named(&there.routers, wanted, "router", |router| (&router.id, &router.name))?;
            (Some(found), &wanted.text)
        }
        RouterWish::Made { name, external } => {
            external_network(there, external.as_ref())?;
            let found = own_router(wish, there);
            if found.is_none() {
                changes.push(CloudChange::MakeRouter {
                    name: name.clone(),
                    external: external.clone(),
                });
            }
            (found, name)
        }
    };
    let connected = router.zip(subnet).is_some_and(|(router, subnet)| {
        let on_subnet = |port: &Port| port.fixed_ips.iter().any(|address| address.subnet_id == subnet.id);
        there
            .ports
            .iter()
            .any(|port| port.device_id == router.id && on_subnet(port))
    });
    if !connected {
        changes.push(CloudChange::ConnectRouter { name: name.clone() });
    }
    Ok(())
}

/// Name servers have no order that Neutron would keep.
fn same(there: &[String], wanted: &[String]) -> bool {
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names
    };
    sorted(there) == sorted(wanted)
}

/// The first of the pool's things with this name, in the cloud's order.
fn own<'a, T: Marked>(wish: &Wish, all: &'a [T], fits: impl Fn(&T) -> bool) -> Option<&'a T> {
    all.iter()
        .find(|thing| mark::is_of_pool(*thing, &wish.pool) && fits(thing))
}

/// The network that the pool made.
pub fn own_network<'a>(wish: &Wish, there: &'a Observed) -> Option<&'a Network> {
    let NetworkWish::Made { name, .. } = &wish.network else {
        return None;
    };
    own(wish, &there.networks, |network| network.name == *name)
}

/// The network's subnet that the pool made.
pub fn own_subnet<'a>(wish: &Wish, there: &'a Observed, network: &Network) -> Option<&'a Subnet> {
    own(wish, &there.subnets, |subnet| subnet.network_id == network.id)
}

/// The router that the pool made.
pub fn own_router<'a>(wish: &Wish, there: &'a Observed) -> Option<&'a Router> {
    match &wish.network {
        NetworkWish::Made {
            router: RouterWish::Made { name, .. },
            ..
        } => own(wish, &there.routers, |router| router.name == *name),
        _ => None,
    }
}

/// The pool's security group.
pub fn own_security_group<'a>(wish: &Wish, there: &'a Observed) -> Option<&'a SecurityGroup> {
    own(wish, &there.security_groups, |_| true)
}

/// A host's port.
pub fn port_of<'a>(there: &'a Observed, pool: &str, host: &str) -> Option<&'a Port> {
    let name = mark::host_resource(pool, host);
    there
        .ports
        .iter()
        .find(|port| mark::is_of_pool(*port, pool) && port.name == name)
}

/// The network that hosts are on: the pool's own (`None` where it is not made yet), the one that the file names, or the only
/// one there is.
///
/// # Errors
///
/// [`CloudError::Missing`], [`CloudError::Ambiguous`].
pub fn network_of<'a>(wish: &Wish, there: &'a Observed) -> Result<Option<&'a Network>, CloudError> {
    match &wish.network {
        NetworkWish::Made { .. } => Ok(own_network(wish, there)),
        NetworkWish::Existing {
            network: Some(wanted), ..
        } => named(&there.networks, wanted, "network", |network| {
            (&network.id, &network.name)
        })
        .map(Some),
        NetworkWish::Existing { network: None, .. } => {
            let inner: Vec<&Network> = there.networks.iter().filter(|network| !network.external).collect();
            match inner[..] {
                [one] => Ok(Some(one)),
                _ => Err(CloudError::Settings {
                    group: wish.groups.keys().next().cloned().unwrap_or_default(),
                    message: format!(
                        "`network` is missing, and the project has {} networks to choose from",
                        inner.len()
                    ),
                    hint: match inner[..] {
                        [] => "have one made: `network: {name: app, cidr: 10.20.0.0/24, router: {external: public}}`"
                            .into(),
                        _ => {
                            let names: Vec<String> =
                                inner.iter().map(|network| format!("`{}`", network.name)).collect();
                            format!("write `network: NAME` with one of {}", names.join(", "))
                        }
                    },
                }),
            }
        }
    }
}

/// An external network: the one that is named, or the only one.
///
/// # Errors
///
/// [`CloudError::Missing`] with the external networks that there are, [`CloudError::Ambiguous`].
pub fn external_network<'a>(there: &'a Observed, wanted: Option<&CloudName>) -> Result<&'a Network, CloudError> {
    let external: Vec<&Network> = there.networks.iter().filter(|network| network.external).collect();
    match (wanted, &external[..]) {
        (Some(wanted), all) => named(all, wanted, "external network", |network| (&network.id, &network.name)).copied(),
        (None, [one]) => Ok(one),
        (None, []) => Err(CloudError::Missing {
            kind: "external network",
            name: "for the router".into(),
            known: Vec::new(),
        }),
        (None, several) => Err(CloudError::Ambiguous {
            kind: "external network",
            name: "for the router".into(),
            count: several.len(),
        }),
    }
}

impl CloudChange {
    /// As the plan shows it.
    pub fn shown(&self) -> ResourceChange {
        let of = |change, kind, name: &str, why: &str| ResourceChange {
            kind,
            name: name.to_owned(),
            change,
            why: why.to_owned(),
        };
        let make = |kind, name: &str, why: &str| of(Change::Make, kind, name, why);
        match self {
            CloudChange::MakeNetwork { name } => make("network", name, "not there"),
            CloudChange::MakeSubnet { name, cidr, .. } => make("subnet", name, &format!("{cidr}, not there")),
            CloudChange::ChangeNameservers { name, .. } => of(Change::Change, "subnet", name, "other name servers"),
            CloudChange::MakeRouter { name, external } => match external {
                Some(external) => make("router", name, &format!("to `{external}`, not there")),
                None => make("router", name, "not there"),
            },
            CloudChange::ConnectRouter { name } => make("router interface", name, "not there"),
            CloudChange::MakeSecurityGroup { name } => make("security group", name, "not there"),
            CloudChange::OpenPort(rule) => match &rule.project {
                Some(project) => make("rule", &rule.to_string(), &format!("published by `{project}`")),
                None => make("rule", &rule.to_string(), "not there"),
            },
            CloudChange::ClosePort { rule, .. } => of(Change::Remove, "rule", rule, "no longer wanted"),
            CloudChange::ImportKey { name } => make("keypair", name, "the operator's public key"),
            CloudChange::MakeServerGroup { name, policy } => make("server group", name, policy),
            CloudChange::MakePort { host } => make("port", host, "for the new host"),
            CloudChange::MakeFloatingIp { host, from } => make("floating IP", host, &format!("from `{from}`")),
            CloudChange::RemovePort { host } => of(Change::Remove, "port", host, "goes with its host"),
            CloudChange::RemoveFloatingIp { host, address } => {
                of(Change::Remove, "floating IP", address, &format!("goes with `{host}`"))
            }
        }
    }
}

#[cfg(test)]
mod tests;
