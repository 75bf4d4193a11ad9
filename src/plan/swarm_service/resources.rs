//! What each replica of a Swarm service may use at most, and what a host must have left for it.

use crate::compose::model::{Resources, Service};
use crate::engine::models;
use crate::plan::shapes::some_if_any;

pub(super) fn of(service: &Service) -> models::TaskSpecResources {
    let limits = &service.deploy.limits;
    let reservations = &service.deploy.reservations;
    let generic = generic_resources(service);
    models::TaskSpecResources {
        limits: (limits != &Resources::default()).then_some(models::Limit {
            nano_cpus: limits.nano_cpus,
            memory_bytes: limits.memory,
            pids: limits.pids,
        }),
        reservations: (reservations != &Resources::default() || generic.is_some()).then_some(models::ResourceObject {
            nano_cpus: reservations.nano_cpus,
            memory_bytes: reservations.memory,
            generic_resources: generic,
        }),
        ..Default::default()
    }
}

/// Things that the hosts' engines were told to have (`node-generic-resources`).
fn generic_resources(service: &Service) -> Option<models::GenericResources> {
    let resources = service.deploy.generic_resources.iter();
    let resources = resources.map(|resource| models::GenericResourcesInner {
        discrete_resource_spec: Some(models::GenericResourcesInnerDiscreteResourceSpec {
            kind: Some(resource.kind.clone()),
            value: Some(resource.value),
        }),
        named_resource_spec: None,
    });
    some_if_any(resources.collect())
}
