//! The stories of `confirm`, `rollback`, `cancel` and `resume`: what becomes of services that were upgraded in place.
//!
//! All of it goes by what the engines know; no file is needed beyond what says where they are.

mod cluster;
mod containers;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use super::contents::Contents;
use super::deployment::Deployment;
use super::error::{DeployError, StepError, StepFailure};
use super::event::Event;
use super::operator::Operator;
use super::pool::{self, Pool};
use super::site::Site;
use super::{ingress, lock, revisions};
use crate::compose::Project;
use crate::engine::{Observation, labels, observe};
use crate::plan::in_service::{self, State};

pub(super) use cluster::{keep, until_through};
pub(super) use containers::{forget_containers, roll_back_failed};

/// What is done with services that were upgraded in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// What they are now is final.
    Confirm,
    /// What ran before comes back.
    RollBack,
    /// The upgrade stops where it is.
    Cancel,
    /// An upgrade that stopped goes on.
    Resume,
}

impl Decision {
    /// The command.
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Confirm => "confirm",
            Decision::RollBack => "rollback",
            Decision::Cancel => "cancel",
            Decision::Resume => "resume",
        }
    }

    /// Whether it leads out of a state.
    fn fits(self, state: State) -> bool {
        match self {
            Decision::Confirm => matches!(state, State::Upgraded | State::Upgrading),
            Decision::RollBack => true,
            Decision::Cancel => matches!(state, State::Upgrading | State::RollingBack),
            Decision::Resume => matches!(state, State::Paused | State::Cancelled),
        }
    }
}

/// Does it with the services that are named; with all that it fits where none is.
///
/// # Errors
///
/// [`DeployError::NotUpgraded`] where a service that is named is not in a state for it, before anything is touched; the
/// failures of the services with which it did not end well.
pub async fn decide(
    project: Arc<Project>,
    operator: &Operator,
    decision: Decision,
    services: &[String],
) -> Result<(), DeployError> {
    lock::while_holding(&project.name, operator, decision.as_str(), async |lock, operator| {
        let pool = match decision {
            // What it stops holds the lock.
            Decision::Cancel => pool::reached(&project, operator).await?,
            _ => lock.reach(&project, operator).await?,
        };
        carry_out(&project, operator, &pool, decision, services).await
    })
    .await
}

async fn carry_out(
    project: &Arc<Project>,
    operator: &Operator,
    pool: &Pool,
    decision: Decision,
    services: &[String],
) -> Result<(), DeployError> {
    let started = Instant::now();
    let observed = observe::observe(&pool.engines, &project.name, &[], None).await?;
    let chosen = choose(&observed, decision, services)?;
    let contents = Arc::new(Contents::default());
    let deployment = Deployment::new(Arc::clone(project), operator, pool.engines.clone(), None, contents);
    let mut failed = Vec::new();
    for service in &chosen {
        match one(&deployment, &observed, decision, service).await {
            Ok(()) => {}
            Err(StepError::Interrupted) => {
                let unfinished = vec![format!("the {} of `{service}`", decision.as_str())];
                return Err(DeployError::Interrupted { unfinished });
            }
            Err(error) => failed.push(StepFailure {
                subject: format!("service `{service}`"),
                error,
            }),
        }
    }
    if decision == Decision::RollBack && !chosen.is_empty() {
        let now = observe::observe(&pool.engines, &project.name, &[], None).await?;
        // What ran before may have had other ways in, or the only ones.
        if (any_has_way_in(&observed, &chosen) || any_has_way_in(&now, &chosen))
            && let Err(error) = ingress::settle(&deployment).await
        {
            let subject = "the ingress".to_owned();
            failed.push(StepFailure { subject, error });
        }
    }
    if !failed.is_empty() {
        let skipped = Vec::new();
        return Err(DeployError::Steps { failed, skipped });
    }
    if decision == Decision::RollBack && !chosen.is_empty() {
        let site = Site::new(project, operator, pool, None, Contents::default())?;
        let words = format!("rollback {}", chosen.join(" "));
        // Nothing was taken from a file: each service is that of the revision that it is back at.
        revisions::keep(&site, &words, &site.look().await?, &|_| false).await;
    }
    operator.events.emit(Event::Finished {
        command: decision.as_str(),
        project: project.name.clone(),
        changes: chosen.len(),
        took: started.elapsed(),
    });
    Ok(())
}

/// The services that it is done with.
fn choose(observed: &Observation, decision: Decision, named: &[String]) -> Result<Vec<String>, DeployError> {
    let states = in_service::states(observed);
    if let Some(service) = named
        .iter()
        .find(|service| !states.get(*service).is_some_and(|state| decision.fits(*state)))
    {
        return Err(DeployError::NotUpgraded {
            service: service.clone(),
            decision,
            state: states.get(service).copied(),
            runs: runs(observed, service),
        });
    }
    let fitting = states.into_iter().filter(|(_, state)| decision.fits(*state));
    let mut chosen: Vec<String> = fitting.map(|(service, _)| service).collect();
    if !named.is_empty() {
        let named: BTreeSet<&String> = named.iter().collect();
        chosen.retain(|service| named.contains(service));
    }
    Ok(chosen)
}

fn runs(observed: &Observation, service: &str) -> bool {
    let services = observed.services.iter().map(|found| &found.labels);
    let mut all = services.chain(observed.containers.iter().map(|found| &found.labels));
    all.any(|found| found.get(labels::SERVICE).is_some_and(|found| found == service))
}

fn any_has_way_in(observed: &Observation, services: &[String]) -> bool {
    let found = observed
        .services
        .iter()
        .filter(|found| found.labels.contains_key(labels::INGRESS));
    let mut names = found.filter_map(|found| found.labels.get(labels::SERVICE));
    names.any(|name| services.contains(name))
}

async fn one(
    deployment: &Deployment,
    observed: &Observation,
    decision: Decision,
    service: &str,
) -> Result<(), StepError> {
    let own = |found: Option<&String>| found.is_some_and(|found| found == service);
    for found in (observed.services.iter()).filter(|found| own(found.labels.get(labels::SERVICE))) {
        match decision {
            Decision::Confirm => cluster::confirm(deployment, service, &found.id).await?,
            Decision::RollBack => cluster::roll_back(deployment, service, &found.id).await?,
            Decision::Cancel => cluster::cancel(deployment, service, &found.id).await?,
            Decision::Resume => cluster::resume(deployment, service, &found.id).await?,
        }
    }
    match decision {
        Decision::Confirm => containers::confirm(deployment, observed, service).await,
        Decision::RollBack => containers::roll_back(deployment, observed, service).await,
        // Containers are replaced by Hoist itself: while one of them is, the run that does it is what is to be stopped.
        Decision::Cancel | Decision::Resume => Ok(()),
    }
}
