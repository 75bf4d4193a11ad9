//! `hoist up`.

use std::num::NonZeroU64;
use std::time::Duration;

use clap::Args;

use super::error::CliError;
use super::patience::Patience;
use super::settings::Settings;
use super::{in_service, plan, project};
use crate::deploy;
use crate::deploy::in_service::Decision;
use crate::plan::UpOptions;
use crate::plan::images::ImageOptions;
use crate::plan::in_service::InService;
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
    /// Change services in place and keep what ran before, until `hoist confirm` or `hoist rollback`
    #[arg(long)]
    upgrade: bool,
    /// The same, replacing replicas even where nothing changed
    #[arg(long)]
    force_upgrade: bool,
    /// With `--upgrade`: replicas that change at once [default: `deploy.update_config.parallelism`]
    #[arg(long, value_name = "N")]
    batch_size: Option<NonZeroU64>,
    /// With `--upgrade`: time between two batches, such as 500ms or 1m [default: `deploy.update_config.delay`]
    #[arg(long, value_name = "TIME", value_parser = super::upgrade::parse_duration)]
    interval: Option<Duration>,
    /// Make earlier upgrades in place final, as `hoist confirm` does, and nothing else
    #[arg(long, conflicts_with_all = ["upgrade", "force_upgrade", "rollback"])]
    confirm_upgrade: bool,
    /// Bring back what ran before an upgrade in place, as `hoist rollback` does, and nothing else
    #[arg(long, conflicts_with_all = ["upgrade", "force_upgrade"])]
    rollback: bool,
    /// Remove what runs of this project and is no longer in the file
    #[arg(long)]
    remove_orphans: bool,
    /// Replace hosts that were made from another image or flavor than the file names now, one at a time, drained first
    #[arg(long)]
    replace_hosts: bool,
    #[command(flatten)]
    patience: Patience,
    /// Does nothing: `up` returns anyway. Taken for the sake of `docker compose up -d`
    #[arg(short, long)]
    detach: bool,
    /// Follow the logs once everything runs
    #[arg(long, conflicts_with = "detach")]
    attach: bool,
}

/// Loads the project, brings it up, and says where it answers.
pub async fn up(arguments: UpArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    if let Some(decision) = arguments.decision() {
        let project = project::load_or_recall(settings, output)?;
        let patience = &arguments.patience;
        return in_service::decide(project, decision, &arguments.services, patience, settings, output).await;
    }
    let project = project::load_to_deploy(settings, output)?;
    let options = arguments.options();
    if arguments.dry_run {
        return plan::show(&project, &options, settings, output).await;
    }
    let progress = settings.progress(output);
    let operator = arguments.patience.operator(settings, progress.events());
    let outcome = deploy::up::up(project.clone(), &operator, &options).await;
    progress.finish();
    outcome?;
    if arguments.attach {
        super::logs::follow(&project, &operator, output).await?;
    }
    Ok(())
}

impl UpArguments {
    /// What is asked about earlier upgrades, instead of bringing anything up.
    fn decision(&self) -> Option<Decision> {
        match (self.confirm_upgrade, self.rollback) {
            (true, _) => Some(Decision::Confirm),
            (_, true) => Some(Decision::RollBack),
            (false, false) => None,
        }
    }

    fn in_service(&self) -> Option<InService> {
        (self.upgrade || self.force_upgrade).then_some(InService {
            batch: self.batch_size,
            interval: self.interval,
            force: self.force_upgrade,
        })
    }

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
            volumes_at: std::collections::BTreeMap::new(),
            force_recreate: self.force_recreate,
            remove_orphans: self.remove_orphans,
            replace_hosts: self.replace_hosts,
            exact_images: Default::default(),
            replacement: None,
            in_service: self.in_service(),
        }
    }
}
