//! The `ssh` provider: machines that exist already; the file itself is the list of them.
//!
//! Knows what the file says about each machine. Never makes, changes or ends one, and never connects: `bootstrap` does.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use indexmap::IndexMap;

use super::groups::host_name;
use super::{
    Host, HostError, HostKey, HostRequest, Login, MakeProgress, OnProgress, Provider, ProviderKind, ResourceChange,
};
use crate::compose::model::{GroupProvider, HostGroup, Pool, SshHost};

/// What is done about a machine whose key neither the file nor `known_hosts` has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownHostKeys {
    #[default]
    Refuse,
    /// The operator said so in as many words.
    Accept,
}

/// The machines that one file names.
#[derive(Debug)]
pub struct SshProvider {
    hosts: Vec<Host>,
}

impl SshProvider {
    pub fn new(groups: &IndexMap<String, HostGroup>, pool: &Pool, unknown: UnknownHostKeys) -> SshProvider {
        let mut hosts = Vec::new();
        for group in groups.values() {
            if let GroupProvider::Ssh(machines) = &group.provider {
                let numbered = (1..).zip(machines);
                hosts.extend(numbered.map(|(number, machine)| {
                    host(
                        &host_name(&group.name, number),
                        &group.name,
                        &pool.name,
                        &group.labels,
                        machine,
                        unknown,
                    )
                }));
            }
        }
        SshProvider { hosts }
    }
}

fn host(
    name: &str,
    group: &str,
    pool: &str,
    labels: &BTreeMap<String, String>,
    machine: &SshHost,
    unknown: UnknownHostKeys,
) -> Host {
    let host_key = match (&machine.host_key, unknown) {
        (Some(key), _) => HostKey::Pinned(key.clone()),
        (None, UnknownHostKeys::Refuse) => HostKey::KnownHosts,
        (None, UnknownHostKeys::Accept) => HostKey::AcceptNew,
    };
    Host {
        name: name.to_owned(),
        group: group.to_owned(),
        pool: pool.to_owned(),
        provider: ProviderKind::Ssh,
        id: machine_id(machine),
        login: Login {
            address: machine.host.clone(),
            port: machine.port,
            user: machine.user.clone(),
            identity_file: machine.identity_file.clone(),
            host_key,
        },
        private_address: machine.private_address.clone(),
        labels: labels.clone(),
        shape: BTreeMap::new(),
        running: true,
    }
}

/// `[USER@]HOST[:PORT]` as far as the file says it; an IPv6 address with a port stands in brackets.
fn machine_id(machine: &SshHost) -> String {
    let user = machine.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
    match machine.port {
        Some(port) if machine.host.contains(':') => format!("{user}[{}]:{port}", machine.host),
        Some(port) => format!("{user}{}:{port}", machine.host),
        None => format!("{user}{}", machine.host),
    }
}

impl Provider for SshProvider {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Ssh
    }

    fn list<'a>(&'a self, pool: &'a str) -> BoxFuture<'a, Result<Vec<Host>, HostError>> {
        let hosts = self.hosts.iter().filter(|host| host.pool == pool).cloned();
        ready(Ok(hosts.collect())).boxed()
    }

    /// There is nothing but the machines.
    fn resources<'a>(
        &'a self,
        _pool: &'a str,
        _make: &'a [HostRequest],
        _remove: &'a [Host],
    ) -> BoxFuture<'a, Result<Vec<ResourceChange>, HostError>> {
        ready(Ok(Vec::new())).boxed()
    }

    fn make_shared<'a>(&'a self, _pool: &'a str) -> BoxFuture<'a, Result<Vec<ResourceChange>, HostError>> {
        ready(Ok(Vec::new())).boxed()
    }

    /// Adopts the machine as it is.
    fn make<'a>(
        &'a self,
        request: &'a HostRequest,
        progress: OnProgress<'a>,
    ) -> BoxFuture<'a, Result<Host, HostError>> {
        let named = |host: &&Host| host.pool == request.pool && host.name == request.name;
        let found = self.hosts.iter().find(named).cloned();
        if found.is_some() {
            progress(MakeProgress::Booting);
        }
        ready(found.ok_or_else(|| HostError::NotInFile {
            host: request.name.clone(),
        }))
        .boxed()
    }

    /// The machine is not Hoist's to remove.
    fn remove<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<(), HostError>> {
        ready(Ok(())).boxed()
    }

    /// Nothing stands between hosts and who reaches them.
    fn withdraw<'a>(&'a self, _project: &'a str) -> BoxFuture<'a, Result<usize, HostError>> {
        ready(Ok(0)).boxed()
    }

    fn remove_shared<'a>(&'a self, _pool: &'a str) -> BoxFuture<'a, Result<(), HostError>> {
        ready(Ok(())).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::DockerSettings;

    fn machine(host: &str) -> SshHost {
        SshHost {
            host: host.into(),
            user: None,
            port: None,
            identity_file: None,
            host_key: None,
            private_address: None,
        }
    }

    fn provider(machines: Vec<SshHost>, unknown: UnknownHostKeys) -> SshProvider {
        let group = HostGroup {
            name: "db".into(),
            count: u32::try_from(machines.len()).unwrap(),
            labels: [("disk".to_owned(), "ssd".to_owned())].into(),
            provider: GroupProvider::Ssh(machines),
        };
        let pool = Pool {
            name: "dev".into(),
            managers: None,
            encrypt: false,
            docker: DockerSettings::default(),
        };
        SshProvider::new(&[("db".to_owned(), group)].into(), &pool, unknown)
    }

    #[tokio::test]
    async fn the_list_is_the_file_in_its_order() {
        let provider = provider(vec![machine("10.0.0.6"), machine("10.0.0.5")], UnknownHostKeys::Refuse);
        let hosts = provider.list("dev").await.unwrap();
        let places: Vec<_> = hosts
            .iter()
            .map(|h| (h.name.as_str(), h.login.address.as_str()))
            .collect();
        assert_eq!(places, [("db-1", "10.0.0.6"), ("db-2", "10.0.0.5")]);
        assert_eq!(hosts[0].labels["disk"], "ssd");
        assert!(hosts[0].running);
        assert!(provider.list("other").await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_key_in_the_file_is_pinned_whatever_the_operator_accepts() {
        let mut pinned = machine("a");
        pinned.host_key = Some("ssh-ed25519 AAAA".into());
        for (unknown, other) in [
            (UnknownHostKeys::Refuse, HostKey::KnownHosts),
            (UnknownHostKeys::Accept, HostKey::AcceptNew),
        ] {
            let hosts = provider(vec![pinned.clone(), machine("b")], unknown)
                .list("dev")
                .await
                .unwrap();
            assert_eq!(hosts[0].login.host_key, HostKey::Pinned("ssh-ed25519 AAAA".into()));
            assert_eq!(hosts[1].login.host_key, other);
        }
    }

    #[test]
    fn the_id_says_what_the_file_says() {
        let mut full = machine("fd00::1");
        assert_eq!(machine_id(&full), "fd00::1");
        full.port = Some(2222);
        full.user = Some("debian".into());
        assert_eq!(machine_id(&full), "debian@[fd00::1]:2222");
        full.host = "db.example.org".into();
        assert_eq!(machine_id(&full), "debian@db.example.org:2222");
    }

    #[tokio::test]
    async fn making_adopts_and_removing_leaves_the_machine_alone() {
        let provider = provider(vec![machine("a")], UnknownHostKeys::Refuse);
        let mut request = HostRequest {
            name: "db-1".into(),
            group: "db".into(),
            pool: "dev".into(),
            labels: [].into(),
            settings: GroupProvider::Ssh(Vec::new()),
        };
        let host = provider.make(&request, &|_| {}).await.unwrap();
        assert_eq!(host, provider.list("dev").await.unwrap()[0]);
        provider.remove(&host).await.unwrap();
        assert_eq!(provider.list("dev").await.unwrap().len(), 1);
        request.name = "db-2".into();
        let error = provider.make(&request, &|_| {}).await.unwrap_err();
        assert_eq!(error.to_string(), "host `db-2` is not in the file");
    }
}
