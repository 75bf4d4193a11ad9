//! The two files of a stack as one: what `docker-compose.yml` says of a service, and what `rancher-compose.yml` adds.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use crate::compose::interpolate;
use crate::compose::source::{Diagnostic, Place};
use crate::compose::tree::{Entry, Mapping, Node};
use crate::import::did_you_mean;
use crate::import::draft::{At, Draft, at};

use super::answers::{self, Answers};
use super::balancer::Way;
use super::keys::{self, KEYS};
use super::{affinity, mounts, shared, values};

const EXTENSION: &str = "it extends a service that is none of the output";
const SIDEKICK: &str = "a sidekick goes with the service that it belongs to";

pub struct Stack {
    pub services: IndexMap<String, Keys>,
    roles: IndexMap<String, Role>,
    /// The labels of each service, for selectors.
    pub labels: IndexMap<String, IndexMap<String, String>>,
    /// Ports that a service says for balancers that select it.
    pub ways: IndexMap<String, Vec<Way>>,
    /// Services that say something for balancers that select them, and where.
    pub selectable: IndexMap<String, Place>,
    /// `volumes`, `networks` and `secrets` of the files.
    pub resources: IndexMap<&'static str, Vec<Node>>,
    /// Whether the file is of version 1, where named volumes are not declared.
    pub first_version: bool,
    /// Labels that rules of the scheduler refer to.
    pub wanted: BTreeSet<String>,
    /// The name of its container, of each service that gives it one.
    pub container_names: IndexMap<String, String>,
    /// Networks that Rancher's drivers made.
    pub networks_of_drivers: Vec<String>,
    /// Keys of resources whose names have variables: by section and name.
    keys: IndexMap<(&'static str, String), String>,
}

/// What a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Normal,
    /// `lb_config` with source ports.
    Balancer,
    /// The image of the older balancer.
    OldBalancer,
    /// A name for other services: `rancher/dns-service`.
    Alias,
    /// Addresses outside: `external_ips`, or `hostname` of the second file.
    External,
    /// No container at all: why.
    Other(&'static str),
}

/// What is said of one service, from which readers take what they translate.
pub struct Keys {
    pub place: Place,
    values: IndexMap<String, (Place, Node)>,
}

impl Keys {
    pub fn take(&mut self, name: &str) -> Option<Node> {
        let (_, node) = self.values.shift_remove(name)?;
        (!node.is_null()).then_some(node)
    }

    /// A scalar's text; what is no scalar stays, to be told.
    pub fn scalar(&mut self, name: &str) -> Option<String> {
        let text = self.get(name)?.scalar_text()?;
        self.values.shift_remove(name);
        Some(text)
    }

    pub fn get(&self, name: &str) -> Option<&Node> {
        self.values.get(name).map(|(_, node)| node)
    }

    pub fn put_back(&mut self, name: &str, node: Node) {
        self.values.insert(name.to_owned(), (node.place.clone(), node));
    }

    pub fn names(&self) -> Vec<String> {
        self.values.keys().cloned().collect()
    }

    /// Reports what nobody took.
    pub fn leftover(self, at: &At, owner: &str, draft: &mut Draft) {
        for (name, (place, node)) in self.values {
            let plain = name.strip_prefix(keys::SECOND).unwrap_or(&name);
            if keys::IMPLIED
                .iter()
                .any(|(key, value)| *key == plain && node.scalar_text().as_deref() == Some(value))
            {
                continue;
            }
            let why = KEYS
                .iter()
                .find(|(known, _)| *known == name)
                .map_or("it has no counterpart", |(_, why)| why);
            let what = format!("{plain} of {owner}");
            draft.lost_with(at.clone(), &what, Some(&values::shown(&node)), why, &place);
        }
    }
}

impl Stack {
    pub fn read(documents: &[Node], answers: &Answers, draft: &mut Draft) -> Option<Stack> {
        let mut documents = documents.to_vec();
        for document in &mut documents {
            answers.fill(document);
            for section in ["volumes", "networks", "secrets"] {
                document
                    .get_mut(section)
                    .into_iter()
                    .for_each(|node| answers.fill_names(node));
            }
        }
        let mut stack = Stack {
            services: IndexMap::new(),
            roles: IndexMap::new(),
            labels: IndexMap::new(),
            ways: IndexMap::new(),
            selectable: IndexMap::new(),
            resources: IndexMap::new(),
            first_version: documents.iter().all(|document| document.get("services").is_none()),
            wanted: BTreeSet::new(),
            container_names: IndexMap::new(),
            networks_of_drivers: Vec::new(),
            keys: IndexMap::new(),
        };
        // The file that has images is the first one, in whatever order they were named.
        let has_images = |node: &&Node| {
            let services = services_of(node).unwrap_or_default();
            services
                .values()
                .any(|entry| entry.value.get("image").or(entry.value.get("build")).is_some())
        };
        let (first, second): (Vec<&Node>, Vec<&Node>) = documents.iter().partition(has_images);
        if first.len() > 1 {
            let hint = "a stack is one `docker-compose.yml` and one `rancher-compose.yml`".to_owned();
            draft.error("a second file with images", &first[1].place, Some(hint));
        }
        for (document, adding) in first
            .into_iter()
            .map(|d| (d, false))
            .chain(second.into_iter().map(|d| (d, true)))
        {
            stack.read_document(document, adding, draft);
        }
        if stack.services.is_empty() {
            draft.error("the stack has no services", &documents.first()?.place, None);
            return None;
        }
        for (name, keys) in &stack.services {
            stack.roles.insert(name.clone(), role(keys));
            let labels = keys.get("labels").map(values::pairs).unwrap_or_default();
            stack.labels.insert(name.clone(), labels);
            let own = keys.get("container_name").and_then(values::text);
            stack.container_names.extend(own.map(|own| (name.clone(), own)));
            let made = keys
                .get("network_driver")
                .and_then(|node| node.get("default_network")?.get("name"));
            stack.networks_of_drivers.extend(made.and_then(values::text));
        }
        stack.drop_sidekicks(draft);
        stack.drop_extensions();
        stack.wanted = affinity::wanted(&stack.labels);
        for keys in stack.services.values() {
            for mount in keys
                .get("volumes")
                .map(|node| values::texts(node, ':'))
                .unwrap_or_default()
            {
                let source = mounts::parts(&mount).0;
                if !source.contains('$') {
                    stack.keys.insert(("volumes", source.to_owned()), source.to_owned());
                }
            }
        }
        for (section, nodes) in &stack.resources {
            for name in nodes.iter().filter_map(Node::as_map).flat_map(Mapping::keys) {
                if !name.contains('$') {
                    stack.keys.insert((section, name.clone()), name.clone());
                }
            }
        }
        Some(stack)
    }

    /// Sidekicks of a service that is no service of Compose are dropped with it, unless another has them, too.
    fn drop_sidekicks(&mut self, draft: &mut Draft) {
        let mut kept = BTreeSet::new();
        let mut dropped = Vec::new();
        for (primary, labels) in &self.labels {
            let sidekicks = labels
                .get("io.rancher.sidekicks")
                .map(String::as_str)
                .unwrap_or_default();
            for sidekick in sidekicks.split(',').map(str::trim) {
                match self.role(primary) {
                    Role::Other(_) => dropped.push((primary.clone(), sidekick.to_owned())),
                    _ => {
                        kept.insert(sidekick.to_owned());
                    }
                }
            }
        }
        for (primary, sidekick) in dropped {
            if kept.contains(&sidekick) || self.role(&sidekick) != Role::Normal {
                continue;
            }
            if let Some(keys) = self.services.get(&sidekick) {
                shared::dropped(&primary, &sidekick, &keys.place, draft);
                self.roles.insert(sidekick, Role::Other(SIDEKICK));
            }
        }
    }

    /// What has its image from a service that is dropped has none any more.
    fn drop_extensions(&mut self) {
        let bare = |keys: &Keys| keys.get("image").is_none() && keys.get("build").is_none();
        let from = |keys: &Keys| {
            let node = keys.get("extends").filter(|node| node.get("file").is_none())?;
            values::text(node).or_else(|| values::text(node.get("service")?))
        };
        let gone =
            |roles: &IndexMap<String, Role>, name: &str| roles.get(name).is_some_and(|role| *role != Role::Normal);
        while let Some(name) = self.services.iter().find_map(|(name, keys)| {
            let lost = bare(keys) && from(keys).is_some_and(|from| gone(&self.roles, &from));
            (lost && !gone(&self.roles, name)).then(|| name.clone())
        }) {
            self.roles.insert(name, Role::Other(EXTENSION));
        }
    }

    /// The key of a resource of this name: the name itself, unless it has a variable or another dollar sign.
    pub fn key(&mut self, section: &'static str, name: &str) -> String {
        if !name.contains('$') {
            return name.to_owned();
        }
        if let Some(key) = self.keys.get(&(section, name.to_owned())) {
            return key.clone();
        }
        let fits = |c: char| {
            if c.is_ascii_alphanumeric() || c == '_' || c == '.' {
                c
            } else {
                '-'
            }
        };
        let mut words = String::new();
        let mut rest = name;
        // Of a variable, its name alone.
        while let Some(dollar) = rest.find('$') {
            words.push_str(&rest[..dollar]);
            let form = &rest[dollar..];
            let length = answers::length(form);
            let expression = interpolate::expressions(&form[..length]);
            words.extend(expression.first().map(|expression| expression.name));
            rest = &form[length..];
        }
        words.push_str(rest);
        let base: String = words.chars().map(fits).collect();
        let base = base.trim_start_matches(['-', '_', '.']).to_owned();
        let taken = |key: &String| self.keys.iter().any(|((of, _), known)| *of == section && known == key);
        let mut key = base.clone();
        let mut number = 2;
        while key.is_empty() || taken(&key) {
            key = format!("{base}-{number}");
            number += 1;
        }
        self.keys.insert((section, name.to_owned()), key.clone());
        key
    }

    pub fn role(&self, service: &str) -> Role {
        self.roles.get(service).copied().unwrap_or(Role::Normal)
    }

    fn read_document(&mut self, document: &Node, adding: bool, draft: &mut Draft) {
        let Some(mapping) = document.as_map() else {
            return draft.error(
                format!("a stack must be a mapping, not {}", document.kind()),
                &document.place,
                None,
            );
        };
        let newer = document.get("services").is_some();
        for (name, entry) in mapping.iter().filter(|_| newer) {
            match name.as_str() {
                "version" | "services" => {}
                "volumes" => self.resources.entry("volumes").or_default().push(entry.value.clone()),
                "networks" => self.resources.entry("networks").or_default().push(entry.value.clone()),
                "secrets" => self.resources.entry("secrets").or_default().push(entry.value.clone()),
                "catalog" | ".catalog" => {}
                "hosts" | "dependencies" | "kubernetes" | "stacks" => {
                    let why = "it belongs to Rancher's catalogue and its hosts";
                    draft.lost_with(Vec::new(), name, Some(&values::shown(&entry.value)), why, &entry.key);
                }
                _ => {
                    let known = ["version", "services", "volumes", "networks", "secrets", "catalog"];
                    draft.error(
                        format!("unknown section `{name}`"),
                        &entry.key,
                        did_you_mean(name, known),
                    );
                }
            }
        }
        for name in [".catalog", "catalog"] {
            if let Some(entry) = mapping.get(name) {
                catalogue(name, entry, draft);
            }
        }
        for (name, entry) in services_of(document).unwrap_or_default() {
            self.read_service(&name, &entry.key, &entry.value, adding, draft);
        }
    }

    fn read_service(&mut self, name: &str, place: &Place, node: &Node, adding: bool, draft: &mut Draft) {
        let keys = self.services.entry(name.to_owned()).or_insert_with(|| Keys {
            place: place.clone(),
            values: IndexMap::new(),
        });
        let Some(mapping) = node.as_map() else {
            if !node.is_null() {
                draft.error(
                    format!("the service `{name}` must be a mapping, not {}", node.kind()),
                    place,
                    None,
                );
            }
            return;
        };
        for (key, entry) in mapping {
            // `hostname` is a container's in one file and an address outside in the other.
            let own = if adding && key == "hostname" {
                format!("{}{key}", keys::SECOND)
            } else {
                key.clone()
            };
            if !KEYS.iter().any(|(known, _)| *known == own) {
                let hint = did_you_mean(key, KEYS.iter().map(|(known, _)| *known));
                draft.error(format!("a service has no `{key}`"), &entry.key, hint);
                continue;
            }
            keys.values.insert(own, (entry.key.clone(), entry.value.clone()));
        }
    }
}

fn role(keys: &Keys) -> Role {
    let image = keys.get("image").and_then(Node::scalar_text).unwrap_or_default();
    let base = image.split('@').next().unwrap_or_default();
    let base = match base.rsplit_once(':') {
        Some((base, tag)) if !tag.contains('/') => base,
        _ => base,
    };
    let rules = keys
        .get("lb_config")
        .and_then(|node| node.get("port_rules"))
        .and_then(Node::as_list);
    let has_source = |rule: &Node| rule.get("source_port").is_some();
    if keys.get("external_ips").is_some()
        || keys.get("rancher:hostname").is_some()
        || base == "rancher/external-service"
    {
        Role::External
    } else if base == "rancher/load-balancer-service" || keys.get("load_balancer_config").is_some() {
        Role::OldBalancer
    } else if base == "rancher/lb-service-haproxy" || rules.is_some_and(|rules| rules.iter().any(has_source)) {
        Role::Balancer
    } else if base == "rancher/dns-service" {
        Role::Alias
    } else if keys.get("type").and_then(Node::as_text) == Some("virtualMachine") || keys.get("disks").is_some() {
        Role::Other("a virtual machine is no container")
    } else if keys.get("storage_driver").is_some() || keys.get("network_driver").is_some() {
        Role::Other("a driver of Rancher's is no service of Compose: name the driver at the volume or network")
    } else if !["image", "build", "extends"].iter().any(|key| keys.get(key).is_some()) {
        Role::Other("`docker-compose.yml` has no such service")
    } else {
        Role::Normal
    }
}

/// The services of a file: of version 2 below `services`, of version 1 at the top.
pub fn services_of(document: &Node) -> Option<Mapping> {
    let mapping = document.as_map()?;
    if let Some(services) = document.get("services") {
        return services.as_map().cloned();
    }
    let others = ["version", "catalog", ".catalog"];
    Some(
        mapping
            .iter()
            .filter(|(name, _)| !others.contains(&name.as_str()))
            .map(|(n, e)| (n.clone(), e.clone()))
            .collect(),
    )
}

/// Whether this looks like a service in one of the two files.
pub fn is_service(node: &Node) -> bool {
    const TELLING: [&str; 12] = [
        "image",
        "build",
        "scale",
        "lb_config",
        "load_balancer_config",
        "health_check",
        "external_ips",
        "upgrade_strategy",
        "start_on_create",
        "retain_ip",
        "scale_policy",
        "metadata",
    ];
    node.as_map()
        .is_some_and(|mapping| TELLING.iter().any(|key| mapping.contains_key(*key)))
}

/// What the catalogue says besides its questions, which have their answers.
fn catalogue(name: &str, entry: &Entry, draft: &mut Draft) {
    let mut rest = entry.value.clone();
    if let Some(mapping) = rest.as_map_mut() {
        mapping.shift_remove("questions");
        if mapping.is_empty() {
            return;
        }
    }
    let why = "it belongs to Rancher's catalogue";
    draft.lost_with(Vec::new(), name, Some(&values::shown(&rest)), why, &entry.value.place);
}

/// A comment and a warning about something that the output has.
pub fn warn(draft: &mut Draft, at: At, text: &str, place: &Place, hint: Option<&str>) {
    draft.say(at, text);
    let mut found = Diagnostic::warning(text, Some(place.clone()));
    found.hint = hint.map(str::to_owned);
    if !draft.warnings.contains(&found) {
        draft.warnings.push(found);
    }
}

/// Where the comments of a service go.
pub fn place_of(service: &str) -> At {
    at(["services", service])
}
