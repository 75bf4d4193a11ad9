//! What the file asks a cloud for: the settings of its groups, and the ports that the project publishes.
//!
//! Pure. The loader has read and checked each group's settings (`compose::model::Openstack`); what is checked here is what
//! groups of one pool share, and what this provider cannot do.

use indexmap::IndexMap;

use super::error::CloudError;
use super::rules::Published;
use crate::compose::model::{
    Cidr, CloudName, CloudNetwork, CloudRouter, DockerApi, FloatingIp, GroupProvider, HostGroup, IpVersion, NamedBy,
    Openstack, Pool,
};

/// Nova allows 60 characters in a tag, and the mark takes some.
const LONGEST_POOL: usize = 48;

/// Everything that one file wants from OpenStack.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    pub pool: String,
    pub project: String,
    pub network: NetworkWish,
    pub published: Vec<Published>,
    /// The Docker API's port, where it is reached over the network.
    pub docker_port: Option<u16>,
    pub encrypt: bool,
    pub groups: IndexMap<String, Openstack>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum NetworkWish {
    /// Hoist makes and changes nothing of it. `None`: the only one that the project has.
    Existing {
        network: Option<CloudName>,
        subnet: Option<CloudName>,
    },
    Made {
        name: String,
        cidr: Cidr,
        dns: Vec<String>,
        router: RouterWish,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum RouterWish {
    None,
    Existing(CloudName),
    Made {
        name: String,
        /// `None`: the only external network there is.
        external: Option<CloudName>,
    },
}

/// One file's side of it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub groups: &'a IndexMap<String, HostGroup>,
    pub pool: &'a Pool,
    pub project: &'a str,
    pub published: &'a [Published],
}

/// Reads what a file asks for; `None` where no group is OpenStack's.
///
/// # Errors
///
/// [`CloudError::Settings`]: something is missing, differs between groups that share it, or is not supported.
pub fn read(asked: Asked<'_>) -> Result<Option<Wish>, CloudError> {
    let mut groups: IndexMap<String, Openstack> = IndexMap::new();
    for group in asked.groups.values() {
        if let GroupProvider::Openstack(settings) = &group.provider {
            groups.insert(group.name.clone(), (**settings).clone());
        }
    }
    let Some((first_name, first)) = groups.first() else {
        return Ok(None);
    };
    for (name, settings) in &groups {
        check_shared(first_name, first, name, settings)?;
        check_supported(asked.groups, name, settings)?;
    }
    if asked.pool.name.len() > LONGEST_POOL {
        return Err(wrong(
            first_name,
            format!("the pool's name is longer than {LONGEST_POOL} characters, and servers carry it as a tag"),
            "give it a shorter one: `x-pool: {name: …}`",
        ));
    }
    if first.allow.is_empty() {
        return Err(wrong(
            first_name,
            "`allow` is missing: without it, SSH and the Docker API would be open to the whole world",
            "write who may reach them, `x-openstack: {allow: [203.0.113.7/32]}`, with the address that you come from",
        ));
    }
    let docker = &asked.pool.docker;
    Ok(Some(Wish {
        pool: asked.pool.name.clone(),
        project: asked.project.to_owned(),
        network: network(&asked.pool.name, first),
        published: asked.published.to_vec(),
        docker_port: (docker.api != DockerApi::Ssh).then_some(docker.port),
        encrypt: asked.pool.encrypt,
        groups,
    }))
}

impl Wish {
    /// The settings that all groups share, in the first group's words.
    pub fn first(&self) -> &Openstack {
        &self.groups[0]
    }

    /// 4 or 6: of the addresses that hosts are reached at.
    pub fn ip_version(&self) -> u8 {
        if self.first().ip_version == Some(IpVersion::V6) {
            6
        } else {
            4
        }
    }
}

fn network(pool: &str, settings: &Openstack) -> NetworkWish {
    let made = match &settings.network {
        None => {
            return NetworkWish::Existing {
                network: None,
                subnet: None,
            };
        }
        Some(CloudNetwork::Existing { network, subnet }) => {
            return NetworkWish::Existing {
                network: Some(network.clone()),
                subnet: subnet.clone(),
            };
        }
        Some(CloudNetwork::Made(made)) => made,
    };
    let router = match &made.router {
        CloudRouter::None => RouterWish::None,
        CloudRouter::Existing(router) => RouterWish::Existing(router.clone()),
        CloudRouter::Made { name, external } => RouterWish::Made {
            name: name.clone().unwrap_or_else(|| pool.to_owned()),
            external: external.clone().or_else(|| floating_from(settings).cloned()),
        },
    };
    NetworkWish::Made {
        name: made.name.clone().unwrap_or_else(|| pool.to_owned()),
        cidr: Cidr {
            address: made.cidr.network(),
            ..made.cidr
        },
        dns: made.dns.iter().map(ToString::to_string).collect(),
        router,
    }
}

/// The external network that servers of these settings get a floating address from.
pub fn floating_from(settings: &Openstack) -> Option<&CloudName> {
    match &settings.floating_ip {
        FloatingIp::From(network) => Some(network),
        FloatingIp::Unsaid | FloatingIp::None => None,
    }
}

/// All hosts of a pool are in one cloud, on one network, behind one security group.
fn check_shared(first_name: &str, first: &Openstack, name: &str, other: &Openstack) -> Result<(), CloudError> {
    let differs = [
        ("cloud", first.cloud != other.cloud),
        ("region", first.region != other.region),
        ("interface", first.interface != other.interface),
        ("cacert", first.cacert != other.cacert),
        ("insecure", first.insecure != other.insecure),
        ("network", first.network != other.network),
        ("allow", first.allow != other.allow),
        ("publish_to", first.publish_to != other.publish_to),
        ("keypair", first.keypair != other.keypair),
        ("private_key_file", first.private_key_file != other.private_key_file),
        ("ip_version", first.ip_version != other.ip_version),
    ];
    match differs.iter().find(|(_, differs)| *differs) {
        None => Ok(()),
        Some((key, _)) => Err(wrong(
            name,
            format!("`{key}` is not what it is for group `{first_name}`"),
            format!("all hosts of a pool share it: write `{key}` in `x-openstack` only"),
        )),
    }
}

fn check_supported(groups: &IndexMap<String, HostGroup>, name: &str, settings: &Openstack) -> Result<(), CloudError> {
    if let Some(key) = settings.metadata.keys().find(|key| key.starts_with("hoist-")) {
        return Err(wrong(
            name,
            format!("the metadata `{key}` is Hoist's own"),
            "give it another name",
        ));
    }
    let Some(volume) = &settings.boot_volume else {
        return Ok(());
    };
    if volume.name.is_some() {
        return Err(wrong(
            name,
            "`name` of `boot_volume` is not supported: Nova makes the volume together with the server, and leaves it without a name",
            "take `name` out",
        ));
    }
    if volume.existing.is_some() && groups[name].count > 1 {
        return Err(wrong(
            name,
            "one volume (`id` of `boot_volume`) cannot boot several hosts",
            "set `count: 1`, or leave `id` out to have a volume made for each host",
        ));
    }
    Ok(())
}

fn wrong(group: &str, message: impl Into<String>, hint: impl Into<String>) -> CloudError {
    CloudError::Settings {
        group: group.to_owned(),
        message: message.into(),
        hint: hint.into(),
    }
}

/// The one thing that is named; where the file does not say by what, an id counts before a name.
///
/// # Errors
///
/// [`CloudError::Missing`] with the names that there are, [`CloudError::Ambiguous`].
pub fn named<'a, T>(
    all: &'a [T],
    wanted: &CloudName,
    kind: &'static str,
    key: impl Fn(&T) -> (&str, &str),
) -> Result<&'a T, CloudError> {
    if wanted.by != NamedBy::Name
        && let Some(found) = all.iter().find(|thing| key(thing).0 == wanted.text)
    {
        return Ok(found);
    }
    let of_name = |thing: &&T| wanted.by != NamedBy::Id && key(thing).1 == wanted.text;
    let found: Vec<&T> = all.iter().filter(of_name).collect();
    match found[..] {
        [one] => Ok(one),
        [] => Err(CloudError::Missing {
            kind,
            name: wanted.text.clone(),
            known: all.iter().map(|thing| key(thing).1.to_owned()).collect(),
        }),
        _ => Err(CloudError::Ambiguous {
            kind,
            name: wanted.text.clone(),
            count: found.len(),
        }),
    }
}

#[cfg(test)]
mod tests;
