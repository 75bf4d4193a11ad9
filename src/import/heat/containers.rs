//! `DockerInc::Docker::Container` becomes a service.

use docker_compose_types::{Command, Environment, Ports, SingleValue, Volumes};
use indexmap::IndexMap;
use serde_yaml::Value as Yaml;

use crate::compose::source::Place;
use crate::import::draft::{At, at};
use crate::import::links::Links;

use super::functions::{Found, Value};
use super::ports::{self, Binding, Published};
use super::render::Flag;
use super::translator::{Properties, Role, Translator, Unit};
use super::types;

/// A container whose place and bindings were read, before any text that may name them.
struct Placed {
    name: String,
    unit: Unit,
    bindings: Vec<Binding>,
}

/// Translates all containers.
pub fn translate(translator: &mut Translator<'_>) {
    let mut placed = Vec::new();
    for mut unit in translator.units(types::CONTAINER) {
        let Some(Role::Service(name)) = translator.roles.get(&unit.resource).cloned() else {
            continue;
        };
        let here = at(["services", &name]);
        translator.draft.service(&name);
        let group = endpoint(translator, &mut unit.properties, &name);
        let bindings = match unit.properties.take("port_bindings") {
            Some(found) => ports::bindings(translator, &found, &here),
            None => Vec::new(),
        };
        for binding in &bindings {
            translator.published.push(Published {
                group: group.clone(),
                host: binding.host.clone().unwrap_or_default(),
                service: name.clone(),
                container: binding.container.clone(),
            });
        }
        placed.push(Placed { name, unit, bindings });
    }
    // How containers may be called: by their resource, by their own name.
    let mut called: IndexMap<String, String> = IndexMap::new();
    for one in &placed {
        called.insert(one.unit.resource.clone(), one.name.clone());
        if let Some(name) = translator
            .peek(&one.unit.resource, "name")
            .and_then(|found| found.literal())
        {
            called.insert(name, one.name.clone());
        }
    }
    let mut links = Links::default();
    for one in placed {
        service(translator, one, &called, &mut links);
    }
    links.write(translator.draft);
}

/// The group whose hosts the container runs on, and the constraint that says so.
fn endpoint(translator: &mut Translator<'_>, properties: &mut Properties, service: &str) -> Option<String> {
    let found = properties.take("docker_endpoint")?;
    let here = at(["services", service]);
    let group = match found.resource().and_then(|resource| translator.group_of(resource)) {
        Some(group) => group,
        None => match found.literal().as_deref().and_then(host_of) {
            Some(host) => existing_host(translator, &host),
            None => {
                let shown = translator.shown(&found);
                let why = "it names no server of the template: say with a constraint where the service runs";
                translator
                    .draft
                    .lost_with(here, "docker_endpoint", Some(&shown), why, &found.place);
                return None;
            }
        },
    };
    if translator.shown(&found).contains(":2375") {
        let why = "Hoist opens the Docker API with mutual TLS on port 2376, not without";
        translator.draft.lost(
            at(["x-hosts", &group]),
            "docker_endpoint with port 2375",
            why,
            &found.place,
        );
    }
    let deploy = translator.draft.service(service).deploy.get_or_insert_default();
    let placement = deploy.placement.get_or_insert_default();
    placement.constraints.push(format!("node.labels.group == {group}"));
    Some(group)
}

/// `tcp://10.0.0.5:2375` names the host 10.0.0.5.
fn host_of(endpoint: &str) -> Option<String> {
    let (_, rest) = endpoint.split_once("://")?;
    let host = rest.split('/').next()?.rsplit_once(':').map_or(rest, |(host, _)| host);
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    (!host.is_empty() && host.chars().all(fits) && host != "localhost" && !host.starts_with("127."))
        .then(|| host.to_owned())
}

/// A machine that exists already becomes a group of one SSH host.
fn existing_host(translator: &mut Translator<'_>, host: &str) -> String {
    let group = format!("host-{}", host.to_lowercase().replace('.', "-"));
    let path = |key: &str| at(["x-hosts", &group, key]);
    let label = serde_yaml::Mapping::from_iter([(Yaml::from("group"), Yaml::from(group.as_str()))]);
    let known = translator.draft.beyond.iter().any(|(at, _)| *at == path("ssh"));
    if !known {
        translator.draft.beyond(path("labels"), Yaml::Mapping(label));
        translator
            .draft
            .beyond(path("ssh"), Yaml::Sequence(vec![Yaml::from(host)]));
        translator
            .draft
            .say(path("ssh"), "A machine that exists already: Hoist reaches it over SSH.");
    }
    group
}

fn service(translator: &mut Translator<'_>, one: Placed, called: &IndexMap<String, String>, links: &mut Links) {
    let Placed { name, unit, bindings } = one;
    let here = at(["services", &name]);
    let mut properties = unit.properties;
    if let Some(count) = unit.count
        && let Some(count) = translator.number(&count, &here)
    {
        match count.as_i64() {
            Some(count) => translator.draft.service(&name).deploy.get_or_insert_default().replicas = Some(count),
            None => translator
                .draft
                .beyond(at(["services", &name, "deploy", "replicas"]), count),
        }
    }
    texts(translator, &mut properties, &name, &here);
    flags(translator, &mut properties, &name, &here);
    command_and_environment(translator, &mut properties, &name, &here);
    all_ports(translator, &mut properties, bindings, &name, &here);
    limits(translator, &mut properties, &name, &here);
    restart(translator, &mut properties, &name, &here);
    volumes(translator, &mut properties, called, &name, &here);
    devices(translator, &mut properties, &name, &here);
    linked(translator, &mut properties, called, &name, &here, links);
    depends(translator, &unit.resource, &name, links);
    let own_name = properties.take("name");
    if let Some(own_name) = own_name.as_ref().and_then(|found| translator.text(found, &here)) {
        if own_name != name && !own_name.contains('$') {
            links.alias(&name, &own_name);
        }
        translator.draft.service(&name).container_name = Some(own_name);
    }
    translator.leftover(&here, &name, properties);
}

fn texts(translator: &mut Translator<'_>, properties: &mut Properties, name: &str, here: &At) {
    let mut text = |property: &str| {
        let found = properties.take(property)?;
        translator.text(&found, here).filter(|text| !text.is_empty())
    };
    let (image, hostname, user, cpus) = (text("image"), text("hostname"), text("user"), text("cpu_set"));
    let service = translator.draft.service(name);
    (service.image, service.hostname, service.user) = (image, hostname, user);
    if let Some(cpus) = cpus {
        translator
            .draft
            .beyond(at(["services", name, "cpuset"]), Yaml::from(cpus));
    }
    for property in ["dns", "cap_add", "cap_drop"] {
        let Some(found) = properties.take(property) else {
            continue;
        };
        let texts = translator.texts(found, here);
        let service = translator.draft.service(name);
        match property {
            "dns" => service.dns = texts,
            "cap_add" => service.cap_add = texts,
            _ => service.cap_drop = texts,
        }
    }
}

fn flags(translator: &mut Translator<'_>, properties: &mut Properties, name: &str, here: &At) {
    for (property, key) in [
        ("privileged", "privileged"),
        ("tty", "tty"),
        ("open_stdin", "stdin_open"),
        ("read_only", "read_only"),
    ] {
        let Some(found) = properties.take(property) else {
            continue;
        };
        let Some(flag) = translator.flag(&found, here) else {
            continue;
        };
        let known = match flag {
            Flag::Variable(text) => {
                translator.draft.beyond(at(["services", name, key]), Yaml::from(text));
                continue;
            }
            Flag::Known(known) => known,
        };
        let service = translator.draft.service(name);
        match key {
            "privileged" => service.privileged = known,
            "tty" => service.tty = known,
            "stdin_open" => service.stdin_open = known,
            _ => service.read_only = known,
        }
    }
}

fn command_and_environment(translator: &mut Translator<'_>, properties: &mut Properties, name: &str, here: &At) {
    if let Some(found) = properties.take("cmd") {
        let command = match &found.value {
            Value::List(_) => Some(Command::Args(translator.texts(found, here))),
            _ => translator.text(&found, here).map(Command::Simple),
        };
        translator.draft.service(name).command =
            command.filter(|command| !matches!(command, Command::Args(words) if words.is_empty()));
    }
    let Some(found) = properties.take("env") else { return };
    let mut pairs = IndexMap::new();
    for item in found.items() {
        let Some(text) = translator.text(&item, here) else {
            continue;
        };
        match text.split_once('=') {
            Some((key, value)) => {
                pairs.insert(key.to_owned(), Some(SingleValue::String(value.to_owned())));
            }
            None => {
                let why = "it takes the variable out of the image, which Compose cannot";
                translator
                    .draft
                    .lost_with(here.clone(), "env", Some(&text), why, &item.place);
            }
        }
    }
    translator.draft.service(name).environment = Environment::KvPair(pairs);
}

fn all_ports(
    translator: &mut Translator<'_>,
    properties: &mut Properties,
    bindings: Vec<Binding>,
    name: &str,
    here: &At,
) {
    let bound: Vec<String> = bindings.iter().map(|binding| binding.container.clone()).collect();
    let long =
        bindings.iter().all(|binding| binding.long().is_some()) && bindings.iter().any(|one| one.host_ip.is_some());
    let service = translator.draft.service(name);
    service.ports = match long {
        true => Ports::Long(bindings.iter().filter_map(Binding::long).collect()),
        false => Ports::Short(bindings.iter().map(Binding::short).collect()),
    };
    let Some(found) = properties.take("port_specs") else {
        return;
    };
    let mut more = Vec::new();
    for text in translator.texts(found, here) {
        match text.contains(':') {
            true => more.push(text),
            false => {
                let (port, protocol) = ports::split(&text);
                if !bound.contains(&port) {
                    let protocol = protocol.map(|protocol| format!("/{protocol}")).unwrap_or_default();
                    translator.draft.service(name).expose.push(format!("{port}{protocol}"));
                }
            }
        }
    }
    let service = translator.draft.service(name);
    if let (Ports::Short(short), false) = (&mut service.ports, more.is_empty()) {
        short.extend(more);
    } else if !more.is_empty() {
        let short = bindings.iter().map(Binding::short).chain(more).collect();
        service.ports = Ports::Short(short);
    }
}

fn limits(translator: &mut Translator<'_>, properties: &mut Properties, name: &str, here: &At) {
    if let Some(found) = properties.take("memory")
        && let Some(memory) = translator.text(&found, here)
        && memory != "0"
    {
        translator.draft.service(name).mem_limit = Some(bytes(&memory));
    }
    if let Some(found) = properties.take("cpu_shares")
        && let Some(shares) = translator.number(&found, here)
        && shares.as_i64() != Some(0)
    {
        translator.draft.beyond(at(["services", name, "cpu_shares"]), shares);
    }
}

/// A number of bytes as people write it.
fn bytes(text: &str) -> String {
    let Ok(number) = text.parse::<u64>() else {
        return text.to_owned();
    };
    for (unit, size) in [("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10)] {
        if number > 0 && number % size == 0 {
            return format!("{}{unit}", number / size);
        }
    }
    text.to_owned()
}

fn restart(translator: &mut Translator<'_>, properties: &mut Properties, name: &str, here: &At) {
    let Some(found) = properties.take("restart_policy") else {
        return;
    };
    let Value::Map(map) = &found.value else {
        return properties.put_back("restart_policy", found);
    };
    for (key, (place, _)) in map {
        if key != "Name" && key != "MaximumRetryCount" {
            let hint = crate::import::did_you_mean(key, ["Name", "MaximumRetryCount"]);
            translator
                .draft
                .error(format!("`restart_policy` has no `{key}`"), place, hint);
        }
    }
    let mut take = |key: &str| map.get(key).and_then(|(_, found)| translator.text(found, here));
    let policy = take("Name").unwrap_or_else(|| "no".to_owned());
    let tries = take("MaximumRetryCount").filter(|tries| tries != "0" && policy == "on-failure");
    let policy = match tries {
        Some(tries) => format!("{policy}:{tries}"),
        None => policy,
    };
    translator.draft.service(name).restart = Some(policy);
}

fn volumes(
    translator: &mut Translator<'_>,
    properties: &mut Properties,
    called: &IndexMap<String, String>,
    name: &str,
    here: &At,
) {
    if let Some(found) = properties.take("volumes") {
        match &found.value {
            Value::Map(map) => {
                for (source, (place, target)) in map {
                    if let Some(mount) = mount(translator, source, place, target, here) {
                        translator.draft.service(name).volumes.push(Volumes::Simple(mount));
                    }
                }
            }
            _ => properties.put_back("volumes", found),
        }
    }
    let Some(found) = properties.take("volumes_from") else {
        return;
    };
    let texts = translator.texts(found, here);
    let sources = texts.into_iter().map(|text| {
        let (from, mode) = text
            .split_once(':')
            .map_or((text.as_str(), None), |(from, mode)| (from, Some(mode)));
        let from = match called.get(from) {
            Some(service) => service.clone(),
            None if called.values().any(|service| service == from) => from.to_owned(),
            None => format!("container:{from}"),
        };
        mode.map_or_else(|| from.clone(), |mode| format!("{from}:{mode}"))
    });
    translator.draft.service(name).volumes_from = sources.collect();
}

/// `{/host: /container}`, `{/host: {bind: /container, ro: true}}`, or `{/container: {}}`.
fn mount(translator: &mut Translator<'_>, source: &str, place: &Place, target: &Found, here: &At) -> Option<String> {
    let source = source.replace('$', "$$");
    if !source.starts_with(['/', '.', '~', '$']) {
        translator.draft.volume(&source);
    }
    let Value::Map(map) = &target.value else {
        return match &target.value {
            Value::Null => Some(source),
            _ => translator.text(target, here).map(|target| format!("{source}:{target}")),
        };
    };
    let mut take = |key: &str| map.get(key).and_then(|(_, found)| translator.text(found, here));
    let (bind, mode, read_only) = (take("bind"), take("mode"), take("ro"));
    for (key, (place, _)) in map {
        if !["bind", "mode", "ro"].contains(&key.as_str()) {
            translator
                .draft
                .lost(here.clone(), &format!("volumes.{key}"), "it has no counterpart", place);
        }
    }
    let Some(bind) = bind else {
        if !map.is_empty() {
            translator
                .draft
                .error("a mount needs `bind`: the path in the container", place, None);
        }
        return Some(source);
    };
    let mode = mode.or_else(|| (read_only.as_deref() == Some("true")).then(|| "ro".to_owned()));
    let mode = mode.map(|mode| format!(":{mode}")).unwrap_or_default();
    Some(format!("{source}:{bind}{mode}"))
}

fn devices(translator: &mut Translator<'_>, properties: &mut Properties, name: &str, here: &At) {
    let Some(found) = properties.take("devices") else {
        return;
    };
    const KEYS: [&str; 3] = ["path_on_host", "path_in_container", "permissions"];
    for item in found.items() {
        let Value::Map(map) = &item.value else {
            translator
                .draft
                .error("a device is a mapping with `path_on_host`", &item.place, None);
            continue;
        };
        for (key, (place, _)) in map.iter().filter(|(key, _)| !KEYS.contains(&key.as_str())) {
            let hint = crate::import::did_you_mean(key, KEYS);
            translator.draft.error(format!("a device has no `{key}`"), place, hint);
        }
        let mut take = |key: &str| map.get(key).and_then(|(_, found)| translator.text(found, here));
        let (host, inside, permissions) = (take(KEYS[0]), take(KEYS[1]), take(KEYS[2]));
        let Some(host) = host else {
            translator
                .draft
                .error("a device needs `path_on_host`", &item.place, None);
            continue;
        };
        let inside = inside.unwrap_or_else(|| host.clone());
        let permissions = permissions
            .map(|permissions| format!(":{permissions}"))
            .unwrap_or_default();
        translator
            .draft
            .service(name)
            .devices
            .push(format!("{host}:{inside}{permissions}"));
    }
}

/// `{container: alias}`: on a network, the container answers to the alias.
fn linked(
    translator: &mut Translator<'_>,
    properties: &mut Properties,
    called: &IndexMap<String, String>,
    name: &str,
    here: &At,
    links: &mut Links,
) {
    let Some(found) = properties.take("links") else { return };
    let Value::Map(map) = &found.value else {
        return properties.put_back("links", found);
    };
    for (target, (place, alias)) in map {
        let Some(alias) = translator.text(alias, here) else {
            continue;
        };
        match called.get(target) {
            Some(service) => links.link(name, service, &alias),
            None => {
                let why = "no container of the template has this name";
                translator
                    .draft
                    .lost_with(here.clone(), "links", Some(&format!("{target}: {alias}")), why, place);
            }
        }
    }
    let why = "links set variables such as DB_PORT, too: on a network there are names only";
    translator
        .draft
        .lost(at(["services", name, "depends_on"]), "links", why, &found.place);
}

/// Containers that are waited for, in words or because they are named.
fn depends(translator: &mut Translator<'_>, resource: &str, name: &str, links: &mut Links) {
    let template = translator.template;
    let Some(resource) = template.resources.get(resource) else {
        return;
    };
    for needed in super::graph::needed(template, resource) {
        if let Some(Role::Service(service)) = translator.roles.get(&needed) {
            links.depend(name, service);
        }
    }
}
