//! Commands inside running containers, and the streams of a container's own process.
//!
//! Knows the exec and attach calls. Never touches a terminal: bytes go in and out.

use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::query_parameters::{AttachContainerOptions, ResizeContainerTTYOptions, ResizeExecOptions};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::io::AsyncWrite;

use super::connection::Engine;
use super::error::EngineError;
use super::models;

/// Bytes that a process wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub stderr: bool,
    pub bytes: Bytes,
}

/// The two ends of a process: of a command ([`Engine::exec_session`]) or of a container ([`Engine::attach`]).
pub struct Session {
    /// The command's id; for [`Engine::exec_exit_code`] and [`Engine::resize_exec`]. Empty for a container.
    pub id: String,
    pub output: BoxStream<'static, Result<Output, EngineError>>,
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
}

impl Engine {
    /// Runs a command to its end and returns its exit code. What it writes goes to `output` as it comes.
    pub async fn exec(
        &self,
        container: &str,
        command: models::ExecConfig,
        mut output: impl FnMut(Output),
    ) -> Result<i64, EngineError> {
        let command = models::ExecConfig {
            attach_stdin: Some(false),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..command
        };
        let mut session = self.exec_session(container, command).await?;
        while let Some(written) = session.output.next().await {
            output(written?);
        }
        self.exec_exit_code(&session.id).await
    }

    /// Starts a command whose streams the caller carries.
    pub async fn exec_session(&self, container: &str, command: models::ExecConfig) -> Result<Session, EngineError> {
        let action = format!("run a command in container `{container}`");
        let tty = command.tty.unwrap_or_default();
        let made = self
            .docker
            .create_exec(container, command)
            .await
            .map_err(self.failed(action.clone()))?;
        let options = StartExecOptions {
            detach: false,
            tty,
            output_capacity: None,
        };
        match self
            .docker
            .start_exec(&made.id, Some(options))
            .await
            .map_err(self.failed(action.clone()))?
        {
            StartExecResults::Attached { output, input } => Ok(Session {
                id: made.id,
                output: self.outputs(output, action),
                input,
            }),
            StartExecResults::Detached => Err(self.refused(&action, None, "the engine did not attach to it")),
        }
    }

    /// The exit code of a command that has ended.
    pub async fn exec_exit_code(&self, exec: &str) -> Result<i64, EngineError> {
        let action = "ask for a command's exit code";
        let state = self.docker.inspect_exec(exec).await.map_err(self.failed(action))?;
        state
            .exit_code
            .ok_or_else(|| self.refused(action, None, "the command has not ended"))
    }

    pub async fn resize_exec(&self, exec: &str, width: u16, height: u16) -> Result<(), EngineError> {
        let options = ResizeExecOptions {
            h: i32::from(height),
            w: i32::from(width),
        };
        self.docker
            .resize_exec(exec, options)
            .await
            .map_err(self.failed("resize a command's terminal"))
    }

    /// Attaches to a container's process, before or after it starts.
    pub async fn attach(&self, container: &str, stdin: bool) -> Result<Session, EngineError> {
        let action = format!("attach to container `{container}`");
        let options = AttachContainerOptions {
            stream: true,
            stdin,
            stdout: true,
            stderr: true,
            ..AttachContainerOptions::default()
        };
        let attached = self
            .docker
            .attach_container(container, Some(options))
            .await
            .map_err(self.failed(action.clone()))?;
        Ok(Session {
            id: String::new(),
            output: self.outputs(attached.output, action),
            input: attached.input,
        })
    }

    pub async fn resize_container(&self, container: &str, width: u16, height: u16) -> Result<(), EngineError> {
        let options = ResizeContainerTTYOptions {
            h: i32::from(height),
            w: i32::from(width),
        };
        self.docker
            .resize_container_tty(container, options)
            .await
            .map_err(self.failed(format!("resize the terminal of container `{container}`")))
    }

    fn outputs(
        &self,
        output: impl futures_util::Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send + 'static,
        action: String,
    ) -> BoxStream<'static, Result<Output, EngineError>> {
        let engine = self.clone();
        output
            .map(move |written| {
                let written = written.map_err(engine.failed(action.clone()))?;
                Ok(Output {
                    stderr: matches!(written, LogOutput::StdErr { .. }),
                    bytes: written.into_bytes(),
                })
            })
            .boxed()
    }
}
