//! What a pool made, taken away again, each thing before what it needs.
//!
//! Found by its mark alone, so that half-made things and those of an older file go too.

use std::time::Duration;

use serde_json::json;

use super::error::CloudError;
use super::made::{FLOATING_IP, Kind, Maker, NETWORK, PORT, ROUTER, SECURITY_GROUP, SUBNET};
use super::mark;
use super::observed::{FloatingIp, Network, Port, Router, SecurityGroup, ServerGroup, Subnet};
use super::request::{Request, Service};
use super::servers;
use super::survey::list;
use super::watch::Watch;

/// How long a server may take to go.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Removes one host's server with all that belongs to it alone. `id` is the server's.
///
/// # Errors
///
/// What the cloud says.
pub async fn host(maker: &Maker, watch: &Watch, name: &str, id: &str) -> Result<(), CloudError> {
    let request = Request::delete(
        Service::Compute,
        format!("servers/{id}"),
        format!("remove server of `{name}`"),
    );
    maker.session.remove(&request).await?;
    servers::gone(maker, watch, name, TIMEOUT).await?;
    let port_name = mark::host_resource(&maker.pool, name);
    for port in marked::<Port>(maker, PORT)
        .await?
        .iter()
        .filter(|port| port.name == port_name)
    {
        for address in marked::<FloatingIp>(maker, FLOATING_IP).await? {
            if address.port_id.as_ref() == Some(&port.id) {
                maker.remove(FLOATING_IP, &address.id).await?;
            }
        }
        maker.remove(PORT, &port.id).await?;
    }
    Ok(())
}

/// Removes everything of the pool. Servers that an interrupted run left are among it. `groups` are the file's groups of
/// hosts: Nova's server groups carry no mark but their name.
///
/// # Errors
///
/// What the cloud says.
pub async fn pool<'a>(
    maker: &Maker,
    watch: &Watch,
    groups: impl Iterator<Item = &'a String>,
) -> Result<(), CloudError> {
    for server in super::survey::servers(&maker.session, &maker.pool).await? {
        if !servers::is_gone(&server) {
            servers::delete(maker, &server).await?;
            if let Some(host) = server.metadata.get(mark::HOST) {
                servers::gone(maker, watch, host, TIMEOUT).await?;
            }
        }
    }
    all::<FloatingIp>(maker, FLOATING_IP, |address| &address.id).await?;
    for port in marked::<Port>(maker, PORT).await? {
        // A router's own port goes when the router is taken off the network.
        if !port.device_owner.starts_with("network:") {
            maker.remove(PORT, &port.id).await?;
        }
    }
    for network in marked::<Network>(maker, NETWORK).await? {
        disconnect(maker, &network.id).await?;
    }
    all::<Router>(maker, ROUTER, |router| &router.id).await?;
    all::<Subnet>(maker, SUBNET, |subnet| &subnet.id).await?;
    all::<Network>(maker, NETWORK, |network| &network.id).await?;
    all::<SecurityGroup>(maker, SECURITY_GROUP, |group| &group.id).await?;
    server_groups(maker, groups).await?;
    keypairs(maker).await
}

async fn marked<T: for<'a> serde::Deserialize<'a>>(maker: &Maker, kind: Kind) -> Result<Vec<T>, CloudError> {
    let request = Request::get(Service::Network, kind.path, format!("list {}s", kind.words))
        .query("description", mark::of_pool(&maker.pool));
    list(&maker.session, &request, kind.many).await
}

async fn all<T: for<'a> serde::Deserialize<'a>>(
    maker: &Maker,
    kind: Kind,
    id: impl Fn(&T) -> &String,
) -> Result<(), CloudError> {
    for thing in marked::<T>(maker, kind).await? {
        maker.remove(kind, id(&thing)).await?;
    }
    Ok(())
}

/// Takes routers off a network of the pool, the pool's own and others.
async fn disconnect(maker: &Maker, network: &str) -> Result<(), CloudError> {
    let request = Request::get(Service::Network, "ports", "list ports").query("network_id", network);
    for port in list::<Port>(&maker.session, &request, "ports").await? {
        if !port.device_owner.starts_with("network:") || !port.device_owner.contains("router") {
            continue;
        }
        let request = Request::put(
            Service::Network,
            format!("routers/{}/remove_router_interface", port.device_id),
            json!({"port_id": port.id}),
            "take the router off the network",
        );
        match maker.session.call(&request).await {
            Err(error) if error.is_not_found() => {}
            other => drop(other?),
        }
    }
    Ok(())
}

async fn server_groups<'a>(maker: &Maker, groups: impl Iterator<Item = &'a String>) -> Result<(), CloudError> {
    let names: Vec<String> = groups
        .map(|group| mark::shared_resource(&maker.pool, Some(group)))
        .collect();
    let request = Request::get(Service::Compute, "os-server-groups", "list server groups");
    for group in list::<ServerGroup>(&maker.session, &request, "server_groups").await? {
        if names.contains(&group.name) {
            let path = format!("os-server-groups/{}", group.id);
            let request = Request::delete(Service::Compute, path, format!("remove server group `{}`", group.name));
            maker.session.remove(&request).await?;
        }
    }
    Ok(())
}

async fn keypairs(maker: &Maker) -> Result<(), CloudError> {
    let request = Request::get(Service::Compute, "os-keypairs", "list keypairs");
    for item in maker.session.list(&request, "keypairs").await? {
        let Some(name) = item["keypair"]["name"].as_str() else {
            continue;
        };
        if mark::is_keypair(&maker.pool, name) {
            let path = format!("os-keypairs/{name}");
            let request = Request::delete(Service::Compute, path, format!("remove keypair `{name}`"));
            maker.session.remove(&request).await?;
        }
    }
    Ok(())
}
