//! Arguments, environment and machine, resolved once: what commands are given instead of them.
//!
//! The one place that reads environment variables.

use std::collections::BTreeMap;
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
        Environment {
            variables: variables.collect(),
            directory: std::env::current_dir().unwrap_or_default(),
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
    pub files: Vec<PathBuf>,
    pub project_name: Option<String>,
    pub project_directory: Option<PathBuf>,
    pub env_files: Vec<PathBuf>,
    pub profiles: Vec<String>,
    /// Every warning of the Compose files is an error.
    pub strict: bool,
    pub progress: ProgressMode,
    pub environment: Environment,
    /// Hoist's state directory.
    pub state: PathBuf,
    /// Where sockets of connections go; short, since Unix sockets have short paths.
    pub runtime: PathBuf,
    ansi: crate::ui::output::ColourChoice,
    context: ContextInputs,
    unknown_host_keys: UnknownHostKeys,
    ssh_timeout: Duration,
}

impl Settings {
    /// Resolves the arguments against the environment; arguments win.
    pub fn resolve(arguments: &GlobalArguments, environment: Environment) -> Self {
        let separator = environment.get("COMPOSE_PATH_SEPARATOR").unwrap_or(":").to_owned();
        let list = |name: &str, separator: &str| -> Vec<String> {
            let parts = environment
                .get(name)
                .into_iter()
                .flat_map(|value| value.split(separator));
            parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        let or_variable = |said: &[PathBuf], name: &str, separator: &str| -> Vec<PathBuf> {
            if said.is_empty() {
                list(name, separator).into_iter().map(PathBuf::from).collect()
            } else {
                said.to_vec()
            }
        };
        let mut profiles = arguments.profiles.clone();
        profiles.extend(list("COMPOSE_PROFILES", ","));
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
            files: or_variable(&arguments.files, "COMPOSE_FILE", &separator),
            project_name: arguments
                .project_name
                .clone()
                .or_else(|| environment.get("COMPOSE_PROJECT_NAME").map(str::to_owned)),
            project_directory: arguments.project_directory.clone(),
            env_files: or_variable(&arguments.env_files, "COMPOSE_ENV_FILES", ","),
            profiles,
            strict: arguments.strict,
            progress: arguments.progress,
            runtime: runtime.unwrap_or_else(|| state.join("run")),
            state,
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
    fn arguments_win_over_variables() {
        let variables = [
            ("COMPOSE_FILE", "a.yaml;b.yaml"),
            ("COMPOSE_PATH_SEPARATOR", ";"),
            ("COMPOSE_PROJECT_NAME", "shop"),
        ];
        let from_variables = settings(GlobalArguments::default(), &variables);
        assert_eq!(from_variables.files, [PathBuf::from("a.yaml"), PathBuf::from("b.yaml")]);
        assert_eq!(from_variables.project_name.as_deref(), Some("shop"));
        let said = GlobalArguments {
            files: vec!["c.yaml".into()],
            project_name: Some("other".into()),
            ..GlobalArguments::default()
        };
        let from_arguments = settings(said, &variables);
        assert_eq!(from_arguments.files, [PathBuf::from("c.yaml")]);
        assert_eq!(from_arguments.project_name.as_deref(), Some("other"));
    }

    #[test]
    fn profiles_add_up() {
        let said = GlobalArguments {
            profiles: vec!["debug".into()],
            ..GlobalArguments::default()
        };
        assert_eq!(
            settings(said, &[("COMPOSE_PROFILES", "a,b")]).profiles,
            ["debug", "a", "b"]
        );
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
