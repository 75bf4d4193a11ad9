//! `hoist upgrade`.

use std::num::NonZeroU64;
use std::time::Duration;

use clap::Args;

use super::error::CliError;
use super::lock::LockArguments;
use super::project;
use super::settings::Settings;
use crate::compose::units;
use crate::deploy;
use crate::deploy::rolling_upgrade::{BATCH, RollingUpgrade};
use crate::plan::rolling::Wish;
use crate::ui::output::Output;
use crate::ui::rolling as shown;

/// Put one service in the place of another, batch by batch, each healthy before the next.
///
/// OLD runs, NEW is in the file. OLD goes down only while both together exceed what NEW is to have. An interrupted
/// upgrade goes on with the same command; `hoist upgrade NEW OLD` goes back. Where a batch does not come up, NEW's
/// `deploy.update_config.failure_action` says what is done: pause, continue or rollback.
#[derive(Debug, Args)]
#[command(after_help = "Example: hoist upgrade shop-1 shop-2 --scale 5 --cleanup")]
pub struct UpgradeArguments {
    /// The service that runs
    old: String,
    /// The service of the file that takes its place
    new: String,
    /// Replicas of NEW that start at once
    #[arg(long, value_name = "N", default_value_t = BATCH)]
    batch_size: NonZeroU64,
    /// Replicas of NEW in the end [default: what its `deploy.replicas` says, or what OLD has]
    #[arg(long, value_name = "N")]
    scale: Option<NonZeroU64>,
    /// Time between a batch that is up and what follows it, such as 500ms or 1m
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse_duration)]
    interval: Duration,
    /// NEW answers to what OLD is called by other services
    #[arg(long, value_name = "BOOLEAN", default_value_t = true, num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    update_links: bool,
    /// Does nothing: `upgrade` waits anyway
    #[arg(long)]
    wait: bool,
    /// Ask the registry again for NEW's image
    #[arg(long)]
    pull: bool,
    /// Remove OLD once all is well
    #[arg(long)]
    cleanup: bool,
    /// Time that one batch may take to come up, such as 90s or 10m
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_duration)]
    timeout: Duration,
    /// Print the steps, and touch nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    lock: LockArguments,
}

/// Loads the project and upgrades one service to another.
pub async fn upgrade(arguments: UpgradeArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let project = project::load_to_deploy(settings, output)?;
    let wish = Wish {
        old: arguments.old,
        new: arguments.new,
        batch: arguments.batch_size,
        scale: arguments.scale,
        update_links: arguments.update_links,
    };
    if arguments.dry_run {
        let steps = deploy::rolling_upgrade::steps(&project, &settings.onlooker(output), &wish).await?;
        output.data(&shown::steps(&wish, &steps));
        return Ok(());
    }
    let request = RollingUpgrade {
        wish,
        interval: arguments.interval,
        pull: arguments.pull,
        cleanup: arguments.cleanup,
    };
    let progress = settings.progress(output);
    let operator = arguments
        .lock
        .apply(settings.operator(progress.events(), Some(arguments.timeout.as_secs().max(1))));
    let outcome = deploy::rolling_upgrade::rolling_upgrade(project, &operator, &request).await;
    progress.finish();
    Ok(outcome?)
}

/// A duration as Compose files write it.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    units::parse_duration(text).ok_or_else(|| format!("`{text}` is not a time such as 500ms, 30s or 1m30s"))
}
