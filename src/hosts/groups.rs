//! What the groups of a file ask for against the hosts that there are.
//!
//! Pure: knows names and numbers. Never asks a provider, and never decides when a host is removed.

use indexmap::IndexMap;

use super::{Host, HostRequest, ProviderKind};
use crate::compose::model::{GroupProvider, HostGroup, Pool};

/// The way from the hosts that there are to those that a file names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostDifference {
    /// In the file's order. Hosts that are there and do not run are among them: making such a host starts it again.
    pub make: Vec<HostRequest>,
    /// Hosts of this file's groups, in the file's order and with the labels that the file gives them now; then those of
    /// groups that only other projects of the pool name.
    pub keep: Vec<Host>,
    /// Hosts beyond their group's count, and hosts of a group that has another provider now.
    pub remove: Vec<Host>,
}

impl ProviderKind {
    /// The provider that a group's settings are for.
    pub fn of(settings: &GroupProvider) -> ProviderKind {
        match settings {
            GroupProvider::Local(_) => ProviderKind::Local,
            GroupProvider::Ssh(_) => ProviderKind::Ssh,
            GroupProvider::Openstack(_) => ProviderKind::Openstack,
        }
    }

    /// Its key in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            ProviderKind::Local => "local",
            ProviderKind::Ssh => "ssh",
            ProviderKind::Openstack => "openstack",
        }
    }
}

/// The name of the host with this number, from 1.
pub fn host_name(group: &str, number: u32) -> String {
    format!("{group}-{number}")
}

/// The number in a host's name; `None` where the name is not one that [`host_name`] gives.
pub fn host_number(host: &Host) -> Option<u32> {
    host.name
        .strip_prefix(&host.group)?
        .strip_prefix('-')?
        .parse()
        .ok()
        .filter(|number| host_name(&host.group, *number) == host.name)
}

/// Orders hosts by group, and within one by number: `web-2` before `web-10`.
pub fn sort_hosts(hosts: &mut [Host]) {
    hosts.sort_by(|a, b| {
        let key = |host: &Host| {
            (
                host.group.clone(),
                host_number(host).unwrap_or(u32::MAX),
                host.name.clone(),
            )
        };
        key(a).cmp(&key(b))
    });
}

/// Compares the groups of one file with the hosts that its pool has. A host whose group is not in the file belongs to
/// another project of the pool, and is kept.
pub fn difference(groups: &IndexMap<String, HostGroup>, pool: &Pool, existing: &[Host]) -> HostDifference {
    let mut difference = HostDifference::default();
    for group in groups.values() {
        for number in 1..=group.count {
            let name = host_name(&group.name, number);
            match existing.iter().find(|host| host.name == name && is_of(host, group)) {
                Some(host) if host.running => difference.keep.push(Host {
                    labels: group.labels.clone(),
                    ..host.clone()
                }),
                _ => difference.make.push(HostRequest {
                    name,
                    group: group.name.clone(),
                    pool: pool.name.clone(),
                    labels: group.labels.clone(),
                    settings: group.provider.clone(),
                }),
            }
        }
    }
    for host in existing {
        match groups.get(&host.group) {
            None => difference.keep.push(host.clone()),
            Some(group) => {
                let wanted =
                    is_of(host, group) && host_number(host).is_some_and(|number| (1..=group.count).contains(&number));
                if !wanted {
                    difference.remove.push(host.clone());
                }
            }
        }
    }
    difference
}

fn is_of(host: &Host, group: &HostGroup) -> bool {
    host.group == group.name && host.provider == ProviderKind::of(&group.provider)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::{DockerSettings, LocalHosts};
    use crate::hosts::{HostKey, Login};

    fn group(name: &str, count: u32) -> (String, HostGroup) {
        let group = HostGroup {
            name: name.into(),
            count,
            labels: [("tier".to_owned(), name.to_owned())].into(),
            provider: GroupProvider::Local(LocalHosts {
                image: "debian:12".into(),
            }),
        };
        (name.into(), group)
    }

    fn pool() -> Pool {
        Pool {
            name: "dev".into(),
            managers: None,
            encrypt: false,
            docker: DockerSettings::default(),
        }
    }

    fn host(group: &str, number: u32) -> Host {
        Host {
            name: host_name(group, number),
            group: group.into(),
            pool: "dev".into(),
            provider: ProviderKind::Local,
            id: format!("id-{group}-{number}"),
            login: Login {
                address: "10.213.0.2".into(),
                port: None,
                user: None,
                identity_file: None,
                host_key: HostKey::KnownHosts,
            },
            private_address: None,
            labels: [].into(),
            running: true,
        }
    }

    fn names<'a>(hosts: impl IntoIterator<Item = &'a Host>) -> Vec<&'a str> {
        hosts.into_iter().map(|host| host.name.as_str()).collect()
    }

    fn wanted(difference: &HostDifference) -> Vec<&str> {
        difference.make.iter().map(|request| request.name.as_str()).collect()
    }

    #[test]
    fn an_empty_pool_gets_every_host_in_the_order_of_the_file() {
        let difference = difference(&[group("web", 2), group("db", 1)].into(), &pool(), &[]);
        assert_eq!(wanted(&difference), ["web-1", "web-2", "db-1"]);
        assert_eq!(difference.make[0].pool, "dev");
        assert!(difference.keep.is_empty() && difference.remove.is_empty());
    }

    #[test]
    fn a_missing_number_is_filled_and_the_others_are_kept() {
        let existing = [host("web", 1), host("web", 3)];
        let difference = difference(&[group("web", 3)].into(), &pool(), &existing);
        assert_eq!(wanted(&difference), ["web-2"]);
        assert_eq!(names(&difference.keep), ["web-1", "web-3"]);
    }

    #[test]
    fn a_smaller_count_removes_the_highest_numbers() {
        let existing = [host("web", 1), host("web", 2), host("web", 10)];
        let difference = difference(&[group("web", 1)].into(), &pool(), &existing);
        assert_eq!(names(&difference.keep), ["web-1"]);
        assert_eq!(names(&difference.remove), ["web-2", "web-10"]);
    }

    #[test]
    fn hosts_of_a_group_that_is_not_in_the_file_are_kept() {
        let existing = [host("cache", 1), host("web", 1)];
        let difference = difference(&[group("web", 1)].into(), &pool(), &existing);
        assert_eq!(names(&difference.keep), ["web-1", "cache-1"]);
        assert!(difference.remove.is_empty());
    }

    #[test]
    fn a_group_named_like_a_host_of_another_group_is_not_taken_for_it() {
        let existing = [host("web-1", 1)];
        let difference = difference(&[group("web", 1)].into(), &pool(), &existing);
        assert_eq!(wanted(&difference), ["web-1"]);
        assert_eq!(names(&difference.keep), ["web-1-1"]);
    }

    #[test]
    fn a_stopped_host_is_made_again() {
        let mut stopped = host("web", 1);
        stopped.running = false;
        let difference = difference(&[group("web", 1)].into(), &pool(), &[stopped]);
        assert_eq!(wanted(&difference), ["web-1"]);
        assert!(difference.keep.is_empty() && difference.remove.is_empty());
    }

    #[test]
    fn kept_hosts_have_the_labels_of_the_file() {
        let difference = difference(&[group("web", 1)].into(), &pool(), &[host("web", 1)]);
        assert_eq!(difference.keep[0].labels["tier"], "web");
    }

    #[test]
    fn a_group_with_another_provider_is_made_anew() {
        let (name, mut web) = group("web", 1);
        web.provider = GroupProvider::Ssh(Vec::new());
        let difference = difference(&[(name, web)].into(), &pool(), &[host("web", 1)]);
        assert_eq!(wanted(&difference), ["web-1"]);
        assert_eq!(names(&difference.remove), ["web-1"]);
    }

    #[test]
    fn hosts_are_ordered_by_number_not_by_letter() {
        let mut hosts = [host("web", 10), host("web", 2), host("db", 1)];
        sort_hosts(&mut hosts);
        assert_eq!(names(&hosts), ["db-1", "web-2", "web-10"]);
    }

    #[test]
    fn only_plain_numbers_are_numbers() {
        let mut odd = host("web", 1);
        for name in ["web-01", "web-+1", "web", "web-1x"] {
            odd.name = name.into();
            assert_eq!(host_number(&odd), None, "{name}");
        }
    }
}
