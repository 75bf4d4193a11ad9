//! Configs and secrets of the cluster: which are missing, and which nothing uses any more.
//!
//! Knows contents only by their keyed digests.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::draft::Draft;
use super::{Action, ObjectKind, ObjectPlan};
use crate::compose::model::{FileObject, Project};
use crate::engine::labels;
use crate::engine::observation::ObservedObject;

/// The engine's names of configs and secrets, by key.
#[derive(Debug, Clone, Default)]
pub(super) struct Objects {
    pub configs: HashMap<String, String>,
    pub secrets: HashMap<String, String>,
}

/// Swarm objects never change: the name carries the content's digest, and a changed content is a new object.
pub(super) fn missing(draft: &mut Draft<'_>) -> Objects {
    let (project, situation) = (draft.project, draft.situation);
    let configs = objects_of(
        draft,
        ObjectKind::Config,
        &project.configs,
        situation.configs,
        &situation.observed.configs,
    );
    let secrets = objects_of(
        draft,
        ObjectKind::Secret,
        &project.secrets,
        situation.secrets,
        &situation.observed.secrets,
    );
    Objects { configs, secrets }
}

fn objects_of(
    draft: &mut Draft<'_>,
    kind: ObjectKind,
    wanted: &indexmap::IndexMap<String, FileObject>,
    digests: &BTreeMap<String, String>,
    observed: &[ObservedObject],
) -> HashMap<String, String> {
    let mut names = HashMap::new();
    for (key, object) in wanted {
        if !is_used(draft.project, kind, key) {
            continue;
        }
        let (false, Some(digest)) = (object.external, digests.get(key)) else {
            names.insert(key.clone(), object.name.clone());
            continue;
        };
        let (stem, name) = name_of(object, digest);
        if !observed.iter().any(|found| found.name == name) {
            let mut all: BTreeMap<String, String> = object.labels.clone().into_iter().collect();
            all.extend([
                (labels::PROJECT.to_owned(), draft.project.name.clone()),
                (labels::STACK_NAMESPACE.to_owned(), draft.project.name.clone()),
                (labels::CONTENT_DIGEST.to_owned(), digest.clone()),
            ]);
            let object = ObjectPlan {
                kind,
                key: key.clone(),
                name: name.clone(),
                labels: all,
            };
            let reason = if observed.iter().any(|found| found.name.starts_with(&stem)) {
                "content changed"
            } else {
                "new"
            };
            let index = draft.push(Action::CreateObject { object }, Vec::new(), reason);
            draft.objects.push(index);
        }
        names.insert(key.clone(), name);
    }
    names
}

/// The names that the project's configs and secrets have, or would have, by key: those that a service uses.
pub(super) fn names(
    project: &Project,
    configs: &BTreeMap<String, String>,
    secrets: &BTreeMap<String, String>,
) -> Objects {
    let names = |kind, all: &indexmap::IndexMap<String, FileObject>, digests: &BTreeMap<String, String>| {
        let used = all.iter().filter(|(key, _)| is_used(project, kind, key));
        used.map(|(key, object)| {
            let name = match (object.external, digests.get(key)) {
                (false, Some(digest)) => name_of(object, digest).1,
                _ => object.name.clone(),
            };
            (key.clone(), name)
        })
        .collect()
    };
    Objects {
        configs: names(ObjectKind::Config, &project.configs, configs),
        secrets: names(ObjectKind::Secret, &project.secrets, secrets),
    }
}

fn is_used(project: &Project, kind: ObjectKind, key: &str) -> bool {
    project.services.values().any(|service| {
        let references = match kind {
            ObjectKind::Config => &service.configs,
            ObjectKind::Secret => &service.secrets,
        };
        references.iter().any(|reference| reference.source == key)
    })
}

/// What the name of an object begins with, and the name with its content's digest: Swarm allows 64 characters.
fn name_of(object: &FileObject, digest: &str) -> (String, String) {
    let stem: String = object.name.chars().take(51).collect();
    let name = format!("{stem}_{}", digest.chars().take(12).collect::<String>());
    (stem, name)
}

/// Objects of the project that nothing uses any more go once every service has changed over. Where only some services do, all that
/// goes is what was kept to roll those back, which this run makes final.
pub(super) fn remove_stale(draft: &mut Draft<'_>, objects: &Objects) {
    let options = draft.options;
    // What a service could be rolled back to may need them all.
    let keeps = options.in_service.is_some() || options.only_scale;
    if draft.situation.observed.cluster.is_none() || keeps {
        return;
    }
    let in_reach = |found: &ObservedObject| {
        let kept_for = found.labels.get(labels::KEPT);
        options.services.is_empty() || kept_for.is_some_and(|service| draft.services.contains_key(service))
    };
    let observed = draft.situation.observed;
    let configs = observed
        .configs
        .iter()
        .map(|found| (ObjectKind::Config, found, &objects.configs));
    let secrets = observed
        .secrets
        .iter()
        .map(|found| (ObjectKind::Secret, found, &objects.secrets));
    let certificates = super::ingress::certificates(draft);
    // What a revision needs stays as long as that is kept.
    let kept: BTreeSet<&str> = observed
        .revisions
        .iter()
        .filter_map(|revision| revision.labels.get(labels::REVISION_OBJECTS))
        .flat_map(|names| names.split(','))
        .collect();
    let stays = |found: &ObservedObject| certificates.contains(&found.name) || kept.contains(found.name.as_str());
    let stale: Vec<_> = configs
        .chain(secrets)
        .filter(|(_, found, _)| found.labels.get(labels::PROJECT) == Some(&draft.project.name))
        .filter(|(_, found, _)| in_reach(found) && !stays(found))
        .filter(|(_, found, wanted)| !wanted.values().any(|name| *name == found.name))
        .map(|(kind, found, _)| Action::RemoveObject {
            kind,
            name: found.name.clone(),
            id: found.id.clone(),
        })
        .collect();
    let services = draft.services.values().flatten().copied();
    let after: Vec<usize> = services.chain(draft.ingress).collect();
    for action in stale {
        draft.push(action, after.clone(), "no longer used");
    }
}
