//! `hoist rebalance`.

use clap::Args;

use super::error::CliError;
use super::patience::Patience;
use super::project;
use super::settings::Settings;
use crate::deploy;
use crate::ui::output::Output;
use crate::ui::tables;

/// Spread replicas over the hosts again, moving as few as possible.
///
/// The cluster leaves replicas where they are when a host comes back. This moves them, one after another: each is up, and healthy,
/// at its new host before it stops at the old one. What is spread already stays; so does what has its data on a host.
#[derive(Debug, Args)]
#[command(after_help = "Example: hoist rebalance --dry-run")]
pub struct RebalanceArguments {
    /// Services; all of them where none is named
    services: Vec<String>,
    /// Print the moves, and touch nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    patience: Patience,
}

/// Loads the project and spreads its replicas again.
pub async fn rebalance(arguments: RebalanceArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let project = project::load_to_deploy(settings, output)?;
    if arguments.dry_run {
        let moves = deploy::rebalance::moves(&project, &settings.onlooker(output), &arguments.services).await?;
        output.data(&tables::moves(&moves));
        return Ok(());
    }
    let progress = settings.progress(output);
    let operator = arguments.patience.operator(settings, progress.events());
    let outcome = deploy::rebalance::rebalance(project, &operator, &arguments.services).await;
    progress.finish();
    Ok(outcome?)
}
