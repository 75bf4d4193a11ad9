//! What the cloud has for a pool, asked in as few calls as its size allows: lists, and never one call for each server.

use futures_util::future::{try_join, try_join3};

use super::error::CloudError;
use super::mark;
use super::observed::{Observed, Server, read};
use super::request::{Request, Service};
use super::session::Session;
use super::wish::{NetworkWish, RouterWish, Wish};

/// The pool's servers, whatever became of them.
pub async fn servers(session: &Session, pool: &str) -> Result<Vec<Server>, CloudError> {
    let request = Request::get(Service::Compute, "servers/detail", "list servers").query("tags", mark::of_pool(pool));
    list(session, &request, "servers").await
}

/// The shared things of the pool, beside `servers`. `making`: also what only matters where servers are to be made.
pub async fn shared(
    session: &Session,
    wish: &Wish,
    servers: Vec<Server>,
    making: bool,
) -> Result<Observed, CloudError> {
    let mark = mark::of_pool(&wish.pool);
    let project = session.project_id();
    let networks = Request::get(Service::Network, "networks", "list networks");
    let mut groups = Request::get(Service::Network, "security-groups", "list security groups");
    if let Some(project) = &project {
        // An operator of the cloud sees everybody's.
        groups = groups.query("project_id", project);
    }
    let marked = |path: &'static str, action: &'static str| {
        Request::get(Service::Network, path, action).query("description", mark.clone())
    };
    let (networks, security_groups) = try_join(
        list(session, &networks, "networks"),
        list(session, &groups, "security_groups"),
    )
    .await?;
    let mut there = Observed {
        networks,
        security_groups,
        servers,
        ..Observed::default()
    };
    if let NetworkWish::Made { router, .. } = &wish.network {
        let subnets = marked("subnets", "list subnets");
        let routers = match router {
            RouterWish::Existing(_) => Request::get(Service::Network, "routers", "list routers"),
            _ => marked("routers", "list routers"),
        };
        let ports = match super::difference::own_network(wish, &there) {
            // The router's own port carries no mark; everything on the pool's own network is the pool's.
            Some(network) => Request::get(Service::Network, "ports", "list ports").query("network_id", &network.id),
            None => marked("ports", "list ports"),
        };
        (there.subnets, there.routers, there.ports) = try_join3(
            list(session, &subnets, "subnets"),
            list(session, &routers, "routers"),
            list(session, &ports, "ports"),
        )
        .await?;
    } else if making {
        let network = super::difference::network_of(wish, &there)?
            .map(|network| network.id.clone())
            .unwrap_or_default();
        let subnets = Request::get(Service::Network, "subnets", "list subnets").query("network_id", network);
        there.subnets = list(session, &subnets, "subnets").await?;
        there.ports = list(session, &marked("ports", "list ports"), "ports").await?;
    }
    if making {
        let keypairs = Request::get(Service::Compute, "os-keypairs", "list keypairs");
        let groups = Request::get(Service::Compute, "os-server-groups", "list server groups");
        let addresses = marked("floatingips", "list floating IPs");
        let (addresses, keypairs, server_groups) = try_join3(
            list(session, &addresses, "floatingips"),
            session.list(&keypairs, "keypairs"),
            list(session, &groups, "server_groups"),
        )
        .await?;
        there.floating_ips = addresses;
        there.server_groups = server_groups;
        there.keypairs = keypairs
            .iter()
            .filter_map(|item| item["keypair"]["name"].as_str().map(str::to_owned))
            .collect();
    }
    Ok(there)
}

/// A list as plain data.
pub async fn list<T: for<'a> serde::Deserialize<'a>>(
    session: &Session,
    request: &Request,
    key: &str,
) -> Result<Vec<T>, CloudError> {
    read(session.list(request, key).await?).map_err(|error| CloudError::Answer {
        action: request.action.clone(),
        reason: error.to_string(),
    })
}
