//! The contents of configs and secrets, read once, and the keyed digests that tell whether one changed.
//!
//! Knows files and values; hands them to engines only. Nothing here shows in `Debug`, events or errors.

use std::collections::{BTreeMap, HashMap};

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::error::DeployError;
use crate::compose::Project;
use crate::compose::model::{FileObject, FileSource};
use crate::plan::{ObjectKind, digest};

/// Contents and their keyed digests.
#[derive(Default)]
pub struct Contents {
    configs: HashMap<String, Vec<u8>>,
    secrets: HashMap<String, Vec<u8>>,
    /// By key; a digest tells nothing about a content to whoever lacks the pool's key.
    pub config_digests: BTreeMap<String, String>,
    pub secret_digests: BTreeMap<String, String>,
}

impl std::fmt::Debug for Contents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Contents({} configs, {} secrets)",
            self.configs.len(),
            self.secrets.len()
        )
    }
}

impl Contents {
    /// Reads what the project's services use.
    ///
    /// # Errors
    ///
    /// [`DeployError::Content`] for a file that cannot be read or a variable that is not set.
    pub fn read(project: &Project) -> Result<Contents, DeployError> {
        let mut contents = Contents::default();
        let used = |references: fn(&crate::compose::Service) -> &Vec<crate::compose::model::FileReference>,
                    name: &str| {
            project
                .services
                .values()
                .any(|service| references(service).iter().any(|reference| reference.source == name))
        };
        for (name, object) in project
            .configs
            .iter()
            .filter(|(name, _)| used(|service| &service.configs, name))
        {
            if let Some(content) = content_of("config", name, object)? {
                contents.configs.insert(name.clone(), content);
            }
        }
        for (name, object) in project
            .secrets
            .iter()
            .filter(|(name, _)| used(|service| &service.secrets, name))
        {
            if let Some(content) = content_of("secret", name, object)? {
                contents.secrets.insert(name.clone(), content);
            }
        }
        contents.secrets.extend(super::ingress::certificates(project)?);
        Ok(contents)
    }

    /// The same with its digests, under a key that only the pool's operators have.
    pub fn with_digests(mut self, key: &[u8]) -> Contents {
        let digests = |all: &HashMap<String, Vec<u8>>| {
            all.iter()
                .map(|(name, content)| (name.clone(), keyed_digest(key, content)))
                .collect()
        };
        self.config_digests = digests(&self.configs);
        self.secret_digests = digests(&self.secrets);
        self
    }

    /// The content of a config or secret that the file defines.
    pub(super) fn get(&self, kind: ObjectKind, key: &str) -> Option<&[u8]> {
        let all = match kind {
            ObjectKind::Config => &self.configs,
            ObjectKind::Secret => &self.secrets,
        };
        all.get(key).map(Vec::as_slice)
    }
}

fn content_of(kind: &'static str, key: &str, object: &FileObject) -> Result<Option<Vec<u8>>, DeployError> {
    let fail = |reason: String| DeployError::Content {
        kind,
        key: key.to_owned(),
        reason,
    };
    match &object.source {
        FileSource::External => Ok(None),
        FileSource::File(path) => std::fs::read(path)
            .map(Some)
            .map_err(|error| fail(format!("cannot read {}: {error}", path.display()))),
        FileSource::Content(text) => Ok(Some(text.clone().into_bytes())),
        FileSource::Environment { value: Some(value), .. } => Ok(Some(value.clone().into_bytes())),
        FileSource::Environment { variable, value: None } => {
            Err(fail(format!("the environment variable `{variable}` is not set")))
        }
    }
}

fn keyed_digest(key: &[u8], content: &[u8]) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return String::new();
    };
    mac.update(content);
    digest::hexadecimal(&mac.finalize().into_bytes())
}
