//! The pool's ingress: from the ways in that services claim to the system services that carry them.
//!
//! Knows that HAProxy runs in two kinds. A *gate* holds one port on every host and passes connections on; it knows nothing of
//! what is routed, so that it need never change. The *routers*, one on each host, end TLS, choose a replica and check it; another
//! configuration is other routers, each started before the one that it follows stops. So no port is closed and no
//! connection cut, whatever projects come and go; certificates stay secrets of the cluster, and the cluster alone brings a host
//! that was away to what holds now.
//!
//! What is claimed stands on the claiming services themselves, as a label: nothing else needs to be kept. Pure.

mod certificates;
mod claims;
mod clash;
mod difference;
mod error;
mod render;
mod system;

pub use certificates::{certificate_key, certificate_name};
pub use claims::{Claim, Protocol, Way, claims, ways};
pub use difference::{IngressChange, IngressPlan};
pub use error::IngressError;
pub use system::{System, SystemConfig, network, system};

pub(super) use certificates::missing as missing_certificates;
pub(super) use claims::of_service;
pub(super) use difference::{certificates, check, settle, settle_without};

/// The overlay network that routers share with what they route to; also the routers' service.
pub const NAME: &str = "hoist-ingress";

#[cfg(test)]
mod tests;
