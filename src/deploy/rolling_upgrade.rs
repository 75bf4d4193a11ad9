//! The story of `upgrade OLD NEW`: the new service grows by batches, each healthy before the next; the old one goes down
//! behind it, and stays as the way back.
//!
//! Which numbers come when is `plan::rolling`'s to know. Whatever moment this is interrupted at, the services' labels say
//! how it goes on.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::contents::Contents;
use super::error::{DeployError, StepError, StepFailure};
use super::event::Event;
use super::lock::{self, Lock};
use super::operator::Operator;
use super::site::Site;
use super::{ingress, pool, revisions, scale_running, up};
use crate::compose::{Project, Service};
use crate::engine::{Observation, labels};
use crate::plan::images::ImageOptions;
use crate::plan::rolling::{self, Replacement, Rolling, Scales, Wish};
use crate::plan::{UpOptions, order};

/// What the operator asks for.
#[derive(Debug, Clone)]
pub struct RollingUpgrade {
    pub wish: Wish,
    /// Between a batch that is up and what follows it.
    pub interval: Duration,
    /// Ask the registry again for the new service's image.
    pub pull: bool,
    /// Remove the old service once all is well.
    pub cleanup: bool,
}

/// What is done where a batch does not come up (`deploy.update_config.failure_action` of the new service).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The batch is taken back, and the upgrade stands.
    Pause,
    /// The old service gets all of its replicas back, and the new one goes.
    RollBack,
    /// The next step is taken all the same.
    Continue,
}

/// Upgrades one service to another.
///
/// # Errors
///
/// [`DeployError::Upgrade`] before anything was touched; [`DeployError::UpgradeStopped`] where a batch does not come up,
/// with what stands then; interruptions.
pub async fn rolling_upgrade(
    project: Arc<Project>,
    operator: &Operator,
    request: &RollingUpgrade,
) -> Result<(), DeployError> {
    let words = format!("upgrade {} {}", request.wish.old, request.wish.new);
    lock::while_holding(&project.name, operator, &words, async |lock, operator| {
        change(&project, operator, request, lock, &words).await
    })
    .await
}

async fn change(
    project: &Arc<Project>,
    operator: &Operator,
    request: &RollingUpgrade,
    lock: &Lock,
    words: &str,
) -> Result<(), DeployError> {
    let started = Instant::now();
    let new = UpOptions {
        services: vec![request.wish.new.clone()],
        images: ImageOptions {
            build: false,
            pull: request.pull,
        },
        ..UpOptions::default()
    };
    up::check_services(project, &new)?;
    let contents = Contents::read(project)?;
    let pool = lock.reach(project, operator).await?;
    let builder = operator.builder().await;
    let built = up::build(
        project,
        operator,
        builder.as_ref(),
        &UpOptions {
            no_deps: true,
            ..new.clone()
        },
    )
    .await?;
    let site = Site::new(project, operator, &pool, builder.as_ref(), contents)?;
    let mut observed = site.look().await?;
    let begun = begin(&site, &observed, &request.wish)?;
    for message in &begun.notes {
        operator.events.emit(Event::Note {
            message: message.clone(),
            place: None,
        });
    }
    let upgrade = Upgrade { site: &site, request };
    let changes = built + upgrade.run(&observed, &begun).await?;
    if changes > 0 {
        observed = site.look().await?;
        let taken = |service: &Service| service.name == request.wish.new;
        revisions::keep(&site, words, &observed, &taken).await;
    }
    site.tell_addresses(&observed);
    operator.events.emit(Event::Finished {
        command: "upgrade",
        project: project.name.clone(),
        changes,
        took: started.elapsed(),
    });
    Ok(())
}

/// The steps that an upgrade would take from where it stands, without touching anything.
///
/// # Errors
///
/// [`DeployError::Upgrade`]; no engine answers.
pub async fn steps(project: &Arc<Project>, operator: &Operator, wish: &Wish) -> Result<Vec<Scales>, DeployError> {
    let options = UpOptions {
        services: vec![wish.new.clone()],
        ..UpOptions::default()
    };
    up::check_services(project, &options)?;
    let pool = pool::reached(project, operator).await?;
    let site = Site::new(project, operator, &pool, None, Contents::read(project)?)?;
    let begun = begin(&site, &site.look().await?, wish)?;
    Ok(begun.now.steps(begun.last, wish.batch).collect())
}

fn begin(site: &Site<'_>, observed: &Observation, wish: &Wish) -> Result<Rolling, DeployError> {
    let service = &site.project.services[wish.new.as_str()];
    rolling::begin(site.project, service, observed, wish).map_err(DeployError::Upgrade)
}

struct Upgrade<'a> {
    site: &'a Site<'a>,
    request: &'a RollingUpgrade,
}

impl Upgrade<'_> {
    /// Takes all steps, and gives the number of changes.
    async fn run(&self, observed: &Observation, begun: &Rolling) -> Result<usize, DeployError> {
        let (wish, replacement) = (&self.request.wish, &begun.replacement);
        let mut now = begun.now;
        let mut changes = 0;
        if now.next(begun.last, wish.batch).is_some() {
            // Whether all of it finds a place is known before anything begins.
            self.site.plan(observed, &self.options(replacement, begun.last))?;
            self.tell(now);
        }
        if !begun.new_exists {
            let mut options = self.options(replacement, 0);
            options.services.extend(self.missing_dependencies(observed));
            changes += self.site.bring(observed, &options).await?;
        }
        while let Some(next) = now.next(begun.last, wish.batch) {
            self.not_interrupted()?;
            let outcome = match next.new > now.new {
                true => self.grow(replacement, next.new).await,
                false => self.shrink(now, next).await,
            };
            match outcome {
                Ok(()) => {}
                Err(interrupted @ DeployError::Interrupted { .. }) => return Err(interrupted),
                Err(cause) => self.failed(begun, now, next, cause).await?,
            }
            now = next;
            changes += 1;
            self.tell(now);
            if now.next(begun.last, wish.batch).is_some() {
                self.rest().await?;
            }
        }
        if self.request.cleanup {
            changes += self.clean_up(begun.old_exists).await?;
        } else if begun.old_exists {
            let (old, new) = (&wish.old, &wish.new);
            self.note(format!(
                "`{old}` stays with no replica as the way back (`hoist upgrade {new} {old}`); with `--cleanup` it goes"
            ));
        }
        Ok(changes)
    }

    /// The new service with so many replicas, all of them up.
    async fn grow(&self, replacement: &Replacement, replicas: u64) -> Result<(), DeployError> {
        let observed = self.site.look().await?;
        let options = self.options(replacement, replicas);
        self.site.bring(&observed, &options).await.map(drop)
    }

    async fn shrink(&self, now: Scales, next: Scales) -> Result<(), DeployError> {
        let wish = &self.request.wish;
        let (service, replicas) = match next.old < now.old {
            true => (&wish.old, next.old),
            false => (&wish.new, next.new),
        };
        self.scale_down(service, replicas).await
    }

    async fn scale_down(&self, service: &str, replicas: u64) -> Result<(), DeployError> {
        let observed = self.site.look().await?;
        let done = scale_running::down(&self.site.deployment(), &observed, service, replicas).await;
        done.map_err(|error| self.failure(service, error))
    }

    /// Does what the new service's `failure_action` says.
    async fn failed(&self, begun: &Rolling, now: Scales, next: Scales, cause: DeployError) -> Result<(), DeployError> {
        let wish = &self.request.wish;
        let action = self.on_failure();
        let stands = match action {
            OnFailure::Continue => {
                let said = crate::engine::error::cause_chain(&cause);
                self.site.operator.events.emit(Event::Warning {
                    message: format!("a batch of `{}` did not come up: {said}", wish.new),
                    hint: Some("`failure_action: continue` goes on all the same".to_owned()),
                });
                return Ok(());
            }
            // A batch that came up in part serves nobody reliably.
            OnFailure::Pause if next.new > now.new => {
                self.scale_down(&wish.new, now.new).await?;
                now
            }
            OnFailure::Pause => now,
            OnFailure::RollBack => {
                self.give_back(begun).await?;
                Scales {
                    old: begun.replacement.first,
                    new: 0,
                }
            }
        };
        Err(DeployError::UpgradeStopped {
            old: wish.old.clone(),
            new: wish.new.clone(),
            stands,
            rolled_back: action == OnFailure::RollBack,
            cause: Box::new(cause),
        })
    }

    /// The old service as it was, then nothing of the new one.
    async fn give_back(&self, begun: &Rolling) -> Result<(), DeployError> {
        let wish = &self.request.wish;
        let first = begun.replacement.first;
        let observed = self.site.look().await?;
        let done = scale_running::up(&self.site.deployment(), &observed, &wish.old, first).await;
        done.map_err(|error| self.failure(&wish.old, error))?;
        if observed.cluster.is_none() && self.site.project.services.contains_key(&wish.old) {
            let options = UpOptions {
                services: vec![wish.old.clone()],
                no_deps: true,
                scale: [(wish.old.clone(), first)].into(),
                ..UpOptions::default()
            };
            self.site.bring(&observed, &options).await?;
        }
        self.scale_down(&wish.new, 0).await
    }

    async fn clean_up(&self, old_exists: bool) -> Result<usize, DeployError> {
        let old = &self.request.wish.old;
        let observed = self.site.look().await?;
        let deployment = self.site.deployment();
        scale_running::remove(&deployment, &observed, old)
            .await
            .map_err(|error| self.failure(old, error))?;
        let own = |labels: &BTreeMap<String, String>| labels.get(labels::SERVICE) == Some(old);
        let had_way_in = |labels: &BTreeMap<String, String>| own(labels) && labels.contains_key(labels::INGRESS);
        if observed.services.iter().any(|found| had_way_in(&found.labels)) {
            // The routers need not look for it any more.
            let settled = ingress::settle(&deployment).await;
            settled.map_err(|error| self.failure(old, error))?;
        }
        if self.site.project.services.contains_key(old) {
            self.note(format!("`{old}` is gone: take it out of the file, too"));
        }
        Ok(usize::from(old_exists))
    }

    fn options(&self, replacement: &Replacement, replicas: u64) -> UpOptions {
        let new = &self.request.wish.new;
        UpOptions {
            services: vec![new.clone()],
            no_deps: true,
            scale: [(new.clone(), replicas)].into(),
            images: ImageOptions {
                build: false,
                pull: self.request.pull && replicas == 0,
            },
            replacement: Some(replacement.clone()),
            ..UpOptions::default()
        }
    }

    /// What the new service depends on and does not run: it comes up with it. What runs is left alone.
    fn missing_dependencies(&self, observed: &Observation) -> Vec<String> {
        let runs = |name: &str| {
            let named = |found: Option<&String>| found.is_some_and(|found| found == name);
            let services = observed
                .services
                .iter()
                .any(|found| named(found.labels.get(labels::SERVICE)));
            services
                || observed
                    .containers
                    .iter()
                    .any(|found| named(found.labels.get(labels::SERVICE)))
        };
        let mut wanted = vec![self.request.wish.new.as_str()];
        let mut next = 0;
        while let Some(service) = wanted.get(next).and_then(|name| self.site.project.services.get(*name)) {
            for dependency in order::dependencies(service) {
                if !wanted.contains(&dependency) && !runs(dependency) {
                    wanted.push(dependency);
                }
            }
            next += 1;
        }
        wanted[1..].iter().map(|name| (*name).to_owned()).collect()
    }

    fn on_failure(&self) -> OnFailure {
        let service = &self.site.project.services[self.request.wish.new.as_str()];
        let action = service
            .deploy
            .update
            .as_ref()
            .and_then(|update| update.failure_action.as_deref());
        match action {
            Some("rollback") => OnFailure::RollBack,
            Some("continue") => OnFailure::Continue,
            _ => OnFailure::Pause,
        }
    }

    async fn rest(&self) -> Result<(), DeployError> {
        let interrupt = &self.site.operator.interrupt;
        tokio::select! {
            () = interrupt.cancelled() => self.not_interrupted(),
            () = tokio::time::sleep(self.request.interval) => Ok(()),
        }
    }

    fn not_interrupted(&self) -> Result<(), DeployError> {
        match self.site.operator.interrupt.is_cancelled() {
            false => Ok(()),
            true => Err(self.interrupted()),
        }
    }

    fn interrupted(&self) -> DeployError {
        let wish = &self.request.wish;
        DeployError::Interrupted {
            unfinished: vec![format!("the upgrade from `{}` to `{}`", wish.old, wish.new)],
        }
    }

    fn failure(&self, service: &str, error: StepError) -> DeployError {
        match error {
            StepError::Interrupted => self.interrupted(),
            error => DeployError::Steps {
                failed: vec![StepFailure {
                    subject: format!("service `{service}`"),
                    error,
                }],
                skipped: Vec::new(),
            },
        }
    }

    fn tell(&self, scales: Scales) {
        let wish = &self.request.wish;
        self.site.operator.events.emit(Event::Rolling {
            old: wish.old.clone(),
            new: wish.new.clone(),
            scales,
        });
    }

    fn note(&self, message: String) {
        self.site.operator.events.emit(Event::Note { message, place: None });
    }
}

/// Replicas of a batch where the operator does not say (*rancher-compose upgrade*).
pub const BATCH: NonZeroU64 = match NonZeroU64::new(2) {
    Some(batch) => batch,
    None => NonZeroU64::MIN,
};
