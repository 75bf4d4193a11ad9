//! `hoist history`.

use clap::Args;

use super::error::CliError;
use super::project;
use super::settings::Settings;
use crate::deploy;
use crate::ui::history as shown;
use crate::ui::output::Output;

/// List the project's revisions: what was applied when, by whom, and which services changed.
///
/// Each `up`, `scale`, `upgrade` or `rollback` that changes something makes one; the last 10 are kept, until `down`.
#[derive(Debug, Args)]
pub struct HistoryArguments {
    /// Format of the output
    #[arg(long, value_parser = ["table", "json"], default_value = "table", value_name = "FORMAT")]
    format: String,
}

/// Loads the project, asks for its revisions and prints them.
pub async fn history(arguments: HistoryArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let project = project::load_or_recall(settings, output)?;
    let revisions = deploy::history::history(&project, &settings.onlooker(output)).await?;
    output.data(&match arguments.format.as_str() {
        "json" => shown::json(&revisions),
        _ => shown::table(&revisions),
    });
    Ok(())
}
