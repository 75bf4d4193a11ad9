//! Networks, subnets, routers, ports and floating addresses of a server become `network` and `floating_ip`.

use serde_yaml::{Mapping, Value as Yaml};

use crate::import::draft::{At, at};

use super::functions::{Found, Value};
use super::servers::Settings;
use super::translator::{Properties, Translator};
use super::types;

/// Where a server's address is: its networks, its security groups, its floating address.
pub fn of_server(
    translator: &mut Translator<'_>,
    server: &str,
    properties: &mut Properties,
    settings: &mut Settings,
    group: &str,
) {
    let here = at(["x-hosts", group]);
    let mut guards = properties.take("security_groups").map(Found::items).unwrap_or_default();
    let mut ways: Vec<String> = vec![server.to_owned()];
    let networks = properties.take("networks").map(Found::items).unwrap_or_default();
    for (number, network) in networks.into_iter().enumerate() {
        let Value::Map(mut map) = network.value else { continue };
        let mut take = |key: &str| map.shift_remove(key).map(|(_, found)| found);
        let mut named = take("network").or(take("uuid"));
        let (port, floating, subnet) = (take("port"), take("floating_ip"), take("subnet"));
        if let Some(port) = port.as_ref().and_then(Found::resource).map(str::to_owned) {
            let mut opened = translator.open(&port);
            named = opened.either("network", "network_id").or(named);
            guards.extend(opened.take("security_groups").map(Found::items).unwrap_or_default());
            translator.leftover(&here, &port, opened);
            translator.stands_for.insert(port.clone(), group.to_owned());
            ways.push(port);
        } else if let Some(port) = port {
            let shown = translator.shown(&port);
            translator.draft.lost_with(
                here.clone(),
                "port",
                Some(&shown),
                "Hoist makes its hosts' ports",
                &port.place,
            );
        }
        if let Some(floating) = floating {
            floating_address(translator, &floating, settings, group);
        }
        if named.is_none() {
            named = subnet.as_ref().and_then(|subnet| network_of(translator, subnet));
        }
        if let Some(named) = named {
            let value = network_value(translator, &named, &here);
            if number == 0 {
                settings.extend(value.map(|value| ("network", value)));
            } else {
                let shown = translator.shown(&named);
                let why = "a host of Hoist is in one network";
                translator
                    .draft
                    .lost_with(here.clone(), "a second network", Some(&shown), why, &named.place);
            }
        }
        for (key, (place, found)) in map {
            let shown = translator.shown(&found);
            let why = "hosts get their addresses from the subnet";
            translator
                .draft
                .lost_with(here.clone(), &format!("networks.{key}"), Some(&shown), why, &place);
        }
    }
    floating_by_association(translator, &ways, settings, group);
    security_groups(translator, guards, settings, &here);
}

/// The network of a subnet of the template.
fn network_of(translator: &mut Translator<'_>, subnet: &Found) -> Option<Found> {
    let name = subnet.resource()?.to_owned();
    (translator.template.resources.get(&name)?.kind == types::SUBNET).then_some(())?;
    translator.open(&name).either("network", "network_id")
}

/// A network that the template makes with all that belongs to it, or the name of one that exists.
fn network_value(translator: &mut Translator<'_>, named: &Found, here: &At) -> Option<Yaml> {
    let made = named.resource().map(str::to_owned).filter(|name| {
        translator
            .template
            .resources
            .get(name)
            .is_some_and(|resource| resource.kind == types::NET)
    });
    let Some(net) = made else {
        return translator.text(named, here).map(Yaml::from);
    };
    let here = at(["x-openstack", "network"]);
    let mut value = Mapping::new();
    let mut opened = translator.open(&net);
    let name = opened.take("name").and_then(|name| translator.text(&name, &here));
    value.insert(Yaml::from("name"), Yaml::from(name.unwrap_or_else(|| net.clone())));
    translator.leftover(&here, &net, opened);
    let mut joined = Vec::new();
    for subnet in translator.of_type(types::SUBNET) {
        let of = translator
            .peek(&subnet, "network")
            .or_else(|| translator.peek(&subnet, "network_id"));
        if of.as_ref().and_then(Found::resource) != Some(net.as_str()) {
            continue;
        }
        let mut opened = translator.open(&subnet);
        opened.either("network", "network_id");
        let cidr = opened.take("cidr").and_then(|cidr| translator.text(&cidr, &here));
        let dns = opened
            .take("dns_nameservers")
            .map(|dns| translator.texts(dns, &here))
            .unwrap_or_default();
        if value.contains_key("cidr") {
            let place = translator.template.resources[&subnet].place.clone();
            let why = "Hoist makes one subnet in a network";
            translator
                .draft
                .lost_with(here.clone(), "a second subnet", cidr.as_deref(), why, &place);
        } else {
            value.extend(cidr.map(|cidr| (Yaml::from("cidr"), Yaml::from(cidr))));
            if !dns.is_empty() {
                value.insert(Yaml::from("dns"), dns.into_iter().map(Yaml::from).collect());
            }
        }
        translator.leftover(&here, &subnet, opened);
        joined.push(subnet);
    }
    for router in routers(translator, &joined, &here) {
        if let Some(external) = gateway(translator, &router, &here) {
            let router = Mapping::from_iter([(Yaml::from("external"), Yaml::from(external))]);
            value.insert(Yaml::from("router"), Yaml::Mapping(router));
        }
    }
    Some(Yaml::Mapping(value))
}

/// The routers that interfaces join to the subnets.
fn routers(translator: &mut Translator<'_>, subnets: &[String], here: &At) -> Vec<Found> {
    let mut routers = Vec::new();
    for interface in translator.of_type(types::ROUTER_INTERFACE) {
        let mut opened = translator.open(&interface);
        let subnet = opened.either("subnet", "subnet_id");
        let router = opened.either("router", "router_id");
        let ours = subnet
            .as_ref()
            .and_then(Found::resource)
            .is_some_and(|name| subnets.iter().any(|own| own == name));
        translator.leftover(here, &interface, opened);
        if let (true, Some(router)) = (ours, &router) {
            routers.push(router.clone());
        } else if let Some(subnet) = subnet {
            let shown = translator.shown(&subnet);
            let why = "Hoist joins a router to the network that it makes";
            translator.draft.lost_with(
                here.clone(),
                &format!("subnet of {interface}"),
                Some(&shown),
                why,
                &subnet.place,
            );
        }
    }
    routers
}

/// The external network of a router.
fn gateway(translator: &mut Translator<'_>, router: &Found, here: &At) -> Option<String> {
    let Some(name) = router.resource().map(str::to_owned) else {
        let shown = translator.shown(router);
        let why = "Hoist makes the router of a network that it makes";
        translator
            .draft
            .lost_with(here.clone(), "router", Some(&shown), why, &router.place);
        return None;
    };
    let mut opened = translator.open(&name);
    let mut external = None;
    if let Some(info) = opened.take("external_gateway_info")
        && let Value::Map(map) = info.value
    {
        for (key, (place, found)) in map {
            if key == "network" {
                external = translator.text(&found, here);
            } else if !(key == "enable_snat" && found.literal().as_deref() == Some("true")) {
                let shown = translator.shown(&found);
                let what = format!("external_gateway_info.{key}");
                translator.draft.lost_with(
                    here.clone(),
                    &what,
                    Some(&shown),
                    "Hoist leaves it to the cloud",
                    &place,
                );
            }
        }
    }
    translator.leftover(here, &name, opened);
    for gateway in translator.of_type(types::ROUTER_GATEWAY) {
        let mut opened = translator.open(&gateway);
        if opened.take("router_id").as_ref().and_then(Found::resource) == Some(name.as_str())
            && external.is_none()
            && let Some(network) = opened.either("network", "network_id")
        {
            external = translator.text(&network, here);
        }
        translator.leftover(here, &gateway, opened);
    }
    external
}

fn floating_address(translator: &mut Translator<'_>, floating: &Found, settings: &mut Settings, group: &str) {
    let here = at(["x-hosts", group]);
    let Some(name) = floating.resource().map(str::to_owned) else {
        let shown = translator.shown(floating);
        let why = "Hoist makes its hosts' floating addresses: `floating_ip` names the external network";
        translator
            .draft
            .lost_with(here, "floating_ip", Some(&shown), why, &floating.place);
        return;
    };
    let mut opened = translator.open(&name);
    let network = opened.either("floating_network", "floating_network_id");
    let network = network.or_else(|| {
        if opened.is("OS::Nova::FloatingIP") {
            opened.take("pool")
        } else {
            None
        }
    });
    // Where it names nothing of the template, it is told.
    if let Some(port) = opened.take("port_id")
        && port.resource().is_none()
    {
        opened.put_back("port_id", port);
    }
    let network = network.and_then(|network| translator.text(&network, &here));
    settings.extend(network.map(|network| ("floating_ip", Yaml::from(network))));
    translator.leftover(&here, &name, opened);
    translator.stands_for.insert(name, group.to_owned());
}

/// Addresses that name the server's port, and associations that name both.
fn floating_by_association(translator: &mut Translator<'_>, ways: &[String], settings: &mut Settings, group: &str) {
    let ours = |found: Option<Found>| {
        let named = found.as_ref().and_then(Found::resource).map(str::to_owned);
        named.is_some_and(|named| ways.contains(&named))
    };
    for name in translator.of_type(types::FLOATING_IP) {
        if ours(translator.peek(&name, "port_id")) {
            let place = translator.template.resources[&name].place.clone();
            floating_address(translator, &Found::named(&name, &place), settings, group);
        }
    }
    for (kind, whose, address) in [
        (types::FLOATING_IP_ASSOCIATION, "port_id", "floatingip_id"),
        ("OS::Nova::FloatingIPAssociation", "server_id", "floating_ip"),
    ] {
        for name in translator.of_type(kind) {
            if ours(translator.peek(&name, whose)) {
                let mut opened = translator.open(&name);
                opened.take(whose);
                if let Some(found) = opened.take(address) {
                    floating_address(translator, &found, settings, group);
                }
                translator.leftover(&at(["x-hosts", group]), &name, opened);
            }
        }
    }
}

/// Groups of the template become rules later; others are named.
fn security_groups(translator: &mut Translator<'_>, guards: Vec<Found>, settings: &mut Settings, here: &At) {
    let mut others = Vec::new();
    for guard in guards {
        let made = guard
            .resource()
            .map(str::to_owned)
            .or_else(|| named_group(translator, &guard));
        match made {
            Some(name) => {
                translator.guards.insert(name);
            }
            None => others.extend(translator.text(&guard, here)),
        }
    }
    if !others.is_empty() {
        settings.insert("security_groups", others.into_iter().map(Yaml::from).collect());
    }
}

/// A security group of the template by the name that it gets.
fn named_group(translator: &mut Translator<'_>, guard: &Found) -> Option<String> {
    let wanted = guard.pieces()?;
    let groups = translator.of_type(types::SECURITY_GROUP);
    groups
        .into_iter()
        .find(|name| translator.peek(name, "name").and_then(|found| found.pieces()).as_ref() == Some(&wanted))
}
