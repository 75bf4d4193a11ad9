//! `hoist volumes`.

use clap::{Args, Subcommand};

use super::error::CliError;
use super::project;
use super::settings::Settings;
use crate::deploy;
use crate::ui::output::Output;
use crate::ui::tables;

/// List the project's named volumes, with the host that each is on.
#[derive(Debug, Args)]
pub struct VolumesArguments {
    #[command(subcommand)]
    command: VolumesCommand,
}

#[derive(Debug, Subcommand)]
enum VolumesCommand {
    /// List the volumes: a service runs where its volume is
    Ls(LsArguments),
}

#[derive(Debug, Args)]
struct LsArguments {
    /// Format of the output
    #[arg(long, value_parser = ["table", "json"], default_value = "table", value_name = "FORMAT")]
    format: String,
}

/// Loads the project and does what was asked with its volumes.
pub async fn volumes(arguments: VolumesArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let project = project::load(settings, output)?;
    let operator = settings.onlooker(output);
    match arguments.command {
        VolumesCommand::Ls(arguments) => {
            let volumes = deploy::look::volumes(&project, &operator).await?;
            output.data(&match arguments.format.as_str() {
                "json" => tables::volumes_json(&volumes),
                _ => tables::volumes(&volumes),
            });
            Ok(())
        }
    }
}
