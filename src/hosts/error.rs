//! What can go wrong while hosts are made, found and removed.

use super::openstack::CloudError;
use crate::engine::EngineError;

/// A provider's failure; the message names the host or the pool.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The local provider needs a Docker Engine on this machine.
    #[error("local hosts need a Docker Engine on this machine")]
    NoLocalEngine(#[source] EngineError),
    /// A call to the local engine failed while a host was made, found or removed.
    #[error("host `{host}`: {action} failed")]
    Local {
        host: String,
        action: String,
        #[source]
        source: Box<EngineError>,
    },
    /// The image that a group's local hosts start from is neither on the engine nor in a registry that answers.
    #[error("the base image `{image}` of local hosts cannot be had")]
    BaseImage {
        image: String,
        #[source]
        source: Box<EngineError>,
    },
    /// The machine was made but ended at once; its last lines are kept.
    #[error("host `{host}` stopped while it booted")]
    StoppedAtBoot { host: String, output: Vec<String> },
    /// A file of the pool's state cannot be written or read.
    #[error("{action} {} failed", path.display())]
    State {
        action: &'static str,
        path: std::path::PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// A program that Hoist needs is missing or failed.
    #[error("`{program}` failed: {reason}")]
    Program { program: String, reason: String },
    /// An `ssh` host was asked for that the file does not name.
    #[error("host `{host}` is not in the file")]
    NotInFile { host: String },
    /// A cloud's failure, or of what is said of it.
    #[error(transparent)]
    Cloud(Box<CloudError>),
    /// The group's provider is not in this version.
    #[error("group `{group}`: hosts of `{provider}` are not supported by this version")]
    Unsupported { group: String, provider: &'static str },
}

/// The variants of a cloud's failures are large beside the others.
impl From<CloudError> for HostError {
    fn from(error: CloudError) -> Self {
        HostError::Cloud(Box::new(error))
    }
}

impl HostError {
    /// What the operator can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            HostError::Cloud(error) => error.hint(),
            HostError::NoLocalEngine(_) => {
                Some("start Docker on this machine, or give the group `ssh:` instead of `local:`".into())
            }
            HostError::BaseImage { image, .. } => Some(format!(
                "load it with `docker load` or `docker import - {image}`, or name another one in `local: {{image: …}}`"
            )),
            HostError::StoppedAtBoot { .. } => Some(
                "its lines above say why; on a machine with many local hosts, raise `fs.inotify.max_user_instances`"
                    .into(),
            ),
            HostError::Program { program, .. } if program.starts_with("ssh") => {
                Some("install the OpenSSH client (`openssh-client`)".into())
            }
            _ => None,
        }
    }
}
