//! A revision: one applied project, kept so that it can be compared with and gone back to.
//!
//! Knows what of a project and of what runs belongs to it, and what stays of the revision before where only a part was
//! applied. Never holds the content of a secret: files and objects are named. Where it is kept is `deploy`'s to know.

mod difference;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use difference::{Change, Section, Side, differences};

use super::{cluster_services, images, objects};
use crate::compose::model::{Project, Service};
use crate::compose::{plain_yaml, print};
use crate::engine::observation::ObservedContainer;
use crate::engine::{Observation, labels};

/// One applied project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// From 1, in the order of their making.
    pub number: u64,
    /// When it was applied: RFC 3339, by the operator's clock.
    pub at: String,
    pub user: String,
    pub machine: String,
    /// The command, with what it was asked for: `up`, `scale web=3`, …
    pub command: String,
    /// The Compose files, as they were named, and the folder that they were read in.
    pub files: Vec<String>,
    pub directory: String,
    /// The services that differ from the revision before it.
    pub changed: Vec<String>,
    #[serde(flatten)]
    pub applied: Applied,
}

/// What was applied: equal for two revisions between which there is nothing to change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The canonical project as a Compose file: what `hoist config` prints.
    pub project: String,
    /// By name in the file.
    pub services: BTreeMap<String, AppliedService>,
    /// Keys of the project's configs and secrets to the names of the objects that have their contents.
    pub configs: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, String>,
}

impl Applied {
    /// As one of two that are compared.
    pub fn side(&self) -> Side<'_> {
        Side {
            project: &self.project,
            services: Some(&self.services),
            configs: &self.configs,
            secrets: &self.secrets,
        }
    }

    /// The services that differ from what was applied before, if only by the contents that they use.
    ///
    /// # Errors
    ///
    /// A text that is no YAML, with the parser's words.
    pub fn changed_since(&self, before: &Applied) -> Result<Vec<String>, String> {
        let sections = differences(before.side(), self.side())?;
        let services = sections.into_iter().filter(|section| section.kind == "services");
        let mut changed: BTreeSet<String> = services.map(|section| section.name).collect();
        let differs = |(name, applied): &(&String, &AppliedService)| before.services.get(*name) != Some(*applied);
        changed.extend(self.services.iter().filter(differs).map(|(name, _)| name.clone()));
        Ok(changed.into_iter().collect())
    }
}

/// What runs of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedService {
    /// The exact image: `name@sha256:…`, or the id of one that no registry has.
    pub image: Option<String>,
    /// `None`: on every host.
    pub replicas: Option<u64>,
    /// Digest of what it was made from.
    pub hash: Option<String>,
}

/// Keys of configs or secrets to the names of the objects with their contents.
pub type ObjectNames = BTreeMap<String, String>;

/// Keyed digests of the contents of configs and secrets, by key.
#[derive(Debug, Clone, Copy)]
pub struct Digests<'a> {
    pub configs: &'a BTreeMap<String, String>,
    pub secrets: &'a BTreeMap<String, String>,
}

/// What is applied now.
///
/// `taken`: whether a service was taken from the file this time. One that was not is as it was in the newest of the `kept`
/// revisions in which it was made from the same definition. One of which nothing exists belongs to no revision.
///
/// # Errors
///
/// A text that is no YAML, with the parser's words.
pub fn applied(
    project: &Project,
    observed: &Observation,
    digests: Digests<'_>,
    kept: &[Revision],
    taken: &dyn Fn(&Service) -> bool,
) -> Result<Applied, String> {
    let mut services = running(observed);
    let (configs, secrets) = object_names(project, digests);
    let text = project.canonical.yaml();
    let present = Origin {
        document: plain_yaml("the project", &text)?,
        configs: &configs,
        secrets: &secrets,
    };
    let is_taken = |name: &String| project.services.get(name).is_some_and(taken);
    let whole = |name: &String| is_taken(name) && services.contains_key(name);
    if !project.services.is_empty() && project.services.keys().all(whole) {
        // What else runs is not the file's.
        services.retain(|name, _| project.services.contains_key(name));
        return Ok(Applied {
            project: text,
            services,
            configs,
            secrets,
        });
    }
    let before = kept.iter().map(Origin::of).collect::<Result<Vec<_>, _>>()?;
    let mut merged = Merged::over(before.last().unwrap_or(&present));
    if project.services.keys().any(is_taken) {
        merged.define_all(&present);
    }
    services.retain(|name, applied| {
        let same = kept.iter().zip(&before).rev().find(|(revision, origin)| {
            origin.service(name).is_some()
                && revision
                    .applied
                    .services
                    .get(name)
                    .is_some_and(|then| then.hash == applied.hash)
        });
        let newest = || before.iter().rev().find(|origin| origin.service(name).is_some());
        let origin = match is_taken(name) {
            true => Some(&present),
            false => same.map(|(_, origin)| origin).or_else(newest),
        };
        let origin = origin.or_else(|| present.service(name).map(|_| &present));
        origin.is_some_and(|origin| merged.take(origin, name))
    });
    Ok(merged.finished(services))
}

/// A project that services are taken from.
struct Origin<'a> {
    document: Value,
    configs: &'a BTreeMap<String, String>,
    secrets: &'a BTreeMap<String, String>,
}

impl<'a> Origin<'a> {
    fn of(revision: &'a Revision) -> Result<Self, String> {
        Ok(Origin {
            document: plain_yaml("revision", &revision.applied.project)?,
            configs: &revision.applied.configs,
            secrets: &revision.applied.secrets,
        })
    }

    fn service(&self, name: &str) -> Option<&Value> {
        self.document.get("services")?.get(name)
    }
}

/// A project with services from several.
struct Merged {
    document: Map<String, Value>,
    services: Map<String, Value>,
    configs: BTreeMap<String, String>,
    secrets: BTreeMap<String, String>,
}

impl Merged {
    /// Everything of a project but its services.
    fn over(before: &Origin<'_>) -> Merged {
        let mut document = before.document.as_object().cloned().unwrap_or_default();
        document.remove("services");
        Merged {
            document,
            services: Map::new(),
            configs: BTreeMap::new(),
            secrets: BTreeMap::new(),
        }
    }

    /// Lays everything of another project but its services over it.
    fn define_all(&mut self, present: &Origin<'_>) {
        for (kind, value) in present.document.as_object().into_iter().flatten() {
            if kind != "services" {
                self.define(kind, value, true);
            }
        }
    }

    /// Adds what stands under a key of the project; `anew`: in place of what stands there.
    fn define(&mut self, kind: &str, value: &Value, anew: bool) {
        let own = self.document.entry(kind).or_insert_with(|| match value {
            Value::Object(_) => Value::Object(Map::new()),
            other => other.clone(),
        });
        if let (Some(own), Some(entries)) = (own.as_object_mut(), value.as_object()) {
            for (key, value) in entries {
                if anew || !own.contains_key(key) {
                    own.insert(key.clone(), value.clone());
                }
            }
        }
    }

    /// Takes a service, with what it uses; whether there is one.
    fn take(&mut self, origin: &Origin<'_>, name: &str) -> bool {
        let Some(service) = origin.service(name) else {
            return false;
        };
        for kind in ["networks", "volumes", "configs", "secrets"] {
            if let Some(value) = origin.document.get(kind) {
                self.define(kind, value, false);
            }
        }
        let used = |kind: &str| {
            let references = service.get(kind).and_then(Value::as_array);
            let sources = references
                .into_iter()
                .flatten()
                .filter_map(|reference| reference.get("source")?.as_str());
            sources.map(str::to_owned).collect::<Vec<_>>()
        };
        for (kind, names, from) in [
            ("configs", &mut self.configs, origin.configs),
            ("secrets", &mut self.secrets, origin.secrets),
        ] {
            let known = used(kind)
                .into_iter()
                .filter_map(|key| Some((from.get(&key)?.clone(), key)));
            names.extend(known.map(|(name, key)| (key, name)));
        }
        self.services.insert(name.to_owned(), service.clone());
        true
    }

    fn finished(mut self, services: BTreeMap<String, AppliedService>) -> Applied {
        for service in self.services.values_mut() {
            if let Some(dependencies) = service.get_mut("depends_on").and_then(Value::as_object_mut) {
                dependencies.retain(|name, _| services.contains_key(name));
            }
        }
        self.document
            .insert("services".to_owned(), Value::Object(self.services));
        Applied {
            project: print::as_yaml(&Value::Object(self.document)),
            services,
            configs: self.configs,
            secrets: self.secrets,
        }
    }
}

/// The names of the objects with the contents of a project's configs and secrets, by key.
pub fn object_names(project: &Project, digests: Digests<'_>) -> (ObjectNames, ObjectNames) {
    let names = objects::names(project, digests.configs, digests.secrets);
    (names.configs.into_iter().collect(), names.secrets.into_iter().collect())
}

/// The services of which anything exists, with their exact images and numbers of replicas.
pub fn running(observed: &Observation) -> BTreeMap<String, AppliedService> {
    let mut services = BTreeMap::new();
    for found in &observed.services {
        if let Some(name) = found.labels.get(labels::SERVICE) {
            let applied = AppliedService {
                image: images::image_of(found).map(str::to_owned),
                replicas: cluster_services::replicas_wanted(found),
                hash: found.labels.get(labels::CONFIG_HASH).cloned(),
            };
            services.insert(name.clone(), applied);
        }
    }
    let mut numbers: BTreeMap<&String, BTreeSet<&str>> = BTreeMap::new();
    for found in observed.containers.iter().filter(|found| !is_one_off(found)) {
        let (Some(name), Some(number)) = (
            found.labels.get(labels::SERVICE),
            found.labels.get(labels::CONTAINER_NUMBER),
        ) else {
            continue;
        };
        let numbers = numbers.entry(name).or_default();
        numbers.insert(number);
        let applied = AppliedService {
            image: Some(exact_image(observed, found)),
            replicas: Some(numbers.len() as u64),
            hash: found.labels.get(labels::CONFIG_HASH).cloned(),
        };
        services.insert(name.clone(), applied);
    }
    services
}

fn is_one_off(found: &ObservedContainer) -> bool {
    found
        .labels
        .get(labels::ONE_OFF)
        .is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// A container's image by the digest that a registry knows it by, else by its id.
fn exact_image(observed: &Observation, found: &ObservedContainer) -> String {
    let images = observed.images.get(&found.host);
    let mut known = images.into_iter().flat_map(|images| images.values());
    let digest = known
        .find(|image| image.id == found.image_id)
        .and_then(|image| image.digest.clone());
    digest.unwrap_or_else(|| found.image_id.clone())
}
