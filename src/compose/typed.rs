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

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;

use super::findings::Findings;
use super::model::{Project, Service};
use super::paths::Base;
use super::places::Places;
use super::tree::Node;
use super::{hosts, output};

/// What the tree does not say about the project.
pub struct Frame<'a> {
    pub name: String,
    pub directory: std::path::PathBuf,
    pub files: Vec<std::path::PathBuf>,
    pub variables: &'a BTreeMap<String, String>,
}

/// Makes the project of its finished tree. What the language allows and nothing here can run goes to `unusable`.
pub fn project(tree: Arc<Node>, frame: Frame<'_>, findings: &mut Findings, unusable: &mut Findings) -> Project {
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
    let extensions = read::extensions(&tree, &["x-hosts", "x-pool", "x-openstack"]);
    Project {
        services,
        disabled: Vec::new(),
        networks: networks.collect(),
        volumes: volumes.collect(),
        configs: objects("configs"),
        secrets: objects("secrets"),
        hosts: hosts::groups(&tree, frame.variables, &frame.directory, findings),
        pool: hosts::pool(&tree, &frame.name, findings),
        openstack: hosts::openstack(&tree, frame.variables, &frame.directory, findings),
        hosts_part: output::hosts_part(&tree),
        canonical: output::Canonical::new(Arc::clone(&tree)),
        extensions,
        places: Places::of(tree),
        name: frame.name,
        directory: frame.directory,
        files: frame.files,
    }
}
