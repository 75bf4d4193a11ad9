//! Configs and secrets of the cluster, asked of a manager.
//!
//! Knows their calls. Never reads a secret's content back: the engine does not give it out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;

use bollard::query_parameters::{ListConfigsOptions, ListSecretsOptions};

use super::connection::Engine;
use super::error::EngineError;
use super::models;
use super::observation::ObservedObject;
use super::request::filters;

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
