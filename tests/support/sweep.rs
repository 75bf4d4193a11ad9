//! Leaves nothing of a test's pool on the engine at hand, whatever happened.

use std::process::{Command, Output};

/// Removes whatever has a pool's label, now and when it is dropped.
pub struct Sweep {
    filter: String,
}

/// How each kind is listed and removed, in the order in which they let go of each other.
const KINDS: [(&[&str], &[&str]); 3] = [
    (&["ps", "--all", "--quiet"], &["rm", "--force", "--volumes"]),
    (&["volume", "ls", "--quiet"], &["volume", "rm"]),
    (&["network", "ls", "--quiet"], &["network", "rm"]),
];

impl Sweep {
    pub fn of_pool(pool: &str) -> Sweep {
        Sweep::of_label(&format!("dev.hoist.pool={pool}"))
    }

    pub fn of_label(label: &str) -> Sweep {
        Sweep {
            filter: format!("label={label}"),
        }
    }

    /// What the engine has of it: ids of containers and networks, names of volumes.
    pub fn left_overs(&self) -> Vec<String> {
        KINDS.iter().flat_map(|(list, _)| self.listed(list)).collect()
    }

    fn listed(&self, list: &[&str]) -> Vec<String> {
        let output = docker(&[list, &["--filter", &self.filter]].concat());
        assert!(
            output.status.success() || std::thread::panicking(),
            "these tests need a Docker Engine: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Sweep {
    fn drop(&mut self) {
        for (list, remove) in KINDS {
            let listed = self.listed(list);
            if !listed.is_empty() {
                let ids: Vec<&str> = listed.iter().map(String::as_str).collect();
                docker(&[remove, &ids].concat());
            }
        }
    }
}

fn docker(arguments: &[&str]) -> Output {
    Command::new("docker")
        .args(arguments)
        .output()
        .expect("these tests need the `docker` command")
}
