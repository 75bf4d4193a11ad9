//! What must change: project + observation → [`Plan`]. Pure: the same input gives the same plan.
//!
//! Knows how a Compose service becomes a Swarm service or containers, where things go, and in which order.
//! Never does any I/O.

mod beside;
mod cluster_services;
mod container;
mod containers;
pub mod digest;
pub mod down;
mod draft;
pub mod draining;
pub mod error;
pub mod host_data;
pub mod hosts;
pub mod images;
pub mod in_service;
pub mod ingress;
mod neighbours;
mod networks;
mod objects;
pub mod order;
pub mod placement;
pub mod rebalance;
pub mod revision;
pub mod rolling;
pub mod runtime;
mod shapes;
pub mod swarm_service;
pub mod up;
mod update_order;
pub mod update_pace;
pub mod volume_move;
pub mod volumes;

use std::collections::BTreeMap;

use crate::compose::Place;
use crate::engine::{labels, models};

pub use container::INTERFACE_NAME;
pub use down::{DownOptions, down};
pub use draft::{Situation, UpOptions};
pub use error::PlanError;
pub use up::up;
pub use update_pace::UpdatePace;

/// The ordered steps from what is to what should be.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    pub steps: Vec<Step>,
    /// Services that are as they should be.
    pub unchanged: Vec<String>,
    /// What the operator should know: why something is done otherwise than the file might suggest.
    pub notes: Vec<Note>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// One thing to do.
#[derive(Debug, Clone)]
pub struct Step {
    pub action: Action,
    /// Indices of the steps that must have succeeded before.
    pub after: Vec<usize>,
    /// Why: what is missing or what differs, in a few words (`new`, `image changed`, `not in the file`).
    pub reason: String,
}

/// Something said once with the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub message: String,
    /// The attribute path that it is about, where there is one.
    pub path: Option<String>,
    /// Where that stands, or what is nearest above it.
    pub place: Option<Place>,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Action {
    /// Makes a host; bootstrap and joining belong to it.
    MakeHost {
        host: String,
        group: String,
        provider: &'static str,
    },
    /// Takes a host out of the cluster and removes it.
    RemoveHost {
        host: String,
    },
    /// Makes sure that a host that is there runs Docker as it should and is in the cluster.
    BootstrapHost {
        host: String,
    },
    /// Takes a host's place with a new one of the same name, once it is empty.
    ReplaceHost {
        host: String,
        group: String,
        provider: &'static str,
    },
    /// Lets so many hosts manage the cluster.
    ChangeManagers {
        to: usize,
    },
    /// Makes, changes or removes what a provider has beside hosts.
    ChangeResource {
        resource: crate::hosts::ResourceChange,
    },
    BuildImage {
        image: String,
        service: String,
    },
    /// The image must be on these hosts (pulled there, or streamed from the operator's engine).
    ProvideImage {
        image: String,
        hosts: Vec<String>,
    },
    CreateNetwork {
        network: Box<NetworkPlan>,
    },
    CreateVolume {
        volume: Box<VolumePlan>,
    },
    CreateObject {
        object: ObjectPlan,
    },
    CreateService {
        service: Box<ServicePlan>,
    },
    UpdateService {
        service: Box<ServicePlan>,
        id: String,
        version: u64,
    },
    /// The service is as it should be and not all of its replicas run yet: an earlier run was interrupted.
    AwaitService {
        service: Box<ServicePlan>,
        id: String,
    },
    CreateContainer {
        container: Box<ContainerPlan>,
    },
    /// New containers take the places of old ones, at the service's pace.
    ReplaceContainers {
        service: String,
        pace: UpdatePace,
        /// What gave way is kept until the change is confirmed or rolled back.
        in_place: bool,
        replacements: Vec<ContainerReplacement>,
    },
    StartContainer {
        service: String,
        host: String,
        name: String,
        id: String,
        must_be: Readiness,
    },
    RemoveContainer {
        service: String,
        host: String,
        name: String,
        id: String,
        grace: Option<std::time::Duration>,
    },
    /// Stops a container and keeps it until the change is confirmed or rolled back.
    SetAsideContainer {
        service: String,
        host: String,
        name: String,
        id: String,
        grace: Option<std::time::Duration>,
    },
    RemoveService {
        service: String,
        name: String,
        id: String,
    },
    /// Brings the pool's ingress to what the services claim by then.
    SettleIngress {
        ingress: ingress::IngressPlan,
    },
    RemoveNetwork {
        name: String,
        host: Option<String>,
        id: String,
    },
    RemoveVolume {
        name: String,
        host: String,
    },
    RemoveObject {
        kind: ObjectKind,
        name: String,
        id: String,
    },
}

impl Action {
    /// The containers that it makes.
    pub fn containers(&self) -> Vec<&ContainerPlan> {
        match self {
            Action::CreateContainer { container } => vec![container],
            Action::ReplaceContainers { replacements, .. } => {
                replacements.iter().map(|replacement| &replacement.container).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// A new container in an old one's place.
#[derive(Debug, Clone)]
pub struct ContainerReplacement {
    pub container: ContainerPlan,
    /// The old one's id, and where it is.
    pub old: String,
    pub old_host: String,
    /// What differs, in a few words.
    pub reason: String,
}

/// A network that is to be made.
#[derive(Debug, Clone)]
pub struct NetworkPlan {
    pub name: String,
    /// The engine to make it on; `None`: the cluster.
    pub host: Option<String>,
    pub request: models::NetworkCreateRequest,
}

/// A volume that is to be made on one host.
#[derive(Debug, Clone)]
pub struct VolumePlan {
    pub name: String,
    pub host: String,
    pub request: models::VolumeCreateRequest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    Config,
    Secret,
}

/// A Swarm config or secret that is to be made. The content is not here: `deploy` has it under the key.
#[derive(Debug, Clone)]
pub struct ObjectPlan {
    pub kind: ObjectKind,
    /// Key in the file.
    pub key: String,
    /// The engine's name, with the content's digest in it.
    pub name: String,
    pub labels: BTreeMap<String, String>,
}

/// A Swarm service that is to be made or changed.
#[derive(Debug, Clone)]
pub struct ServicePlan {
    /// Name in the file.
    pub service: String,
    /// The image's name in the file; the specification's image is filled in when the image is at hand.
    pub image: String,
    /// The exact image as far as it is known: the id of one made on the operator's engine, or what runs now.
    pub exact_image: Option<String>,
    /// Replace the replicas even where nothing differs.
    pub force: bool,
    pub spec: models::ServiceSpec,
    /// `None`: global.
    pub replicas: Option<u64>,
    pub must_be: Readiness,
    /// What runs now is kept until the change is confirmed or rolled back; and the pace that the operator asks for.
    pub in_service: Option<in_service::InService>,
}

impl ServicePlan {
    /// A service by a specification that ran already, whatever any file says: its image is exact, and nobody is asked for it.
    pub fn of_what_ran(service: &str, spec: models::ServiceSpec) -> ServicePlan {
        let image = spec.labels.as_ref().and_then(|own| own.get(labels::STACK_IMAGE));
        let replicated = spec.mode.as_ref().and_then(|mode| mode.replicated.as_ref());
        ServicePlan {
            service: service.to_owned(),
            image: image.cloned().unwrap_or_default(),
            exact_image: None,
            force: false,
            replicas: replicated.and_then(|replicated| u64::try_from(replicated.replicas?).ok()),
            must_be: Readiness::Running,
            in_service: None,
            spec,
        }
    }
}

/// A container that is to be made.
#[derive(Debug, Clone)]
pub struct ContainerPlan {
    pub service: String,
    pub number: u64,
    pub host: String,
    pub name: String,
    pub image: String,
    pub platform: Option<String>,
    /// `service:NAME` in it stands for that service's first container on the same host: where a name space or volumes are
    /// shared.
    pub body: models::ContainerCreateBody,
    /// Networks after the first, joined before the start.
    pub networks: Vec<(String, models::EndpointSettings)>,
    /// Configs and secrets, put into the container before it starts.
    pub files: Vec<crate::compose::model::FileReference>,
    pub must_be: Readiness,
    /// It runs, and is healthy, before what it replaces stops.
    pub starts_first: bool,
}

/// What a service must be before what depends on it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Readiness {
    /// Running and, where it has a healthcheck, healthy.
    Running,
    /// Ended with exit code 0.
    Completed,
}
