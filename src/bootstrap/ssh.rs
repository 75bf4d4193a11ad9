//! One multiplexed SSH connection to one host, and scripts run over it.
//!
//! Knows OpenSSH's options; [`super::ssh_failure`] knows its words. Host keys are always checked. Scripts, and with them
//! secrets, travel through stdin: they are never an argument, here or on the host.
//!
//! The master process is started here and not by the `openssh` crate, whose builder has no way to say `HostKeyAlias` and
//! leaves its `ssh` running where the caller gives up; the sessions over it are the crate's.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::BootstrapError;
use super::ssh_failure::{Failure, Kind, classify};
use super::ssh_options::{login_options, pinned_key, write_known_hosts};
use crate::engine::error::cause_chain;
use crate::hosts::{Host, ProviderKind};

/// sshd allows ten sessions per connection unless told otherwise (`MaxSessions`); forwarded channels do not count.
const SESSIONS: usize = 8;
/// One try; the deadline is over all of them.
const TRY_TIMEOUT: Duration = Duration::from_secs(10);
/// A machine that was just made may answer before its keys are in place.
const GRACE: Duration = Duration::from_secs(20);
/// How long the master outlives a Hoist that was killed, in seconds.
const PERSIST_SECONDS: u32 = 30;
/// Unix sockets have short paths: 104 to 108 bytes, of which OpenSSH needs 17 while it makes one.
const LONGEST_CONTROL_DIRECTORY: usize = 60;

/// A connection to one host. Dropping it ends the connection.
#[derive(Debug)]
pub struct Session {
    pub(super) master: Arc<openssh::Session>,
    permits: Semaphore,
    host: String,
    /// Where sockets of this connection are made; gone when the connection is.
    pub(super) directory: PathBuf,
}

/// What a script on the host said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// `None`: ended by a signal, or the connection broke.
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    pub fn success(&self) -> bool {
        self.status == Some(0)
    }

    /// The last lines of both streams, stderr last.
    pub fn last_lines(&self, count: usize) -> Vec<String> {
        let lines: Vec<&str> = self
            .stdout
            .lines()
            .chain(self.stderr.lines())
            .map(str::trim_end)
            .filter(|line| !line.is_empty())
            .collect();
        lines[lines.len().saturating_sub(count)..]
            .iter()
            .map(ToString::to_string)
            .collect()
    }
}

impl Session {
    /// Connects, and tries again until `patience` is over for what can still come. `on_try` hears why a try failed.
    ///
    /// # Errors
    ///
    /// [`BootstrapError::NoSsh`], [`BootstrapError::LoginRefused`], [`BootstrapError::UnknownHostKey`] and
    /// [`BootstrapError::ChangedHostKey`], each with OpenSSH's own last reason.
    pub async fn connect(
        host: &Host,
        control_directory: &Path,
        patience: Duration,
        on_try: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Session, BootstrapError> {
        let started = Instant::now();
        let deadline = started + patience;
        // Hosts of the `ssh` provider are there and have their keys already: what they refuse, they go on refusing.
        let freshly_made = host.provider != ProviderKind::Ssh;
        let mut grace_ends = None;
        for attempt in 0.. {
            let failure = match launch_master(host, control_directory, deadline).await {
                Ok(directory) => {
                    let path = directory.path().to_path_buf();
                    return Ok(Session {
                        master: Arc::new(openssh::Session::new_native_mux(directory)),
                        permits: Semaphore::new(SESSIONS),
                        host: host.name.clone(),
                        directory: path,
                    });
                }
                Err(failure) => failure,
            };
            let now = Instant::now();
            let may_come = match failure.kind {
                Kind::NoAnswer => true,
                Kind::Hopeless => false,
                Kind::NameUnknown => now < *grace_ends.get_or_insert(now + GRACE),
                Kind::LoginRefused | Kind::UnknownHostKey | Kind::ChangedHostKey => {
                    freshly_made && now < *grace_ends.get_or_insert(now + GRACE)
                }
            };
            if !may_come || now >= deadline {
                return Err(failure.into_error(host, started.elapsed()));
            }
            on_try(&failure.reason);
            tokio::time::sleep_until(deadline.min(now + pause(attempt))).await;
        }
        unreachable!("the loop above only ends by returning")
    }

    /// Runs a POSIX shell script as the user who logged in.
    pub async fn run(&self, step: &'static str, script: &str) -> Result<Output, BootstrapError> {
        self.run_through("exec sh -s", step, script).await
    }

    /// Runs a POSIX shell script as root.
    pub async fn run_as_root(&self, step: &'static str, script: &str) -> Result<Output, BootstrapError> {
        let become_root = "if [ \"$(id -u)\" = 0 ]; then exec sh -s; else exec sudo -n sh -s; fi";
        self.run_through(become_root, step, script).await
    }

    /// The host's name.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    async fn run_through(&self, command: &str, step: &'static str, script: &str) -> Result<Output, BootstrapError> {
        let lost = |error: &dyn std::error::Error| BootstrapError::Step {
            host: self.host.clone(),
            step,
            reason: format!("the SSH connection broke: {}", cause_chain(error)),
            output: Vec::new(),
        };
        let _permit = self.permits.acquire().await.map_err(|error| lost(&error))?;
        let mut child = self
            .master
            .shell(command)
            .stdin(openssh::Stdio::piped())
            .stdout(openssh::Stdio::piped())
            .stderr(openssh::Stdio::piped())
            .spawn()
            .await
            .map_err(|error| lost(&error))?;
        let mut stdin = child
            .stdin()
            .take()
            .ok_or_else(|| lost(&std::io::Error::other("no stdin")))?;
        // The braces make the shell read all of it before it runs any of it: a connection that breaks midway runs
        // nothing. And what the script starts must not read the script.
        let whole = format!("{{\n{script}\n}} </dev/null\n");
        let feed = async move {
            let fed = stdin.write_all(whole.as_bytes()).await;
            drop(stdin);
            fed
        };
        let (_, output) = tokio::join!(feed, child.wait_with_output());
        match output {
            Ok(output) => Ok(Output {
                status: output.status.code(),
                stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
                stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            }),
            Err(error) => Err(lost(&error)),
        }
    }
}

async fn launch_master(host: &Host, control_directory: &Path, deadline: Instant) -> Result<TempDir, Failure> {
    let directory = session_directory(control_directory).map_err(|error| Failure {
        kind: Kind::Hopeless,
        reason: format!("cannot make a folder in {}: {error}", control_directory.display()),
    })?;
    let known_hosts = pinned_key(host)
        .map(|key| write_known_hosts(directory.path(), host, key))
        .transpose()
        .map_err(|error| Failure {
            kind: Kind::Hopeless,
            reason: format!("cannot write down the host's key: {error}"),
        })?;
    let log = directory.path().join("log");
    let left = deadline.saturating_duration_since(Instant::now()).min(TRY_TIMEOUT);
    let left = left.max(Duration::from_secs(1));

    let mut ssh = tokio::process::Command::new("ssh");
    ssh.stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // What OpenSSH says is read below, so it has to be in one language.
        .env("LC_ALL", "C")
        .kill_on_drop(true)
        .arg("-E")
        .arg(&log)
        .arg("-S")
        .arg(directory.path().join("master"))
        .args(["-M", "-f", "-N", "-T", "-o", "BatchMode=yes", "-o", "LogLevel=INFO"])
        .args(["-o", &format!("ControlPersist={PERSIST_SECONDS}")])
        .args(["-o", &format!("ConnectTimeout={}", left.as_secs().max(1))])
        .args(["-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"])
        .args(["-o", "StreamLocalBindUnlink=yes", "-o", "ClearAllForwardings=yes"])
        .args(login_options(host, known_hosts.as_deref()))
        .arg("--")
        .arg(&host.login.address);
    let ended = tokio::time::timeout(left + Duration::from_secs(2), ssh.status()).await;
    let status = match ended {
        Ok(Ok(status)) => status,
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Failure {
                kind: Kind::Hopeless,
                reason: "the program `ssh` is not installed on this machine".to_string(),
            });
        }
        Ok(Err(error)) => {
            return Err(Failure {
                kind: Kind::Hopeless,
                reason: error.to_string(),
            });
        }
        Err(_) => {
            return Err(Failure {
                kind: Kind::NoAnswer,
                reason: format!("no answer to SSH within {} s", left.as_secs()),
            });
        }
    };
    if status.success() {
        return Ok(directory);
    }
    let said = std::fs::read(&log).unwrap_or_default();
    let pinned = known_hosts.is_some();
    Err(classify(&String::from_utf8_lossy(&said), pinned))
}

/// A folder of this connection alone; in the system's own temporary folder where the runtime folder's path is too long.
fn session_directory(control_directory: &Path) -> std::io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("s").permissions(std::fs::Permissions::from_mode(0o700));
    if control_directory.as_os_str().len() > LONGEST_CONTROL_DIRECTORY {
        return builder.tempdir_in("/tmp");
    }
    std::fs::create_dir_all(control_directory)?;
    builder.tempdir_in(control_directory)
}

/// Grows to three seconds; scattered, so that many hosts are not knocked at in one beat.
fn pause(attempt: u32) -> Duration {
    let base = 250.0 * 1.5_f64.powi(attempt.min(10) as i32);
    let scatter = 0.75 + f64::from(jitter()) / 512.0;
    Duration::from_secs_f64((base * scatter).min(3000.0) / 1000.0)
}

fn jitter() -> u8 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish() as u8
}
