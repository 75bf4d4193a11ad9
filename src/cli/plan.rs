//! `hoist plan`, and `up --dry-run`.

use clap::Args;

use super::error::CliError;
use super::project;
use super::settings::Settings;
use crate::compose::Project;
use crate::deploy;
use crate::plan::UpOptions;
use crate::plan::images::ImageOptions;
use crate::ui::output::Output;
use crate::ui::plan as shown;

/// Show what `up` would do, and touch nothing.
///
/// `+` is made, `~` changed, `-` removed. Hosts that are not there yet are taken as they would be made.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// Only these services and what they depend on
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Plan an `up --build`
    #[arg(long)]
    build: bool,
    /// Plan an `up --replace-hosts`
    #[arg(long)]
    replace_hosts: bool,
    /// Format of the output
    #[arg(long, value_parser = ["text", "json"], default_value = "text", value_name = "FORMAT")]
    format: String,
}

/// Loads the project and prints the plan.
pub async fn plan(arguments: PlanArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let project = project::load_to_deploy(settings, output)?;
    let images = ImageOptions {
        build: arguments.build,
        pull: false,
    };
    let options = UpOptions {
        services: arguments.services,
        images,
        replace_hosts: arguments.replace_hosts,
        ..UpOptions::default()
    };
    let operator = settings.onlooker(output);
    let plan = deploy::up::plan(&project, &operator, &options).await?;
    output.data(&if arguments.format == "json" {
        shown::render_json(&plan)
    } else {
        shown::render(&plan)
    });
    Ok(())
}

/// Prints the plan of an `up` with these options.
pub(super) async fn show(
    project: &Project,
    options: &UpOptions,
    settings: &Settings,
    output: &Output,
) -> Result<(), CliError> {
    let operator = settings.onlooker(output);
    let plan = deploy::up::plan(project, &operator, options).await?;
    output.data(&shown::render(&plan));
    Ok(())
}
