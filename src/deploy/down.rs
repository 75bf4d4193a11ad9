//! The story of `down`: services, networks, on demand volumes and hosts.

use std::sync::Arc;
use std::time::Instant;

use super::contents::Contents;
use super::deployment::Deployment;
use super::error::DeployError;
use super::event::Event;
use super::lock::{self, Lock};
use super::operator::Operator;
use super::revisions::Revisions;
use super::{execute, pool, remove_hosts};
use crate::compose::Project;
use crate::engine::observe;
use crate::plan;

/// The operator's wishes.
#[derive(Debug, Clone, Copy, Default)]
pub struct DownOptions {
    pub volumes: bool,
    /// The pool's hosts go too.
    pub hosts: bool,
    /// Even where other projects run on the pool.
    pub force: bool,
}

/// Takes a project down.
///
/// # Errors
///
/// What could not be removed; the next run goes on from there.
pub async fn down(project: Arc<Project>, operator: &Operator, options: DownOptions) -> Result<(), DeployError> {
    lock::while_holding(&project.name, operator, "down", async |lock, operator| {
        remove(&project, operator, options, lock).await
    })
    .await
}

async fn remove(
    project: &Arc<Project>,
    operator: &Operator,
    options: DownOptions,
    lock: &Lock,
) -> Result<(), DeployError> {
    let started = Instant::now();
    let mut changes = match lock.reach(project, operator).await {
        Ok(pool) => {
            if options.hosts && !options.force {
                // Before anything is stopped: a command that is refused changes nothing.
                remove_hosts::check_unused(project, &pool.engines, Some(&project.name)).await?;
            }
            let observed = observe::observe(&pool.engines, &project.name, &[], None).await?;
            let wishes = plan::DownOptions {
                volumes: options.volumes,
            };
            let plan = plan::down(&project.name, Some(project), &observed, wishes);
            let deployment = Deployment::new(
                Arc::clone(project),
                operator,
                pool.engines.clone(),
                None,
                Arc::new(Contents::default()),
            );
            let changes = execute::execute(&plan, &deployment).await?;
            // What they need of configs and secrets is gone.
            Revisions::of(&project.name, operator, &pool.engines).forget().await?;
            changes
        }
        // Nothing runs where there are no hosts.
        Err(DeployError::NoHosts { .. }) => 0,
        // Hosts that go anyway need not answer first: half-made ones never will.
        Err(DeployError::NotReady { .. } | DeployError::Cluster(_) | DeployError::Engine(_)) if options.hosts => 0,
        Err(error) => return Err(error),
    };
    if !options.hosts && !project.hosts.is_empty() {
        for provider in pool::providers(project, operator)?.all() {
            changes += provider.withdraw(&project.name).await.map_err(DeployError::Provider)?;
        }
    }
    if options.hosts && !project.hosts.is_empty() {
        lock.leave_to_the_cluster().await;
        changes += remove_hosts::remove_hosts(project, operator, options.force, Some(&project.name)).await?;
    }
    operator.events.emit(Event::Finished {
        command: "down",
        project: project.name.clone(),
        changes,
        took: started.elapsed(),
    });
    Ok(())
}
