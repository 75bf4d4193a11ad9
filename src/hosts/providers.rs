//! The providers that one file needs, each made once.
//!
//! Knows which provider a group or a host belongs to. Never asks for a local engine that no group needs.

use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;

use super::groups::sort_hosts;
use super::local::LocalProvider;
use super::ssh::{SshProvider, UnknownHostKeys};
use super::{Host, HostError, Provider, ProviderKind};
use crate::compose::model::{GroupProvider, HostGroup, Pool};
use crate::engine::{Engine, EngineError};

/// The providers of one file's groups.
pub struct Providers {
    pool: String,
    by_kind: Vec<Arc<dyn Provider>>,
}

impl Providers {
    /// `state` is Hoist's state directory; `local_engine` gives the operator's own engine and is called only where a
    /// group is `local`.
    ///
    /// # Errors
    ///
    /// [`HostError::Unsupported`] before anything is made, where a group's provider is not in this version.
    pub fn new(
        groups: &IndexMap<String, HostGroup>,
        pool: &Pool,
        state: &Path,
        unknown: UnknownHostKeys,
        local_engine: impl FnOnce() -> Result<Engine, EngineError>,
    ) -> Result<Providers, HostError> {
        let has = |kind| groups.values().any(|group| ProviderKind::of(&group.provider) == kind);
        if let Some(group) = groups
            .values()
            .find(|group| matches!(group.provider, GroupProvider::Openstack(_)))
        {
            return Err(unsupported(&group.name, ProviderKind::Openstack));
        }
        let mut by_kind: Vec<Arc<dyn Provider>> = Vec::new();
        if has(ProviderKind::Local) {
            let engine = local_engine().map_err(HostError::NoLocalEngine)?;
            by_kind.push(Arc::new(LocalProvider::new(engine, state.to_owned())));
        }
        if has(ProviderKind::Ssh) {
            by_kind.push(Arc::new(SshProvider::new(groups, pool, unknown)));
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
    use crate::compose::model::DockerSettings;

    fn pool() -> Pool {
        Pool {
            name: "dev".into(),
            managers: None,
            encrypt: false,
            docker: DockerSettings::default(),
        }
    }

    fn group(name: &str, provider: GroupProvider) -> (String, HostGroup) {
        let group = HostGroup {
            name: name.into(),
            count: 1,
            labels: [].into(),
            provider,
        };
        (name.into(), group)
    }

    fn no_engine() -> Result<Engine, EngineError> {
        panic!("no group is local")
    }

    #[test]
    fn an_openstack_group_is_refused_by_name() {
        let groups = [group("web", GroupProvider::Openstack(Box::default()))].into();
        let refused = Providers::new(&groups, &pool(), Path::new("."), UnknownHostKeys::Refuse, no_engine).err();
        assert_eq!(
            refused.map(|error| error.to_string()).as_deref(),
            Some("group `web`: hosts of `openstack` are not supported by this version")
        );
    }

    #[test]
    fn without_a_local_group_no_engine_is_asked_for() {
        let groups = [group("db", GroupProvider::Ssh(Vec::new()))].into();
        let providers = Providers::new(&groups, &pool(), Path::new("."), UnknownHostKeys::Refuse, no_engine).unwrap();
        assert_eq!(providers.of_group(&groups["db"]).unwrap().kind(), ProviderKind::Ssh);
    }
}
