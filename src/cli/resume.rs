//! `hoist resume`.

use clap::Args;

use super::error::CliError;
use super::patience::Patience;
use super::settings::Settings;
use super::{in_service, project};
use crate::deploy::in_service::Decision;
use crate::ui::output::Output;

/// Go on with an upgrade in place that failed on the way, or was cancelled.
#[derive(Debug, Args)]
pub struct ResumeArguments {
    /// Only these services [default: all whose upgrade stopped]
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    #[command(flatten)]
    patience: Patience,
}

/// Finds the project by its name or its file, and goes on.
pub async fn resume(arguments: ResumeArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let project = project::load_or_recall(settings, output)?;
    let patience = &arguments.patience;
    in_service::decide(
        project,
        Decision::Resume,
        &arguments.services,
        patience,
        settings,
        output,
    )
    .await
}
