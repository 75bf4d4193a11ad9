//! Images brought to where they are needed: built on the operator's engine, streamed to hosts, pulled from registries.
//!
//! Knows the order: what was made on this machine is streamed, without a registry and without a file on the way;
//! everything else comes from its registry, pinned to the digest that it has there now.

use super::deployment::Deployment;
use super::error::StepError;
use super::event::{Event, ImageProgress};
use crate::engine::error::cause_chain;
use crate::engine::transfer::transfer;
use crate::engine::{Engine, EngineError};
use crate::plan::images::is_id;

/// Builds a service's image on the operator's engine.
pub(super) async fn build(deployment: &Deployment, image: &str, service: &str) -> Result<(), StepError> {
    let Some(service) = deployment.project.services.get(service) else {
        return Ok(());
    };
    let Some(builder) = &deployment.builder else {
        return Err(no_builder(image).into());
    };
    let tell = |progress| {
        deployment.events.emit(Event::Image {
            image: image.to_owned(),
            progress,
        })
    };
    let Some(build) = &service.build else { return Ok(()) };
    let mut build = build.clone();
    if let (true, Some(platform)) = (build.platforms.is_empty(), &service.platform) {
        build.platforms.push(platform.clone());
    }
    let tell_line = |line: &str| tell(ImageProgress::Building { line: line.to_owned() });
    tell_line("");
    let building = builder.build(image, &build, &deployment.credentials, tell_line);
    tokio::select! {
        () = deployment.interrupt.cancelled() => return Err(StepError::Interrupted),
        built = building => drop(built?),
    }
    tell(ImageProgress::Built);
    Ok(())
}

fn no_builder(image: &str) -> EngineError {
    EngineError::Image {
        engine: "this machine".to_owned(),
        image: image.to_owned(),
        reason: "it is to be built, and no Docker Engine answers here".to_owned(),
    }
}

/// Makes sure of an image: on these hosts where it is made here, by its digest where it comes from a registry.
pub(super) async fn provide(deployment: &Deployment, image: &str, hosts: &[String]) -> Result<(), StepError> {
    let here = match &deployment.builder {
        Some(builder) => builder.image(image).await?,
        None => None,
    };
    let built = deployment
        .project
        .services
        .values()
        .any(|service| service.build.is_some() && service.image_name(&deployment.project.name) == image);
    let by_id = is_id(image);
    if by_id && here.is_none() {
        let reason = "no registry has it, and this machine no longer has it either".to_owned();
        let service = String::new();
        let image = image.to_owned();
        return Err(StepError::ImageMissing { image, service, reason });
    }
    let from_here = here
        .as_ref()
        .is_some_and(|found| built || by_id || found.digest.is_none());
    let work = async {
        match (&deployment.builder, here) {
            (Some(builder), Some(found)) if from_here => send(deployment, builder, image, &found.id, hosts).await,
            (_, _) if deployment.engines.manager.is_some() => pin(deployment, image).await,
            (_, _) => pull(deployment, image, hosts).await,
        }
    };
    tokio::select! {
        () = deployment.interrupt.cancelled() => Err(StepError::Interrupted),
        outcome = work => outcome,
    }
}

/// Streams an image of this machine to the hosts and pins it by its id.
async fn send(
    deployment: &Deployment,
    builder: &Engine,
    image: &str,
    id: &str,
    hosts: &[String],
) -> Result<(), StepError> {
    let mut targets = Vec::new();
    for host in hosts {
        // A host that could not be made ready is told of by itself; the others go on.
        let Ok(engine) = deployment.engine(host) else {
            continue;
        };
        // The one engine without a pool is the builder itself.
        if engine.endpoint() != builder.endpoint() {
            targets.push(engine.clone());
        }
    }
    let tell = |host: &str, bytes| {
        let progress = ImageProgress::Sending {
            host: host.to_owned(),
            bytes,
        };
        deployment.events.emit(Event::Image {
            image: image.to_owned(),
            progress,
        });
    };
    let arrived = transfer(builder, &targets, image, tell).await?;
    let mut same = true;
    for outcome in arrived.into_values() {
        same &= outcome? == id;
    }
    for host in hosts.iter().filter(|host| deployment.engine(host).is_ok()) {
        let progress = ImageProgress::Provided { host: host.clone() };
        deployment.events.emit(Event::Image {
            image: image.to_owned(),
            progress,
        });
    }
    // Engines that keep images in containerd number them otherwise: there the name must do.
    remember(deployment, image, if same { id.to_owned() } else { image.to_owned() });
    Ok(())
}

/// Asks the registry, through a manager, for the digest that the name has now.
async fn pin(deployment: &Deployment, image: &str) -> Result<(), StepError> {
    let manager = deployment.manager()?;
    match manager.registry_digest(image, &deployment.credentials).await {
        Ok(digest) => {
            let name = image.split('@').next().unwrap_or(image);
            remember(deployment, image, format!("{name}@{digest}"));
            let progress = ImageProgress::Provided {
                host: "registry".to_owned(),
            };
            deployment.events.emit(Event::Image {
                image: image.to_owned(),
                progress,
            });
            Ok(())
        }
        Err(error) => {
            // Hosts that have it already need no registry.
            for engine in deployment.engines.hosts.values() {
                if engine.image(image).await?.is_none() {
                    return Err(missing(deployment, image, &error));
                }
            }
            Ok(())
        }
    }
}

/// Pulls an image on each of the hosts.
async fn pull(deployment: &Deployment, image: &str, hosts: &[String]) -> Result<(), StepError> {
    let platform = deployment
        .project
        .services
        .values()
        .find(|service| service.image_name(&deployment.project.name) == image)
        .and_then(|service| service.platform.clone());
    for host in hosts {
        let Ok(engine) = deployment.engine(host) else {
            continue;
        };
        let tell = |word: crate::engine::images::PullProgress| {
            let progress = ImageProgress::Pulling {
                host: host.clone(),
                status: word.status,
            };
            deployment.events.emit(Event::Image {
                image: image.to_owned(),
                progress,
            });
        };
        engine
            .pull(image, platform.as_deref(), &deployment.credentials, tell)
            .await
            .map_err(|error| missing(deployment, image, &error))?;
        let progress = ImageProgress::Provided { host: host.clone() };
        deployment.events.emit(Event::Image {
            image: image.to_owned(),
            progress,
        });
    }
    Ok(())
}

fn missing(deployment: &Deployment, image: &str, error: &EngineError) -> StepError {
    let service = deployment
        .project
        .services
        .values()
        .find(|service| service.image_name(&deployment.project.name) == image)
        .map_or_else(String::new, |service| service.name.clone());
    let reason = match error {
        EngineError::Image { reason, .. } => reason.clone(),
        other => cause_chain(other),
    };
    StepError::ImageMissing {
        image: image.to_owned(),
        service,
        reason,
    }
}

fn remember(deployment: &Deployment, image: &str, reference: String) {
    let mut references = deployment
        .references
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    references.insert(image.to_owned(), reference);
}
