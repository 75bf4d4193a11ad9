//! The local engine, asked with Docker's own client, and a guard that leaves nothing of a test on it.

use std::process::{Command, Output};

use crate::sweep::Sweep;

pub fn run(arguments: &[&str]) -> Output {
    Command::new("docker")
        .args(arguments)
        .output()
        .expect("these tests need the Docker client")
}

/// What `docker` prints; the test fails where it fails.
#[track_caller]
pub fn docker(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(
        output.status.success(),
        "docker {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// What root's shell on a local host prints, whatever its status.
pub fn inside(host: &str, script: &str) -> String {
    let output = run(&["exec", host, "sh", "-c", script]);
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What a test's project, and its pool of the same name, may leave on the engine. Dropped, none of it is there.
pub struct LeavesNothing {
    _swept: [Sweep; 2],
    /// Built by the test. Removed last: containers hold their images.
    pub images: Images,
}

#[derive(Default)]
pub struct Images(pub Vec<String>);

impl LeavesNothing {
    pub fn of_project(name: &str) -> LeavesNothing {
        LeavesNothing {
            _swept: [
                Sweep::of_label(&format!("com.docker.compose.project={name}")),
                Sweep::of_pool(name),
            ],
            images: Images::default(),
        }
    }
}

impl Drop for Images {
    fn drop(&mut self) {
        for image in &self.0 {
            run(&["rmi", "--force", image]);
        }
    }
}
