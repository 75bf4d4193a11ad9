//! An operator in the laboratory: a home with a key of their own, and one project at a time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::cloud::{Cloud, inside, run, words};

/// The pool of tests with a file of their own.
pub const POOL: &str = "trial";

/// Docker is not to be installed: bootstrap refuses a bare server, once all of the cloud's part is done. Most of what is tested
/// here ends there.
pub const STOPS_AT_DOCKER: &str = "x-pool: {name: trial, docker: {install: never}}";

pub struct Laboratory {
    pub cloud: Cloud,
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Laboratory {
    /// With an empty cloud, and nothing in the project's folder.
    pub fn new() -> Laboratory {
        let folder = tempfile::Builder::new().prefix("hoist-").tempdir().unwrap();
        for part in ["project", "home/.ssh", "run"] {
            fs::create_dir_all(folder.path().join(part)).unwrap();
        }
        let key = folder.path().join("home/.ssh/id_ed25519");
        run(Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(key));
        let cloud = Cloud::empty();
        let clouds = cloud.state.join("clouds.yaml");
        Laboratory {
            cloud,
            folder,
            variables: vec![("OS_CLIENT_CONFIG_FILE".into(), clouds.to_str().unwrap().into())],
        }
    }

    /// With this Compose file, below what every file here says of the cloud.
    pub fn with(compose: &str) -> Laboratory {
        let laboratory = Laboratory::new();
        laboratory.write(compose);
        laboratory
    }

    /// Writes the Compose file, below what every file here says of the cloud.
    pub fn write(&self, compose: &str) {
        let text = format!(
            "name: trial\nx-openstack:\n  cloud: lab\n  image: debian-12\n  flavor: m1.small\n  \
             network: {{name: app, cidr: 10.20.0.0/24, dns: [{}], router: {{external: public}}}}\n  \
             floating_ip: public\n  allow: [10.20.0.1/32]\n{compose}",
            name_server()
        );
        self.write_file("project/compose.yaml", &text);
    }

    pub fn write_file(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Sets a variable of what is run from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.variables.push((name.into(), value.into()));
    }

    pub fn unset(&mut self, name: &str) {
        self.variables.retain(|(known, _)| known != name);
    }

    /// `hoist` in a folder beside the home: `project`, or another.
    pub fn command_in(&self, folder: &str, arguments: &[&str]) -> Command {
        let mut command = inside(env!("CARGO_BIN_EXE_hoist"));
        command
            .args(["--progress", "plain", "--ssh-timeout", "120"])
            .args(arguments)
            .current_dir(self.folder.path().join(folder))
            .env("HOME", self.home())
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .env("XDG_RUNTIME_DIR", self.folder.path().join("run"))
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn hoist(&self, arguments: &[&str]) -> Output {
        self.command_in("project", arguments).output().unwrap()
    }

    /// What it says; the test fails where it fails.
    #[track_caller]
    pub fn done(&self, arguments: &[&str]) -> String {
        let output = self.hoist(arguments);
        assert!(output.status.success(), "hoist {arguments:?}: {}", words(&output));
        words(&output)
    }

    /// Begun, and not waited for.
    pub fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = self.command_in("project", arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// `up` of a pool that [`STOPS_AT_DOCKER`]; gives what it said.
    #[track_caller]
    pub fn up_to_docker(&self) -> String {
        let output = self.hoist(&["up"]);
        let said = words(&output);
        assert!(!output.status.success(), "{said}");
        let errors = said.matches("error: ").count();
        let refused = said.matches("it has no Docker, and `install: never` is set").count();
        // Once as the host's state, once as the error.
        assert!(errors > 0 && refused == 2 * errors, "{said}");
        said
    }

    /// Removes the pool; nothing is left in the cloud.
    #[track_caller]
    pub fn down_to_nothing(&self) {
        self.done(&["down", "-v", "--hosts"]);
        assert!(self.cloud.is_empty(), "{:#}", self.cloud.inventory());
    }

    /// What a command prints on a server, which is reached past Hoist.
    #[track_caller]
    pub fn on(&self, address: &str, script: &str) -> String {
        let options = [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
        ];
        let mut command = inside("ssh");
        command.arg("-i").arg(self.home().join(".ssh/id_ed25519"));
        for option in options {
            command.args(["-o", option]);
        }
        run(command.arg(format!("debian@{address}")).arg(script))
    }
}

/// The name server of this machine, for servers that install packages.
pub fn name_server() -> String {
    let known = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let mut servers = known.lines().filter_map(|line| line.strip_prefix("nameserver "));
    servers.next().unwrap_or("127.0.0.1").trim().to_owned()
}

/// A folder of the repository.
pub fn repository(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}
