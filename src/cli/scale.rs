//! `hoist scale`.

use clap::Args;

use super::error::CliError;
use super::patience::Patience;
use super::project;
use super::settings::Settings;
use crate::deploy;
use crate::plan::UpOptions;
use crate::ui::output::Output;

/// Set the number of replicas of services, and wait until they run.
///
/// Changes nothing else, even where the file has changed since. The next `up` goes by the file again where it has
/// `deploy.replicas`.
#[derive(Debug, Args)]
#[command(after_help = "Example: hoist scale web=3 worker=5")]
pub struct ScaleArguments {
    /// A service and its number of replicas
    #[arg(required = true, value_name = "SERVICE=N", value_parser = parse_scale)]
    services: Vec<(String, u64)>,
    /// Leave what the services depend on alone
    #[arg(long)]
    no_deps: bool,
    /// Does nothing: `scale` waits anyway
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    patience: Patience,
}

/// Loads the project and brings the named services to the named numbers.
pub async fn scale(arguments: ScaleArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let project = project::load_to_deploy(settings, output)?;
    let options = UpOptions {
        services: arguments.services.iter().map(|(service, _)| service.clone()).collect(),
        scale: arguments.services.into_iter().collect(),
        no_deps: arguments.no_deps,
        only_scale: true,
        ..UpOptions::default()
    };
    let progress = settings.progress(output);
    let operator = arguments.patience.operator(settings, progress.events());
    let outcome = deploy::up::up(project, &operator, &options).await;
    progress.finish();
    Ok(outcome?)
}

/// `SERVICE=N`.
pub(super) fn parse_scale(text: &str) -> Result<(String, u64), String> {
    let (service, number) = text.split_once('=').ok_or("it is written SERVICE=N")?;
    let number = number
        .parse()
        .map_err(|_| format!("`{number}` is not a number of replicas"))?;
    Ok((service.to_owned(), number))
}
