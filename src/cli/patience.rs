//! How long a command that changes a project waits: for its services, and for whoever is at work on it already.

use clap::Args;

use super::lock::LockArguments;
use super::settings::Settings;
use crate::deploy::event::Events;
use crate::deploy::operator::Operator;

/// The options of every such command.
#[derive(Debug, Default, Args)]
pub struct Patience {
    /// Seconds that one service may take to come up, or to stop [default: 600]
    #[arg(long, value_name = "SECONDS")]
    wait_timeout: Option<u64>,
    #[command(flatten)]
    lock: LockArguments,
}

impl Patience {
    /// The operator who waits that long.
    pub fn operator(&self, settings: &Settings, events: Events) -> Operator {
        self.lock.apply(settings.operator(events, self.wait_timeout))
    }
}
