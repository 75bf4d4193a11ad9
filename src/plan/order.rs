//! The order in which services come: what is depended on first.
//!
//! Knows `depends_on` and what implies it. Never decides what a step does.

use indexmap::IndexMap;

use super::error::PlanError;
use crate::compose::model::{Project, Service};

/// What a service waits for: `depends_on`, and `network_mode: service:NAME` and its like, which imply it.
pub fn dependencies(service: &Service) -> Vec<&str> {
    let mut names: Vec<&str> = service.depends_on.keys().map(String::as_str).collect();
    let shared = [&service.network_mode, &service.pid, &service.ipc];
    for name in shared
        .into_iter()
        .flatten()
        .filter_map(|mode| mode.strip_prefix("service:"))
    {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The project's services, each after all that it depends on; otherwise in file order.
///
/// # Errors
///
/// [`PlanError::DependencyCycle`] with the whole circle.
pub fn in_dependency_order(project: &Project) -> Result<Vec<&Service>, PlanError> {
    let mut state: IndexMap<&str, bool> = IndexMap::new();
    let mut ordered = Vec::new();
    for name in project.services.keys() {
        let mut path = Vec::new();
        visit(project, name, &mut state, &mut path, &mut ordered)?;
    }
    Ok(ordered)
}

/// `state`: absent = not seen, false = on the path, true = placed.
fn visit<'a>(
    project: &'a Project,
    name: &'a str,
    state: &mut IndexMap<&'a str, bool>,
    path: &mut Vec<&'a str>,
    ordered: &mut Vec<&'a Service>,
) -> Result<(), PlanError> {
    match state.get(name) {
        Some(true) => return Ok(()),
        Some(false) => {
            let start = path.iter().position(|on_path| *on_path == name).unwrap_or(0);
            let mut circle: Vec<String> = path[start..].iter().map(|name| (*name).to_owned()).collect();
            circle.push(name.to_owned());
            return Err(PlanError::DependencyCycle { path: circle });
        }
        None => {}
    }
    // A dependency with `required: false` may be absent; the loader has refused the others.
    let Some((name, service)) = project.services.get_key_value(name) else {
        return Ok(());
    };
    state.insert(name, false);
    path.push(name);
    for dependency in dependencies(service) {
        visit(project, dependency, state, path, ordered)?;
    }
    path.pop();
    state.insert(name, true);
    ordered.push(service);
    Ok(())
}
