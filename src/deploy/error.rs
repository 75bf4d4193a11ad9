//! What can go wrong while a plan is carried out. Partial failure is a state of its own: what could be done was done,
//! and the error lists what was not.

use super::in_service::Decision;
use super::lock::Holder;
use crate::bootstrap::BootstrapError;
use crate::compose::{Place, Project};
use crate::engine::EngineError;
use crate::engine::error::cause_chain;
use crate::hosts::HostError;
use crate::plan::PlanError;
use crate::plan::in_service::State;
use crate::plan::ingress::IngressError;
use crate::plan::rolling::{Scales, UpgradeError};
use crate::plan::volume_move::VolumeMoveError;

/// Why the project cannot run on its hosts, and what of the file that is about.
#[derive(Debug)]
pub struct Misfit {
    pub error: PlanError,
    /// The attribute, or what is nearest above it.
    pub place: Option<Place>,
}

impl Misfit {
    /// The plan's errors, each with its place in the project's files.
    pub(super) fn all(project: &Project, errors: Vec<PlanError>) -> DeployError {
        let place = |error: &PlanError| project.places.nearest(&error.path()?).cloned();
        let misfits = errors.into_iter().map(|error| Misfit {
            place: place(&error),
            error,
        });
        DeployError::Plan(misfits.collect())
    }
}

/// Why a deployment did not end well.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// Some hosts could not be made or made ready; the others were.
    #[error("{} of {total} hosts failed: {}", failed.len(), failed.iter().map(|failure| failure.host.as_str()).collect::<Vec<_>>().join(", "))]
    Hosts {
        failed: Vec<HostFailure>,
        total: usize,
        /// What went wrong on the hosts that are ready.
        then: Option<Box<DeployError>>,
    },
    /// The pool's hosts cannot be listed, or what they share cannot be made.
    #[error(transparent)]
    Provider(HostError),
    /// The cluster cannot be made, joined or reached.
    #[error(transparent)]
    Cluster(BootstrapError),
    /// The project cannot run on these hosts as the file says.
    #[error("the project does not fit these hosts")]
    Plan(Vec<Misfit>),
    /// A volume cannot move to another host; its data is where it was.
    #[error(transparent)]
    VolumeMove(VolumeMoveError),
    /// A rolling upgrade cannot begin; nothing was touched.
    #[error(transparent)]
    Upgrade(UpgradeError),
    /// A batch of a rolling upgrade did not come up.
    #[error("the upgrade from `{old}` to `{new}` was {}: {}", if *rolled_back { "rolled back" } else { "stopped" }, stand(old, new, *stands))]
    UpgradeStopped {
        old: String,
        new: String,
        /// What each has now.
        stands: Scales,
        rolled_back: bool,
        cause: Box<DeployError>,
    },
    /// A service that was named is in no state for what is asked; nothing was touched.
    #[error("{}", not_upgraded(service, *decision, *state, *runs))]
    NotUpgraded {
        service: String,
        decision: Decision,
        state: Option<State>,
        runs: bool,
    },
    /// Some steps failed; those that depend on them were left out.
    #[error("{} failed", failed.iter().map(|failure| failure.subject.as_str()).collect::<Vec<_>>().join(", "))]
    Steps {
        failed: Vec<StepFailure>,
        skipped: Vec<String>,
    },
    /// An engine does not answer, or refused a call outside any step.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// An image is to be built, and there is no engine to build it on.
    #[error("building `{image}` needs a Docker Engine on this machine")]
    NoBuilder {
        image: String,
        #[source]
        source: EngineError,
    },
    /// A config's or secret's content cannot be had.
    #[error("{kind} `{key}`: {reason}")]
    Content {
        kind: &'static str,
        key: String,
        reason: String,
    },
    /// A service that was named is not in the project.
    #[error("no service `{service}` in project `{project}`")]
    NoSuchService {
        service: String,
        project: String,
        known: Vec<String>,
    },
    /// A revision that was named is not kept.
    #[error("project `{project}` has no revision {number}")]
    NoSuchRevision {
        project: String,
        number: u64,
        known: Vec<u64>,
    },
    /// The operator interrupted.
    #[error("interrupted; unfinished: {}", unfinished.join(", "))]
    Interrupted { unfinished: Vec<String> },
    /// Somebody else is at work on the project.
    #[error("project `{project}` is locked by {holder}")]
    Locked { project: String, holder: Box<Holder> },
    /// The project's lock was removed while this command held it, or somebody else has it by now.
    #[error("the lock of project `{project}` {}; unfinished: {}", where_to(to.as_deref()), unfinished.join(", "))]
    LockLost {
        project: String,
        to: Option<Box<Holder>>,
        unfinished: Vec<String>,
    },
    /// The project's pool has no hosts.
    #[error("pool `{pool}` has no hosts yet")]
    NoHosts { pool: String },
    /// The pool has hosts, and no manager of its cluster answers.
    #[error("no manager of pool `{pool}` answers: {}", reasons.iter().map(|(host, why)| format!("{host} ({why})")).collect::<Vec<_>>().join(", "))]
    NotReady {
        pool: String,
        reasons: Vec<(String, String)>,
    },
    /// Other projects run on the pool.
    #[error("pool `{pool}` still runs {}", projects.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))]
    PoolInUse { pool: String, projects: Vec<String> },
    /// Hosts that are to go hold data, or may; each with what stands against it.
    #[error("{}", hosts.iter().map(|(host, objection)| format!("host `{host}`: {objection}")).collect::<Vec<_>>().join("; "))]
    HostsHoldData { hosts: Vec<(String, String)> },
    /// The file names no hosts, so that there is no pool.
    #[error("project `{project}` has no `x-hosts`, and so no pool of hosts")]
    NoGroups { project: String },
    /// Every host of the pool was named.
    #[error("that is every host of pool `{pool}`")]
    WholePool { pool: String },
    /// A label that was named is not the operator's to set by hand.
    #[error("the label `{key}` of host `{host}` {reason}")]
    LabelNotFree { host: String, key: String, reason: String },
    /// Some hosts did not answer one who only looks; the others did.
    #[error("{} of the pool's hosts did not answer", silent.len())]
    Silent { silent: Vec<EngineError> },
    /// A host that was named is not in the pool.
    #[error("no host `{host}` in pool `{pool}`")]
    NoSuchHost {
        host: String,
        pool: String,
        known: Vec<String>,
    },
}

fn where_to(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "was removed".to_owned(), |holder| format!("went to {holder}"))
}

fn not_upgraded(service: &str, decision: Decision, state: Option<State>, runs: bool) -> String {
    let nothing = match decision {
        Decision::Confirm => "there is nothing to confirm",
        Decision::RollBack => "there is nothing to roll back to",
        Decision::Cancel => "there is nothing to cancel",
        Decision::Resume => "there is nothing to resume",
    };
    match (state, runs) {
        (Some(state), _) => format!("service `{service}` stands at `{}`: {nothing}", state.as_str()),
        (None, true) => format!("service `{service}` was not upgraded in place: {nothing}"),
        (None, false) => format!("service `{service}` does not run: {nothing}"),
    }
}

fn stand(old: &str, new: &str, scales: Scales) -> String {
    let Scales {
        old: of_old,
        new: of_new,
    } = scales;
    format!("`{old}` has {of_old} and `{new}` {of_new} replicas")
}

/// One host that could not be made ready.
#[derive(Debug)]
pub struct HostFailure {
    pub host: String,
    pub error: HostFailureCause,
}

/// Where a host's way ended.
#[derive(Debug, thiserror::Error)]
pub enum HostFailureCause {
    #[error(transparent)]
    Provider(#[from] HostError),
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// What runs on it does not end or move.
    #[error("host `{host}` is not empty: {reason}")]
    NotEmpty { host: String, reason: String },
    /// It is not replaced for the sake of its data.
    #[error("host `{host}` is not replaced: {objection}")]
    HoldsData { host: String, objection: String },
    /// There is no other host that could hold the cluster meanwhile.
    #[error("host `{host}` is not replaced: it is the only one")]
    OnlyHost { host: String },
    /// The operator interrupted.
    #[error("interrupted")]
    Interrupted,
}

impl HostFailureCause {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            HostFailureCause::Provider(error) => return error.hint(),
            HostFailureCause::Bootstrap(error) => return error.hint(),
            HostFailureCause::NotEmpty { .. } => "look at `hoist hosts ls`; the same command goes on from here".into(),
            HostFailureCause::HoldsData { host, .. } => {
                format!("`hoist hosts rm --force {host}` gives the data up; the next `hoist up` makes the host anew")
            }
            HostFailureCause::OnlyHost { .. } => {
                "raise the group's `count` first, or take the pool down with `hoist hosts down`".into()
            }
            HostFailureCause::Interrupted => return None,
        })
    }
}

/// One step that failed.
#[derive(Debug)]
pub struct StepFailure {
    /// `service web`, `network web-cache_default`, …
    pub subject: String,
    pub error: StepError,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Replicas end as soon as they start.
    #[error("service `{service}`: {reason}")]
    ServiceFailed {
        service: String,
        reason: String,
        log: Vec<String>,
    },
    /// A port of the host is taken by something else.
    #[error("service `{service}`: a published port is taken{}: {reason}", on(host.as_deref()))]
    PortTaken {
        service: String,
        /// `None`: the one engine without a pool.
        host: Option<String>,
        reason: String,
    },
    /// The healthcheck does not succeed; the last probe's output and log lines are kept.
    #[error("service `{service}` is not healthy: {reason}")]
    Unhealthy {
        service: String,
        reason: String,
        log: Vec<String>,
    },
    /// No host fits, in the cluster's own words.
    #[error("service `{service}` finds no host: {reason}")]
    NoHost { service: String, reason: String },
    /// The file asks for what came with a later engine, and which this one would pass over in silence.
    #[error("`{attribute}` needs Docker {needs} or later, and `{engine}` has {has}")]
    EngineTooOld {
        engine: String,
        attribute: &'static str,
        needs: &'static str,
        has: String,
    },
    /// An image cannot be had anywhere.
    #[error("the image `{image}` of service `{service}` cannot be had: {reason}")]
    ImageMissing {
        image: String,
        service: String,
        reason: String,
    },
    /// The time limit ran out.
    #[error("service `{service}` is not up after {seconds} s: {last}")]
    TimedOut {
        service: String,
        seconds: u64,
        last: String,
        log: Vec<String>,
    },
    /// The engine paused or rolled back the update.
    #[error("service `{service}`: the update was stopped: {reason}")]
    UpdateStopped {
        service: String,
        reason: String,
        log: Vec<String>,
        /// It was upgraded in place, and what ran before is kept.
        ways_out: bool,
    },
    /// An upgrade in place was stopped by `hoist cancel`, from elsewhere.
    #[error("service `{service}`: its upgrade was cancelled")]
    Cancelled { service: String },
    /// What ran before an upgrade in place is not kept any more, or cannot be read.
    #[error("service `{service}`: what ran before its upgrade is not kept any more")]
    BeforeLost {
        service: String,
        #[source]
        unreadable: Option<serde_json::Error>,
    },
    /// The ways in of several projects cannot be at once.
    #[error(transparent)]
    Ingress(#[from] IngressError),
    /// The operator interrupted.
    #[error("interrupted")]
    Interrupted,
}

fn on(host: Option<&str>) -> String {
    host.map_or_else(String::new, |host| format!(" on `{host}`"))
}

impl StepError {
    /// What is wrong without the name of what it is wrong with, for displays that have the name already.
    pub fn reason(&self) -> String {
        match self {
            StepError::ServiceFailed { reason, .. } | StepError::Unhealthy { reason, .. } => reason.clone(),
            StepError::PortTaken { host, .. } => format!("a published port is taken{}", on(host.as_deref())),
            StepError::NoHost { .. } => "it finds no host".to_owned(),
            StepError::ImageMissing { .. } | StepError::Engine(EngineError::Image { .. }) => {
                "the image cannot be had".to_owned()
            }
            StepError::TimedOut { seconds, last, .. } => format!("not up after {seconds} s: {last}"),
            StepError::UpdateStopped { .. } => "the update was stopped".to_owned(),
            StepError::Engine(EngineError::Build { .. }) => "the build failed".to_owned(),
            StepError::Engine(error) => cause_chain(error),
            StepError::Cancelled { .. } => "its upgrade was cancelled".to_owned(),
            StepError::BeforeLost { .. } => "what ran before is not kept any more".to_owned(),
            StepError::Ingress(_) | StepError::EngineTooOld { .. } | StepError::Interrupted => self.to_string(),
        }
    }

    /// Last lines of output that belong to the failure.
    pub fn log(&self) -> &[String] {
        match self {
            StepError::ServiceFailed { log, .. }
            | StepError::Unhealthy { log, .. }
            | StepError::TimedOut { log, .. }
            | StepError::UpdateStopped { log, .. } => log,
            StepError::Engine(EngineError::Build { output, .. }) => output,
            _ => &[],
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            StepError::Engine(EngineError::Build { .. }) => "the builder's last lines are above; `hoist up --build` tries again".into(),
            StepError::Engine(error) => return error.hint(),
            StepError::ServiceFailed { service, .. } => format!("see `hoist logs {service}`; once mended, `hoist up` goes on from here"),
            StepError::PortTaken { .. } => "stop what uses the port, or publish another one under `ports`".into(),
            StepError::Unhealthy { service, .. } => format!("see `hoist logs {service}` and the `healthcheck` of the service"),
            StepError::NoHost { .. } => "look at `hoist hosts ls`, and at `deploy.placement` and `deploy.resources` of the service".into(),
            StepError::ImageMissing { .. } => {
                "check the name, log in to its registry with `docker login`, or build it here: an image of this machine is sent to the hosts".into()
            }
            StepError::TimedOut { .. } => "`hoist ps` shows where it stands; `--wait-timeout` gives it longer".into(),
            StepError::UpdateStopped {
                service, ways_out: true, ..
            } => format!("`hoist resume {service}` goes on with it; `hoist rollback {service}` brings back what ran before"),
            StepError::UpdateStopped { .. } => "mend the service and run `hoist up` again".into(),
            StepError::Cancelled { service } => {
                format!("`hoist resume {service}` goes on with it; `hoist rollback {service}` brings back what ran before")
            }
            StepError::BeforeLost { service, .. } => {
                format!("`hoist confirm {service}` lets it be as it is; `hoist history` lists what can be gone back to")
            }
            StepError::Ingress(error) => error.hint(),
            StepError::EngineTooOld { attribute, .. } => format!("leave {attribute} out, or put a newer Docker on the host"),
            StepError::Interrupted => return None,
        })
    }
}
