//! Which host a service must be on because it shares something with another's containers: a network, processes, memory,
//! volumes.
//!
//! Knows only what is planned already or runs: what a service shares comes before it.

use super::draft::Draft;
use crate::compose::model::{Service, VolumesSource};
use crate::engine::labels;

/// The host of the first service that this one shares something with; `None` where it shares nothing, or with nobody that
/// has containers.
pub(super) fn host(draft: &Draft<'_>, service: &Service) -> Option<String> {
    let name_spaces = [&service.network_mode, &service.pid, &service.ipc]
        .into_iter()
        .flatten()
        .filter_map(|mode| mode.strip_prefix("service:"));
    let volumes = service.volumes_from.iter().filter_map(|from| match &from.source {
        VolumesSource::Service(name) => Some(name.as_str()),
        VolumesSource::Container(_) => None,
    });
    name_spaces
        .chain(volumes)
        .find_map(|name| host_of_containers(draft, name))
}

/// The host of a service's first container, planned or running.
fn host_of_containers(draft: &Draft<'_>, service: &str) -> Option<String> {
    let mut planned = draft.plan.steps.iter().flat_map(|step| step.action.containers());
    let planned = planned
        .find(|container| container.service == service)
        .map(|container| container.host.clone());
    planned.or_else(|| {
        let mut found = draft.situation.observed.containers.iter();
        found
            .find(|found| found.labels.get(labels::SERVICE).map(String::as_str) == Some(service))
            .map(|found| found.host.clone())
    })
}
