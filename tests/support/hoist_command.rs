//! The built `hoist`, run as an operator runs it: in a folder with a Compose file, with a state directory of its own.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A project's folder, and the operator whose project it is.
pub struct Folder {
    /// The project's name, where no file says another one: unique on the machine.
    pub name: String,
    folder: TempDir,
    state: PathBuf,
    variables: Vec<(String, String)>,
}

impl Folder {
    pub fn new(test: &str) -> Folder {
        let folder = tempfile::Builder::new().prefix("hoist-test-").tempdir().unwrap();
        Folder {
            name: format!("hoist-test-{test}-{}", std::process::id()),
            state: folder.path().join(".state"),
            folder,
            variables: Vec::new(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes the Compose file.
    pub fn compose(&self, text: &str) {
        self.write("compose.yaml", text);
    }

    /// Sets a variable of the environment for all that follows.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// As another operator, or this one on another machine: with a state directory that nothing was kept in.
    pub fn forget_state(&mut self, name: &str) {
        self.state = self.path(name);
    }

    pub fn state(&self) -> &Path {
        &self.state
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hoist"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("XDG_STATE_HOME", &self.state)
            .env("COMPOSE_PROJECT_NAME", &self.name)
            .env_remove("DOCKER_CONTEXT")
            .env_remove("XDG_RUNTIME_DIR")
            .env_remove("COMPOSE_FILE")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    pub fn hoist(&self, arguments: &[&str]) -> Ended {
        let started = Instant::now();
        let output = self.command(arguments).output().unwrap();
        Ended {
            command: arguments.join(" "),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            took: started.elapsed(),
        }
    }

    /// Runs it until stderr says `words`, signals it, and waits for its end.
    pub fn signalled_at(&self, words: &str, signal: &str, arguments: &[&str]) -> Ended {
        let mut signalled = Instant::now();
        let ended = self.meanwhile(words, arguments, |id| {
            let sent = Command::new("kill").args([signal, &id.to_string()]).status().unwrap();
            assert!(sent.success());
            signalled = Instant::now();
        });
        assert!(
            signalled.elapsed() < Duration::from_secs(10),
            "it went on for {:.1?}:\n{}",
            signalled.elapsed(),
            ended.stderr
        );
        ended
    }

    /// Runs it until stderr says `words`, does something else, which is told its process id, and waits for its end.
    pub fn meanwhile(&self, words: &str, arguments: &[&str], act: impl FnOnce(u32)) -> Ended {
        let started = Instant::now();
        let mut child = Guard(self.command(arguments).spawn().unwrap());
        let mut lines = BufReader::new(child.0.stderr.take().unwrap()).lines();
        let mut stderr = String::new();
        let mut seen = false;
        for line in &mut lines {
            let line = line.unwrap();
            seen = seen || line.contains(words);
            stderr.push_str(&line);
            stderr.push('\n');
            if seen {
                break;
            }
        }
        assert!(seen, "`hoist {}` never said `{words}`:\n{stderr}", arguments.join(" "));
        act(child.0.id());
        for line in lines {
            stderr.push_str(&line.unwrap());
            stderr.push('\n');
        }
        let mut stdout = String::new();
        child.0.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        let status = child.0.wait().unwrap();
        Ended {
            command: arguments.join(" "),
            code: status.code(),
            stdout,
            stderr,
            took: started.elapsed(),
        }
    }
}

/// A child that does not outlive a test that fails.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// How one run ended.
#[derive(Debug)]
pub struct Ended {
    command: String,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Ended {
    /// Asserts the exit code, and that stderr says all of these words, each exactly once.
    #[track_caller]
    pub fn fails(&self, code: i32, words: &[&str]) -> &Ended {
        assert_eq!(self.code, Some(code), "`hoist {}`:\n{}", self.command, self.stderr);
        let error = self.error();
        for said in words {
            let times = error.matches(said).count();
            assert_eq!(times, 1, "`{said}` is said {times} times:\n{}", self.stderr);
        }
        self
    }

    #[track_caller]
    pub fn succeeds(&self) -> &Ended {
        assert_eq!(self.code, Some(0), "`hoist {}`:\n{}", self.command, self.stderr);
        self
    }

    /// Stderr from the first error on: without the progress before it.
    pub fn error(&self) -> &str {
        let start = ["error: ", "warning: "]
            .iter()
            .filter_map(|word| {
                let at_line_start = format!("\n{word}");
                let found = self.stderr.find(&at_line_start).map(|at| at + 1);
                self.stderr.trim_start().starts_with(word).then_some(0).or(found)
            })
            .min();
        &self.stderr[start.unwrap_or(0)..]
    }
}
