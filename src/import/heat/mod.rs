//! A Heat template becomes a Compose file: servers and networks become hosts, containers become services.
//!
//! Knows the order of the translation. The language is in `template.rs` and `functions.rs`, what its resources become in
//! the files named after them, and which properties there are in `types.rs`.

mod containers;
mod functions;
mod graph;
mod hidden;
mod networks;
mod other_types;
mod outputs;
mod parameters;
mod ports;
mod render;
mod security;
mod servers;
mod template;
mod translator;
mod types;
mod user_data;
mod volumes;

use super::draft::Draft;
use crate::compose::load::FileReader;
use crate::compose::tree::Node;

pub use hidden::without_secrets;
use template::Template;
use translator::Translator;

/// Translates the template among the documents; the others are its environment files.
pub fn translate(documents: &[Node], read: &FileReader<'_>, draft: &mut Draft) {
    let Some(template) = Template::read(documents, draft) else {
        return;
    };
    graph::check(&template, draft);
    if !draft.errors.is_empty() {
        return;
    }
    let mut translator = Translator::new(&template, read, draft);
    servers::translate(&mut translator);
    containers::translate(&mut translator);
    security::translate(&mut translator);
    volumes::translate(&mut translator);
    translator.untouched();
    outputs::translate(&mut translator);
    parameters::translate(&mut translator);
}

#[cfg(test)]
pub use types::TYPES;
