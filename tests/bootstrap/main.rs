//! Bare local hosts made ready on a real engine, in every way that this can go right, wrong, or be cut off.
//!
//! What is asserted about a host is asked of the host itself or of its port, not of Hoist. Without an engine they fail.
#![expect(clippy::print_stdout, reason = "the tests print the times that they take")]

mod api;
mod cluster;
mod faults;
mod first_container;
mod house;
