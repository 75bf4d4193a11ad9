//! Findings of the loader, written to stderr.

mod excerpt;
mod render;

pub use render::{count, render};

use super::output::{Output, Stream};
use crate::compose::Diagnostic;

/// Writes the findings to stderr.
pub fn report(output: &Output, diagnostics: &[Diagnostic]) {
    if diagnostics.is_empty() {
        return;
    }
    let width = output.width(Stream::Stderr);
    output.message(&render(diagnostics, width, output.has_colour(Stream::Stderr)));
}

#[cfg(test)]
mod tests;
