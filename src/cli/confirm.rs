//! `hoist confirm`.

use clap::Args;

use super::error::CliError;
use super::patience::Patience;
use super::settings::Settings;
use super::{in_service, project};
use crate::deploy::in_service::Decision;
use crate::ui::output::Output;

/// Make upgrades in place final: what ran before is not kept any longer.
#[derive(Debug, Args)]
#[command(after_help = "Example: hoist up --upgrade web && hoist confirm web")]
pub struct ConfirmArguments {
    /// Only these services [default: all that `up --upgrade` changed]
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    #[command(flatten)]
    patience: Patience,
}

/// Finds the project by its name or its file, and confirms.
pub async fn confirm(arguments: ConfirmArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let project = project::load_or_recall(settings, output)?;
    let patience = &arguments.patience;
    in_service::decide(
        project,
        Decision::Confirm,
        &arguments.services,
        patience,
        settings,
        output,
    )
    .await
}
