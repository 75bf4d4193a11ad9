//! The laboratory's cloud as its official client sees it, and what can be asked of the laboratory itself: faults, builds that
//! take long, the calls that were made.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// Where all of the laboratory is.
const NAMESPACE: &str = "lab";
/// An address that nobody's `allow` names.
pub const OUTSIDER: &str = "203.0.113.9";
const SERVICES: [&str; 4] = ["keystone", "nova", "neutron", "glance"];

pub struct Cloud {
    pub state: PathBuf,
    inventories: RefCell<Child>,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let inventories = self.inventories.get_mut();
        drop(inventories.stdin.take());
        let _ended = inventories.wait();
    }
}

impl Cloud {
    /// The cloud of the laboratory, which is started where it is not up, with nothing in it.
    pub fn empty() -> Cloud {
        let lab = lab();
        run(&mut Command::new(lab.join("hosts/prepare")));
        run(Command::new(lab.join("up"))
            .env("LAB_NETNS", NAMESPACE)
            .env("LAB_HOOK", lab.join("hosts/booted-host")));
        run(Command::new(lab.join("uplink")).arg("up").env("LAB_NETNS", NAMESPACE));
        let outsider = format!("{OUTSIDER}/32");
        run(Command::new("ip").args(["-n", NAMESPACE, "address", "replace", &outsider, "dev", "lo"]));
        let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(
            || Path::new(&std::env::var_os("HOME").unwrap()).join(".cache"),
            PathBuf::from,
        );
        let state = cache.join("hoist/openstack-lab/state");
        for file in ["faults", "hold"] {
            fs::remove_file(state.join(file)).ok();
        }
        let inventories = Command::new(lab.join("inventory"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let cloud = Cloud {
            state,
            inventories: RefCell::new(inventories),
        };
        if !cloud.is_empty() {
            run(&mut Command::new(lab.join("clear")));
        }
        cloud.give_image("debian-12");
        cloud
    }

    /// Uploads the image that servers boot, once in the laboratory's life.
    fn give_image(&self, name: &str) {
        let mark = self.state.join(format!("has-{name}"));
        if mark.exists() {
            return;
        }
        let images = self.openstack(&["image", "list", "-f", "value", "-c", "Name"]);
        if !images.lines().any(|there| there == name) {
            let file = self.state.with_file_name("debian.squashfs");
            let format = ["--disk-format", "raw", "--container-format", "bare"];
            let about = ["--property", "os_distro=debian", name];
            let create = ["image", "create", "--file", file.to_str().unwrap()];
            self.openstack(&[&create[..], &format, &about].concat());
        }
        fs::write(mark, "").unwrap();
    }

    fn command(&self, cloud: &str) -> Command {
        let client = self.state.with_file_name("venv").join("bin/openstack");
        let mut command = inside(client.to_str().unwrap());
        command
            .env("OS_CLIENT_CONFIG_FILE", self.state.join("clouds.yaml"))
            .env("OS_CLOUD", cloud);
        command
    }

    /// What the official client prints for the project.
    pub fn openstack(&self, arguments: &[&str]) -> String {
        run(self.command("lab").args(arguments))
    }

    /// The same as data.
    pub fn ask(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.openstack(&[arguments, &["-f", "json"]].concat())).unwrap()
    }

    /// What the official client says to several commands, one a line, of one login.
    pub fn ask_all<const N: usize>(&self, commands: [&str; N]) -> [Value; N] {
        let lines: Vec<String> = commands.iter().map(|command| format!("{command} -f json\n")).collect();
        let printed = self.typed(&lines.concat());
        let answers = serde_json::Deserializer::from_str(&printed).into_iter();
        let answers: Vec<Value> = answers.map(Result::unwrap).collect();
        answers
            .try_into()
            .unwrap_or_else(|answers| panic!("{commands:?}: {answers:#?}"))
    }

    /// What the official client prints when these lines are typed. How it ends then says nothing of them.
    pub fn typed(&self, lines: &str) -> String {
        let mut client = self
            .command("lab")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        client.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        String::from_utf8(client.wait_with_output().unwrap().stdout).unwrap()
    }

    /// What the official client prints for the cloud's administrator.
    pub fn administrate(&self, arguments: &[&str]) -> String {
        run(self.command("lab-admin").args(arguments))
    }

    /// What the project has, by kind.
    pub fn inventory(&self) -> Value {
        let mut child = self.inventories.borrow_mut();
        writeln!(child.stdin.as_mut().unwrap()).unwrap();
        let mut line = String::new();
        // One line is one answer: nothing beyond it is in the pipe.
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        serde_json::from_str(&line).unwrap()
    }

    pub fn is_empty(&self) -> bool {
        let inventory = self.inventory();
        let kinds = inventory.as_object().unwrap();
        kinds.values().all(|list| list.as_array().unwrap().is_empty())
    }

    /// Asks for faults of Hoist's calls; `tests/openstack-lab/README.md` says how a line is read.
    pub fn faults(&self, lines: &[&str]) {
        fs::write(self.state.join("faults"), lines.join("\n") + "\n").unwrap();
    }

    /// The faults that no call met.
    pub fn faults_left(&self) -> String {
        fs::read_to_string(self.state.join("faults")).unwrap_or_default()
    }

    /// Builds take until this is dropped.
    pub fn hold(&self) -> Hold {
        let file = self.state.join("hold");
        fs::write(&file, "").unwrap();
        Hold(file)
    }

    /// Calls from now on.
    pub fn watch(&self) -> Calls {
        let logs = SERVICES.map(|service| (service, self.state.join(format!("log/{service}.calls"))));
        Calls(logs.map(|(service, log)| {
            let length = fs::metadata(&log).map_or(0, |file| file.len());
            (service, log, length)
        }))
    }
}

/// Builds that wait.
pub struct Hold(PathBuf);

impl Drop for Hold {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

/// Calls since a moment: service, its log, and where in it that moment is.
pub struct Calls([(&'static str, PathBuf, u64); 4]);

impl Calls {
    /// Hoist's own, `nova GET /servers/detail?…`. Services ask each other, too, and the client asks; they say who they are.
    pub fn of_hoist(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (service, log, from) in &self.0 {
            let Ok(mut file) = fs::File::open(log) else { continue };
            let mut text = String::new();
            file.seek(SeekFrom::Start(*from)).unwrap();
            file.read_to_string(&mut text).unwrap();
            let own = text.lines().filter_map(|line| line.strip_suffix(" -"));
            all.extend(own.map(|line| format!("{service} {line}")));
        }
        all
    }
}

fn lab() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openstack-lab")
}

/// A command in the laboratory's network.
pub fn inside(program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/run/netns/{NAMESPACE}")).arg(program);
    command
}

/// What a command prints; the test fails where it fails.
#[track_caller]
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", words(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// All that a command said.
pub fn words(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The names of one kind in an inventory, in order.
pub fn names(inventory: &Value, kind: &str) -> Vec<String> {
    let list = inventory[kind].as_array().unwrap();
    let mut names: Vec<String> = list
        .iter()
        .map(|thing| thing["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// How many of a kind there are.
pub fn count(inventory: &Value, kind: &str) -> usize {
    inventory[kind].as_array().unwrap().len()
}

/// Asserts that everything there says whose it is: in its description or its tags, by its name where Nova has neither. Neutron
/// takes tags in a call of their own, so what a run that was killed made last may have the description alone.
#[track_caller]
pub fn assert_marked(inventory: &Value, pool: &str) {
    let mark = format!("hoist-pool={pool}");
    for (kind, thing) in things(inventory) {
        let tagged = || thing["tags"].as_array().unwrap().contains(&Value::from(mark.as_str()));
        let marked = is_named(kind, thing, pool).unwrap_or_else(|| thing["description"] == mark || tagged());
        assert!(marked, "{kind}: {thing}");
    }
}

/// Asserts that everything there carries the pool's tag, or its name where Nova has no tags.
#[track_caller]
pub fn assert_tagged(inventory: &Value, pool: &str) {
    let tag = Value::from(format!("hoist-pool={pool}"));
    for (kind, thing) in things(inventory) {
        let tagged = || thing["tags"].as_array().unwrap().contains(&tag);
        assert!(is_named(kind, thing, pool).unwrap_or_else(tagged), "{kind}: {thing}");
    }
}

fn things(inventory: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let kinds = inventory.as_object().unwrap().iter();
    kinds.flat_map(|(kind, list)| list.as_array().unwrap().iter().map(|thing| (kind.as_str(), thing)))
}

/// Whether a thing that cannot be tagged has the pool's name in its own.
fn is_named(kind: &str, thing: &Value, pool: &str) -> Option<bool> {
    let name = thing["name"].as_str().unwrap();
    matches!(kind, "keypairs" | "server_groups").then(|| name.starts_with(&format!("hoist-{pool}-")))
}
