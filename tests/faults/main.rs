//! What goes wrong on real hosts and engines. Of each fault: the exit code, the one message, what the engines hold
//! afterwards, and that the same command finishes the work once the cause is mended.

#[path = "../support/docker.rs"]
mod docker;
#[path = "../support/hoist_command.rs"]
mod hoist_command;
#[path = "../bootstrap/house.rs"]
#[expect(dead_code, reason = "shared with the tests of bootstrap")]
mod house;
#[path = "../support/sweep.rs"]
#[expect(dead_code, reason = "shared with the tests that ask what is left")]
mod sweep;

mod one_engine;
mod pool;
mod somebody_else;
mod ssh_hosts;

use docker::LeavesNothing;
use hoist_command::Folder;

/// A folder whose project leaves nothing on the engine.
fn project(test: &str) -> (Folder, LeavesNothing) {
    let ping = docker::run(&["version"]);
    assert!(
        ping.status.success(),
        "these tests need a Docker Engine: {}",
        String::from_utf8_lossy(&ping.stderr)
    );
    let folder = Folder::new(test);
    let leaves_nothing = LeavesNothing::of_project(&folder.name);
    (folder, leaves_nothing)
}
