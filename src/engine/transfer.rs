//! Images from one engine to others, without a registry and without a file in between.
//!
//! Knows the export and load calls. Never decides which engine should have which image.
//!
//! The export is read once, whatever the number of targets. Each target has a short queue; a full one holds up the
//! reading, so that the slowest target sets the pace and memory stays bounded. A target that takes nothing for
//! [`STALL_LIMIT`] is given up, so that a hung host does not hold up the others for ever.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use bollard::query_parameters::ImportImageOptions;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use tokio::sync::mpsc;

use super::connection::Engine;
use super::error::EngineError;
use super::image_name::ImageName;
use super::models;

/// Chunks in flight to one target; one is what hyper reads at a time, some 100 KiB.
const QUEUE: usize = 16;
/// Unpacking a large layer may hold a target up for a while.
const STALL_LIMIT: Duration = Duration::from_secs(120);
/// Progress is heard no more often: a large image comes in tens of thousands of chunks.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);
/// The engine answers a load only when all of it has arrived.
const LOAD_TIMEOUT: Duration = Duration::from_secs(4 * 3600);

/// What each target came to: the image's id there, or why not.
pub type Transferred = BTreeMap<String, Result<String, EngineError>>;

/// Copies `image` from one engine to others at once; targets that have it already get no bytes. `progress` hears each
/// target's name and how many bytes it has taken: a few times a second, and in the end.
///
/// A target that fails does not stop the others; its error stands under its name.
///
/// # Errors
///
/// Where the image cannot be read from `from` at all.
pub async fn transfer(
    from: &Engine,
    to: &[Engine],
    image: &str,
    progress: impl Fn(&str, u64) + Sync,
) -> Result<Transferred, EngineError> {
    let original = &from.inspect_image(image).await?;
    let lacking = join_all(to.iter().map(|target| async move {
        let outcome = present(target, image, original).await;
        (target, outcome)
    }))
    .await;
    let mut transferred = Transferred::new();
    let mut targets = Vec::new();
    for (target, outcome) in lacking {
        match outcome {
            Ok(None) => targets.push(target),
            Ok(Some(id)) => {
                transferred.insert(target.name.clone(), Ok(id));
            }
            Err(error) => {
                transferred.insert(target.name.clone(), Err(error));
            }
        }
    }
    if !targets.is_empty() {
        let loaded = fan_out(from, &targets, image, original, &progress).await;
        transferred.extend(loaded);
    }
    Ok(transferred)
}

async fn fan_out(
    from: &Engine,
    targets: &[&Engine],
    image: &str,
    original: &models::ImageInspect,
    progress: &(impl Fn(&str, u64) + Sync),
) -> Transferred {
    let (queues, loads): (Vec<_>, Vec<_>) = targets
        .iter()
        .map(|target| {
            let (sender, receiver) = mpsc::channel(QUEUE);
            (sender, load(target, image, original, receiver))
        })
        .unzip();
    let reading = read_once(from, targets, queues, image, progress);
    let (read, loaded) = tokio::join!(reading, join_all(loads));
    targets
        .iter()
        .zip(loaded)
        .map(|(target, outcome)| {
            let outcome = match (outcome, &read.source) {
                (Err(_), Some(reason)) => Err(EngineError::Image {
                    engine: from.name.clone(),
                    image: image.to_owned(),
                    reason: format!("reading it for {} failed: {reason}", target.name),
                }),
                (Err(_), None) if read.stalled.contains(&target.name) => Err(EngineError::Image {
                    engine: target.name.clone(),
                    image: image.to_owned(),
                    reason: format!("the transfer stood still for {} s", STALL_LIMIT.as_secs()),
                }),
                (outcome, _) => outcome,
            };
            (target.name.clone(), outcome)
        })
        .collect()
}

struct ReadOutcome {
    /// Why the export broke off.
    source: Option<String>,
    stalled: Vec<String>,
}

type Queue = mpsc::Sender<Result<Bytes, io::Error>>;

async fn read_once(
    from: &Engine,
    targets: &[&Engine],
    queues: Vec<Queue>,
    image: &str,
    progress: &(impl Fn(&str, u64) + Sync),
) -> ReadOutcome {
    let mut outcome = ReadOutcome {
        source: None,
        stalled: Vec::new(),
    };
    let mut open: Vec<(&str, Queue)> = targets.iter().map(|target| target.name.as_str()).zip(queues).collect();
    let patient = from.with_timeout(LOAD_TIMEOUT);
    let name = ImageName::parse(image).reference();
    let mut export = Box::pin(patient.docker.export_image(&name));
    let mut sent = 0;
    let mut told: Option<Instant> = None;
    while let Some(chunk) = export.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                let reason = super::error::cause_chain(&error);
                // An error in the body makes the target's engine drop what it has so far.
                let broken = open
                    .iter()
                    .map(|(_, queue)| queue.send(Err(io::Error::other(reason.clone()))));
                let _ = tokio::time::timeout(STALL_LIMIT, join_all(broken)).await;
                outcome.source = Some(reason);
                return outcome;
            }
        };
        sent += chunk.len() as u64;
        let delivered = join_all(open.into_iter().map(|(name, queue)| {
            let chunk = chunk.clone();
            async move {
                match tokio::time::timeout(STALL_LIMIT, queue.send(Ok(chunk))).await {
                    Ok(Ok(())) => Delivery::Taken(name, queue),
                    // The target has failed; its load says why.
                    Ok(Err(_)) => Delivery::Closed,
                    Err(_) => Delivery::Stalled(name),
                }
            }
        }))
        .await;
        open = Vec::new();
        let due = told.is_none_or(|told| told.elapsed() >= PROGRESS_INTERVAL);
        if due {
            told = Some(Instant::now());
        }
        for delivery in delivered {
            match delivery {
                Delivery::Taken(name, queue) => {
                    if due {
                        progress(name, sent);
                    }
                    open.push((name, queue));
                }
                Delivery::Closed => {}
                Delivery::Stalled(name) => outcome.stalled.push(name.to_owned()),
            }
        }
        if open.is_empty() {
            break;
        }
    }
    for (name, _) in &open {
        progress(name, sent);
    }
    outcome
}

enum Delivery<'a> {
    Taken(&'a str, Queue),
    Closed,
    Stalled(&'a str),
}

async fn load(
    target: &Engine,
    image: &str,
    original: &models::ImageInspect,
    queue: mpsc::Receiver<Result<Bytes, io::Error>>,
) -> Result<String, EngineError> {
    let cannot = |reason: String| EngineError::Image {
        engine: target.name.clone(),
        image: image.to_owned(),
        reason,
    };
    let archive = stream::unfold(queue, |mut queue| async move {
        queue.recv().await.map(|chunk| (chunk, queue))
    });
    let options = ImportImageOptions {
        quiet: true,
        ..ImportImageOptions::default()
    };
    let patient = target.with_timeout(LOAD_TIMEOUT);
    let mut words = patient.docker.import_image_stream(options, archive, None);
    while let Some(word) = words.next().await {
        word.map_err(|error| match target.failed("load")(error) {
            EngineError::Call { message, .. } => cannot(message),
            other => other,
        })?;
    }
    present(target, image, original)
        .await?
        .ok_or_else(|| cannot("it was loaded, and it is not there under its name and id".into()))
}

/// The image's id on `target` if the very same image is there; it then bears the name too.
///
/// Engines that keep images in containerd count another digest as the id, so that equal layers count as well.
async fn present(target: &Engine, image: &str, original: &models::ImageInspect) -> Result<Option<String>, EngineError> {
    let found = |name: String| async move {
        match target.inspect_image(&name).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    };
    let name = ImageName::parse(image);
    if let Some(named) = found(name.reference()).await?
        && same_image(&named, original)
    {
        return Ok(named.id);
    }
    let Some(id) = original.id.clone() else {
        return Ok(None);
    };
    let Some(unnamed) = found(id.clone()).await? else {
        return Ok(None);
    };
    if let ImageName::Named { digest: None, .. } = name {
        target.tag(&id, image).await?;
    }
    Ok(unnamed.id)
}

fn same_image(one: &models::ImageInspect, other: &models::ImageInspect) -> bool {
    let layers = |image: &models::ImageInspect| image.root_fs.as_ref().and_then(|root| root.layers.clone());
    one.id == other.id
        || (layers(one).is_some()
            && layers(one) == layers(other)
            && one.config == other.config
            && one.created == other.created)
}
