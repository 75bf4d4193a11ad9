//! What the groups of a file ask for against the hosts that there are.
//!
//! Pure: knows names and numbers. Never asks a provider, and never decides when a host is removed.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use super::{Host, HostRequest, ProviderKind};
use crate::compose::model::{CloudName, GroupProvider, HostGroup, Pool};

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
    /// Hosts of [`Self::keep`] that were made from something else than the file names now.
    pub replace: Vec<Replacement>,
}

/// A host that would be made otherwise today.
#[derive(Debug, Clone, PartialEq)]
pub struct Replacement {
    pub host: Host,
    /// What is made in its place, under the same name.
    pub request: HostRequest,
    /// What differs: `image debian:12 -> debian:13`.
    pub why: String,
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

/// What a group's settings say of its machines that cannot change while they live: a machine that was made from something
/// else ([`Host::shape`]) has to be made anew.
pub fn shape(settings: &GroupProvider) -> BTreeMap<String, String> {
    match settings {
        GroupProvider::Local(local) => [("image".to_owned(), local.image.clone())].into(),
        // Somebody else's machines: they are what they are.
        GroupProvider::Ssh(_) => BTreeMap::new(),
        GroupProvider::Openstack(cloud) => {
            let named = |key: &str, name: &Option<CloudName>| Some((key.to_owned(), name.as_ref()?.text.clone()));
            [named("image", &cloud.image), named("flavor", &cloud.flavor)]
                .into_iter()
                .flatten()
                .collect()
        }
    }
}

/// How the host differs from what the settings would make, in words; `None` where it does not, or where nobody knows.
fn differs(host: &Host, settings: &GroupProvider) -> Option<String> {
    let differences: Vec<String> = shape(settings)
        .into_iter()
        .filter_map(|(key, wanted)| {
            let made = host.shape.get(&key)?;
            (*made != wanted).then(|| format!("{key} {made} -> {wanted}"))
        })
        .collect();
    (!differences.is_empty()).then(|| differences.join(", "))
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
///
/// Of a group's hosts those with the lowest numbers stay, as many as it counts; what is missing gets the lowest free numbers. So
/// a host from the middle can be taken away together with the count, and no other has to go or come for it.
pub fn difference(groups: &IndexMap<String, HostGroup>, pool: &Pool, existing: &[Host]) -> HostDifference {
    let mut difference = HostDifference::default();
    for group in groups.values() {
        for number in numbers(group, existing) {
            let name = host_name(&group.name, number);
            let request = HostRequest {
                name,
                group: group.name.clone(),
                pool: pool.name.clone(),
                labels: group.labels.clone(),
                settings: group.provider.clone(),
            };
            match existing
                .iter()
                .find(|host| host.name == request.name && is_of(host, group))
            {
                Some(host) if host.running => {
                    let host = Host {
                        labels: group.labels.clone(),
                        ..host.clone()
                    };
                    if let Some(why) = differs(&host, &group.provider) {
                        difference.replace.push(Replacement {
                            host: host.clone(),
                            request,
                            why,
                        });
                    }
                    difference.keep.push(host);
                }
                _ => difference.make.push(request),
            }
        }
    }
    for host in existing {
        match groups.get(&host.group) {
            None => difference.keep.push(host.clone()),
            Some(group) => {
                let wanted = is_of(host, group)
                    && host_number(host).is_some_and(|number| numbers(group, existing).contains(&number));
                if !wanted {
                    difference.remove.push(host.clone());
                }
            }
        }
    }
    difference
}

/// The numbers of the hosts that the group has once all is done.
fn numbers(group: &HostGroup, existing: &[Host]) -> BTreeSet<u32> {
    let count = usize::try_from(group.count).unwrap_or(usize::MAX);
    let there: BTreeSet<u32> = (existing.iter())
        .filter(|host| is_of(host, group))
        .filter_map(host_number)
        .filter(|number| *number > 0)
        .collect();
    let mut numbers: BTreeSet<u32> = there.into_iter().take(count).collect();
    for free in 1.. {
        if numbers.len() >= count {
            break;
        }
        numbers.insert(free);
    }
    numbers
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
            shape: [].into(),
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
    fn a_host_taken_from_the_middle_with_the_count_moves_no_other() {
        let existing = [host("web", 1), host("web", 3)];
        let difference = difference(&[group("web", 2)].into(), &pool(), &existing);
        assert_eq!(names(&difference.keep), ["web-1", "web-3"]);
        assert!(difference.make.is_empty() && difference.remove.is_empty());
    }

    #[test]
    fn a_host_that_was_made_from_another_image_is_kept_and_named_for_replacement() {
        let mut existing = [host("web", 1), host("web", 2), host("web", 3)];
        existing[0].shape.insert("image".into(), "debian:13".into());
        existing[1].shape.insert("image".into(), "debian:12".into());
        let difference = difference(&[group("web", 3)].into(), &pool(), &existing);
        assert_eq!(names(&difference.keep), ["web-1", "web-2", "web-3"]);
        let [replacement] = &difference.replace[..] else {
            panic!("{:?}", difference.replace)
        };
        assert_eq!(replacement.host.name, "web-1");
        assert_eq!(replacement.request.name, "web-1");
        assert_eq!(replacement.why, "image debian:13 -> debian:12");
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
