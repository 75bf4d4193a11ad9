//! Containers of one engine: making, changing, ending and listing them.
//!
//! Knows the container calls of the Engine API. Never decides which containers there should be.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::query_parameters::{
    CreateContainerOptions, KillContainerOptions, ListContainersOptions, RemoveContainerOptions,
    RenameContainerOptions, StartContainerOptions, StopContainerOptions, UploadToContainerOptions,
    WaitContainerOptions,
};
use futures_util::StreamExt;

use super::connection::Engine;
use super::error::EngineError;
use super::models;
use super::observation::{Health, ObservedContainer, PublishedPort};
use super::request::{Target, filters};

/// What the engine answers on top of the time that a container may take to stop.
const STOP_MARGIN: Duration = Duration::from_secs(30);
/// A container's own grace is not known to the caller; this covers any that is said.
const LONGEST_GRACE: Duration = Duration::from_secs(3600);

/// A container just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    pub id: String,
    pub warnings: Vec<String>,
}

/// What [`Engine::wait_exit`] waits for (Engine API: *ContainerWait*, `condition`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCondition {
    /// It does not run; true at once for one that was never started.
    NotRunning,
    /// The next time that it ends: to be asked for before it is started.
    NextExit,
    Removed,
}

/// One file to put into a container.
#[derive(Clone, PartialEq, Eq)]
pub struct UploadedFile {
    /// Relative to the folder of the upload; missing folders are made.
    pub path: String,
    pub content: Vec<u8>,
    pub mode: u32,
    pub user: u64,
    pub group: u64,
}

impl Engine {
    /// `platform` such as `linux/arm64`; `None`: the engine's own.
    pub async fn create_container(
        &self,
        name: &str,
        platform: Option<&str>,
        body: models::ContainerCreateBody,
    ) -> Result<Created, EngineError> {
        let action = format!("create container `{name}`");
        let made = match hardware_address(&body) {
            Some(address) => {
                let body = with_hardware_address(&body, address);
                let target = Target::new("/containers/create")
                    .with("name", name)
                    .with_some("platform", platform);
                let mut made: models::ContainerCreateResponse = self.post_json(&action, target, &body).await?;
                // Of the field itself, by engines that do not need it.
                made.warnings.retain(|warning| !warning.contains("MacAddress"));
                made
            }
            None => {
                let options = CreateContainerOptions {
                    name: Some(name.to_owned()),
                    platform: platform.unwrap_or_default().to_owned(),
                };
                let made = self.docker.create_container(Some(options), body).await;
                made.map_err(self.failed(action))?
            }
        };
        Ok(Created {
            id: made.id,
            warnings: made.warnings,
        })
    }

    pub async fn start_container(&self, container: &str) -> Result<(), EngineError> {
        self.docker
            .start_container(container, None::<StartContainerOptions>)
            .await
            .map_err(self.failed(format!("start container `{container}`")))
    }

    /// Sends the stop signal and, after `grace`, `KILL`. `None`: what the container itself says.
    pub async fn stop_container(&self, container: &str, grace: Option<Duration>) -> Result<(), EngineError> {
        let options = StopContainerOptions {
            t: grace.map(|grace| i32::try_from(grace.as_secs_f64().ceil() as u64).unwrap_or(i32::MAX)),
            ..StopContainerOptions::default()
        };
        let patience = grace.unwrap_or(LONGEST_GRACE) + STOP_MARGIN;
        self.with_timeout(patience)
            .docker
            .stop_container(container, Some(options))
            .await
            .map_err(self.failed(format!("stop container `{container}`")))
    }

    /// `signal` such as `HUP` or `SIGHUP`.
    pub async fn kill_container(&self, container: &str, signal: &str) -> Result<(), EngineError> {
        let options = KillContainerOptions {
            signal: signal.to_owned(),
        };
        self.docker
            .kill_container(container, Some(options))
            .await
            .map_err(self.failed(format!("send {signal} to container `{container}`")))
    }

    /// `force`: even if it runs; `volumes`: its anonymous volumes too.
    pub async fn remove_container(&self, container: &str, force: bool, volumes: bool) -> Result<(), EngineError> {
        let options = RemoveContainerOptions {
            v: volumes,
            force,
            link: false,
        };
        self.docker
            .remove_container(container, Some(options))
            .await
            .map_err(self.failed(format!("remove container `{container}`")))
    }

    pub async fn rename_container(&self, container: &str, name: &str) -> Result<(), EngineError> {
        let options = RenameContainerOptions { name: name.to_owned() };
        self.docker
            .rename_container(container, options)
            .await
            .map_err(self.failed(format!("rename container `{container}` to `{name}`")))
    }

    /// When the engine starts it again by itself.
    pub async fn set_restart_policy(
        &self,
        container: &str,
        policy: models::RestartPolicyNameEnum,
    ) -> Result<(), EngineError> {
        let update = models::ContainerUpdateBody {
            restart_policy: Some(models::RestartPolicy {
                name: Some(policy),
                maximum_retry_count: None,
            }),
            ..Default::default()
        };
        self.docker
            .update_container(container, update)
            .await
            .map_err(self.failed(format!("change when container `{container}` is started again")))
    }

    pub async fn pause_container(&self, container: &str) -> Result<(), EngineError> {
        self.docker
            .pause_container(container)
            .await
            .map_err(self.failed(format!("pause container `{container}`")))
    }

    pub async fn unpause_container(&self, container: &str) -> Result<(), EngineError> {
        self.docker
            .unpause_container(container)
            .await
            .map_err(self.failed(format!("unpause container `{container}`")))
    }

    pub async fn inspect_container(&self, container: &str) -> Result<models::ContainerInspectResponse, EngineError> {
        self.docker
            .inspect_container(container, None)
            .await
            .map_err(self.failed(format!("inspect container `{container}`")))
    }

    /// Waits, for as long as it takes, and returns the exit code.
    pub async fn wait_exit(&self, container: &str, condition: ExitCondition) -> Result<i64, EngineError> {
        let action = format!("wait for container `{container}`");
        let options = WaitContainerOptions {
            condition: match condition {
                ExitCondition::NotRunning => "not-running",
                ExitCondition::NextExit => "next-exit",
                ExitCondition::Removed => "removed",
            }
            .to_owned(),
        };
        match self.docker.wait_container(container, Some(options)).next().await {
            Some(Ok(answer)) => Ok(answer.status_code),
            // bollard makes an error of each code but 0.
            Some(Err(bollard::errors::Error::DockerContainerWaitError { error, code })) if error.is_empty() => Ok(code),
            Some(Err(bollard::errors::Error::DockerContainerWaitError { error, .. })) => {
                Err(self.refused(&action, None, &error))
            }
            Some(Err(error)) => Err(self.failed(action)(error)),
            None => Err(self.refused(&action, None, "the engine ended the answer without an exit code")),
        }
    }

    /// Containers in whatever state that have all these labels, each `key` or `key=value`. Tasks of Swarm services
    /// are among them.
    pub async fn containers(&self, labels: &[&str]) -> Result<Vec<ObservedContainer>, EngineError> {
        let options = ListContainersOptions {
            all: true,
            filters: Some(filters(&[("label", labels)])),
            ..ListContainersOptions::default()
        };
        let listed = self
            .docker
            .list_containers(Some(options))
            .await
            .map_err(self.failed("list containers"))?;
        Ok(listed
            .into_iter()
            .map(|summary| observed_container(&self.name, summary))
            .collect())
    }

    /// Puts files into a container, running or not, under `folder` (absolute, there already).
    pub async fn upload(&self, container: &str, folder: &str, files: &[UploadedFile]) -> Result<(), EngineError> {
        let action = format!("put files into container `{container}`");
        let archive = pack(files).map_err(|error| self.refused(&action, None, &error.to_string()))?;
        let options = UploadToContainerOptions {
            path: folder.to_owned(),
            ..UploadToContainerOptions::default()
        };
        self.docker
            .upload_to_container(container, Some(options), bollard::body_full(archive.into()))
            .await
            .map_err(self.failed(action))
    }

    /// Unpacks a tar archive under `folder` of a container.
    pub async fn upload_archive(
        &self,
        container: &str,
        folder: &str,
        archive: impl futures_util::Stream<Item = std::io::Result<bytes::Bytes>> + Send + 'static,
    ) -> Result<(), EngineError> {
        let options = UploadToContainerOptions {
            path: folder.to_owned(),
            ..UploadToContainerOptions::default()
        };
        self.docker
            .upload_to_container(container, Some(options), bollard::body_try_stream(archive))
            .await
            .map_err(self.failed(format!("put files into container `{container}`")))
    }

    /// A file or folder of a container as a tar archive.
    pub fn download_archive(
        &self,
        container: &str,
        path: &str,
    ) -> futures_util::stream::BoxStream<'static, Result<bytes::Bytes, EngineError>> {
        let options = bollard::query_parameters::DownloadFromContainerOptions { path: path.to_owned() };
        let engine = self.clone();
        let action = format!("read `{path}` of container `{container}`");
        self.docker
            .download_from_container(container, Some(options))
            .map(move |chunk| chunk.map_err(engine.failed(action.clone())))
            .boxed()
    }
}

/// The hardware address that a container is to have on the network that it is made on.
fn hardware_address(body: &models::ContainerCreateBody) -> Option<&str> {
    let endpoints = body.networking_config.as_ref()?.endpoints_config.as_ref()?;
    endpoints.values().find_map(|endpoint| endpoint.mac_address.as_deref())
}

/// Engines before API 1.44 read it in a field of the container's own, which the models no longer have; later ones take
/// the two where they say the same.
fn with_hardware_address(body: &models::ContainerCreateBody, address: &str) -> serde_json::Value {
    let mut body = serde_json::json!(body);
    body["MacAddress"] = address.into();
    body
}

fn pack(files: &[UploadedFile]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.content.len() as u64);
        header.set_mode(file.mode);
        header.set_uid(file.user);
        header.set_gid(file.group);
        header.set_entry_type(tar::EntryType::Regular);
        archive.append_data(&mut header, file.path.trim_start_matches('/'), file.content.as_slice())?;
    }
    archive.into_inner()
}

pub(super) fn observed_container(host: &str, summary: models::ContainerSummary) -> ObservedContainer {
    let status = summary.status.unwrap_or_default();
    let networks = summary
        .network_settings
        .and_then(|settings| settings.networks)
        .unwrap_or_default();
    ObservedContainer {
        id: summary.id.unwrap_or_default(),
        // With links (`other/alias`) there are several names; the plain one is the container's own.
        name: summary
            .names
            .unwrap_or_default()
            .iter()
            .map(|name| name.trim_start_matches('/'))
            .find(|name| !name.contains('/'))
            .unwrap_or_default()
            .to_owned(),
        host: host.to_owned(),
        labels: summary.labels.unwrap_or_default().into_iter().collect(),
        state: summary.state.map(|state| state.to_string()).unwrap_or_default(),
        health: health_of(&status),
        status,
        image: summary.image.unwrap_or_default(),
        image_id: summary.image_id.unwrap_or_default(),
        created: summary.created.unwrap_or_default(),
        ports: summary
            .ports
            .unwrap_or_default()
            .into_iter()
            .filter_map(published_port)
            .collect(),
        networks: networks
            .into_iter()
            .map(|(name, endpoint)| (name, endpoint.ip_address.unwrap_or_default()))
            .collect::<BTreeMap<_, _>>(),
    }
}

/// The list call of older engines says a container's health only inside its status.
fn health_of(status: &str) -> Option<Health> {
    if status.ends_with("(healthy)") {
        Some(Health::Healthy)
    } else if status.ends_with("(unhealthy)") {
        Some(Health::Unhealthy)
    } else if status.ends_with("(health: starting)") {
        Some(Health::Starting)
    } else {
        None
    }
}

fn published_port(port: models::PortSummary) -> Option<PublishedPort> {
    Some(PublishedPort {
        target: port.private_port,
        published: port.public_port?,
        protocol: port
            .typ
            .map_or_else(|| "tcp".to_owned(), |protocol| protocol.to_string()),
        host_ip: port.ip,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_is_read_from_the_status() {
        assert_eq!(health_of("Up 3 minutes (healthy)"), Some(Health::Healthy));
        assert_eq!(health_of("Up 3 minutes (unhealthy)"), Some(Health::Unhealthy));
        assert_eq!(health_of("Up 1 second (health: starting)"), Some(Health::Starting));
        assert_eq!(health_of("Up 3 minutes"), None);
        assert_eq!(health_of("Exited (0) 2 minutes ago"), None);
    }

    #[test]
    fn a_linked_container_keeps_its_own_name() {
        let summary = models::ContainerSummary {
            names: Some(vec!["/web/database".into(), "/database-1".into()]),
            ..models::ContainerSummary::default()
        };
        assert_eq!(observed_container("a", summary).name, "database-1");
    }
}
