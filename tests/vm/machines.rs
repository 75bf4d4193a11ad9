//! Three virtual machines with Debian's own kernel, booted by `tests/virtual-machines/up`. Dropped, they are gone.
//!
//! What is asserted about a machine is asked of the machine itself over SSH, never of Hoist.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::waiting::wait_for;

/// One of them.
pub struct Machine {
    pub name: String,
    pub address: String,
    /// As `x-hosts` takes it: `ssh-ed25519 AAAA…`.
    pub host_key: String,
    folder: PathBuf,
}

pub struct Machines(pub Vec<Machine>);

impl Machines {
    pub fn boot() -> Machines {
        let folder = folder();
        let up = Command::new(script("up")).status().unwrap();
        assert!(up.success(), "the machines do not boot: {up}");
        let known = std::fs::read_to_string(folder.join("known_hosts")).unwrap();
        let machines = known.lines().enumerate().map(|(index, line)| {
            let (address, host_key) = line.split_once(' ').unwrap();
            Machine {
                name: format!("vm-{}", index + 1),
                address: address.to_owned(),
                host_key: host_key.to_owned(),
                folder: folder.clone(),
            }
        });
        Machines(machines.collect())
    }

    /// The group of `x-hosts` that has them all.
    pub fn group(&self) -> String {
        let entries = self.0.iter().map(|machine| {
            format!(
                "{{host: {}, user: debian, identity_file: {}, host_key: \"{}\"}}",
                machine.address,
                machine.folder.join("key").display(),
                machine.host_key
            )
        });
        format!("{{ssh: [{}]}}", entries.collect::<Vec<_>>().join(", "))
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        if std::thread::panicking() && std::env::var_os("VM_KEEP").is_some() {
            println!("the machines are kept: {} ends them", script("down").display());
            return;
        }
        let down = Command::new(script("down")).status();
        if !std::thread::panicking() {
            assert!(down.unwrap().success(), "the machines do not go");
        }
    }
}

impl Machine {
    /// What root's shell prints there; it must end well.
    #[track_caller]
    pub fn root(&self, command: &str) -> String {
        self.try_root(command)
            .unwrap_or_else(|reason| panic!("{}: {command}: {reason}", self.name))
    }

    pub fn try_root(&self, command: &str) -> Result<String, String> {
        let quoted = format!("'{}'", command.replace('\'', r"'\''"));
        let output = Command::new("ssh")
            .arg("-i")
            .arg(self.folder.join("key"))
            .args([
                "-o",
                "BatchMode=yes",
                "-o",
                "ConnectTimeout=20",
                "-o",
                "ServerAliveInterval=15",
            ])
            .arg("-o")
            .arg(format!(
                "UserKnownHostsFile={}",
                self.folder.join("known_hosts").display()
            ))
            .arg(format!("debian@{}", self.address))
            .arg(format!("sudo sh -c {quoted}"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if output.status.success() {
            return Ok(said);
        }
        Err(format!(
            "{}: {said}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        ))
    }

    /// Ids of the running containers of a Swarm service.
    pub fn containers(&self, service: &str) -> Vec<String> {
        let ids = self.root(&format!(
            "docker ps --quiet --filter label=com.docker.swarm.service.name={service}"
        ));
        ids.lines().map(str::to_owned).collect()
    }

    /// Restarts the machine and waits until it answers again, as another boot.
    pub fn reboot(&self) -> Duration {
        let boot = "cat /proc/sys/kernel/random/boot_id";
        let before = self.root(boot);
        // The connection ends with the machine.
        let _ = self.try_root("systemctl reboot");
        let (_, took) = wait_for("the machine is back", Duration::from_secs(600), || {
            match self.try_root(boot) {
                Ok(now) if now != before => Ok(()),
                Ok(_) => Err("it has not gone yet".to_owned()),
                Err(reason) => Err(reason),
            }
        });
        took
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/virtual-machines")
        .join(name)
}

/// Where the scripts keep the machines, as `tests/virtual-machines/settings` says it.
fn folder() -> PathBuf {
    let printed = Command::new("bash")
        .arg("-c")
        .arg(". \"$0\"; printf %s \"$VM_FOLDER\"")
        .arg(script("settings"))
        .output()
        .unwrap();
    PathBuf::from(String::from_utf8(printed.stdout).unwrap())
}
