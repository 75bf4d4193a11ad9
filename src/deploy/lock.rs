//! One deployment of a project at a time: the lock that every command holds while it changes a project.
//!
//! In a cluster it is a Swarm config, whose name Raft lets only one make ([`cluster`]); on a single engine it is a file that
//! the operating system locks ([`file`]). Knows when the lock is taken, waited for, lost and let go of; who holds it is
//! [`holder`]'s to say. A command that loses its lock is stopped as Ctrl-C stops it: before its next step.

mod cluster;
mod file;
mod holder;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(super) use file::project_on_engine;
pub use holder::Holder;

use self::cluster::ClusterLock;
use self::file::FileLock;
use super::error::DeployError;
use super::event::Event;
use super::operator::Operator;
use super::pool::{self, Pool, Survey};
use crate::bootstrap::Tunnel;
use crate::compose::Project;
use crate::engine::Engines;
use crate::engine::error::cause_chain;

/// Between two looks at a lock: by its holder whether it is still there, by who waits whether it is gone.
const LOOK: Duration = Duration::from_secs(1);

/// What a command that changes a project does, with the project's lock.
///
/// `work` takes the lock with [`Lock::reach`] (or [`Lock::hold_with`], or [`Lock::take`]) as soon as it knows the engines, and before
/// it changes anything of the project; the operator that it is given is interrupted when the lock is lost. However it ends,
/// the lock is let go of.
///
/// # Errors
///
/// `work`'s own; [`DeployError::LockLost`] where it was stopped because the lock was lost.
pub(super) async fn while_holding<T>(
    project: &str,
    operator: &Operator,
    command: &str,
    work: impl AsyncFnOnce(&Lock, &Operator) -> Result<T, DeployError>,
) -> Result<T, DeployError> {
    let lock = Lock::new(project, operator, command);
    let stopped_with_the_lock = Operator {
        interrupt: lock.stop.clone(),
        ..operator.clone()
    };
    let outcome = work(&lock, &stopped_with_the_lock).await;
    lock.let_go().await;
    match (outcome, lock.loss.get()) {
        (Err(DeployError::Interrupted { unfinished }), Some(loss)) => Err(DeployError::LockLost {
            project: project.to_owned(),
            to: loss.clone().map(Box::new),
            unfinished,
        }),
        (outcome, _) => outcome,
    }
}

/// Takes the lock away from whoever holds it, who stops before the next step. Gives whose it was, if anybody's.
///
/// # Errors
///
/// No engine answers, or the lock cannot be removed.
pub async fn unlock(project: &Project, operator: &Operator) -> Result<Option<Holder>, DeployError> {
    let pool = pool::reached(project, operator).await?;
    match &pool.engines.manager {
        Some(manager) => Ok(cluster::remove(manager, &project.name).await?),
        None => file::remove(&file::path(operator, &project.name)),
    }
}

/// How the lock was had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    AtOnce,
    /// Somebody else was at work before: what was looked at until now may have changed.
    AfterWaiting,
}

/// One try to take a lock.
pub(super) enum Attempt {
    /// It is ours; it may be a left-over of a holder who is gone.
    Taken {
        from: Option<Holder>,
    },
    HeldBy(Holder),
}

/// One look at a lock that is ours.
pub(super) enum Look {
    Ours,
    /// Whose it is by now, if anybody's.
    Lost(Option<Holder>),
}

/// A project's lock, taken or to be taken.
pub(super) struct Lock {
    project: String,
    operator: Operator,
    holder: Holder,
    /// Cancelled when the operator interrupts, and when the lock is lost.
    stop: CancellationToken,
    loss: Arc<OnceLock<Option<Holder>>>,
    held: tokio::sync::Mutex<Option<Held>>,
    /// The cluster itself is being taken away, and the lock with it.
    goes_with_cluster: AtomicBool,
}

struct Held {
    place: Place,
    watch: JoinHandle<()>,
    /// The way to the engines, until the lock is let go of.
    _tunnels: Vec<Arc<Tunnel>>,
}

#[derive(Clone)]
enum Place {
    Cluster(Arc<ClusterLock>),
    File(Arc<FileLock>),
}

impl Lock {
    fn new(project: &str, operator: &Operator, command: &str) -> Lock {
        Lock {
            project: project.to_owned(),
            holder: Holder::this_process(&operator.user, &operator.machine, command),
            operator: operator.clone(),
            stop: operator.interrupt.child_token(),
            loss: Arc::default(),
            held: tokio::sync::Mutex::default(),
            goes_with_cluster: AtomicBool::new(false),
        }
    }

    /// Reaches the project's engines as [`pool::reached`] does, and takes the lock.
    ///
    /// # Errors
    ///
    /// As [`pool::reached`] and [`Lock::take`].
    pub(super) async fn reach(&self, project: &Project, operator: &Operator) -> Result<Pool, DeployError> {
        loop {
            let pool = pool::reached(project, operator).await?;
            // Who was at work may have changed the hosts.
            if self.take(&pool).await? == Taken::AtOnce {
                return Ok(pool);
            }
        }
    }

    /// Takes the lock where a manager of the surveyed pool answers, or that of the single engine where the project has no pool.
    /// The survey stays what it is, unless somebody else was at work meanwhile: then the pool is surveyed again.
    ///
    /// # Errors
    ///
    /// As [`pool::survey`] and [`Lock::take`].
    pub(super) async fn hold_with(
        &self,
        survey: Option<Survey>,
        project: &Project,
        operator: &Operator,
    ) -> Result<Option<Survey>, DeployError> {
        let Some(mut survey) = survey else {
            self.take(&pool::without_hosts(operator.local_engine()?)).await?;
            return Ok(None);
        };
        while survey.engines.manager.is_some()
            && self.take_through(&survey.engines, &survey.tunnels).await? == Taken::AfterWaiting
        {
            survey = pool::survey(project, operator).await?;
        }
        Ok(Some(survey))
    }

    /// Takes the lock, or goes on with it through the pool's engines where it is taken already.
    ///
    /// # Errors
    ///
    /// [`DeployError::Locked`] where somebody else is at work and the operator does not wait.
    pub(super) async fn take(&self, pool: &Pool) -> Result<Taken, DeployError> {
        self.take_through(&pool.engines, &pool.tunnels).await
    }

    async fn take_through(&self, engines: &Engines, tunnels: &[Arc<Tunnel>]) -> Result<Taken, DeployError> {
        let mut held = self.held.lock().await;
        if let Some(held) = &mut *held {
            held._tunnels.extend(tunnels.iter().cloned());
            if let Place::Cluster(lock) = &held.place {
                lock.go_through(engines);
            }
            return Ok(Taken::AtOnce);
        }
        let place = match engines.manager {
            Some(_) => {
                let lock = ClusterLock::new(&self.project, self.holder.clone(), engines);
                Place::Cluster(Arc::new(lock))
            }
            None => Place::File(Arc::new(FileLock::new(
                file::path(&self.operator, &self.project),
                self.holder.clone(),
            ))),
        };
        let mut waited_for: Option<Holder> = None;
        loop {
            let attempt = match &place {
                Place::Cluster(lock) => lock.try_to_take().await?,
                Place::File(lock) => lock.try_to_take()?,
            };
            match attempt {
                Attempt::Taken { from } => {
                    if let Some(from) = from {
                        self.note(format!("took the lock over from {from}, who is gone"));
                    }
                    break;
                }
                Attempt::HeldBy(holder) if !self.operator.wait_for_lock => {
                    return Err(DeployError::Locked {
                        project: self.project.clone(),
                        holder: Box::new(holder),
                    });
                }
                Attempt::HeldBy(holder) => {
                    if waited_for.as_ref() != Some(&holder) {
                        self.note(format!("waiting for {holder}, who is at work on `{}`", self.project));
                    }
                    waited_for = Some(holder);
                    self.pause().await?;
                }
            }
        }
        let watch = tokio::spawn(watch(place.clone(), self.stop.clone(), Arc::clone(&self.loss)));
        *held = Some(Held {
            place,
            watch,
            _tunnels: tunnels.to_vec(),
        });
        Ok(match waited_for {
            None => Taken::AtOnce,
            Some(_) => Taken::AfterWaiting,
        })
    }

    /// The hosts of the cluster that holds the lock are about to be removed: from now on its silence means nothing.
    pub(super) async fn leave_to_the_cluster(&self) {
        self.goes_with_cluster.store(true, Ordering::Relaxed);
        if let Some(held) = &*self.held.lock().await {
            held.watch.abort();
        }
    }

    async fn let_go(&self) {
        let Some(held) = self.held.lock().await.take() else {
            return;
        };
        held.watch.abort();
        let let_go = match &held.place {
            Place::Cluster(lock) => lock.let_go().await.map_err(|error| cause_chain(&error)),
            Place::File(lock) => lock.let_go().map_err(|error| cause_chain(&error)),
        };
        if let (Err(reason), false) = (let_go, self.goes_with_cluster.load(Ordering::Relaxed)) {
            self.operator.events.emit(Event::Warning {
                message: format!("the lock of project `{}` could not be removed: {reason}", self.project),
                hint: Some("`hoist unlock` removes it; it runs out by itself, too".to_owned()),
            });
        }
    }

    async fn pause(&self) -> Result<(), DeployError> {
        tokio::select! {
            () = self.stop.cancelled() => Err(DeployError::Interrupted {
                unfinished: vec![format!("waiting for the lock of project `{}`", self.project)],
            }),
            () = tokio::time::sleep(LOOK) => Ok(()),
        }
    }

    fn note(&self, message: String) {
        self.operator.events.emit(Event::Note { message, place: None });
    }
}

/// Keeps the lock, and stops the command where it is lost. A cluster that does not answer has not given it to anybody else
/// as far as can be known: the steps themselves fail there.
async fn watch(place: Place, stop: CancellationToken, loss: Arc<OnceLock<Option<Holder>>>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let look = match &place {
            Place::Cluster(lock) => lock.keep().await,
            Place::File(lock) => lock.look(),
        };
        if let Look::Lost(to) = look {
            // Set once, here.
            let _ = loss.set(to);
            stop.cancel();
            return;
        }
    }
}
