//! The `local` provider: hosts that are containers of the operator's own engine, each booting systemd and sshd.
//!
//! Everything is found again by the labels on containers, volumes and the pool's network; the one thing that lies on this
//! machine is the pool's client key, and a lost one is replaced. A container that was started once has all that it needs,
//! since its keys are put in before; so one that was never started is no host yet, and is made anew.
//!
//! Knows the operator's engine. Never enters a host, and never installs anything in one.

mod boot;
mod container;
mod image;
mod keys;
mod network;
mod places;
mod resources;
mod subnets;

use std::path::PathBuf;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready, try_join_all};
use tokio::sync::Mutex;

use super::groups::sort_hosts;
use super::key_pair::KeyPair;
use super::{Host, HostError, HostRequest, MakeProgress, OnProgress, Provider, ProviderKind, ResourceChange};
use crate::compose::model::GroupProvider;
use crate::engine::containers::{ExitCondition, UploadedFile};
use crate::engine::labels::{HOST, POOL};
use crate::engine::observation::ObservedContainer;
use crate::engine::{Engine, EngineError, RetryPolicy, retry};
use container::{ADDRESS, AUTHORIZED_KEYS, HOST_KEY_FILE, LOGIN_USER_ID, Making, Privilege};
use keys::ClientKey;
use network::PoolNetwork;
use places::Places;

/// How many addresses are tried that look free and that the engine refuses.
const ADDRESS_TRIES: usize = 8;

/// Local hosts on one engine.
#[derive(Debug)]
pub struct LocalProvider {
    engine: Engine,
    state: PathBuf,
    images: image::HostImages,
    places: Places,
    client_keys: Mutex<()>,
    /// What this machine allows; the first host finds out.
    privilege: Mutex<Option<Privilege>>,
}

impl LocalProvider {
    /// `state` is Hoist's state directory; a pool's client key is `pools/POOL/id_ed25519` in it.
    pub fn new(engine: Engine, state: PathBuf) -> LocalProvider {
        LocalProvider {
            engine,
            state,
            images: image::HostImages::default(),
            places: Places::default(),
            client_keys: Mutex::default(),
            privilege: Mutex::default(),
        }
    }

    async fn list_hosts(&self, pool: &str) -> Result<Vec<Host>, HostError> {
        let containers = self.containers(&[&label(POOL, pool), HOST], pool).await?;
        let key = keys::client_key_file(&self.state, pool);
        if !containers.is_empty() && !key.exists() {
            self.client_key(pool).await?;
        }
        let hosts = containers.iter().filter(|container| is_whole(container));
        let mut hosts: Vec<Host> = hosts.filter_map(|found| container::host_of(found, &key)).collect();
        sort_hosts(&mut hosts);
        Ok(hosts)
    }

    async fn make_host(&self, request: &HostRequest, progress: OnProgress<'_>) -> Result<Host, HostError> {
        let GroupProvider::Local(settings) = &request.settings else {
            return Err(HostError::Unsupported {
                group: request.group.clone(),
                provider: ProviderKind::of(&request.settings).as_str(),
            });
        };
        let key = self.client_key(&request.pool).await?;
        let found = match self.find(request).await? {
            Some(half_made) if !is_whole(&half_made) => {
                self.discard(&half_made.id, request).await?;
                None
            }
            found => found,
        };
        match found {
            Some(found) => self.resume(&found, request, progress).await?,
            None => {
                // The image first: nothing is made where there is none to be had.
                let images = &self.images;
                let image = images
                    .ensure(&self.engine, &request.name, &settings.image, progress)
                    .await?;
                let network = self.network(request, progress).await?;
                progress(MakeProgress::Creating);
                self.make_container(request, &image, &network, &key).await?;
                progress(MakeProgress::Booting);
                self.watch_boot(request).await?;
            }
        }
        let made = self.find(request).await?;
        made.and_then(|made| container::host_of(&made, &key.file))
            .ok_or_else(|| HostError::Local {
                host: request.name.clone(),
                action: "finding it once it was made".into(),
                source: Box::new(EngineError::Call {
                    engine: self.engine.name.clone(),
                    action: "list containers".into(),
                    status: None,
                    message: "its container is gone, or is not one of Hoist's".into(),
                }),
            })
    }

    /// Lets a host run again that was stopped or paused; one that runs stays as it is.
    async fn resume(
        &self,
        found: &ObservedContainer,
        request: &HostRequest,
        progress: OnProgress<'_>,
    ) -> Result<(), HostError> {
        let failed = |source| failed(&request.name, "starting it again", source);
        match found.state.as_str() {
            "exited" => {
                progress(MakeProgress::Booting);
                self.engine.start_container(&found.id).await.map_err(failed)?;
                self.watch_boot(request).await
            }
            // It ends as soon as it starts.
            "restarting" => self.watch_boot(request).await,
            "paused" => self.engine.unpause_container(&found.id).await.map_err(failed),
            _ => Ok(()),
        }
    }

    async fn make_container(
        &self,
        request: &HostRequest,
        image: &str,
        network: &PoolNetwork,
        key: &ClientKey,
    ) -> Result<(), HostError> {
        // A container removed by hand leaves its volumes, and with them another cluster's state.
        self.remove_volumes(&request.pool, &request.name).await?;
        let host_key = KeyPair::generate(&request.name).await?;
        let nameservers = container::nameservers();
        let failed = |source| failed(&request.name, "making its container", source);
        let mut tries = ADDRESS_TRIES;
        loop {
            tries -= 1;
            let promise = self.places.promise(&self.engine, &request.pool, &request.name, network);
            let address = promise.await.map_err(failed)?;
            let making = Making {
                request,
                image,
                network: &network.name,
                address,
                host_key: &host_key.public,
                nameservers: &nameservers,
            };
            let files = [
                file(HOST_KEY_FILE, 0o600, 0, &host_key.private),
                file(
                    &format!("{HOST_KEY_FILE}.pub"),
                    0o644,
                    0,
                    &format!("{}\n", host_key.public),
                ),
                authorized_keys(&format!("{}\n", key.public)),
            ];
            match self.start_new(&making, &files).await {
                Ok(()) => return Ok(()),
                Err(error) if is_address_taken(&error) && tries > 0 => {
                    self.places.refuse(&request.pool, &request.name, address).await;
                }
                Err(error) => {
                    self.remove_volumes(&request.pool, &request.name).await?;
                    return Err(failed(error));
                }
            }
        }
    }

    async fn network(&self, request: &HostRequest, progress: OnProgress<'_>) -> Result<PoolNetwork, HostError> {
        let making = || progress(MakeProgress::Preparing("network".into()));
        let network = self.places.network(&self.engine, &request.pool, making).await;
        network.map_err(|source| failed(&request.name, "making the pool's network", source))
    }

    /// The first host of a run tries with full privilege; what came of it is what all others are made with.
    async fn start_new(&self, making: &Making<'_>, files: &[UploadedFile]) -> Result<(), EngineError> {
        let mut known = self.privilege.lock().await;
        if let Some(privilege) = *known {
            drop(known);
            return self.start_with(making, files, privilege).await;
        }
        match self.start_with(making, files, Privilege::Full).await {
            Ok(()) => *known = Some(Privilege::Full),
            Err(error) if is_address_taken(&error) => return Err(error),
            Err(refused) => {
                tracing::debug!(%refused, "no full privilege here");
                self.start_with(making, files, Privilege::ByParts).await?;
                *known = Some(Privilege::ByParts);
            }
        }
        Ok(())
    }

    async fn start_with(
        &self,
        making: &Making<'_>,
        files: &[UploadedFile],
        privilege: Privilege,
    ) -> Result<(), EngineError> {
        let name = container::container_name(&making.request.pool, &making.request.name);
        let body = making.body(privilege);
        let created = self.engine.create_container(&name, None, body).await?;
        let started = async {
            self.engine.upload(&created.id, "/", files).await?;
            self.engine.start_container(&created.id).await
        };
        if let Err(error) = started.await {
            self.engine.remove_container(&created.id, true, true).await?;
            return Err(error);
        }
        Ok(())
    }

    /// The pool's client key. A missing one is made; hosts that are there already get it before it counts, so that a run
    /// that ends in between changes nothing.
    async fn client_key(&self, pool: &str) -> Result<ClientKey, HostError> {
        let _one_at_a_time = self.client_keys.lock().await;
        let path = keys::client_key_file(&self.state, pool);
        if let Some(key) = keys::read_client_key(&path).await? {
            return Ok(key);
        }
        let pair = KeyPair::generate(&format!("hoist-{pool}")).await?;
        let hosts = self.containers(&[&label(POOL, pool), HOST], pool).await?;
        let replaced = hosts.iter().filter(|host| is_whole(host)).map(|host| {
            let name = host.labels.get(HOST).map_or(pool, String::as_str);
            self.admit(&host.id, name, &pair.public)
        });
        try_join_all(replaced).await?;
        keys::write_client_key(&path, &pair).await
    }

    /// Adds a client key to those that a host accepts: another operator's stays.
    async fn admit(&self, container: &str, host: &str, public: &str) -> Result<(), HostError> {
        let failed = |source| failed(host, "putting the pool's new key into it", source);
        let accepted = boot::read_file(&self.engine, container, AUTHORIZED_KEYS)
            .await
            .map_err(failed)?;
        let files = [authorized_keys(&format!("{accepted}{public}\n"))];
        self.engine.upload(container, "/", &files).await.map_err(failed)
    }

    async fn watch_boot(&self, request: &HostRequest) -> Result<(), HostError> {
        let Some(container) = self.find(request).await? else {
            return Ok(());
        };
        let address = container.labels.get(ADDRESS).cloned().unwrap_or_default();
        match boot::watch(&self.engine, &container, &address).await {
            Ok(boot::Outcome::Stopped { output }) => Err(HostError::StoppedAtBoot {
                host: request.name.clone(),
                output,
            }),
            Ok(boot::Outcome::Up | boot::Outcome::Slow) => Ok(()),
            Err(source) => Err(failed(&request.name, "watching it boot", source)),
        }
    }

    async fn find(&self, request: &HostRequest) -> Result<Option<ObservedContainer>, HostError> {
        let labels = [label(POOL, &request.pool), label(HOST, &request.name)];
        let found = self.containers(&[&labels[0], &labels[1]], &request.name).await?;
        Ok(found.into_iter().next())
    }

    /// `about`: the host or the pool that an error names.
    async fn containers(&self, labels: &[&str], about: &str) -> Result<Vec<ObservedContainer>, HostError> {
        let listed = self.engine.containers(labels).await;
        listed.map_err(|source| failed(about, "listing local hosts", source))
    }

    async fn discard(&self, container: &str, request: &HostRequest) -> Result<(), HostError> {
        self.remove_container(container, &request.name).await?;
        self.remove_volumes(&request.pool, &request.name).await
    }

    async fn remove_container(&self, container: &str, host: &str) -> Result<(), HostError> {
        let removed = match self.engine.remove_container(container, true, true).await {
            // Another run removes it at this moment.
            Err(error) if error.is_conflict() => self
                .engine
                .wait_exit(container, ExitCondition::Removed)
                .await
                .map(|_| ()),
            other => other,
        };
        gone(removed).map_err(|source| failed(host, "removing its container", source))
    }

    async fn remove_volumes(&self, pool: &str, host: &str) -> Result<(), HostError> {
        for volume in container::volume_names(pool, host) {
            gone(self.engine.remove_volume(&volume, true).await)
                .map_err(|source| failed(host, "removing its volumes", source))?;
        }
        Ok(())
    }

    async fn remove_host(&self, host: &Host) -> Result<(), HostError> {
        self.remove_container(&host.id, &host.name).await?;
        self.remove_volumes(&host.pool, &host.name).await?;
        self.places.forget_host(&host.pool, &host.name).await;
        Ok(())
    }

    async fn remove_pool(&self, pool: &str) -> Result<(), HostError> {
        self.places.forget_pool(pool).await;
        // What a run left that ended in the middle; the engine may still be at work on what that run asked of it.
        let emptied = retry(RetryPolicy::default(), EngineError::is_in_use, || async {
            for left in self.engine.containers(&[&label(POOL, pool), HOST]).await? {
                gone(self.engine.remove_container(&left.id, true, true).await)?;
            }
            network::remove(&self.engine, pool).await
        });
        emptied
            .await
            .map_err(|source| failed(pool, "removing the pool's network", source))?;
        // What containers removed by hand have left.
        let failed = |source| failed(pool, "removing volumes", source);
        let left = self.engine.volumes(&[&label(POOL, pool), HOST]).await.map_err(failed)?;
        for volume in left {
            gone(self.engine.remove_volume(&volume.name, true).await).map_err(failed)?;
        }
        keys::remove_client_key(&keys::client_key_file(&self.state, pool))
    }
}

/// Whether the container was started once, and so has its keys.
fn is_whole(container: &ObservedContainer) -> bool {
    !matches!(container.state.as_str(), "created" | "dead" | "removing")
}

/// The engine has no code of its own for it.
fn is_address_taken(error: &EngineError) -> bool {
    error.to_string().contains("Address already in use")
}

fn label(key: &str, value: &str) -> String {
    format!("{key}={value}")
}

fn authorized_keys(keys: &str) -> UploadedFile {
    file(AUTHORIZED_KEYS, 0o600, LOGIN_USER_ID, keys)
}

fn file(path: &str, mode: u32, owner: u64, content: &str) -> UploadedFile {
    UploadedFile {
        path: path.to_owned(),
        content: content.as_bytes().to_vec(),
        mode,
        user: owner,
        group: owner,
    }
}

fn gone(removed: Result<(), EngineError>) -> Result<(), EngineError> {
    match removed {
        Err(error) if error.is_not_found() => Ok(()),
        other => other,
    }
}

fn failed(host: &str, action: &str, source: EngineError) -> HostError {
    if source.is_unreachable() {
        return HostError::NoLocalEngine(source);
    }
    HostError::Local {
        host: host.to_owned(),
        action: action.to_owned(),
        source: Box::new(source),
    }
}

impl Provider for LocalProvider {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Local
    }

    fn list<'a>(&'a self, pool: &'a str) -> BoxFuture<'a, Result<Vec<Host>, HostError>> {
        self.list_hosts(pool).boxed()
    }

    fn resources<'a>(
        &'a self,
        pool: &'a str,
        make: &'a [HostRequest],
        _remove: &'a [Host],
    ) -> BoxFuture<'a, Result<Vec<ResourceChange>, HostError>> {
        resources::missing(&self.engine, &self.state, pool, make).boxed()
    }

    /// Network, key and image come with the first host, and never differ afterwards.
    fn make_shared<'a>(&'a self, _pool: &'a str) -> BoxFuture<'a, Result<Vec<ResourceChange>, HostError>> {
        ready(Ok(Vec::new())).boxed()
    }

    fn make<'a>(
        &'a self,
        request: &'a HostRequest,
        progress: OnProgress<'a>,
    ) -> BoxFuture<'a, Result<Host, HostError>> {
        self.make_host(request, progress).boxed()
    }

    fn remove<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<(), HostError>> {
        self.remove_host(host).boxed()
    }

    /// Nothing stands between hosts and who reaches them.
    fn withdraw<'a>(&'a self, _project: &'a str) -> BoxFuture<'a, Result<usize, HostError>> {
        ready(Ok(0)).boxed()
    }

    fn remove_shared<'a>(&'a self, pool: &'a str) -> BoxFuture<'a, Result<(), HostError>> {
        self.remove_pool(pool).boxed()
    }
}
