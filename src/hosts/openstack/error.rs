//! What can go wrong between Hoist and a cloud.
//!
//! Every message says what was done and what the cloud said of it; the cloud's own words are kept.

use std::time::Duration;

/// A failure of a cloud, or of what the file and the operator's machine say of it.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// The cloud's configuration is missing or cannot be used.
    #[error("{message}")]
    Configuration { message: String, hint: String },
    /// What a group asks for cannot be had from OpenStack, or does not fit together.
    #[error("group `{group}`: {message}")]
    Settings {
        group: String,
        message: String,
        hint: String,
    },
    /// The cloud refused the operator's credentials.
    #[error("`{cloud}` refuses the login: {reason}")]
    Login { cloud: String, reason: String },
    /// No answer, however often it was asked.
    #[error("{action}: no answer from the cloud: {reason}")]
    NoAnswer { action: String, reason: String },
    /// The cloud answered, and refused.
    #[error("{action}: the cloud says {status}: {message}")]
    Refused {
        action: String,
        status: u16,
        message: String,
    },
    /// The cloud answered something that is not what its API promises.
    #[error("{action}: the cloud's answer cannot be used: {reason}")]
    Answer { action: String, reason: String },
    /// Something that the file names is not in the cloud.
    #[error("no {kind} `{name}` in the cloud")]
    Missing {
        kind: &'static str,
        name: String,
        /// What there is instead, for the hint.
        known: Vec<String>,
    },
    /// A name fits several things of the cloud.
    #[error("the {kind} `{name}` is {count} things in the cloud")]
    Ambiguous {
        kind: &'static str,
        name: String,
        count: usize,
    },
    /// Nova could not build the server.
    #[error("server `{server}` is in ERROR: {fault}")]
    ServerFault { server: String, fault: String },
    /// The server was not ACTIVE in time.
    #[error(
        "server `{server}` is {status} after {}",
        crate::hosts::openstack::error::seconds(waited)
    )]
    NeverActive {
        server: String,
        /// Its status, with what Nova does with it.
        status: String,
        waited: Duration,
    },
    /// A file that the settings name.
    #[error("{action} {} failed", path.display())]
    File {
        action: &'static str,
        path: std::path::PathBuf,
        #[source]
        source: std::io::Error,
    },
}

pub(super) fn seconds(waited: &Duration) -> String {
    format!("{} s", waited.as_secs())
}

impl CloudError {
    /// The HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            CloudError::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether what was asked for is not there (any more).
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// What the operator can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            CloudError::Configuration { hint, .. } | CloudError::Settings { hint, .. } => hint.clone(),
            CloudError::Login { .. } => {
                "check the user or application credential, the project and its domain in `clouds.yaml` or the `OS_*` variables".into()
            }
            CloudError::NoAnswer { .. } => "run it again: what was made is found and gone on with".into(),
            CloudError::Refused { message, .. } | CloudError::ServerFault { fault: message, .. }
                if message.to_lowercase().contains("quota") =>
            {
                "ask for more quota, or make fewer or smaller hosts".into()
            }
            CloudError::Refused { status: 403, .. } => "the cloud's policy does not let this user do it: ask for the role".into(),
            CloudError::Missing { known, .. } if !known.is_empty() => {
                let shown: Vec<String> = known.iter().take(12).map(|name| format!("`{name}`")).collect();
                format!("there is {}", shown.join(", "))
            }
            CloudError::Ambiguous { .. } => "name it by its id".into(),
            CloudError::ServerFault { .. } => "the next run makes it anew; if it fails again, ask the cloud's operator".into(),
            CloudError::NeverActive { .. } => {
                "the next run goes on waiting; `timeout` of `x-openstack` says for how long".into()
            }
            _ => return None,
        })
    }
}
