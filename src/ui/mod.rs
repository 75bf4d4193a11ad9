//! What a person sees: events become progress, rows become tables, findings become reports.
//!
//! Knows words, colours and widths. Never decides anything and never does I/O other than writing to the streams of
//! [`Output`].

pub mod diagnostics;
pub mod error;
pub mod history;
mod json;
mod live;
pub mod logs;
pub mod measure;
pub mod output;
mod plain;
pub mod plan;
pub mod plural;
pub mod progress;
pub mod rolling;
#[cfg(test)]
mod samples;
mod style;
pub mod support;
pub mod tables;
mod text;
pub mod volume_move;
mod words;

pub use output::{ColourChoice, Output, Stream};
pub use progress::{Progress, ProgressMode};
