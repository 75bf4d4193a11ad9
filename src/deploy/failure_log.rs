//! The last words of a replica that failed: its log's end and, where it has a healthcheck, its last probe's output.

use futures_util::StreamExt;

use super::deployment::Deployment;
use crate::engine::Engine;
use crate::engine::logs::LogOptions;
use crate::engine::observation::ObservedTask;

/// Lines shown of a failed replica.
const LINES: usize = 10;

/// The end of a runtime's words for a container that could not be started: what stands before names its own layers.
pub(super) fn start_failure(words: &str) -> &str {
    let words = words.trim_start_matches("starting container failed: ");
    let said = ["unable to start container process: ", "OCI runtime create failed: "]
        .iter()
        .find_map(|layer| words.split_once(layer))
        .map_or(words, |(_, said)| said);
    said.trim().trim_end_matches(": unknown")
}

/// The host that a task was on, by Hoist's name.
pub(super) async fn host_of(deployment: &Deployment, task: &ObservedTask) -> Option<String> {
    let nodes = deployment.manager().ok()?.nodes().await.ok()?;
    let node = nodes.into_iter().find(|node| Some(&node.id) == task.node_id.as_ref())?;
    Some(crate::plan::placement::host_name(&node).to_owned())
}

/// The last lines of a task's container. Failing to get them fails nothing: the failure itself is the news.
pub(super) async fn of_task(deployment: &Deployment, task: &ObservedTask) -> Vec<String> {
    let (Some(host), Some(container)) = (host_of(deployment, task).await, task.container_id.as_ref()) else {
        return Vec::new();
    };
    match deployment.engine(&host) {
        Ok(engine) => of_container(engine, container).await,
        Err(_) => Vec::new(),
    }
}

/// The last lines of a container, and its last failed probe.
pub(super) async fn of_container(engine: &Engine, container: &str) -> Vec<String> {
    let options = LogOptions {
        tail: Some(LINES as u64),
        ..LogOptions::default()
    };
    let mut lines: Vec<String> = Vec::new();
    let mut stream = engine.logs_of(container, &options);
    let reading = async {
        while let Some(Ok(line)) = stream.next().await {
            lines.push(line.text.trim_end().to_owned());
        }
    };
    // An engine that has just lost the container must not hold the message up.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(3), reading).await;
    if let Ok(found) = engine.inspect_container(container).await {
        let probes = found
            .state
            .and_then(|state| state.health)
            .and_then(|health| health.log)
            .unwrap_or_default();
        // One that was cut off with its container says nothing of the service.
        let says_more = probes
            .iter()
            .rev()
            .find(|probe| probe.exit_code.is_some_and(|code| code > 0));
        let last = probes.last().filter(|probe| probe.exit_code != Some(0));
        if let Some(probe) = last.and(says_more).or(last) {
            let code = probe.exit_code.unwrap_or(-1);
            match probe.output.as_deref().unwrap_or_default().trim() {
                "" => lines.push(format!("healthcheck: exit code {code}, without a word")),
                output => lines.push(format!("healthcheck: exit code {code}: {output}")),
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::start_failure;

    #[test]
    fn a_container_that_cannot_start_says_what_its_program_lacks() {
        let words = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container \
                     process: exec: \"nosuch\": executable file not found in $PATH: unknown";
        assert_eq!(
            start_failure(words),
            "exec: \"nosuch\": executable file not found in $PATH"
        );
        assert_eq!(start_failure("task: non-zero exit (1)"), "task: non-zero exit (1)");
    }
}
