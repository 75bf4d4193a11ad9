//! What a pool's hosts share, brought to what the file says: network, router, security group, keys, server groups.
//!
//! Knows how each change is said to the cloud. Which changes there are is [`super::difference`]'s to say.

use futures_util::{TryStreamExt, stream};
use serde_json::{Value, json};

use super::difference::{
    CloudChange, external_network, network_of, own_network, own_router, own_security_group, own_subnet,
};
use super::error::CloudError;
use super::made::{FLOATING_IP, Maker, NETWORK, PORT, ROUTER, RULE, SECURITY_GROUP, SUBNET, fields, id};
use super::mark;
use super::observed::{Observed, SecurityGroup};
use super::request::{Request, Service, TRIES};
use super::rules::{self, Rule, Source};
use super::wish::{NetworkWish, RouterWish, Wish, named};
use crate::compose::model::CloudName;

/// Rules that are asked for at once.
const RULES_AT_ONCE: usize = 4;

/// The ids of what hosts share, as far as it is there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shared {
    pub network: Option<String>,
    subnet: Option<String>,
    router: Option<String>,
    pub security_group: Option<String>,
}

impl Shared {
    /// What is there before anything is changed.
    ///
    /// # Errors
    ///
    /// What the file names is not there.
    pub fn of(wish: &Wish, there: &Observed) -> Result<Shared, CloudError> {
        let subnet = own_network(wish, there).and_then(|network| own_subnet(wish, there, network));
        let router = match &wish.network {
            NetworkWish::Made {
                router: RouterWish::Existing(wanted),
                ..
            } => Some(named(&there.routers, wanted, "router", |router| {
                (&router.id, &router.name)
            })?),
            _ => own_router(wish, there),
        };
        Ok(Shared {
            network: network_of(wish, there)?.map(|network| network.id.clone()),
            subnet: subnet.map(|subnet| subnet.id.clone()),
            router: router.map(|router| router.id.clone()),
            security_group: own_security_group(wish, there).map(|group| group.id.clone()),
        })
    }
}

/// Carries changes out.
///
/// # Errors
///
/// The first that fails; the next run goes on from there.
pub async fn apply(
    maker: &Maker,
    wish: &Wish,
    there: &Observed,
    changes: &[CloudChange],
) -> Result<Shared, CloudError> {
    let mut shared = Shared::of(wish, there)?;
    let is_rule = |change: &&CloudChange| matches!(change, CloudChange::OpenPort(_) | CloudChange::ClosePort { .. });
    let (rules, others): (Vec<&CloudChange>, Vec<&CloudChange>) = changes.iter().partition(is_rule);
    for change in others {
        one(maker, there, change, &mut shared).await?;
    }
    let group = shared.security_group.clone().unwrap_or_default();
    stream::iter(rules.into_iter().map(Ok))
        .try_for_each_concurrent(RULES_AT_ONCE, |change| rule(maker, wish, &group, change))
        .await?;
    Ok(shared)
}

/// Sets tags that an interrupted run did not come to set; asks nothing where all are there.
///
/// # Errors
///
/// What the cloud says.
pub async fn tag_rest(maker: &Maker, there: &Observed) -> Result<(), CloudError> {
    maker.tag_rest(NETWORK, &there.networks).await?;
    maker.tag_rest(SUBNET, &there.subnets).await?;
    maker.tag_rest(ROUTER, &there.routers).await?;
    maker.tag_rest(PORT, &there.ports).await?;
    maker.tag_rest(SECURITY_GROUP, &there.security_groups).await?;
    maker.tag_rest(FLOATING_IP, &there.floating_ips).await
}

async fn one(maker: &Maker, there: &Observed, change: &CloudChange, shared: &mut Shared) -> Result<(), CloudError> {
    match change {
        CloudChange::MakeNetwork { name } => {
            let body = fields(json!({"name": name, "admin_state_up": true}));
            let made = maker.make(NETWORK, name, body, &[("name", name.clone())]).await?;
            shared.network = Some(id(&made, "make network")?.to_owned());
        }
        CloudChange::MakeSubnet { name, cidr, dns } => {
            let network = shared.network.clone().unwrap_or_default();
            let version = if cidr.contains(':') { 6 } else { 4 };
            let mut body = fields(json!({
                "name": name, "network_id": network, "cidr": cidr, "ip_version": version,
                "dns_nameservers": dns, "enable_dhcp": true,
            }));
            if version == 6 {
                // Addresses that Neutron chooses and hosts find out by themselves.
                body.insert("ipv6_ra_mode".into(), "slaac".into());
                body.insert("ipv6_address_mode".into(), "slaac".into());
            }
            let made = maker.make(SUBNET, name, body, &[("network_id", network)]).await?;
            shared.subnet = Some(id(&made, "make subnet")?.to_owned());
        }
        CloudChange::ChangeNameservers { id, name, dns } => {
            let body = json!({"subnet": {"dns_nameservers": dns}});
            let action = format!("change subnet `{name}`");
            let request = Request::put(Service::Network, format!("subnets/{id}"), body, action);
            maker.session.call(&request).await?;
        }
        CloudChange::MakeRouter { name, external } => {
            let external = external_network(there, external.as_ref())?;
            let body = fields(json!({"name": name, "external_gateway_info": {"network_id": external.id}}));
            let made = maker.make(ROUTER, name, body, &[("name", name.clone())]).await?;
            shared.router = Some(id(&made, "make router")?.to_owned());
        }
        CloudChange::ConnectRouter { name } => connect_router(maker, name, shared).await?,
        CloudChange::MakeSecurityGroup { name } => {
            let made = maker
                .make(
                    SECURITY_GROUP,
                    name,
                    fields(json!({"name": name})),
                    &[("name", name.clone())],
                )
                .await?;
            shared.security_group = Some(id(&made, "make security group")?.to_owned());
        }
        // Rules come last, and what belongs to hosts comes with them.
        _ => {}
    }
    Ok(())
}

/// Gives the router a port on the subnet. The port is made first: one that Neutron makes by itself carries no mark.
async fn connect_router(maker: &Maker, name: &str, shared: &Shared) -> Result<(), CloudError> {
    let action = format!("connect router `{name}`");
    let subnet = shared.subnet.clone().unwrap_or_default();
    let request = Request::get(Service::Network, format!("subnets/{subnet}"), action.clone());
    let gateway = maker.session.call(&request).await?["subnet"]["gateway_ip"].clone();
    let port_name = mark::router_port(&maker.pool);
    let body = fields(json!({
        "name": port_name, "network_id": shared.network, "security_groups": [],
        "fixed_ips": [{"subnet_id": subnet, "ip_address": gateway}],
    }));
    let port = maker
        .make(PORT, &port_name, body, &[("name", port_name.clone())])
        .await?;
    let router = shared.router.clone().unwrap_or_default();
    let path = format!("routers/{router}/add_router_interface");
    let body = json!({"port_id": id(&port, &action)?});
    match maker
        .session
        .call(&Request::put(Service::Network, path, body, action))
        .await
    {
        // A call that arrived although its answer did not, or another run.
        Err(CloudError::Refused {
            status: 400 | 409,
            message,
            ..
        }) if message.contains("already") => Ok(()),
        other => other.map(drop),
    }
}

async fn rule(maker: &Maker, wish: &Wish, group: &str, change: &CloudChange) -> Result<(), CloudError> {
    match change {
        CloudChange::OpenPort(rule) => open(maker, &wish.pool, group, rule).await,
        CloudChange::ClosePort { id, .. } => maker.remove(RULE, id).await,
        _ => Ok(()),
    }
}

async fn open(maker: &Maker, pool: &str, group: &str, rule: &Rule) -> Result<(), CloudError> {
    let description = match &rule.project {
        None => mark::of_pool(pool),
        Some(project) => mark::of_project(pool, project),
    };
    let mut body = fields(json!({
        "security_group_id": group, "direction": "ingress", "ethertype": rule.ether_type,
        "protocol": rule.protocol, "description": description,
    }));
    if let Some(port) = rule.port {
        body.insert("port_range_min".into(), port.into());
        body.insert("port_range_max".into(), port.into());
    }
    match &rule.from {
        Source::Prefix(prefix) => body.insert("remote_ip_prefix".into(), prefix.to_string().into()),
        Source::Pool => body.insert("remote_group_id".into(), group.into()),
    };
    let request = Request::post(
        Service::Network,
        RULE.path,
        json!({RULE.one: body}),
        format!("open {rule}"),
    );
    // Neutron itself refuses a second rule of the same, so a call that got lost can simply be sent again.
    let mut tries = 0;
    loop {
        tries += 1;
        match maker.session.call(&request).await {
            Err(error) if error.status() == Some(409) && !is_quota(&error) => return Ok(()),
            Err(CloudError::NoAnswer { .. }) if tries < TRIES => {}
            other => return other.map(drop),
        }
    }
}

fn is_quota(error: &CloudError) -> bool {
    error.to_string().to_lowercase().contains("quota")
}

/// Imports the operator's public key under this name.
///
/// # Errors
///
/// What the cloud says.
pub async fn import_key(maker: &Maker, name: &str, public_key: &str) -> Result<(), CloudError> {
    let action = format!("import keypair `{name}`");
    let body = json!({"keypair": {"name": name, "public_key": public_key, "type": "ssh"}});
    let find = || async {
        let request = Request::get(Service::Compute, "os-keypairs", action.clone());
        let all = maker.session.list(&request, "keypairs").await?;
        Ok(all.into_iter().find(|item| item["keypair"]["name"] == name))
    };
    let request = Request::post(Service::Compute, "os-keypairs", body, action.clone());
    maker.session.create(&request, find).await.map(drop)
}

/// Makes a server group, and gives its id.
///
/// # Errors
///
/// What the cloud says.
pub async fn server_group(maker: &Maker, name: &str, policy: &str) -> Result<String, CloudError> {
    let action = format!("make server group `{name}`");
    let body = json!({"server_group": {"name": name, "policy": policy}});
    let find = || async {
        let request = Request::get(Service::Compute, "os-server-groups", action.clone());
        let all = maker.session.list(&request, "server_groups").await?;
        Ok(all.into_iter().find(|item| item["name"] == name))
    };
    let request = Request::post(Service::Compute, "os-server-groups", body, action.clone());
    let made = maker.session.create(&request, find).await?;
    let made = made.get("server_group").unwrap_or(&made);
    Ok(id(made, &action)?.to_owned())
}

/// Closes what is open for one project of the pool.
///
/// # Errors
///
/// What the cloud says.
pub async fn withdraw(maker: &Maker, groups: &[SecurityGroup], project: &str) -> Result<usize, CloudError> {
    let own = groups.iter().filter(|group| mark::is_of_pool(*group, &maker.pool));
    let rules: Vec<String> = own
        .flat_map(|group| rules::of_project(group, &maker.pool, project))
        .map(|(id, _)| id)
        .collect();
    for rule in &rules {
        maker.remove(RULE, rule).await?;
    }
    Ok(rules.len())
}

/// The floating IP of a host, at its port.
///
/// # Errors
///
/// What the cloud says.
pub async fn floating_ip(
    maker: &Maker,
    there: &Observed,
    host: &str,
    port: &str,
    external: &CloudName,
) -> Result<(), CloudError> {
    if there
        .floating_ips
        .iter()
        .any(|address| address.port_id.as_deref() == Some(port))
    {
        return Ok(());
    }
    let external = external_network(there, Some(external))?;
    let body = fields(json!({"floating_network_id": external.id, "port_id": port}));
    let made: Result<Value, CloudError> = maker
        .make(FLOATING_IP, host, body, &[("port_id", port.to_owned())])
        .await;
    made.map(drop)
}
