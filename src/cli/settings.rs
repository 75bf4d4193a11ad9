//! Arguments, environment and machine, resolved once: what commands are given instead of them.
//!
//! The one place that reads environment variables.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use etcetera::BaseStrategy;
use tokio_util::sync::CancellationToken;

use super::global::GlobalArguments;
use crate::deploy::Operator;
use crate::deploy::event::{Event, Events};
use crate::engine::context::ContextInputs;
use crate::engine::credentials::Credentials;
use crate::hosts::UnknownHostKeys;
use crate::hosts::openstack::CloudInputs;
use crate::ui::output::Output;
use crate::ui::progress::{Progress, ProgressMode};

/// The environment of the process: variables and the working directory.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    pub variables: BTreeMap<String, String>,
    pub directory: PathBuf,
}

impl Environment {
    /// This process's own. Variables that are not UTF-8 are left out: no Compose file can name them.
    pub fn of_this_process() -> Self {
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let variables: BTreeMap<String, String> = variables.collect();
        let here = std::env::current_dir().unwrap_or_default();
        // A shell that came here over a symbolic link calls the folder by the link's name, and so does the user.
        let said = variables
            .get("PWD")
            .map(PathBuf::from)
            .filter(|said| said.is_absolute());
        let same = |said: &PathBuf| {
            said.canonicalize()
                .ok()
                .is_some_and(|said| here.canonicalize().ok() == Some(said))
        };
        Environment {
            directory: said.filter(same).unwrap_or(here),
            variables,
        }
    }

    /// A variable that is set to something.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

/// What a command works with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `-f`, as said.
    pub files: Vec<PathBuf>,
    /// `-p`, as said.
    pub project_name: Option<String>,
    pub project_directory: Option<PathBuf>,
    /// `--env-file`, else `COMPOSE_ENV_FILES`.
    pub env_files: Vec<PathBuf>,
    /// `--profile`, as said.
    pub profiles: Vec<String>,
    /// Every warning of the Compose files is an error.
    pub strict: bool,
    /// What no service uses belongs to the project, too.
    pub all_resources: bool,
    pub progress: ProgressMode,
    pub environment: Environment,
    /// Hoist's state directory.
    pub state: PathBuf,
    /// Where sockets of connections go; short, since Unix sockets have short paths.
    pub runtime: PathBuf,
    /// The user's name, and the machine's.
    user: String,
    machine: String,
    ansi: crate::ui::output::ColourChoice,
    context: ContextInputs,
    unknown_host_keys: UnknownHostKeys,
    ssh_timeout: Duration,
}

impl Settings {
    /// Resolves the arguments against the environment; arguments win.
    pub fn resolve(arguments: &GlobalArguments, environment: Environment) -> Self {
        // The one list that no environment file can give: it says which these are.
        let env_files = if arguments.env_files.is_empty() {
            let said = environment.get("COMPOSE_ENV_FILES").unwrap_or_default();
            said.split(',')
                .filter(|file| !file.is_empty())
                .map(PathBuf::from)
                .collect()
        } else {
            arguments.env_files.clone()
        };
        let home = environment
            .get("HOME")
            .map_or_else(|| PathBuf::from("/"), PathBuf::from);
        let unknown = if arguments.accept_new_host_keys {
            UnknownHostKeys::Accept
        } else {
            UnknownHostKeys::Refuse
        };
        let state = state_directory(&environment, &home);
        let runtime = environment
            .get("XDG_RUNTIME_DIR")
            .map(|path| Path::new(path).join("hoist"));
        Settings {
            files: arguments.files.clone(),
            project_name: arguments.project_name.clone(),
            project_directory: arguments
                .project_directory
                .clone()
                .filter(|path| !path.as_os_str().is_empty()),
            env_files,
            profiles: arguments.profiles.clone(),
            strict: arguments.strict,
            all_resources: arguments.all_resources,
            progress: arguments.progress,
            runtime: runtime.unwrap_or_else(|| state.join("run")),
            state,
            user: user(&environment),
            machine: machine(&environment),
            ansi: arguments.ansi,
            context: docker_context(&environment, &home),
            unknown_host_keys: unknown,
            ssh_timeout: Duration::from_secs(arguments.ssh_timeout),
            environment,
        }
    }

    /// Where the command prints.
    pub fn output(&self) -> Output {
        Output::standard(self.ansi, self.progress == ProgressMode::Quiet)
    }

    /// The progress reader of a command that changes something.
    pub fn progress(&self, output: &Output) -> Progress {
        Progress::start(self.progress, output)
    }

    /// The operator's side of a deployment. Ctrl-C (and `SIGTERM`) once asks it to stop where it can be gone on from.
    pub fn operator(&self, events: Events, service_timeout: Option<u64>) -> Operator {
        self.operator_until(events, service_timeout, super::interrupt::on_signals())
    }

    /// The operator's side of a command that only looks: there is nothing to leave in order, so the first Ctrl-C ends it.
    pub fn onlooker(&self, output: &Output) -> Operator {
        let output = output.clone();
        let warnings = Events::new(move |event| {
            if let Event::Warning { message, hint } = event {
                output.warning(&message, hint.as_deref());
            }
        });
        self.operator_until(warnings, None, CancellationToken::new())
    }

    fn operator_until(&self, events: Events, service_timeout: Option<u64>, interrupt: CancellationToken) -> Operator {
        Operator {
            user: self.user.clone(),
            machine: self.machine.clone(),
            wait_for_lock: false,
            state: self.state.clone(),
            runtime: self.runtime.clone(),
            context: self.context.resolve().map_err(Arc::new),
            credentials: Arc::new(credentials(&self.context.docker_config)),
            unknown_host_keys: self.unknown_host_keys,
            clouds: CloudInputs {
                variables: self.environment.variables.clone(),
                directory: self.environment.directory.clone(),
            },
            ssh_timeout: self.ssh_timeout,
            service_timeout: Duration::from_secs(service_timeout.unwrap_or(600)),
            events,
            interrupt,
        }
    }
}

/// `$XDG_STATE_HOME/hoist`, else `~/.local/state/hoist`.
fn state_directory(environment: &Environment, home: &Path) -> PathBuf {
    let from_variable = environment
        .get("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let base = from_variable.or_else(|| etcetera::base_strategy::Xdg::new().ok()?.state_dir());
    base.unwrap_or_else(|| home.join(".local/state")).join("hoist")
}

/// The name that the user logged in by.
fn user(environment: &Environment) -> String {
    let said = environment.get("USER").or_else(|| environment.get("LOGNAME"));
    said.map(str::to_owned)
        .or_else(|| {
            let id = std::fs::metadata("/proc/self").ok()?.uid();
            name_of_user(&std::fs::read_to_string("/etc/passwd").ok()?, id)
        })
        .unwrap_or_else(|| "somebody".to_owned())
}

/// The name of a user id in a file such as `/etc/passwd`.
fn name_of_user(accounts: &str, id: u32) -> Option<String> {
    let id = id.to_string();
    let own = |line: &&str| line.split(':').nth(2) == Some(id.as_str());
    let line = accounts.lines().find(own)?;
    line.split(':').next().map(str::to_owned)
}

/// The machine's own name, as `hostname` prints it.
fn machine(environment: &Environment) -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let said = Some(kernel.trim()).filter(|name| !name.is_empty());
    said.or_else(|| environment.get("HOSTNAME"))
        .unwrap_or("this machine")
        .to_owned()
}

fn docker_context(environment: &Environment, home: &Path) -> ContextInputs {
    ContextInputs {
        docker_host: environment.get("DOCKER_HOST").map(str::to_owned),
        docker_context: environment.get("DOCKER_CONTEXT").map(str::to_owned),
        docker_config: environment
            .get("DOCKER_CONFIG")
            .map_or_else(|| home.join(".docker"), PathBuf::from),
        docker_tls_verify: environment.get("DOCKER_TLS_VERIFY").is_some(),
        docker_cert_path: environment.get("DOCKER_CERT_PATH").map(PathBuf::from),
    }
}

/// What `docker login` left; a missing or unreadable file is no credentials, as the Docker client has it.
fn credentials(docker_config: &Path) -> Credentials {
    let text = std::fs::read_to_string(docker_config.join("config.json")).unwrap_or_default();
    Credentials::from_config(&text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(arguments: GlobalArguments, variables: &[(&str, &str)]) -> Settings {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Settings::resolve(
            &arguments,
            Environment {
                variables,
                directory: PathBuf::from("/project"),
            },
        )
    }

    #[test]
    fn environment_files_are_those_said_else_those_of_the_variable() {
        let variables = [("COMPOSE_ENV_FILES", "a.env,,b.env")];
        let from_variable = settings(GlobalArguments::default(), &variables);
        assert_eq!(
            from_variable.env_files,
            [PathBuf::from("a.env"), PathBuf::from("b.env")]
        );
        let said = GlobalArguments {
            env_files: vec!["c.env".into()],
            ..GlobalArguments::default()
        };
        assert_eq!(settings(said, &variables).env_files, [PathBuf::from("c.env")]);
    }

    #[test]
    fn a_user_without_variables_is_known_by_the_accounts() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000:Ann:/home/ann:/bin/sh\n";
        assert_eq!(name_of_user(accounts, 1000).as_deref(), Some("ann"));
        assert_eq!(name_of_user(accounts, 10), None);
    }

    #[test]
    fn the_state_directory_follows_xdg() {
        let set = settings(
            GlobalArguments::default(),
            &[("XDG_STATE_HOME", "/var/state"), ("HOME", "/home/me")],
        );
        assert_eq!(set.state, PathBuf::from("/var/state/hoist"));
    }
}
