//! What can go wrong between Hoist and one engine.

use std::path::PathBuf;

/// A failure of one engine; the message names the engine and keeps the cause.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Nothing answers at the endpoint.
    #[error("no Docker Engine answers at {endpoint} ({engine})")]
    Unreachable {
        engine: String,
        endpoint: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The TLS material is unusable.
    #[error("the TLS material for {engine} is unusable: {reason}")]
    Identity { engine: String, reason: String },
    /// The current Docker context cannot be read.
    #[error("the Docker context `{context}` cannot be used: {reason}")]
    Context { context: String, reason: String },
    /// The engine refused or failed a call.
    #[error("{engine}: {action} failed: {message}")]
    Call {
        engine: String,
        action: String,
        status: Option<u16>,
        message: String,
    },
    /// The cluster's managers have no majority, so that nothing in it can be read or changed.
    #[error("{engine}: {action} failed: the cluster has no leader, too few of its managers answer ({message})")]
    NoQuorum {
        engine: String,
        action: String,
        message: String,
    },
    /// An image could be had nowhere.
    #[error("the image `{image}` cannot be had on {engine}: {reason}")]
    Image {
        engine: String,
        image: String,
        reason: String,
    },
    /// A build failed; the last lines of its output are kept.
    #[error("building `{image}` failed: {reason}")]
    Build {
        image: String,
        reason: String,
        output: Vec<String>,
    },
    /// A build context cannot be read.
    #[error("the build context {} cannot be read", path.display())]
    BuildContext {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl EngineError {
    /// Whether the engine said that the thing is not there.
    pub fn is_not_found(&self) -> bool {
        // Managers pass the cluster's answer on under other codes too.
        matches!(self, EngineError::Call { status: Some(404), .. })
            || matches!(self, EngineError::Call { status: Some(_), message, .. } if message.trim_end().ends_with(" not found"))
    }

    /// Whether the engine said that the thing is there already or in use.
    pub fn is_conflict(&self) -> bool {
        matches!(self, EngineError::Call { status: Some(409), .. })
    }

    /// Whether the engine could not be talked to at all, so that the same call may succeed later.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, EngineError::Unreachable { .. })
    }

    /// Whether an object of the cluster was changed by somebody else between reading and updating it.
    pub fn is_out_of_sequence(&self) -> bool {
        matches!(self, EngineError::Call { message, .. } if message.contains("update out of sequence"))
    }

    /// Whether the engine said that it is in no cluster.
    pub fn is_out_of_cluster(&self) -> bool {
        matches!(self, EngineError::Call { message, .. } if message.contains("not part of a swarm"))
    }

    /// Whether the thing cannot go yet because something still uses it.
    pub fn is_in_use(&self) -> bool {
        let EngineError::Call { message, .. } = self else {
            return false;
        };
        self.is_conflict() || message.contains("in use") || message.contains("active endpoints")
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            EngineError::Unreachable { endpoint, .. } if endpoint.starts_with("unix://") => {
                "start the Docker Engine of this machine, or choose another one with `docker context use` or `DOCKER_HOST`".into()
            }
            EngineError::Unreachable { .. } => "`hoist hosts ls` shows the hosts' state; `hoist up` makes hosts ready again".into(),
            EngineError::Identity { .. } => "`hoist up` makes the certificates anew where they are missing".into(),
            EngineError::Context { .. } => "`docker context ls` lists the contexts of this machine".into(),
            EngineError::NoQuorum { .. } => "start enough of the cluster's managers again: more than half of them must answer".into(),
            EngineError::Image { .. } => {
                "check the name, log in to its registry with `docker login`, or build it here: an image of this machine is sent to the hosts".into()
            }
            EngineError::Build { .. } => "mend the Dockerfile and run the same command again".into(),
            EngineError::BuildContext { .. } => "check `build.context` of the service".into(),
            EngineError::Call { .. } => return None,
        })
    }
}

/// An error and its causes in one line; a cause that says nothing new is left out.
pub fn cause_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
}
