//! A volume's content from one engine to another, as one stream: no file in between, and nothing of it in memory for long.
//!
//! Knows the archive calls, which read and write the folders of a container that was never started, and so see a volume with
//! owners, modes, links and times (to the second). Never decides which volume goes where, nor whether anybody writes to it.

use std::io;
use std::time::Duration;

use bollard::query_parameters::ListContainersOptions;
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::archive_digest::{self, ArchiveDigest, Chunks};
use super::connection::Engine;
use super::containers::observed_container;
use super::error::EngineError;
use super::observation::ObservedContainer;
use super::request::filters;
use super::{labels, models};

/// Chunks in flight; one is what is read at a time, some 100 KiB.
const QUEUE: usize = 16;
/// Writing may hold an engine up for a while, and not for ever.
const STALL_LIMIT: Duration = Duration::from_secs(120);
/// An engine answers an upload only when all of it has arrived.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// The image of the containers that hold volumes: nothing is in it, and nothing is ever started from it.
const EMPTY: &str = "hoist-empty:volume";
/// Where a holder has the volume.
const FOLDER: &str = "/volume";

impl Engine {
    /// Containers in whatever state that mount the volume.
    ///
    /// # Errors
    ///
    /// The engine's.
    pub async fn containers_with_volume(&self, volume: &str) -> Result<Vec<ObservedContainer>, EngineError> {
        let options = ListContainersOptions {
            all: true,
            filters: Some(filters(&[("volume", &[volume])])),
            ..ListContainersOptions::default()
        };
        let listed = self.docker.list_containers(Some(options)).await;
        let listed = listed.map_err(self.failed(format!("list what mounts volume `{volume}`")))?;
        let observed = listed
            .into_iter()
            .map(|summary| observed_container(&self.name, summary));
        Ok(observed.collect())
    }

    /// Makes a container that holds the volume and is never started. [`Engine::let_go`] removes it.
    ///
    /// # Errors
    ///
    /// The engine's.
    pub async fn hold(&self, volume: &str) -> Result<String, EngineError> {
        self.let_go(volume).await?;
        self.make_empty_image().await?;
        let body = models::ContainerCreateBody {
            image: Some(EMPTY.to_owned()),
            cmd: Some(vec!["-".to_owned()]),
            labels: Some([(labels::HOLDS_VOLUME.to_owned(), volume.to_owned())].into()),
            host_config: Some(models::HostConfig {
                network_mode: Some("none".to_owned()),
                mounts: Some(vec![models::Mount {
                    target: Some(FOLDER.to_owned()),
                    source: Some(volume.to_owned()),
                    typ: Some(models::MountType::VOLUME),
                    volume_options: Some(models::MountVolumeOptions {
                        no_copy: Some(true),
                        ..Default::default()
                    }),
                    ..Default::default()
                }]),
                ..Default::default()
            }),
            ..Default::default()
        };
        let made = self.create_container(&holder(volume), None, body).await?;
        Ok(made.id)
    }

    /// Removes the container that holds a volume, and the image that it was made from; gone already is as good.
    ///
    /// # Errors
    ///
    /// The engine's.
    pub async fn let_go(&self, volume: &str) -> Result<(), EngineError> {
        match self.remove_container(&holder(volume), true, false).await {
            Err(error) if error.is_not_found() => {}
            other => other?,
        }
        match self.remove_image(EMPTY, false).await {
            // Another volume is held at the same time.
            Err(error) if error.is_not_found() || error.is_conflict() => Ok(()),
            other => other,
        }
    }

    /// What is in a volume, read by the container that holds it.
    ///
    /// # Errors
    ///
    /// The engine's; what it sends is no archive.
    pub async fn digest_of_volume(&self, holder: &str) -> Result<ArchiveDigest, EngineError> {
        let (to_digest, queue) = mpsc::channel(QUEUE);
        let nothing_stops_it = CancellationToken::new();
        let reading = self.read_volume(holder, None, to_digest, &nothing_stops_it, |_| ());
        let (read, digested) = tokio::join!(reading, digest(queue));
        read?;
        digested.map_err(|error| self.refused("read a volume", None, &error.to_string()))
    }

    async fn read_volume(
        &self,
        holder: &str,
        onto: Option<mpsc::Sender<io::Result<Bytes>>>,
        to_digest: mpsc::Sender<Bytes>,
        stop: &CancellationToken,
        progress: impl Fn(u64),
    ) -> Result<(), EngineError> {
        let mut archive = self.with_timeout(PATIENCE).download_archive(holder, FOLDER);
        let mut read = 0;
        while let Some(chunk) = archive.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => {
                    if let Some(onto) = &onto {
                        // An error in the body makes the other engine give up.
                        let _ = onto
                            .send(Err(io::Error::other("the volume cannot be read to its end")))
                            .await;
                    }
                    return Err(error);
                }
            };
            read += chunk.len() as u64;
            progress(read);
            if let Some(onto) = &onto {
                let sent = tokio::time::timeout(STALL_LIMIT, onto.send(Ok(chunk.clone()))).await;
                if sent.is_err() {
                    let stalled = format!("the other engine took nothing for {} s", STALL_LIMIT.as_secs());
                    return Err(self.refused("copy a volume", None, &stalled));
                }
                // Whoever is through takes no more, be it the padding at the end.
            }
            if stop.is_cancelled() || to_digest.send(chunk).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    async fn make_empty_image(&self) -> Result<(), EngineError> {
        if self.image(EMPTY).await?.is_some() {
            return Ok(());
        }
        let action = "make an image with nothing in it";
        let archive = tar::Builder::new(Vec::new()).into_inner();
        let archive = archive.map_err(|error| self.refused(action, None, &error.to_string()))?;
        self.import_image(EMPTY, archive).await
    }
}

/// Copies a volume from one engine's holder to another's, whose volume is empty. `progress` hears how many bytes went over.
/// Gives what was sent.
///
/// # Errors
///
/// Either engine's.
pub async fn copy(
    from: (&Engine, &str),
    to: (&Engine, &str),
    progress: impl Fn(u64),
) -> Result<ArchiveDigest, EngineError> {
    let (onto, mut archive) = mpsc::channel::<io::Result<Bytes>>(QUEUE);
    let (to_digest, queue) = mpsc::channel(QUEUE);
    let archive = futures_util::stream::poll_fn(move |context| archive.poll_recv(context));
    let patient = to.0.with_timeout(PATIENCE);
    let failed = CancellationToken::new();
    let writing = async {
        let written = patient.upload_archive(to.1, "/", archive).await;
        if written.is_err() {
            failed.cancel();
        }
        written
    };
    let reading = from.0.read_volume(from.1, Some(onto), to_digest, &failed, progress);
    let (read, written, digested) = tokio::join!(reading, writing, digest(queue));
    read?;
    written?;
    digested.map_err(|error| from.0.refused("read a volume", None, &error.to_string()))
}

async fn digest(queue: mpsc::Receiver<Bytes>) -> io::Result<ArchiveDigest> {
    let chunks = Chunks {
        queue,
        rest: Bytes::new(),
    };
    let reading = tokio::task::spawn_blocking(move || {
        let mut chunks = chunks;
        let digest = archive_digest::of(&mut chunks)?;
        // The sender is to be rid of what pads the archive.
        io::copy(&mut chunks, &mut io::sink())?;
        Ok(digest)
    });
    reading.await.map_err(io::Error::other)?
}

fn holder(volume: &str) -> String {
    format!("hoist-holds-{volume}")
}
