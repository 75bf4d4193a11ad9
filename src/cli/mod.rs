//! One file per command: its arguments, and the calls that make it. [`settings`] resolves arguments, environment and
//! files once; commands read neither.

mod cancel;
mod config;
mod confirm;
mod diff;
mod discovery;
mod down;
pub mod error;
mod global;
mod history;
mod hosts;
mod import;
mod in_service;
mod interrupt;
mod lock;
mod logs;
pub mod panic;
mod patience;
mod plan;
mod project;
mod ps;
mod rebalance;
mod resume;
mod rollback;
mod scale;
pub mod settings;
mod unlock;
mod up;
mod upgrade;
mod version;
mod volumes;

use clap::{Parser, Subcommand};

pub use error::CliError;
use global::GlobalArguments;

/// Take Compose files to many hosts.
///
/// One file says what the services are and, under `x-hosts`, which hosts they need. Without `x-hosts`, the services run
/// on the engine of the current Docker context.
#[derive(Debug, Parser)]
#[command(name = "hoist", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    global: GlobalArguments,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  hoist up                          make the hosts, run the services, wait until they are healthy
  hoist plan                        show what `up` would do
  hoist -f shop.yaml -p test up     another file, another name
  hoist ps                          which replica runs on which host
  hoist down                        remove the services; data and hosts stay
  hoist down --volumes --hosts      remove everything";

// The first lines of help are those of the arguments' own types.
#[derive(Debug, Subcommand)]
enum Command {
    Up(up::UpArguments),
    Down(down::DownArguments),
    Ps(ps::PsArguments),
    Logs(logs::LogsArguments),
    Scale(scale::ScaleArguments),
    Upgrade(upgrade::UpgradeArguments),
    Rebalance(rebalance::RebalanceArguments),
    Confirm(confirm::ConfirmArguments),
    Rollback(rollback::RollbackArguments),
    Cancel(cancel::CancelArguments),
    Resume(resume::ResumeArguments),
    Hosts(hosts::HostsArguments),
    Volumes(volumes::VolumesArguments),
    History(history::HistoryArguments),
    Diff(diff::DiffArguments),
    Unlock(unlock::UnlockArguments),
    Plan(plan::PlanArguments),
    Config(config::ConfigArguments),
    Import(import::ImportArguments),
    Version(version::VersionArguments),
}

/// Runs one command and gives its exit code.
pub async fn run(arguments: Arguments) -> u8 {
    let settings = settings::Settings::resolve(&arguments.global, settings::Environment::of_this_process());
    let output = settings.output();
    output.release_on_panic();
    #[cfg(debug_assertions)]
    panic::on_request().await;
    let outcome = match arguments.command {
        Command::Up(arguments) => up::up(arguments, &settings, &output).await,
        Command::Down(arguments) => down::down(arguments, &settings, &output).await,
        Command::Ps(arguments) => ps::ps(arguments, &settings, &output).await,
        Command::Logs(arguments) => logs::logs(arguments, &settings, &output).await,
        Command::Scale(arguments) => scale::scale(arguments, &settings, &output).await,
        Command::Upgrade(arguments) => upgrade::upgrade(arguments, &settings, &output).await,
        Command::Rebalance(arguments) => rebalance::rebalance(arguments, &settings, &output).await,
        Command::Confirm(arguments) => confirm::confirm(arguments, &settings, &output).await,
        Command::Rollback(arguments) => rollback::rollback(arguments, &settings, &output).await,
        Command::Cancel(arguments) => cancel::cancel(arguments, &settings, &output).await,
        Command::Resume(arguments) => resume::resume(arguments, &settings, &output).await,
        Command::Hosts(arguments) => hosts::hosts(arguments, &settings, &output).await,
        Command::Volumes(arguments) => volumes::volumes(arguments, &settings, &output).await,
        Command::History(arguments) => history::history(arguments, &settings, &output).await,
        Command::Diff(arguments) => diff::diff(arguments, &settings, &output).await,
        Command::Unlock(arguments) => unlock::unlock(arguments, &settings, &output).await,
        Command::Plan(arguments) => plan::plan(arguments, &settings, &output).await,
        Command::Config(arguments) => config::config(arguments, &settings, &output),
        Command::Import(arguments) => import::import(arguments, &settings, &output),
        Command::Version(arguments) => version::version(arguments, &output),
    };
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            error.show(&output);
            error.exit_code()
        }
    }
}
