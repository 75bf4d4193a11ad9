//! The secrets with certificates and keys: their names, and which are missing. Contents are known by keyed digests only.

use std::collections::BTreeMap;

use super::Claim;
use crate::engine::labels;
use crate::plan::draft::Draft;
use crate::plan::{Action, ObjectKind, ObjectPlan};

/// What a certificate is known as beside the file's secrets. No secret of a file can have a name with a slash.
pub fn certificate_key(service: &str, index: usize) -> String {
    format!("{service}/x-ingress/{index}")
}

/// The cluster's name of the secret. Swarm allows 64 characters.
pub fn certificate_name(project: &str, service: &str, index: usize, digest: &str) -> String {
    let digest: String = digest.chars().take(12).collect();
    let stem: String = format!("{project}_{service}").chars().take(40).collect();
    format!("{stem}-ingress-{index}_{digest}")
}

/// Steps for the secrets that a service's ways in name and that are not there.
pub(in crate::plan) fn missing(draft: &mut Draft<'_>, claim: &Claim) {
    for (index, way) in claim.ways.iter().enumerate() {
        let Some(name) = &way.certificate else { continue };
        let there = draft.situation.observed.secrets.iter().any(|found| found.name == *name);
        let key = certificate_key(&claim.service, index);
        let digest = draft.situation.secrets.get(&key).cloned().unwrap_or_default();
        if there {
            continue;
        }
        let object = ObjectPlan {
            kind: ObjectKind::Secret,
            key,
            name: name.clone(),
            labels: BTreeMap::from([
                (labels::PROJECT.to_owned(), claim.project.clone()),
                (labels::STACK_NAMESPACE.to_owned(), claim.project.clone()),
                (labels::CONTENT_DIGEST.to_owned(), digest),
            ]),
        };
        let index = draft.push(Action::CreateObject { object }, Vec::new(), "certificate");
        draft.objects.push(index);
    }
}
