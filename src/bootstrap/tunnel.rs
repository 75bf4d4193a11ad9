//! The engine's Unix socket, brought here over SSH: the way where only port 22 is open.
//!
//! Forwarded channels do not count against sshd's limit of sessions, so one tunnel carries any number of calls.

use std::path::{Path, PathBuf};

use openssh::{ForwardType, Socket, Stdio};

use super::BootstrapError;
use super::ssh::Session;
use crate::engine::error::cause_chain;

const REMOTE_SOCKET: &str = "/var/run/docker.sock";

/// Keeps a connection from counting as idle: OpenSSH ends an idle one after some time, forwardings or not.
pub(super) type Occupant = openssh::Child<std::sync::Arc<openssh::Session>>;

/// The near end of a forwarded engine socket. Dropping it closes the connection and removes the socket.
#[derive(Debug)]
pub struct Tunnel {
    socket: PathBuf,
    _occupant: Occupant,
    session: Session,
}

impl Tunnel {
    /// Where the engine answers, on this machine.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The connection that carries it.
    pub(super) fn session(&self) -> &Session {
        &self.session
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        // OpenSSH leaves it behind. A socket that is gone already is what is wanted.
        std::fs::remove_file(&self.socket).ok();
    }
}

impl Session {
    /// Forwards the engine's socket. The user who logged in has to be root or in the group `docker`.
    pub async fn forward_docker_socket(self) -> Result<Tunnel, BootstrapError> {
        let failed = |error: openssh::Error| BootstrapError::Step {
            host: self.host().to_string(),
            step: "forwarding the engine's socket over SSH",
            reason: cause_chain(&error),
            output: Vec::new(),
        };
        let socket = self.directory.join("docker.sock");
        self.master
            .request_port_forward(
                ForwardType::Local,
                Socket::UnixSocket {
                    path: socket.as_path().into(),
                },
                Socket::UnixSocket {
                    path: Path::new(REMOTE_SOCKET).into(),
                },
            )
            .await
            .map_err(failed)?;
        let occupant = self.occupy().await?;
        Ok(Tunnel {
            socket,
            _occupant: occupant,
            session: self,
        })
    }

    /// Keeps the connection for as long as the answer lives, also while nothing is run over it.
    pub(super) async fn occupy(&self) -> Result<Occupant, BootstrapError> {
        std::sync::Arc::clone(&self.master)
            .arc_command("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .await
            .map_err(|error| BootstrapError::Step {
                host: self.host().to_string(),
                step: "keeping the SSH connection",
                reason: cause_chain(&error),
                output: Vec::new(),
            })
    }
}
