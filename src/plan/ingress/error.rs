//! Why the pool cannot have the ingress that its services claim. Each names the services and the way out.

/// Ways in that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IngressError {
    /// The same host and path, or the same TCP port.
    #[error("`x-ingress`: {what} is claimed by {one} and by {other}")]
    Clash {
        /// `http://shop.example.org/cart`, `port 5432`.
        what: String,
        /// Service and project, in words.
        one: String,
        other: String,
    },
    /// One port cannot be listened on in two ways.
    #[error("`x-ingress`: port {port} is {first} for {one} and {second} for {other}")]
    Mixed {
        port: u16,
        /// `HTTP`, `HTTP with TLS`, `TCP`.
        first: &'static str,
        one: String,
        second: &'static str,
        other: String,
    },
    /// The hosts' port is taken already.
    #[error(
        "`x-ingress`: port {port} of the hosts, which service `{service}` listens on, is published by service `{by}`"
    )]
    PortPublished { port: u16, service: String, by: String },
    /// There is nothing to answer on.
    #[error("service `{service}`: `x-ingress` answers on the hosts of a pool, and the file names none")]
    NoPool { service: String },
    /// Routers find the replicas of Swarm services only.
    #[error("service `{service}`: `x-ingress` is for Swarm services, and this one runs as containers that Hoist places{}", because.as_ref().map(|attribute| format!(", since they have no `{attribute}`")).unwrap_or_default())]
    Containers { service: String, because: Option<String> },
    /// A label that another version, or somebody else, wrote.
    #[error("the label `dev.hoist.ingress` of service `{service}` cannot be read: {reason}")]
    Unreadable { service: String, reason: String },
}

impl IngressError {
    /// The service of the project that it is about, where it is about one alone.
    pub fn service(&self) -> Option<&String> {
        match self {
            IngressError::PortPublished { service, .. }
            | IngressError::NoPool { service }
            | IngressError::Containers { service, .. } => Some(service),
            IngressError::Clash { .. } | IngressError::Mixed { .. } | IngressError::Unreadable { .. } => None,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            IngressError::Clash { .. } => "give one of them another `host`, `path` or `listen`".into(),
            IngressError::Mixed { .. } => "give one of them another `listen`".into(),
            IngressError::PortPublished { .. } => {
                "publish another port under `ports`, or give `x-ingress` another `listen`".into()
            }
            IngressError::NoPool { .. } => {
                "publish the port with `ports`, or name hosts: `x-hosts: {lab: {count: 1, local: {}}}`".into()
            }
            IngressError::Containers { .. } => "publish the port with `ports` instead".into(),
            IngressError::Unreadable { .. } => {
                "use the version of Hoist that made the service, or make it anew with this one".into()
            }
        }
    }
}
