//! `hoist rollback`.

use clap::Args;

use super::error::CliError;
use super::patience::Patience;
use super::settings::Settings;
use super::{in_service, project};
use crate::deploy;
use crate::deploy::in_service::Decision;
use crate::ui::output::Output;
use crate::ui::plan as shown;

/// Bring back what ran before an upgrade in place, or the whole project as it was in a revision.
///
/// A service gets its image, its environment and its number of replicas back. Replicas change over at the pace of
/// `deploy.rollback_config`. One that does not come up ends it there: nothing is rolled back twice, and the same command tries
/// again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hoist up --upgrade web || hoist rollback web
  hoist rollback --to 4                          as it was in revision 4 of `hoist history`
  hoist rollback --to 4 --dry-run                what that would change")]
pub struct RollbackArguments {
    /// Only these services [default: all that `up --upgrade` changed]
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Bring the whole project back to this revision, without services that it did not have; hosts stay as the file says
    #[arg(long, value_name = "REVISION", conflicts_with = "services")]
    to: Option<u64>,
    /// Print what would be done, and touch nothing
    #[arg(long, requires = "to")]
    dry_run: bool,
    #[command(flatten)]
    patience: Patience,
}

/// Finds the project by its name or its file, and rolls back.
pub async fn rollback(arguments: RollbackArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let project = project::load_or_recall(settings, output)?;
    let patience = &arguments.patience;
    if let Some(number) = arguments.to {
        if arguments.dry_run {
            let plan = deploy::history::planned(&project, &settings.onlooker(output), number).await?;
            output.data(&shown::render(&plan));
            return Ok(());
        }
        let progress = settings.progress(output);
        let operator = patience.operator(settings, progress.events());
        let outcome = deploy::history::roll_back_to(project, &operator, number).await;
        progress.finish();
        return Ok(outcome?);
    }
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
