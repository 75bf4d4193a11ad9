//! Configs and secrets of the cluster, asked of a manager.
//!
//! Knows their calls. Never reads a secret's content back: the engine does not give it out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use bollard::query_parameters::{ListConfigsOptions, ListSecretsOptions, UpdateConfigOptions};

use super::connection::Engine;
use super::error::EngineError;
use super::models;
use super::observation::ObservedObject;
use super::request::filters;

/// A config with what a change of its labels must name: nothing else of it can change.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionedConfig {
    pub id: String,
    pub labels: BTreeMap<String, String>,
    /// When it was made or changed last, by the cluster's own clock: RFC 3339.
    pub updated_at: String,
    version: i64,
    spec: models::ConfigSpec,
}

impl Engine {
    /// Configs that have all these labels, each `key` or `key=value`.
    ///
    /// The engine sends their content along, so what is large and not wanted in every observation should carry other labels.
    pub async fn configs(&self, labels: &[&str]) -> Result<Vec<ObservedObject>, EngineError> {
        let options = ListConfigsOptions {
            filters: Some(filters(&[("label", labels)])),
        };
        let listed = self
            .docker
            .list_configs(Some(options))
            .await
            .map_err(self.failed("list configs"))?;
        Ok(listed
            .into_iter()
            .map(|config| {
                let spec = config.spec.unwrap_or_default();
                observed_object(config.id, spec.name, spec.labels)
            })
            .collect())
    }

    /// Makes a config and returns its id. Names are unique in the cluster: a second one is a conflict.
    pub async fn create_config(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
        content: &[u8],
    ) -> Result<String, EngineError> {
        let spec = models::ConfigSpec {
            name: Some(name.to_owned()),
            labels: Some(labels.clone().into_iter().collect()),
            data: Some(STANDARD.encode(content)),
            templating: None,
        };
        let made = self
            .docker
            .create_config(spec)
            .await
            .map_err(self.failed(format!("create config `{name}`")))?;
        Ok(made.id)
    }

    /// The content of a config, by id or name; `None` where there is no such config.
    pub async fn config_content(&self, config: &str) -> Result<Option<Vec<u8>>, EngineError> {
        let action = format!("read config `{config}`");
        match self
            .docker
            .inspect_config(config)
            .await
            .map_err(self.failed(action.clone()))
        {
            Ok(found) => {
                let data = found.spec.and_then(|spec| spec.data).unwrap_or_default();
                let content = STANDARD
                    .decode(data)
                    .map_err(|error| self.refused(&action, None, &error.to_string()))?;
                Ok(Some(content))
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A config as it is now, by id or name; `None` where there is no such config.
    pub async fn versioned_config(&self, config: &str) -> Result<Option<VersionedConfig>, EngineError> {
        let action = format!("read config `{config}`");
        match self.docker.inspect_config(config).await.map_err(self.failed(action)) {
            Ok(found) => {
                let spec = found.spec.unwrap_or_default();
                let version = found.version.and_then(|version| version.index).unwrap_or_default();
                Ok(Some(VersionedConfig {
                    id: found.id.unwrap_or_default(),
                    labels: spec.labels.clone().unwrap_or_default().into_iter().collect(),
                    updated_at: found.updated_at.unwrap_or_default(),
                    version: i64::try_from(version).unwrap_or(i64::MAX),
                    spec,
                }))
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives a config these labels and no others, unless somebody changed it since it was read: then the error
    /// [`is_out_of_sequence`](EngineError::is_out_of_sequence).
    pub async fn relabel_config(
        &self,
        found: &VersionedConfig,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), EngineError> {
        let name = found.spec.name.as_deref().unwrap_or_default();
        let spec = models::ConfigSpec {
            labels: Some(labels.clone().into_iter().collect()),
            ..found.spec.clone()
        };
        let options = UpdateConfigOptions { version: found.version };
        self.docker
            .update_config(&found.id, spec, options)
            .await
            .map_err(self.failed(format!("change config `{name}`")))
    }

    pub async fn remove_config(&self, config: &str) -> Result<(), EngineError> {
        self.docker
            .delete_config(config)
            .await
            .map_err(self.failed(format!("remove config `{config}`")))
    }

    /// Secrets that have all these labels, each `key` or `key=value`.
    pub async fn secrets(&self, labels: &[&str]) -> Result<Vec<ObservedObject>, EngineError> {
        let options = ListSecretsOptions {
            filters: Some(filters(&[("label", labels)])),
        };
        let listed = self
            .docker
            .list_secrets(Some(options))
            .await
            .map_err(self.failed("list secrets"))?;
        Ok(listed
            .into_iter()
            .map(|secret| {
                let spec = secret.spec.unwrap_or_default();
                observed_object(secret.id, spec.name, spec.labels)
            })
            .collect())
    }

    /// Makes a secret and returns its id. Names are unique in the cluster: a second one is a conflict.
    pub async fn create_secret(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
        content: &[u8],
    ) -> Result<String, EngineError> {
        let spec = models::SecretSpec {
            name: Some(name.to_owned()),
            labels: Some(labels.clone().into_iter().collect()),
            data: Some(STANDARD.encode(content)),
            ..models::SecretSpec::default()
        };
        let made = self
            .docker
            .create_secret(spec)
            .await
            .map_err(self.failed(format!("create secret `{name}`")))?;
        Ok(made.id)
    }

    pub async fn remove_secret(&self, secret: &str) -> Result<(), EngineError> {
        self.docker
            .delete_secret(secret)
            .await
            .map_err(self.failed(format!("remove secret `{secret}`")))
    }
}

/// A name that the cluster takes for an object: at most 64 characters, the last a letter or digit (swarmkit:
/// `validateConfigSecretAnnotations`). One that is none yet is cut and told apart by its digest.
pub fn object_name(wanted: &str) -> String {
    let ends_well = wanted.ends_with(|last: char| last.is_ascii_alphanumeric());
    if wanted.len() <= 64 && ends_well {
        return wanted.to_owned();
    }
    let digest = Sha256::digest(wanted.as_bytes());
    let digest: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let stem: String = wanted.chars().take(51).collect();
    format!("{stem}-{digest}")
}

fn observed_object(
    id: Option<String>,
    name: Option<String>,
    labels: Option<std::collections::HashMap<String, String>>,
) -> ObservedObject {
    ObservedObject {
        id: id.unwrap_or_default(),
        name: name.unwrap_or_default(),
        labels: labels.unwrap_or_default().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_cluster_refuses_are_cut_and_told_apart() {
        assert_eq!(object_name("hoist-lock-shop"), "hoist-lock-shop");
        let long = object_name(&format!("hoist-lock-{}", "a".repeat(80)));
        let other = object_name(&format!("hoist-lock-{}b", "a".repeat(80)));
        assert_eq!((long.len(), other.len()), (64, 64));
        assert_ne!(long, other);
        assert_ne!(object_name("hoist-lock-shop-"), "hoist-lock-shop-");
        assert!(object_name("hoist-lock-shop_").ends_with(|last: char| last.is_ascii_alphanumeric()));
    }
}
