//! Which files a host must have, and which of them it lacks. Pure: a survey in, texts out.

use minijinja::context;
use sha2::{Digest, Sha256};

use super::facts::{State, Survey};
use super::keyring::Keys;
use super::pki::KeyedCertificate;
use super::templates::render;
use super::{Api, PKI_FOLDER, Settings, daemon_json};

pub(super) const DAEMON_JSON: &str = "/etc/docker/daemon.json";
const DAEMON_RECORD: &str = "/etc/hoist/daemon-settings.json";
const SOCKET_UNIT: &str = "/etc/systemd/system/docker-tcp.socket";
const DROP_IN: &str = "/etc/systemd/system/docker.service.d/hoist.conf";

/// What is to be written, and what it was decided from.
pub(super) struct Files {
    /// Those that differ from what is there.
    pub changed: Vec<File>,
    /// Those that are there and must not be.
    pub superfluous: Vec<&'static str>,
    /// The systemd sockets that the engine is to have.
    pub sockets: &'static [&'static str],
    pub notes: Vec<String>,
}

impl Files {
    /// Whether an engine that runs already has to read any of them.
    pub fn need_restart(&self) -> bool {
        let unread = |file: &File| file.path == DAEMON_RECORD || file.path.ends_with("/ca-key.pem");
        !self.superfluous.is_empty() || !self.changed.iter().all(unread)
    }
}

/// Its text may be secret.
pub(super) struct File {
    pub path: String,
    /// Such as `600`; `keep`: what it has.
    mode: &'static str,
    text: String,
}

impl File {
    /// As the template takes it.
    pub fn as_value(&self) -> minijinja::Value {
        context! { path => self.path.as_str(), mode => self.mode, text => self.text.as_str() }
    }
}

/// Why the files cannot be decided.
#[derive(Debug)]
pub(super) enum Refusal {
    /// `daemon.json` is not JSON.
    DaemonJson(String),
    /// The host cannot be served as it is.
    Unsuitable(String),
    /// A fault of a template or of a certificate.
    Fault(String),
}

/// `keys`: the pool's, with TLS. `names`: all that the engine is reached at.
pub(super) fn needed(
    settings: &Settings,
    survey: &Survey,
    keys: Option<&Keys>,
    name: &str,
    names: &[String],
    private_address: &str,
) -> Result<Files, Refusal> {
    let state = &survey.state;
    let merged = daemon_json::merge(
        state.daemon_json.as_deref(),
        state.daemon_settings.as_deref(),
        &settings.daemon,
        settings.api,
    )
    .map_err(refusal)?;
    let mut wanted = Vec::new();
    let mut add = |path: String, mode: &'static str, text: String| wanted.push(File { path, mode, text });
    // The record first: it must tell of whatever comes to stand in the file.
    if !merged.record.is_empty() {
        add(DAEMON_RECORD.to_string(), "600", merged.record);
    }
    if let Some(text) = merged.text {
        add(DAEMON_JSON.to_string(), "keep", text);
    }
    let sockets: &[&str] = if settings.api == Api::Ssh {
        &["docker.socket"]
    } else {
        let tls = settings.api == Api::Tls;
        let listen = if tls {
            settings.port.to_string()
        } else if private_address.contains(':') {
            format!("[{private_address}]:{}", settings.port)
        } else {
            format!("{private_address}:{}", settings.port)
        };
        let socket = render("docker-tcp.socket", context! { tls, listen }).map_err(fault)?;
        add(SOCKET_UNIT.to_string(), "644", socket);
        let drop_in = render("docker-service.conf", context! {}).map_err(fault)?;
        add(DROP_IN.to_string(), "644", drop_in);
        &["docker.socket", "docker-tcp.socket"]
    };
    if let Some(keys) = keys {
        let authority = &keys.authority;
        add(
            format!("{PKI_FOLDER}/ca-key.pem"),
            "600",
            authority.secret_key().to_string(),
        );
        add(format!("{PKI_FOLDER}/ca.pem"), "600", authority.certificate.clone());
        if !certificate_serves(state, keys, names) {
            let KeyedCertificate { certificate, key } = authority.server_certificate(name, names).map_err(fault)?;
            add(format!("{PKI_FOLDER}/server-key.pem"), "600", key);
            add(format!("{PKI_FOLDER}/server.pem"), "600", certificate);
        }
    }
    let changed = wanted.into_iter().filter(|file| !is_there(state, file)).collect();
    let superfluous = [SOCKET_UNIT, DROP_IN]
        .into_iter()
        .filter(|path| settings.api == Api::Ssh && state.files.contains_key(*path))
        .collect();
    Ok(Files {
        changed,
        superfluous,
        sockets,
        notes: merged.notes,
    })
}

/// After an interrupted run the certificate may be another key's.
fn certificate_serves(state: &State, keys: &Keys, names: &[String]) -> bool {
    let private = |name: &str| {
        let file = state.files.get(&format!("{PKI_FOLDER}/{name}"));
        file.is_some_and(|file| file.mode == "600" && file.owner == "0")
    };
    let certificate = state.server_certificate.as_deref();
    !state.pending
        && private("server-key.pem")
        && private("server.pem")
        && certificate.is_some_and(|certificate| keys.authority.accepts_server(certificate, names))
}

fn is_there(state: &State, file: &File) -> bool {
    let digest: String = Sha256::digest(&file.text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    state
        .files
        .get(&file.path)
        .is_some_and(|there| there.digest == digest && there.mode == file.mode && there.owner == "0")
}

fn refusal(conflict: daemon_json::Conflict) -> Refusal {
    match conflict {
        daemon_json::Conflict::Invalid(reason) => Refusal::DaemonJson(reason),
        daemon_json::Conflict::Hosts { by_settings: true } => Refusal::Unsuitable(
            "`hosts` in the pool's `docker.daemon` cannot be set: where the engine listens is said by `docker.api` and \
             `docker.port`"
                .to_string(),
        ),
        daemon_json::Conflict::Hosts { by_settings: false } => Refusal::Unsuitable(format!(
            "`hosts` in its {DAEMON_JSON} cannot stand beside the sockets that systemd hands to the engine: take it out"
        )),
    }
}

fn fault(error: impl std::fmt::Display) -> Refusal {
    Refusal::Fault(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::facts::FileState;
    use super::super::{Keyring, test_host, test_survey};
    use super::*;

    type NoFetch = fn() -> std::future::Ready<Result<(String, String), super::super::BootstrapError>>;

    fn names() -> Vec<String> {
        vec!["10.0.0.5".to_string(), "web-1".to_string()]
    }

    fn needed_with(settings: &Settings, survey: &Survey, keys: Option<&Keys>) -> Files {
        needed(settings, survey, keys, "web-1", &names(), "10.0.0.5").unwrap_or_else(|refusal| panic!("{refusal:?}"))
    }

    /// The survey of the host after the files were written.
    fn written(mut survey: Survey, files: &Files) -> Survey {
        for file in &files.changed {
            let there = FileState {
                digest: Sha256::digest(&file.text)
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect(),
                mode: file.mode.to_string(),
                owner: "0".to_string(),
            };
            survey.state.files.insert(file.path.clone(), there);
            if file.path.ends_with("server.pem") {
                survey.state.server_certificate = Some(file.text.clone());
            }
            if file.path == DAEMON_JSON {
                survey.state.daemon_json = Some(file.text.clone());
            }
        }
        survey
    }

    #[tokio::test]
    async fn a_host_that_has_all_needs_nothing() {
        let state = tempfile::tempdir().unwrap();
        let keyring = Keyring::new(state.path(), "dev", ["web-1"]);
        let keys = keyring.keys("web-1", None::<NoFetch>).await.unwrap();
        let (_, settings) = test_host();
        let first = needed_with(&settings, &test_survey(), Some(&keys));
        assert_eq!(first.changed.len(), 7);
        let mut ready = written(test_survey(), &first);
        assert!(needed_with(&settings, &ready, Some(&keys)).changed.is_empty());

        // A key that others may read is written again, with a new pair.
        let key = format!("{PKI_FOLDER}/server-key.pem");
        ready.state.files.get_mut(&key).unwrap().mode = "644".to_string();
        let paths: Vec<String> = needed_with(&settings, &ready, Some(&keys))
            .changed
            .into_iter()
            .map(|file| file.path)
            .collect();
        assert_eq!(paths, [key, format!("{PKI_FOLDER}/server.pem")]);
    }

    #[test]
    fn going_to_ssh_takes_the_tcp_socket_away() {
        let (_, mut settings) = test_host();
        settings.api = Api::InsecureTcp;
        let plain = needed_with(&settings, &test_survey(), None);
        assert!(plain.changed[0].text.contains("ListenStream=10.0.0.5:2376\n"));
        let survey = written(test_survey(), &plain);
        settings.api = Api::Ssh;
        let files = needed_with(&settings, &survey, None);
        assert_eq!(files.superfluous, [SOCKET_UNIT, DROP_IN]);
        assert_eq!(files.sockets, ["docker.socket"]);
        assert!(files.changed.is_empty());
    }
}
