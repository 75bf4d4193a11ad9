//! `hoist ps`.

use clap::Args;

use super::error::CliError;
use super::project;
use super::settings::Settings;
use crate::deploy::{self, DeployError};
use crate::ui::output::Output;
use crate::ui::tables;

/// List the replicas of the project, with the host that each runs on.
#[derive(Debug, Args)]
pub struct PsArguments {
    /// Only these services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Show replicas that ended, too
    #[arg(short, long)]
    all: bool,
    /// Print names only
    #[arg(short, long)]
    quiet: bool,
    /// Format of the output
    #[arg(long, value_parser = ["table", "json"], default_value = "table", value_name = "FORMAT")]
    format: String,
}

/// Loads the project, asks the engines and prints the replicas.
pub async fn ps(arguments: PsArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let project = project::load(settings, output)?;
    let operator = settings.onlooker(output);
    let (mut replicas, silent) = deploy::look::replicas(&project, &operator, arguments.all).await?;
    if !arguments.services.is_empty() {
        replicas.retain(|replica| arguments.services.contains(&replica.service));
    }
    output.data(&match (arguments.quiet, arguments.format.as_str()) {
        (true, _) => tables::replica_names(&replicas),
        (false, "json") => tables::replicas_json(&replicas),
        (false, _) => tables::replicas(&replicas),
    });
    match silent.is_empty() {
        true => Ok(()),
        false => Err(DeployError::Silent { silent }.into()),
    }
}
