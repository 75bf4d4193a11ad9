//! What containers need before they are made: their image and their volumes, on the hosts where that is lacking.

use std::collections::BTreeMap;

use super::super::draft::Draft;
use super::super::{Action, ContainerPlan, PlanError, VolumePlan, images, shapes};
use super::replica;
use crate::compose::model::{MountKind, PullPolicy, Service};
use crate::engine::observation::ObservedContainer;
use crate::engine::{Observation, models};

/// Steps for the image and the volumes of containers that are to be made.
pub(super) fn provide(
    draft: &mut Draft<'_>,
    service: &Service,
    wanted: &[ContainerPlan],
    existing: &BTreeMap<u64, Vec<&ObservedContainer>>,
) -> Result<(), PlanError> {
    let observed = draft.situation.observed;
    let mut hosts: Vec<String> = Vec::new();
    for planned in wanted {
        let found = existing.get(&planned.number).map_or(&[][..], Vec::as_slice);
        let anew = found.is_empty()
            || found
                .iter()
                .any(|found| replica::why_replace(draft, planned, found).is_some());
        if anew && !hosts.contains(&planned.host) {
            hosts.push(planned.host.clone());
        }
    }
    for host in &hosts {
        for mount in &service.mounts {
            let MountKind::Volume { volume: Some(key), .. } = &mount.kind else {
                continue;
            };
            let Some(volume) = draft.project.volumes.get(key) else {
                continue;
            };
            let there = observed
                .volumes
                .iter()
                .any(|found| found.name == volume.name && found.host == *host);
            let planned = draft.plan.steps.iter().any(|step| {
                matches!(&step.action, Action::CreateVolume { volume: planned } if planned.name == volume.name && planned.host == *host)
            });
            if volume.external && !there {
                return Err(PlanError::ExternalMissing {
                    kind: "volume",
                    key: key.clone(),
                    name: volume.name.clone(),
                });
            }
            if there || planned {
                continue;
            }
            let request = models::VolumeCreateRequest {
                name: Some(volume.name.clone()),
                driver: volume.driver.clone(),
                driver_opts: shapes::some_if_any_map(&volume.driver_opts),
                labels: Some(shapes::volume_labels(draft.project, key, volume)),
                cluster_volume_spec: None,
            };
            let plan = VolumePlan {
                name: volume.name.clone(),
                host: host.clone(),
                request,
            };
            let index = draft.push(Action::CreateVolume { volume: Box::new(plan) }, Vec::new(), "new");
            draft.objects.push(index);
        }
    }
    if let Some(exact) = draft.options.exact_images.get(&service.name).cloned() {
        provide_exact(draft, service, exact, hosts);
        return Ok(());
    }
    let image = service.image_name(&draft.project.name);
    let anew = draft.options.images.pull || service.pull_policy == Some(PullPolicy::Always);
    let built_here = observed.cluster.is_none() && draft.images.contains_key(&image);
    let lacking: Vec<String> = match image_made_here(draft, service) {
        Some(id) => images::lacking(observed, &image, &id, hosts.into_iter()),
        None if anew => hosts,
        None => hosts
            .into_iter()
            .filter(|host| !built_here && !has_image(observed, host, &image))
            .collect(),
    };
    if !lacking.is_empty() {
        let builds = draft.images.get(&image).copied();
        let reason = if anew { "asked for" } else { "not there" };
        let index = draft.push(
            Action::ProvideImage {
                image: image.clone(),
                hosts: lacking,
            },
            builds.into_iter().collect(),
            reason,
        );
        draft.images.insert(image, index);
    }
    Ok(())
}

/// A step for an exact image, where hosts lack it.
fn provide_exact(draft: &mut Draft<'_>, service: &Service, exact: String, hosts: Vec<String>) {
    let observed = draft.situation.observed;
    let lacking: Vec<String> = hosts
        .into_iter()
        .filter(|host| !has_image(observed, host, &exact))
        .collect();
    if lacking.is_empty() {
        return;
    }
    let action = Action::ProvideImage {
        image: exact,
        hosts: lacking,
    };
    let index = draft.push(action, Vec::new(), "ran before");
    draft.images.insert(service.image_name(&draft.project.name), index);
}

fn has_image(observed: &Observation, host: &str, image: &str) -> bool {
    observed
        .images
        .get(host)
        .is_some_and(|images| images.contains_key(image))
}

/// The id of the service's image where it was made on the operator's engine and must be sent to the cluster's hosts.
pub(super) fn image_made_here(draft: &Draft<'_>, service: &Service) -> Option<String> {
    draft.situation.observed.cluster.as_ref()?;
    let image = service.image_name(&draft.project.name);
    images::made_here(draft.situation.observed, draft.situation.builder, service, &image)
}
