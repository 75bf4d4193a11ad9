//! The story of `up`: hosts, images, plan, steps, and where it answers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use indexmap::IndexMap;

use super::contents::Contents;
use super::deployment::Deployment;
use super::error::{DeployError, Misfit};
use super::event::Event;
use super::lock::{self, Lock, Taken};
use super::operator::Operator;
use super::pool::{self, Survey};
use super::site::Site;
use super::{execute, known_projects, make_ready, revisions};
use crate::compose::model::{GroupProvider, HostGroup};
use crate::compose::{Project, Service};
use crate::engine::{Engine, EngineError, Engines, Observation, observe};
use crate::plan::{self, Action, Plan, Situation, Step, UpOptions, rolling};

/// Brings a project up: makes the hosts that are missing, builds and sends images, and changes what differs.
///
/// # Errors
///
/// What could not be done; what could was done, and the next run goes on from there.
pub async fn up(project: Arc<Project>, operator: &Operator, options: &UpOptions) -> Result<(), DeployError> {
    let command = if options.only_scale { "scale" } else { "up" };
    let words = words(command, options);
    let named = Named { command, words: &words };
    lock::while_holding(&project.name, operator, &words, async |lock, operator| {
        change(&project, operator, options, lock, named).await
    })
    .await
}

/// How a command is called: in its last word, and as revisions and locks say it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub command: &'static str,
    pub words: &'a str,
}

/// The command with the services that it was asked for.
fn words(command: &str, options: &UpOptions) -> String {
    let mut words = vec![command.to_owned()];
    if !options.only_scale {
        words.extend(options.services.iter().cloned());
        words.extend(
            options
                .scale
                .iter()
                .map(|(service, number)| format!("--scale {service}={number}")),
        );
    } else {
        words.extend(
            options
                .scale
                .iter()
                .map(|(service, number)| format!("{service}={number}")),
        );
    }
    words.join(" ")
}

/// What [`up`] does once it is known who else could be at work.
///
/// # Errors
///
/// As [`up`].
pub(super) async fn change(
    project: &Arc<Project>,
    operator: &Operator,
    options: &UpOptions,
    lock: &Lock,
    named: Named<'_>,
) -> Result<(), DeployError> {
    let started = Instant::now();
    check_services(project, options)?;
    let contents = Contents::read(project)?;
    let mut survey = survey(project, operator).await?;
    let quiet = may_be_quiet(project, survey.as_ref(), options);
    if !quiet {
        survey = lock.hold_with(survey, project, operator).await?;
    }
    let builder = operator.builder().await;
    // Images build while hosts boot: neither needs the other.
    let building = build(project, operator, builder.as_ref(), options);
    let (pool, built) = tokio::join!(
        make_ready::make_ready_from(project, operator, survey.as_ref(), options.replace_hosts),
        building
    );
    let mut pool = pool?;
    if !quiet {
        // A cluster that was made just now has no lock yet.
        lock.take(&pool).await?;
    }
    known_projects::remember(&operator.state, project)?;
    let failed = std::mem::take(&mut pool.failed);
    let total = pool.hosts.len() + failed.len();
    let outcome = match built {
        Ok(built) => {
            let site = Site::new(project, operator, &pool, builder.as_ref(), contents)?
                .with_images(options.exact_images.values());
            let mut observed = site.look().await?;
            if quiet && !site.plan(&observed, options)?.is_empty() {
                if lock.take(&pool).await? == Taken::AfterWaiting {
                    // Who was at work may have changed anything.
                    return Box::pin(change(project, operator, options, lock, named)).await;
                }
                observed = site.look().await?;
            }
            services(&site, observed, options, built, named.words).await
        }
        Err(error) => Err(error),
    };
    let done = match outcome {
        outcome if failed.is_empty() => outcome?,
        Err(interrupted @ DeployError::Interrupted { .. }) => return Err(interrupted),
        outcome => {
            let then = outcome.err().map(Box::new);
            return Err(DeployError::Hosts { failed, total, then });
        }
    };
    operator.events.emit(Event::Finished {
        command: named.command,
        project: project.name.clone(),
        changes: done + pool.changed,
        took: started.elapsed(),
    });
    Ok(())
}

/// The pool as it is, where the project has one.
async fn survey(project: &Project, operator: &Operator) -> Result<Option<Survey>, DeployError> {
    match project.hosts.is_empty() {
        true => Ok(None),
        false => pool::survey(project, operator).await.map(Some),
    }
}

/// Whether it may turn out that nothing is to be done: then nobody is kept away, and no lock is written into the cluster. Not where
/// hosts are to be made ready, where a cloud's rules are looked after, or where images may be built.
fn may_be_quiet(project: &Project, survey: Option<&Survey>, options: &UpOptions) -> bool {
    let cloud = |group: &HostGroup| matches!(group.provider, GroupProvider::Openstack(_));
    survey.is_none_or(|survey| survey.is_settled(options.replace_hosts))
        && !project.hosts.values().any(cloud)
        && project.services.values().all(|service| service.build.is_none())
}

/// Brings the services to what the file says, on the hosts that are ready, keeps that as a revision, and tells where they
/// answer. Gives the number of changes with those of building.
async fn services(
    site: &Site<'_>,
    mut observed: Observation,
    options: &UpOptions,
    built: usize,
    words: &str,
) -> Result<usize, DeployError> {
    let changes = built + site.bring(&observed, options).await?;
    if changes > 0 {
        observed = site.look().await?;
    }
    let taken = |service: &Service| {
        let by_name = options.services.contains(&service.name) || options.scale.contains_key(&service.name);
        let stays = || rolling::replaced_by(&observed, &service.name).is_some();
        !options.only_scale && plan::up::is_chosen(site.project, service, options) && (by_name || !stays())
    };
    match changes {
        0 => revisions::make_up_for(site, words, &observed, &taken).await,
        _ => revisions::keep(site, words, &observed, &taken).await,
    }
    if options.in_service.is_some() && changes > 0 {
        tell_what_waits(site, &observed);
    }
    site.tell_addresses(&observed);
    Ok(changes)
}

/// Says which services wait to be confirmed or rolled back.
fn tell_what_waits(site: &Site<'_>, observed: &Observation) {
    let states = plan::in_service::states(observed);
    let names: Vec<String> = states.keys().map(|service| format!("`{service}`")).collect();
    if !names.is_empty() {
        site.operator.events.emit(Event::Note {
            message: format!(
                "upgraded, not confirmed: {}; `hoist confirm` makes it final, `hoist rollback` brings back what ran before",
                names.join(", ")
            ),
            place: None,
        });
    }
}

/// The plan of `up`, without touching anything: hosts that are not there yet are taken as they would be made.
///
/// # Errors
///
/// As [`up`], as far as looking goes.
pub async fn plan(project: &Project, operator: &Operator, options: &UpOptions) -> Result<Plan, DeployError> {
    check_services(project, options)?;
    let contents = Contents::read(project)?.with_digests(&digest_key(project, operator)?);
    let builder = operator.builder().await;
    let mut images = image_names(project);
    images.extend(options.exact_images.values().cloned());
    if project.hosts.is_empty() {
        let pool = pool::reached(project, operator).await?;
        let observed = observe::observe(&pool.engines, &project.name, &images, builder.as_ref()).await?;
        let situation = situation(&observed, builder.as_ref(), &contents);
        return plan::up(project, situation, options).map_err(|errors| Misfit::all(project, errors));
    }
    let survey = pool::survey(project, operator).await?;
    let (hosts, notes) = survey.plan(&project.pool.name, options.replace_hosts).await?;
    let engines = survey.engines.clone();
    let mut observed = if engines.manager.is_some() {
        observe::observe(&engines, &project.name, &images, builder.as_ref()).await?
    } else {
        let mut observed = Observation::default();
        if let Some(builder) = &builder {
            observed
                .images
                .insert(builder.name.clone(), builder.images(&images).await?);
        }
        observed
    };
    plan::hosts::assume_made(&mut observed, &survey.difference);
    let situation = situation(&observed, builder.as_ref(), &contents);
    let mut plan = plan::up(project, situation, options).map_err(|errors| Misfit::all(project, errors))?;
    plan.put_first(hosts);
    plan.notes.extend(notes);
    Ok(plan)
}

/// The key of the digests that tell whether a secret changed: the pool's, so that all of its operators agree.
pub(super) fn digest_key(project: &Project, operator: &Operator) -> Result<Vec<u8>, DeployError> {
    let certified = |service: &Service| service.ingress.iter().any(|way| way.tls.is_some());
    if project.configs.is_empty() && project.secrets.is_empty() && !project.services.values().any(certified) {
        return Ok(Vec::new());
    }
    super::digest_key::of(
        &operator.state,
        (!project.hosts.is_empty()).then_some(project.pool.name.as_str()),
    )
}

pub(super) fn check_services(project: &Project, options: &UpOptions) -> Result<(), DeployError> {
    let named = options.services.iter().chain(options.scale.keys());
    for service in named {
        if !project.services.contains_key(service) {
            return Err(DeployError::NoSuchService {
                service: service.clone(),
                project: project.name.clone(),
                known: project.services.keys().cloned().collect(),
            });
        }
    }
    Ok(())
}

/// The images that the project's services name.
pub(super) fn image_names(project: &Project) -> Vec<String> {
    let names: BTreeSet<String> = project
        .services
        .values()
        .map(|service| service.image_name(&project.name))
        .collect();
    names.into_iter().collect()
}

pub(super) fn situation<'a>(
    observed: &'a Observation,
    builder: Option<&'a Engine>,
    contents: &'a Contents,
) -> Situation<'a> {
    Situation {
        observed,
        builder: builder.map(|builder| builder.name.as_str()),
        configs: &contents.config_digests,
        secrets: &contents.secret_digests,
    }
}

/// Builds what is to be built, before anything is planned: only then is it known which services run an older image.
/// Gives the number of images built.
pub(super) async fn build(
    project: &Arc<Project>,
    operator: &Operator,
    builder: Option<&Engine>,
    options: &UpOptions,
) -> Result<usize, DeployError> {
    let mut observed = Observation::default();
    if let Some(builder) = builder {
        observed
            .images
            .insert(builder.name.clone(), builder.images(&image_names(project)).await?);
    }
    let name = builder.map(|builder| builder.name.as_str());
    let services = plan::images::to_build(project, &observed, name, options.images);
    let steps: Vec<Step> = services
        .iter()
        .filter(|service| plan::up::is_chosen(project, service, options))
        .map(|service| Step {
            action: Action::BuildImage {
                image: service.image_name(&project.name),
                service: service.name.clone(),
            },
            after: Vec::new(),
            reason: String::new(),
        })
        .collect();
    let Some(Action::BuildImage { image, .. }) = steps.first().map(|step| &step.action) else {
        return Ok(0);
    };
    let Some(builder) = builder else {
        let source = match operator.local_engine() {
            Err(error) => error,
            Ok(engine) => match engine.ping().await {
                Err(error) => error,
                // It answers by now: the next run builds.
                Ok(()) => EngineError::Unreachable {
                    engine: engine.name.clone(),
                    endpoint: engine.endpoint().to_owned(),
                    source: "it did not answer when this run began".into(),
                },
            },
        };
        return Err(DeployError::NoBuilder {
            image: image.clone(),
            source,
        });
    };
    let engines = Engines {
        manager: None,
        hosts: IndexMap::new(),
    };
    let contents = Arc::new(Contents::default());
    let deployment = Deployment::new(Arc::clone(project), operator, engines, Some(builder.clone()), contents);
    execute::execute(
        &Plan {
            steps,
            ..Plan::default()
        },
        &deployment,
    )
    .await
}
