//! The ids of the configs and secrets that a service names: the plan knows names only, and some are made just before.
//!
//! Knows that the cluster wants both in a reference (Engine API: *ContainerSpec.Secrets*, *ContainerSpec.Configs*).

use std::collections::HashMap;

use super::error::StepError;
use crate::engine::observation::ObservedObject;
use crate::engine::{Engine, models};

/// Fills the ids in.
///
/// # Errors
///
/// Where the cluster has no config or secret of a name.
pub(super) async fn fill_in(manager: &Engine, service: &str, spec: &mut models::ServiceSpec) -> Result<(), StepError> {
    let template = spec.task_template.as_mut();
    let Some(container) = template.and_then(|template| template.container_spec.as_mut()) else {
        return Ok(());
    };
    let missing = |kind: &str, name: &str| StepError::ServiceFailed {
        service: service.to_owned(),
        reason: format!("the cluster has no {kind} `{name}`"),
        log: Vec::new(),
    };
    if let Some(references) = container.configs.as_mut().filter(|references| !references.is_empty()) {
        let ids = ids(manager.configs(&[]).await?);
        for reference in references {
            let name = reference.config_name.as_deref().unwrap_or_default();
            let id = ids.get(name).ok_or_else(|| missing("config", name))?;
            reference.config_id = Some(id.clone());
        }
    }
    if let Some(references) = container.secrets.as_mut().filter(|references| !references.is_empty()) {
        let ids = ids(manager.secrets(&[]).await?);
        for reference in references {
            let name = reference.secret_name.as_deref().unwrap_or_default();
            let id = ids.get(name).ok_or_else(|| missing("secret", name))?;
            reference.secret_id = Some(id.clone());
        }
    }
    Ok(())
}

fn ids(objects: Vec<ObservedObject>) -> HashMap<String, String> {
    objects.into_iter().map(|object| (object.name, object.id)).collect()
}
