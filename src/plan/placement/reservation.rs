//! What is set aside on a host for a replica (`deploy.resources.reservations`), and whether there is enough of it left.

use std::collections::BTreeMap;

use super::fitness::Fitness;
use crate::compose::model::Service;
use crate::engine::models;
use crate::engine::nodes::generic_resources;
use crate::engine::observation::ObservedNode;

/// What is set aside for a replica.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reservation {
    /// Thousand-millionths of a processor, as the Engine API counts.
    pub nano_cpus: i64,
    /// Bytes.
    pub memory: i64,
    /// Pieces of what hosts' engines were told to have (`node-generic-resources`), by kind.
    pub generic: BTreeMap<String, i64>,
}

impl Reservation {
    /// What the file sets aside for each replica of a service.
    pub fn of_service(service: &Service) -> Reservation {
        let mut generic = BTreeMap::new();
        for resource in &service.deploy.generic_resources {
            *generic.entry(resource.kind.clone()).or_default() += resource.value;
        }
        Reservation {
            nano_cpus: service.deploy.reservations.nano_cpus.unwrap_or(0),
            memory: service.deploy.reservations.memory.unwrap_or(0),
            generic,
        }
    }

    /// What the cluster sets aside for a task.
    pub fn of_task(template: &models::TaskSpec) -> Reservation {
        let resources = template.resources.as_ref();
        let Some(reserved) = resources.and_then(|resources| resources.reservations.as_ref()) else {
            return Reservation::default();
        };
        Reservation {
            nano_cpus: reserved.nano_cpus.unwrap_or(0),
            memory: reserved.memory_bytes.unwrap_or(0),
            generic: generic_resources(reserved.generic_resources.as_deref().unwrap_or_default()),
        }
    }

    pub(super) fn add(&mut self, other: &Reservation) {
        self.nano_cpus += other.nano_cpus;
        self.memory += other.memory;
        for (kind, number) in &other.generic {
            *self.generic.entry(kind.clone()).or_default() += number;
        }
    }

    pub(super) fn remove(&mut self, other: &Reservation) {
        self.nano_cpus -= other.nano_cpus;
        self.memory -= other.memory;
        for (kind, number) in &other.generic {
            *self.generic.entry(kind.clone()).or_default() -= number;
        }
    }

    /// Whether a host on which `self` is set aside has room for `wanted`. A node that does not say what it has is not held to it.
    pub(super) fn leaves_room(&self, node: &ObservedNode, wanted: &Reservation) -> Fitness {
        let lacks = |wanted: i64, taken: i64, has: i64| wanted > 0 && has > 0 && taken.saturating_add(wanted) > has;
        if lacks(wanted.nano_cpus, self.nano_cpus, node.nano_cpus) {
            let free = (node.nano_cpus - self.nano_cpus).max(0) as f64 / 1e9;
            return Err(format!("has {free} processors left to reserve"));
        }
        if lacks(wanted.memory, self.memory, node.memory_bytes) {
            let free = (node.memory_bytes - self.memory).max(0) / (1 << 20);
            return Err(format!("has {free} MiB of memory left to reserve"));
        }
        let Some(has) = &node.generic_resources else {
            return Ok(());
        };
        for (kind, wanted) in &wanted.generic {
            let of = |all: &BTreeMap<String, i64>| all.get(kind).copied().unwrap_or(0);
            let free = of(has) - of(&self.generic);
            if *wanted > free {
                return Err(format!("has {} `{kind}` left to reserve", free.max(0)));
            }
        }
        Ok(())
    }
}
