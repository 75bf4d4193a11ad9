//! The commands that a container is to have run in it, as labels: whoever starts or stops it finds them on itself, with
//! or without the file at hand.

use crate::compose::model::{Hook, Service};
use crate::engine::{labels, models};
use crate::plan::shapes;

/// The labels of a service's hooks; none where it has none.
pub(super) fn labels(service: &Service) -> Vec<(String, String)> {
    [
        (labels::POST_START, &service.post_start),
        (labels::PRE_STOP, &service.pre_stop),
    ]
    .into_iter()
    .filter(|(_, hooks)| !hooks.is_empty())
    .map(|(label, hooks)| {
        let commands: Vec<models::ExecConfig> = hooks.iter().map(command).collect();
        // Strings and booleans always serialise.
        (label.to_owned(), serde_json::to_string(&commands).unwrap_or_default())
    })
    .collect()
}

fn command(hook: &Hook) -> models::ExecConfig {
    models::ExecConfig {
        cmd: Some(hook.command.clone()),
        env: shapes::environment(&hook.environment),
        user: hook.user.clone(),
        privileged: hook.privileged.then_some(true),
        working_dir: hook.working_dir.clone(),
        ..Default::default()
    }
}
