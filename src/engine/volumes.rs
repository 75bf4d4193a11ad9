//! Volumes of one engine.
//!
//! Knows the volume calls of the Engine API. Never decides where data should be.

use std::collections::BTreeMap;

use bollard::query_parameters::RemoveVolumeOptions;
use serde::Deserialize;

use super::connection::Engine;
use super::error::EngineError;
use super::models;
use super::observation::ObservedVolume;
use super::request::{Target, filters};

/// The volume list as far as it is used. bollard's model takes `Status` for a list, while the API gives a map, so that
/// one volume of a plugin would make the whole list unreadable.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VolumeList {
    volumes: Option<Vec<VolumeEntry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VolumeEntry {
    name: String,
    driver: String,
    labels: Option<BTreeMap<String, String>>,
    created_at: Option<String>,
}

impl Engine {
    /// Volumes that have all these labels, each `key` or `key=value`.
    pub async fn volumes(&self, labels: &[&str]) -> Result<Vec<ObservedVolume>, EngineError> {
        let filters = serde_json::to_string(&filters(&[("label", labels)])).unwrap_or_default();
        let listed: VolumeList = self
            .get_json("list volumes", Target::new("/volumes").with("filters", &filters))
            .await?;
        Ok(listed
            .volumes
            .unwrap_or_default()
            .into_iter()
            .map(|volume| self.observed_volume(volume))
            .collect())
    }

    /// The volume of that name, if there is one.
    pub async fn volume(&self, name: &str) -> Result<Option<ObservedVolume>, EngineError> {
        let action = format!("inspect volume `{name}`");
        match self
            .get_json::<VolumeEntry>(&action, Target::new(format!("/volumes/{name}")))
            .await
        {
            Ok(volume) => Ok(Some(self.observed_volume(volume))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a volume; one of the same name and driver that is there already stays as it is, labels included.
    pub async fn create_volume(&self, volume: models::VolumeCreateRequest) -> Result<(), EngineError> {
        let action = format!("create volume `{}`", volume.name.as_deref().unwrap_or("(unnamed)"));
        self.docker.create_volume(volume).await.map_err(self.failed(action))?;
        Ok(())
    }

    pub async fn remove_volume(&self, name: &str, force: bool) -> Result<(), EngineError> {
        self.docker
            .remove_volume(name, Some(RemoveVolumeOptions { force }))
            .await
            .map_err(self.failed(format!("remove volume `{name}`")))
    }

    fn observed_volume(&self, volume: VolumeEntry) -> ObservedVolume {
        ObservedVolume {
            name: volume.name,
            host: self.name.clone(),
            driver: volume.driver,
            labels: volume.labels.unwrap_or_default(),
            created: volume.created_at.unwrap_or_default(),
        }
    }
}
