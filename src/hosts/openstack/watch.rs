//! Servers that are waited for: one list a second tells all that wait.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::error::CloudError;
use super::made::Maker;
use super::mark;
use super::observed::Server;
use super::servers::of_host;
use super::survey;

/// How often servers that are waited for are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The last list of servers, shared by all that wait.
#[derive(Debug, Default)]
pub struct Watch(Mutex<Option<(Instant, Arc<Vec<Server>>)>>);

impl Watch {
    /// The pool's servers as they were after `since`, or later.
    async fn after(&self, maker: &Maker, since: Instant) -> Result<Arc<Vec<Server>>, CloudError> {
        let mut last = self.0.lock().await;
        if let Some((when, servers)) = &*last
            && *when > since
        {
            return Ok(Arc::clone(servers));
        }
        let when = Instant::now();
        let servers = Arc::new(survey::servers(&maker.session, &maker.pool).await?);
        *last = Some((when, Arc::clone(&servers)));
        Ok(servers)
    }

    /// The host's server as it is now.
    ///
    /// # Errors
    ///
    /// What the cloud says.
    pub async fn server(&self, maker: &Maker, host: &str) -> Result<Option<Server>, CloudError> {
        Ok(of_host(&self.after(maker, Instant::now()).await?, host).cloned())
    }

    /// Looks once a second until `done` has an answer.
    ///
    /// # Errors
    ///
    /// [`CloudError::NeverActive`] with the state in which it stays.
    pub async fn until<T>(
        &self,
        maker: &Maker,
        host: &str,
        within: Duration,
        done: impl Fn(Option<&Server>) -> Option<Result<T, CloudError>>,
    ) -> Result<T, CloudError> {
        let began = Instant::now();
        loop {
            let servers = self.after(maker, Instant::now() - LOOK / 2).await?;
            let server = of_host(&servers, host);
            if let Some(outcome) = done(server) {
                return outcome;
            }
            if began.elapsed() > within {
                let status = server.map_or("GONE".to_owned(), |server| match &server.task_state {
                    Some(task) => format!("{} ({task})", server.status),
                    None => server.status.clone(),
                });
                return Err(CloudError::NeverActive {
                    server: mark::host_resource(&maker.pool, host),
                    status,
                    waited: began.elapsed(),
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
