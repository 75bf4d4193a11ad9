//! The hosts of a project as they are: surveyed without SSH, and reached without changing anything.
//!
//! Knows what tells that a host is as it should be. Making hosts ready is `make_ready`'s, removing them `remove_hosts`'.

use std::sync::Arc;

use futures_util::future::join_all;
use indexmap::IndexMap;

use super::error::{DeployError, HostFailure};
use super::host_data;
use super::operator::Operator;
use super::published;
use crate::bootstrap::{self, BootstrapError, Keyring, Tunnel, roles};
use crate::compose::Project;
use crate::compose::model::{DockerApi, DockerInstall};
use crate::engine::observation::ObservedNode;
use crate::engine::{Engine, Engines, labels};
use crate::hosts::Host;
use crate::hosts::groups::{HostDifference, difference};
use crate::hosts::openstack::Asked;
use crate::hosts::providers::{Machine, Providers};
use crate::plan::host_data::{Held, hold_back};
use crate::plan::hosts::HostsSituation;
use crate::plan::{self, Note, Step, placement};

/// The hosts that a project runs on, and the engines that answer.
pub struct Pool {
    /// Every host of the pool that there is now.
    pub hosts: Vec<Host>,
    pub engines: Engines,
    pub nodes: Vec<ObservedNode>,
    /// Hosts that could not be made ready.
    pub failed: Vec<HostFailure>,
    /// Hosts that were made, changed or removed.
    pub changed: usize,
    /// Forwarded sockets, which must live as long as their engines are used.
    pub tunnels: Vec<Arc<Tunnel>>,
}

/// What a look at the pool says, before anything is changed.
pub struct Survey {
    pub difference: HostDifference,
    /// The hosts that are there, with the engines of those that could be tried.
    pub engines: Engines,
    pub nodes: Vec<ObservedNode>,
    /// Hosts that are there and must be bootstrapped, with the reason.
    pub unready: Vec<(Host, String)>,
    /// Surplus hosts that stay, and hosts that are not replaced, for their data.
    pub held: Vec<Held>,
    pub not_replaced: Vec<Held>,
    /// How many hosts shall manage the cluster.
    pub managers: usize,
    pub(super) tunnels: Vec<Arc<Tunnel>>,
    pub(super) providers: Arc<Providers>,
    pub(super) keyring: Arc<Keyring>,
}

impl Survey {
    /// Every host of the pool that the providers know, running or not.
    ///
    /// # Errors
    ///
    /// The providers cannot list their hosts.
    pub async fn all_hosts(&self) -> Result<Vec<Host>, DeployError> {
        self.providers.list().await.map_err(DeployError::Provider)
    }

    /// Whether every host is there and as it should be. `replace`: hosts that were made otherwise are not.
    pub fn is_settled(&self, replace: bool) -> bool {
        let difference = &self.difference;
        let replaces = replace && !(difference.replace.is_empty() && self.not_replaced.is_empty());
        difference.make.is_empty()
            && difference.remove.is_empty()
            && self.unready.is_empty()
            && self.manager_change().is_none()
            && !replaces
    }

    /// No manager of the pool's cluster answers.
    pub(super) fn not_ready(&self, project: &Project) -> DeployError {
        let reasons = self.unready.iter();
        DeployError::NotReady {
            pool: project.pool.name.clone(),
            reasons: reasons.map(|(host, why)| (host.name.clone(), why.clone())).collect(),
        }
    }

    /// How many hosts manage and how many should, where that differs.
    pub fn manager_change(&self) -> Option<(usize, usize)> {
        let hosts = self.difference.keep.iter();
        let nodes: Vec<&ObservedNode> = hosts.filter_map(|host| node_of(&self.nodes, &host.name)).collect();
        let changes = roles::role_changes(&nodes, self.managers);
        let manage = nodes.iter().filter(|node| node.manager && node.ready).count();
        (changes > 0 && manage > 0).then_some((manage, self.managers))
    }

    /// The hosts' part of a plan: its steps, and what is not done and why.
    ///
    /// # Errors
    ///
    /// A provider cannot be asked for what it has.
    pub async fn plan(&self, pool: &str, replace: bool) -> Result<(Vec<Step>, Vec<Note>), DeployError> {
        let mut make = self.difference.make.clone();
        if replace {
            make.extend(
                self.difference
                    .replace
                    .iter()
                    .map(|replacement| replacement.request.clone()),
            );
        }
        let mut resources = Vec::new();
        for provider in self.providers.all() {
            let found = provider.resources(pool, &make, &self.difference.remove);
            resources.extend(found.await.map_err(DeployError::Provider)?);
        }
        let situation = HostsSituation {
            resources: &resources,
            ..self.situation(replace)
        };
        Ok((plan::hosts::steps(&situation), plan::hosts::notes(&situation)))
    }

    /// What is not done about the hosts, and why.
    pub fn notes(&self, replace: bool) -> Vec<Note> {
        plan::hosts::notes(&self.situation(replace))
    }

    fn situation(&self, replace: bool) -> HostsSituation<'_> {
        HostsSituation {
            difference: &self.difference,
            unready: &self.unready,
            resources: &[],
            managers: self.manager_change(),
            held: &self.held,
            not_replaced: &self.not_replaced,
            replace,
        }
    }
}

/// The settings that bootstrap brings every host of the project's pool to.
pub fn settings(project: &Project, operator: &Operator) -> bootstrap::Settings {
    let docker = &project.pool.docker;
    bootstrap::Settings {
        pool: project.pool.name.clone(),
        install: match docker.install {
            DockerInstall::Auto => bootstrap::Install::Auto,
            DockerInstall::Distro => bootstrap::Install::Distro,
            DockerInstall::DockerCe => bootstrap::Install::DockerCe,
            DockerInstall::Never => bootstrap::Install::Never,
        },
        version: docker.version.clone(),
        api: match docker.api {
            DockerApi::Tls => bootstrap::Api::Tls,
            DockerApi::Ssh => bootstrap::Api::Ssh,
            DockerApi::InsecureTcp => bootstrap::Api::InsecureTcp,
        },
        port: docker.port,
        daemon: docker.daemon.clone(),
        ssh_timeout: operator.ssh_timeout,
    }
}

/// The providers of the project's hosts. None of them is asked for anything yet.
///
/// # Errors
///
/// What the file says to a provider cannot be done.
pub(super) fn providers(project: &Project, operator: &Operator) -> Result<Providers, DeployError> {
    let asked = Asked {
        groups: &project.hosts,
        pool: &project.pool,
        project: &project.name,
        published: &published::ports(project),
    };
    let machine = Machine {
        state: &operator.state,
        unknown_host_keys: operator.unknown_host_keys,
        clouds: &operator.clouds,
    };
    Providers::new(asked, machine, || operator.local_engine()).map_err(DeployError::Provider)
}

/// Looks at the pool without changing anything, and without SSH where the API is reached over TLS.
///
/// # Errors
///
/// The providers cannot list their hosts, or this machine's keys cannot be read.
pub async fn survey(project: &Project, operator: &Operator) -> Result<Survey, DeployError> {
    let providers = Arc::new(providers(project, operator)?);
    let existing = providers.list().await.map_err(DeployError::Provider)?;
    let mut difference = difference(&project.hosts, &project.pool, &existing);
    let settings = settings(project, operator);
    let wanted = difference.make.iter().map(|request| request.name.clone());
    let known = difference.keep.iter().map(|host| host.name.clone());
    let keyring = Arc::new(Keyring::new(&operator.state, &project.pool.name, wanted.chain(known)));
    let mut hosts = IndexMap::new();
    let mut tunnels = Vec::new();
    // Those that are to go, too: one of them may be the only manager, and they may hold data.
    let there: Vec<&Host> = (difference.keep.iter())
        .chain(difference.remove.iter().filter(|host| host.running))
        .collect();
    let reached = join_all(
        there
            .iter()
            .map(|host| bootstrap::reach(host, &settings, &keyring, &operator.runtime)),
    );
    for (host, outcome) in there.into_iter().zip(reached.await) {
        match outcome {
            Ok(Some((engine, tunnel))) => {
                hosts.insert(host.name.clone(), engine);
                tunnels.extend(tunnel);
            }
            // No keys of the pool on this machine yet, or SSH does not answer: bootstrap tries, and says why not.
            Ok(None) | Err(BootstrapError::NoSsh { .. }) => {}
            Err(error) => return Err(DeployError::Cluster(error)),
        }
    }
    let mut engines = Engines { manager: None, hosts };
    engines.manager = engines.find_manager().await;
    let nodes = match &engines.manager {
        Some(manager) => manager.nodes().await?,
        None => Vec::new(),
    };
    let leaving = difference.remove.iter();
    let leaving: Vec<&Host> = leaving
        .chain(difference.replace.iter().map(|replaced| &replaced.host))
        .collect();
    let data = host_data::of(&leaving, &engines, &nodes).await;
    let (held, not_replaced) = hold_back(&mut difference, &data);
    let own = |host: &Host| project.hosts.contains_key(&host.group);
    let unready = difference
        .keep
        .iter()
        .filter_map(|host| Some((host.clone(), why_unready(host, own(host), &settings, &engines, &nodes)?)))
        .collect();
    let total = difference.keep.len() + difference.make.len();
    let wished = project.pool.managers.and_then(|count| usize::try_from(count).ok());
    Ok(Survey {
        managers: wished
            .unwrap_or_else(|| roles::usual_managers(total))
            .clamp(1, total.max(1)),
        held,
        not_replaced,
        difference,
        engines,
        nodes,
        unready,
        tunnels,
        providers,
        keyring,
    })
}

/// The node of a host, by Hoist's name of it.
pub(super) fn node_of<'a>(nodes: &'a [ObservedNode], host: &str) -> Option<&'a ObservedNode> {
    let mut own = nodes.iter().filter(|node| placement::host_name(node) == host);
    // A machine that was made anew has a former node beside its own until it is struck off.
    let first = own.next();
    match first {
        Some(node) if !node.ready => own.find(|node| node.ready).or(first),
        _ => first,
    }
}

/// Why a host must be bootstrapped; `None` where its node says that it is as it should be. `own`: it is of a group of this
/// file, which says its labels.
fn why_unready(
    host: &Host,
    own: bool,
    settings: &bootstrap::Settings,
    engines: &Engines,
    nodes: &[ObservedNode],
) -> Option<String> {
    if !engines.hosts.contains_key(&host.name) {
        return Some("not reached from this machine before".to_owned());
    }
    let Some(node) = node_of(nodes, &host.name) else {
        return Some("not in the cluster".to_owned());
    };
    if !node.ready {
        return Some("does not answer the cluster".to_owned());
    }
    if node.labels.get(labels::BOOTSTRAP) != Some(&bootstrap::stamp(host, settings)) {
        return Some("its settings changed".to_owned());
    }
    if own && bootstrap::labels_differ(host, node) {
        return Some("its labels changed".to_owned());
    }
    None
}

/// Reaches the engines of a project without changing anything.
///
/// # Errors
///
/// [`DeployError::NoHosts`] where the pool has none yet, [`DeployError::NotReady`] where no manager answers: making it
/// answer would change hosts.
pub async fn reached(project: &Project, operator: &Operator) -> Result<Pool, DeployError> {
    if project.hosts.is_empty() {
        return Ok(without_hosts(operator.local_engine()?));
    }
    let survey = survey(project, operator).await?;
    let hosts = survey.difference.keep.clone();
    if hosts.is_empty() {
        return Err(DeployError::NoHosts {
            pool: project.pool.name.clone(),
        });
    }
    if survey.engines.manager.is_some() {
        return Ok(Pool {
            hosts,
            engines: survey.engines,
            nodes: survey.nodes,
            failed: Vec::new(),
            changed: 0,
            tunnels: survey.tunnels,
        });
    }
    Err(survey.not_ready(project))
}

pub(super) fn without_hosts(engine: Engine) -> Pool {
    let hosts = IndexMap::from([(engine.name.clone(), engine)]);
    Pool {
        hosts: Vec::new(),
        engines: Engines { manager: None, hosts },
        nodes: Vec::new(),
        failed: Vec::new(),
        changed: 0,
        tunnels: Vec::new(),
    }
}
