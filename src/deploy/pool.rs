//! The hosts of a project as they are: surveyed without SSH, and reached without changing anything.
//!
//! Knows what tells that a host is as it should be. Making hosts ready is `make_ready`'s, removing them `remove_hosts`'.

use std::sync::Arc;

use futures_util::future::join_all;
use indexmap::IndexMap;

use super::error::{DeployError, HostFailure};
use super::operator::Operator;
use super::published;
use crate::bootstrap::{self, BootstrapError, Keyring, Tunnel};
use crate::compose::Project;
use crate::compose::model::{DockerApi, DockerInstall};
use crate::engine::observation::ObservedNode;
use crate::engine::{Engine, Engines, labels};
use crate::hosts::Host;
use crate::hosts::groups::{HostDifference, difference};
use crate::hosts::openstack::Asked;
use crate::hosts::providers::{Machine, Providers};
use crate::plan::placement;

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

    /// Whether every host is there and as it should be.
    pub fn is_settled(&self) -> bool {
        self.difference.make.is_empty() && self.difference.remove.is_empty() && self.unready.is_empty()
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
    let difference = difference(&project.hosts, &project.pool, &existing);
    let settings = settings(project, operator);
    let wanted = difference.make.iter().map(|request| request.name.clone());
    let known = difference.keep.iter().map(|host| host.name.clone());
    let keyring = Arc::new(Keyring::new(&operator.state, &project.pool.name, wanted.chain(known)));
    let mut hosts = IndexMap::new();
    let mut tunnels = Vec::new();
    let reached = join_all(
        difference
            .keep
            .iter()
            .map(|host| bootstrap::reach(host, &settings, &keyring, &operator.runtime)),
    );
    for (host, outcome) in difference.keep.iter().zip(reached.await) {
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
    let unready = difference
        .keep
        .iter()
        .filter_map(|host| Some((host.clone(), why_unready(host, &settings, &engines, &nodes)?)))
        .collect();
    Ok(Survey {
        difference,
        engines,
        nodes,
        unready,
        tunnels,
        providers,
        keyring,
    })
}

/// Why a host must be bootstrapped; `None` where its node says that it is as it should be.
fn why_unready(
    host: &Host,
    settings: &bootstrap::Settings,
    engines: &Engines,
    nodes: &[ObservedNode],
) -> Option<String> {
    if !engines.hosts.contains_key(&host.name) {
        return Some("not reached from this machine before".to_owned());
    }
    let Some(node) = nodes.iter().find(|node| placement::host_name(node) == host.name) else {
        return Some("not in the cluster".to_owned());
    };
    if !node.ready {
        return Some("does not answer the cluster".to_owned());
    }
    if node.labels.get(labels::BOOTSTRAP) != Some(&bootstrap::stamp(host, settings)) {
        return Some("its settings changed".to_owned());
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
    let reasons = survey
        .unready
        .iter()
        .map(|(host, why)| (host.name.clone(), why.clone()))
        .collect();
    Err(DeployError::NotReady {
        pool: project.pool.name.clone(),
        reasons,
    })
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
