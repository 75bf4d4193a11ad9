//! The cluster's nodes, asked of a manager.
//!
//! Knows the node calls of the Engine API. Never decides which node should do what.

use std::collections::BTreeMap;

use bollard::query_parameters::{DeleteNodeOptions, ListNodesOptions, UpdateNodeOptions};

use super::connection::Engine;
use super::error::EngineError;
use super::models;
use super::observation::ObservedNode;

/// What a node does with tasks (Engine API: *NodeSpec*, `Availability`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    Active,
    /// Keeps its tasks and gets no new ones.
    Pause,
    /// Its tasks move away.
    Drain,
}

/// A change of one node; `None` and empty leave things as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeChange {
    pub availability: Option<Availability>,
    /// `true` promotes it to manager, `false` demotes it.
    pub manager: Option<bool>,
    pub set_labels: BTreeMap<String, String>,
    pub remove_labels: Vec<String>,
}

impl Engine {
    pub async fn nodes(&self) -> Result<Vec<ObservedNode>, EngineError> {
        let listed = self
            .docker
            .list_nodes(None::<ListNodesOptions>)
            .await
            .map_err(self.failed("list nodes"))?;
        Ok(listed.into_iter().map(observed_node).collect())
    }

    /// Changes what differs, and returns whether anything did. Tried again where somebody changed the node meanwhile:
    /// a node's version moves by itself too.
    pub async fn change_node(&self, node: &str, change: &NodeChange) -> Result<bool, EngineError> {
        let action = format!("change node `{node}`");
        let mut tries = 1;
        loop {
            let found = self
                .docker
                .inspect_node(node)
                .await
                .map_err(self.failed(action.clone()))?;
            let version = found.version.and_then(|version| version.index).unwrap_or_default();
            let before = found.spec.unwrap_or_default();
            let mut spec = before.clone();
            change.apply(&mut spec);
            if spec == before {
                return Ok(false);
            }
            let options = UpdateNodeOptions {
                version: i64::try_from(version).unwrap_or(i64::MAX),
            };
            match self
                .docker
                .update_node(node, spec, options)
                .await
                .map_err(self.failed(action.clone()))
            {
                Ok(()) => return Ok(true),
                Err(error) if error.is_out_of_sequence() && tries < 5 => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes a node out of the cluster. `force`: even if it is still up.
    pub async fn remove_node(&self, node: &str, force: bool) -> Result<(), EngineError> {
        self.docker
            .delete_node(node, Some(DeleteNodeOptions { force }))
            .await
            .map_err(self.failed(format!("remove node `{node}`")))
    }
}

impl NodeChange {
    fn apply(&self, spec: &mut models::NodeSpec) {
        if let Some(availability) = self.availability {
            spec.availability = Some(match availability {
                Availability::Active => models::NodeSpecAvailabilityEnum::ACTIVE,
                Availability::Pause => models::NodeSpecAvailabilityEnum::PAUSE,
                Availability::Drain => models::NodeSpecAvailabilityEnum::DRAIN,
            });
        }
        if let Some(manager) = self.manager {
            spec.role = Some(if manager {
                models::NodeSpecRoleEnum::MANAGER
            } else {
                models::NodeSpecRoleEnum::WORKER
            });
        }
        let labels = spec.labels.get_or_insert_default();
        for name in &self.remove_labels {
            labels.remove(name);
        }
        for (name, value) in &self.set_labels {
            labels.insert(name.clone(), value.clone());
        }
    }
}

fn observed_node(node: models::Node) -> ObservedNode {
    let spec = node.spec.unwrap_or_default();
    let description = node.description.unwrap_or_default();
    let status = node.status.unwrap_or_default();
    let engine = description.engine.unwrap_or_default();
    let platform = description.platform.unwrap_or_default();
    let resources = description.resources.unwrap_or_default();
    ObservedNode {
        id: node.id.unwrap_or_default(),
        name: description.hostname.unwrap_or_default(),
        labels: spec.labels.unwrap_or_default().into_iter().collect(),
        manager: spec.role == Some(models::NodeSpecRoleEnum::MANAGER),
        leader: node.manager_status.and_then(|status| status.leader).unwrap_or_default(),
        ready: status.state == Some(models::NodeState::READY),
        active: spec.availability == Some(models::NodeSpecAvailabilityEnum::ACTIVE),
        address: status.addr.unwrap_or_default(),
        engine_version: engine.engine_version.unwrap_or_default(),
        operating_system: platform.os.unwrap_or_default(),
        architecture: platform.architecture.unwrap_or_default(),
        nano_cpus: resources.nano_cpus.unwrap_or_default(),
        memory_bytes: resources.memory_bytes.unwrap_or_default(),
        generic_resources: Some(generic_resources(
            resources.generic_resources.as_deref().unwrap_or_default(),
        )),
        version: node.version.and_then(|version| version.index).unwrap_or_default(),
        engine_labels: engine.labels.unwrap_or_default().into_iter().collect(),
    }
}

/// How many there are of each kind: a resource that has a name is one piece.
pub fn generic_resources(resources: &[models::GenericResourcesInner]) -> BTreeMap<String, i64> {
    let mut all = BTreeMap::new();
    for resource in resources {
        let counted = resource.discrete_resource_spec.as_ref();
        let counted = counted.and_then(|spec| Some((spec.kind.clone()?, spec.value.unwrap_or(0))));
        let named = resource.named_resource_spec.as_ref();
        let named = named.and_then(|spec| Some((spec.kind.clone()?, 1)));
        for (kind, number) in counted.into_iter().chain(named) {
            *all.entry(kind).or_default() += number;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_changes_nothing_is_seen_as_such() {
        let mut spec = models::NodeSpec {
            labels: Some([("tier".to_owned(), "web".to_owned())].into()),
            role: Some(models::NodeSpecRoleEnum::WORKER),
            availability: Some(models::NodeSpecAvailabilityEnum::ACTIVE),
            ..models::NodeSpec::default()
        };
        let before = spec.clone();
        let mut change = NodeChange {
            availability: Some(Availability::Active),
            manager: Some(false),
            set_labels: [("tier".to_owned(), "web".to_owned())].into(),
            remove_labels: vec!["absent".into()],
        };
        change.apply(&mut spec);
        assert_eq!(spec, before);
        change.remove_labels = vec!["tier".into()];
        change.set_labels.clear();
        change.apply(&mut spec);
        assert_eq!(spec.labels, Some([].into()));
    }
}
