//! The schema stage: unknown keys, wrong kinds and values.
//!
//! One table (the files in `schema/`) says every key of the specification: its shape, what Hoist does with
//! it ([`super::support`] reads that), and its order in the canonical form. The stage has three steps, as the reference
//! has them: [`check`] looks at each file by itself, [`check_whole`] at what can only be said of the
//! merged project, and [`settle`] gives every scalar the type that it has in the project.

mod attached;
mod build;
mod check;
mod deploy;
mod hosts;
mod ingress;
mod lifecycle;
mod limits;
mod openstack;
mod resources;
mod service;
mod settle;
mod shape;
mod whole;

pub use check::{check, fits_kind};
pub use hosts::{HOSTS, POOL_SETTINGS};
pub use ingress::INGRESS;
pub use openstack::OPENSTACK_SETTINGS;
pub use resources::ROOT;
pub use service::SERVICE;
pub use settle::{settle, settle_copy};
pub use shape::{By, Shape, Support};
pub use whole::check_whole;

#[cfg(test)]
mod tests;
