//! A Heat template or a Rancher stack becomes a Compose file.
//!
//! Knows both languages, and what of them Compose and Hoist's own sections have a word for. What has none becomes a
//! comment at its place in the output and a warning: each reader takes the properties that it translates, and
//! whatever it did not take is reported, so that nothing is dropped in silence. Never touches network, clock or
//! terminal; reads further files only through the reader that the caller hands in.

mod draft;
mod heat;
mod links;
mod print;
mod rancher;
mod recognise;
mod template;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::compose::load::FileReader;
use crate::compose::source::{Diagnostic, Source};
use crate::compose::tree::Node;
use crate::compose::{nearest, parse};

use draft::Draft;
pub use recognise::Kind;

/// What is to be imported.
pub struct Request<'a> {
    /// Name (as messages and the output's first line call it) and text of each file.
    pub files: Vec<(PathBuf, String)>,
    /// What the files are, where their content does not decide.
    pub from: Option<Kind>,
    /// Reads what `get_file` names; paths are relative to the first file's folder.
    pub read: &'a FileReader<'a>,
    /// Name and text of a file that answers the questions of a Rancher catalogue; without it, their defaults do.
    pub answers: Option<(PathBuf, String)>,
}

/// A Compose file, and what there is to say about it.
#[derive(Debug)]
pub struct Imported {
    pub text: String,
    /// Warnings only: what has no counterpart.
    pub warnings: Vec<Diagnostic>,
}

/// Turns the files into one Compose file.
///
/// # Errors
///
/// All errors that the files have: no YAML, an unknown resource type or property, a name that nothing has, a cycle.
pub fn import(request: &Request<'_>) -> Result<Imported, Vec<Diagnostic>> {
    let mut documents = Vec::new();
    let mut errors = Vec::new();
    for (name, text) in &request.files {
        match document(name, heat::without_secrets(name, text)) {
            Ok(node) => documents.push(node),
            Err(found) => errors.push(*found),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let kind = match request.from {
        Some(kind) => kind,
        None => recognise::kind(&documents).map_err(|found| vec![*found])?,
    };
    let mut draft = Draft::default();
    let names: Vec<String> = request.files.iter().map(|(name, _)| file_name(name)).collect();
    draft
        .head
        .push(format!("Made by `hoist import` from {}.", names.join(" and ")));
    match kind {
        Kind::Heat if request.answers.is_some() => {
            let message = "answers are for a Rancher catalogue's questions, and this is a Heat template";
            let hint = "name its environment file beside the template";
            draft.errors.push(Diagnostic::error(message, None).hint(hint));
        }
        Kind::Heat => heat::translate(&documents, request.read, &mut draft),
        Kind::Rancher => rancher::translate(&documents, request.answers.as_ref(), &mut draft),
    }
    if !draft.errors.is_empty() {
        return Err(draft.errors);
    }
    let text = print::yaml(&draft).map_err(|error| vec![Diagnostic::error(error.to_string(), None)])?;
    Ok(Imported {
        text,
        warnings: draft.warnings,
    })
}

fn document(name: &Path, text: String) -> Result<Node, Box<Diagnostic>> {
    let source = Arc::new(Source::new(name.display().to_string(), text));
    let parsed = parse::parse_foreign(&source);
    if let Some(found) = template::action(name, &source.text, parsed.as_ref().err().map(Box::as_ref)) {
        return Err(Box::new(found));
    }
    let mut documents = parsed?;
    match documents.len() {
        1 => Ok(documents.remove(0)),
        0 => Err(Box::new(Diagnostic::error(format!("`{}` is empty", source.name), None))),
        _ => Err(Box::new(Diagnostic::error(
            "a second document: a template or a stack is one",
            Some(documents[1].place.clone()),
        ))),
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// The hint for a mistyped name: the nearest one that is known here.
fn did_you_mean<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Option<String> {
    nearest::nearest(typed, names).map(|name| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests;
