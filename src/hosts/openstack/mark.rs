//! How what a pool made is told from everything else in the cloud.
//!
//! In Neutron it is the description, since that is part of the call that makes a thing; a tag says the same for people and
//! other tools. Servers have a tag and metadata, set in the same call too. What Nova gives neither (keypairs, server groups)
//! is told by its name. Pure.

use sha2::{Digest, Sha256};

use super::observed::Marked;

/// Metadata of a server.
pub const POOL: &str = "hoist-pool";
pub const GROUP: &str = "hoist-group";
pub const HOST: &str = "hoist-host";
/// The public half of the server's own SSH key.
pub const HOST_KEY: &str = "hoist-host-key";
/// How to log in.
pub const USER: &str = "hoist-user";
pub const PORT: &str = "hoist-port";
/// The labels of its group as JSON, for projects whose files do not have the group.
pub const LABELS: &str = "hoist-labels";
/// What the server was made from, as the file said it.
pub const IMAGE: &str = "hoist-image";
pub const FLAVOR: &str = "hoist-flavor";

/// The tag, and the description, of what the pool made. Nova allows neither `/` nor `,` in a tag.
pub fn of_pool(pool: &str) -> String {
    format!("{POOL}={pool}")
}

/// The description of what is there for one project of the pool.
pub fn of_project(pool: &str, project: &str) -> String {
    format!("{POOL}={pool} hoist-project={project}")
}

/// Whether the pool made it, for itself or for one of its projects.
pub fn is_of_pool(thing: &impl Marked, pool: &str) -> bool {
    let mark = of_pool(pool);
    thing.description().is_some_and(|said| {
        said.strip_prefix(mark.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    })
}

/// The project that a thing of the pool is there for.
pub fn project_of<'a>(thing: &'a impl Marked, pool: &str) -> Option<&'a str> {
    thing
        .description()?
        .strip_prefix(of_pool(pool).as_str())?
        .strip_prefix(" hoist-project=")
}

/// The name of a server or a port.
pub fn host_resource(pool: &str, host: &str) -> String {
    format!("{pool}-{host}")
}

/// The name of the port that connects the pool's network to its router. No group is called so: groups have a number behind.
pub fn router_port(pool: &str) -> String {
    format!("{pool}-router")
}

/// The name of what the pool has one of, or one for each group.
pub fn shared_resource(pool: &str, group: Option<&str>) -> String {
    match group {
        None => format!("hoist-{pool}"),
        Some(group) => format!("hoist-{pool}-{group}"),
    }
}

/// The name of the keypair that an operator's public key is imported as: operators that share a user have one each.
pub fn keypair(pool: &str, public_key: &str) -> String {
    let key = public_key.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    let digest: String = Sha256::digest(key)
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("hoist-{pool}-key-{digest}")
}

/// Whether a keypair is one that the pool imported.
pub fn is_keypair(pool: &str, name: &str) -> bool {
    name.strip_prefix(&format!("hoist-{pool}-key-"))
        .is_some_and(|digest| digest.len() == 8 && digest.chars().all(|c| c.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosts::openstack::observed::Router;

    fn described(text: &str) -> Router {
        Router {
            description: Some(text.into()),
            ..Router::default()
        }
    }

    #[test]
    fn a_pool_knows_its_own_and_no_other_pools() {
        assert!(is_of_pool(&described(&of_pool("dev")), "dev"));
        assert!(is_of_pool(&described(&of_project("dev", "shop")), "dev"));
        assert!(!is_of_pool(&described(&of_pool("dev-2")), "dev"));
        assert!(!is_of_pool(&described("dev"), "dev"));
        assert!(!is_of_pool(&Router::default(), "dev"));
    }

    #[test]
    fn what_is_there_for_a_project_says_which() {
        assert_eq!(project_of(&described(&of_project("dev", "shop")), "dev"), Some("shop"));
        assert_eq!(project_of(&described(&of_pool("dev")), "dev"), None);
    }

    #[test]
    fn an_imported_key_is_known_by_its_name_whatever_its_comment() {
        let name = keypair("dev", "ssh-ed25519 AAAA ann@desk");
        assert_eq!(name, keypair("dev", "ssh-ed25519 AAAA"));
        assert!(is_keypair("dev", &name));
        assert!(!is_keypair("dev", "hoist-dev-key-mine") && !is_keypair("de", &name));
        assert_ne!(name, keypair("dev", "ssh-ed25519 BBBB"));
    }
}
