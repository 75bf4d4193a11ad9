//! What becomes of one replica, given the containers of its number.

use super::super::draft::Draft;
use super::super::{Action, ContainerPlan, ContainerReplacement, Readiness, update_order};
use super::{provisions, removal};
use crate::compose::model::Service;
use crate::engine::labels;
use crate::engine::observation::{Health, ObservedContainer};

/// What is done about one replica; nothing where it is as it should be.
pub(super) enum Turn {
    /// A container that is there is started, or waited for.
    Start { action: Action, reason: &'static str },
    /// Another one takes its place.
    Replace(ContainerReplacement),
    /// It has none yet.
    Create(ContainerPlan),
}

/// Decides about one replica. Steps that remove what an interrupted run left are added to `before`: they come before anything
/// else of the service.
pub(super) fn turn(
    draft: &mut Draft<'_>,
    service: &Service,
    mut planned: ContainerPlan,
    found: &[&ObservedContainer],
    before: &mut Vec<usize>,
) -> Option<Turn> {
    let good = found
        .iter()
        .find(|found| why_replace(draft, &planned, found).is_none() && found.name == planned.name);
    let keep = good.or(found.first());
    for leftover in found.iter().filter(|found| keep.is_none_or(|keep| keep.id != found.id)) {
        let action = removal(leftover, service.stop_grace_period);
        before.push(draft.push(action, Vec::new(), "left by an interrupted run"));
    }
    let Some(current) = keep else {
        return Some(Turn::Create(planned));
    };
    let replaced = why_replace(draft, &planned, current);
    if replaced.is_some() {
        draft.replaced.insert(service.name.clone());
    }
    let misnamed = (current.name != planned.name).then(|| "left by an interrupted run".to_owned());
    if let Some(reason) = replaced.or(misnamed) {
        planned.starts_first = starts_first(draft, service, &planned, current);
        return Some(Turn::Replace(ContainerReplacement {
            container: planned,
            old: current.id.clone(),
            old_host: current.host.clone(),
            reason,
        }));
    }
    let is_done = match planned.must_be {
        Readiness::Completed => current.state == "exited" && current.status.starts_with("Exited (0)"),
        Readiness::Running => {
            current.state == "running" && current.health.is_none_or(|health| health == Health::Healthy)
        }
    };
    (!is_done).then(|| Turn::Start {
        action: Action::StartContainer {
            service: service.name.clone(),
            host: current.host.clone(),
            name: current.name.clone(),
            id: current.id.clone(),
            must_be: planned.must_be,
        },
        reason: match current.state == "running" {
            true => "not healthy yet",
            false => "not running",
        },
    })
}

/// Why a container is not as it should be; `None` where it is.
pub(super) fn why_replace(draft: &Draft<'_>, planned: &ContainerPlan, found: &ObservedContainer) -> Option<String> {
    if found.host != planned.host && moves(draft, planned) {
        return Some(format!("moves from {}", found.host));
    }
    if draft.options.only_scale {
        return None;
    }
    if let Some(reason) = draft.why_replace_anyhow(&planned.service, &found.labels) {
        return Some(reason);
    }
    if found.host != planned.host {
        return Some(format!("moves from {}", found.host));
    }
    let hash = |own: Option<&String>| own.cloned().unwrap_or_default();
    let planned_hash = hash(
        planned
            .body
            .labels
            .as_ref()
            .and_then(|all| all.get(labels::CONFIG_HASH)),
    );
    if found.labels.get(labels::CONFIG_HASH) != Some(&planned_hash) {
        return Some("definition changed".to_owned());
    }
    let images = draft.situation.observed.images.get(&found.host);
    if let Some(exact) = draft.options.exact_images.get(&planned.service) {
        let there = images
            .and_then(|images| images.get(exact))
            .map(|image| image.id.as_str());
        return (there != Some(found.image_id.as_str())).then(|| "image changed".to_owned());
    }
    let there = images
        .and_then(|images| images.get(&planned.image))
        .map(|image| image.id.clone());
    let service = draft.project.services.get(&planned.service);
    let wanted = service
        .and_then(|service| provisions::image_made_here(draft, service))
        .or(there);
    wanted
        .filter(|id| *id != found.image_id)
        .map(|_| "image changed".to_owned())
}

/// Whether a container's successor comes up before it stops: where the file asks for that, and both can be at once.
fn starts_first(
    draft: &mut Draft<'_>,
    service: &Service,
    planned: &ContainerPlan,
    current: &ObservedContainer,
) -> bool {
    let serves = current.state == "running" && planned.must_be == Readiness::Running;
    let moves = moves(draft, planned);
    if !serves || !(moves || update_order::starts_first(service)) {
        return false;
    }
    let same_host = current.host == planned.host;
    let cluster = draft.situation.observed.cluster.is_some();
    let Some(hindrance) = update_order::hindrance_of_container(draft.project, service, same_host, cluster) else {
        return true;
    };
    if !moves {
        let (message, path) = update_order::note(&service.name, &hindrance);
        draft.note(message, path);
    }
    false
}

/// Whether the operator wants this container on another host.
fn moves(draft: &Draft<'_>, planned: &ContainerPlan) -> bool {
    let replica = (planned.service.clone(), planned.number);
    draft.options.moves.contains_key(&replica)
}
