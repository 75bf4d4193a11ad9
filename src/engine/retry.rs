//! Trying again: one policy for everything that may fail for a moment.
//!
//! Knows when to try again and when to stop. Never knows what is tried; the caller says which failures pass.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

/// Delays that double from `first` up to `longest`, each shortened at random by up to half, so that many clients do not
/// come back at once. It ends after `attempts` tries or when the next one would begin after `limit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    pub first: Duration,
    pub longest: Duration,
    pub attempts: u32,
    pub limit: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy {
            first: Duration::from_millis(200),
            longest: Duration::from_secs(5),
            attempts: 8,
            limit: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// The delay after the attempt with this number (from 1).
    pub fn delay(&self, attempt: u32) -> Duration {
        let doubled = self.first.saturating_mul(1 << (attempt.saturating_sub(1)).min(16));
        doubled.min(self.longest).mul_f64(1.0 - random_fraction() / 2.0)
    }
}

/// Tries `operation` until it succeeds, fails for good, or the policy ends; then its last error is the answer.
///
/// # Errors
///
/// The error of the last try.
pub async fn retry<T, E, F, Try>(policy: RetryPolicy, passes: impl Fn(&E) -> bool, mut operation: F) -> Result<T, E>
where
    F: FnMut() -> Try,
    Try: Future<Output = Result<T, E>>,
{
    let started = Instant::now();
    let mut attempt = 1;
    loop {
        let error = match operation().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let delay = policy.delay(attempt);
        if attempt >= policy.attempts || !passes(&error) || started.elapsed() + delay > policy.limit {
            return Err(error);
        }
        tokio::time::sleep(delay).await;
        attempt += 1;
    }
}

/// From 0 up to 1. The standard library seeds each `RandomState` anew, which is random enough for a delay.
fn random_fraction() -> f64 {
    let bits = RandomState::new().hash_one(0u8) >> 11;
    bits as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: RetryPolicy = RetryPolicy {
        first: Duration::from_millis(1),
        longest: Duration::from_millis(4),
        attempts: 5,
        limit: Duration::from_secs(5),
    };

    async fn count_tries(passes: bool, succeed_at: u32) -> (Result<u32, String>, u32) {
        let mut tries = 0;
        let outcome = retry(
            QUICK,
            |_: &String| passes,
            || {
                tries += 1;
                let number = tries;
                async move {
                    if number >= succeed_at {
                        Ok(number)
                    } else {
                        Err(format!("try {number}"))
                    }
                }
            },
        )
        .await;
        (outcome, tries)
    }

    #[tokio::test]
    async fn a_passing_failure_is_tried_again() {
        assert_eq!(count_tries(true, 3).await, (Ok(3), 3));
    }

    #[tokio::test]
    async fn a_lasting_failure_is_not() {
        assert_eq!(count_tries(false, 3).await, (Err("try 1".into()), 1));
    }

    #[tokio::test]
    async fn the_number_of_tries_is_limited_and_the_last_error_stays() {
        assert_eq!(count_tries(true, 99).await, (Err("try 5".into()), 5));
    }

    #[test]
    fn delays_grow_to_the_longest_and_differ() {
        let policy = RetryPolicy::default();
        for attempt in 1..30 {
            assert!(policy.delay(attempt) <= policy.longest);
        }
        assert!(policy.delay(1) >= policy.first / 2);
        let delays: std::collections::BTreeSet<_> = (0..16).map(|_| policy.delay(5)).collect();
        assert!(delays.len() > 1);
    }
}
