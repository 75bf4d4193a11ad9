//! The merge stage: a later file over an earlier one (specification: *merge*).
//!
//! Both are in long form already, so there are few rules: mappings merge, lists append, scalars are
//! replaced; the exceptions stand in [`rule`] and [`identity`]. Never looks at values beyond what
//! makes an entry of a list the same as another.

use super::tree::{Mapping, Node, Tag, Value};

/// Lays `over` on `base`, honouring `!reset` and `!override`.
pub fn merge(base: &mut Node, over: Node) {
    merge_at(base, over, &mut Vec::new());
}

/// Takes the tags out of a tree that nothing lies under, and what they reset with them.
pub fn settle(node: &mut Node) {
    node.tag = None;
    match &mut node.value {
        Value::Map(mapping) => {
            mapping.retain(|_, entry| entry.value.tag != Some(Tag::Reset));
            mapping.values_mut().for_each(|entry| settle(&mut entry.value));
        }
        Value::List(list) => {
            list.retain(|item| item.tag != Some(Tag::Reset));
            list.iter_mut().for_each(settle);
        }
        _ => {}
    }
}

fn merge_at(base: &mut Node, mut over: Node, path: &mut Vec<String>) {
    if over.tag == Some(Tag::Override) || rule(path) == Rule::Replace {
        settle(&mut over);
        *base = over;
        return;
    }
    if rule(path) == Rule::Driver && driver(base).is_some() && driver(&over).is_some() && driver(base) != driver(&over)
    {
        settle(&mut over);
        *base = over;
        return;
    }
    match (&mut base.value, over.value) {
        (Value::Map(base), Value::Map(over)) => mappings(base, over, path),
        (Value::List(base), Value::List(over)) => base.extend(over.into_iter().filter_map(|mut item| {
            let stays = item.tag != Some(Tag::Reset);
            settle(&mut item);
            stays.then_some(item)
        })),
        (Value::Map(_) | Value::List(_), Value::Null) => {}
        (_, value) => {
            over.value = value;
            settle(&mut over);
            *base = over;
        }
    }
}

fn mappings(base: &mut Mapping, over: Mapping, path: &mut Vec<String>) {
    for (key, mut entry) in over {
        if entry.value.tag == Some(Tag::Reset) {
            base.shift_remove(&key);
            continue;
        }
        path.push(key);
        let key = path.last().map_or("", String::as_str);
        if base.contains_key(key) {
            let key = key.to_owned();
            if let Some(there) = base.get_mut(&key) {
                there.key = entry.key;
                merge_at(&mut there.value, entry.value, path);
            }
        } else {
            settle(&mut entry.value);
            base.insert(key.to_owned(), entry);
        }
        path.pop();
    }
}

#[derive(PartialEq, Eq)]
enum Rule {
    /// Mappings merge, lists append.
    Usual,
    Replace,
    /// Merges only with one of the same driver.
    Driver,
}

fn rule(path: &[String]) -> Rule {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path[..] {
        ["services", _, "command" | "entrypoint"] | ["services", _, "healthcheck", "test"] => Rule::Replace,
        ["services", _, "logging"] => Rule::Driver,
        ["x-hosts", _, "ssh"] => Rule::Replace,
        _ => Rule::Usual,
    }
}

fn driver(node: &Node) -> Option<&str> {
    node.get("driver")?.as_text()
}

/// Lets each entry that the specification calls the same be there once: the later one, in the earlier
/// one's position.
pub fn unify(project: &mut Node) {
    let services = project.get_mut("services").and_then(Node::as_map_mut);
    for service in services.into_iter().flat_map(|services| services.values_mut()) {
        let Some(mapping) = service.value.as_map_mut() else {
            continue;
        };
        for (key, entry) in mapping.iter_mut() {
            unify_list(&mut entry.value, key);
            let inner = entry.value.as_map_mut();
            for (inner_key, inner) in inner.into_iter().flat_map(|inner| inner.iter_mut()) {
                unify_list(&mut inner.value, &format!("{key}.{inner_key}"));
            }
        }
    }
    let networks = project.get_mut("networks").and_then(Node::as_map_mut);
    for network in networks.into_iter().flat_map(|networks| networks.values_mut()) {
        if let Some(pools) = network.value.get_mut("ipam").and_then(|ipam| ipam.get_mut("config")) {
            unify_list(pools, "ipam.config");
        }
    }
}

fn unify_list(node: &mut Node, key: &str) {
    let Some(list) = node.as_list_mut() else { return };
    let mut kept: Vec<(Option<String>, Node)> = Vec::new();
    for item in std::mem::take(list) {
        let identity = identity(key, &item);
        let same = kept
            .iter_mut()
            .find(|(known, _)| identity.is_some() && *known == identity);
        match same {
            Some((_, earlier)) if key == "ipam.config" => merge(earlier, item),
            Some((_, earlier)) => *earlier = item,
            None => kept.push((identity, item)),
        }
    }
    *list = kept.into_iter().map(|(_, item)| item).collect();
}

/// What makes an entry of a list the same as another; `None`: each stands for itself.
fn identity(key: &str, item: &Node) -> Option<String> {
    let part = |key: &str| item.get(key).and_then(Node::scalar_text);
    match key {
        "volumes" | "devices" => part("target"),
        "ports" => {
            let target = part("target")?;
            let host = part("host_ip").unwrap_or_else(|| "0.0.0.0".to_owned());
            let published = part("published").unwrap_or_default();
            let protocol = part("protocol").unwrap_or_default();
            Some(format!("{host}:{published}:{target}/{protocol}"))
        }
        "secrets" => part("target").or_else(|| part("source").map(|source| format!("/run/secrets/{source}"))),
        "configs" => part("target").or_else(|| part("source").map(|source| format!("/{source}"))),
        "env_file" => part("path"),
        "ipam.config" => part("subnet"),
        "tmpfs" => item
            .as_text()
            .map(|text| text.split(':').next().unwrap_or(text).to_owned()),
        "cap_add" | "cap_drop" | "dns" | "dns_opt" | "dns_search" | "expose" | "extra_hosts" | "links" | "profiles"
        | "build.tags" | "build.platforms" => {
            item.as_text().map(str::to_owned)
        }
        _ => None,
    }
}
