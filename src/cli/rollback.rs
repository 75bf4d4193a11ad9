//! `hoist rollback`.

use clap::Args;

use super::error::CliError;
use super::in_service::Patience;
use super::settings::Settings;
use super::{in_service, project};
use crate::deploy::in_service::Decision;
use crate::ui::output::Output;

/// Bring back what ran before an upgrade in place: its image, its environment, its number of replicas.
///
/// Replicas change over at the pace of `deploy.rollback_config`. One that does not come up ends it there: nothing is rolled
/// back twice, and the same command tries again.
#[derive(Debug, Args)]
#[command(after_help = "Example: hoist up --upgrade web || hoist rollback web")]
pub struct RollbackArguments {
    /// Only these services [default: all that `up --upgrade` changed]
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    #[command(flatten)]
    patience: Patience,
}

/// Finds the project by its name or its file, and rolls back.
pub async fn rollback(arguments: RollbackArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let project = project::load_or_recall(settings, output)?;
    let patience = &arguments.patience;
    in_service::decide(
        project,
        Decision::RollBack,
        &arguments.services,
        patience,
        settings,
        output,
    )
    .await
}
