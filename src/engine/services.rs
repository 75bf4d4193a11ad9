//! Swarm services and their tasks, asked of a manager.
//!
//! Knows the service and task calls. Never decides what a service should be.

use bollard::query_parameters::UpdateServiceOptions;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::connection::Engine;
use super::credentials::Credentials;
use super::error::EngineError;
use super::models;
use super::observation::{ObservedService, ObservedTask, PublishedPort, TaskState};
use super::request::{Target, filters};

impl Engine {
    /// Services that have all these labels, each `key` or `key=value`.
    pub async fn services(&self, labels: &[&str]) -> Result<Vec<ObservedService>, EngineError> {
        let listed: Vec<models::Service> = self
            .read("list services", listing("/services", &[("label", labels)]))
            .await?;
        Ok(listed.into_iter().map(observed_service).collect())
    }

    /// The service with that id or name, if there is one.
    pub async fn service(&self, service: &str) -> Result<Option<ObservedService>, EngineError> {
        let action = format!("inspect service `{service}`");
        match self.read(&action, Target::new(format!("/services/{service}"))).await {
            Ok(found) => Ok(Some(observed_service(found))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a service and returns its id. With credentials, the hosts pull its image with them.
    pub async fn create_service(
        &self,
        spec: models::ServiceSpec,
        credentials: &Credentials,
    ) -> Result<String, EngineError> {
        let action = format!("create service `{}`", spec.name.as_deref().unwrap_or_default());
        let shown = credentials.for_image(image_of(&spec));
        let made = self
            .docker
            .create_service(spec, shown)
            .await
            .map_err(self.failed(action.clone()))?;
        made.id
            .ok_or_else(|| self.refused(&action, None, "the engine named no id"))
    }

    /// Changes a service that is at `version`; the engine's warnings come back.
    ///
    /// # Errors
    ///
    /// [`EngineError::is_out_of_sequence`] where somebody changed it since.
    pub async fn update_service(
        &self,
        service: &str,
        version: u64,
        spec: models::ServiceSpec,
        credentials: &Credentials,
    ) -> Result<Vec<String>, EngineError> {
        self.change_service(service, version, spec, None, credentials).await
    }

    /// Puts back the spec before the last update, at the pace of `RollbackConfig`.
    pub async fn roll_back_service(&self, service: &ObservedService) -> Result<Vec<String>, EngineError> {
        self.change_service(
            &service.id,
            service.version,
            service.spec.clone(),
            Some("previous".into()),
            &Credentials::default(),
        )
        .await
    }

    async fn change_service(
        &self,
        service: &str,
        version: u64,
        spec: models::ServiceSpec,
        rollback: Option<String>,
        credentials: &Credentials,
    ) -> Result<Vec<String>, EngineError> {
        let action = format!("update service `{}`", spec.name.as_deref().unwrap_or(service));
        let options = UpdateServiceOptions {
            version: i32::try_from(version)
                .map_err(|_| self.refused(&action, None, "the service's version is beyond what can be named"))?,
            // `spec` keeps the credentials that the service was made with.
            registry_auth_from: "spec".into(),
            rollback,
        };
        let shown = credentials.for_image(image_of(&spec));
        let answer = self
            .docker
            .update_service(service, spec, options, shown)
            .await
            .map_err(self.failed(action))?;
        Ok(answer.warnings.unwrap_or_default())
    }

    pub async fn remove_service(&self, service: &str) -> Result<(), EngineError> {
        self.docker
            .delete_service(service)
            .await
            .map_err(self.failed(format!("remove service `{service}`")))
    }

    /// Tasks of these services (ids or names), newest first, those that ended included.
    pub async fn tasks_of(&self, services: &[&str]) -> Result<Vec<ObservedTask>, EngineError> {
        if services.is_empty() {
            return Ok(Vec::new());
        }
        self.list_tasks(&[("service", services)]).await
    }

    /// Tasks of services that have all these labels, newest first, those that ended included.
    pub async fn tasks(&self, labels: &[&str]) -> Result<Vec<ObservedTask>, EngineError> {
        self.list_tasks(&[("label", labels)]).await
    }

    /// Tasks on a node that have not ended, of whatever service, those that are being stopped included: what must be gone
    /// before the node can.
    pub async fn tasks_on(&self, node: &str) -> Result<Vec<ObservedTask>, EngineError> {
        let mut tasks = self.list_tasks(&[("node", &[node])]).await?;
        tasks.retain(|task| task.state <= TaskState::Running);
        Ok(tasks)
    }

    async fn list_tasks(&self, pairs: &[(&str, &[&str])]) -> Result<Vec<ObservedTask>, EngineError> {
        let mut listed: Vec<models::Task> = self.read("list tasks", listing("/tasks", pairs)).await?;
        listed
            .sort_by(|one, other| seconds(other.created_at.as_deref()).total_cmp(&seconds(one.created_at.as_deref())));
        Ok(listed.into_iter().map(observed_task).collect())
    }

    async fn read<T: DeserializeOwned>(&self, action: &str, target: Target) -> Result<T, EngineError> {
        let mut answer: Value = self.get_json(action, target).await?;
        name_healthchecks(&mut answer);
        serde_json::from_value(answer)
            .map_err(|error| self.refused(action, None, &format!("the answer cannot be read: {error}")))
    }
}

fn listing(path: &str, pairs: &[(&str, &[&str])]) -> Target {
    Target::new(path).with("filters", &serde_json::json!(filters(pairs)).to_string())
}

/// Engines write `Healthcheck`; the API's description, and with it the model, says `HealthCheck`. Unrenamed, a service
/// that is read and sent back loses its healthcheck.
fn name_healthchecks(answer: &mut Value) {
    match answer {
        Value::Object(fields) => {
            if let Some(mut specification) = fields.remove("ContainerSpec") {
                if let Some(container) = specification.as_object_mut()
                    && let Some(check) = container.remove("Healthcheck")
                {
                    container.insert("HealthCheck".to_owned(), check);
                }
                fields.insert("ContainerSpec".to_owned(), specification);
            }
            let inner = ["Spec", "PreviousSpec", "TaskTemplate"];
            for (_, value) in fields.iter_mut().filter(|(key, _)| inner.contains(&key.as_str())) {
                name_healthchecks(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(name_healthchecks),
        _ => {}
    }
}

fn image_of(spec: &models::ServiceSpec) -> &str {
    spec.task_template
        .as_ref()
        .and_then(|task| task.container_spec.as_ref())
        .and_then(|container| container.image.as_deref())
        .unwrap_or_default()
}

fn observed_service(service: models::Service) -> ObservedService {
    let spec = service.spec.unwrap_or_default();
    let update = service.update_status.unwrap_or_default();
    let mode = spec.mode.as_ref();
    let replicas = mode.and_then(|mode| match (&mode.replicated, &mode.replicated_job) {
        (Some(replicated), _) => replicated.replicas,
        (None, Some(job)) => job.total_completions.or(job.max_concurrent),
        (None, None) => None,
    });
    ObservedService {
        id: service.id.unwrap_or_default(),
        name: spec.name.clone().unwrap_or_default(),
        labels: spec.labels.clone().unwrap_or_default().into_iter().collect(),
        version: service.version.and_then(|version| version.index).unwrap_or_default(),
        replicas: replicas.and_then(|replicas| u64::try_from(replicas).ok()),
        update_state: update
            .state
            .map(|state| state.to_string())
            .filter(|state| !state.is_empty()),
        update_message: update.message.filter(|message| !message.is_empty()),
        spec,
    }
}

fn observed_task(task: models::Task) -> ObservedTask {
    let status = task.status.unwrap_or_default();
    let state = task_state(status.state);
    let container = status.container_status.unwrap_or_default();
    let whole = task.spec.map(Box::new);
    let spec = whole
        .as_ref()
        .and_then(|spec| spec.container_spec.clone())
        .unwrap_or_default();
    let mut labels: std::collections::BTreeMap<_, _> = spec.labels.unwrap_or_default().into_iter().collect();
    labels.extend(task.labels.unwrap_or_default());
    let error = status.err.filter(|error| !error.is_empty());
    ObservedTask {
        id: task.id.unwrap_or_default(),
        service_id: task.service_id.unwrap_or_default(),
        node_id: task.node_id.filter(|node| !node.is_empty()),
        slot: task
            .slot
            .and_then(|slot| u64::try_from(slot).ok())
            .filter(|slot| *slot > 0),
        state,
        desired_state: task_state(task.desired_state),
        message: error
            .clone()
            .or_else(|| status.message.filter(|message| says_more(message, state))),
        error,
        container_id: container.container_id.filter(|id| !id.is_empty()),
        // The engine writes 0 as long as a task runs.
        exit_code: container.exit_code.filter(|_| state > TaskState::Running),
        spec: whole,
        since: seconds(status.timestamp.as_deref()),
        image: spec.image.unwrap_or_default(),
        health_checked: spec
            .health_check
            .and_then(|check| check.test)
            .is_some_and(|test| test.first().is_some_and(|word| word != "NONE")),
        labels,
        ports: status
            .port_status
            .and_then(|ports| ports.ports)
            .unwrap_or_default()
            .into_iter()
            .filter_map(host_port)
            .collect(),
    }
}

impl ObservedTask {
    /// Whether it was made from the service's definition as it is now; else the cluster has not replaced it yet. By what the
    /// two say and not by versions or times: a change of labels alone replaces no task.
    pub fn is_of(&self, service: &ObservedService) -> bool {
        let (Some(own), Some(now)) = (self.spec.as_deref(), service.spec.task_template.as_ref()) else {
            return true;
        };
        let plain = |spec: &models::TaskSpec| models::TaskSpec {
            // Said of services and not of tasks.
            runtime: None,
            // The cluster moves nobody whose host the new rules allow.
            placement: None,
            ..spec.clone()
        };
        let (own, now) = (plain(own), plain(now));
        own == now || same(&serde_json::json!(own), &serde_json::json!(now))
    }

    /// Whether it runs, or is to, and the cluster has still to replace it.
    pub fn is_left_over(&self, service: &ObservedService) -> bool {
        self.state <= TaskState::Running && self.desired_state <= TaskState::Running && !self.is_of(service)
    }
}

/// Whether two values say the same, where what is empty says nothing.
fn same(one: &serde_json::Value, other: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let keys = one.keys().chain(other.keys());
            let of = |map: &serde_json::Map<String, Value>, key: &str| map.get(key).cloned().unwrap_or(Value::Null);
            keys.into_iter().all(|key| same(&of(one, key), &of(other, key)))
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        _ => one == other || (is_empty(one) && is_empty(other)),
    }
}

/// What an engine may leave out when it echoes a specification.
pub fn is_empty(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Object(map) => map.values().all(is_empty),
        serde_json::Value::Array(items) => items.is_empty(),
        serde_json::Value::Number(number) => number.as_f64() == Some(0.0),
        serde_json::Value::String(text) => text.is_empty(),
        serde_json::Value::Bool(flag) => !flag,
        serde_json::Value::Null => true,
    }
}

/// Swarm has a fixed message for each state on the good path; those repeat the state.
fn says_more(message: &str, state: TaskState) -> bool {
    let usual = [
        "started",
        "finished",
        "shutdown",
        "accepted",
        "preparing",
        "ready to start",
        "starting",
        "prepared",
    ];
    !(message.is_empty() || usual.contains(&message) || message == format!("{state:?}").to_lowercase())
}

fn host_port(port: models::EndpointPortConfig) -> Option<PublishedPort> {
    let host = port.publish_mode == Some(models::EndpointPortConfigPublishModeEnum::HOST);
    Some(PublishedPort {
        target: u16::try_from(port.target_port?).ok()?,
        published: u16::try_from(port.published_port.filter(|_| host)?).ok()?,
        protocol: port
            .protocol
            .map_or_else(|| "tcp".to_owned(), |protocol| protocol.to_string()),
        host_ip: None,
    })
}

fn task_state(state: Option<models::TaskState>) -> TaskState {
    use models::TaskState as Word;
    match state {
        None | Some(Word::NEW) => TaskState::New,
        Some(Word::ALLOCATED) => TaskState::Allocated,
        Some(Word::PENDING) => TaskState::Pending,
        Some(Word::ASSIGNED) => TaskState::Assigned,
        Some(Word::ACCEPTED) => TaskState::Accepted,
        Some(Word::PREPARING) => TaskState::Preparing,
        Some(Word::READY) => TaskState::Ready,
        Some(Word::STARTING) => TaskState::Starting,
        Some(Word::RUNNING) => TaskState::Running,
        Some(Word::COMPLETE) => TaskState::Complete,
        Some(Word::SHUTDOWN) => TaskState::Shutdown,
        Some(Word::FAILED) => TaskState::Failed,
        Some(Word::REJECTED) => TaskState::Rejected,
        Some(Word::REMOVE) => TaskState::Remove,
        Some(Word::ORPHANED) => TaskState::Orphaned,
    }
}

/// Seconds since the epoch; 0 for what is no time.
fn seconds(timestamp: Option<&str>) -> f64 {
    timestamp
        .and_then(|text| text.parse::<Timestamp>().ok())
        .map_or(0.0, |timestamp| timestamp.as_nanosecond() as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_healthcheck_of_what_runs_is_read() {
        let mut answer = serde_json::json!([
            {"ID": "a", "Spec": {"TaskTemplate": {"ContainerSpec": {"Image": "x", "Healthcheck": {"Test": ["CMD", "true"]}}}}},
            {"ID": "b", "Spec": {"ContainerSpec": {"Image": "x", "Healthcheck": {"Test": ["CMD", "true"]}}}},
        ]);
        name_healthchecks(&mut answer);
        let service: models::Service = serde_json::from_value(answer[0].clone()).unwrap();
        let task: models::Task = serde_json::from_value(answer[1].clone()).unwrap();
        let container = service.spec.unwrap().task_template.unwrap().container_spec.unwrap();
        assert!(container.health_check.is_some());
        assert!(observed_task(task).health_checked);
    }
}
