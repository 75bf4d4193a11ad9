//! Watching a local host boot, from outside.
//!
//! Knows that sshd greets whoever connects. Never logs in, and never decides what a slow host means.

use std::io::Read;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::engine::containers::ExitCondition;
use crate::engine::observation::ObservedContainer;
use crate::engine::{Engine, EngineError, LogOptions};

/// After this, whoever logs in finds out more than waiting here does.
const LIMIT: Duration = Duration::from_secs(30);
const INTERVAL: Duration = Duration::from_millis(25);
const GREETING_TIMEOUT: Duration = Duration::from_secs(1);
/// How much of the log of a host that stopped is kept.
const KEPT_LINES: u64 = 20;

/// How a boot went.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// sshd answers.
    Up,
    /// It runs, and sshd does not answer yet; or it cannot be reached from here.
    Slow,
    /// The container ended.
    Stopped { output: Vec<String> },
}

pub async fn watch(engine: &Engine, container: &ObservedContainer, address: &str) -> Result<Outcome, EngineError> {
    tokio::select! {
        () = greeted(address) => Ok(Outcome::Up),
        () = tokio::time::sleep(LIMIT) => Ok(Outcome::Slow),
        ended = engine.wait_exit(&container.id, ExitCondition::NotRunning) => {
            ended?;
            // Else the engine would start it again and again.
            engine.kill_container(&container.id, "KILL").await.or_else(|error| match error {
                EngineError::Call { .. } => Ok(()),
                other => Err(other),
            })?;
            Ok(Outcome::Stopped { output: last_lines(engine, container).await })
        }
    }
}

async fn greeted(address: &str) {
    while tokio::time::timeout(GREETING_TIMEOUT, greets(address)).await != Ok(true) {
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn greets(address: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect((address, 22)).await else {
        return false;
    };
    let mut greeting = [0; 4];
    stream.read_exact(&mut greeting).await.is_ok() && &greeting == b"SSH-"
}

/// Best effort: the host stopped, and that is the message, with or without its words.
async fn last_lines(engine: &Engine, container: &ObservedContainer) -> Vec<String> {
    let options = LogOptions {
        tail: Some(KEPT_LINES),
        ..LogOptions::default()
    };
    let mut lines = Vec::new();
    let mut log = engine.container_logs(container, &options);
    while let Some(Ok(line)) = log.next().await {
        lines.push(line.text.trim_end().to_owned());
    }
    lines
}

/// A text file of a container, its path from the root. A missing one is empty.
pub async fn read_file(engine: &Engine, container: &str, path: &str) -> Result<String, EngineError> {
    let archive: Vec<bytes::Bytes> = match engine
        .download_archive(container, &format!("/{path}"))
        .try_collect()
        .await
    {
        Err(error) if error.is_not_found() => return Ok(String::new()),
        other => other?,
    };
    let archive = archive.concat();
    let mut text = String::new();
    let unreadable = |error: std::io::Error| EngineError::Call {
        engine: engine.name.clone(),
        action: format!("read `/{path}`"),
        status: None,
        message: error.to_string(),
    };
    let mut archive = tar::Archive::new(archive.as_slice());
    for entry in archive.entries().map_err(unreadable)? {
        entry
            .map_err(unreadable)?
            .read_to_string(&mut text)
            .map_err(unreadable)?;
    }
    Ok(text)
}
