//! A plan under construction: what it is made against, the steps so far, and what later steps look up.
//!
//! Knows no runtime: `cluster_services` and `containers` add the steps, `up` says in which order.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::images::ImageOptions;
use super::in_service::InService;
use super::ingress::Claim;
use super::rolling::{self, Replacement};
use super::volumes::Pins;
use super::{Action, Note, Plan, Readiness, Step, order};
use crate::compose::model::{DependencyCondition, DeployMode, Project, Service};
use crate::engine::{Observation, labels};

/// The operator's wishes.
#[derive(Debug, Clone, Default)]
pub struct UpOptions {
    pub images: ImageOptions,
    /// Only these services and what they depend on; empty: all.
    pub services: Vec<String>,
    /// Leave what the chosen services depend on alone.
    pub no_deps: bool,
    /// `--scale SERVICE=N`.
    pub scale: BTreeMap<String, u64>,
    /// Change nothing of a service that runs but the number of its replicas.
    pub only_scale: bool,
    /// Containers that go to another host: service and number, and the host's name.
    pub moves: BTreeMap<(String, u64), String>,
    /// Where volumes, by key, are to be taken to be, whichever hosts have copies.
    pub volumes_at: BTreeMap<String, String>,
    /// Make everything anew, changed or not.
    pub force_recreate: bool,
    /// Remove services that are no longer in the file.
    pub remove_orphans: bool,
    /// Replace hosts that were made otherwise than the file says now.
    pub replace_hosts: bool,
    /// Services that are to run exactly these images, whatever their names in the file stand for by now.
    pub exact_images: BTreeMap<String, String>,
    /// A service that takes another's place, in a rolling upgrade.
    pub replacement: Option<Replacement>,
    /// What is changed in place stays to be confirmed or rolled back.
    pub in_service: Option<InService>,
}

impl UpOptions {
    /// Whether every replica of a service is to be replaced, changed or not.
    pub(super) fn replaces_all(&self, service: &str) -> bool {
        let named = || self.services.is_empty() || self.services.iter().any(|named| named == service);
        self.force_recreate || self.in_service.as_ref().is_some_and(|wish| wish.force) && named()
    }
}

/// What the plan is made against.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    pub observed: &'a Observation,
    /// The name of the operator's own engine in the observation's images, where there is one.
    pub builder: Option<&'a str>,
    /// Keyed digests of the contents of configs and secrets, by key.
    pub configs: &'a BTreeMap<String, String>,
    pub secrets: &'a BTreeMap<String, String>,
}

/// Steps under construction, with what later steps look up.
pub(super) struct Draft<'a> {
    pub project: &'a Project,
    pub situation: Situation<'a>,
    pub options: &'a UpOptions,
    pub plan: Plan,
    /// Network key to the step that makes it.
    pub networks: HashMap<String, usize>,
    /// Image name to the step that provides it.
    pub images: HashMap<String, usize>,
    /// Steps that make configs and secrets.
    pub objects: Vec<usize>,
    /// Service name to the steps that bring it up.
    pub services: HashMap<String, Vec<usize>>,
    pub pins: Pins,
    /// By name, the services that the plan takes in: what each will claim of the ingress.
    pub claims: BTreeMap<String, Option<Claim>>,
    /// Services that run, and whose replicas the plan replaces.
    pub replaced: BTreeSet<String>,
    /// By name, the digests of the definitions of the services that the plan takes in.
    pub definitions: BTreeMap<String, String>,
    /// The step that settles the ingress.
    pub ingress: Option<usize>,
    /// Where containers go, on a cluster.
    pub placer: Option<super::placement::Placer<'a>>,
}

impl Draft<'_> {
    /// Adds a step and gives its index.
    pub(super) fn push(&mut self, action: Action, after: Vec<usize>, reason: impl Into<String>) -> usize {
        self.plan.steps.push(Step {
            action,
            after,
            reason: reason.into(),
        });
        self.plan.steps.len() - 1
    }

    /// The steps that must be through before a service's own.
    pub(super) fn prerequisites(&self, service: &Service) -> Vec<usize> {
        let networks = service
            .networks
            .keys()
            .filter_map(|key| self.networks.get(key))
            .copied();
        let ingress = self
            .networks
            .get(super::ingress::NAME)
            .filter(|_| !service.ingress.is_empty());
        let image = self.images.get(&service.image_name(&self.project.name)).copied();
        let dependencies = order::dependencies(service)
            .into_iter()
            .filter_map(|name| self.services.get(name))
            .flatten()
            .copied();
        let mut all: Vec<usize> = networks
            .chain(image)
            .chain(ingress.copied())
            .chain(self.objects.iter().copied())
            .chain(dependencies)
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Why a replica of a service is to be replaced, changed or not: the operator asks for it, or it restarts with what it
    /// depends on (`depends_on.*.restart`), which the plan replaces, or an earlier run did before it was cut off. `running`: the
    /// labels of what runs.
    pub(super) fn why_replace_anyhow(&self, service: &str, running: &BTreeMap<String, String>) -> Option<String> {
        if self.options.replaces_all(service) {
            return Some("asked for".to_owned());
        }
        let service = self.project.services.get(service)?;
        let before = running.get(labels::RESTARTS_WITH);
        let before = before.map(|before| before.split(',').collect::<BTreeSet<_>>());
        let with = restarts_with(service).find(|name| {
            let now = self.definitions.get(*name).map(|digest| format!("{name}={digest}"));
            let other = before
                .as_ref()
                .zip(now)
                .is_some_and(|(before, now)| !before.contains(now.as_str()));
            self.replaced.contains(*name) || (other && !self.options.only_scale)
        })?;
        Some(format!("it restarts with `{with}`"))
    }

    /// The label that says with what a service was started: as the plan has it, else as it was.
    fn restarts_with(&self, service: &Service, running: Option<&BTreeMap<String, String>>) -> Option<(String, String)> {
        let planned: Option<Vec<String>> = restarts_with(service)
            .map(|name| Some(format!("{name}={}", self.definitions.get(name)?)))
            .collect();
        let value = match planned.filter(|planned| !planned.is_empty() && !self.options.only_scale) {
            Some(planned) => planned.join(","),
            None => running?.get(labels::RESTARTS_WITH)?.clone(),
        };
        Some((labels::RESTARTS_WITH.to_owned(), value))
    }

    /// Keeps the digest of a service's planned definition for those that restart with it.
    pub(super) fn define(&mut self, service: &Service, planned: Option<&HashMap<String, String>>) {
        let digest = planned.and_then(|planned| planned.get(labels::CONFIG_HASH));
        if let Some(digest) = digest.filter(|_| !self.options.only_scale) {
            self.definitions.insert(service.name.clone(), digest.clone());
        }
    }

    /// Says something once.
    pub(super) fn note(&mut self, message: String, path: Option<String>) {
        let place = path
            .as_deref()
            .and_then(|path| self.project.places.nearest(path))
            .cloned();
        let note = Note { message, path, place };
        if !self.plan.notes.contains(&note) {
            self.plan.notes.push(note);
        }
    }

    /// Labels that no file says: what a service took over from another, by this plan or by an earlier one.
    pub(super) fn standing(
        &self,
        service: &Service,
        running: Option<&BTreeMap<String, String>>,
    ) -> BTreeMap<String, String> {
        let mut all = match &self.options.replacement {
            Some(replacement) if replacement.new == service.name => replacement.labels(),
            _ => running.map(rolling::kept_labels).unwrap_or_default(),
        };
        all.extend(self.restarts_with(service, running));
        all
    }

    /// Says where a service keeps what it was scaled to by hand, because the file names no number.
    pub(super) fn say_kept_replicas(&mut self, service: &Service, running: Option<u64>) {
        let says_file = service.deploy.replicas.is_some() || self.options.scale.contains_key(&service.name);
        let replicated = service.deploy.mode == DeployMode::Replicated;
        match running {
            Some(kept) if kept != 1 && replicated && !says_file && !self.options.only_scale => {
                let message = format!(
                    "service `{}` keeps the {kept} replicas that it was scaled to: the file names no number",
                    service.name
                );
                self.note(message, Some(format!("services.{}.deploy.replicas", service.name)));
            }
            _ => {}
        }
    }

    /// How many replicas a service is to have; `running`: how many it is set to now.
    pub(super) fn replicas(&self, service: &Service, running: Option<u64>) -> u64 {
        let wished = self.options.scale.get(&service.name).copied();
        let (first, second) = match self.options.only_scale {
            true => (running, service.deploy.replicas),
            false => (service.deploy.replicas, running),
        };
        wished.or(first).or(second).unwrap_or(1)
    }
}

/// What a service restarts with, by name.
fn restarts_with(service: &Service) -> impl Iterator<Item = &String> {
    let restarting = service.depends_on.iter().filter(|(_, dependency)| dependency.restart);
    restarting.map(|(name, _)| name)
}

/// What a service must be before its dependents start: complete where one of them says so.
pub(super) fn readiness(project: &Project, service: &Service) -> Readiness {
    let completes = project.services.values().any(|other| {
        other
            .depends_on
            .get(&service.name)
            .is_some_and(|dependency| dependency.condition == DependencyCondition::CompletedSuccessfully)
    });
    if completes {
        Readiness::Completed
    } else {
        Readiness::Running
    }
}
