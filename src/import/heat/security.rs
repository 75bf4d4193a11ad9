//! Rules of security groups become `allow` (who may reach SSH and the Docker API) and `publish_to` (who may reach
//! published ports). All other ports are Hoist's: the cluster's among its hosts, a service's when it publishes one.

use serde_yaml::Value as Yaml;

use crate::compose::source::Place;
use crate::import::draft::at;

use super::functions::{Found, Value};
use super::translator::Translator;
use super::types;

/// SSH, and the Docker API without and with TLS.
const MANAGEMENT: [u16; 3] = [22, 2375, 2376];

const KEYS: [&str; 9] = [
    "direction",
    "ethertype",
    "port_range_min",
    "port_range_max",
    "protocol",
    "remote_mode",
    "remote_group_id",
    "remote_ip_prefix",
    "description",
];

#[derive(Default)]
struct Doors {
    allow: Vec<String>,
    publish_to: Vec<String>,
    /// SSH or the Docker API is open to everybody: where that is said.
    open: Option<Place>,
}

/// Translates the groups that servers are in.
pub fn translate(translator: &mut Translator<'_>) {
    let here = at(["x-openstack"]);
    let mut doors = Doors::default();
    for name in translator.guards.clone() {
        if translator
            .template
            .resources
            .get(&name)
            .is_none_or(|resource| resource.kind != types::SECURITY_GROUP)
        {
            continue;
        }
        let mut opened = translator.open(&name);
        for found in opened.take("rules").map(Found::items).unwrap_or_default() {
            rule(translator, found, &mut doors);
        }
        translator.leftover(&here, &name, opened);
    }
    for name in translator.of_type(types::SECURITY_GROUP_RULE) {
        let of = translator.peek(&name, "security_group");
        if !of
            .as_ref()
            .and_then(Found::resource)
            .is_some_and(|group| translator.guards.contains(group))
        {
            continue;
        }
        let mut opened = translator.open(&name);
        opened.take("security_group");
        let place = translator.template.resources[&name].place.clone();
        let mut map = indexmap::IndexMap::new();
        for key in KEYS
            .into_iter()
            .filter(|key| *key != "description")
            .chain(["remote_group"])
        {
            map.extend(
                opened
                    .take(key)
                    .map(|found| (key.to_owned(), (found.place.clone(), found))),
            );
        }
        // Of a rule as a resource, TCP is the default.
        let tcp = Found::text("tcp", &place);
        map.entry("protocol".to_owned()).or_insert((place.clone(), tcp));
        let value = Value::Map(map);
        rule(translator, Found { value, place }, &mut doors);
        translator.leftover(&here, &name, opened);
    }
    write(translator, doors);
}

fn rule(translator: &mut Translator<'_>, found: Found, doors: &mut Doors) {
    let here = at(["x-openstack"]);
    let shown = translator.shown(&found);
    let Value::Map(map) = &found.value else {
        return translator.draft.error("a rule must be a mapping", &found.place, None);
    };
    for (key, (place, _)) in map {
        if !KEYS.contains(&key.as_str()) && key != "remote_group" {
            let hint = crate::import::did_you_mean(key, KEYS);
            translator.draft.error(format!("a rule has no `{key}`"), place, hint);
        }
    }
    let literal = |key: &str| map.get(key).and_then(|(_, found)| found.literal());
    let mut lost = |why: &str| {
        translator
            .draft
            .lost_with(here.clone(), "security group rule", Some(&shown), why, &found.place);
    };
    if literal("direction").as_deref() == Some("egress") {
        return lost("Hoist's hosts may reach everything");
    }
    let group = |key: &str| {
        map.get(key)
            .is_some_and(|(_, found)| !matches!(found.value, Value::Null))
    };
    if group("remote_group") || group("remote_group_id") || literal("remote_mode").as_deref() == Some("remote_group_id")
    {
        return lost("the hosts of a pool reach each other on the cluster's ports");
    }
    if literal("protocol").is_some_and(|protocol| protocol.contains("icmp")) {
        return lost("Hoist opens no ICMP from outside");
    }
    let port = |key: &str, default: u16| match map.get(key) {
        Some((_, found)) => found.literal().and_then(|text| text.parse().ok()),
        None => Some(default),
    };
    let first = port("port_range_min", 1);
    let whole = if map.contains_key("port_range_min") {
        first.unwrap_or(1)
    } else {
        u16::MAX
    };
    let (Some(first), Some(last)) = (first, port("port_range_max", whole)) else {
        return lost("its ports are not known here");
    };
    if map.contains_key("description") {
        translator.draft.lost_with(
            here.clone(),
            "security group rule",
            Some(&shown),
            "rules get no description",
            &found.place,
        );
    }
    let prefix = match map.get("remote_ip_prefix") {
        Some((_, found)) => translator.text(found, &here),
        None if literal("ethertype").as_deref() == Some("IPv6") => Some("::/0".to_owned()),
        None => Some("0.0.0.0/0".to_owned()),
    };
    let Some(prefix) = prefix else { return };
    let within = |port: u16| (first..=last).contains(&port);
    let everybody = prefix == "0.0.0.0/0" || prefix == "::/0";
    let mut used = false;
    if MANAGEMENT.into_iter().any(within) {
        used = true;
        if everybody {
            doors.open.get_or_insert(found.place.clone());
        } else if !doors.allow.contains(&prefix) {
            doors.allow.push(prefix.clone());
        }
    }
    let published = translator
        .published
        .iter()
        .any(|one| one.host.parse().is_ok_and(within));
    if published {
        used = true;
        if !doors.publish_to.contains(&prefix) {
            doors.publish_to.push(prefix);
        }
    }
    if !used {
        let why = "Hoist opens a port when a service publishes it, and no service here does";
        translator
            .draft
            .lost_with(here, "security group rule", Some(&shown), why, &found.place);
    }
}

fn write(translator: &mut Translator<'_>, doors: Doors) {
    let here = at(["x-openstack", "allow"]);
    let list = |texts: Vec<String>| texts.into_iter().map(Yaml::from).collect::<Yaml>();
    let Doors {
        mut allow,
        publish_to,
        open,
    } = doors;
    if let Some(place) = open {
        let why = "whoever reaches these ports can try to become root on the hosts, so say whose they are: set ALLOW";
        translator
            .draft
            .lost(here, "SSH or the Docker API open to everybody", why, &place);
        if allow.is_empty() {
            allow.push("${ALLOW:?who may reach SSH and the Docker API, such as 203.0.113.0/24}".to_owned());
        }
    }
    if !allow.is_empty() {
        translator.openstack.insert("allow", list(allow));
    }
    if !publish_to.is_empty() {
        translator.openstack.insert("publish_to", list(publish_to));
    }
}
