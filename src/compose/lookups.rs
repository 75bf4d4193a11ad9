//! Variables that a set of files names without a value: entries of `environment`, and the sources of secrets and
//! configs. An included file has variables of its own, so they are looked up before it joins the others.
//!
//! Never touches the mapping form of `environment`, which is completed on the whole project.

use std::collections::BTreeMap;

use super::tree::{Node, Put, Value};

/// Completes the entries of `environment` that are names only.
pub fn entries(project: &mut Node, variables: &BTreeMap<String, String>) {
    let services = project.get_mut("services").and_then(Node::as_map_mut);
    for service in services.into_iter().flat_map(|services| services.values_mut()) {
        let list = service.value.get_mut("environment").and_then(Node::as_list_mut);
        for item in list.into_iter().flatten() {
            if let Some(name) = item.as_text()
                && let Some(value) = variables.get(name)
            {
                item.value = Value::Text(format!("{name}={value}"));
            }
        }
    }
}

/// Gives the configs of an included set their content. As in the reference, which then finds two sources in them.
pub fn contents(project: &mut Node, variables: &BTreeMap<String, String>) {
    let configs = project.get_mut("configs").and_then(Node::as_map_mut);
    for config in configs.into_iter().flat_map(|configs| configs.values_mut()) {
        let name = config.value.get("environment").cloned();
        if let Some(name) = name
            && let Some(value) = name.as_text().and_then(|name| variables.get(name))
            && let Some(config) = config.value.as_map_mut()
        {
            config.put("content", Node::text(value, &name.place));
        }
    }
}

/// Keeps the variables that secrets are made of, for the project that the set is included in.
pub fn remember(project: &Node, variables: &BTreeMap<String, String>, outside: &mut BTreeMap<String, String>) {
    let secrets = project.get("secrets").and_then(Node::as_map);
    for secret in secrets.into_iter().flat_map(|secrets| secrets.values()) {
        if let Some(name) = secret.value.get("environment").and_then(Node::as_text)
            && let Some(value) = variables.get(name)
        {
            outside.entry(name.to_owned()).or_insert_with(|| value.clone());
        }
    }
}
