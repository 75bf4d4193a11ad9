//! `hoist down`.

use clap::Args;

use super::error::CliError;
use super::lock::LockArguments;
use super::project;
use super::settings::Settings;
use crate::deploy::{self, down::DownOptions};
use crate::ui::output::Output;

/// Stop and remove the services and networks of the project.
///
/// Named volumes keep their data, and hosts stay for the next `up`, unless you say otherwise.
#[derive(Debug, Args)]
pub struct DownArguments {
    /// Remove the project's named volumes too, with their data
    #[arg(short, long)]
    volumes: bool,
    /// Remove the pool's hosts too
    #[arg(long)]
    hosts: bool,
    /// Remove the hosts even where other projects run on them, too
    #[arg(long, requires = "hosts")]
    force: bool,
    /// Seconds that replicas may take to stop [default: 600]
    #[arg(short, long, value_name = "SECONDS")]
    timeout: Option<u64>,
    #[command(flatten)]
    lock: LockArguments,
}

/// Loads the project and takes it down.
pub async fn down(arguments: DownArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let project = project::load(settings, output)?;
    let progress = settings.progress(output);
    let operator = arguments
        .lock
        .apply(settings.operator(progress.events(), arguments.timeout));
    let options = DownOptions {
        volumes: arguments.volumes,
        hosts: arguments.hosts,
        force: arguments.force,
    };
    let outcome = deploy::down::down(project, &operator, options).await;
    progress.finish();
    Ok(outcome?)
}
