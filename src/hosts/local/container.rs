//! The container that acts as a host: what it is made with, and what its labels say of it.
//!
//! Knows flags, labels and names. Never calls the engine.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::Path;

use crate::engine::labels::{GROUP, HOST, HOST_KEY, POOL};
use crate::engine::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HostConfig, HostConfigCgroupnsModeEnum, Mount,
    MountType, MountVolumeOptions, NetworkingConfig, RestartPolicy, RestartPolicyNameEnum,
};
use crate::engine::observation::ObservedContainer;
use crate::hosts::{Host, HostKey, HostRequest, Login, ProviderKind};

use super::image::BASE;

/// A local host's fixed address; also there while the host is stopped.
pub const ADDRESS: &str = "dev.hoist.address";
/// A group's label `KEY` is the container's label with this before it.
const GROUP_LABEL: &str = "dev.hoist.label.";
/// The user of the host image that Hoist logs in as, as on the distribution's cloud images.
const LOGIN_USER: &str = "debian";
/// That user's number in the image.
pub const LOGIN_USER_ID: u64 = 1000;
/// Where that user's keys are, from the root.
pub const AUTHORIZED_KEYS: &str = "home/debian/.ssh/authorized_keys";
/// Where the host's own key is, from the root.
pub const HOST_KEY_FILE: &str = "etc/ssh/ssh_host_ed25519_key";
/// What a host's own engine stores: not on the container's layered file system, where layers cannot be stacked again.
const VOLUMES: [(&str, &str); 2] = [("docker", "/var/lib/docker"), ("containerd", "/var/lib/containerd")];

/// How much a local host may do on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privilege {
    /// `--privileged`
    Full,
    /// The same by its parts, without the one capability that machines refuse that are containers or small virtual
    /// machines themselves.
    ByParts,
}

pub fn container_name(pool: &str, host: &str) -> String {
    format!("hoist-{pool}-{host}")
}

/// The names of a host's volumes.
pub fn volume_names(pool: &str, host: &str) -> impl Iterator<Item = String> {
    let container = container_name(pool, host);
    VOLUMES.iter().map(move |(suffix, _)| format!("{container}-{suffix}"))
}

/// All that a host's container is made from.
pub struct Making<'a> {
    pub request: &'a HostRequest,
    pub image: &'a str,
    pub network: &'a str,
    pub address: Ipv4Addr,
    /// The host's own public key.
    pub host_key: &'a str,
    /// The resolvers of this machine, for the host's `resolv.conf`.
    pub nameservers: &'a [String],
}

impl Making<'_> {
    pub fn body(&self, privilege: Privilege) -> ContainerCreateBody {
        let endpoint = EndpointSettings {
            ipam_config: Some(EndpointIpamConfig {
                ipv4_address: Some(self.address.to_string()),
                ..EndpointIpamConfig::default()
            }),
            ..EndpointSettings::default()
        };
        ContainerCreateBody {
            image: Some(self.image.to_owned()),
            hostname: Some(self.request.name.clone()),
            labels: Some(self.labels()),
            // systemd writes to the console only where there is one; its words are the log of a failed boot.
            tty: Some(true),
            env: Some(self.environment()),
            host_config: Some(HostConfig {
                network_mode: Some(self.network.to_owned()),
                ..self.host_config(privilege)
            }),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some([(self.network.to_owned(), endpoint)].into()),
            }),
            ..ContainerCreateBody::default()
        }
    }

    fn host_config(&self, privilege: Privilege) -> HostConfig {
        let tmpfs = [("/run", "exec"), ("/run/lock", "")];
        let shared = HostConfig {
            cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
            tmpfs: Some(
                tmpfs
                    .map(|(path, options)| (path.to_owned(), options.to_owned()))
                    .into(),
            ),
            mounts: Some(self.mounts()),
            // A reboot, its own or the machine's, ends as it does on a server; one that is stopped or killed stays so.
            restart_policy: Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::UNLESS_STOPPED),
                ..RestartPolicy::default()
            }),
            ..HostConfig::default()
        };
        match privilege {
            Privilege::Full => HostConfig {
                privileged: Some(true),
                ..shared
            },
            Privilege::ByParts => HostConfig {
                cap_add: Some(vec!["ALL".into()]),
                cap_drop: Some(vec!["SYS_RESOURCE".into()]),
                security_opt: Some(vec![
                    "seccomp=unconfined".into(),
                    "apparmor=unconfined".into(),
                    "label=disable".into(),
                ]),
                // The command line's `systempaths=unconfined`.
                masked_paths: Some(Vec::new()),
                readonly_paths: Some(Vec::new()),
                device_cgroup_rules: Some(vec!["a *:* rwm".into()]),
                ..shared
            },
        }
    }

    /// The container makes its volumes, so that none is there without it.
    fn mounts(&self) -> Vec<Mount> {
        let request = self.request;
        volume_names(&request.pool, &request.name)
            .zip(VOLUMES)
            .map(|(volume, (_, target))| Mount {
                typ: Some(MountType::VOLUME),
                source: Some(volume),
                target: Some(target.to_owned()),
                volume_options: Some(MountVolumeOptions {
                    labels: Some(self.place_labels()),
                    ..MountVolumeOptions::default()
                }),
                ..Mount::default()
            })
            .collect()
    }

    fn environment(&self) -> Vec<String> {
        if self.nameservers.is_empty() {
            return Vec::new();
        }
        vec![format!("NAMESERVERS={}", self.nameservers.join(" "))]
    }

    fn place_labels(&self) -> HashMap<String, String> {
        let request = self.request;
        [(POOL, &request.pool), (GROUP, &request.group), (HOST, &request.name)]
            .map(|(key, value)| (key.to_owned(), value.clone()))
            .into()
    }

    fn labels(&self) -> HashMap<String, String> {
        let mut labels = self.place_labels();
        labels.insert(HOST_KEY.to_owned(), self.host_key.to_owned());
        labels.insert(ADDRESS.to_owned(), self.address.to_string());
        let group = self.request.labels.iter();
        labels.extend(group.map(|(key, value)| (format!("{GROUP_LABEL}{key}"), value.clone())));
        labels
    }
}

/// The host that a container acts as; `None` where it lacks a label that every local host has.
pub fn host_of(container: &ObservedContainer, identity_file: &Path) -> Option<Host> {
    let label = |key: &str| container.labels.get(key).cloned();
    let address = label(ADDRESS)?;
    Some(Host {
        name: label(HOST)?,
        group: label(GROUP)?,
        pool: label(POOL)?,
        provider: ProviderKind::Local,
        id: container.id.clone(),
        login: Login {
            address: address.clone(),
            port: None,
            user: Some(LOGIN_USER.into()),
            identity_file: Some(identity_file.to_owned()),
            host_key: HostKey::Pinned(label(HOST_KEY)?),
        },
        private_address: Some(address),
        labels: container
            .labels
            .iter()
            .filter_map(|(key, value)| Some((key.strip_prefix(GROUP_LABEL)?.to_owned(), value.clone())))
            .collect(),
        // The container has the labels of the host image, too.
        shape: label(BASE).map(|base| ("image".to_owned(), base)).into_iter().collect(),
        running: container.state == "running",
    })
}

/// The name servers of this machine that a host can ask too: not those on the machine's own loopback.
pub fn nameservers() -> Vec<String> {
    // With systemd-resolved, the first names only its stub on the loopback; the second names the real ones.
    ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"]
        .iter()
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .map(|text| reachable_nameservers(&text))
        .find(|servers| !servers.is_empty())
        .unwrap_or_default()
}

fn reachable_nameservers(resolv_conf: &str) -> Vec<String> {
    resolv_conf
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some("nameserver")).then(|| words.next()).flatten()
        })
        .filter(|word| word.parse::<Ipv4Addr>().is_ok_and(|address| !address.is_loopback()))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::{GroupProvider, LocalHosts};

    fn request() -> HostRequest {
        HostRequest {
            name: "web-1".into(),
            group: "web".into(),
            pool: "dev".into(),
            labels: [("tier".to_owned(), "front".to_owned())].into(),
            settings: GroupProvider::Local(LocalHosts {
                image: "debian:12".into(),
            }),
        }
    }

    fn making(request: &HostRequest) -> Making<'_> {
        Making {
            request,
            image: "hoist-host:1",
            network: "hoist-dev",
            address: Ipv4Addr::new(10, 213, 0, 2),
            host_key: "ssh-ed25519 AAAA",
            nameservers: &[],
        }
    }

    #[test]
    fn a_host_is_read_from_the_labels_that_it_was_made_with() {
        let request = request();
        let container = ObservedContainer {
            id: "0123".into(),
            name: "hoist-dev-web-1".into(),
            host: "local".into(),
            labels: making(&request).labels().into_iter().collect(),
            state: "exited".into(),
            status: String::new(),
            health: None,
            image: String::new(),
            image_id: String::new(),
            created: 0,
            ports: Vec::new(),
            networks: [].into(),
        };
        let host = host_of(&container, Path::new("key")).unwrap();
        assert_eq!(
            (host.name.as_str(), host.group.as_str(), host.pool.as_str()),
            ("web-1", "web", "dev")
        );
        assert_eq!(host.labels, request.labels);
        assert_eq!(host.login.address, "10.213.0.2");
        assert_eq!(host.private_address.as_deref(), Some("10.213.0.2"));
        assert_eq!(host.login.host_key, HostKey::Pinned("ssh-ed25519 AAAA".into()));
        assert!(!host.running);
        assert!(host.shape.is_empty());
        let mut container = container;
        container.labels.insert(BASE.to_owned(), "debian:12".to_owned());
        let host = host_of(&container, Path::new("key")).unwrap();
        assert_eq!(host.shape, crate::hosts::groups::shape(&request.settings));

        let stranger = ObservedContainer {
            labels: [(POOL.to_owned(), "dev".to_owned())].into(),
            ..container
        };
        assert_eq!(host_of(&stranger, Path::new("key")), None);
    }

    #[test]
    fn volumes_carry_the_labels_by_which_they_are_found() {
        let request = request();
        let mounts = making(&request).mounts();
        let names: Vec<_> = mounts.iter().filter_map(|mount| mount.source.as_deref()).collect();
        assert_eq!(names, ["hoist-dev-web-1-docker", "hoist-dev-web-1-containerd"]);
        for mount in &mounts {
            let labels = mount.volume_options.as_ref().unwrap().labels.as_ref().unwrap();
            assert_eq!(labels[POOL], "dev");
            assert_eq!(labels[HOST], "web-1");
        }
    }

    #[test]
    fn a_privileged_host_names_no_parts() {
        let request = request();
        let full = making(&request).body(Privilege::Full).host_config.unwrap();
        assert_eq!((full.privileged, full.cap_add), (Some(true), None));
        let parts = making(&request).body(Privilege::ByParts).host_config.unwrap();
        assert_eq!((parts.privileged, parts.masked_paths), (None, Some(Vec::new())));
    }

    #[test]
    fn loopback_name_servers_are_of_no_use_to_a_host() {
        let text = "# stub\nnameserver 127.0.0.53\nnameserver 10.0.0.2\nnameserver fe80::1%eth0\noptions edns0\n";
        assert_eq!(reachable_nameservers(text), ["10.0.0.2"]);
    }
}
