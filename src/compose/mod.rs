//! Text becomes a [`Project`]: one file per stage of the loader.
//!
//! Knows the Compose Specification and Hoist's own `x-` keys. Never touches network, clock or terminal;
//! reads files only through the [`load::FileReader`] that the caller hands in.

mod canonical;
mod checks;
mod defaults;
pub mod dotenv;
mod environment;
mod findings;
mod hosts;
pub mod interpolate;
pub mod load;
mod merge;
pub mod model;
mod names;
mod nearest;
mod output;
mod parse;
mod paths;
pub mod print;
mod profiles;
mod schema;
pub mod source;
#[cfg(test)]
mod testing;
mod tree;
mod typed;
pub mod units;

pub use load::{Loaded, Request, load};
pub use model::{Project, Service};
pub use source::{Diagnostic, Place, Severity};
