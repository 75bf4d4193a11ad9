//! One project of a test: its folder, a state directory of its own, and the built `hoist` run in it.
//!
//! What runs is asked of the engines themselves, by `docker` with the pool's client certificate: never of Hoist.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::sweep::Sweep;

/// A project whose name is its pool's too. Dropped, it leaves nothing on the engine at hand.
pub struct Scene {
    pub name: String,
    folder: TempDir,
    pub sweep: Sweep,
    _containers: Sweep,
}

impl Scene {
    pub fn new(test: &str) -> Scene {
        let name = format!("t-{test}-{}", std::process::id());
        // Sockets of connections lie in it, and their paths must be short.
        let folder = tempfile::Builder::new().prefix("hoist-").tempdir().unwrap();
        for part in ["project", "state", "run", "home"] {
            fs::create_dir(folder.path().join(part)).unwrap();
        }
        Scene {
            sweep: Sweep::of_pool(&name),
            _containers: Sweep::of_label(&format!("com.docker.compose.project={name}")),
            folder,
            name,
        }
    }

    /// With a Compose file.
    pub fn with(test: &str, compose: &str) -> Scene {
        let scene = Scene::new(test);
        scene.write("compose.yaml", compose);
        scene
    }

    /// With one of the complete projects.
    pub fn of_example(test: &str, example: &str) -> Scene {
        let scene = Scene::new(test);
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("compose-examples")
            .join(example);
        copy(&from, &scene.project());
        scene
    }

    pub fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub fn write(&self, file: &str, text: &str) {
        fs::write(self.project().join(file), text).unwrap();
    }

    /// The pool's folder of this operator: `ca.pem`, `cert.pem`, `key.pem` and more.
    pub fn keys(&self) -> PathBuf {
        self.folder.path().join("state/hoist/pools").join(&self.name)
    }

    /// `hoist` with these words, run in the project's folder, with nobody's settings.
    pub fn command(&self, words: &[&str]) -> Command {
        self.command_of(&self.name, words)
    }

    /// The same for another project in the same folder.
    pub fn command_of(&self, project: &str, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hoist"));
        command
            .args(["-p", project])
            .args(words)
            .current_dir(self.project())
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .env("XDG_RUNTIME_DIR", self.folder.path().join("run"))
            .env("HOME", self.folder.path().join("home"));
        for inherited in ["COMPOSE_FILE", "COMPOSE_PROFILES", "DOCKER_CONTEXT", "DOCKER_CONFIG"] {
            command.env_remove(inherited);
        }
        command
    }

    pub fn run(&self, words: &[&str]) -> Output {
        let began = Instant::now();
        let output = self.command(words).output().unwrap();
        println!(
            "hoist {}: {} after {:.2?}\n{}{}",
            words.join(" "),
            output.status,
            began.elapsed(),
            text(&output.stdout),
            text(&output.stderr)
        );
        output
    }

    /// What it prints on standard output; it must end well.
    pub fn hoist(&self, words: &[&str]) -> String {
        succeeded(&self.run(words), words)
    }

    /// What it prints on standard output, as JSON.
    pub fn hoist_json(&self, words: &[&str]) -> Value {
        let printed = self.hoist(words);
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("hoist {words:?}: {error}\n{printed}"))
    }

    /// The local hosts of the pool that are there, by what their labels say.
    pub fn hosts(&self) -> Vec<LocalHost> {
        let pool = format!("label=dev.hoist.pool={}", self.name);
        let format = "{{.ID}} {{.Label \"dev.hoist.host\"}} {{.Label \"dev.hoist.address\"}}";
        let filters = ["--filter", &pool, "--filter", "label=dev.hoist.host"];
        let listed = docker(&[&["ps", "--all", "--no-trunc", "--format", format][..], &filters].concat());
        let mut hosts: Vec<LocalHost> = listed
            .lines()
            .map(|line| {
                let [id, name, address] = line.split(' ').collect::<Vec<_>>()[..] else {
                    panic!("{line}")
                };
                LocalHost {
                    id: id.to_owned(),
                    name: name.to_owned(),
                    address: address.to_owned(),
                    keys: self.keys(),
                    project: self.name.clone(),
                }
            })
            .collect();
        hosts.sort_by(|one, other| one.name.cmp(&other.name));
        hosts
    }

    /// The containers of the project's service on the engine at hand, oldest number first.
    pub fn local_containers(&self, service: &str) -> Vec<Value> {
        let ids = docker(&[
            "ps",
            "--all",
            "--quiet",
            "--filter",
            &format!("label=com.docker.compose.project={}", self.name),
            "--filter",
            &format!("label=com.docker.compose.service={service}"),
        ]);
        let mut found = inspected(&ids, Command::new("docker"));
        found.sort_by_key(|container| container["Config"]["Labels"]["com.docker.compose.container-number"].to_string());
        found
    }
}

/// A local host, and its engine over mutual TLS.
#[derive(Debug, Clone)]
pub struct LocalHost {
    /// Of the container that acts as the host.
    pub id: String,
    pub name: String,
    pub address: String,
    keys: PathBuf,
    project: String,
}

impl LocalHost {
    /// `docker` against the host's engine, with the certificate that the operator has.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command
            .args(words)
            .env("DOCKER_HOST", format!("tcp://{}:2376", self.address))
            .env("DOCKER_TLS_VERIFY", "1")
            .env("DOCKER_CERT_PATH", &self.keys);
        command
    }

    /// What it prints; it must end well.
    pub fn docker(&self, words: &[&str]) -> String {
        succeeded(&started(|| self.command(words)), words)
    }

    /// The same, where each line of the answer is JSON.
    pub fn docker_json(&self, words: &[&str]) -> Vec<Value> {
        self.docker(words).lines().map(json).collect()
    }

    /// What `docker inspect` of one kind says.
    pub fn inspect(&self, kind: &str, name: &str) -> Value {
        json(&self.docker(&[kind, "inspect", name]))[0].clone()
    }

    /// What the engine says of the project's containers that run here, of one service.
    pub fn containers(&self, service: &str) -> Vec<Value> {
        inspected(&self.running(service).join("\n"), self.command(&[]))
    }

    /// The ids of the project's containers that run here, of one service.
    pub fn running(&self, service: &str) -> Vec<String> {
        let project = format!("label=com.docker.compose.project={}", self.project);
        let service = format!("label=com.docker.compose.service={service}");
        let listed = self.docker(&[
            "ps",
            "--quiet",
            "--no-trunc",
            "--filter",
            &project,
            "--filter",
            &service,
        ]);
        listed.lines().map(str::to_owned).collect()
    }
}

/// `docker` on the engine at hand; it must end well.
pub fn docker(words: &[&str]) -> String {
    let command = || {
        let mut command = Command::new("docker");
        command.args(words);
        command
    };
    succeeded(&started(command), words)
}

/// What `docker` says of containers that were listed, an id a line. One that has gone since is left out.
fn inspected(ids: &str, mut docker: Command) -> Vec<Value> {
    if ids.is_empty() {
        return Vec::new();
    }
    docker.args(["container", "inspect"]).args(ids.lines());
    let output = docker.output().unwrap();
    let said = text(&output.stderr);
    assert!(
        said.lines().all(|line| line.contains("No such container")),
        "{ids}: {said}"
    );
    json(&text(&output.stdout)).as_array().unwrap().clone()
}

/// How a command ended. On a busy machine the container runtime now and then loses the process of an `exec` before it has begun,
/// and says so; that has done nothing, and is tried again.
fn started(command: impl Fn() -> Command) -> Output {
    for _ in 0..3 {
        let output = command().output().unwrap();
        let lost =
            output.status.code() == Some(126) && text(&output.stderr).contains("waiting for init preliminary setup");
        if !lost {
            return output;
        }
        println!("the runtime has lost a process: {}", text(&output.stderr));
    }
    command().output().unwrap()
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The body of an answer of 200 to a plain request.
pub fn get(address: &str, path: &str) -> Result<String, String> {
    let fail = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(address).map_err(fail)?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).map_err(fail)?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").map_err(fail)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(fail)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    match head.split(' ').nth(1) {
        Some("200") => Ok(body.to_owned()),
        _ => Err(answer),
    }
}

/// Looks until there is an answer; fails with the last reason once the time is over. Gives how long it took, too.
pub fn wait_for<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Result<T, String>) -> (T, Duration) {
    let began = Instant::now();
    loop {
        match look() {
            Ok(found) => return (found, began.elapsed()),
            Err(reason) if began.elapsed() > limit => panic!("{what}: not within {limit:?}: {reason}"),
            Err(_) => std::thread::sleep(Duration::from_millis(200)),
        }
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn succeeded(output: &Output, words: &[&str]) -> String {
    assert!(
        output.status.success(),
        "{words:?}: {}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
