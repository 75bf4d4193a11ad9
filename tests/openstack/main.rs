//! Hosts of a real OpenStack: the built `hoist` is run against the laboratory of `tests/openstack-lab/`, and what came of it
//! is asked of the official client and its library, never of Hoist.
//!
//! The laboratory is started by the first test that needs it; `setup/run-tests` ends it. Needs root.

#![expect(clippy::print_stdout, reason = "a test that kills at random points prints them")]

mod cloud;
mod example;
mod faults;
mod interruption;
mod keys;
mod laboratory;
mod refusals;
mod together;
