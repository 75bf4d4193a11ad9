//! A pool of one test: bare local hosts, and this operator's folders. Dropped, it leaves nothing, whatever happened.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hoist::bootstrap::{Api, BootstrapError, Install, Keyring, ReadyHost, Settings, bootstrap};
use hoist::compose::model::{GroupProvider, LocalHosts};
use hoist::engine::{ClientIdentity, Endpoint, Engine};
use hoist::hosts::{Host, HostRequest, LocalProvider, Provider};
use tempfile::TempDir;

pub struct House {
    pub pool: String,
    state: TempDir,
    runtime: TempDir,
    provider: LocalProvider,
}

impl House {
    pub fn new(test: &str) -> House {
        let socket = "/var/run/docker.sock".into();
        let engine = Engine::new("local", &Endpoint::Unix { socket }).unwrap();
        let state = tempfile::tempdir().unwrap();
        House {
            pool: format!("hoist-boot-test-{test}-{}", std::process::id()),
            provider: LocalProvider::new(engine, state.path().to_owned()),
            state,
            runtime: tempfile::tempdir().unwrap(),
        }
    }

    pub async fn make(&self, hosts: &[(&str, &str)]) -> Vec<Host> {
        let requests: Vec<HostRequest> = hosts
            .iter()
            .map(|(name, image)| HostRequest {
                name: name.to_string(),
                group: "lab".into(),
                pool: self.pool.clone(),
                labels: [("tier".to_owned(), "front".to_owned())].into(),
                settings: GroupProvider::Local(LocalHosts {
                    image: image.to_string(),
                }),
            })
            .collect();
        let made = join_all(requests.iter().map(|request| self.provider.make(request, &|_| ()))).await;
        made.into_iter().map(Result::unwrap).collect()
    }

    pub fn settings(&self) -> Settings {
        Settings {
            pool: self.pool.clone(),
            install: Install::Auto,
            version: None,
            api: Api::Tls,
            port: 2376,
            daemon: serde_json::Map::new(),
            ssh_timeout: Duration::from_secs(60),
        }
    }

    /// As a new run on this machine has it.
    pub fn keyring(&self, hosts: &[Host]) -> Keyring {
        Keyring::new(
            self.state.path(),
            &self.pool,
            hosts.iter().map(|host| host.name.clone()),
        )
    }

    pub async fn bootstrap(&self, host: &Host, settings: &Settings) -> Result<ReadyHost, BootstrapError> {
        let keyring = self.keyring(std::slice::from_ref(host));
        bootstrap(host, settings, &keyring, self.runtime(), &|_| ()).await
    }

    pub async fn bootstrap_all(&self, hosts: &[Host], settings: &Settings) -> Vec<ReadyHost> {
        let keyring = self.keyring(hosts);
        let all = hosts
            .iter()
            .map(|host| bootstrap(host, settings, &keyring, self.runtime(), &|_| ()));
        join_all(all).await.into_iter().map(Result::unwrap).collect()
    }

    pub fn state(&self) -> &Path {
        self.state.path()
    }

    pub fn runtime(&self) -> &Path {
        self.runtime.path()
    }

    /// What root's shell in the host prints, whatever its status.
    pub fn inside(&self, host: &Host, command: &str) -> String {
        let output = exec(host, command);
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn inside_status(&self, host: &Host, command: &str) -> i32 {
        exec(host, command).status.code().unwrap()
    }

    /// When the host's engine was started last.
    pub fn engine_start(&self, host: &Host) -> String {
        self.inside(
            host,
            "systemctl show --property ExecMainStartTimestampMonotonic docker.service",
        )
    }

    /// A key that no host knows.
    pub fn some_key(&self) -> PathBuf {
        let path = self.state.path().join("some-key");
        if !path.exists() {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(&path)
                .status();
            assert!(made.unwrap().success());
        }
        path
    }

    /// A client certificate of an authority that this pool's keyring makes.
    pub async fn some_identity(&self) -> Arc<ClientIdentity> {
        self.keyring(&[]).found().await.unwrap()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let filter = format!("label=dev.hoist.pool={}", self.pool);
        for (list, remove) in [
            (&["ps", "--all", "--quiet"][..], &["rm", "--force", "--volumes"][..]),
            (&["volume", "ls", "--quiet"], &["volume", "rm"]),
            (&["network", "ls", "--quiet"], &["network", "rm"]),
        ] {
            let listed = run(&[list, &["--filter", &filter]].concat());
            let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
            let ids: Vec<&str> = listed.lines().collect();
            if !ids.is_empty() {
                run(&[remove, &ids].concat());
            }
        }
    }
}

pub fn tls(address: &str, port: u16, authority: &str, certificate: &str, key: &str) -> Endpoint {
    Endpoint::Tls {
        address: address.to_string(),
        port,
        identity: Arc::new(ClientIdentity {
            authority: authority.to_string(),
            certificate: certificate.to_string(),
            key: key.to_string(),
        }),
    }
}

fn exec(host: &Host, command: &str) -> std::process::Output {
    run(&["exec", &host.id, "sh", "-c", command])
}

fn run(arguments: &[&str]) -> std::process::Output {
    Command::new("docker").args(arguments).output().unwrap()
}
