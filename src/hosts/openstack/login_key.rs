//! The key that opens new servers: a keypair that the file names, or the operator's own public key.
//!
//! Reads public keys only.

use std::path::{Path, PathBuf};

use super::error::CloudError;
use super::mark;
use crate::compose::model::Openstack;

/// Where OpenSSH looks for the operator's own, in the order in which they are taken.
const USUAL: &[&str] = &["id_ed25519", "id_ecdsa", "id_rsa"];

/// What servers are made with, and logged in to with.
#[derive(Debug, Clone, PartialEq)]
pub struct LoginKey {
    /// The keypair's name in Nova.
    pub name: String,
    /// To be imported under the name; `None`: the keypair is there.
    pub public: Option<String>,
}

/// The private key to log in with, where one is known: SSH's own setup decides otherwise.
pub fn identity_file(settings: &Openstack, home: &Path) -> Option<PathBuf> {
    if let Some(file) = &settings.private_key_file {
        return Some(file.clone());
    }
    if settings.keypair.is_some() {
        return None;
    }
    usual(home)
        .map(|public| public.with_extension(""))
        .filter(|private| private.exists())
}

/// The key of new servers.
///
/// # Errors
///
/// [`CloudError::Configuration`] where there is no public key to be imported.
pub fn login_key(settings: &Openstack, pool: &str, home: &Path) -> Result<LoginKey, CloudError> {
    if let Some(name) = &settings.keypair {
        return Ok(LoginKey {
            name: name.clone(),
            public: None,
        });
    }
    let file = match &settings.private_key_file {
        Some(private) => {
            let mut public = private.clone().into_os_string();
            public.push(".pub");
            PathBuf::from(public)
        }
        None => usual(home).ok_or_else(|| CloudError::Configuration {
            message: format!(
                "there is no public key in {} to open new servers with",
                home.join(".ssh").display()
            ),
            hint:
                "make one with `ssh-keygen -t ed25519`, or name a keypair of the cloud: `x-openstack: {keypair: NAME}`"
                    .into(),
        })?,
    };
    let text = std::fs::read_to_string(&file).map_err(|source| CloudError::File {
        action: "reading",
        path: file.clone(),
        source,
    })?;
    let public = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default()
        .trim();
    if public.split_whitespace().count() < 2 {
        return Err(CloudError::Configuration {
            message: format!("{} is not a public key", file.display()),
            hint: format!("`ssh-keygen -y -f {}` prints it", file.with_extension("").display()),
        });
    }
    Ok(LoginKey {
        name: mark::keypair(pool, public),
        public: Some(public.to_owned()),
    })
}

fn usual(home: &Path) -> Option<PathBuf> {
    let files = USUAL.iter().map(|name| home.join(".ssh").join(format!("{name}.pub")));
    files.into_iter().find(|file| file.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_own_key_is_taken_where_none_is_named() {
        let home = tempfile::tempdir().unwrap();
        let settings = Openstack::default();
        assert!(login_key(&settings, "dev", home.path()).is_err());
        std::fs::create_dir(home.path().join(".ssh")).unwrap();
        for name in ["id_rsa", "id_ed25519"] {
            std::fs::write(
                home.path().join(format!(".ssh/{name}.pub")),
                format!("ssh-{name} AAAA me\n"),
            )
            .unwrap();
            std::fs::write(home.path().join(format!(".ssh/{name}")), "").unwrap();
        }
        let key = login_key(&settings, "dev", home.path()).unwrap();
        assert_eq!(key.public.as_deref(), Some("ssh-id_ed25519 AAAA me"));
        assert!(mark::is_keypair("dev", &key.name));
        assert_eq!(
            identity_file(&settings, home.path()),
            Some(home.path().join(".ssh/id_ed25519"))
        );
    }

    #[test]
    fn a_keypair_that_is_named_is_left_as_it_is() {
        let settings = Openstack {
            keypair: Some("ops".into()),
            ..Openstack::default()
        };
        let key = login_key(&settings, "dev", Path::new("/nowhere")).unwrap();
        assert_eq!((key.name.as_str(), key.public), ("ops", None));
        assert_eq!(identity_file(&settings, Path::new("/nowhere")), None);
    }

    #[test]
    fn the_public_half_of_a_named_key_is_imported() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Openstack {
            private_key_file: Some(folder.path().join("my.key")),
            ..Openstack::default()
        };
        assert!(login_key(&settings, "dev", folder.path()).is_err());
        std::fs::write(folder.path().join("my.key.pub"), "ssh-ed25519 AAAA\n").unwrap();
        assert_eq!(
            login_key(&settings, "dev", folder.path()).unwrap().public.as_deref(),
            Some("ssh-ed25519 AAAA")
        );
        assert_eq!(identity_file(&settings, folder.path()), settings.private_key_file);
    }
}
