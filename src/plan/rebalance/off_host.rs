//! A Swarm service changed for the moment so that one of its replicas leaves a host, and changed back.
//!
//! The cluster has no word for moving one replica. What it has: replicas on a host that a new constraint excludes are replaced
//! elsewhere, by the rules of an update; those on hosts that it allows are left alone, and so are all when the constraint goes
//! again. With one replica at a time and a long pause after it, exactly one moves before the constraint is taken away. The label
//! says what to take away, whoever comes after an interruption.

use serde::{Deserialize, Serialize};

use crate::engine::{labels, models};

/// What the label keeps: the constraint that is there for the moment, and how updates go otherwise.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    constraint: String,
    update: Option<models::ServiceSpecUpdateConfig>,
}

/// Which host a replica is to leave: the node's id.
#[derive(Debug, Clone, Copy)]
pub struct Off<'a>(pub &'a str);

/// No update of the cluster's pauses longer; the constraint is gone long before.
const PAUSE: i64 = 24 * 3600 * 1_000_000_000;

/// The specification with which one replica leaves the node, the new one up before the old one stops.
pub fn off(spec: &models::ServiceSpec, node: Off<'_>) -> models::ServiceSpec {
    let mut spec = back_on(spec).unwrap_or_else(|| spec.clone());
    let kept = Kept {
        constraint: format!("node.id != {}", node.0),
        update: spec.update_config.clone(),
    };
    let template = spec.task_template.get_or_insert_default();
    let placement = template.placement.get_or_insert_default();
    placement
        .constraints
        .get_or_insert_default()
        .push(kept.constraint.clone());
    spec.update_config = Some(models::ServiceSpecUpdateConfig {
        parallelism: Some(1),
        delay: Some(PAUSE),
        failure_action: Some(models::ServiceSpecUpdateConfigFailureActionEnum::PAUSE),
        order: Some(models::ServiceSpecUpdateConfigOrderEnum::START_FIRST),
        ..spec.update_config.clone().unwrap_or_default()
    });
    let label = serde_json::json!(kept).to_string();
    spec.labels
        .get_or_insert_default()
        .insert(labels::OFF_HOST.to_owned(), label);
    spec
}

/// Whether a service is changed for such a moment.
pub fn is_off(spec: &models::ServiceSpec) -> bool {
    spec.labels
        .as_ref()
        .is_some_and(|own| own.contains_key(labels::OFF_HOST))
}

/// The specification as it was before; `None` where it is not changed.
pub fn back_on(spec: &models::ServiceSpec) -> Option<models::ServiceSpec> {
    let mut spec = spec.clone();
    let label = spec.labels.as_mut()?.remove(labels::OFF_HOST)?;
    let kept: Kept = serde_json::from_str(&label).ok()?;
    let placement = spec
        .task_template
        .as_mut()
        .and_then(|template| template.placement.as_mut());
    if let Some(constraints) = placement.and_then(|placement| placement.constraints.as_mut()) {
        constraints.retain(|constraint| *constraint != kept.constraint);
    }
    spec.update_config = kept.update;
    Some(spec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_as_before_once_its_replica_has_left() {
        let spec = models::ServiceSpec {
            labels: Some([("a".to_owned(), "b".to_owned())].into()),
            update_config: Some(models::ServiceSpecUpdateConfig {
                parallelism: Some(3),
                ..Default::default()
            }),
            task_template: Some(models::TaskSpec {
                placement: Some(models::TaskSpecPlacement {
                    constraints: Some(vec!["node.role == worker".to_owned()]),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            ..Default::default()
        };
        assert_eq!(back_on(&spec), None);
        let one = off(&spec, Off("n1"));
        let constraints = |spec: &models::ServiceSpec| {
            let template = spec.task_template.clone().unwrap_or_default();
            template.placement.unwrap_or_default().constraints.unwrap_or_default()
        };
        assert_eq!(constraints(&one), ["node.role == worker", "node.id != n1"]);
        assert!(is_off(&one));
        let other = off(&one, Off("n2"));
        assert_eq!(constraints(&other), ["node.role == worker", "node.id != n2"]);
        assert_eq!(back_on(&other), Some(spec));
    }
}
