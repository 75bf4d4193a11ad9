//! Servers: made, waited for, started again, removed, each with its port and its floating IP.
//!
//! Knows what each state of a server means for a host. Many are made at once.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::difference::port_of;
use super::error::CloudError;
use super::ingredients::Ingredients;
use super::made::{Maker, PORT, fields, id};
use super::mark;
use super::observed::{Observed, Server};
use super::request::{Request, Service};
use super::server_body::body;
use super::shared::{self, Shared};
use super::survey;
use super::watch::Watch;
use super::wish::{Wish, floating_from};
use crate::compose::model::{Openstack, ServerGroup};
use crate::hosts::HostRequest;
use crate::hosts::key_pair::KeyPair;

/// What all servers of one run are made with.
#[derive(Debug)]
pub struct Kitchen {
    pub wish: Wish,
    pub shared: Shared,
    pub there: Observed,
    /// By group.
    pub ingredients: BTreeMap<String, Ingredients>,
    /// The keypair's name.
    pub keypair: String,
    /// Server groups that were found or made, by group of hosts.
    pub server_groups: Mutex<BTreeMap<String, String>>,
}

/// The server of a host; of two, one that is not about to go.
pub fn of_host<'a>(servers: &'a [Server], host: &str) -> Option<&'a Server> {
    let mut of_host: Vec<&Server> = servers
        .iter()
        .filter(|server| server.metadata.get(mark::HOST).is_some_and(|name| name == host) && !is_gone(server))
        .collect();
    of_host.sort_by_key(|server| (is_leaving(server), server.status != "ACTIVE", server.id.clone()));
    of_host.first().copied()
}

/// Deleted; clouds that keep servers for a while still list them.
pub fn is_gone(server: &Server) -> bool {
    matches!(server.status.as_str(), "DELETED" | "SOFT_DELETED")
}

fn is_leaving(server: &Server) -> bool {
    server.task_state.as_deref() == Some("deleting")
}

/// Whether it is a machine that one can work with.
pub fn is_running(server: &Server) -> bool {
    matches!(server.status.as_str(), "ACTIVE" | "REBOOT" | "HARD_REBOOT" | "PASSWORD") && !is_leaving(server)
}

/// Makes the host's server, or goes on with what is there of it. `progress` hears when it was asked for.
///
/// # Errors
///
/// [`CloudError::ServerFault`], [`CloudError::NeverActive`], and what the cloud refuses.
pub async fn make(
    maker: &Maker,
    kitchen: &Kitchen,
    watch: &Watch,
    request: &HostRequest,
    booting: impl Fn(),
) -> Result<Server, CloudError> {
    let wish = &kitchen.wish.groups[&request.group];
    let host = request.name.as_str();
    match watch.server(maker, host).await? {
        Some(server) if server.status == "ERROR" && server.launched_at.is_none() => {
            // It never was a host, and nothing is on it.
            delete(maker, &server).await?;
            gone(maker, watch, host, wish.timeout).await?;
            ask(maker, kitchen, wish, request).await?;
        }
        Some(server) if is_leaving(&server) => {
            gone(maker, watch, host, wish.timeout).await?;
            ask(maker, kitchen, wish, request).await?;
        }
        Some(server) => start(maker, &server).await?,
        None => ask(maker, kitchen, wish, request).await?,
    }
    booting();
    let wanted = floating_from(wish).is_some();
    watch
        .until(maker, host, wish.timeout, |server| {
            let server = server?;
            match server.status.as_str() {
                // Nova tells a new floating address a moment later than it works.
                "ACTIVE" if !wanted || server.floating_address().is_some() => Some(Ok(server.clone())),
                "ERROR" => Some(Err(CloudError::ServerFault {
                    server: server.name.clone(),
                    fault: server
                        .fault
                        .as_ref()
                        .map_or_else(|| "Nova does not say why".to_owned(), |fault| fault.message.clone()),
                })),
                _ => None,
            }
        })
        .await
}

/// Lets a server run again that was stopped.
async fn start(maker: &Maker, server: &Server) -> Result<(), CloudError> {
    let action = match server.status.as_str() {
        "SHUTOFF" => "os-start",
        "PAUSED" => "unpause",
        "SUSPENDED" => "resume",
        "SHELVED" | "SHELVED_OFFLOADED" => "unshelve",
        _ => return Ok(()),
    };
    let request = Request::post(
        Service::Compute,
        format!("servers/{}/action", server.id),
        json!({action: Value::Null}),
        format!("start server `{}`", server.name),
    );
    match maker.session.call(&request).await {
        // Somebody else started it, or a lost call did: what it is now is looked at anyway.
        Err(CloudError::NoAnswer { .. } | CloudError::Refused { status: 409, .. }) => Ok(()),
        other => other.map(drop),
    }
}

async fn ask(maker: &Maker, kitchen: &Kitchen, wish: &Openstack, request: &HostRequest) -> Result<(), CloudError> {
    let port = port(maker, kitchen, request).await?;
    if let Some(external) = floating_from(wish) {
        shared::floating_ip(maker, &kitchen.there, &request.name, &port, external).await?;
    }
    let key = KeyPair::generate(&request.name)
        .await
        .map_err(|error| CloudError::Settings {
            group: request.group.clone(),
            message: format!("the SSH key of `{}` cannot be made: {error}", request.name),
            hint: "install the OpenSSH client (`openssh-client`)".into(),
        })?;
    let name = mark::host_resource(&maker.pool, &request.name);
    let action = format!("make server `{name}`");
    let group = server_group(maker, kitchen, wish, &request.group).await?;
    let body = body(kitchen, wish, request, &port, &key, group.as_deref())?;
    let find = || async {
        let servers = survey::servers(&maker.session, &maker.pool).await?;
        Ok(of_host(&servers, &request.name).map(|server| json!({"id": server.id})))
    };
    let request = Request::post(Service::Compute, "servers", body, action);
    maker.session.create(&request, find).await.map(drop)
}

/// The server group that the server goes into; made by the first that needs it.
async fn server_group(
    maker: &Maker,
    kitchen: &Kitchen,
    wish: &Openstack,
    group: &str,
) -> Result<Option<String>, CloudError> {
    let policy = match &wish.server_group {
        None => return Ok(None),
        Some(ServerGroup::Existing(_)) => return Ok(kitchen.ingredients[group].server_group.clone()),
        Some(ServerGroup::Made(policy)) => policy,
    };
    let mut known = kitchen.server_groups.lock().await;
    if let Some(known) = known.get(group) {
        return Ok(Some(known.clone()));
    }
    let name = mark::shared_resource(&maker.pool, Some(group));
    let there = kitchen.there.server_groups.iter().find(|other| other.name == name);
    let id = match there {
        Some(there) => there.id.clone(),
        None => shared::server_group(maker, &name, policy.as_str()).await?,
    };
    known.insert(group.to_owned(), id.clone());
    Ok(Some(id))
}

/// The host's port, made before its server, so that its addresses are there when it boots.
async fn port(maker: &Maker, kitchen: &Kitchen, request: &HostRequest) -> Result<String, CloudError> {
    if let Some(port) = port_of(&kitchen.there, &maker.pool, &request.name) {
        return Ok(port.id.clone());
    }
    let name = mark::host_resource(&maker.pool, &request.name);
    let network = kitchen.shared.network.clone().unwrap_or_default();
    let ingredients = &kitchen.ingredients[&request.group];
    let mut body = fields(json!({"name": name, "network_id": network}));
    let secure = kitchen.wish.groups[&request.group].port_security;
    if let Some(secure) = secure {
        body.insert("port_security_enabled".into(), secure.into());
    }
    let own = kitchen.shared.security_group.clone();
    let groups: Vec<&String> = own.iter().chain(&ingredients.security_groups).collect();
    // Neutron refuses groups on a port that filters nothing.
    let groups = if secure == Some(false) { Vec::new() } else { groups };
    body.insert("security_groups".into(), json!(groups));
    if let Some(subnet) = &ingredients.subnet {
        body.insert("fixed_ips".into(), json!([{"subnet_id": subnet}]));
    }
    let found_by = [("name", name.clone()), ("network_id", network)];
    let made = maker.make(PORT, &name, body, &found_by).await?;
    Ok(id(&made, "make port")?.to_owned())
}

/// Asks for a server's removal.
///
/// # Errors
///
/// What the cloud says.
pub async fn delete(maker: &Maker, server: &Server) -> Result<(), CloudError> {
    let action = format!("remove server `{}`", server.name);
    let request = Request::delete(Service::Compute, format!("servers/{}", server.id), action);
    maker.session.remove(&request).await
}

/// Waits until the host has no server any more.
///
/// # Errors
///
/// [`CloudError::NeverActive`] with the state in which it stays.
pub async fn gone(maker: &Maker, watch: &Watch, host: &str, within: Duration) -> Result<(), CloudError> {
    watch
        .until(maker, host, within, |server| match server {
            None => Some(Ok(())),
            Some(_) => None,
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(id: &str, status: &str, task: Option<&str>) -> Server {
        Server {
            id: id.into(),
            status: status.into(),
            task_state: task.map(str::to_owned),
            metadata: [(mark::HOST.to_owned(), "web-1".to_owned())].into(),
            ..Server::default()
        }
    }

    #[test]
    fn the_server_that_runs_is_the_hosts() {
        let all = [
            server("a", "SOFT_DELETED", None),
            server("b", "ACTIVE", Some("deleting")),
            server("c", "BUILD", Some("spawning")),
            server("d", "ACTIVE", None),
        ];
        assert_eq!(of_host(&all, "web-1").map(|server| server.id.as_str()), Some("d"));
        assert_eq!(of_host(&all[..3], "web-1").map(|server| server.id.as_str()), Some("c"));
        assert_eq!(of_host(&all[..1], "web-1"), None);
        assert_eq!(of_host(&all, "web-2"), None);
    }

    #[test]
    fn a_server_that_is_about_to_go_does_not_run() {
        assert!(is_running(&server("a", "ACTIVE", None)) && is_running(&server("a", "REBOOT", None)));
        for (status, task) in [
            ("ACTIVE", Some("deleting")),
            ("SHUTOFF", None),
            ("ERROR", None),
            ("BUILD", None),
        ] {
            assert!(!is_running(&server("a", status, task)), "{status}");
        }
    }
}
