//! `hoist config`.

use std::path::PathBuf;

use clap::Args;

use super::error::CliError;
use super::project;
use super::settings::Settings;
use crate::ui::output::Output;
use crate::ui::{diagnostics, support};

/// Print the project as it was understood.
///
/// Files merged, variables filled in, short forms written out; what `docker compose config` prints for the same files.
#[derive(Debug, Args)]
pub struct ConfigArguments {
    /// Format of the output
    #[arg(long, value_parser = ["yaml", "json"], default_value = "yaml", value_name = "FORMAT")]
    format: String,
    /// Print the services' names only
    #[arg(long, conflicts_with_all = ["images", "volumes", "networks"])]
    services: bool,
    /// Print the images' names only
    #[arg(long)]
    images: bool,
    /// Print the volumes' names only
    #[arg(long)]
    volumes: bool,
    /// Print the networks' names only
    #[arg(long)]
    networks: bool,
    /// Print what Hoist does with each attribute that the files use
    #[arg(long, conflicts_with_all = ["services", "images", "volumes", "networks"])]
    support: bool,
    /// Check the files and print nothing
    #[arg(short, long)]
    quiet: bool,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Loads the project and prints it.
pub fn config(arguments: ConfigArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let loaded = project::load_all(settings)?;
    diagnostics::report(output, &loaded.notices());
    if arguments.quiet {
        return Ok(());
    }
    let project = &loaded.project;
    let names = |names: Vec<String>| names.iter().map(|name| format!("{name}\n")).collect::<String>();
    let text = if arguments.support {
        support::render(&loaded.support, arguments.format == "json")
    } else if arguments.services {
        names(project.services.keys().cloned().collect())
    } else if arguments.images {
        names(
            project
                .services
                .values()
                .map(|service| service.image_name(&project.name))
                .collect(),
        )
    } else if arguments.volumes {
        names(project.volumes.keys().cloned().collect())
    } else if arguments.networks {
        names(project.networks.keys().cloned().collect())
    } else if arguments.format == "json" {
        loaded.canonical.json()
    } else {
        loaded.canonical.yaml()
    };
    match arguments.output {
        Some(path) => std::fs::write(&path, text).map_err(|source| CliError::FileUnwritable { path, source }),
        None => {
            output.data(text.trim_end_matches('\n'));
            Ok(())
        }
    }
}
