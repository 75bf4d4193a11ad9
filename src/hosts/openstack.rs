//! The `openstack` provider: hosts that are servers of a cloud, with the network, rules and keys that they share.
//!
//! Everything is found again by the pool's mark (`openstack/mark.rs`); nothing about the cloud lies on this machine. The login
//! is made by the first call that needs it, so that a file is read and checked without a cloud.
//!
//! Spoken to through `openstack_sdk`, for its login, catalog and renewal of tokens; the calls are our own values
//! (`openstack/request.rs`), since the SDK's thousand generated ones would double the build. Never enters a host, and never
//! installs anything in one.

mod configuration;
mod difference;
mod error;
mod ingredients;
mod login_key;
mod made;
mod mark;
mod observed;
mod removal;
mod request;
mod rules;
mod server_body;
mod servers;
mod session;
mod shared;
mod survey;
mod user_data;
mod watch;
mod wish;

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{Mutex, OnceCell};

use super::groups::sort_hosts;
use super::{
    Host, HostError, HostKey, HostRequest, Login, MakeProgress, OnProgress, Provider, ProviderKind, ResourceChange,
};
use crate::compose::model::GroupProvider;
pub use configuration::CloudInputs;
use difference::CloudChange;
pub use error::CloudError;
use login_key::{identity_file, login_key};
use made::Maker;
use observed::{Observed, Server};
pub use rules::Published;
use servers::Kitchen;
use session::Session;
use shared::Shared;
use watch::Watch;
pub use wish::Asked;
use wish::Wish;

/// The servers of one pool in one cloud.
#[derive(Debug)]
pub struct OpenstackProvider {
    wish: Wish,
    inputs: CloudInputs,
    /// Made by the first call.
    maker: OnceCell<Maker>,
    /// The last list, for the looks at shared things that follow it.
    listed: Mutex<Vec<Server>>,
    watch: Watch,
    shared: OnceCell<Shared>,
    kitchen: OnceCell<Kitchen>,
}

impl OpenstackProvider {
    /// Reads what a file asks for; `None` where it asks OpenStack for nothing. No call is made.
    ///
    /// # Errors
    ///
    /// The settings of the file do not fit together.
    pub fn new(asked: Asked<'_>, inputs: CloudInputs) -> Result<Option<OpenstackProvider>, CloudError> {
        let wish = wish::read(asked)?;
        Ok(wish.map(|wish| OpenstackProvider {
            wish,
            inputs,
            maker: OnceCell::new(),
            listed: Mutex::default(),
            watch: Watch::default(),
            shared: OnceCell::new(),
            kitchen: OnceCell::new(),
        }))
    }

    async fn maker(&self) -> Result<&Maker, CloudError> {
        self.maker
            .get_or_try_init(|| async {
                let access = self.inputs.access(self.wish.first())?;
                Ok(Maker::new(Session::open(&access).await?, &self.wish.pool))
            })
            .await
    }

    fn home(&self) -> PathBuf {
        self.inputs
            .variables
            .get("HOME")
            .map_or_else(|| PathBuf::from("/"), PathBuf::from)
    }

    async fn list_hosts(&self) -> Result<Vec<Host>, CloudError> {
        let maker = self.maker().await?;
        let servers = survey::servers(&maker.session, &self.wish.pool).await?;
        let mut names: Vec<&str> = servers
            .iter()
            .filter_map(|server| Some(server.metadata.get(mark::HOST)?.as_str()))
            .collect();
        names.sort_unstable();
        names.dedup();
        let of_names = names.into_iter().filter_map(|name| servers::of_host(&servers, name));
        let mut hosts: Vec<Host> = of_names.filter_map(|server| self.host_of(server)).collect();
        sort_hosts(&mut hosts);
        *self.listed.lock().await = servers;
        Ok(hosts)
    }

    /// A server as a host; `None` where it is not one of Hoist's.
    fn host_of(&self, server: &Server) -> Option<Host> {
        let said = |key: &str| server.metadata.get(key).cloned();
        let fixed = server.fixed_address(self.wish.ip_version());
        let reached = match self.wish.ip_version() {
            6 => fixed,
            _ => server.floating_address().or(fixed),
        };
        let shape = [("image", mark::IMAGE), ("flavor", mark::FLAVOR)];
        Some(Host {
            name: said(mark::HOST)?,
            group: said(mark::GROUP)?,
            pool: said(mark::POOL).filter(|pool| *pool == self.wish.pool)?,
            provider: ProviderKind::Openstack,
            id: server.id.clone(),
            login: Login {
                address: reached.unwrap_or_default().to_owned(),
                port: said(mark::PORT)
                    .and_then(|port| port.parse().ok())
                    .filter(|port| *port != 22),
                user: said(mark::USER),
                identity_file: identity_file(self.wish.first(), &self.home()),
                host_key: HostKey::Pinned(said(mark::HOST_KEY)?),
            },
            private_address: fixed.map(str::to_owned),
            labels: said(mark::LABELS)
                .and_then(|json| serde_json::from_str(&json).ok())
                .unwrap_or_default(),
            shape: shape
                .into_iter()
                .filter_map(|(key, mark)| Some((key.to_owned(), said(mark).filter(|value| !value.is_empty())?)))
                .collect(),
            running: servers::is_running(server) && reached.is_some(),
        })
    }

    async fn look(&self, making: bool) -> Result<Observed, CloudError> {
        let maker = self.maker().await?;
        let listed = self.listed.lock().await.clone();
        survey::shared(&maker.session, &self.wish, listed, making).await
    }

    async fn changes(&self, make: &[HostRequest], remove: &[Host]) -> Result<Vec<CloudChange>, CloudError> {
        let make: Vec<&HostRequest> = make.iter().filter(|request| is_openstack(request)).collect();
        let remove: Vec<&Host> = remove
            .iter()
            .filter(|host| host.provider == ProviderKind::Openstack)
            .collect();
        let there = self.look(!make.is_empty()).await?;
        let mut changes = difference::shared(&self.wish, &there)?;
        let key = match make.is_empty() {
            true => None,
            false => Some(login_key(self.wish.first(), &self.wish.pool, &self.home())?),
        };
        let imported = key.filter(|key| key.public.is_some()).map(|key| key.name);
        changes.extend(difference::of_hosts(
            &self.wish,
            &there,
            &make,
            &remove,
            imported.as_deref(),
        )?);
        let mut groups: Vec<&String> = make.iter().map(|request| &request.group).collect();
        groups.dedup();
        for group in groups {
            // What is missing is told before anything is made.
            ingredients::find(&self.maker().await?.session, &self.wish, group, &there).await?;
        }
        Ok(changes)
    }

    /// Brings shared things to what the file says, once in a run.
    async fn bring_shared(&self) -> Result<(&Shared, Vec<CloudChange>), CloudError> {
        let mut done = Vec::new();
        let shared = self
            .shared
            .get_or_try_init(|| async {
                let there = self.look(false).await?;
                let changes = difference::shared(&self.wish, &there)?;
                shared::tag_rest(self.maker().await?, &there).await?;
                let shared = shared::apply(self.maker().await?, &self.wish, &there, &changes).await?;
                done = changes;
                Ok::<_, CloudError>(shared)
            })
            .await?;
        Ok((shared, done))
    }

    /// What all new servers of this run are made with.
    async fn kitchen(&self, progress: OnProgress<'_>) -> Result<&Kitchen, CloudError> {
        self.kitchen
            .get_or_try_init(|| async {
                progress(MakeProgress::Preparing("network, rules, keys".into()));
                let (shared, _) = self.bring_shared().await?;
                let maker = self.maker().await?;
                let there = self.look(true).await?;
                shared::tag_rest(maker, &there).await?;
                let key = login_key(self.wish.first(), &self.wish.pool, &self.home())?;
                if let Some(public) = &key.public
                    && !there.keypairs.contains(&key.name)
                {
                    shared::import_key(maker, &key.name, public).await?;
                }
                let mut ingredients = BTreeMap::new();
                for group in self.wish.groups.keys() {
                    let found = ingredients::find(&maker.session, &self.wish, group, &there).await?;
                    ingredients.insert(group.clone(), found);
                }
                Ok(Kitchen {
                    wish: self.wish.clone(),
                    shared: shared.clone(),
                    there,
                    ingredients,
                    keypair: key.name,
                    server_groups: Mutex::default(),
                })
            })
            .await
    }

    async fn make_host(&self, request: &HostRequest, progress: OnProgress<'_>) -> Result<Host, HostError> {
        if !is_openstack(request) || !self.wish.groups.contains_key(&request.group) {
            return Err(HostError::Unsupported {
                group: request.group.clone(),
                provider: ProviderKind::of(&request.settings).as_str(),
            });
        }
        let kitchen = self.kitchen(progress).await?;
        progress(MakeProgress::Creating);
        let booting = || progress(MakeProgress::Booting);
        let server = servers::make(self.maker().await?, kitchen, &self.watch, request, booting).await?;
        let host = self.host_of(&server).ok_or_else(|| CloudError::Answer {
            action: format!("make server `{}`", server.name),
            reason: "it lacks the metadata that it was made with".into(),
        })?;
        Ok(Host {
            labels: request.labels.clone(),
            ..host
        })
    }

    async fn withdraw(&self, project: &str) -> Result<usize, CloudError> {
        let maker = self.maker().await?;
        let there = self.look(false).await?;
        shared::withdraw(maker, &there.security_groups, project).await
    }
}

fn is_openstack(request: &HostRequest) -> bool {
    matches!(request.settings, GroupProvider::Openstack(_))
}

impl Provider for OpenstackProvider {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Openstack
    }

    fn list<'a>(&'a self, _pool: &'a str) -> BoxFuture<'a, Result<Vec<Host>, HostError>> {
        async { Ok(self.list_hosts().await?) }.boxed()
    }

    fn resources<'a>(
        &'a self,
        _pool: &'a str,
        make: &'a [HostRequest],
        remove: &'a [Host],
    ) -> BoxFuture<'a, Result<Vec<ResourceChange>, HostError>> {
        async {
            Ok(self
                .changes(make, remove)
                .await?
                .iter()
                .map(CloudChange::shown)
                .collect())
        }
        .boxed()
    }

    fn make_shared<'a>(&'a self, _pool: &'a str) -> BoxFuture<'a, Result<Vec<ResourceChange>, HostError>> {
        async { Ok(self.bring_shared().await?.1.iter().map(CloudChange::shown).collect()) }.boxed()
    }

    fn make<'a>(
        &'a self,
        request: &'a HostRequest,
        progress: OnProgress<'a>,
    ) -> BoxFuture<'a, Result<Host, HostError>> {
        self.make_host(request, progress).boxed()
    }

    fn remove<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<(), HostError>> {
        async { Ok(removal::host(self.maker().await?, &self.watch, &host.name, &host.id).await?) }.boxed()
    }

    fn remove_shared<'a>(&'a self, _pool: &'a str) -> BoxFuture<'a, Result<(), HostError>> {
        async { Ok(removal::pool(self.maker().await?, &self.watch, self.wish.groups.keys()).await?) }.boxed()
    }

    fn withdraw<'a>(&'a self, project: &'a str) -> BoxFuture<'a, Result<usize, HostError>> {
        async { Ok(self.withdraw(project).await?) }.boxed()
    }
}
