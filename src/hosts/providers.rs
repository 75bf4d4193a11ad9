//! The providers that one file needs, each made once.
//!
//! Knows which provider a group or a host belongs to. Never asks for a local engine that no group needs.

use std::path::Path;
use std::sync::Arc;

use super::groups::sort_hosts;
use super::local::LocalProvider;
use super::openstack::{Asked, CloudInputs, OpenstackProvider};
use super::ssh::{SshProvider, UnknownHostKeys};
use super::{Host, HostError, Provider, ProviderKind};
use crate::compose::model::HostGroup;
use crate::engine::{Engine, EngineError};

/// The providers of one file's groups.
pub struct Providers {
    pool: String,
    by_kind: Vec<Arc<dyn Provider>>,
}

/// What the operator's machine gives to providers.
#[derive(Debug, Clone, Copy)]
pub struct Machine<'a> {
    /// Hoist's state directory.
    pub state: &'a Path,
    pub unknown_host_keys: UnknownHostKeys,
    pub clouds: &'a CloudInputs,
}

impl Providers {
    /// `local_engine` gives the operator's own engine and is called only where a group is `local`. No provider is asked for
    /// anything yet.
    ///
    /// # Errors
    ///
    /// What a group says to its provider cannot be done.
    pub fn new(
        asked: Asked<'_>,
        machine: Machine<'_>,
        local_engine: impl FnOnce() -> Result<Engine, EngineError>,
    ) -> Result<Providers, HostError> {
        let Asked { groups, pool, .. } = asked;
        let has = |kind| groups.values().any(|group| ProviderKind::of(&group.provider) == kind);
        let mut by_kind: Vec<Arc<dyn Provider>> = Vec::new();
        if has(ProviderKind::Local) {
            let engine = local_engine().map_err(HostError::NoLocalEngine)?;
            by_kind.push(Arc::new(LocalProvider::new(engine, machine.state.to_owned())));
        }
        if has(ProviderKind::Ssh) {
            by_kind.push(Arc::new(SshProvider::new(groups, pool, machine.unknown_host_keys)));
        }
        if let Some(openstack) = OpenstackProvider::new(asked, machine.clouds.clone())? {
            by_kind.push(Arc::new(openstack));
        }
        Ok(Providers {
            pool: pool.name.clone(),
            by_kind,
        })
    }

    /// The provider that makes a group's hosts.
    pub fn of_group(&self, group: &HostGroup) -> Result<Arc<dyn Provider>, HostError> {
        self.of(&group.name, ProviderKind::of(&group.provider))
    }

    /// The provider that a host came from.
    pub fn of_host(&self, host: &Host) -> Result<Arc<dyn Provider>, HostError> {
        self.of(&host.group, host.provider)
    }

    fn of(&self, group: &str, kind: ProviderKind) -> Result<Arc<dyn Provider>, HostError> {
        self.all()
            .find(|provider| provider.kind() == kind)
            .cloned()
            .ok_or_else(|| unsupported(group, kind))
    }

    /// Every provider that the file needs.
    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.by_kind.iter()
    }

    /// Every host of the pool that these providers know, in order.
    pub async fn list(&self) -> Result<Vec<Host>, HostError> {
        let lists = self.all().map(|provider| provider.list(&self.pool));
        let mut hosts = futures_util::future::try_join_all(lists).await?.concat();
        sort_hosts(&mut hosts);
        Ok(hosts)
    }
}

fn unsupported(group: &str, kind: ProviderKind) -> HostError {
    HostError::Unsupported {
        group: group.to_owned(),
        provider: kind.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::{DockerSettings, GroupProvider, Openstack, Pool};

    fn providers(group: (&str, GroupProvider)) -> (Result<Providers, HostError>, HostGroup) {
        let group = HostGroup {
            name: group.0.into(),
            count: 1,
            labels: [].into(),
            provider: group.1,
        };
        let pool = Pool {
            name: "dev".into(),
            managers: None,
            encrypt: false,
            docker: DockerSettings::default(),
        };
        let asked = Asked {
            groups: &[(group.name.clone(), group.clone())].into(),
            pool: &pool,
            project: "shop",
            published: &[],
        };
        let machine = Machine {
            state: Path::new("."),
            unknown_host_keys: UnknownHostKeys::Refuse,
            clouds: &CloudInputs::default(),
        };
        (Providers::new(asked, machine, || panic!("no group is local")), group)
    }

    #[test]
    fn a_cloud_is_not_logged_in_to_before_it_is_needed() {
        let settings = Openstack {
            allow: crate::compose::model::Cidr::everybody(),
            ..Openstack::default()
        };
        let (providers, group) = providers(("web", GroupProvider::Openstack(Box::new(settings))));
        assert_eq!(
            providers.unwrap().of_group(&group).unwrap().kind(),
            ProviderKind::Openstack
        );
    }

    #[test]
    fn without_a_local_group_no_engine_is_asked_for() {
        let (providers, group) = providers(("db", GroupProvider::Ssh(Vec::new())));
        assert_eq!(providers.unwrap().of_group(&group).unwrap().kind(), ProviderKind::Ssh);
    }
}
