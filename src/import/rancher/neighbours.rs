//! Other services by name: links, services that are only a name, services outside, services of other stacks.

use docker_compose_types::{ComposeNetwork, Networks};

use crate::compose::tree::Node;
use crate::import::draft::Draft;
use crate::import::links::Links;

use super::affinity::varies;
use super::stack::{Keys, Role, Stack, place_of};
use super::values;

/// `links`, `external_links` and `depends_on` of a service.
pub fn links(keys: &mut Keys, stack: &mut Stack, name: &str, links: &mut Links, draft: &mut Draft) {
    if let Some(node) = keys.take("links") {
        for (text, item) in items(&node) {
            let (to, alias) = text.split_once(':').unwrap_or((text.as_str(), text.as_str()));
            match stack.role(to) {
                _ if to.is_empty() || varies(to) => {
                    let why = "no answer says which service it is";
                    draft.lost_with(place_of(name), "links", Some(&text), why, &item.place);
                }
                _ if !stack.labels.contains_key(to) => {
                    let hint = crate::import::did_you_mean(to, stack.labels.keys().map(String::as_str));
                    draft.error(format!("no service `{to}` to link to"), &item.place, hint);
                }
                Role::Normal => links.link(name, to, alias),
                // Their names are given to everybody.
                Role::Alias | Role::External if alias == to => {}
                _ => {
                    let why = format!("`{to}` is no service of the output");
                    draft.lost_with(place_of(name), "links", Some(&text), &why, &item.place);
                }
            }
        }
    }
    if let Some(node) = keys.take("depends_on") {
        let needed: Vec<(String, &Node)> = match node.as_map() {
            Some(mapping) => mapping
                .iter()
                .map(|(name, entry)| (name.clone(), &entry.value))
                .collect(),
            None => items(&node),
        };
        for (needed, item) in needed {
            match stack.role(&needed) {
                _ if varies(&needed) => {
                    let why = "no answer says which service it is";
                    draft.lost_with(place_of(name), "depends_on", Some(&needed), why, &item.place);
                }
                _ if !stack.labels.contains_key(&needed) => {
                    let hint = crate::import::did_you_mean(&needed, stack.labels.keys().map(String::as_str));
                    draft.error(format!("no service `{needed}` to depend on"), &item.place, hint);
                }
                Role::Normal => links.depend(name, &needed),
                // Names alone do not start.
                Role::Alias | Role::External => {}
                _ => {
                    let why = format!("`{needed}` is no service of the output");
                    draft.lost_with(place_of(name), "depends_on", Some(&needed), &why, &item.place);
                }
            }
        }
    }
    if let Some(node) = keys.take("external_links") {
        for (text, item) in items(&node) {
            other_stack(stack, name, &text, item, draft);
        }
    }
}

fn items(node: &Node) -> Vec<(String, &Node)> {
    match node.as_list() {
        Some(list) => list
            .iter()
            .flat_map(|item| values::texts(item, ':').into_iter().map(move |t| (t, item)))
            .collect(),
        None => values::texts(node, ':').into_iter().map(|text| (text, node)).collect(),
    }
}

/// `stack/service:alias`: the service joins the other project's network, where the other service has its name.
fn other_stack(known: &mut Stack, name: &str, text: &str, item: &Node, draft: &mut Draft) {
    let (target, alias) = text.split_once(':').unwrap_or((text, text));
    let Some((stack, service)) = target.split_once('/') else {
        let why = "it names no stack: join the network of the project that has it";
        return draft.lost_with(place_of(name), "external_links", Some(text), why, &item.place);
    };
    if draft.service(name).network_mode.is_some() {
        let why = "the service has a network mode of its own";
        return draft.lost_with(place_of(name), "external_links", Some(text), why, &item.place);
    }
    let called = format!("{stack}_default");
    let network = known.key("networks", &called);
    if network != called {
        draft.network(&network).name = Some(called);
    }
    draft.network(&network).external = Some(ComposeNetwork::Bool(true));
    if let Networks::Simple(names) = &mut draft.service(name).networks {
        if names.is_empty() {
            names.push("default".to_owned());
        }
        if !names.contains(&network) {
            names.push(network);
        }
    }
    if alias != service && alias != target {
        let why = format!("on the other project's network it is called `{service}`");
        draft.lost_with(place_of(name), "external_links", Some(text), &why, &item.place);
    }
}

/// A service that is only a name: those that it links to answer to it.
pub fn alias(stack: &mut Stack, name: &str, links: &mut Links, draft: &mut Draft) {
    let Some(mut keys) = stack.services.shift_remove(name) else {
        return;
    };
    keys.take("image");
    keys.take("scale");
    for target in keys.take("links").iter().flat_map(|node| values::texts(node, ':')) {
        let target = target.split(':').next().unwrap_or_default();
        if stack.role(target) == Role::Normal && stack.labels.contains_key(target) {
            links.alias(target, name);
        } else {
            draft.lost_with(
                Vec::new(),
                &format!("links of {name}"),
                Some(target),
                "it is no service of the output",
                &keys.place,
            );
        }
    }
    if let Some(node) = keys.take("external_links") {
        let shown = values::shown(&node);
        let why = "a name for a service of another project is given there";
        draft.lost_with(
            Vec::new(),
            &format!("external_links of {name}"),
            Some(&shown),
            why,
            &node.place,
        );
    }
    keys.leftover(&Vec::new(), name, draft);
}

/// A service outside: everybody finds its addresses under its name.
pub fn external(stack: &mut Stack, name: &str, draft: &mut Draft) {
    let Some(mut keys) = stack.services.shift_remove(name) else {
        return;
    };
    keys.take("image");
    keys.take("scale");
    let addresses = keys
        .take("external_ips")
        .map(|node| values::texts(&node, ':'))
        .unwrap_or_default();
    let services: Vec<String> = draft.compose.services.0.keys().cloned().collect();
    for service in &services {
        for address in &addresses {
            let line = format!("{name}:{address}");
            let hosts = &mut draft.service(service).extra_hosts;
            if !hosts.contains(&line) {
                hosts.push(line);
            }
        }
    }
    if let Some(node) = keys.take("rancher:hostname") {
        let shown = values::shown(&node);
        let why = "a name for another name has no counterpart: use the other name";
        draft.lost_with(
            Vec::new(),
            &format!("hostname of {name}"),
            Some(&shown),
            why,
            &node.place,
        );
    }
    if let Some(node) = keys.take("health_check") {
        let shown = values::shown(&node);
        let why = "what is outside is not checked";
        draft.lost_with(
            Vec::new(),
            &format!("health_check of {name}"),
            Some(&shown),
            why,
            &node.place,
        );
    }
    keys.leftover(&Vec::new(), name, draft);
}
