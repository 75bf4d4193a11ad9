//! The content of a volume goes from one engine to another, and both ends are compared.

use super::super::error::DeployError;
use super::super::event::{Event, ResourceProgress};
use super::Way;
use crate::engine::observation::ObservedVolume;
use crate::engine::{Engine, labels, models, volume_copy};
use crate::plan::volume_move::{Transit, VolumeMoveError};

/// Bytes between two words about a copy.
const TELL_EACH: u64 = 8 << 20;

impl Way<'_> {
    /// Makes the volume at the new host and fills it; one that is there by an earlier try goes first where `discard` says so.
    pub(super) async fn copy(&self, transit: &Transit, from: &str, discard: bool) -> Result<(), DeployError> {
        let (source, target) = (self.deployment.engine(from)?, self.deployment.engine(&self.planned.to)?);
        if discard {
            self.remove(target, transit).await?;
        }
        self.tell(transit, ResourceProgress::Creating);
        let found = source.volume(&transit.name).await?;
        target.create_volume(copy_of(transit, from, found)).await?;
        let copied = tokio::select! {
            () = self.deployment.interrupt.cancelled() => Err(self.interrupted()),
            copied = self.copied(transit, source, target) => copied,
        };
        source.let_go(&transit.name).await?;
        target.let_go(&transit.name).await?;
        if copied.is_err() {
            self.remove(target, transit).await?;
        }
        copied
    }

    /// Sends the content over and compares: what was read of the source as it went, with what the target has now.
    async fn copied(&self, transit: &Transit, source: &Engine, target: &Engine) -> Result<(), DeployError> {
        let (holder, new_holder) = (source.hold(&transit.name).await?, target.hold(&transit.name).await?);
        let told = std::cell::Cell::new(0);
        let progress = |bytes: u64| {
            if bytes - told.get() >= TELL_EACH {
                told.set(bytes);
                self.tell(transit, ResourceProgress::Copying { bytes });
            }
        };
        let sent = volume_copy::copy((source, &holder), (target, &new_holder), progress).await?;
        let arrived = target.digest_of_volume(&new_holder).await?;
        if sent != arrived {
            return Err(DeployError::VolumeMove(VolumeMoveError::Differs {
                volume: transit.key.clone(),
                host: target.name.clone(),
                from: source.name.clone(),
            }));
        }
        self.tell(transit, ResourceProgress::Created);
        self.site.operator.events.emit(Event::Note {
            message: format!(
                "volume `{}` is on {} as it is on {}: {} files and folders, {} bytes, compared by SHA-256",
                transit.name, target.name, source.name, sent.entries, sent.bytes
            ),
            place: None,
        });
        Ok(())
    }
}

/// The volume at the new host: with what is said of it at the old one, and where it comes from.
fn copy_of(transit: &Transit, from: &str, found: Option<ObservedVolume>) -> models::VolumeCreateRequest {
    let (mut all, created) = found.map(|found| (found.labels, found.created)).unwrap_or_default();
    all.insert(labels::COPIED_FROM.to_owned(), from.to_owned());
    all.insert(labels::COPIED_FROM_CREATED.to_owned(), created);
    models::VolumeCreateRequest {
        name: Some(transit.name.clone()),
        driver: Some("local".to_owned()),
        labels: Some(all.into_iter().collect()),
        ..Default::default()
    }
}
