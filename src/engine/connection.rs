//! How one engine is reached: over a Unix socket (its own or a forwarded one), mutual TLS or plain TCP.
//!
//! Connections are pooled. Never falls back from one endpoint to another.
//!
//! No call names an API version: bollard 0.21.1 drops the `/v1.NN` prefix and Hoist's own requests leave it out, so
//! each engine answers in its newest version. Old and new engines thus serve in one cluster; the fields that only
//! some of them know are optional in the models.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use super::error::EngineError;
use super::models;
use super::wire::Wire;

/// How long an engine may take to begin its answer, unless a call says otherwise.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// Where an engine listens.
#[derive(Debug, Clone)]
pub enum Endpoint {
    /// The engine's own socket, or the near end of one forwarded over SSH.
    Unix { socket: PathBuf },
    /// Mutual TLS; only the pool's own CA is trusted.
    Tls {
        address: String,
        port: u16,
        identity: Arc<ClientIdentity>,
    },
    /// No authentication at all: only where the operator asked for it in so many words.
    Tcp { address: String, port: u16 },
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Endpoint::Unix { socket } => write!(f, "unix://{}", socket.display()),
            Endpoint::Tls { address, port, .. } | Endpoint::Tcp { address, port } if address.contains(':') => {
                write!(f, "tcp://[{address}]:{port}")
            }
            Endpoint::Tls { address, port, .. } | Endpoint::Tcp { address, port } => {
                write!(f, "tcp://{address}:{port}")
            }
        }
    }
}

/// What a client shows and trusts, in PEM. An empty certificate and key: the client shows none.
pub struct ClientIdentity {
    pub authority: String,
    pub certificate: String,
    pub key: String,
}

impl std::fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientIdentity")
    }
}

/// One Docker Engine. Cheap to clone; clones share the pooled connections.
#[derive(Debug, Clone)]
pub struct Engine {
    /// Hoist's name of the host that it runs on.
    pub name: String,
    pub(crate) docker: bollard::Docker,
    pub(super) wire: Wire,
    pub(super) endpoint: Arc<str>,
}

impl Engine {
    /// Makes a handle without a call: the first operation connects.
    ///
    /// # Errors
    ///
    /// [`EngineError::Identity`] where the TLS material is unusable.
    pub fn new(name: impl Into<String>, endpoint: &Endpoint) -> Result<Engine, EngineError> {
        let name = name.into();
        let identity = |reason: String| EngineError::Identity {
            engine: name.clone(),
            reason,
        };
        let wire = Wire::new(endpoint).map_err(identity)?;
        let transport = wire.clone();
        let docker = bollard::Docker::connect_with_custom_transport(
            move |request| {
                let answer = transport.send(request);
                async move { answer.await.map_err(bollard::errors::Error::from) }
            },
            Some(super::request::ORIGIN),
            ANSWER_TIMEOUT.as_secs(),
            bollard::API_DEFAULT_VERSION,
        )
        .map_err(|error| identity(error.to_string()))?;
        Ok(Engine {
            name,
            docker,
            wire,
            endpoint: endpoint.to_string().into(),
        })
    }

    /// The same engine, whose answers must begin within `timeout` (whole seconds, at least one). Streams live on.
    pub fn with_timeout(&self, timeout: Duration) -> Engine {
        let mut engine = self.clone();
        let seconds = timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0);
        engine.docker.set_timeout(Duration::from_secs(seconds.max(1)));
        engine
    }

    /// Where it listens, for messages.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Whether the engine answers.
    pub async fn ping(&self) -> Result<(), EngineError> {
        self.docker.ping().await.map_err(self.failed("ping"))?;
        Ok(())
    }

    pub async fn version(&self) -> Result<EngineVersion, EngineError> {
        let answer = self.docker.version().await.map_err(self.failed("version"))?;
        Ok(EngineVersion {
            version: answer.version.unwrap_or_default(),
            api_version: answer.api_version.unwrap_or_default(),
            operating_system: answer.os.unwrap_or_default(),
            architecture: answer.arch.unwrap_or_default(),
            kernel: answer.kernel_version.unwrap_or_default(),
        })
    }

    /// All that the engine says of itself. Slower than [`Self::version`]: it counts containers and images.
    pub async fn info(&self) -> Result<models::SystemInfo, EngineError> {
        self.docker.info().await.map_err(self.failed("info"))
    }
}

/// What an engine is (Engine API: *SystemVersion*).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineVersion {
    pub version: String,
    /// The newest version that it speaks, such as `1.41`.
    pub api_version: String,
    /// `linux`
    pub operating_system: String,
    /// `amd64`, `arm64`, …
    pub architecture: String,
    pub kernel: String,
}

impl EngineVersion {
    /// Whether the engine knows what came with this version of the API.
    pub fn speaks(&self, major: u32, minor: u32) -> bool {
        let mut numbers = self.api_version.split('.').map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(own_major)), Some(Ok(own_minor))) => (own_major, own_minor) >= (major, minor),
            _ => false,
        }
    }
}

/// The engines that a project runs on.
#[derive(Debug, Clone)]
pub struct Engines {
    /// The one that cluster calls go to; `None` without a cluster.
    pub manager: Option<Engine>,
    /// Host name to engine, in the pool's order. Without a pool: the one engine of the Docker context.
    pub hosts: IndexMap<String, Engine>,
}
