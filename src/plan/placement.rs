//! Which hosts a service fits, and which ones it gets where Hoist decides: for pinned volumes and for containers.
//!
//! Pure and deterministic: the same input gives the same hosts. Swarm decides for Swarm services; the rules here are
//! Swarm's own, so that both runtimes of one file mean the same by the same words.

mod constraint;
mod fitness;
mod place;
mod reservation;
mod spread;

pub use fitness::{broken, fitness, fitting, room_for_port};
pub use place::{Count, Demand, Leaning, Placer, Port, Refusal};
pub use reservation::Reservation;

use crate::engine::labels;
use crate::engine::observation::ObservedNode;

/// Hoist's name of a node.
pub fn host_name(node: &ObservedNode) -> &str {
    node.labels.get(labels::HOST).unwrap_or(&node.name)
}

/// Whether every host's kernel has what bootstrap noted under the label. Hosts that have not been asked yet count as
/// having it.
pub fn every_kernel_has(nodes: &[ObservedNode], label: &str) -> bool {
    nodes
        .iter()
        .all(|node| node.labels.get(label).is_none_or(|value| value == "true"))
}

#[cfg(test)]
mod tests;
