//! What a command can end with, and the exit code of each: the one list of them.

use std::path::PathBuf;

use super::interrupt;
use crate::bootstrap::BootstrapError;
use crate::compose::Diagnostic;
use crate::deploy::DeployError;
use crate::deploy::error::{HostFailureCause, StepError};
use crate::engine::EngineError;
use crate::hosts::HostError;
use crate::plan::volume_move::VolumeMoveError;
use crate::ui::output::Output;
use crate::ui::{diagnostics, error as shown};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// No Compose file here or above.
    #[error("no Compose file in {} or a folder above it", directory.display())]
    NoFile { directory: PathBuf },
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    FileUnreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    FileUnwritable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The loader's findings.
    #[error("the Compose file cannot be used")]
    Compose(Vec<Diagnostic>),
    /// Arguments that do not fit together.
    #[error("{message}")]
    Usage { message: String, hint: Option<String> },
    #[error(transparent)]
    Deploy(#[from] DeployError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// `ssh` cannot be started.
    #[error("cannot run `{program}`")]
    Program {
        program: String,
        #[source]
        source: std::io::Error,
    },
}

impl CliError {
    /// The exit code: one for each kind of failure, listed in `docs/exit-codes.md`.
    pub fn exit_code(&self) -> u8 {
        match self {
            CliError::Usage { .. } => 2,
            CliError::NoFile { .. } | CliError::FileUnreadable { .. } | CliError::FileUnwritable { .. } => 9,
            CliError::Compose(found) => {
                if found.iter().any(|finding| finding.syntax) {
                    10
                } else {
                    11
                }
            }
            CliError::Engine(error) => of_engine(error),
            CliError::Bootstrap(error) => of_bootstrap(error),
            CliError::Program { .. } => 1,
            CliError::Deploy(error) => match error {
                DeployError::NoSuchService { .. }
                | DeployError::NoSuchRevision { .. }
                | DeployError::NoSuchHost { .. }
                | DeployError::NoGroups { .. }
                | DeployError::WholePool { .. }
                | DeployError::LabelNotFree { .. } => 2,
                DeployError::VolumeMove(VolumeMoveError::NoSuchVolume { .. } | VolumeMoveError::NoSuchHost { .. }) => 2,
                DeployError::VolumeMove(VolumeMoveError::Taken { .. } | VolumeMoveError::Several { .. }) => 15,
                DeployError::VolumeMove(VolumeMoveError::Differs { .. }) => 36,
                DeployError::VolumeMove(_)
                | DeployError::Plan(_)
                | DeployError::Upgrade(_)
                | DeployError::NotUpgraded { .. } => 12,
                DeployError::UpgradeStopped { .. } => 40,
                DeployError::Content { .. } => 9,
                DeployError::NoHosts { .. } | DeployError::NotReady { .. } => 13,
                DeployError::PoolInUse { .. } => 14,
                DeployError::HostsHoldData { .. } => 15,
                DeployError::Provider(_) => 27,
                DeployError::Cluster(error) => of_bootstrap(error),
                DeployError::Hosts { failed, .. } => failed.first().map_or(27, |failure| match &failure.error {
                    HostFailureCause::Provider(_) => 27,
                    HostFailureCause::Bootstrap(error) => of_bootstrap(error),
                    HostFailureCause::HoldsData { .. } | HostFailureCause::OnlyHost { .. } => 15,
                    HostFailureCause::NotEmpty { .. } => 16,
                    HostFailureCause::Interrupted => interrupt::EXIT_CODE,
                }),
                DeployError::Silent { silent } => silent.first().map_or(35, of_engine),
                DeployError::Engine(error) => of_engine(error),
                DeployError::NoBuilder { .. } => 31,
                DeployError::Steps { failed, .. } => failed.first().map_or(1, |failure| of_step(&failure.error)),
                DeployError::Interrupted { .. } => interrupt::EXIT_CODE,
                DeployError::Locked { .. } => 17,
                DeployError::LockLost { .. } => 18,
            },
        }
    }

    /// Shows the failure: what happened, where, and what to do.
    pub fn show(&self, output: &Output) {
        match self {
            CliError::Compose(found) => diagnostics::report(output, found),
            CliError::Deploy(error) => show_deploy(error, output),
            other => shown::report(output, other, &[], other.hint().as_deref()),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            CliError::NoFile { .. } => "write a `compose.yaml`, or name one with `-f`".into(),
            CliError::Usage { hint, .. } => return hint.clone(),
            CliError::Engine(error) => return error.hint(),
            CliError::Bootstrap(error) => return error.hint(),
            CliError::Deploy(error) => return hint_of(error),
            CliError::FileUnreadable { .. } => {
                "check the name: it counts from the folder that the command runs in".into()
            }
            CliError::FileUnwritable { .. } | CliError::Compose(_) | CliError::Program { .. } => return None,
        })
    }
}

fn show_deploy(error: &DeployError, output: &Output) {
    match error {
        DeployError::Hosts { failed, then, .. } => {
            for failure in failed {
                let log = match &failure.error {
                    HostFailureCause::Bootstrap(error) => log_of(error),
                    HostFailureCause::Provider(error) => last_words(error),
                    _ => Vec::new(),
                };
                shown::report(output, &failure.error, &log, failure.error.hint().as_deref());
            }
            if let Some(then) = then {
                show_deploy(then, output);
            }
        }
        DeployError::Steps { failed, skipped } => {
            for failure in failed {
                let error = &failure.error;
                shown::report(output, error, error.log(), error.hint().as_deref());
            }
            if !skipped.is_empty() {
                output.remark(&format!("left out because of that: {}", skipped.join(", ")));
            }
        }
        DeployError::Silent { silent } => {
            for error in silent {
                shown::report(output, error, &[], error.hint().as_deref());
            }
        }
        DeployError::Plan(errors) => {
            let found = errors.iter().map(|misfit| {
                let message = misfit.error.to_string();
                Diagnostic::error(message, misfit.place.clone()).hint(misfit.error.hint())
            });
            diagnostics::report(output, &found.collect::<Vec<_>>());
        }
        DeployError::UpgradeStopped { cause, .. } => {
            show_deploy(cause, output);
            shown::report(output, error, &[], hint_of(error).as_deref());
        }
        other => shown::report(output, other, &[], hint_of(other).as_deref()),
    }
}

fn hint_of(error: &DeployError) -> Option<String> {
    Some(match error {
        DeployError::Provider(error) => return error.hint(),
        DeployError::Cluster(error) => return error.hint(),
        DeployError::Engine(error) => return error.hint(),
        DeployError::NoBuilder { source, .. } => return source.hint(),
        DeployError::NoSuchService { known, .. } => format!("the project has {}", known.join(", ")),
        DeployError::NoSuchRevision { known, .. } if known.is_empty() => {
            "none is kept yet: each `hoist up` that changes something makes one".into()
        }
        DeployError::NoSuchRevision { known, .. } => {
            let known: Vec<String> = known.iter().map(u64::to_string).collect();
            format!("it has {}: `hoist history` shows them", known.join(", "))
        }
        DeployError::NoSuchHost { known, .. } if known.is_empty() => {
            "the pool has no hosts yet: `hoist hosts up` makes them".into()
        }
        DeployError::NoSuchHost { known, .. } => format!("the pool has {}", known.join(", ")),
        DeployError::NoHosts { .. } => "`hoist up` makes them".into(),
        DeployError::NotReady { .. } => "`hoist up` makes the hosts ready".into(),
        DeployError::PoolInUse { .. } => "take those projects down first (`hoist down`), or say `--force`".into(),
        DeployError::HostsHoldData { .. } => "save what is needed of it first; `--force` gives it up".into(),
        DeployError::NoGroups { .. } => "name hosts under `x-hosts`".into(),
        DeployError::WholePool { .. } => "`hoist hosts down` removes a whole pool".into(),
        DeployError::LabelNotFree { .. } => "`hoist hosts ls` shows a host's labels".into(),
        DeployError::VolumeMove(error) => return error.hint(),
        DeployError::Upgrade(error) => error.hint(),
        DeployError::NotUpgraded {
            service,
            state: Some(state),
            ..
        } => state.ways_out(service),
        DeployError::NotUpgraded {
            service, runs: true, ..
        } => {
            format!("`hoist up --upgrade {service}` changes it in place and keeps what ran before")
        }
        DeployError::NotUpgraded { .. } => "`hoist ps` lists what runs".into(),
        DeployError::UpgradeStopped {
            rolled_back: true, new, ..
        } => format!("mend `{new}` and upgrade again"),
        DeployError::UpgradeStopped { old, new, .. } => {
            format!("mend `{new}` and run the same command again, or go back with `hoist upgrade {new} {old}`")
        }
        DeployError::Interrupted { .. } => "run the same command again: it goes on from here".into(),
        DeployError::Locked { .. } => {
            "`--wait-lock` waits for it; where nobody is at work any more, `hoist unlock` takes the lock away".into()
        }
        DeployError::LockLost { .. } => "once nobody else is at work, the same command goes on from here".into(),
        DeployError::Content { .. } => "mend the file or set the variable, and run the same command again".into(),
        DeployError::Hosts { .. } | DeployError::Plan(_) | DeployError::Steps { .. } | DeployError::Silent { .. } => {
            return None;
        }
    })
}

fn log_of(error: &BootstrapError) -> Vec<String> {
    match error {
        BootstrapError::Install { output, .. } | BootstrapError::Step { output, .. } => output.clone(),
        _ => Vec::new(),
    }
}

fn last_words(error: &HostError) -> Vec<String> {
    match error {
        HostError::StoppedAtBoot { output, .. } => output.clone(),
        _ => Vec::new(),
    }
}

fn of_engine(error: &EngineError) -> u8 {
    match error {
        EngineError::Unreachable { .. }
        | EngineError::Identity { .. }
        | EngineError::Context { .. }
        | EngineError::NoQuorum { .. } => 35,
        EngineError::Call { .. } => 36,
        EngineError::Image { .. } => 30,
        EngineError::Build { .. } | EngineError::BuildContext { .. } => 31,
    }
}

fn of_bootstrap(error: &BootstrapError) -> u8 {
    match error {
        BootstrapError::NoSsh { .. } => 20,
        BootstrapError::LoginRefused { .. } => 21,
        BootstrapError::ChangedHostKey { .. } => 22,
        BootstrapError::UnknownHostKey { .. } => 23,
        BootstrapError::NoRoot { .. } => 24,
        BootstrapError::Install { .. } => 25,
        BootstrapError::ApiUnreachable { .. } => 26,
        BootstrapError::Unsuitable { .. }
        | BootstrapError::DaemonJson { .. }
        | BootstrapError::Step { .. }
        | BootstrapError::FirstContainer { .. } => 28,
        BootstrapError::ApiOpen { .. } | BootstrapError::Certificates { .. } => 29,
        BootstrapError::Engine { source, .. } => of_engine(source),
        BootstrapError::Cluster { .. } => 37,
    }
}

fn of_step(error: &StepError) -> u8 {
    match error {
        StepError::Engine(error) => of_engine(error),
        StepError::EngineTooOld { .. } => 12,
        StepError::ImageMissing { .. } => 30,
        StepError::ServiceFailed { .. } => 32,
        StepError::PortTaken { .. } => 33,
        StepError::Unhealthy { .. } => 34,
        StepError::NoHost { .. } => 38,
        StepError::TimedOut { .. } => 39,
        StepError::UpdateStopped { .. } | StepError::Cancelled { .. } => 40,
        StepError::BeforeLost { .. } => 12,
        StepError::Ingress(_) => 12,
        StepError::Interrupted => interrupt::EXIT_CODE,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// The numbers that the functions above name, read from their text: so none can be forgotten.
    fn codes() -> BTreeSet<u8> {
        let source = include_str!("error.rs");
        let (_, functions) = source.split_once("pub fn exit_code").unwrap();
        let (first, rest) = functions.split_once("/// Shows the failure").unwrap();
        let (_, last) = rest.split_once("fn of_engine").unwrap();
        let (last, _) = last.split_once("#[cfg(test)]").unwrap();
        [first, last]
            .iter()
            .flat_map(|text| text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_'))
            .filter_map(|word| word.parse().ok())
            .chain([0, super::super::panic::EXIT_CODE, super::interrupt::EXIT_CODE])
            .collect()
    }

    #[test]
    fn the_page_lists_every_code_and_no_other() {
        let page = include_str!("../../docs/exit-codes.md");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| "));
        let listed: Vec<u8> = rows.filter_map(|row| row.split(' ').next()?.parse().ok()).collect();
        assert_eq!(listed.iter().copied().collect::<BTreeSet<u8>>(), codes());
        assert!(listed.is_sorted(), "{listed:?}");
    }
}
