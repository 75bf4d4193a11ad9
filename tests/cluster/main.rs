//! The main job on real hosts: the built `hoist` is run, and the engines themselves are asked what came of it.
//!
//! Local hosts on the engine at hand, which must be there. That nobody reaches a host's API without a certificate of
//! the pool is proved in `tests/bootstrap`; here it is tried once more on the hosts that `up` made.

#![expect(
    clippy::print_stdout,
    reason = "the tests print what hoist says and the times that it takes"
)]

mod host_resources;
mod ingress;
mod interruption;
#[path = "../support/load.rs"]
mod load;
mod machines;
mod managed_hosts;
mod mixed;
mod moved;
mod one_at_a_time;
mod revisions;
#[path = "../support/scene.rs"]
mod scene;
mod single_engine;
#[path = "../support/sweep.rs"]
mod sweep;
mod update_pace;
mod upgrades;
mod web_cache;
