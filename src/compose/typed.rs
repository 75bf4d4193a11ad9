//! The last stage: the finished tree becomes the typed [`Project`].
//!
//! Knows the long form of each attribute and the model's type for it. Values that the schema could not
//! judge (`restart`, modes, counts) are judged here. What an earlier stage reported reads as absent.

mod affinity;
mod attached;
mod deploy;
mod hooks;
mod limits;
mod mounts;
mod read;
mod resources;
mod service;

use std::collections::{BTreeMap, HashMap, HashSet};

use indexmap::IndexMap;

use super::findings::Findings;
use super::model::{Project, Service};
use super::paths::Base;
use super::source::{Place, Places};
use super::tree::{Node, Value};
use super::{hosts, output};

/// What the tree does not say about the project.
pub struct Frame<'a> {
    pub name: String,
    pub directory: std::path::PathBuf,
    pub files: Vec<std::path::PathBuf>,
    pub variables: &'a BTreeMap<String, String>,
}

/// Makes the project of its finished tree. What the language allows and nothing here can run goes to `unusable`.
pub fn project(tree: &Node, frame: Frame<'_>, findings: &mut Findings, unusable: &mut Findings) -> Project {
    let base = Base {
        directory: &frame.directory,
        home: frame.variables.get("HOME").map(String::as_str),
    };
    let section = |key: &str| tree.get(key).and_then(Node::as_map).into_iter().flatten();
    let mut services: IndexMap<String, Service> = IndexMap::new();
    for (name, entry) in section("services") {
        services.insert(name.clone(), service::service(name, &entry.value, &base, unusable));
    }
    // The canonical form keeps optional dependencies on services that are not there; the project does not.
    let names: HashSet<String> = services.keys().cloned().collect();
    for service in services.values_mut() {
        service.depends_on.retain(|name, _| names.contains(name));
    }
    let networks = section("networks").map(|(key, entry)| (key.clone(), resources::network(&entry.value)));
    let volumes = section("volumes").map(|(key, entry)| (key.clone(), resources::volume(&entry.value)));
    let objects = |kind| {
        section(kind)
            .map(|(key, entry)| (key.clone(), resources::file_object(&entry.value, frame.variables)))
            .collect()
    };
    let extensions = read::extensions(tree, &["x-hosts", "x-pool", "x-openstack"]);
    Project {
        services,
        disabled: Vec::new(),
        networks: networks.collect(),
        volumes: volumes.collect(),
        configs: objects("configs"),
        secrets: objects("secrets"),
        hosts: hosts::groups(tree, frame.variables, &frame.directory, findings),
        pool: hosts::pool(tree, &frame.name, findings),
        openstack: hosts::openstack(tree, frame.variables, &frame.directory, findings),
        hosts_part: output::hosts_part(tree),
        canonical: output::Canonical::new(tree),
        extensions,
        places: places(tree),
        name: frame.name,
        directory: frame.directory,
        files: frame.files,
    }
}

/// Where each attribute stands: a scalar or an item by itself, a mapping or list by its key.
fn places(tree: &Node) -> Places {
    let mut places = HashMap::new();
    walk(tree, &mut String::new(), &mut places);
    Places(places)
}

fn walk(node: &Node, path: &mut String, places: &mut HashMap<String, Place>) {
    let length = path.len();
    match &node.value {
        Value::Map(mapping) => {
            for (key, entry) in mapping {
                push(path, key);
                let collection = matches!(entry.value.value, Value::Map(_) | Value::List(_) | Value::Null);
                let place = if collection { &entry.key } else { &entry.value.place };
                places.insert(path.clone(), place.clone());
                walk(&entry.value, path, places);
                path.truncate(length);
            }
        }
        Value::List(list) => {
            for (index, item) in list.iter().enumerate() {
                push(path, &index.to_string());
                places.insert(path.clone(), item.place.clone());
                walk(item, path, places);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

fn push(path: &mut String, part: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(part);
}
