//! What the old service is called by others, and where the new one can be called that.

use super::Found;
use crate::compose::model::{Project, Service};

/// The names that the new service takes over: the old one's own, its aliases, and what it answered to already; its own
/// name it has anyway.
pub(super) fn of(project: &Project, old: &Found<'_>, old_name: &str, new_name: &str) -> Vec<String> {
    let template = old.service.and_then(|service| service.spec.task_template.as_ref());
    let of_cluster = template
        .and_then(|template| template.networks.as_ref())
        .into_iter()
        .flatten()
        .flat_map(|attachment| attachment.aliases.iter().flatten())
        .cloned();
    let of_file = project
        .services
        .get(old_name)
        .into_iter()
        .flat_map(|service| service.networks.values())
        .flat_map(|attachment| &attachment.aliases)
        .cloned();
    let mut names = vec![old_name.to_owned()];
    for name in of_cluster.chain(of_file).chain(old.answers_for()) {
        if name != new_name && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Says which networks of the old service the new one is not on: who calls it there will not find it. Networks of a
/// service that is no longer in the file are not known by their keys, and nothing is said of them.
pub(super) fn out_of_reach(project: &Project, new: &Service, old: &str, names: &[String]) -> Option<String> {
    let before = project.services.get(old)?;
    let missing: Vec<String> = before
        .networks
        .keys()
        .filter(|key| !new.networks.contains_key(*key))
        .map(|key| format!("`{key}`"))
        .collect();
    if missing.is_empty() || names.is_empty() {
        return None;
    }
    let list = missing.join(", ");
    Some(format!(
        "`{}` is not on {list}: services there that call `{old}` will not reach it",
        new.name
    ))
}
