//! The commands of `post_start` and `pre_stop`, run in the container that carries them as labels.
//!
//! Knows what a failing command means: a service whose start is not complete, and nothing that a stop waits for. Never
//! decides when a container starts or stops.

use std::collections::HashMap;

use super::deployment::Deployment;
use super::error::StepError;
use super::event::Event;
use crate::engine::{Engine, EngineError, labels, models};

/// Lines shown of a command that failed.
const LINES: usize = 10;

/// How a command ended that did not end well.
enum Failure {
    Engine(EngineError),
    /// Its exit code, or that it did not end.
    Ended {
        reason: String,
        output: Vec<String>,
    },
    Interrupted,
}

/// Runs the commands that a container is to have run once it has started, one after another. One that fails ends the
/// container, so that the next run starts it, and them, anew.
///
/// # Errors
///
/// The first failure, with the command's last lines.
pub(super) async fn post_start(
    deployment: &Deployment,
    engine: &Engine,
    service: &str,
    container: &models::ContainerInspectResponse,
) -> Result<(), StepError> {
    let id = container.id.as_deref().unwrap_or_default();
    for command in commands(container, labels::POST_START) {
        let failure = match run(deployment, engine, id, &command).await {
            Ok(()) => continue,
            Err(failure) => failure,
        };
        // What the command says is the news, not what comes of the stop.
        let _ = engine.stop_container(id, None).await;
        return Err(match failure {
            Failure::Interrupted => StepError::Interrupted,
            Failure::Engine(error) if error.is_conflict() => StepError::ServiceFailed {
                service: service.to_owned(),
                reason: "its container ended before `post_start` could run in it".to_owned(),
                log: super::failure_log::of_container(engine, id).await,
            },
            Failure::Engine(error) => StepError::Engine(error),
            Failure::Ended { reason, output } => StepError::ServiceFailed {
                service: service.to_owned(),
                reason: format!("`post_start` {reason}"),
                log: output,
            },
        });
    }
    Ok(())
}

/// Runs the commands that a container is to have run before it stops. One that fails is told, and the container stops all
/// the same: else a broken command would keep it for ever.
///
/// # Errors
///
/// The operator's interruption; an engine that does not answer.
pub(super) async fn pre_stop(deployment: &Deployment, engine: &Engine, id: &str) -> Result<(), StepError> {
    let container = match engine.inspect_container(id).await {
        Err(error) if error.is_not_found() => return Ok(()),
        other => other?,
    };
    if container.state.as_ref().and_then(|state| state.running) != Some(true) {
        return Ok(());
    }
    for command in commands(&container, labels::PRE_STOP) {
        match run(deployment, engine, id, &command).await {
            Ok(()) => {}
            Err(Failure::Interrupted) => return Err(StepError::Interrupted),
            // It has ended by itself meanwhile.
            Err(Failure::Engine(error)) if error.is_not_found() || error.is_conflict() => return Ok(()),
            Err(Failure::Engine(error)) => return Err(error.into()),
            Err(Failure::Ended { reason, output }) => {
                let name = container.name.as_deref().unwrap_or(id).trim_start_matches('/');
                deployment.events.emit(Event::Warning {
                    message: format!("container `{name}` stops all the same: `pre_stop` {reason}"),
                    hint: (!output.is_empty()).then(|| format!("it said: {}", output.join(" / "))),
                });
            }
        }
    }
    Ok(())
}

/// The commands in a label; what Hoist did not write there is none.
fn commands(container: &models::ContainerInspectResponse, label: &str) -> Vec<models::ExecConfig> {
    let none = HashMap::new();
    let config = container.config.as_ref();
    let labels = config.and_then(|config| config.labels.as_ref()).unwrap_or(&none);
    let text = labels.get(label).map(String::as_str).unwrap_or("[]");
    serde_json::from_str(text).unwrap_or_default()
}

async fn run(
    deployment: &Deployment,
    engine: &Engine,
    container: &str,
    command: &models::ExecConfig,
) -> Result<(), Failure> {
    let shown = command.cmd.clone().unwrap_or_default().join(" ");
    let mut output = Vec::new();
    let running = engine.exec(container, command.clone(), |written| {
        output.extend_from_slice(&written.bytes)
    });
    let ended = tokio::select! {
        () = deployment.interrupt.cancelled() => return Err(Failure::Interrupted),
        ended = tokio::time::timeout(deployment.timeout, running) => ended,
    };
    let reason = match ended {
        Ok(Ok(0)) => return Ok(()),
        Ok(Ok(code)) => format!("`{shown}` ended with exit code {code}"),
        Ok(Err(error)) => return Err(Failure::Engine(error)),
        Err(_) => format!("`{shown}` did not end within {} s", deployment.timeout.as_secs()),
    };
    Err(Failure::Ended {
        reason,
        output: last_lines(&output),
    })
}

fn last_lines(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
    lines[lines.len().saturating_sub(LINES)..].to_vec()
}
