//! One service: the keys of `docker-compose.yml`, each to its place in the current specification.

use docker_compose_types::{
    AdvancedBuildStep, BuildArgs, BuildStep, Command, Entrypoint, Environment, Group, LoggingParameters, Networks,
    Ports, Secrets, SingleValue, StringOrList, StringOrUnsigned, SysCtls, Tmpfs, Ulimit,
};
use indexmap::IndexMap;
use serde_yaml::{Mapping, Value as Yaml};

use crate::compose::tree::{Node, Value};
use crate::import::draft::{Draft, at};
use crate::import::links::Links;

use super::stack::{Keys, Stack, place_of};
use super::{health, labels, mounts, neighbours, scale, shared, values};

/// Translates all that is said of a normal service.
pub fn translate(stack: &mut Stack, name: &str, links: &mut Links, draft: &mut Draft) {
    let Some(mut keys) = stack.services.shift_remove(name) else {
        return;
    };
    for key in keys.names() {
        let Some(node) = keys.take(&key) else { continue };
        if !plain(draft, name, &key, &node) && !special(draft, stack, name, &key, &node) {
            keys.put_back(&key, node);
        }
    }
    build(&mut keys, name, draft);
    logging(&mut keys, name, draft);
    block_io(&mut keys, name, draft);
    mounts::driver(&mut keys, name, draft);
    labels::translate(&mut keys, stack, name, links, draft);
    scale::translate(&mut keys, name, draft);
    health::translate(&mut keys, name, draft);
    neighbours::links(&mut keys, stack, name, links, draft);
    super::balancer::selected(&mut keys, stack, name, draft);
    keys.leftover(&place_of(name), name, draft);
}

/// Keys whose value goes over as it is.
fn plain(draft: &mut Draft, name: &str, key: &str, node: &Node) -> bool {
    if matches!(key, "privileged" | "read_only" | "stdin_open" | "tty" | "init") {
        return flag(draft, name, key, node);
    }
    let service = draft.service(name);
    let field = match key {
        "image" => &mut service.image,
        "container_name" => &mut service.container_name,
        "hostname" => &mut service.hostname,
        "domainname" => &mut service.domainname,
        "user" => &mut service.user,
        "working_dir" => &mut service.working_dir,
        "restart" => &mut service.restart,
        "stop_signal" => &mut service.stop_signal,
        "cgroup_parent" => &mut service.cgroup_parent,
        "mem_limit" => &mut service.mem_limit,
        "mem_reservation" => &mut service.mem_reservation,
        "shm_size" => &mut service.shm_size,
        _ => return list(draft, name, key, node) || unknown_to_the_types(draft, name, key, node),
    };
    *field = values::text(node);
    field.is_some()
}

fn list(draft: &mut Draft, name: &str, key: &str, node: &Node) -> bool {
    let service = draft.service(name);
    let field = match key {
        "cap_add" => &mut service.cap_add,
        "cap_drop" => &mut service.cap_drop,
        "devices" => &mut service.devices,
        "dns" => &mut service.dns,
        "dns_opt" => &mut service.dns_opt,
        "expose" => &mut service.expose,
        "extra_hosts" => &mut service.extra_hosts,
        "security_opt" => &mut service.security_opt,
        _ => return false,
    };
    field.extend(values::texts(node, ':'));
    true
}

fn flag(draft: &mut Draft, name: &str, key: &str, node: &Node) -> bool {
    if values::text(node).is_none() {
        return false;
    }
    let Some(known) = values::flag(node) else {
        let value = values::number(node);
        draft.beyond(at(["services", name, key]), value);
        return true;
    };
    let service = draft.service(name);
    match key {
        "privileged" => service.privileged = known,
        "read_only" => service.read_only = known,
        "stdin_open" => service.stdin_open = known,
        "tty" => service.tty = known,
        _ => service.init = known,
    }
    true
}

/// Keys of the specification that `docker-compose-types` rejects: see [`Draft::beyond`].
fn unknown_to_the_types(draft: &mut Draft, name: &str, key: &str, node: &Node) -> bool {
    let value = match key {
        "cpuset" | "isolation" | "mac_address" | "memswap_limit" | "uts" => match values::text(node) {
            Some(text) => Yaml::from(text),
            None => return false,
        },
        "cpu_shares" | "cpu_quota" | "cpu_period" | "oom_score_adj" | "mem_swappiness" => values::number(node),
        "oom_kill_disable" => values::flag(node).map_or_else(|| values::number(node), Yaml::from),
        "dns_search" => values::texts(node, ':').into_iter().map(Yaml::from).collect(),
        _ => return false,
    };
    draft.beyond(at(["services", name, key]), value);
    true
}

/// Keys whose form changed.
fn special(draft: &mut Draft, stack: &mut Stack, name: &str, key: &str, node: &Node) -> bool {
    match key {
        "command" => {
            let command = match &node.value {
                Value::List(_) => Some(Command::Args(values::texts(node, '='))),
                _ => values::text(node).map(Command::Simple),
            };
            draft.service(name).command = command;
        }
        "entrypoint" => {
            let entrypoint = match &node.value {
                Value::List(_) => Some(Entrypoint::List(values::texts(node, '='))),
                _ => values::text(node).map(Entrypoint::Simple),
            };
            draft.service(name).entrypoint = entrypoint;
        }
        "environment" => draft.service(name).environment = environment(node),
        "env_file" => draft.service(name).env_file = Some(StringOrList::List(values::texts(node, ':'))),
        "ports" => draft.service(name).ports = Ports::Short(values::texts(node, ':')),
        "tmpfs" => draft.service(name).tmpfs = Some(Tmpfs::List(values::texts(node, ':'))),
        "group_add" => {
            draft.service(name).group_add = values::texts(node, ':').into_iter().map(Group::Named).collect();
        }
        "sysctls" => {
            let value = |text: String| Some(SingleValue::String(text));
            let map = values::pairs(node)
                .into_iter()
                .map(|(key, text)| (key, value(text)))
                .collect();
            draft.service(name).sysctls = SysCtls::Map(map);
        }
        "ulimits" => return ulimits(draft, name, node),
        "extends" => shared::extends(draft, stack, name, node),
        "volumes" => mounts::translate(draft, stack, name, node),
        "volumes_from" => shared::volumes_from(draft, stack, name, node),
        "net" | "network_mode" => return shared::network_mode(draft, stack, name, key, node),
        "pid" | "ipc" => return shared::namespace(draft, stack, name, key, node),
        "networks" => networks(draft, stack, name, node),
        "secrets" => return secrets(draft, stack, name, node),
        _ => return false,
    }
    true
}

fn environment(node: &Node) -> Environment {
    let Some(mapping) = node.as_map() else {
        return Environment::List(values::texts(node, '='));
    };
    let value = |node: &Node| node.scalar_text().map(SingleValue::String);
    Environment::KvPair(
        mapping
            .iter()
            .map(|(key, entry)| (key.clone(), value(&entry.value)))
            .collect(),
    )
}

fn ulimits(draft: &mut Draft, name: &str, node: &Node) -> bool {
    let Some(mapping) = node.as_map() else { return false };
    let limit = |node: &Node| match values::number(node) {
        Yaml::Number(number) => number.as_i64().map(StringOrUnsigned::Unsigned),
        Yaml::String(text) => Some(StringOrUnsigned::String(text)),
        _ => None,
    };
    let mut limits = IndexMap::new();
    for (key, entry) in mapping {
        let part = |part: &str| entry.value.get(part).and_then(limit);
        let value = match (part("soft"), part("hard")) {
            (Some(soft), Some(hard)) => Some(Ulimit::SoftHard { soft, hard }),
            _ => limit(&entry.value).map(Ulimit::Single),
        };
        match value {
            Some(value) => {
                limits.insert(key.clone(), value);
            }
            None => draft.error(
                format!("`{key}` is a number, or has `soft` and `hard`"),
                &entry.value.place,
                None,
            ),
        }
    }
    draft.service(name).ulimits.0 = limits;
    true
}

fn networks(draft: &mut Draft, stack: &mut Stack, name: &str, node: &Node) {
    let Some(mapping) = node.as_map() else {
        let names = values::texts(node, ':');
        let names = names.iter().filter(|name| !name.is_empty());
        let names = names.map(|network| network_key(draft, stack, network)).collect();
        draft.service(name).networks = Networks::Simple(names);
        return;
    };
    let mut long = Mapping::new();
    for (network, entry) in mapping {
        let key = network_key(draft, stack, network);
        long.insert(Yaml::from(key.as_str()), values::yaml(&entry.value));
        if let Networks::Simple(names) = &mut draft.service(name).networks {
            names.push(key);
        }
    }
    if mapping.values().any(|entry| !entry.value.is_null()) {
        draft.beyond(at(["services", name, "networks"]), Yaml::Mapping(long));
    }
}

/// The key of a network: one with a variable in its name is declared under a key of its own.
fn network_key(draft: &mut Draft, stack: &mut Stack, text: &str) -> String {
    let key = stack.key("networks", text);
    if key != text {
        draft.network(&key).name.get_or_insert_with(|| text.to_owned());
    }
    key
}

fn secrets(draft: &mut Draft, stack: &mut Stack, name: &str, node: &Node) -> bool {
    let Some(list) = node.as_list() else { return false };
    if list.iter().all(|item| item.as_text().is_some()) {
        let names = values::texts(node, ':');
        let names = names.iter().map(|secret| stack.key("secrets", secret)).collect();
        draft.service(name).secrets = Some(Secrets::Simple(names));
        return true;
    }
    // Short and long forms side by side are not in the types.
    let mut form = |item: &Node| match item.as_text() {
        Some(source) => Yaml::from(stack.key("secrets", source)),
        None => {
            let mut map = Mapping::new();
            for (key, entry) in item.as_map().into_iter().flatten() {
                let Some(mut text) = entry.value.scalar_text() else {
                    continue;
                };
                if key == "source" {
                    text = stack.key("secrets", &text);
                }
                map.insert(Yaml::from(key.as_str()), Yaml::from(text));
            }
            Yaml::Mapping(map)
        }
    };
    let secrets: Yaml = list.iter().map(&mut form).collect();
    draft.beyond(at(["services", name, "secrets"]), secrets);
    true
}

fn build(keys: &mut Keys, name: &str, draft: &mut Draft) {
    if keys.get("build").is_none() {
        return;
    }
    let dockerfile = keys.scalar("dockerfile");
    let Some(node) = keys.take("build") else { return };
    let part = |key: &str| node.get(key).and_then(values::text);
    let step = match node.as_text() {
        Some(context) if dockerfile.is_none() => BuildStep::Simple(context.to_owned()),
        context => BuildStep::Advanced(AdvancedBuildStep {
            context: context
                .map(str::to_owned)
                .or_else(|| part("context"))
                .unwrap_or_else(|| ".".to_owned()),
            dockerfile: dockerfile.or_else(|| part("dockerfile")),
            args: node.get("args").map(|args| BuildArgs::KvPair(values::pairs(args))),
            ..AdvancedBuildStep::default()
        }),
    };
    for (key, entry) in node.as_map().into_iter().flatten() {
        if !["context", "dockerfile", "args"].contains(&key.as_str()) {
            let what = format!("build.{key}");
            draft.lost_with(
                place_of(name),
                &what,
                Some(&values::shown(&entry.value)),
                "it has no counterpart",
                &entry.key,
            );
        }
    }
    draft.service(name).build_ = Some(step);
}

fn logging(keys: &mut Keys, name: &str, draft: &mut Draft) {
    let (driver, options) = (keys.scalar("log_driver"), keys.take("log_opt"));
    let whole = keys.take("logging");
    let part = |key: &str| whole.as_ref().and_then(|node| node.get(key)).cloned();
    let driver = driver.or_else(|| values::text(&part("driver")?));
    let options = options.or_else(|| part("options")).map(|node| values::pairs(&node));
    if driver.is_some() || options.is_some() {
        let value = |(key, text)| (key, SingleValue::String(text));
        let options = options.map(|options| options.into_iter().map(value).collect());
        draft.service(name).logging = Some(LoggingParameters { driver, options });
    }
}

fn block_io(keys: &mut Keys, name: &str, draft: &mut Draft) {
    let at = |key: &str| at(["services", name, "blkio_config", key]);
    if let Some(node) = keys.take("blkio_weight") {
        draft.beyond(at("weight"), values::number(&node));
    }
    for (key, to, amount) in [
        ("blkio_weight_device", "weight_device", "weight"),
        ("device_read_bps", "device_read_bps", "rate"),
        ("device_read_iops", "device_read_iops", "rate"),
        ("device_write_bps", "device_write_bps", "rate"),
        ("device_write_iops", "device_write_iops", "rate"),
    ] {
        let Some(node) = keys.take(key) else { continue };
        let device = |text: String| {
            let (path, value) = text
                .split_once(':')
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
                .unwrap_or((text, String::new()));
            let value = value.parse::<i64>().map_or_else(|_| Yaml::from(value), Yaml::from);
            Mapping::from_iter([(Yaml::from("path"), Yaml::from(path)), (Yaml::from(amount), value)])
        };
        let devices: Yaml = values::texts(&node, ':')
            .into_iter()
            .map(device)
            .map(Yaml::Mapping)
            .collect();
        draft.beyond(at(to), devices);
    }
}
