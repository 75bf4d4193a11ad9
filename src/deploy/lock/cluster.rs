//! The lock in a cluster: a config by the project's name. Only one can make it, and a change of its labels names the version
//! that it was read at, so that of two who would take over a lease that ran out only one does.
//!
//! A lease is judged by the cluster's clocks alone: when the config was changed last, against the time at the manager.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::holder::Holder;
use super::{Attempt, Look};
use crate::engine::objects::{VersionedConfig, object_name};
use crate::engine::{Engine, EngineError, Engines, labels};

/// After so long without a sign of its holder a lock is anybody's.
const LEASE: Duration = Duration::from_secs(60);
/// Between two signs.
const RENEWAL: Duration = Duration::from_secs(10);
/// When a command ends it does not wait longer for a manager to take its lock back.
const LAST_CALL: Duration = Duration::from_secs(5);

/// The lock of a project whose pool has a cluster.
pub(super) struct ClusterLock {
    name: String,
    project: String,
    holder: Holder,
    /// Its manager changes where hosts come and go under the command.
    engines: Mutex<Engines>,
    renewed: Mutex<Instant>,
}

impl ClusterLock {
    pub(super) fn new(project: &str, holder: Holder, engines: &Engines) -> ClusterLock {
        ClusterLock {
            name: name(project),
            project: project.to_owned(),
            holder,
            engines: Mutex::new(engines.clone()),
            renewed: Mutex::new(Instant::now()),
        }
    }

    /// Asks these engines from now on.
    pub(super) fn go_through(&self, engines: &Engines) {
        *self.engines.lock().unwrap_or_else(PoisonError::into_inner) = engines.clone();
    }

    pub(super) async fn try_to_take(&self) -> Result<Attempt, EngineError> {
        let Some(manager) = self.engines().manager else {
            return Ok(Attempt::Taken { from: None });
        };
        let labels = self.labels();
        let mut from = None;
        loop {
            let made = manager.create_config(&self.name, &labels, b"See the labels.\n").await;
            let error = match made {
                Ok(_) => return Ok(Attempt::Taken { from }),
                Err(error) if error.is_conflict() => error,
                Err(error) => return Err(error),
            };
            let Some(found) = manager.versioned_config(&self.name).await? else {
                // Its holder let go of it just now.
                continue;
            };
            if found.labels.get(labels::LOCK) != Some(&self.project) {
                // A config of somebody else by that name.
                return Err(error);
            }
            let holder = Holder::of_labels(&found.labels);
            if holder == self.holder {
                return Ok(Attempt::Taken { from: None });
            }
            if !holder.is_gone() && !has_run_out(&found.updated_at, &time(&manager).await?) {
                return Ok(Attempt::HeldBy(holder));
            }
            match manager.relabel_config(&found, &labels).await {
                // Made anew, with an id of its own: the removal that its holder may have asked for last, by the old one's id, can
                // still be under way.
                Ok(()) => {
                    remove_found(&manager, &found).await?;
                    from = Some(holder);
                }
                // Its holder lives after all, or somebody else was quicker.
                Err(error) if error.is_out_of_sequence() || error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Looks whether the lock is still ours, and renews its lease when that is due.
    pub(super) async fn keep(&self) -> Look {
        let Some(manager) = self.engines().manager else {
            return Look::Ours;
        };
        let found = match manager.with_timeout(LEASE / 2).versioned_config(&self.name).await {
            Ok(Some(found)) => found,
            Ok(None) => return Look::Lost(None),
            Err(_) => {
                self.find_another_manager().await;
                return Look::Ours;
            }
        };
        let holder = Holder::of_labels(&found.labels);
        if holder != self.holder {
            return Look::Lost(Some(holder));
        }
        let due = self.renewed().elapsed() >= RENEWAL;
        // One that fails is found out, or made up for, by the next look.
        if due && manager.relabel_config(&found, &self.labels()).await.is_ok() {
            *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
        Look::Ours
    }

    /// Removes the lock where it is still ours.
    pub(super) async fn let_go(&self) -> Result<(), EngineError> {
        let Some(manager) = self.engines().manager else {
            return Ok(());
        };
        let manager = manager.with_timeout(LAST_CALL);
        match manager.versioned_config(&self.name).await? {
            Some(found) if Holder::of_labels(&found.labels) == self.holder => remove_found(&manager, &found).await,
            _ => Ok(()),
        }
    }

    async fn find_another_manager(&self) {
        let engines = self.engines();
        if let Some(manager) = engines.find_manager().await {
            self.go_through(&Engines {
                manager: Some(manager),
                ..engines
            });
        }
    }

    fn engines(&self) -> Engines {
        self.engines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn renewed(&self) -> Instant {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn labels(&self) -> std::collections::BTreeMap<String, String> {
        let mut labels = self.holder.labels();
        labels.insert(labels::LOCK.to_owned(), self.project.clone());
        labels
    }
}

/// Removes a project's lock, whosever it is.
pub(super) async fn remove(manager: &Engine, project: &str) -> Result<Option<Holder>, EngineError> {
    match manager.versioned_config(&name(project)).await? {
        Some(found) if found.labels.contains_key(labels::LOCK) => {
            remove_found(manager, &found).await?;
            Ok(Some(Holder::of_labels(&found.labels)))
        }
        _ => Ok(None),
    }
}

async fn remove_found(manager: &Engine, found: &VersionedConfig) -> Result<(), EngineError> {
    match manager.remove_config(&found.id).await {
        Err(error) if error.is_not_found() => Ok(()),
        other => other,
    }
}

fn name(project: &str) -> String {
    object_name(&format!("hoist-lock-{project}"))
}

/// What time it is at the manager: RFC 3339.
async fn time(manager: &Engine) -> Result<String, EngineError> {
    Ok(manager.info().await?.system_time.unwrap_or_default())
}

/// Whether a lease that was renewed last at one time has run out at the other. Times that cannot be read say nothing.
fn has_run_out(renewed: &str, now: &str) -> bool {
    let read = |text: &str| text.parse::<jiff::Timestamp>().ok();
    match (read(renewed), read(now)) {
        (Some(renewed), Some(now)) => {
            now.duration_since(renewed) > LEASE.try_into().unwrap_or(jiff::SignedDuration::MAX)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_runs_out_by_the_clusters_clock() {
        let renewed = "2026-05-04T10:11:12.123456789Z";
        assert!(!has_run_out(renewed, "2026-05-04T10:12:12.1Z"));
        assert!(has_run_out(renewed, "2026-05-04T10:12:12.2Z"));
        assert!(has_run_out(renewed, "2026-05-04T12:12:13.000000001+02:00"));
        // Managers' clocks may differ a little.
        assert!(!has_run_out(renewed, "2026-05-04T10:11:11Z"));
        assert!(!has_run_out("", "2026-05-04T10:12:13Z"));
    }
}
