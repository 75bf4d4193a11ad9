//! Looking at a project's revisions, and going back to one of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::contents::Contents;
use super::error::DeployError;
use super::event::Event;
use super::operator::Operator;
use super::pool::{self, Pool};
use super::revisions::Revisions;
use super::{lock, up};
use crate::compose::model::{FileObject, FileReference, FileSource};
use crate::compose::{self, Project, Request, Service, Stages};
use crate::plan::revision::{self, Digests, ObjectNames, Revision, Section, Side};
use crate::plan::runtime::{self, Runtime};
use crate::plan::{Plan, UpOptions};

/// The revisions of a project that are kept, the oldest first.
///
/// # Errors
///
/// No engine answers, or a revision cannot be read.
pub async fn history(project: &Project, operator: &Operator) -> Result<Vec<Revision>, DeployError> {
    let pool = pool::reached(project, operator).await?;
    Revisions::of(&project.name, operator, &pool.engines).all().await
}

/// Two sides and what differs.
#[derive(Debug, Clone)]
pub struct Comparison {
    pub old: Revision,
    /// `None`: the file as it is now.
    pub new: Option<Revision>,
    pub sections: Vec<Section>,
}

/// What differs between two revisions; without the second one, from a revision to the file; without either, from the last
/// revision to the file.
///
/// # Errors
///
/// [`DeployError::NoSuchRevision`]; no engine answers.
pub async fn compare(
    project: &Project,
    operator: &Operator,
    old: Option<u64>,
    new: Option<u64>,
) -> Result<Comparison, DeployError> {
    let revisions = history(project, operator).await?;
    let last = revisions.last().map_or(0, |last| last.number);
    let old = find(project, &revisions, old.unwrap_or(last))?.clone();
    if let Some(new) = new {
        let new = find(project, &revisions, new)?.clone();
        let sections = differences(&project.name, old.applied.side(), new.applied.side())?;
        return Ok(Comparison {
            old,
            new: Some(new),
            sections,
        });
    }
    let (configs, secrets) = match contents_now(project, operator) {
        Ok(names) => names,
        Err(error) => {
            operator.events.emit(Event::Warning {
                message: format!("contents of configs and secrets are not compared: {error}"),
                hint: None,
            });
            (old.applied.configs.clone(), old.applied.secrets.clone())
        }
    };
    let text = project.canonical.yaml();
    let file = Side {
        project: &text,
        services: None,
        configs: &configs,
        secrets: &secrets,
    };
    let sections = differences(&project.name, old.applied.side(), file)?;
    Ok(Comparison {
        old,
        new: None,
        sections,
    })
}

/// Brings the whole project back to what it was in a revision: its services with their exact images and numbers of replicas,
/// and without those that it did not have. Hosts are as the file says now. This is a new revision itself.
///
/// # Errors
///
/// [`DeployError::NoSuchRevision`], a revision that cannot be loaded, and all that [`up::up`] can fail with.
pub async fn roll_back_to(project: Arc<Project>, operator: &Operator, number: u64) -> Result<(), DeployError> {
    let words = format!("rollback --to {number}");
    lock::while_holding(&project.name, operator, &words, async |lock, operator| {
        let pool = lock.reach(&project, operator).await?;
        let (former, options) = former(&project, operator, &pool, number).await?;
        let named = up::Named {
            command: "rollback",
            words: &words,
        };
        up::change(&Arc::new(former), operator, &options, lock, named).await
    })
    .await
}

/// What [`roll_back_to`] would do, without touching anything.
///
/// # Errors
///
/// As [`roll_back_to`], as far as looking goes.
pub async fn planned(project: &Project, operator: &Operator, number: u64) -> Result<Plan, DeployError> {
    let pool = pool::reached(project, operator).await?;
    let (former, options) = former(project, operator, &pool, number).await?;
    up::plan(&former, operator, &options).await
}

/// The project as it was in a revision, and how it is brought up.
async fn former(
    project: &Project,
    operator: &Operator,
    pool: &Pool,
    number: u64,
) -> Result<(Project, UpOptions), DeployError> {
    let revisions = Revisions::of(&project.name, operator, &pool.engines).all().await?;
    let revision = find(project, &revisions, number)?;
    let mut former = load(project, revision)?;
    let pinned = pool.engines.manager.is_some();
    recall_contents(&mut former, revision, pinned);
    tell_what_stays(&former, revision, operator)?;
    let services = &revision.applied.services;
    let options = UpOptions {
        scale: services
            .iter()
            .filter_map(|(name, applied)| Some((name.clone(), applied.replicas?)))
            .collect(),
        exact_images: services
            .iter()
            .filter_map(|(name, applied)| Some((name.clone(), applied.image.clone()?)))
            .collect(),
        remove_orphans: true,
        ..UpOptions::default()
    };
    Ok((former, options))
}

fn find<'a>(project: &Project, revisions: &'a [Revision], number: u64) -> Result<&'a Revision, DeployError> {
    let found = revisions.iter().find(|revision| revision.number == number);
    found.ok_or_else(|| DeployError::NoSuchRevision {
        project: project.name.clone(),
        number,
        known: revisions.iter().map(|revision| revision.number).collect(),
    })
}

fn differences(project: &str, old: Side<'_>, new: Side<'_>) -> Result<Vec<Section>, DeployError> {
    revision::differences(old, new).map_err(|reason| unusable(project, reason))
}

fn unusable(key: impl std::fmt::Display, reason: String) -> DeployError {
    DeployError::Content {
        kind: "revision",
        key: key.to_string(),
        reason,
    }
}

/// The project of a revision, on the hosts that the file says now.
fn load(project: &Project, revision: &Revision) -> Result<Project, DeployError> {
    let request = Request {
        files: vec![(
            PathBuf::from(format!("revision {}", revision.number)),
            revision.applied.project.clone(),
        )],
        directory: project.directory.clone(),
        name: Some(project.name.clone()),
        environment: BTreeMap::new(),
        // Only services that took part stand in it.
        profiles: vec!["*".to_owned()],
        services: Vec::new(),
        stages: Stages::default(),
        read: &|path| std::fs::read(path),
    };
    let loaded = compose::load(&request).map_err(|found| {
        let said: Vec<&str> = found.iter().map(|finding| finding.message.as_str()).collect();
        unusable(revision.number, said.join("; "))
    })?;
    let mut former = loaded.project;
    former.files = project.files.clone();
    former.hosts.clone_from(&project.hosts);
    former.pool = project.pool.clone();
    former.openstack.clone_from(&project.openstack);
    // The value of a variable is in no revision.
    for (all, now) in [
        (&mut former.configs, &project.configs),
        (&mut former.secrets, &project.secrets),
    ] {
        for (key, object) in all.iter_mut() {
            if let (FileSource::Environment { .. }, Some(now)) = (&object.source, now.get(key)) {
                object.source.clone_from(&now.source);
            }
        }
    }
    for service in former.services.values_mut() {
        // What is to be built was built: the revision says which image that was.
        service.image = Some(service.image_name(&former.name));
        service.build = None;
    }
    Ok(former)
}

/// Configs and secrets that only Swarm services use are still in the cluster as they were: they are taken from there.
/// Containers get theirs from files.
fn recall_contents(former: &mut Project, revision: &Revision, in_cluster: bool) {
    let in_containers = |references: fn(&Service) -> &Vec<FileReference>, services: &[&Service], key: &str| {
        let uses = |service: &&&Service| references(service).iter().any(|reference| reference.source == key);
        let mut users = services.iter().filter(uses);
        users.any(|service| !matches!(runtime::of(service), Ok(Runtime::Service)))
    };
    if !in_cluster {
        return;
    }
    let services: Vec<&Service> = former.services.values().collect();
    let (mut configs, mut secrets) = (former.configs.clone(), former.secrets.clone());
    for (all, names, references) in [
        (
            &mut configs,
            &revision.applied.configs,
            (|service| &service.configs) as fn(&Service) -> &Vec<FileReference>,
        ),
        (&mut secrets, &revision.applied.secrets, |service| &service.secrets),
    ] {
        for (key, object) in all.iter_mut() {
            if let (Some(name), false) = (names.get(key), in_containers(references, &services, key)) {
                *object = FileObject {
                    name: name.clone(),
                    external: true,
                    source: FileSource::External,
                    labels: object.labels.clone(),
                };
            }
        }
    }
    former.configs = configs;
    former.secrets = secrets;
}

/// The names of the objects that a project's contents have, or would have, as they are now.
fn contents_now(project: &Project, operator: &Operator) -> Result<(ObjectNames, ObjectNames), DeployError> {
    let contents = Contents::read(project)?.with_digests(&up::digest_key(project, operator)?);
    let digests = Digests {
        configs: &contents.config_digests,
        secrets: &contents.secret_digests,
    };
    Ok(revision::object_names(project, digests))
}

/// Says which contents cannot be brought back: files are as they are now.
fn tell_what_stays(former: &Project, revision: &Revision, operator: &Operator) -> Result<(), DeployError> {
    let (configs, secrets) = contents_now(former, operator)?;
    let pairs = [
        ("config", configs, &revision.applied.configs),
        ("secret", secrets, &revision.applied.secrets),
    ];
    for (kind, now, then) in pairs {
        for (key, name) in now {
            if then.get(&key).is_some_and(|then| *then != name) {
                operator.events.emit(Event::Warning {
                    message: format!("{kind} `{key}` is used as its file is now: what it held then is kept nowhere"),
                    hint: None,
                });
            }
        }
    }
    Ok(())
}
