//! The story of `volumes move`: what uses the volume stops, its content goes over and is compared, a mark says that the copy is
//! complete, the services start there, and only then the old copy goes.
//!
//! Whatever moment this is interrupted at, the same command goes on: before the mark the old copy has the data and the new one is
//! made again; after it the new one has it. What fails before the mark puts the services back where they were.

mod copying;
mod starting;

use std::sync::Arc;
use std::time::Instant;

use super::contents::Contents;
use super::deployment::Deployment;
use super::error::{DeployError, StepError, StepFailure};
use super::event::{Event, ResourceKind, ResourceProgress, ServiceProgress};
use super::operator::Operator;
use super::pool::{self, Pool};
use super::scale_running::until_stopped;
use super::site::Site;
use super::{execute, hooks, lock};
use crate::compose::Project;
use crate::engine::observation::{ObservedObject, ObservedService};
use crate::engine::{Credentials, Engine, EngineError, Observation, labels, models};
use crate::plan::digest;
use crate::plan::volume_move::{self, Stage, Transit, VolumeMove, VolumeMoveError};

/// Moves a volume, and those that its services use together with it, to a host.
///
/// # Errors
///
/// [`DeployError::VolumeMove`] before anything was touched, or where the copy is not what was read; an engine that refuses a
/// call: the data is where it was.
pub async fn move_volume(
    project: Arc<Project>,
    operator: &Operator,
    volume: &str,
    to: &str,
) -> Result<(), DeployError> {
    let started = Instant::now();
    check(&project)?;
    let changes = lock::while_holding(&project.name, operator, "volumes move", async |lock, operator| {
        let pool = lock.reach(&project, operator).await?;
        change(&project, operator, &pool, volume, to).await
    });
    let changes = changes.await?;
    operator.events.emit(Event::Finished {
        command: "volumes move",
        project: project.name.clone(),
        changes,
        took: started.elapsed(),
    });
    Ok(())
}

/// What [`move_volume`] would do, without touching anything.
///
/// # Errors
///
/// As [`move_volume`], as far as looking goes.
pub async fn planned(
    project: &Arc<Project>,
    operator: &Operator,
    volume: &str,
    to: &str,
) -> Result<VolumeMove, DeployError> {
    check(project)?;
    let pool = pool::reached(project, operator).await?;
    let site = Site::new(project, operator, &pool, None, Contents::read(project)?)?;
    let (observed, marks) = look(&site).await?;
    let planned = plan(project, &observed, &marks, volume, to)?;
    nobody_else_uses(&site.deployment(), &planned).await?;
    Ok(planned)
}

fn check(project: &Project) -> Result<(), DeployError> {
    match project.hosts.is_empty() {
        true => Err(DeployError::VolumeMove(VolumeMoveError::OneEngine {
            project: project.name.clone(),
        })),
        false => Ok(()),
    }
}

async fn look(site: &Site<'_>) -> Result<(Observation, Vec<ObservedObject>), DeployError> {
    let observed = site.look().await?;
    let marks = match &site.pool.engines.manager {
        Some(manager) => manager.configs(&[labels::MOVED_VOLUME]).await?,
        None => Vec::new(),
    };
    Ok((observed, marks))
}

fn plan(
    project: &Project,
    observed: &Observation,
    marks: &[ObservedObject],
    volume: &str,
    to: &str,
) -> Result<VolumeMove, DeployError> {
    volume_move::volume_move(project, observed, marks, volume, to).map_err(DeployError::VolumeMove)
}

async fn change(
    project: &Arc<Project>,
    operator: &Operator,
    pool: &Pool,
    volume: &str,
    to: &str,
) -> Result<usize, DeployError> {
    let site = Site::new(project, operator, pool, None, Contents::read(project)?)?;
    let deployment = site.deployment();
    let (observed, marks) = look(&site).await?;
    let planned = plan(project, &observed, &marks, volume, to)?;
    nobody_else_uses(&deployment, &planned).await?;
    for mark in &planned.stale_marks {
        gone(deployment.manager()?.remove_config(mark).await)?;
    }
    let way = Way {
        site: &site,
        deployment: &deployment,
        planned: &planned,
    };
    if planned.is_through() && way.runs_there(&observed) {
        return Ok(0);
    }
    let from = planned.volumes.iter().find_map(|transit| from(&transit.stage));
    if let Err(error) = way.stop_and_copy(&observed).await {
        // What stopped for the copy's sake goes on where its data is.
        if let Some(from) = from.filter(|_| !planned.volumes.iter().any(is_copied)) {
            way.start(from).await?;
        }
        return Err(error);
    }
    // From the first mark on there is no way but forth.
    way.mark_all().await?;
    way.start(&planned.to).await?;
    way.clean_up().await?;
    Ok(planned
        .volumes
        .iter()
        .filter(|transit| transit.stage != Stage::There)
        .count()
        .max(1))
}

fn from(stage: &Stage) -> Option<&str> {
    match stage {
        Stage::Copy { from, .. } | Stage::Copied { from } => Some(from),
        Stage::Return { .. } | Stage::There => None,
    }
}

fn is_copied(transit: &Transit) -> bool {
    matches!(transit.stage, Stage::Copied { .. })
}

/// Refuses where a container that is not the project's mounts one of the volumes, running or not.
async fn nobody_else_uses(deployment: &Deployment, planned: &VolumeMove) -> Result<(), DeployError> {
    for transit in &planned.volumes {
        let hosts = from(&transit.stage).into_iter().chain([planned.to.as_str()]);
        for host in hosts {
            let found = deployment.engine(host)?.containers_with_volume(&transit.name).await?;
            let other = found.iter().find(|found| {
                let own = found.labels.get(labels::PROJECT) == Some(&deployment.project.name);
                !own && !found.labels.contains_key(labels::HOLDS_VOLUME)
            });
            if let Some(other) = other {
                return Err(DeployError::VolumeMove(VolumeMoveError::InUse {
                    volume: transit.key.clone(),
                    host: host.to_owned(),
                    user: format!("container `{}`", other.name),
                }));
            }
        }
    }
    Ok(())
}

/// Gone already is as good as removed.
fn gone(outcome: Result<(), EngineError>) -> Result<(), EngineError> {
    match outcome {
        Err(error) if error.is_not_found() => Ok(()),
        other => other,
    }
}

/// The cluster's name of the mark that a copy is complete.
fn mark(volume: &str) -> String {
    format!("hoist-moved-{}", &digest::of(&volume)[..16])
}

/// A move that is under way.
struct Way<'a> {
    site: &'a Site<'a>,
    deployment: &'a Deployment,
    planned: &'a VolumeMove,
}

impl Way<'_> {
    /// Whether every service has its place at the new host already, and none is stopped for the move.
    fn runs_there(&self, observed: &Observation) -> bool {
        let services = self.services(observed).all(|service| {
            service.labels.get(labels::PINNED_TO) == Some(&self.planned.to)
                && !service.labels.contains_key(labels::REPLICAS_MOVING)
        });
        let own = |name: Option<&String>| name.is_some_and(|name| self.planned.services.contains(name));
        let mut containers = observed
            .containers
            .iter()
            .filter(|found| own(found.labels.get(labels::SERVICE)));
        services && containers.all(|found| found.host == self.planned.to && found.state == "running")
    }

    fn services<'b>(&'b self, observed: &'b Observation) -> impl DoubleEndedIterator<Item = &'b ObservedService> {
        let names = self.planned.services.iter();
        names.filter_map(|name| {
            let mut services = observed.services.iter();
            services.find(|service| service.labels.get(labels::SERVICE) == Some(name))
        })
    }

    /// From what runs to copies that are complete.
    async fn stop_and_copy(&self, observed: &Observation) -> Result<(), DeployError> {
        if self
            .planned
            .volumes
            .iter()
            .any(|transit| matches!(transit.stage, Stage::Copy { .. }))
        {
            self.stop(observed).await?;
        }
        for transit in &self.planned.volumes {
            match &transit.stage {
                Stage::Copy { from, discard } => self.copy(transit, from, *discard).await?,
                Stage::Return { unfinished } => self.discard(transit, unfinished).await?,
                Stage::Copied { .. } | Stage::There => {}
            }
        }
        Ok(())
    }

    /// Says of every copy that it has the data: volumes that are used together are complete together.
    async fn mark_all(&self) -> Result<(), DeployError> {
        for transit in &self.planned.volumes {
            if let Stage::Copy { from, .. } = &transit.stage {
                self.mark(transit, from).await?;
            }
        }
        Ok(())
    }

    /// Stops what mounts the volumes, dependents first.
    async fn stop(&self, observed: &Observation) -> Result<(), DeployError> {
        let manager = self.deployment.manager()?;
        for service in self.services(observed).rev() {
            let name = service.labels.get(labels::SERVICE).unwrap_or(&service.name);
            if service.spec.mode.as_ref().is_some_and(|mode| mode.replicated.is_none()) {
                continue;
            }
            self.deployment.tell(name, ServiceProgress::Updating);
            change_service(manager, &service.id, volume_move::stopped).await?;
            let stopped = until_stopped(self.deployment, name, &service.id, 0).await;
            stopped.map_err(|error| self.failure(name, error))?;
        }
        for name in self.planned.services.iter().rev() {
            let own = observed
                .containers
                .iter()
                .filter(|found| found.labels.get(labels::SERVICE) == Some(name));
            for found in own.filter(|found| found.state != "exited" && found.state != "created") {
                let engine = self.deployment.engine(&found.host)?;
                let before = hooks::pre_stop(self.deployment, engine, &found.id).await;
                before.map_err(|error| self.failure(name, error))?;
                gone(engine.stop_container(&found.id, None).await)?;
            }
        }
        Ok(())
    }

    async fn mark(&self, transit: &Transit, from: &str) -> Result<(), DeployError> {
        let all = [
            (labels::MOVED_VOLUME, transit.name.as_str()),
            (labels::MOVED_FROM, from),
            (labels::MOVED_TO, self.planned.to.as_str()),
        ];
        let all = all.map(|(label, value)| (label.to_owned(), value.to_owned())).into();
        let made = self
            .deployment
            .manager()?
            .create_config(&mark(&transit.name), &all, b"complete")
            .await;
        match made {
            Err(error) if !error.is_conflict() => Err(error.into()),
            _ => Ok(()),
        }
    }

    async fn discard(&self, transit: &Transit, host: &str) -> Result<(), DeployError> {
        self.remove(self.deployment.engine(host)?, transit).await
    }

    /// The old copies go, then the marks: without both copies a mark means nothing.
    async fn clean_up(&self) -> Result<(), DeployError> {
        for transit in &self.planned.volumes {
            let Some(from) = from(&transit.stage) else { continue };
            self.tell(transit, ResourceProgress::Removing);
            self.remove(self.deployment.engine(from)?, transit).await?;
            gone(self.deployment.manager()?.remove_config(&mark(&transit.name)).await)?;
            self.tell(transit, ResourceProgress::Removed);
        }
        Ok(())
    }

    /// Removes a copy, and what has ended and keeps it.
    async fn remove(&self, engine: &Engine, transit: &Transit) -> Result<(), DeployError> {
        engine.let_go(&transit.name).await?;
        for found in engine.containers_with_volume(&transit.name).await? {
            if found.state != "running" {
                gone(engine.remove_container(&found.id, false, false).await)?;
            }
        }
        let removed = execute::gone_once_unused(self.deployment, || engine.remove_volume(&transit.name, false)).await;
        removed.map_err(|error| self.failure(&transit.name, error))
    }

    fn tell(&self, transit: &Transit, progress: ResourceProgress) {
        self.deployment.events.emit(Event::Resource {
            kind: ResourceKind::Volume,
            name: transit.name.clone(),
            progress,
        });
    }

    fn interrupted(&self) -> DeployError {
        let volumes = self
            .planned
            .volumes
            .iter()
            .map(|transit| format!("volume `{}`", transit.key));
        DeployError::Interrupted {
            unfinished: volumes.collect(),
        }
    }

    fn failure(&self, name: &str, error: StepError) -> DeployError {
        match error {
            StepError::Interrupted => self.interrupted(),
            error => DeployError::Steps {
                failed: vec![StepFailure {
                    subject: format!("service `{name}`"),
                    error,
                }],
                skipped: Vec::new(),
            },
        }
    }
}

/// Changes a service, where there is something to change. Tried again where somebody changed it meanwhile.
async fn change_service(
    manager: &Engine,
    id: &str,
    wanted: impl Fn(&ObservedService) -> Option<models::ServiceSpec>,
) -> Result<(), EngineError> {
    let mut tries = 1;
    loop {
        let Some(found) = manager.service(id).await? else {
            return Ok(());
        };
        let Some(spec) = wanted(&found) else {
            return Ok(());
        };
        // Those that the service was made with stay with it.
        match manager
            .update_service(id, found.version, spec, &Credentials::default())
            .await
        {
            Ok(_) => return Ok(()),
            Err(error) if error.is_out_of_sequence() && tries < 10 => tries += 1,
            Err(error) => return Err(error),
        }
    }
}
