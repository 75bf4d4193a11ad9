//! What the commands that change a project share: each holds the project's lock meanwhile.

use clap::Args;

use crate::deploy::Operator;

/// What a command does where somebody else is at work on the project.
#[derive(Debug, Default, Args)]
pub struct LockArguments {
    /// Wait where somebody else is at work on the project, instead of refusing
    #[arg(long)]
    wait_lock: bool,
}

impl LockArguments {
    /// The operator with that wish.
    pub fn apply(&self, operator: Operator) -> Operator {
        Operator {
            wait_for_lock: self.wait_lock,
            ..operator
        }
    }
}
