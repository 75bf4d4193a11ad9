//! The story of one host: from bare to an engine that is proved to answer this operator and nobody else.
//!
//! A ready host costs one connection, one script that only looks, and the proof. What has to change is written first and
//! Docker is installed after, so that the package starts the engine as it is to run and it starts only once. From the
//! first change until the engine runs with all of them a file on the host says that a run was begun; whatever the next
//! run finds then, it goes through every step again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use minijinja::context;
use tokio::time::Instant;

use super::facts::{Survey, survey};
use super::files::{File, Files, Refusal, needed};
use super::first_container;
use super::install::{InstallAction, install, install_action};
use super::prove::{Doubt, prove};
use super::reach::new_engine;
use super::ssh::{Output, Session};
use super::ssh_options::real_address;
use super::stamp::stamp;
use super::suitable::{firewall_note, suitable};
use super::templates::{CLOSE_API, READ_AUTHORITY, render};
use super::{Api, BootstrapError, Keyring, OnProgress, Progress, ReadyHost, Settings, Sudo, Tunnel};
use crate::engine::Endpoint;
use crate::hosts::Host;

/// How long a port may take to answer that was just opened.
const PORT_PATIENCE: Duration = Duration::from_secs(10);

const WRITING: &str = "writing files";
const STARTING: &str = "starting Docker";
const PROVING: &str = "proving the Docker API";

/// Makes one host ready, or finds that it is. May be called for all hosts at once, and again after any interruption.
///
/// `keyring` is the pool's, shared by all hosts of the run. `runtime_directory` keeps sockets; a short path is best.
///
/// # Errors
///
/// See [`BootstrapError`]: each names the host, and says the way out in [`BootstrapError::hint`].
pub async fn bootstrap(
    host: &Host,
    settings: &Settings,
    keyring: &Keyring,
    runtime_directory: &Path,
    progress: OnProgress<'_>,
) -> Result<ReadyHost, BootstrapError> {
    let made = Bootstrap {
        host,
        settings,
        keyring,
        runtime_directory,
        progress,
    };
    let ready = made.ready().await;
    if ready.is_err() {
        keyring.has_none(&host.name);
    }
    ready
}

struct Bootstrap<'a> {
    host: &'a Host,
    settings: &'a Settings,
    keyring: &'a Keyring,
    runtime_directory: &'a Path,
    progress: OnProgress<'a>,
}

impl Bootstrap<'_> {
    async fn ready(&self) -> Result<ReadyHost, BootstrapError> {
        let session = self.connect().await?;
        let survey = survey(&session, &self.host.name, self.progress).await?;
        suitable(self.host, &survey)?;
        let action = install_action(self.settings, &survey).map_err(|reason| self.unsuitable(reason))?;
        let address = real_address(self.host).await;
        let private_address = self.private_address(&survey, &address);

        let keys = match self.settings.api {
            Api::Tls => {
                let fetch = async || self.read_authority(&session).await;
                let has_one = survey.state.authority.is_some();
                Some(self.keyring.keys(&self.host.name, has_one.then_some(fetch)).await?)
            }
            Api::Ssh | Api::InsecureTcp => None,
        };
        let names = self.names(&address, &private_address);
        let files = needed(
            self.settings,
            &survey,
            keys.as_deref(),
            &self.host.name,
            &names,
            &private_address,
        )
        .map_err(|refusal| self.refused(refusal))?;
        for note in &files.notes {
            (self.progress)(Progress::Notice(note.clone()));
        }
        if self.settings.api == Api::InsecureTcp {
            let warning = format!(
                "the Docker API at {private_address}:{} is open to everybody who reaches it, and with it root on the host",
                self.settings.port
            );
            (self.progress)(Progress::Notice(warning));
        }

        if let Some(note) = firewall_note(self.settings, &survey) {
            (self.progress)(Progress::Notice(note));
        }
        let new_member = self.new_group_member(&survey);
        let changed = self.must_change(&survey, &files, &action, new_member);
        if changed {
            self.write(&session, &files).await?;
            if let Some(note) = action.note() {
                (self.progress)(Progress::Notice(note));
            }
            install(
                &session,
                &self.host.name,
                &action,
                self.settings,
                &survey,
                self.progress,
            )
            .await?;
            // The package of a bare host starts the engine with the files that are there already.
            let had_docker = survey.facts.docker_version.is_some();
            let restart = survey.state.pending || (had_docker && files.need_restart());
            self.activate(&session, &files, new_member, restart).await?;
        }

        let endpoint = match (self.settings.api, keys) {
            (Api::Tls, Some(keys)) => Endpoint::Tls {
                address,
                port: self.settings.port,
                identity: Arc::clone(&keys.client),
            },
            (Api::InsecureTcp, _) => Endpoint::Tcp {
                address: private_address.clone(),
                port: self.settings.port,
            },
            _ => return self.ready_over_ssh(session, survey, private_address, changed).await,
        };
        let (version, healed) = self.prove(&session, &files, &endpoint, changed).await?;
        self.verify_first_container(&session, &survey, &endpoint, &version)
            .await?;
        self.ready_host(survey, private_address, endpoint, None, changed || healed, version)
    }

    async fn verify_first_container(
        &self,
        session: &Session,
        survey: &Survey,
        endpoint: &Endpoint,
        version: &str,
    ) -> Result<(), BootstrapError> {
        let engine = new_engine(self.host, endpoint)?;
        first_container::verify(&self.host.name, session, survey, &engine, version, self.progress).await
    }

    async fn connect(&self) -> Result<Session, BootstrapError> {
        (self.progress)(Progress::WaitingForSsh { reason: None });
        let on_try = |reason: &str| {
            (self.progress)(Progress::WaitingForSsh {
                reason: Some(reason.to_string()),
            });
        };
        Session::connect(self.host, self.runtime_directory, self.settings.ssh_timeout, &on_try).await
    }

    fn private_address(&self, survey: &Survey, address: &str) -> String {
        let own = survey.facts.private_address.map(|address| address.to_string());
        self.host
            .private_address
            .clone()
            .or(own)
            .unwrap_or_else(|| address.to_string())
    }

    /// All that the engine is reached at, by whom ever.
    fn names(&self, address: &str, private_address: &str) -> Vec<String> {
        let all = [
            private_address,
            address,
            &self.host.login.address,
            &self.host.name,
            "localhost",
            "127.0.0.1",
        ];
        let mut names: Vec<String> = Vec::new();
        for name in all {
            if !names.iter().any(|there| there == name) {
                names.push(name.to_string());
            }
        }
        names
    }

    /// The user who has to come into the group `docker`, for the engine's socket to open itself to them.
    fn new_group_member<'s>(&self, survey: &'s Survey) -> Option<&'s str> {
        let member = survey.state.groups.iter().any(|group| group == "docker");
        let needed = self.settings.api == Api::Ssh && survey.facts.sudo != Sudo::Root && !member;
        needed.then_some(survey.facts.user.as_str())
    }

    fn must_change(&self, survey: &Survey, files: &Files, action: &InstallAction, new_member: Option<&str>) -> bool {
        let units = &survey.state.units;
        let up = |unit: &str| units.get(unit).is_some_and(|unit| unit.active && unit.enabled);
        survey.state.pending
            || !action.is_nothing()
            || !files.changed.is_empty()
            || !files.superfluous.is_empty()
            || new_member.is_some()
            || !up("docker.service")
            || !files.sockets.iter().all(|socket| up(socket))
    }

    async fn read_authority(&self, session: &Session) -> Result<(String, String), BootstrapError> {
        let step = "fetching the pool's authority";
        let output = session.run_as_root(step, READ_AUTHORITY).await?;
        let end = "-----END CERTIFICATE-----\n";
        match output.stdout.split_once(end) {
            Some((certificate, key)) if output.success() => Ok((format!("{certificate}{end}"), key.to_string())),
            // What it printed may hold the key: nothing of it goes into the error.
            _ => Err(self.failed(step, "it cannot be read".to_string(), Vec::new())),
        }
    }

    async fn write(&self, session: &Session, files: &Files) -> Result<(), BootstrapError> {
        (self.progress)(Progress::WritingFiles);
        let values = context! {
            files => files.changed.iter().map(File::as_value).collect::<Vec<_>>(),
            superfluous => files.superfluous.clone(),
        };
        let script = self.rendered("write-files.sh", values, WRITING)?;
        self.succeeded(WRITING, session.run_as_root(WRITING, &script).await?)
    }

    async fn activate(
        &self,
        session: &Session,
        files: &Files,
        new_member: Option<&str>,
        restart: bool,
    ) -> Result<(), BootstrapError> {
        (self.progress)(Progress::StartingDocker);
        let values = context! {
            sockets => files.sockets.to_vec(),
            user => new_member.unwrap_or_default(),
            restart => if restart { "yes" } else { "no" },
        };
        let script = self.rendered("activate.sh", values, STARTING)?;
        self.succeeded(STARTING, session.run_as_root(STARTING, &script).await?)
    }

    /// The engine's version, and whether the engine had to be restarted for the proof.
    async fn prove(
        &self,
        session: &Session,
        files: &Files,
        endpoint: &Endpoint,
        changed: bool,
    ) -> Result<(String, bool), BootstrapError> {
        (self.progress)(Progress::ProvingApi);
        let deadline = Instant::now() + PORT_PATIENCE;
        let mut healed = false;
        loop {
            match prove(endpoint).await {
                Ok(version) => return Ok((version, healed)),
                Err(Doubt::Open) => {
                    session.run_as_root(PROVING, CLOSE_API).await?;
                    return Err(BootstrapError::ApiOpen {
                        host: self.host.name.clone(),
                        address: self.host.login.address.clone(),
                        port: self.settings.port,
                    });
                }
                // All files are right, and yet it is not the pool's engine that answers: it runs with older ones.
                Err(Doubt::Stranger(_)) if !changed && !healed => {
                    self.activate(session, files, None, true).await?;
                    healed = true;
                }
                Err(Doubt::Unreachable(_)) if changed && Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
                Err(Doubt::Stranger(reason)) => return Err(self.failed(PROVING, reason, Vec::new())),
                Err(Doubt::Unreachable(reason)) => return Err(self.unreachable(session, endpoint, reason).await?),
            }
        }
    }

    /// Tells a port that is blocked on the way from an engine that does not listen.
    async fn unreachable(
        &self,
        session: &Session,
        endpoint: &Endpoint,
        reason: String,
    ) -> Result<BootstrapError, BootstrapError> {
        let script = self.rendered("listening.sh", context! { port => self.settings.port }, PROVING)?;
        let output = session.run_as_root(PROVING, &script).await?;
        if output.stdout.lines().any(|line| line == "listening") {
            let address = match endpoint {
                Endpoint::Tls { address, .. } | Endpoint::Tcp { address, .. } => address.clone(),
                Endpoint::Unix { socket } => socket.display().to_string(),
            };
            return Ok(BootstrapError::ApiUnreachable {
                host: self.host.name.clone(),
                address,
                port: self.settings.port,
                reason: format!("{reason}, though the engine listens there"),
            });
        }
        let reason = format!("nothing listens on port {}", self.settings.port);
        Ok(self.failed(STARTING, reason, output.last_lines(20)))
    }

    async fn ready_over_ssh(
        &self,
        session: Session,
        survey: Survey,
        private_address: String,
        changed: bool,
    ) -> Result<ReadyHost, BootstrapError> {
        // A login has the groups that its user had when it was made.
        let session = if self.new_group_member(&survey).is_some() {
            self.connect().await?
        } else {
            session
        };
        (self.progress)(Progress::ProvingApi);
        let tunnel = Arc::new(session.forward_docker_socket().await?);
        let socket = tunnel.socket().to_path_buf();
        let endpoint = Endpoint::Unix { socket };
        match prove(&endpoint).await {
            Ok(version) => {
                self.verify_first_container(tunnel.session(), &survey, &endpoint, &version)
                    .await?;
                self.ready_host(survey, private_address, endpoint, Some(tunnel), changed, version)
            }
            Err(Doubt::Unreachable(reason) | Doubt::Stranger(reason)) => {
                let reason = format!("{reason}; sshd has to allow stream local forwarding");
                Err(self.failed(PROVING, reason, Vec::new()))
            }
            Err(Doubt::Open) => Err(self.failed(PROVING, "the socket is open".to_string(), Vec::new())),
        }
    }

    fn ready_host(
        &self,
        survey: Survey,
        private_address: String,
        endpoint: Endpoint,
        tunnel: Option<Arc<Tunnel>>,
        changed: bool,
        engine_version: String,
    ) -> Result<ReadyHost, BootstrapError> {
        let engine = new_engine(self.host, &endpoint)?;
        let mut facts = survey.facts;
        facts.docker_version = Some(engine_version.clone());
        (self.progress)(Progress::Ready {
            changed,
            engine_version,
        });
        Ok(ReadyHost {
            host: self.host.clone(),
            facts,
            private_address,
            endpoint,
            engine,
            tunnel,
            stamp: stamp(self.host, self.settings),
            changed,
        })
    }

    fn rendered(&self, name: &str, values: minijinja::Value, step: &'static str) -> Result<String, BootstrapError> {
        render(name, values).map_err(|error| self.failed(step, error.to_string(), Vec::new()))
    }

    fn succeeded(&self, step: &'static str, output: Output) -> Result<(), BootstrapError> {
        if output.success() {
            return Ok(());
        }
        let said = output.stderr.lines().next_back().map(str::trim).unwrap_or_default();
        // The engine's own word for why it ended says more than that it did.
        let cause = output
            .stdout
            .lines()
            .rev()
            .find(|line| line.contains("failed to start daemon") || line.contains("unable to configure"));
        let reason = match (said, cause) {
            ("", None) => "the connection broke".to_string(),
            (said, Some(cause)) => format!("{said}: {}", cause.trim()),
            (said, None) => said.to_string(),
        };
        Err(self.failed(step, reason, output.last_lines(20)))
    }

    fn refused(&self, refusal: Refusal) -> BootstrapError {
        match refusal {
            Refusal::DaemonJson(reason) => BootstrapError::DaemonJson {
                host: self.host.name.clone(),
                reason,
            },
            Refusal::Unsuitable(reason) => self.unsuitable(reason),
            Refusal::Fault(reason) => self.failed(WRITING, reason, Vec::new()),
        }
    }

    fn unsuitable(&self, reason: String) -> BootstrapError {
        BootstrapError::Unsuitable {
            host: self.host.name.clone(),
            reason,
        }
    }

    fn failed(&self, step: &'static str, reason: String, output: Vec<String>) -> BootstrapError {
        BootstrapError::Step {
            host: self.host.name.clone(),
            step,
            reason,
            output,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compiling it is the test: hosts are made ready by tasks of their own.
    #[expect(dead_code, reason = "only its type matters")]
    fn a_bootstrap_can_move_between_threads(host: &Host, settings: &Settings, keyring: &Keyring, folder: &Path) {
        fn moves<T: Send>(_: T) {}
        moves(bootstrap(host, settings, keyring, folder, &|_| ()));
        moves(super::super::join("dev", &[], None, &|_, _| ()));
        moves(super::super::reach(host, settings, keyring, folder));
    }
}
