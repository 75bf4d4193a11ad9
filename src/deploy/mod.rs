//! Carries out a plan: concurrency, waiting, health. Tells what happens through [`event::Events`] and prints nothing.

mod containers;
pub mod contents;
mod converge;
pub mod deployment;
mod digest_key;
pub mod down;
mod drain_host;
pub mod error;
pub mod event;
mod execute;
mod failure_log;
mod hooks;
mod host_data;
mod images;
mod ingress;
pub mod lock;
pub mod look;
mod make_ready;
pub mod manage_hosts;
mod newer_engine;
mod object_ids;
pub mod operator;
pub mod pool;
pub mod published;
mod remove_hosts;
pub mod rolling_upgrade;
mod scale_running;
mod services;
mod site;
pub mod status;
mod take_away;
mod task_watch;
pub mod up;

pub use deployment::Deployment;
pub use error::{DeployError, StepError};
pub use operator::Operator;
