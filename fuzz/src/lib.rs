//! What the targets fuzz: the floor of the crate that turns text into a project, compiled alone with coverage counted.
//!
//! The whole crate would bring TLS and the clients of engines and clouds along, for nothing.

#[path = "../../src/compose/mod.rs"]
pub mod compose;

/// The format of the inputs: conformance cases, so that each of those is a seed.
#[path = "../../tests/conformance/case.rs"]
pub mod case;
