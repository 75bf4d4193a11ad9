//! Requests that bollard cannot make (several values for one parameter, parameters it does not know, log frames), and
//! the one place where a failure becomes an [`EngineError`].
//!
//! Knows the Engine API's answers to failure. Never decides whether to try again.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

use super::connection::Engine;
use super::error::{EngineError, cause_chain};
use super::wire::Body;

/// The endpoint is dialled whatever the URI says; HTTP wants some host all the same.
pub(super) const ORIGIN: &str = "http://docker";

/// A path with its parameters, each value encoded.
pub(super) struct Target {
    text: String,
    separator: char,
}

impl Target {
    pub(super) fn new(path: impl Into<String>) -> Target {
        Target {
            text: path.into(),
            separator: '?',
        }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Target {
        self.text.push(self.separator);
        self.text.push_str(name);
        self.text.push('=');
        encode(value, &mut self.text);
        self.separator = '&';
        self
    }

    pub(super) fn with_all<'a>(self, name: &str, values: impl IntoIterator<Item = &'a str>) -> Target {
        values.into_iter().fold(self, |target, value| target.with(name, value))
    }

    pub(super) fn with_some(self, name: &str, value: Option<&str>) -> Target {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(super) fn with_flag(self, name: &str, value: bool) -> Target {
        if value { self.with(name, "1") } else { self }
    }
}

fn encode(value: &str, into: &mut String) {
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => into.push(char::from(byte)),
            other => into.push_str(&format!("%{other:02X}")),
        }
    }
}

/// `{"label": ["a=b"]}`: the filters of the list calls.
pub(super) fn filters(pairs: &[(&str, &[&str])]) -> std::collections::HashMap<String, Vec<String>> {
    pairs
        .iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(name, values)| {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            ((*name).to_owned(), values)
        })
        .collect()
}

impl Engine {
    pub(super) async fn get_json<T: DeserializeOwned>(&self, action: &str, target: Target) -> Result<T, EngineError> {
        let response = self
            .request(action, Method::GET, target, &[], empty_body(), None)
            .await?;
        self.read_json(action, response).await
    }

    pub(super) async fn post_json<T: DeserializeOwned>(
        &self,
        action: &str,
        target: Target,
        body: &serde_json::Value,
    ) -> Result<T, EngineError> {
        let headers = [("content-type", "application/json")];
        let body = Either::Left(Full::new(Bytes::from(body.to_string())));
        let response = self.request(action, Method::POST, target, &headers, body, None).await?;
        self.read_json(action, response).await
    }

    async fn read_json<T: DeserializeOwned>(
        &self,
        action: &str,
        response: Response<Incoming>,
    ) -> Result<T, EngineError> {
        let bytes = response
            .into_body()
            .collect()
            .await
            .map_err(|error| self.unreachable(error))?
            .to_bytes();
        serde_json::from_slice(&bytes)
            .map_err(|error| self.refused(action, None, &format!("the answer cannot be read: {error}")))
    }

    /// Sends a request and waits for the head of its answer; an error status becomes an error with the engine's words.
    pub(super) async fn request(
        &self,
        action: &str,
        method: Method,
        target: Target,
        headers: &[(&str, &str)],
        body: Body,
        timeout: Option<Duration>,
    ) -> Result<Response<Incoming>, EngineError> {
        let mut builder = Request::builder()
            .method(method)
            .uri(format!("{ORIGIN}{}", target.text));
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let request = builder
            .body(body)
            .map_err(|error| self.refused(action, None, &error.to_string()))?;
        let timeout = timeout.unwrap_or_else(|| self.docker.timeout());
        let response = match tokio::time::timeout(timeout, self.wire.send(request)).await {
            Ok(answer) => answer.map_err(|error| self.unreachable(error))?,
            Err(_) => return Err(self.silent(timeout)),
        };
        let status = response.status();
        if status.is_success() || status == http::StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        let bytes = response
            .into_body()
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        let message = serde_json::from_slice::<serde_json::Value>(&bytes)
            .ok()
            .and_then(|value| value.get("message")?.as_str().map(str::to_owned))
            .unwrap_or_else(|| String::from_utf8_lossy(&bytes).trim().to_owned());
        Err(self.refused(action, Some(status.as_u16()), &message))
    }

    /// For `map_err`: what bollard says, as an error that names this engine and what was tried.
    pub(super) fn failed(&self, action: impl Into<String>) -> impl FnOnce(bollard::errors::Error) -> EngineError {
        use bollard::errors::Error as Cause;
        let action = action.into();
        move |error| match error {
            Cause::HyperLegacyError { err } => self.unreachable(cause_of(err)),
            Cause::HyperResponseError { err } => self.unreachable(err),
            Cause::IOError { err } => self.unreachable(err),
            Cause::RequestTimeoutError => self.silent(self.docker.timeout()),
            Cause::DockerResponseServerError { status_code, message } => {
                self.refused(&action, Some(status_code), &message)
            }
            Cause::DockerStreamError { error } => self.refused(&action, None, &error),
            other => self.refused(&action, None, &cause_chain(&other)),
        }
    }

    pub(super) fn unreachable(&self, source: impl Into<Box<dyn Error + Send + Sync>>) -> EngineError {
        EngineError::Unreachable {
            engine: self.name.clone(),
            endpoint: self.endpoint.to_string(),
            source: source.into(),
        }
    }

    pub(super) fn silent(&self, timeout: Duration) -> EngineError {
        self.unreachable(format!("no answer within {} s", timeout.as_secs()))
    }

    pub(super) fn refused(&self, action: &str, status: Option<u16>, message: &str) -> EngineError {
        if lost_quorum(status, message) {
            return EngineError::NoQuorum {
                engine: self.name.clone(),
                action: action.to_owned(),
                message: message.to_owned(),
            };
        }
        EngineError::Call {
            engine: self.name.clone(),
            action: action.to_owned(),
            status,
            message: message.to_owned(),
        }
    }
}

/// A manager without a leader says so, or lets its own call run out (swarmkit: `raft.ErrLostLeader`, a gRPC deadline).
fn lost_quorum(status: Option<u16>, message: &str) -> bool {
    status.is_some_and(|status| status >= 500)
        && (message.contains("does not have a leader")
            || message.contains("too few managers are online")
            || message.contains("code = DeadlineExceeded")
            || message.contains("lost leader"))
}

/// An error with all its causes, in one line.
/// The HTTP client's own words ("client error (Connect)") say nothing that its cause does not say better.
fn cause_of(error: hyper_util::client::legacy::Error) -> Box<dyn Error + Send + Sync> {
    match error.source() {
        Some(cause) => cause_chain(cause).into(),
        None => error.into(),
    }
}

pub(super) fn empty_body() -> Body {
    Either::Left(Full::new(Bytes::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_encoded_and_may_repeat() {
        let target = Target::new("/build")
            .with("t", "a/b:1")
            .with_all("extrahosts", ["x:1", "y=2&"])
            .with_flag("nocache", false)
            .with_some("target", None);
        assert_eq!(target.text, "/build?t=a%2Fb%3A1&extrahosts=x%3A1&extrahosts=y%3D2%26");
    }

    #[test]
    fn a_manager_without_a_leader_is_told_from_other_failures() {
        assert!(lost_quorum(
            Some(503),
            "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online."
        ));
        assert!(!lost_quorum(Some(500), "network not found"));
        assert!(!lost_quorum(None, "does not have a leader"));
    }
}
