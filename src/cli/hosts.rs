//! `hoist hosts`: the commands that look or log in are here, those that change hosts in `change`.

mod change;

use std::os::unix::process::CommandExt;

use clap::{Args, Subcommand};

use super::error::CliError;
use super::project;
use super::settings::Settings;
use crate::bootstrap;
use crate::deploy;
use crate::ui::output::{Output, Stream};
use crate::ui::tables;

/// Make, list, drain, label and remove the pool's hosts, or log in to one.
#[derive(Debug, Args)]
pub struct HostsArguments {
    #[command(subcommand)]
    command: HostsCommand,
}

const SSH_EXAMPLES: &str = "\
Examples:
  hoist hosts ssh lab-1
  hoist hosts ssh lab-1 sudo docker ps
  hoist hosts ssh lab-1 sudo journalctl -u docker";

#[derive(Debug, Subcommand)]
enum HostsCommand {
    /// Make the hosts that are missing and join them to the cluster, without any service
    Up(change::UpArguments),
    /// List the pool's hosts
    Ls(LsArguments),
    /// Log in to a host over SSH, or run a command there
    #[command(after_help = SSH_EXAMPLES)]
    Ssh(SshArguments),
    /// Move away what runs on hosts, and close them to new replicas
    Drain(change::DrainArguments),
    /// Let drained hosts take replicas again
    Activate(change::ActivateArguments),
    /// Set or remove labels of a host, which `deploy.placement.constraints` may name
    #[command(after_help = change::LABEL_EXAMPLES)]
    Label(change::LabelArguments),
    /// Drain hosts and remove them, one after another
    Rm(change::RmArguments),
    /// Remove all hosts of the file's groups, and what they shared
    Down(change::DownArguments),
}

#[derive(Debug, Args)]
struct LsArguments {
    /// Print names only
    #[arg(short, long)]
    quiet: bool,
    /// Format of the output
    #[arg(long, value_parser = ["table", "json"], default_value = "table", value_name = "FORMAT")]
    format: String,
}

#[derive(Debug, Args)]
struct SshArguments {
    /// The host's name, as `hoist hosts ls` shows it
    #[arg(value_name = "HOST")]
    name: String,
    /// Command to run there; without one: a shell
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// Loads the project and does what was asked with its pool's hosts.
pub async fn hosts(arguments: HostsArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let project = project::load(settings, output)?;
    match arguments.command {
        HostsCommand::Up(arguments) => change::up(arguments, &project, settings, output).await,
        HostsCommand::Drain(arguments) => change::drain(arguments, &project, settings, output).await,
        HostsCommand::Activate(arguments) => change::activate(arguments, &project, settings, output).await,
        HostsCommand::Label(arguments) => change::label(arguments, &project, settings, output).await,
        HostsCommand::Rm(arguments) => change::rm(arguments, &project, settings, output).await,
        HostsCommand::Down(arguments) => change::down(arguments, &project, settings, output).await,
        HostsCommand::Ls(arguments) => {
            let operator = settings.onlooker(output);
            let hosts = deploy::look::hosts(&project, &operator).await?;
            output.data(&match (arguments.quiet, arguments.format.as_str()) {
                (true, _) => tables::host_names(&hosts),
                (false, "json") => tables::hosts_json(&hosts),
                (false, _) => tables::hosts(&hosts),
            });
            Ok(())
        }
        HostsCommand::Ssh(arguments) => {
            let operator = settings.onlooker(output);
            let host = deploy::look::host(&project, &operator, &arguments.name).await?;
            let terminal = output.is_terminal(Stream::Stdout) && arguments.command.is_empty();
            let folder = settings.state.join("pools").join(&host.pool);
            let fail = |source| CliError::Program {
                program: "ssh".to_owned(),
                source,
            };
            let words = bootstrap::interactive(&host, &folder, terminal, &arguments.command).map_err(fail)?;
            let (program, words) = words
                .split_first()
                .ok_or_else(|| fail(std::io::ErrorKind::InvalidInput.into()))?;
            // Hoist's part is over: the terminal and the exit code are ssh's own.
            Err(fail(std::process::Command::new(program).args(words).exec()))
        }
    }
}
