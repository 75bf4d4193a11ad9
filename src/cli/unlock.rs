//! `hoist unlock`.

use clap::Args;

use super::error::CliError;
use super::project;
use super::settings::Settings;
use crate::deploy;
use crate::ui::output::Output;

/// Take the project's lock away from whoever holds it, and say who that was.
///
/// For a command on another machine that ended without letting go: its lock runs out by itself after a minute, and one that
/// ended on this machine needs nothing. A command that still runs stops before its next step.
#[derive(Debug, Args)]
pub struct UnlockArguments {}

/// Loads the project and removes its lock.
pub async fn unlock(_arguments: UnlockArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let project = project::load_or_recall(settings, output)?;
    let holder = deploy::lock::unlock(&project, &settings.onlooker(output)).await?;
    let name = &project.name;
    output.remark(&match holder {
        Some(holder) => format!("removed the lock of `{name}`: it was held by {holder}"),
        None => format!("`{name}` is not locked"),
    });
    Ok(())
}
