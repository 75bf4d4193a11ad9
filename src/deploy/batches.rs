//! Replicas that change batch by batch, and what is made of those that fail: `deploy.update_config` for what Hoist itself replaces.
//!
//! Knows the pace, the watch over what is up, and how much may fail. What a change is, others say.

use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, join_all};

use super::containers;
use super::deployment::Deployment;
use super::error::StepError;
use super::event::Event;
use crate::plan::UpdatePace;
use crate::plan::update_pace::OnFailure;

/// Between two looks at containers that are watched.
const LOOK: Duration = Duration::from_millis(500);

/// A container that came up by a change.
pub(super) struct Up {
    pub host: String,
    pub id: String,
}

/// A change of one replica, not begun yet.
pub(super) type Change<'a> = BoxFuture<'a, Result<Up, StepError>>;

/// Carries out the changes of a service's replicas at its pace. What fails, and may, is said; what may not is the error, the
/// first that there was.
///
/// # Errors
///
/// That failure; [`StepError::Interrupted`].
pub(super) async fn carry_out(
    deployment: &Deployment,
    service: &str,
    pace: &UpdatePace,
    changes: Vec<Change<'_>>,
) -> Result<(), StepError> {
    let mut update = Update {
        deployment,
        service,
        pace,
        replicas: changes.len(),
        watched: Vec::new(),
        failures: Vec::new(),
    };
    let size = pace.batch(changes.len());
    let mut changes = changes.into_iter();
    while !update.is_over() {
        let batch: Vec<Change<'_>> = changes.by_ref().take(size).collect();
        if batch.is_empty() {
            break;
        }
        for outcome in join_all(batch).await {
            match outcome {
                Ok(_) if pace.monitor.is_zero() => {}
                Ok(up) => update.watched.push((up, Instant::now() + pace.monitor)),
                Err(StepError::Interrupted) => return Err(StepError::Interrupted),
                Err(error) => update.failures.push(error),
            }
        }
        let until = match changes.len() {
            0 => update.watched.iter().map(|(_, until)| *until).max(),
            _ => Some(Instant::now() + pace.delay),
        };
        if let Some(until) = until {
            update.watch(until).await?;
        }
    }
    update.outcome()
}

struct Update<'a> {
    deployment: &'a Deployment,
    service: &'a str,
    pace: &'a UpdatePace,
    replicas: usize,
    /// What is up, and until when it may fail.
    watched: Vec<(Up, Instant)>,
    failures: Vec<StepError>,
}

impl Update<'_> {
    fn is_too_much(&self) -> bool {
        !self.failures.is_empty() && self.pace.is_too_much(self.failures.len(), self.replicas)
    }

    /// Whether no further batch begins.
    fn is_over(&self) -> bool {
        self.is_too_much() && self.pace.on_failure != OnFailure::Continue
    }

    /// Waits, with an eye on what is up, unless that ends it.
    async fn watch(&mut self, until: Instant) -> Result<(), StepError> {
        loop {
            let mut still = Vec::new();
            for (up, watched_until) in std::mem::take(&mut self.watched) {
                let engine = self.deployment.engine(&up.host)?;
                match containers::failed_since(engine, self.service, &up.id).await? {
                    Some(failure) => self.failures.push(failure),
                    None if watched_until > Instant::now() => still.push((up, watched_until)),
                    None => {}
                }
            }
            self.watched = still;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.is_over() {
                return Ok(());
            }
            self.deployment.pause(left.min(LOOK)).await?;
        }
    }

    fn outcome(mut self) -> Result<(), StepError> {
        if self.is_too_much() {
            return Err(self.failures.remove(0));
        }
        for failure in &self.failures {
            self.deployment.events.emit(Event::Warning {
                message: format!("{failure}: as many may fail (`max_failure_ratio`)"),
                hint: failure.hint(),
            });
        }
        Ok(())
    }
}
