//! The loader's front door: runs the stages in the reference's order and gathers their findings.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::findings::Findings;
use super::model::Project;
use super::source::{Diagnostic, Source};
use super::tree::{Node, Value};
use super::typed::Frame;
use super::{
    canonical, checks, defaults, environment, interpolate, merge, names, output, parse, paths, profiles, schema, typed,
};

/// Reads one file's bytes; the caller decides where from (disk, standard input, a test's table).
pub type FileReader<'a> = dyn Fn(&Path) -> io::Result<Vec<u8>> + 'a;

/// What is to be loaded, all of it resolved by the caller: the loader asks nobody else.
pub struct Request<'a> {
    /// The Compose files in merge order: the name for messages, and the text.
    pub files: Vec<(PathBuf, String)>,
    /// The folder that relative paths are resolved against (absolute).
    pub directory: PathBuf,
    /// `-p` or `COMPOSE_PROJECT_NAME`; else `name:` of the files, else the folder's name.
    pub name: Option<String>,
    /// The variables of interpolation: the environment over `.env` (the caller reads both).
    pub environment: BTreeMap<String, String>,
    /// `--profile` and `COMPOSE_PROFILES`.
    pub profiles: Vec<String>,
    /// Reads `env_file` entries (paths are absolute).
    pub read: &'a FileReader<'a>,
}

/// A project and what there is to say about it.
#[derive(Debug)]
pub struct Loaded {
    pub project: Project,
    /// Warnings only.
    pub warnings: Vec<Diagnostic>,
    /// The canonical project as a tree, for `hoist config`.
    pub canonical: serde_json::Value,
}

/// Loads a project.
///
/// # Errors
///
/// All errors that the files have, not only the first, in file order. Where a stage's result would only
/// make a later stage guess, the later stage does not run.
pub fn load(request: &Request<'_>) -> Result<Loaded, Vec<Diagnostic>> {
    let mut findings = Findings::default();
    let mut secret_values = Vec::new();
    let loaded = run(request, &mut secret_values, &mut findings);
    findings.redact(&secret_values);
    let files: Vec<String> = request
        .files
        .iter()
        .map(|(name, _)| name.display().to_string())
        .collect();
    findings.sort(&files);
    match loaded {
        Some((project, canonical)) if findings.errors.is_empty() => Ok(Loaded {
            project,
            warnings: findings.warnings,
            canonical,
        }),
        _ => Err(findings.errors),
    }
}

fn run(
    request: &Request<'_>,
    secret_values: &mut Vec<String>,
    findings: &mut Findings,
) -> Option<(Project, serde_json::Value)> {
    let mut documents = parsed(request, findings)?;
    let name = project_name(request, &documents, findings);
    let mut variables = request.environment.clone();
    variables.insert("COMPOSE_PROJECT_NAME".to_owned(), name.clone());

    let mut interpolation = interpolate::Variables::new(&variables);
    for document in &mut documents {
        interpolate::tree(document, &mut interpolation, findings);
        schema::check(document, true, findings);
        canonical::canonical(document, findings);
    }
    let mut tree = merged(documents)?;
    tree.as_map()?;
    schema::check_whole(&tree, findings);
    schema::settle(&mut tree, findings);
    *secret_values = secrets(&tree, &variables);
    let base = paths::Base {
        directory: &request.directory,
        home: variables.get("HOME").map(String::as_str),
    };
    paths::resolve(&mut tree, &base);
    defaults::fill(&mut tree, &name);
    checks::check(&tree, findings);
    let named = service_names(&tree);
    profiles::select(&mut tree, &request.profiles, findings);
    environment::resolve(&mut tree, &variables, request.read, findings);
    set_name(&mut tree, &name);

    let frame = Frame {
        name,
        directory: request.directory.clone(),
        files: request.files.iter().map(|(file, _)| file.clone()).collect(),
        variables: &variables,
    };
    let mut project = typed::project(&tree, frame, findings);
    project.disabled = named
        .into_iter()
        .filter(|name| !project.services.contains_key(name))
        .collect();
    Some((project, output::canonical(&tree)))
}

fn service_names(tree: &Node) -> Vec<String> {
    let services = tree.get("services").and_then(Node::as_map).into_iter().flatten();
    services.map(|(name, _)| name.clone()).collect()
}

/// Every document of every file; `None` where one of them is no YAML.
fn parsed(request: &Request<'_>, findings: &mut Findings) -> Option<Vec<Node>> {
    let mut documents = Vec::new();
    let mut whole = true;
    for (name, text) in &request.files {
        let source = Arc::new(Source {
            name: name.display().to_string(),
            text: text.clone(),
        });
        match parse::parse(&source) {
            Ok(nodes) if nodes.is_empty() => {
                findings.push(Diagnostic::error(format!("`{}` is empty", source.name), None));
                whole = false;
            }
            Ok(nodes) => documents.extend(nodes),
            Err(found) => {
                findings.push(*found);
                whole = false;
            }
        }
    }
    if request.files.is_empty() {
        findings.push(Diagnostic::error("there is no Compose file to load", None));
    }
    (whole && !documents.is_empty()).then_some(documents)
}

/// The name asked for, else that of the last file that has one, else the folder's.
fn project_name(request: &Request<'_>, documents: &[Node], findings: &mut Findings) -> String {
    const HINT: &str = "use lower-case letters, digits, dashes and underscores, a letter or digit first";
    if let Some(name) = &request.name {
        if !names::is_project_name(name) {
            let message = format!("`{name}` cannot be the name of a project");
            findings.push(Diagnostic::error(message, None).hint(HINT));
        }
        return name.clone();
    }
    let named = documents.iter().rev().find_map(|document| document.get("name"));
    if let Some(node) = named
        && let Some(text) = node.as_text()
    {
        let lookup = |name: &str| request.environment.get(name).cloned();
        // What is wrong in it is reported by the interpolation of the whole file.
        if let Ok(name) = interpolate::substitute(text, &lookup, &mut |_| {}) {
            if !names::is_project_name(&name) {
                let message = format!("`{name}` cannot be the name of a project");
                findings.error_hint(message, &node.place, Some(HINT.to_owned()));
            }
            return name.into_owned();
        }
    }
    names::from_directory(&request.directory).unwrap_or_else(|| {
        let message = "the folder's name gives no name for the project";
        findings.push(Diagnostic::error(message, None).hint("give one with `-p`, or with `name:` in the file"));
        String::new()
    })
}

fn merged(documents: Vec<Node>) -> Option<Node> {
    let mut documents = documents.into_iter();
    let mut tree = documents.next()?;
    merge::settle(&mut tree);
    for document in documents {
        merge::merge(&mut tree, document);
    }
    merge::unify(&mut tree);
    Some(tree)
}

/// The values of secrets that come from the environment: no message may carry them.
fn secrets(tree: &Node, variables: &BTreeMap<String, String>) -> Vec<String> {
    let secrets = tree.get("secrets").and_then(Node::as_map);
    secrets
        .into_iter()
        .flat_map(|secrets| secrets.values())
        .filter_map(|entry| variables.get(entry.value.get("environment")?.as_text()?))
        .cloned()
        .collect()
}

fn set_name(tree: &mut Node, name: &str) {
    use super::tree::Put;
    let place = tree.place.clone();
    if let Some(root) = tree.as_map_mut() {
        let node = Node::new(Value::Text(name.to_owned()), place);
        match root.get_mut("name") {
            Some(entry) => entry.value.value = node.value,
            None => root.put("name", node),
        }
    }
}

#[cfg(test)]
mod tests;
