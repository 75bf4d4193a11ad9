//! The Docker context: which engine the `docker` command would talk to.
//!
//! Knows the order of its sources and the files of the context store. Reads no environment: the caller hands it over.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::connection::{ClientIdentity, Endpoint};
use super::error::EngineError;

/// What decides, as the environment and the command line say it. Empty values count as unset.
#[derive(Debug, Clone, Default)]
pub struct ContextInputs {
    /// `DOCKER_HOST`, or `--host`.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`, or `--context`.
    pub docker_context: Option<String>,
    /// `DOCKER_CONFIG`, else `~/.docker`.
    pub docker_config: PathBuf,
    /// `DOCKER_TLS_VERIFY` is set to anything.
    pub docker_tls_verify: bool,
    /// `DOCKER_CERT_PATH`; without it the certificates are looked for in `docker_config`.
    pub docker_cert_path: Option<PathBuf>,
}

const DEFAULT_CONTEXT: &str = "default";
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
const TLS_PORT: u16 = 2376;
const PLAIN_PORT: u16 = 2375;

impl ContextInputs {
    /// The context's name and where its engine listens. The order is the `docker` command's: a context named outright,
    /// `DOCKER_HOST`, the current context of `config.json`, the local socket.
    ///
    /// # Errors
    ///
    /// [`EngineError::Context`] with what is wrong and, for SSH, what to do instead.
    pub fn resolve(&self) -> Result<(String, Endpoint), EngineError> {
        let named = self.docker_context.clone().filter(|name| !name.is_empty());
        let host = self.docker_host.as_deref().filter(|host| !host.is_empty());
        let name = match (named, host) {
            (Some(name), _) => name,
            (None, Some(_)) => DEFAULT_CONTEXT.to_owned(),
            (None, None) => self.current_context()?.unwrap_or_else(|| DEFAULT_CONTEXT.to_owned()),
        };
        let endpoint = if name == DEFAULT_CONTEXT {
            self.default_endpoint(host)
        } else {
            self.stored_endpoint(&name)
        };
        endpoint
            .map(|endpoint| (name.clone(), endpoint))
            .map_err(|reason| EngineError::Context { context: name, reason })
    }

    fn current_context(&self) -> Result<Option<String>, EngineError> {
        let path = self.docker_config.join("config.json");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(&path, &error)),
        };
        let config: Value = serde_json::from_str(&text).map_err(|error| unreadable(&path, &error))?;
        let name = config.get("currentContext").and_then(Value::as_str).unwrap_or_default();
        Ok((!name.is_empty()).then(|| name.to_owned()))
    }

    fn default_endpoint(&self, host: Option<&str>) -> Result<Endpoint, String> {
        let folder = self.docker_cert_path.as_deref().unwrap_or(&self.docker_config);
        endpoint(host.unwrap_or_default(), || {
            if self.docker_tls_verify {
                read_identity(folder).map(Some)
            } else {
                Ok(None)
            }
        })
    }

    fn stored_endpoint(&self, name: &str) -> Result<Endpoint, String> {
        let id: String = Sha256::digest(name.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let store = self.docker_config.join("contexts");
        let path = store.join("meta").join(&id).join("meta.json");
        let text = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such context; `docker context ls` lists them".to_owned(),
            _ => format!("{}: {error}", path.display()),
        })?;
        let meta: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let docker = meta
            .pointer("/Endpoints/docker")
            .ok_or_else(|| format!("{} names no Docker endpoint", path.display()))?;
        if docker.get("SkipTLSVerify").and_then(Value::as_bool) == Some(true) {
            return Err(
                "it leaves the engine's certificate unchecked (`SkipTLSVerify`), which Hoist does not do".into(),
            );
        }
        let folder = store.join("tls").join(&id).join("docker");
        endpoint(docker.get("Host").and_then(Value::as_str).unwrap_or_default(), || {
            if folder.is_dir() {
                read_identity(&folder).map(Some)
            } else {
                Ok(None)
            }
        })
    }
}

fn unreadable(path: &Path, error: &dyn std::error::Error) -> EngineError {
    EngineError::Context {
        context: "current".into(),
        reason: format!("{}: {error}", path.display()),
    }
}

/// An empty `host` is the local socket. The identity is read only for TCP.
fn endpoint(host: &str, identity: impl FnOnce() -> Result<Option<ClientIdentity>, String>) -> Result<Endpoint, String> {
    if host.is_empty() {
        return Ok(Endpoint::Unix {
            socket: DEFAULT_SOCKET.into(),
        });
    }
    if let Some(path) = host.strip_prefix("unix://") {
        let path = if path.is_empty() { DEFAULT_SOCKET } else { path };
        return Ok(Endpoint::Unix { socket: path.into() });
    }
    if host.starts_with("ssh://") {
        return Err(format!(
            "`{host}` is not supported yet; name the host in `x-hosts` with `ssh`"
        ));
    }
    let Some(authority) = host.strip_prefix("tcp://").or_else(|| host.strip_prefix("https://")) else {
        return Err(format!("`{host}` is none of `unix://`, `tcp://` and `ssh://`"));
    };
    match identity()? {
        Some(identity) => {
            let (address, port) = split_authority(authority, TLS_PORT)?;
            Ok(Endpoint::Tls {
                address,
                port,
                identity: Arc::new(identity),
            })
        }
        None => {
            let (address, port) = split_authority(authority, PLAIN_PORT)?;
            Ok(Endpoint::Tcp { address, port })
        }
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`, each with or without a slash at the end.
fn split_authority(authority: &str, default_port: u16) -> Result<(String, u16), String> {
    let bare = authority.trim_end_matches('/');
    let wrong = || format!("`{authority}` is no address with a port");
    let (address, port) = match bare.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or_else(wrong)?;
            (address, after.strip_prefix(':'))
        }
        None => match bare.split_once(':') {
            Some((address, port)) => (address, Some(port)),
            None => (bare, None),
        },
    };
    if address.is_empty() || address.contains('/') {
        return Err(wrong());
    }
    let port = match port {
        Some(port) => port.parse().map_err(|_| wrong())?,
        None => default_port,
    };
    Ok((address.to_owned(), port))
}

/// `ca.pem`, `cert.pem` and `key.pem`. Without an own authority the `docker` command trusts the system's; Hoist does not.
fn read_identity(folder: &Path) -> Result<ClientIdentity, String> {
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read_to_string(&path).map_err(|error| (error.kind(), format!("{}: {error}", path.display())))
    };
    let optional = |name: &str| match read(name) {
        Err((std::io::ErrorKind::NotFound, _)) => Ok(String::new()),
        other => other.map_err(|(_, reason)| reason),
    };
    Ok(ClientIdentity {
        authority: read("ca.pem").map_err(|(_, reason)| reason)?,
        certificate: optional("cert.pem")?,
        key: optional("key.pem")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(folder: &Path) -> ContextInputs {
        ContextInputs {
            docker_config: folder.to_owned(),
            ..ContextInputs::default()
        }
    }

    fn write(path: PathBuf, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn store_context(folder: &Path, name: &str, endpoint: &str) -> PathBuf {
        let id: String = Sha256::digest(name.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        write(
            folder.join("contexts/meta").join(&id).join("meta.json"),
            &format!(r#"{{"Name":"{name}","Metadata":{{}},"Endpoints":{{"docker":{endpoint}}}}}"#),
        );
        folder.join("contexts/tls").join(&id).join("docker")
    }

    #[test]
    fn nothing_said_is_the_local_socket() {
        let folder = tempfile::tempdir().unwrap();
        let (name, endpoint) = inputs(folder.path()).resolve().unwrap();
        assert_eq!(
            (name.as_str(), endpoint.to_string().as_str()),
            ("default", "unix:///var/run/docker.sock")
        );
    }

    #[test]
    fn docker_host_beats_the_current_context_and_a_named_context_beats_both() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path().join("config.json"), r#"{"currentContext": "stored"}"#);
        store_context(
            folder.path(),
            "stored",
            r#"{"Host":"unix:///run/stored.sock","SkipTLSVerify":false}"#,
        );
        store_context(folder.path(), "named", r#"{"Host":"tcp://10.0.0.9"}"#);
        let mut inputs = inputs(folder.path());
        let resolved = |inputs: &ContextInputs| {
            let (name, endpoint) = inputs.resolve().unwrap();
            format!("{name} {endpoint}")
        };
        assert_eq!(resolved(&inputs), "stored unix:///run/stored.sock");
        inputs.docker_host = Some("tcp://[fd00::1]:99/".into());
        assert_eq!(resolved(&inputs), "default tcp://[fd00::1]:99");
        inputs.docker_context = Some("named".into());
        assert_eq!(resolved(&inputs), "named tcp://10.0.0.9:2375");
        inputs.docker_context = Some("default".into());
        assert_eq!(resolved(&inputs), "default tcp://[fd00::1]:99");
    }

    #[test]
    fn tls_material_comes_from_the_store_or_the_certificate_path() {
        let folder = tempfile::tempdir().unwrap();
        let stored = store_context(folder.path(), "stored", r#"{"Host":"tcp://10.0.0.9"}"#);
        for folder in [stored, folder.path().join("certificates")] {
            write(folder.join("ca.pem"), "authority");
            write(folder.join("cert.pem"), "certificate");
            write(folder.join("key.pem"), "key");
        }
        let mut inputs = inputs(folder.path());
        inputs.docker_context = Some("stored".into());
        let check = |inputs: &ContextInputs| match inputs.resolve().unwrap().1 {
            Endpoint::Tls { port, identity, .. } => {
                assert_eq!(
                    (port, identity.authority.as_str(), identity.key.as_str()),
                    (2376, "authority", "key")
                );
            }
            other => panic!("{other:?}"),
        };
        check(&inputs);
        inputs.docker_context = None;
        inputs.docker_host = Some("tcp://10.0.0.9".into());
        inputs.docker_cert_path = Some(folder.path().join("certificates"));
        inputs.docker_tls_verify = true;
        check(&inputs);
        inputs.docker_tls_verify = false;
        assert!(matches!(inputs.resolve().unwrap().1, Endpoint::Tcp { port: 2375, .. }));
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        store_context(
            folder.path(),
            "unchecked",
            r#"{"Host":"tcp://10.0.0.9","SkipTLSVerify":true}"#,
        );
        let refused = |host: Option<&str>, context: Option<&str>| {
            let mut inputs = inputs(folder.path());
            inputs.docker_host = host.map(str::to_owned);
            inputs.docker_context = context.map(str::to_owned);
            inputs.resolve().unwrap_err().to_string()
        };
        assert!(refused(Some("ssh://me@there"), None).contains("not supported yet"));
        assert!(refused(Some("npipe:////./pipe/x"), None).contains("none of"));
        assert!(refused(Some("tcp://there:port"), None).contains("no address"));
        assert!(refused(None, Some("absent")).contains("`absent`"));
        assert!(refused(None, Some("unchecked")).contains("SkipTLSVerify"));
    }
}
