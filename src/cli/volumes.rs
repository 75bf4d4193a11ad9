//! `hoist volumes`.

use clap::{Args, Subcommand};

use super::error::CliError;
use super::patience::Patience;
use super::project;
use super::settings::Settings;
use crate::deploy;
use crate::ui::output::Output;
use crate::ui::{tables, volume_move as shown};

/// List the project's named volumes, with the host that each is on, or move one to another host.
#[derive(Debug, Args)]
pub struct VolumesArguments {
    #[command(subcommand)]
    command: VolumesCommand,
}

#[derive(Debug, Subcommand)]
enum VolumesCommand {
    /// List the volumes: a service runs where its volume is
    Ls(LsArguments),
    Move(MoveArguments),
}

#[derive(Debug, Args)]
struct LsArguments {
    /// Format of the output
    #[arg(long, value_parser = ["table", "json"], default_value = "table", value_name = "FORMAT")]
    format: String,
}

/// Move a volume to another host, with its data and the services that mount it.
///
/// The services stop, the content goes from engine to engine and is compared by checksum, the services start there, and only then the
/// old copy goes. Volumes that the same services mount go along. An interrupted move goes on with the same command.
#[derive(Debug, Args)]
struct MoveArguments {
    /// A volume of the file, by its key or its name
    volume: String,
    /// The host that it goes to
    host: String,
    /// Print what would be done, and touch nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    patience: Patience,
}

/// Loads the project and does what was asked with its volumes.
pub async fn volumes(arguments: VolumesArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    match arguments.command {
        VolumesCommand::Ls(arguments) => {
            let project = project::load(settings, output)?;
            let operator = settings.onlooker(output);
            let volumes = deploy::look::volumes(&project, &operator).await?;
            output.data(&match arguments.format.as_str() {
                "json" => tables::volumes_json(&volumes),
                _ => tables::volumes(&volumes),
            });
            Ok(())
        }
        VolumesCommand::Move(arguments) => move_volume(arguments, settings, output).await,
    }
}

async fn move_volume(arguments: MoveArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let project = project::load_to_deploy(settings, output)?;
    let (volume, host) = (&arguments.volume, &arguments.host);
    if arguments.dry_run {
        let planned = deploy::move_volume::planned(&project, &settings.onlooker(output), volume, host).await?;
        output.data(&shown::steps(&planned));
        return Ok(());
    }
    let progress = settings.progress(output);
    let operator = arguments.patience.operator(settings, progress.events());
    let outcome = deploy::move_volume::move_volume(project, &operator, volume, host).await;
    progress.finish();
    Ok(outcome?)
}
