//! Text becomes a [`Project`]: one file per stage of the loader.
//!
//! Knows the Compose Specification and Hoist's own `x-` keys. Never touches network, clock or terminal;
//! reads files only through the [`load::FileReader`] that the caller hands in.

mod assemble;
mod canonical;
mod checks;
mod defaults;
pub mod dotenv;
mod environment;
mod extends;
mod findings;
mod forms;
mod hosts;
mod include;
mod ingress;
pub mod interpolate;
pub mod load;
mod lookups;
mod merge;
pub mod model;
pub mod names;
pub mod nearest;
pub mod output;
pub mod parse;
mod paths;
pub mod places;
pub mod print;
mod profiles;
mod reset;
mod schema;
mod selection;
pub mod service_hash;
pub mod source;
pub mod support;
#[cfg(test)]
pub mod testing;
pub mod tree;
mod typed;
mod unique;
pub mod units;
mod validate;
mod values;
pub mod variables;

pub use load::{Loaded, LoadedModel, Request, Stages, load, load_model};
pub use model::{Project, Service};
pub use parse::plain as plain_yaml;
pub use paths::normal as normal_path;
pub use source::{Diagnostic, Place, Severity};
