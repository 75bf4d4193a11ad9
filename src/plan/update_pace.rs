//! How the containers of a service give way to others: `deploy.update_config` and `rollback_config`, which Swarm goes by itself for
//! its services, for those that Hoist replaces. The defaults are Swarm's (Compose Deploy Specification: *update_config*).
//!
//! Where a file says nothing of updates, a container that is up counts at once, as `docker compose` has it: nobody waits for a
//! watch that was not asked for.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::in_service::InService;
use crate::compose::model::{Deploy, UpdateConfig};

/// How long Swarm watches a replica that is up, where the file does not say.
const MONITOR: Duration = Duration::from_secs(5);

/// The pace, and what is done where it does not go well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpdatePace {
    /// Replicas that change at once; 0: all of them.
    pub parallelism: u64,
    /// Between one batch that is up and the next.
    pub delay: Duration,
    /// How long a replica that is up may still fail, and counts as one that failed.
    pub monitor: Duration,
    pub on_failure: OnFailure,
    /// The part of all replicas, from 0 to 1, that may fail before anything is done about it.
    pub max_failure_ratio: f64,
}

/// `failure_action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnFailure {
    /// The rest stay as they are.
    Pause,
    /// The rest are replaced all the same.
    Continue,
    /// What ran before comes back.
    RollBack,
}

impl UpdatePace {
    /// The pace of an update. `asked`: what the operator wants otherwise.
    pub fn of_update(deploy: &Deploy, asked: Option<&InService>) -> UpdatePace {
        let mut pace = UpdatePace::of(deploy.update.as_ref());
        if let Some(batch) = asked.and_then(|asked| asked.batch) {
            pace.parallelism = batch.get();
        }
        if let Some(interval) = asked.and_then(|asked| asked.interval) {
            pace.delay = interval;
        }
        pace
    }

    /// The pace of going back. What fails then is not rolled back itself.
    pub fn of_rollback(deploy: &Deploy) -> UpdatePace {
        let mut pace = UpdatePace::of(deploy.rollback.as_ref());
        if pace.on_failure == OnFailure::RollBack {
            pace.on_failure = OnFailure::Pause;
        }
        pace
    }

    fn of(config: Option<&UpdateConfig>) -> UpdatePace {
        let Some(config) = config else {
            return UpdatePace::default();
        };
        UpdatePace {
            parallelism: config.parallelism.unwrap_or(1),
            delay: config.delay.unwrap_or_default(),
            monitor: config.monitor.unwrap_or(MONITOR),
            on_failure: match config.failure_action.as_deref() {
                Some("continue") => OnFailure::Continue,
                Some("rollback") => OnFailure::RollBack,
                _ => OnFailure::Pause,
            },
            max_failure_ratio: config.max_failure_ratio.unwrap_or(0.0),
        }
    }

    /// How many of so many replicas change at once.
    pub fn batch(&self, replicas: usize) -> usize {
        match usize::try_from(self.parallelism) {
            Ok(0) | Err(_) => replicas.max(1),
            Ok(batch) => batch,
        }
    }

    /// Whether so many failures among so many replicas are more than may be.
    pub fn is_too_much(&self, failed: usize, replicas: usize) -> bool {
        failed as f64 > self.max_failure_ratio * replicas as f64
    }
}

/// One after another, and the first that fails ends it.
impl Default for UpdatePace {
    fn default() -> Self {
        UpdatePace {
            parallelism: 1,
            delay: Duration::ZERO,
            monitor: Duration::ZERO,
            on_failure: OnFailure::Pause,
            max_failure_ratio: 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;

    fn deploy(update: Option<UpdateConfig>) -> Deploy {
        Deploy {
            update,
            ..Deploy::default()
        }
    }

    #[test]
    fn the_defaults_are_swarms_where_a_file_speaks_of_updates() {
        let said = UpdatePace::of_update(&deploy(Some(UpdateConfig::default())), None);
        assert_eq!((said.parallelism, said.monitor), (1, MONITOR));
        assert_eq!(said.on_failure, OnFailure::Pause);
        let unsaid = UpdatePace::of_update(&deploy(None), None);
        assert_eq!((unsaid.parallelism, unsaid.monitor), (1, Duration::ZERO));
    }

    #[test]
    fn the_operators_pace_comes_before_the_files() {
        let config = UpdateConfig {
            parallelism: Some(4),
            delay: Some(Duration::from_secs(9)),
            ..UpdateConfig::default()
        };
        let asked = InService {
            batch: NonZeroU64::new(2),
            interval: Some(Duration::from_secs(1)),
            force: false,
        };
        let pace = UpdatePace::of_update(&deploy(Some(config)), Some(&asked));
        assert_eq!((pace.parallelism, pace.delay), (2, Duration::from_secs(1)));
    }

    #[test]
    fn what_fails_on_the_way_back_is_not_rolled_back_again() {
        let deploy = Deploy {
            rollback: Some(UpdateConfig {
                failure_action: Some("rollback".to_owned()),
                ..UpdateConfig::default()
            }),
            ..Deploy::default()
        };
        assert_eq!(UpdatePace::of_rollback(&deploy).on_failure, OnFailure::Pause);
    }

    #[test]
    fn a_batch_of_none_is_all_of_them_and_a_ratio_is_of_all() {
        let pace = UpdatePace {
            parallelism: 0,
            max_failure_ratio: 0.25,
            ..UpdatePace::default()
        };
        assert_eq!((pace.batch(7), pace.batch(0)), (7, 1));
        assert!(!pace.is_too_much(1, 4) && pace.is_too_much(2, 4));
        assert!(UpdatePace::default().is_too_much(1, 4));
    }
}
