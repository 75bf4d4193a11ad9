//! The engine of a host that was made ready before, without looking at the host again.

use std::path::Path;
use std::sync::Arc;

use super::ssh::Session;
use super::ssh_options::real_address;
use super::{Api, BootstrapError, Keyring, Settings, Tunnel};
use crate::engine::{Endpoint, Engine};
use crate::hosts::Host;

/// The engine of a host that was made ready before, without looking at the host; `None` where this machine has no
/// certificate of the pool yet. With `api: ssh` this connects, and the engine answers as long as the tunnel lives.
pub async fn reach(
    host: &Host,
    settings: &Settings,
    keyring: &Keyring,
    runtime_directory: &Path,
) -> Result<Option<(Engine, Option<Arc<Tunnel>>)>, BootstrapError> {
    let engine = |endpoint: &Endpoint| new_engine(host, endpoint);
    match settings.api {
        Api::Ssh => {
            let session = Session::connect(host, runtime_directory, settings.ssh_timeout, &|_| ()).await?;
            let tunnel = Arc::new(session.forward_docker_socket().await?);
            let socket = tunnel.socket().to_path_buf();
            Ok(Some((engine(&Endpoint::Unix { socket })?, Some(tunnel))))
        }
        Api::Tls => match keyring.client_identity().await? {
            Some(identity) => {
                let address = real_address(host).await;
                let port = settings.port;
                Ok(Some((
                    engine(&Endpoint::Tls {
                        address,
                        port,
                        identity,
                    })?,
                    None,
                )))
            }
            None => Ok(None),
        },
        Api::InsecureTcp => match &host.private_address {
            Some(address) => {
                let (address, port) = (address.clone(), settings.port);
                Ok(Some((engine(&Endpoint::Tcp { address, port })?, None)))
            }
            None => Ok(None),
        },
    }
}

pub(super) fn new_engine(host: &Host, endpoint: &Endpoint) -> Result<Engine, BootstrapError> {
    Engine::new(host.name.clone(), endpoint).map_err(|source| BootstrapError::Engine {
        host: host.name.clone(),
        action: "connecting".to_string(),
        source: Box::new(source),
    })
}
