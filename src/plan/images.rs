//! Which image each service runs, where it comes from, and which hosts lack it.
//!
//! Knows the pull policy and what engines have. Never asks a registry.

use std::collections::BTreeSet;

use crate::compose::model::{Project, PullPolicy, Service};
use crate::engine::observation::{ObservedImage, ObservedService};
use crate::engine::{Observation, labels};

/// The operator's wishes about images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImageOptions {
    /// `--build`: build what has `build:` even where the image is there.
    pub build: bool,
    /// `--pull`: ask the registry again for what comes from one.
    pub pull: bool,
}

/// The services whose images are to be built on the operator's engine (each image once).
pub fn to_build<'a>(
    project: &'a Project,
    observed: &Observation,
    builder: Option<&str>,
    options: ImageOptions,
) -> Vec<&'a Service> {
    let mut seen = BTreeSet::new();
    project
        .services
        .values()
        .filter(|service| service.build.is_some())
        .filter(|service| {
            let name = service.image_name(&project.name);
            let wanted = options.build
                || service.pull_policy == Some(PullPolicy::Build)
                || at_builder(observed, builder, &name).is_none();
            wanted && seen.insert(name)
        })
        .collect()
}

/// The image that the operator's engine has under the name.
pub fn at_builder<'a>(observed: &'a Observation, builder: Option<&str>, image: &str) -> Option<&'a ObservedImage> {
    observed.images.get(builder?)?.get(image)
}

/// The id of an image that was made on the operator's engine: one without a registry's digest. No registry is asked for
/// such an image; it is streamed to the hosts and pinned by its id.
pub fn made_here(observed: &Observation, builder: Option<&str>, service: &Service, image: &str) -> Option<String> {
    let found = at_builder(observed, builder, image)?;
    (service.build.is_some() || found.digest.is_none()).then(|| found.id.clone())
}

/// Whether an image is named by its id, which no registry knows.
pub fn is_id(image: &str) -> bool {
    image.starts_with("sha256:")
}

/// What a Swarm service runs now, where it is what the file still names.
pub fn running_reference(running: Option<&ObservedService>, image: &str) -> Option<String> {
    let running =
        running.filter(|running| running.labels.get(labels::STACK_IMAGE).map(String::as_str) == Some(image))?;
    image_of(running).map(str::to_owned)
}

/// The image that a Swarm service is set to.
pub fn image_of(service: &ObservedService) -> Option<&str> {
    let template = service.spec.task_template.as_ref()?;
    template.container_spec.as_ref()?.image.as_deref()
}

/// Whether a Swarm service runs an image other than the one made on the operator's engine since.
pub fn differs(observed: &ObservedService, made_here: Option<&str>) -> bool {
    match (made_here, image_of(observed)) {
        (Some(id), Some(running)) => running != id,
        // Another operator built it, or it comes from a registry: its name is part of the digest.
        _ => false,
    }
}

/// The hosts among `hosts` that lack the image with this id.
pub fn lacking(observed: &Observation, image: &str, id: &str, hosts: impl Iterator<Item = String>) -> Vec<String> {
    hosts
        .filter(|host| {
            let has = observed
                .images
                .get(host)
                .and_then(|images| images.get(id).or_else(|| images.get(image)));
            has.is_none_or(|found| found.id != id)
        })
        .collect()
}
