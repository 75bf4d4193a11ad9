//! Why no plan can be made. Each names the service and the way out.

use super::ingress::IngressError;

/// A project that cannot run on these hosts as the file says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Every host is excluded by a rule.
    #[error("service `{service}` fits no host: {}", reasons.iter().map(|(host, rule)| format!("{host} ({rule})")).collect::<Vec<_>>().join(", "))]
    NoHost {
        service: String,
        reasons: Vec<(String, String)>,
    },
    /// The hosts that fit have no room for all replicas.
    #[error("service `{service}`: {} has a host: {}", match replicas { Some(replicas) => format!("only {placed} of its {replicas} replicas"), None => "not every replica".to_owned() }, reasons.iter().map(|(host, rule)| format!("{host} ({rule})")).collect::<Vec<_>>().join(", "))]
    HostsFull {
        service: String,
        /// Replicas that have a host.
        placed: u64,
        /// `None` for one on every host.
        replicas: Option<u64>,
        reasons: Vec<(String, String)>,
    },
    /// A placement constraint cannot be read.
    #[error(
        "service `{service}`: the placement constraint `{constraint}` is not `ATTRIBUTE == VALUE` or `ATTRIBUTE != VALUE`"
    )]
    Constraint { service: String, constraint: String },
    /// More replicas with a port of their host than hosts.
    #[error(
        "service `{service}`: each of its {replicas} replicas publishes port {port} of its host, and it has {hosts} {} to run on", if *hosts == 1 { "host" } else { "hosts" }
    )]
    TooFewHostsForPort {
        service: String,
        port: u16,
        replicas: u64,
        hosts: usize,
    },
    /// The service's volumes lie on different hosts.
    #[error("service `{service}`: its volumes lie on different hosts: {}", volumes.iter().map(|(volume, host)| format!("`{volume}` on {host}")).collect::<Vec<_>>().join(", "))]
    VolumesApart {
        service: String,
        volumes: Vec<(String, String)>,
    },
    /// The host that has the volume is not one that the constraints allow.
    #[error("service `{service}`: its volume `{volume}` is on {host}, which its placement excludes ({rule})")]
    VolumeElsewhere {
        service: String,
        volume: String,
        host: String,
        rule: String,
    },
    /// It must be near containers of which none has a host yet.
    #[error("service `{service}` must be near {who}, and no host has one that is known of")]
    NobodyNear { service: String, who: String },
    /// A volume is on its way from one host to another.
    #[error("service `{service}`: its volume `{volume}` is on its way from {from} to {to}: a move was interrupted")]
    VolumeHalfway {
        service: String,
        volume: String,
        from: String,
        to: String,
    },
    /// Services wait for each other.
    #[error("services depend on each other in a circle: {}", path.join(" → "))]
    DependencyCycle { path: Vec<String> },
    /// A runtime was asked for that cannot run the service.
    #[error("service `{service}`: `x-runtime: service` cannot be: {reason}")]
    RuntimeImpossible { service: String, reason: String },
    /// An external network or volume that is not there.
    #[error("{kind} `{name}` is external and does not exist")]
    ExternalMissing {
        kind: &'static str,
        /// What the file calls it.
        key: String,
        name: String,
    },
    /// Ways in that cannot be.
    #[error(transparent)]
    Ingress(#[from] IngressError),
}

impl PlanError {
    /// The attribute that it is about; one that is not in the file is meant by the nearest one above it.
    pub fn path(&self) -> Option<String> {
        let (service, attribute) = match self {
            PlanError::NoHost { service, .. } | PlanError::Constraint { service, .. } => {
                (service, "deploy.placement.constraints")
            }
            PlanError::HostsFull { service, .. } => (service, "deploy"),
            PlanError::TooFewHostsForPort { service, .. } => (service, "ports"),
            PlanError::VolumesApart { service, .. }
            | PlanError::VolumeElsewhere { service, .. }
            | PlanError::VolumeHalfway { service, .. } => (service, "volumes"),
            PlanError::NobodyNear { service, .. } => (service, "labels"),
            PlanError::RuntimeImpossible { service, .. } => (service, "x-runtime"),
            PlanError::DependencyCycle { path } => (path.first()?, "depends_on"),
            PlanError::ExternalMissing { kind, key, .. } => return Some(format!("{kind}s.{key}")),
            PlanError::Ingress(error) => (error.service()?, "x-ingress"),
        };
        Some(format!("services.{service}.{attribute}"))
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            PlanError::NoHost { .. } => "change `deploy.placement.constraints`, label hosts so that they match (`labels` in `x-hosts`, or `hoist hosts label`), or open drained ones again with `hoist hosts activate`".into(),
            PlanError::HostsFull { .. } => "lower `deploy.replicas` or what is reserved, raise `max_replicas_per_node`, or add hosts".into(),
            PlanError::Constraint { .. } => "for example `node.labels.tier == web`".into(),
            PlanError::TooFewHostsForPort { .. } => {
                "lower `deploy.replicas`, add hosts to the group, or leave `published` out so that each host chooses a port".into()
            }
            PlanError::VolumesApart { .. } => "a service runs where its volumes are: keep them on one host".into(),
            PlanError::VolumeElsewhere { .. } => "change the constraint, or remove the volume with `hoist down -v` if its data may go".into(),
            PlanError::NobodyNear { .. } => {
                "let it depend on that service (`depends_on`), and let that one run as containers too (`x-runtime: container`) or start it first".into()
            }
            PlanError::VolumeHalfway { volume, to, .. } => format!("`hoist volumes move {volume} {to}` goes on from where it is"),
            PlanError::DependencyCycle { .. } => "remove one of the `depends_on` entries".into(),
            PlanError::RuntimeImpossible { .. } => "use `x-runtime: container`, or leave `x-runtime` out".into(),
            PlanError::Ingress(error) => error.hint(),
            PlanError::ExternalMissing { .. } => "create it first, or remove `external: true`".into(),
        }
    }
}
