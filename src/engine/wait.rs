//! Waiting for a condition: one function, whatever is waited for.
//!
//! A condition is a closure that looks once and says [`Progress`]. Never decides how long is long enough: the caller does.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// What one look at a condition says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress<T> {
    /// It holds.
    Ready(T),
    /// Not yet; the words say what is missing and end up in the message when the time runs out.
    Pending(String),
}

/// Why a wait ended without its condition.
#[derive(Debug)]
pub enum WaitError<E> {
    /// The time ran out; `last` is what the last look said.
    TimedOut { waited: Duration, last: String },
    /// Looking failed in a way that waiting does not mend.
    Failed(E),
}

impl<E> fmt::Display for WaitError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitError::TimedOut { waited, last } => write!(f, "still waiting after {} s: {last}", waited.as_secs()),
            WaitError::Failed(_) => f.write_str("looking at what was waited for failed"),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for WaitError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            WaitError::TimedOut { .. } => None,
            WaitError::Failed(error) => Some(error),
        }
    }
}

/// Looks at `condition` at once and then each `interval` until it is ready or `deadline` (counted from now) is over.
/// A look that is under way when the time runs out is abandoned.
///
/// # Errors
///
/// [`WaitError::Failed`] at the first error of the condition, [`WaitError::TimedOut`] at the deadline.
pub async fn wait_until<T, E, F, Look>(deadline: Duration, interval: Duration, condition: F) -> Result<T, WaitError<E>>
where
    F: FnMut() -> Look,
    Look: Future<Output = Result<Progress<T>, E>>,
{
    let started = Instant::now();
    let mut condition = condition;
    let mut last = String::from("it could not be looked at once");
    let looking = async {
        loop {
            match condition().await {
                Ok(Progress::Ready(value)) => return Ok(value),
                Ok(Progress::Pending(missing)) => last = missing,
                Err(error) => return Err(WaitError::Failed(error)),
            }
            tokio::time::sleep(interval).await;
        }
    };
    match tokio::time::timeout(deadline, looking).await {
        Ok(outcome) => outcome,
        Err(_) => Err(WaitError::TimedOut {
            waited: started.elapsed(),
            last,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_condition_is_looked_at_until_it_is_ready() {
        let mut looks = 0;
        let found = wait_until(Duration::from_secs(5), Duration::from_millis(1), || {
            looks += 1;
            let seen = looks;
            async move {
                Ok::<_, std::io::Error>(if seen == 3 {
                    Progress::Ready(seen)
                } else {
                    Progress::Pending(format!("{seen} of 3"))
                })
            }
        })
        .await;
        assert_eq!(found.unwrap(), 3);
    }

    #[tokio::test]
    async fn when_the_time_runs_out_the_error_says_what_was_missing() {
        let error = wait_until(Duration::from_millis(20), Duration::from_millis(5), || async {
            Ok::<Progress<()>, std::io::Error>(Progress::Pending("1 of 2 healthy".into()))
        })
        .await
        .unwrap_err();
        assert!(error.to_string().ends_with("1 of 2 healthy"), "{error}");
    }

    #[tokio::test]
    async fn a_look_that_hangs_does_not_outlive_the_deadline() {
        let waiting = wait_until(Duration::from_millis(20), Duration::from_millis(5), || async {
            std::future::pending::<()>().await;
            Ok::<Progress<()>, std::io::Error>(Progress::Ready(()))
        });
        let error = tokio::time::timeout(Duration::from_secs(2), waiting)
            .await
            .unwrap()
            .unwrap_err();
        assert!(matches!(error, WaitError::TimedOut { .. }));
    }
}
