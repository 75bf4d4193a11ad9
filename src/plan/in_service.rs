//! Upgrades in place: how a service that was changed by `up --upgrade` stands, until that is confirmed or rolled back.
//!
//! Knows the states, and what leads out of each. Carrying that out is `deploy`'s.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::observation::ObservedService;
use crate::engine::{Observation, labels, models};

/// What the operator asks for with `up --upgrade`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InService {
    /// Replicas that change at once; `None`: as `deploy.update_config` says.
    pub batch: Option<NonZeroU64>,
    /// Between two batches; `None`: the same.
    pub interval: Option<Duration>,
    /// Replace the replicas even where nothing differs.
    pub force: bool,
}

impl InService {
    /// Lays the operator's pace over the file's.
    pub fn pace(&self, update: &mut models::ServiceSpecUpdateConfig) {
        if let Some(batch) = self.batch {
            update.parallelism = i64::try_from(batch.get()).ok();
        }
        if let Some(interval) = self.interval {
            update.delay = Some(super::shapes::nanoseconds(interval));
        }
    }
}

/// What is kept of a Swarm service when it is upgraded in place.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Before {
    /// What ran: its image by digest, its environment, its number of replicas, all of it.
    pub spec: models::ServiceSpec,
    /// How the file has the new one updated, whatever pace the operator asked for this time.
    pub update_config: Option<models::ServiceSpecUpdateConfig>,
}

impl Before {
    /// What is asked of the cluster to bring it back: the same, at the pace of its `rollback_config`.
    pub fn at_rollback_pace(&self) -> models::ServiceSpec {
        let default = models::ServiceSpecRollbackConfig::default();
        let pace = self.spec.rollback_config.as_ref().unwrap_or(&default);
        models::ServiceSpec {
            update_config: Some(models::ServiceSpecUpdateConfig {
                parallelism: pace.parallelism.or(Some(1)),
                delay: pace.delay,
                // Whatever it says, what fails is not to be rolled back itself.
                failure_action: pace.failure_action.map(|action| match action {
                    models::ServiceSpecRollbackConfigFailureActionEnum::CONTINUE => {
                        models::ServiceSpecUpdateConfigFailureActionEnum::CONTINUE
                    }
                    _ => models::ServiceSpecUpdateConfigFailureActionEnum::PAUSE,
                }),
                monitor: pace.monitor,
                max_failure_ratio: pace.max_failure_ratio,
                order: pace.order.and_then(|order| order.to_string().parse().ok()),
            }),
            ..self.spec.clone()
        }
    }
}

/// How a service that was upgraded in place, and not confirmed, stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Replicas are being replaced.
    Upgrading,
    /// New replicas failed, and the cluster goes no further by itself.
    Paused,
    /// The operator stopped it on the way.
    Cancelled,
    /// All replicas are new; what ran before can be had back.
    Upgraded,
    /// What ran before is being brought back.
    RollingBack,
    /// What ran before does not come up again.
    RollbackPaused,
}

impl State {
    /// As `ps` shows it.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Upgrading => "upgrading",
            State::Paused => "upgrade paused",
            State::Cancelled => "upgrade cancelled",
            State::Upgraded => "upgraded, not confirmed",
            State::RollingBack => "rolling back",
            State::RollbackPaused => "rollback paused",
        }
    }

    /// What leads out of it.
    pub fn ways_out(self, service: &str) -> String {
        let rollback = format!("`hoist rollback {service}` brings back what ran before");
        match self {
            State::Upgrading => format!("`hoist cancel {service}` stops it where it is; {rollback}"),
            State::Paused | State::Cancelled => format!("`hoist resume {service}` goes on; {rollback}"),
            State::Upgraded => format!("`hoist confirm {service}` makes it final; {rollback}"),
            State::RollingBack | State::RollbackPaused => format!("`hoist rollback {service}` goes on with it"),
        }
    }
}

/// How a Swarm service stands; `None` where nothing of it waits to be confirmed.
pub fn state(service: &ObservedService) -> Option<State> {
    let has = |label| service.labels.contains_key(label);
    if !has(labels::UPGRADED) {
        return None;
    }
    let update = service.update_state.as_deref().unwrap_or_default();
    Some(match (has(labels::ROLLING_BACK), update) {
        (true, "paused" | "rollback_paused") => State::RollbackPaused,
        (true, _) => State::RollingBack,
        (false, _) if has(labels::CANCELLED) => State::Cancelled,
        (false, "paused" | "rollback_paused") => State::Paused,
        (false, "updating") => State::Upgrading,
        (false, _) => State::Upgraded,
    })
}

/// How the services of a project stand, by name: those alone of which something waits to be confirmed. Services of the
/// container runtime are upgraded by Hoist itself, and so are never seen on the way.
pub fn states(observed: &Observation) -> BTreeMap<String, State> {
    let services = observed.services.iter().filter_map(|service| {
        let name = service.labels.get(labels::SERVICE)?;
        Some((name.clone(), state(service)?))
    });
    let aside = observed.set_aside.iter().filter_map(|container| {
        let name = container.labels.get(labels::SERVICE)?;
        Some((name.clone(), State::Upgraded))
    });
    aside.chain(services).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(labels: &[&str], update: Option<&str>) -> ObservedService {
        ObservedService {
            id: "s".to_owned(),
            name: "shop_web".to_owned(),
            labels: labels
                .iter()
                .map(|label| ((*label).to_owned(), "x".to_owned()))
                .collect(),
            version: 1,
            replicas: Some(1),
            update_state: update.map(str::to_owned),
            update_message: None,
            spec: models::ServiceSpec::default(),
        }
    }

    #[test]
    fn labels_and_the_clusters_word_say_how_an_upgrade_stands() {
        let upgraded = labels::UPGRADED;
        let of = |labels: &[&str], update| state(&service(labels, update));
        assert_eq!(of(&[], Some("updating")), None);
        assert_eq!(of(&[upgraded], Some("updating")), Some(State::Upgrading));
        assert_eq!(of(&[upgraded], Some("paused")), Some(State::Paused));
        assert_eq!(of(&[upgraded], Some("completed")), Some(State::Upgraded));
        assert_eq!(of(&[upgraded], None), Some(State::Upgraded));
        assert_eq!(
            of(&[upgraded, labels::CANCELLED], Some("updating")),
            Some(State::Cancelled)
        );
        assert_eq!(
            of(&[upgraded, labels::ROLLING_BACK], Some("updating")),
            Some(State::RollingBack)
        );
        assert_eq!(
            of(&[upgraded, labels::ROLLING_BACK], Some("paused")),
            Some(State::RollbackPaused)
        );
    }

    #[test]
    fn what_ran_before_comes_back_at_its_own_pace_and_never_rolls_back_itself() {
        use models::{
            ServiceSpecRollbackConfigFailureActionEnum as Action, ServiceSpecRollbackConfigOrderEnum as Order,
        };
        let rollback = models::ServiceSpecRollbackConfig {
            parallelism: Some(3),
            delay: Some(7),
            failure_action: Some(Action::PAUSE),
            order: Some(Order::START_FIRST),
            ..Default::default()
        };
        let spec = models::ServiceSpec {
            rollback_config: Some(rollback),
            ..Default::default()
        };
        let before = Before {
            spec,
            update_config: None,
        };
        let update = before.at_rollback_pace().update_config.unwrap();
        assert_eq!((update.parallelism, update.delay), (Some(3), Some(7)));
        let words = (
            update.failure_action.unwrap().to_string(),
            update.order.unwrap().to_string(),
        );
        assert_eq!(words, ("pause".to_owned(), "start-first".to_owned()));
    }
}
