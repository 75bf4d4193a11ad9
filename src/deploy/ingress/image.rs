//! HAProxy's image: the official one where a registry has it, else built from the distribution's package on the operator's engine
//! and streamed to the hosts.
//!
//! Knows that what runs already stays: nothing is replaced because another image could be had.

use std::time::Duration;

use futures_util::future::join_all;

use crate::compose::model::Build;
use crate::deploy::deployment::Deployment;
use crate::deploy::error::StepError;
use crate::deploy::event::{Event, ImageProgress};
use crate::engine::error::cause_chain;
use crate::engine::observation::ObservedService;
use crate::engine::{Engine, transfer};
use crate::plan::ingress::NAME;
use crate::plan::{digest, images};

/// A line of versions with long support.
const OFFICIAL: &str = "haproxy:3.2";
const DOCKERFILE: &str = include_str!("../../../provision/ingress/Dockerfile");
/// After this a registry counts as one that is not there.
const REGISTRY_LIMIT: Duration = Duration::from_secs(20);

/// What the services of the ingress are to name, with every host that answers able to run it.
pub(super) async fn provide(deployment: &Deployment, running: &[ObservedService]) -> Result<String, StepError> {
    let work = async {
        let reference = match running.iter().find_map(images::image_of) {
            Some(reference) => reference.to_owned(),
            None => choose(deployment).await?,
        };
        // One with a registry's digest is pulled by each host itself.
        if reference.starts_with("sha256:") {
            send(deployment, &reference).await?;
        }
        Ok(reference)
    };
    tokio::select! {
        () = deployment.interrupt.cancelled() => Err(StepError::Interrupted),
        outcome = work => outcome,
    }
}

/// The name of the image built here.
fn own_name() -> String {
    let digest: String = digest::of(&DOCKERFILE).chars().take(12).collect();
    format!("{NAME}:{digest}")
}

async fn choose(deployment: &Deployment) -> Result<String, StepError> {
    let own = own_name();
    if let Some(builder) = &deployment.builder
        && let Some(built) = builder.image(&own).await?
    {
        return Ok(built.id);
    }
    let manager = deployment.manager()?;
    let asked = manager.registry_digest(OFFICIAL, &deployment.credentials);
    let reason = match tokio::time::timeout(REGISTRY_LIMIT, asked).await {
        Ok(Ok(digest)) => return Ok(format!("{OFFICIAL}@{digest}")),
        Ok(Err(error)) => cause_chain(&error),
        Err(_) => format!("its registry does not answer within {} s", REGISTRY_LIMIT.as_secs()),
    };
    let Some(builder) = &deployment.builder else {
        return Err(missing(&format!(
            "{reason}; and no Docker Engine answers here to build it on"
        )));
    };
    build(deployment, builder, &own).await
}

fn missing(reason: &str) -> StepError {
    StepError::ImageMissing {
        image: OFFICIAL.to_owned(),
        service: NAME.to_owned(),
        reason: reason.to_owned(),
    }
}

async fn build(deployment: &Deployment, builder: &Engine, name: &str) -> Result<String, StepError> {
    let tell = |progress| {
        deployment.events.emit(Event::Image {
            image: name.to_owned(),
            progress,
        });
    };
    let empty = tempfile::tempdir().map_err(|error| missing(&format!("no folder to build it in: {error}")))?;
    let build = Build {
        context: empty.path().to_owned(),
        dockerfile_inline: Some(DOCKERFILE.to_owned()),
        ..Build::default()
    };
    let line = |line: &str| tell(ImageProgress::Building { line: line.to_owned() });
    line("");
    let id = builder.build(name, &build, &deployment.credentials, line).await?;
    tell(ImageProgress::Built);
    Ok(builder.image(name).await?.map_or(id, |built| built.id))
}

/// Streams an image that no registry has to the hosts that lack it, from the operator's engine or from a host that has it.
async fn send(deployment: &Deployment, id: &str) -> Result<(), StepError> {
    let hosts: Vec<&Engine> = deployment.engines.hosts.values().collect();
    let found = join_all(hosts.iter().map(|host| host.image(id))).await;
    let mut lacking = Vec::new();
    let mut source = match &deployment.builder {
        Some(builder) => builder.image(id).await?.map(|_| builder),
        None => None,
    };
    for (host, found) in hosts.into_iter().zip(found) {
        match found? {
            Some(_) => source = source.or(Some(host)),
            None => lacking.push(host.clone()),
        }
    }
    if lacking.is_empty() {
        return Ok(());
    }
    let source = source.ok_or_else(|| missing("neither this machine nor a host has the one that runs"))?;
    // Under its name, so that people see what it is.
    let tags = source.inspect_image(id).await?.repo_tags.unwrap_or_default();
    let own = tags.iter().find(|tag| tag.starts_with(&format!("{NAME}:")));
    let name = own.or(tags.first()).map_or(id, String::as_str);
    let tell = |progress| {
        deployment.events.emit(Event::Image {
            image: name.to_owned(),
            progress,
        });
    };
    let sent = transfer(source, &lacking, name, |host, bytes| {
        let host = host.to_owned();
        tell(ImageProgress::Sending { host, bytes });
    })
    .await?;
    for (host, outcome) in sent {
        outcome?;
        tell(ImageProgress::Provided { host });
    }
    Ok(())
}
