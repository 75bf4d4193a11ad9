//! Where replicas should be for the sake of other containers, or would rather be: what Rancher's scheduling labels say beyond
//! constraints.

/// What a service says of the hosts it would like, and of whom it should be near or away from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Affinity {
    /// Constraints, as Swarm writes them, that hold on hosts that are better than others.
    pub preferred: Vec<String>,
    pub containers: Vec<Neighbour>,
}

/// One rule about other containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    pub who: Who,
    /// On a host that has one of them, or on one that has none.
    pub near: bool,
    /// A host that breaks it is out of the question; else it is only worse than others.
    pub hard: bool,
}

/// Which containers a rule is about, those of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Those of a service of the file.
    Service(String),
    Label {
        key: String,
        value: String,
    },
    /// The one of that name.
    Name(String),
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Who::Service(service) => write!(f, "service `{service}`"),
            Who::Label { key, value } => write!(f, "containers with the label `{key}={value}`"),
            Who::Name(name) => write!(f, "container `{name}`"),
        }
    }
}
