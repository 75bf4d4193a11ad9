//! A Rancher stack becomes a Compose file.
//!
//! Knows the order of the translation. `stack.rs` joins the two files, `keys.rs` lists what a service may say in them,
//! and the files named after a part of it say what that becomes.

mod affinity;
mod answers;
mod balancer;
mod health;
mod keys;
mod labels;
mod mounts;
mod neighbours;
mod resources;
mod scale;
mod service;
mod shared;
mod stack;
mod values;

use std::path::PathBuf;

use super::draft::Draft;
use super::links::Links;
use crate::compose::source::Diagnostic;
use crate::compose::tree::Node;

use answers::Answers;
#[cfg(test)]
pub use keys::KEYS;
use stack::{Role, Stack};
pub use stack::{is_service, services_of};

/// Translates the files of one stack.
pub fn translate(documents: &[Node], answers: Option<&(PathBuf, String)>, draft: &mut Draft) {
    let answers = Answers::read(documents, answers, draft);
    let Some(mut stack) = Stack::read(documents, &answers, draft) else {
        return;
    };
    let mut links = Links::default();
    let names: Vec<String> = stack.services.keys().cloned().collect();
    for name in &names {
        if stack.role(name) == Role::Normal {
            draft.service(name);
        }
    }
    labels::sidekicks(&mut stack, draft);
    for name in &names {
        match stack.role(name) {
            Role::Normal => service::translate(&mut stack, name, &mut links, draft),
            Role::Balancer | Role::OldBalancer => balancer::translate(&mut stack, name, draft),
            Role::Alias => neighbours::alias(&mut stack, name, &mut links, draft),
            Role::External => neighbours::external(&mut stack, name, draft),
            Role::Other(what) => {
                let keys = stack.services.shift_remove(name);
                if let Some(keys) = keys {
                    draft.lost(Vec::new(), &format!("service {name}"), what, &keys.place);
                    keys.leftover(&Vec::new(), name, draft);
                }
            }
        }
    }
    balancer::write(&mut stack, draft);
    resources::translate(&mut stack, draft);
    links.write(draft);
    if draft.compose.services.0.is_empty() {
        let message = "nothing of the stack is a service of the output: it is Rancher's own, or of its hosts";
        let place = documents.first().map(|document| document.place.clone());
        draft.warnings.push(Diagnostic::warning(message, place));
    }
}
