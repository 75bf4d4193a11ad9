//! Networks of one engine, or of the whole cluster when asked of a manager.
//!
//! Knows the network calls of the Engine API. Never decides which networks there should be.

use bollard::query_parameters::ListNetworksOptions;

use super::connection::Engine;
use super::error::EngineError;
use super::models;
use super::observation::ObservedNetwork;
use super::request::filters;

impl Engine {
    /// Networks that have all these labels, each `key` or `key=value`. Those of the whole cluster (`host` is `None`)
    /// are listed in full only by a manager; a worker knows the ones in use on it.
    pub async fn networks(&self, labels: &[&str]) -> Result<Vec<ObservedNetwork>, EngineError> {
        let options = ListNetworksOptions {
            filters: Some(filters(&[("label", labels)])),
        };
        let listed = self
            .docker
            .list_networks(Some(options))
            .await
            .map_err(self.failed("list networks"))?;
        Ok(listed
            .into_iter()
            .map(|network| ObservedNetwork {
                id: network.id.unwrap_or_default(),
                name: network.name.unwrap_or_default(),
                host: (network.scope.as_deref() != Some("swarm")).then(|| self.name.clone()),
                driver: network.driver.unwrap_or_default(),
                labels: network.labels.unwrap_or_default().into_iter().collect(),
            })
            .collect())
    }

    /// Makes a network and returns its id. The engine lets several have one name; its names are for the caller to keep apart.
    pub async fn create_network(&self, network: models::NetworkCreateRequest) -> Result<String, EngineError> {
        let action = format!("create network `{}`", network.name);
        let made = self.docker.create_network(network).await.map_err(self.failed(action))?;
        Ok(made.id)
    }

    pub async fn remove_network(&self, network: &str) -> Result<(), EngineError> {
        self.docker
            .remove_network(network)
            .await
            .map_err(self.failed(format!("remove network `{network}`")))
    }

    pub async fn inspect_network(&self, network: &str) -> Result<models::NetworkInspect, EngineError> {
        self.docker
            .inspect_network(network, None)
            .await
            .map_err(self.failed(format!("inspect network `{network}`")))
    }

    /// Joins a container to a network, with its aliases and addresses there.
    pub async fn connect_network(
        &self,
        network: &str,
        container: &str,
        endpoint: models::EndpointSettings,
    ) -> Result<(), EngineError> {
        let request = models::NetworkConnectRequest {
            container: container.to_owned(),
            endpoint_config: Some(endpoint),
        };
        self.docker
            .connect_network(network, request)
            .await
            .map_err(self.failed(format!("connect container `{container}` to network `{network}`")))
    }

    /// `force`: even if the container is gone.
    pub async fn disconnect_network(&self, network: &str, container: &str, force: bool) -> Result<(), EngineError> {
        let request = models::NetworkDisconnectRequest {
            container: container.to_owned(),
            force: Some(force),
        };
        self.docker
            .disconnect_network(network, request)
            .await
            .map_err(self.failed(format!("disconnect container `{container}` from network `{network}`")))
    }
}
