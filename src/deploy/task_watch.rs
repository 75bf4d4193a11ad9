//! One look at the cluster's tasks for everybody who waits: however many services converge at once, the manager is asked
//! by one reader at a time, and only while somebody waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::engine::observation::ObservedTask;
use crate::engine::{Engine, EngineError, labels};

/// How old a look may be and still be shared.
const FRESH: Duration = Duration::from_millis(80);

/// Shared looks at the tasks of one project, or of other services with a label.
#[derive(Clone)]
pub(super) struct TaskWatch {
    manager: Option<Engine>,
    label: String,
    last: Arc<Mutex<Option<Look>>>,
}

/// When the tasks were asked for, and what came.
type Look = (Instant, Arc<Vec<ObservedTask>>);

impl TaskWatch {
    pub(super) fn new(manager: Option<Engine>, project: &str) -> Self {
        TaskWatch::of_label(manager, &format!("{}={project}", labels::STACK_NAMESPACE))
    }

    /// Shared looks at the tasks of services with a label.
    pub(super) fn of_label(manager: Option<Engine>, label: &str) -> Self {
        TaskWatch {
            manager,
            label: label.to_owned(),
            last: Arc::default(),
        }
    }

    /// The tasks, newest first, as seen at `since` or later.
    pub(super) async fn look(&self, since: Instant) -> Result<Arc<Vec<ObservedTask>>, EngineError> {
        let mut last = self.last.lock().await;
        if let Some((at, tasks)) = last.as_ref()
            && *at >= since
            && at.elapsed() < FRESH
        {
            return Ok(Arc::clone(tasks));
        }
        let Some(manager) = &self.manager else {
            return Ok(Arc::default());
        };
        let at = Instant::now();
        let tasks = Arc::new(manager.tasks(&[&self.label]).await?);
        *last = Some((at, Arc::clone(&tasks)));
        Ok(tasks)
    }
}
