//! Where the operator's certificates are kept, and where a pool's authority comes from: this folder, a host, or new.
//!
//! The folder has the names that `DOCKER_CERT_PATH` expects (`ca.pem`, `cert.pem`, `key.pem`), and `ca-key.pem`.
//!
//! Two runs must not make two authorities. Runs of one machine share a file lock. A run on a machine that knows none asks the
//! hosts first: a new one is made only after every host has said that it has none, or could not be asked for a while; if
//! a host that was away comes back with another authority, it gets this one, for SSH is the root of trust.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};

use super::BootstrapError;
use super::pki::Authority;
use crate::engine::ClientIdentity;

/// How long a new authority waits for hosts that do not answer.
const CENSUS_TIMEOUT: Duration = Duration::from_secs(20);
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// The certificates of one pool, as this operator has them. Cheap to share by reference between hosts.
#[derive(Debug)]
pub struct Keyring {
    pool: String,
    folder: PathBuf,
    keys: Mutex<Option<Arc<Keys>>>,
    census: watch::Sender<Census>,
    census_timeout: Duration,
}

#[derive(Debug)]
struct Census {
    /// Hosts that have not yet said whether they have an authority.
    unasked: BTreeSet<String>,
    /// A host that has one.
    found_on: Option<String>,
    settled: bool,
}

/// The authority, and what the operator shows to engines.
#[derive(Debug)]
pub(super) struct Keys {
    pub authority: Authority,
    pub client: Arc<ClientIdentity>,
}

impl Keyring {
    /// `hosts`: the names of all hosts that will be bootstrapped or reached in this run.
    pub fn new<N: Into<String>>(state_directory: &Path, pool: &str, hosts: impl IntoIterator<Item = N>) -> Keyring {
        let census = Census {
            unasked: hosts.into_iter().map(Into::into).collect(),
            found_on: None,
            settled: false,
        };
        Keyring {
            pool: pool.to_string(),
            folder: state_directory.join("pools").join(pool),
            keys: Mutex::new(None),
            census: watch::Sender::new(census),
            census_timeout: CENSUS_TIMEOUT,
        }
    }

    /// Where the certificates are: what `DOCKER_CERT_PATH` may be set to.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the operator shows to engines; `None` where this machine does not have it yet.
    pub async fn client_identity(&self) -> Result<Option<Arc<ClientIdentity>>, BootstrapError> {
        Ok(self.known().await?.map(|keys| Arc::clone(&keys.client)))
    }

    /// What the operator shows to engines, of a new authority where this machine has none. For a pool without hosts.
    pub async fn found(&self) -> Result<Arc<ClientIdentity>, BootstrapError> {
        type NoFetch = fn() -> std::future::Ready<Result<(String, String), BootstrapError>>;
        Ok(Arc::clone(&self.settle(None::<NoFetch>).await?.client))
    }

    /// The keys, where this machine has them.
    pub(super) async fn known(&self) -> Result<Option<Arc<Keys>>, BootstrapError> {
        let mut keys = self.keys.lock().await;
        if keys.is_none() && self.folder.join("ca.pem").exists() {
            let _lock = self.lock().await?;
            *keys = self.load()?;
        }
        Ok(keys.clone())
    }

    /// The keys. `fetch` brings the authority's certificate and key from this host, where the host has one.
    pub(super) async fn keys<F>(&self, host: &str, fetch: Option<F>) -> Result<Arc<Keys>, BootstrapError>
    where
        F: AsyncFnOnce() -> Result<(String, String), BootstrapError>,
    {
        if let Some(keys) = self.known().await? {
            return Ok(keys);
        }
        match fetch {
            Some(fetch) => {
                self.census
                    .send_modify(|census| census.found_on = Some(host.to_string()));
                self.settle(Some(fetch)).await
            }
            None => {
                self.has_none(host);
                let mut census = self.census.subscribe();
                let everybody = census.wait_for(|census| census.settled || census.unasked.is_empty());
                // Over time, or with the sender gone, the answer is the same: go on with what is known.
                let _ = tokio::time::timeout(self.census_timeout, everybody).await;
                self.settle(None::<F>).await
            }
        }
    }

    /// The host has no authority, or cannot be asked: nobody waits for it.
    pub fn has_none(&self, host: &str) {
        self.census.send_modify(|census| {
            census.unasked.remove(host);
        });
    }

    async fn settle<F>(&self, fetch: Option<F>) -> Result<Arc<Keys>, BootstrapError>
    where
        F: AsyncFnOnce() -> Result<(String, String), BootstrapError>,
    {
        let mut keys = self.keys.lock().await;
        if let Some(keys) = &*keys {
            return Ok(Arc::clone(keys));
        }
        let _lock = self.lock().await?;
        let settled = match (self.load()?, fetch) {
            (Some(loaded), _) => loaded,
            (None, Some(fetch)) => {
                let (certificate, key) = fetch().await?;
                let authority = Authority::read(&certificate, &key)
                    .map_err(|reason| self.failed(format!("the authority on the hosts is unusable: {reason}")))?;
                self.keep(authority)?
            }
            (None, None) => {
                if let Some(host) = &self.census.borrow().found_on {
                    return Err(self.failed(format!("host `{host}` has the authority, and it could not be fetched")));
                }
                let authority = Authority::make(&self.pool).map_err(|error| self.failed(error.to_string()))?;
                self.keep(authority)?
            }
        };
        *keys = Some(Arc::clone(&settled));
        self.census.send_modify(|census| census.settled = true);
        Ok(settled)
    }

    /// Reads the folder, and makes the client certificate anew where it is near its end.
    fn load(&self) -> Result<Option<Arc<Keys>>, BootstrapError> {
        let (certificate, key) = (self.folder.join("ca.pem"), self.folder.join("ca-key.pem"));
        // The certificate is written last: without it there is no authority yet, whatever an interrupted run left.
        if !certificate.exists() {
            return Ok(None);
        }
        let read = |path: &Path| {
            fs::read_to_string(path).map_err(|error| self.failed(format!("cannot read {}: {error}", path.display())))
        };
        let authority = Authority::read(&read(&certificate)?, &read(&key)?)
            .map_err(|reason| self.failed(format!("{} is unusable: {reason}", certificate.display())))?;
        self.with_client(authority).map(Some)
    }

    fn keep(&self, authority: Authority) -> Result<Arc<Keys>, BootstrapError> {
        self.write("ca-key.pem", authority.secret_key())?;
        self.write("ca.pem", &authority.certificate)?;
        self.with_client(authority)
    }

    fn with_client(&self, authority: Authority) -> Result<Arc<Keys>, BootstrapError> {
        let certificate = fs::read_to_string(self.folder.join("cert.pem"));
        let key = fs::read_to_string(self.folder.join("key.pem"));
        let (certificate, key) = match (certificate, key) {
            (Ok(certificate), Ok(key)) if authority.accepts_client(&certificate) => (certificate, key),
            _ => {
                let made = authority
                    .client_certificate(&format!("operator of pool {}", self.pool))
                    .map_err(|error| self.failed(error.to_string()))?;
                // The certificate last: it is what is looked at.
                fs::remove_file(self.folder.join("cert.pem")).ok();
                self.write("key.pem", &made.key)?;
                self.write("cert.pem", &made.certificate)?;
                (made.certificate, made.key)
            }
        };
        let client = Arc::new(ClientIdentity {
            authority: authority.certificate.clone(),
            certificate,
            key,
        });
        Ok(Arc::new(Keys { authority, client }))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), BootstrapError> {
        let path = self.folder.join(name);
        let written = || -> std::io::Result<()> {
            let mut file = tempfile::Builder::new()
                .permissions(fs::Permissions::from_mode(0o600))
                .tempfile_in(&self.folder)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok(())
        };
        written().map_err(|error| self.failed(format!("cannot write {}: {error}", path.display())))
    }

    /// Held until the file is dropped.
    async fn lock(&self) -> Result<fs::File, BootstrapError> {
        let path = self.folder.join("lock");
        let opened = || -> std::io::Result<fs::File> {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
            fs::OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)
        };
        let file = opened().map_err(|error| self.failed(format!("cannot open {}: {error}", path.display())))?;
        let deadline = tokio::time::Instant::now() + LOCK_TIMEOUT;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(fs::TryLockError::WouldBlock) if tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => return Err(self.failed(format!("cannot lock {}: {error}", path.display()))),
            }
        }
    }

    fn failed(&self, reason: String) -> BootstrapError {
        BootstrapError::Certificates {
            pool: self.pool.clone(),
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Fetched = Result<(String, String), BootstrapError>;

    fn no_fetch() -> Option<fn() -> std::future::Ready<Fetched>> {
        None
    }

    fn certificate(keys: &Keys) -> &str {
        &keys.authority.certificate
    }

    #[tokio::test]
    async fn two_runs_at_once_make_one_authority() {
        let state = tempfile::tempdir().unwrap();
        let rings: Vec<Keyring> = (0..4).map(|_| Keyring::new(state.path(), "dev", ["a"])).collect();
        let all = futures_util::future::join_all(rings.iter().map(|ring| ring.keys("a", no_fetch()))).await;
        let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
        assert!(all.iter().all(|keys| certificate(keys) == certificate(&all[0])));
        assert!(
            all.iter()
                .all(|keys| keys.client.certificate == all[0].client.certificate)
        );
    }

    #[tokio::test]
    async fn the_files_are_the_operators_alone() {
        let state = tempfile::tempdir().unwrap();
        let ring = Keyring::new(state.path(), "dev", ["a"]);
        ring.keys("a", no_fetch()).await.unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(ring.folder()), 0o700);
        for file in ["ca.pem", "ca-key.pem", "cert.pem", "key.pem"] {
            assert_eq!(mode(&ring.folder().join(file)), 0o600, "{file}");
        }
    }

    #[tokio::test]
    async fn a_new_machine_takes_the_authority_that_a_host_has() {
        let state = tempfile::tempdir().unwrap();
        let there = Authority::make("dev").unwrap();
        let ring = Keyring::new(state.path(), "dev", ["bare", "old"]);
        let fetch = async || Ok((there.certificate.clone(), there.secret_key().to_string()));
        let slow = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            ring.keys("old", Some(fetch)).await
        };
        let (bare, old) = tokio::join!(ring.keys("bare", no_fetch()), slow);
        assert_eq!(certificate(&bare.unwrap()), there.certificate);
        assert_eq!(certificate(&old.unwrap()), there.certificate);
    }

    #[tokio::test]
    async fn a_host_that_never_answers_is_not_waited_for_long() {
        let state = tempfile::tempdir().unwrap();
        let mut ring = Keyring::new(state.path(), "dev", ["here", "away"]);
        ring.census_timeout = Duration::from_millis(100);
        let started = tokio::time::Instant::now();
        ring.keys("here", no_fetch()).await.unwrap();
        assert!(started.elapsed() >= ring.census_timeout);
    }

    #[tokio::test]
    async fn an_authority_that_cannot_be_read_is_not_replaced() {
        let state = tempfile::tempdir().unwrap();
        let ring = Keyring::new(state.path(), "dev", ["a"]);
        fs::create_dir_all(ring.folder()).unwrap();
        fs::write(ring.folder().join("ca.pem"), "nonsense").unwrap();
        let error = ring.keys("a", no_fetch()).await.unwrap_err();
        assert!(matches!(error, BootstrapError::Certificates { .. }));
        assert_eq!(fs::read_to_string(ring.folder().join("ca.pem")).unwrap(), "nonsense");
    }

    #[tokio::test]
    async fn a_client_certificate_of_another_authority_is_made_anew() {
        let state = tempfile::tempdir().unwrap();
        let ring = Keyring::new(state.path(), "dev", ["a"]);
        let keys = ring.keys("a", no_fetch()).await.unwrap();
        let foreign = Authority::make("dev").unwrap().client_certificate("x").unwrap();
        fs::write(ring.folder().join("cert.pem"), &foreign.certificate).unwrap();
        let again = Keyring::new(state.path(), "dev", ["a"]).known().await.unwrap().unwrap();
        assert!(keys.authority.accepts_client(&again.client.certificate));
    }
}
