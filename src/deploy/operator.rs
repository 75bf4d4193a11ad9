//! What the operator's machine gives to a deployment: its engine, its state directory, its patience, its ears.
//!
//! Everything here was resolved by `cli::settings`: nothing in `deploy` reads the environment.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::event::Events;
use crate::engine::credentials::Credentials;
use crate::engine::error::cause_chain;
use crate::engine::{Endpoint, Engine, EngineError};
use crate::hosts::UnknownHostKeys;
use crate::hosts::openstack::CloudInputs;

/// The operator's side of a deployment.
#[derive(Clone)]
pub struct Operator {
    /// Who it is, as locks and revisions name them: the user, and the machine's own name.
    pub user: String,
    pub machine: String,
    /// A project that somebody else is at work on is waited for.
    pub wait_for_lock: bool,
    /// Hoist's state directory; the pools' keys and certificates are below it.
    pub state: PathBuf,
    /// Where sockets of connections go; a short path.
    pub runtime: PathBuf,
    /// The engine of the current Docker context: its name and where it listens, or why there is none.
    pub context: Result<(String, Endpoint), Arc<EngineError>>,
    pub credentials: Arc<Credentials>,
    pub unknown_host_keys: UnknownHostKeys,
    /// What is said here of clouds; no file is read before one is needed.
    pub clouds: CloudInputs,
    /// How long a host may take until it answers SSH.
    pub ssh_timeout: Duration,
    /// How long one service may take to come up.
    pub service_timeout: Duration,
    pub events: Events,
    pub interrupt: CancellationToken,
}

impl Operator {
    /// A handle on the engine of the current Docker context; no call is made.
    ///
    /// # Errors
    ///
    /// The context cannot be used.
    pub fn local_engine(&self) -> Result<Engine, EngineError> {
        match &self.context {
            Ok((name, endpoint)) => Engine::new(name.clone(), endpoint),
            Err(error) => Err(EngineError::Context {
                context: "current".to_owned(),
                reason: cause_chain(error.as_ref()),
            }),
        }
    }

    /// The engine that images are built on and streamed from, where one answers.
    pub(super) async fn builder(&self) -> Option<Engine> {
        let engine = self.local_engine().ok()?;
        engine
            // A busy one may be slow; where there is none, the refusal comes at once.
            .with_timeout(Duration::from_secs(30))
            .ping()
            .await
            .ok()
            .map(|()| engine)
    }
}
