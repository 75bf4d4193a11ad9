//! One session with one cloud: the login, and the one place where calls are sent and faults are met.
//!
//! An expired token is renewed by the SDK under each call; everything else about faults is [`judge`]'s to say. Never knows
//! what a call is for.

use std::time::Duration;

use openstack_sdk::api::{AsyncClient, QueryAsync, raw};
use openstack_sdk::{AsyncOpenStack, AuthError, OpenStackError};
use openstack_sdk_auth_applicationcredential::ApplicationCredentialAuthenticator;
use openstack_sdk_auth_password::PasswordAuthenticator;
use openstack_sdk_auth_token::TokenAuthenticator;
use serde_json::Value;

use super::configuration::CloudAccess;
use super::error::CloudError;
use super::request::{Addressed, Outcome, Request, TRIES, Verdict, judge, message, retry_after};
use crate::engine::error::cause_chain;

// The SDK finds ways to log in by what is linked; what nothing refers to, the linker drops. The published crate refers to
// none of them.
#[used]
static APPLICATION_CREDENTIAL: &ApplicationCredentialAuthenticator = &openstack_sdk_auth_applicationcredential::ANCHOR;
#[used]
static PASSWORD: &PasswordAuthenticator = &openstack_sdk_auth_password::ANCHOR;
#[used]
static TOKEN: &TokenAuthenticator = &openstack_sdk_auth_token::ANCHOR;

/// How long one answer may take. Neutron on a busy cloud takes long over ports.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// A logged-in session. Clones share it.
#[derive(Clone)]
pub struct Session {
    client: AsyncOpenStack,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    /// Logs in.
    ///
    /// # Errors
    ///
    /// [`CloudError::Login`] where the cloud says no, [`CloudError::NoAnswer`] where it says nothing.
    pub async fn open(access: &CloudAccess) -> Result<Session, CloudError> {
        let mut tries = 0;
        loop {
            tries += 1;
            // No token on disk: a file that opens the cloud would outlive this run.
            let connecting = AsyncOpenStack::builder(&access.config)
                .disable_auth_cache(true)
                .http_timeout(ANSWER_TIMEOUT)
                .connect();
            let error = match connecting.await {
                Ok(client) => return Ok(Session { client }),
                Err(error) => error,
            };
            if is_refusal(&error) {
                return Err(CloudError::Login {
                    cloud: access.name.clone(),
                    reason: cause_chain(&error),
                });
            }
            if tries >= 4 {
                return Err(CloudError::NoAnswer {
                    action: format!("log in to `{}` at {}", access.name, access.auth_url),
                    reason: cause_chain(&error),
                });
            }
            tokio::time::sleep(Duration::from_millis(500 << tries)).await;
        }
    }

    /// The project that the login is for.
    pub fn project_id(&self) -> Option<String> {
        self.client.get_auth_info()?.token.project?.id
    }

    /// Sends a call until there is an answer; `Null` where the answer is empty.
    ///
    /// # Errors
    ///
    /// [`CloudError::Refused`]; [`CloudError::NoAnswer`] after [`TRIES`] tries, or at once where the call makes something:
    /// [`Session::create`] looks whether it did.
    pub async fn call(&self, request: &Request) -> Result<Value, CloudError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let outcome = self.send(request).await?;
            match judge(&request.method, &outcome, tries) {
                Verdict::Done => return body(request, &outcome),
                Verdict::Again(pause) if tries < TRIES => tokio::time::sleep(pause).await,
                Verdict::Unsure(pause) => {
                    tokio::time::sleep(pause).await;
                    return Err(no_answer(request, &outcome));
                }
                Verdict::Again(_) if !refuses(&outcome) => return Err(no_answer(request, &outcome)),
                Verdict::Again(_) | Verdict::Refused => return Err(refused(request, &outcome)),
            }
        }
    }

    /// Makes something, once: where it is not known whether a call arrived, or another run was quicker, `find` looks first.
    ///
    /// # Errors
    ///
    /// As [`Session::call`].
    pub async fn create<F>(&self, request: &Request, find: impl Fn() -> F) -> Result<Value, CloudError>
    where
        F: Future<Output = Result<Option<Value>, CloudError>>,
    {
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.call(request).await {
                Ok(made) => return Ok(made),
                Err(error) => error,
            };
            let lost = matches!(error, CloudError::NoAnswer { .. });
            if !lost && error.status() != Some(409) {
                return Err(error);
            }
            match find().await? {
                Some(found) => return Ok(found),
                None if lost && tries < TRIES => {}
                None => return Err(error),
            }
        }
    }

    /// Removes something; gone already is as good.
    ///
    /// # Errors
    ///
    /// As [`Session::call`].
    pub async fn remove(&self, request: &Request) -> Result<(), CloudError> {
        match self.call(request).await {
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        }
    }

    /// Every item of a list, page by page; `key` is where the answer has them.
    ///
    /// # Errors
    ///
    /// As [`Session::call`].
    pub async fn list(&self, request: &Request, key: &str) -> Result<Vec<Value>, CloudError> {
        let mut all = Vec::new();
        let mut page = request.clone();
        loop {
            let mut answer = self.call(&page).await?;
            let Some(Value::Array(items)) = answer.get_mut(key).map(Value::take) else {
                return Err(CloudError::Answer {
                    action: request.action.clone(),
                    reason: format!("it has no `{key}`"),
                });
            };
            let more = answer.get("next").is_some_and(Value::is_string)
                || answer
                    .get(format!("{key}_links"))
                    .and_then(Value::as_array)
                    .is_some_and(|links| links.iter().any(|link| link["rel"] == "next"));
            let marker = items.last().and_then(|item| item["id"].as_str()).map(str::to_owned);
            all.extend(items);
            match (more, marker) {
                (true, Some(marker)) => {
                    page = request.clone().query("marker", marker);
                }
                _ => return Ok(all),
            }
        }
    }

    async fn send(&self, request: &Request) -> Result<Outcome, CloudError> {
        let endpoint = self
            .client
            .get_service_endpoint(&request.service.kind(), None)
            .await
            .map_err(|error| CloudError::Configuration {
                message: format!("{}: {}", request.action, cause_chain(&error)),
                hint: "the cloud's catalog has no such service for this region and interface: check `region` and `interface`".into(),
            })?;
        let addressed = Addressed::new(request, request.service.prefix(endpoint.url().path()));
        let answer = raw(addressed).skip_error_check(true).query_async(&self.client).await;
        tracing::debug!(action = request.action, method = %request.method, path = request.path,
            status = answer.as_ref().ok().map(|answer| answer.status().as_u16()), "OpenStack call");
        Ok(match answer {
            Ok(answer) => Outcome::Answered {
                status: answer.status().as_u16(),
                retry_after: retry_after(answer.headers()),
                body: answer.into_body().to_vec(),
            },
            Err(error) => Outcome::Dropped {
                reason: cause_chain(&error),
            },
        })
    }
}

fn refuses(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Answered { status, .. } if *status < 500)
}

fn body(request: &Request, outcome: &Outcome) -> Result<Value, CloudError> {
    let Outcome::Answered { body, .. } = outcome else {
        return Ok(Value::Null);
    };
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body).map_err(|error| CloudError::Answer {
        action: request.action.clone(),
        reason: error.to_string(),
    })
}

fn refused(request: &Request, outcome: &Outcome) -> CloudError {
    match outcome {
        Outcome::Answered { status, body, .. } => CloudError::Refused {
            action: request.action.clone(),
            status: *status,
            message: message(body),
        },
        Outcome::Dropped { .. } => no_answer(request, outcome),
    }
}

fn no_answer(request: &Request, outcome: &Outcome) -> CloudError {
    CloudError::NoAnswer {
        action: request.action.clone(),
        reason: match outcome {
            Outcome::Answered { status, body, .. } => format!("{status}: {}", message(body)),
            Outcome::Dropped { reason } => reason.clone(),
        },
    }
}

/// Whether a failed login is the operator's to mend; everything else may pass by itself.
fn is_refusal(error: &OpenStackError) -> bool {
    match error {
        OpenStackError::AuthError { source } => match source {
            AuthError::Identity(said) => said.code < 500 && said.code != 429,
            AuthError::AuthReceipt(_) | AuthError::AuthValueNotSupplied(_) | AuthError::AuthToken { .. } => true,
            _ => false,
        },
        OpenStackError::NoAuth | OpenStackError::NonInteractiveMode { .. } | OpenStackError::IOWithPath { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
