//! `hoist up`.

use clap::Args;

use super::error::CliError;
use super::lock::LockArguments;
use super::settings::Settings;
use super::{plan, project};
use crate::deploy;
use crate::plan::UpOptions;
use crate::plan::images::ImageOptions;
use crate::ui::output::Output;

/// Make the hosts that are missing, and bring the services to what the file says.
///
/// Makes hosts ready over SSH, builds and sends images, and changes only what differs. Returns once everything runs and,
/// where it has a healthcheck, is healthy; then says where published ports answer. A second `up` finds nothing to do;
/// one after an interruption goes on from there.
#[derive(Debug, Args)]
pub struct UpArguments {
    /// Only these services and what they depend on
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Print what would be done, and touch nothing
    #[arg(long)]
    dry_run: bool,
    /// Build the images of services with `build`, even those that exist
    #[arg(long)]
    build: bool,
    /// Ask the registries again, even for images that the hosts have
    #[arg(long)]
    pull: bool,
    /// Run so many replicas of a service, whatever the file says
    #[arg(long, value_name = "SERVICE=N", value_parser = super::scale::parse_scale)]
    scale: Vec<(String, u64)>,
    /// Leave what the named services depend on alone
    #[arg(long)]
    no_deps: bool,
    /// Replace every replica, even where nothing changed
    #[arg(long)]
    force_recreate: bool,
    /// Remove what runs of this project and is no longer in the file
    #[arg(long)]
    remove_orphans: bool,
    /// Replace hosts that were made from another image or flavor than the file names now, one at a time, drained first
    #[arg(long)]
    replace_hosts: bool,
    /// Seconds that one service may take to come up [default: 600]
    #[arg(long, value_name = "SECONDS")]
    wait_timeout: Option<u64>,
    /// Does nothing: `up` returns anyway. Taken for the sake of `docker compose up -d`
    #[arg(short, long)]
    detach: bool,
    /// Follow the logs once everything runs
    #[arg(long, conflicts_with = "detach")]
    attach: bool,
    #[command(flatten)]
    lock: LockArguments,
}

/// Loads the project, brings it up, and says where it answers.
pub async fn up(arguments: UpArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let project = project::load_to_deploy(settings, output)?;
    let options = arguments.options();
    if arguments.dry_run {
        return plan::show(&project, &options, settings, output).await;
    }
    let progress = settings.progress(output);
    let operator = arguments
        .lock
        .apply(settings.operator(progress.events(), arguments.wait_timeout));
    let outcome = deploy::up::up(project.clone(), &operator, &options).await;
    progress.finish();
    outcome?;
    if arguments.attach {
        super::logs::follow(&project, &operator, output).await?;
    }
    Ok(())
}

impl UpArguments {
    fn options(&self) -> UpOptions {
        UpOptions {
            images: ImageOptions {
                build: self.build,
                pull: self.pull,
            },
            services: self.services.clone(),
            no_deps: self.no_deps,
            scale: self.scale.iter().cloned().collect(),
            only_scale: false,
            moves: std::collections::BTreeMap::new(),
            force_recreate: self.force_recreate,
            remove_orphans: self.remove_orphans,
            replace_hosts: self.replace_hosts,
            replacement: None,
        }
    }
}
