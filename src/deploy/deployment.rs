//! What carrying out a plan needs at hand: engines, contents, where to tell, when to stop.
//!
//! Knows no story of its own: `up` and `down` tell those.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::contents::Contents;
use super::error::StepError;
use super::event::{Event, Events, ServiceProgress};
use super::operator::Operator;
use crate::compose::Project;
use crate::engine::credentials::Credentials;
use crate::engine::{Engine, EngineError, Engines};

/// Everything that the steps share. Clones share it too.
#[derive(Clone)]
pub struct Deployment {
    pub project: Arc<Project>,
    pub engines: Engines,
    /// The operator's own engine, where one answers.
    pub builder: Option<Engine>,
    pub credentials: Arc<Credentials>,
    pub contents: Arc<Contents>,
    pub events: Events,
    pub interrupt: CancellationToken,
    /// How long one service may take.
    pub timeout: Duration,
    /// Images that a step has made sure of: name in the file to the reference that a Swarm service is to name.
    pub(super) references: Arc<Mutex<HashMap<String, String>>>,
    pub(super) tasks: super::task_watch::TaskWatch,
}

impl Deployment {
    /// A deployment of a project onto engines.
    pub fn new(
        project: Arc<Project>,
        operator: &Operator,
        engines: Engines,
        builder: Option<Engine>,
        contents: Arc<Contents>,
    ) -> Self {
        let tasks = super::task_watch::TaskWatch::new(engines.manager.clone(), &project.name);
        Deployment {
            project,
            engines,
            builder,
            credentials: Arc::clone(&operator.credentials),
            contents,
            events: operator.events.clone(),
            interrupt: operator.interrupt.clone(),
            timeout: operator.service_timeout,
            references: Arc::default(),
            tasks,
        }
    }

    /// The same for services that are no project's own, found by their label.
    pub(super) fn for_system(&self, label: &str) -> Self {
        Deployment {
            tasks: super::task_watch::TaskWatch::of_label(self.engines.manager.clone(), label),
            ..self.clone()
        }
    }

    /// The engine of a host.
    ///
    /// # Errors
    ///
    /// The host does not answer now.
    pub(super) fn engine(&self, host: &str) -> Result<&Engine, EngineError> {
        self.engines.hosts.get(host).ok_or_else(|| EngineError::Unreachable {
            engine: host.to_owned(),
            endpoint: "its Docker API".to_owned(),
            source: "it did not answer when this run began".into(),
        })
    }

    /// The engine that cluster calls go to; without a cluster, the only one.
    pub(super) fn manager(&self) -> Result<&Engine, EngineError> {
        let first = self.engines.hosts.values().next();
        self.engines
            .manager
            .as_ref()
            .or(first)
            .ok_or_else(|| EngineError::Unreachable {
                engine: "the cluster".to_owned(),
                endpoint: "a manager".to_owned(),
                source: "none of its managers answers".into(),
            })
    }

    /// Tells how far a service is.
    pub(super) fn tell(&self, service: &str, progress: ServiceProgress) {
        self.events.emit(Event::Service {
            service: service.to_owned(),
            progress,
        });
    }

    /// Waits, unless the operator interrupts.
    pub(super) async fn pause(&self, duration: Duration) -> Result<(), StepError> {
        tokio::select! {
            () = self.interrupt.cancelled() => Err(StepError::Interrupted),
            () = tokio::time::sleep(duration) => Ok(()),
        }
    }
}
