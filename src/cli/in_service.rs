//! What `confirm`, `rollback`, `cancel` and `resume` share, and `up` where it is asked for the same.

use std::sync::Arc;

use clap::Args;

use super::error::CliError;
use super::lock::LockArguments;
use super::settings::Settings;
use crate::compose::Project;
use crate::deploy;
use crate::deploy::in_service::Decision;
use crate::ui::output::Output;

/// How long is waited, and for whom.
#[derive(Debug, Default, Args)]
pub struct Patience {
    /// Seconds that one service may take to come up [default: 600]
    #[arg(long, value_name = "SECONDS")]
    pub wait_timeout: Option<u64>,
    #[command(flatten)]
    pub lock: LockArguments,
}

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
    let operator = settings.operator(progress.events(), patience.wait_timeout);
    let operator = patience.lock.apply(operator);
    let outcome = deploy::in_service::decide(project, &operator, decision, services).await;
    progress.finish();
    Ok(outcome?)
}
