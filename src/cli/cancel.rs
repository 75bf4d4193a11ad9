//! `hoist cancel`.

use clap::Args;

use super::error::CliError;
use super::patience::Patience;
use super::settings::Settings;
use super::{in_service, project};
use crate::deploy::in_service::Decision;
use crate::ui::output::Output;

/// Stop an upgrade in place where it is.
///
/// The replicas that are being replaced at the moment come up; no further one is begun. `hoist resume` goes on, `hoist
/// rollback` brings back what ran before. Services that run as containers are replaced by `hoist up` itself: there, Ctrl-C
/// stops it.
#[derive(Debug, Args)]
pub struct CancelArguments {
    /// The services
    #[arg(required = true, value_name = "SERVICE")]
    services: Vec<String>,
}

/// Finds the project by its name or its file, and cancels.
pub async fn cancel(arguments: CancelArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let project = project::load_or_recall(settings, output)?;
    in_service::decide(
        project,
        Decision::Cancel,
        &arguments.services,
        &Patience::default(),
        settings,
        output,
    )
    .await
}
