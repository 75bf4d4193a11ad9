//! The one stream that tells everybody what a deployment does.
//!
//! Knows what happened, never how it looks: plain, live and JSON output in `ui` are three readers of it.

use std::time::Duration;

use crate::bootstrap;
use crate::compose::Place;
use crate::hosts::MakeProgress;
use crate::plan::rolling::Scales;

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A host came further.
    Host { host: String, progress: HostProgress },
    /// An image came further.
    Image { image: String, progress: ImageProgress },
    /// A network, volume, config or secret came further.
    Resource {
        kind: ResourceKind,
        name: String,
        progress: ResourceProgress,
    },
    /// A service came further.
    Service { service: String, progress: ServiceProgress },
    /// Something the operator should know, said once.
    Warning { message: String, hint: Option<String> },
    /// Something worth a line: decisions of the plan. `place`: what of the file it is about.
    Note { message: String, place: Option<Place> },
    /// A rolling upgrade came to these numbers of replicas.
    Rolling { old: String, new: String, scales: Scales },
    /// Where published ports answer: the last word of `up`.
    Published { service: String, addresses: Vec<String> },
    /// The command is through.
    Finished {
        command: &'static str,
        project: String,
        changes: usize,
        took: Duration,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum HostProgress {
    Make(MakeProgress),
    Bootstrap(bootstrap::Progress),
    /// It was there and ready: nothing to do.
    UpToDate,
    /// Replicas that are still to end here or to start elsewhere.
    Draining {
        left: u64,
    },
    /// Nothing of the cluster runs on it, and nothing will.
    Drained,
    /// It takes replicas again.
    Activated,
    /// Labels were set or taken away.
    Labelled,
    Removing,
    Removed,
    Failed {
        reason: String,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum ImageProgress {
    /// One line of the builder's output.
    Building {
        line: String,
    },
    Built,
    Pulling {
        host: String,
        status: String,
    },
    /// Bytes sent to a host so far.
    Sending {
        host: String,
        bytes: u64,
    },
    /// The host has it.
    Provided {
        host: String,
    },
    Failed {
        reason: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResourceKind {
    Network,
    Volume,
    Config,
    Secret,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceProgress {
    Creating,
    Created,
    /// So many bytes of its content are at another host by now.
    Copying {
        bytes: u64,
    },
    Removing,
    Removed,
    Failed {
        reason: String,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum ServiceProgress {
    /// Waits for these services.
    Waiting {
        services: Vec<String>,
    },
    Creating,
    Updating,
    /// Replicas that run (and are healthy, where they have a healthcheck) of those wanted; what holds the rest up.
    Converging {
        running: u64,
        desired: u64,
        message: Option<String>,
    },
    /// All replicas run (`healthy` where it has a healthcheck).
    Running {
        replicas: u64,
        healthy: bool,
    },
    /// A one-shot service ended well.
    Completed,
    UpToDate,
    /// What ran before an upgrade in place is being brought back.
    RollingBack,
    /// It runs again.
    RolledBack,
    /// An upgrade in place is final.
    Confirmed,
    /// An upgrade in place goes no further.
    Cancelled,
    Failed {
        reason: String,
        log: Vec<String>,
    },
    /// Left as it was, because what it comes after failed.
    Skipped,
    Removing,
    Removed,
}

/// Takes each event. Clones go to the same place.
#[derive(Clone)]
pub struct Events(std::sync::Arc<dyn Fn(Event) + Send + Sync>);

impl Events {
    /// Events for a reader.
    pub fn new(reader: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Events(std::sync::Arc::new(reader))
    }

    /// Tells the reader.
    pub fn emit(&self, event: Event) {
        (self.0)(event);
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}
