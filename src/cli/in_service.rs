//! What `confirm`, `rollback`, `cancel` and `resume` share, and `up` where it is asked for the same.

use std::sync::Arc;

use super::error::CliError;
use super::patience::Patience;
use super::settings::Settings;
use crate::compose::Project;
use crate::deploy;
use crate::deploy::in_service::Decision;
use crate::ui::output::Output;

/// Does it with the services that are named (none: all that it fits), and shows how it goes.
pub async fn decide(
    project: Arc<Project>,
    decision: Decision,
    services: &[String],
    patience: &Patience,
    settings: &Settings,
    output: &Output,
) -> Result<(), CliError> {
    let progress = settings.progress(output);
    let operator = patience.operator(settings, progress.events());
    let outcome = deploy::in_service::decide(project, &operator, decision, services).await;
    progress.finish();
    Ok(outcome?)
}
