//! The loader's front door: runs the stages in the reference's order and gathers their findings.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::assemble::{Assembler, File, Set};
use super::findings::Findings;
use super::model::Project;
use super::source::{Diagnostic, Severity, Source};
use super::support::{self, Use};
use super::tree::{Mapping, Node, Put, Value};
use super::typed::Frame;
use super::{
    checks, defaults, environment, interpolate, names, output, parse, paths, profiles, schema, selection, typed, values,
};

/// Reads one file's bytes; the caller decides where from (disk, standard input, a test's table). A folder must fail
/// with [`io::ErrorKind::IsADirectory`].
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
    /// The services that are asked for by name (patterns are allowed), whose profiles are active with them; none
    /// asks for all.
    pub services: Vec<String>,
    pub stages: Stages,
    /// Reads what the files name: `env_file`, and the files of `extends` and `include`.
    pub read: &'a FileReader<'a>,
}

/// The stages that a request may leave out, as the flags of `docker compose config` do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stages {
    /// Variables are replaced by their values.
    pub interpolation: bool,
    /// What the project implies is added: the default network, names, dependencies.
    pub normalization: bool,
    /// Relative paths become absolute.
    pub path_resolution: bool,
    /// `env_file` and variables without a value are looked up.
    pub environment_resolution: bool,
    /// The services are checked against each other and against what they use.
    pub consistency: bool,
    /// No two services may ask for the same container name.
    pub container_names: bool,
    /// Networks, volumes, configs, secrets and models that no service uses are left out.
    pub unused_left_out: bool,
}

impl Default for Stages {
    fn default() -> Self {
        Stages {
            interpolation: true,
            normalization: true,
            path_resolution: true,
            environment_resolution: true,
            consistency: true,
            container_names: true,
            unused_left_out: true,
        }
    }
}

/// A project and what there is to say about it.
#[derive(Debug)]
pub struct Loaded {
    pub project: Project,
    /// Warnings only.
    pub warnings: Vec<Diagnostic>,
    /// The canonical project, for `hoist config`.
    pub canonical: output::Canonical,
    /// The profiles of all services, active or not, in the order of the alphabet.
    pub profiles: Vec<String>,
    /// What nothing carries out as the file says: errors of commands that deploy.
    pub refused: Vec<Diagnostic>,
    /// The attributes in use, those of services that take part, with what Hoist does with each.
    pub support: Vec<Use>,
}

impl Loaded {
    /// The warnings, and what commands that deploy refuse, said as warnings.
    pub fn notices(&self) -> Vec<Diagnostic> {
        let refused = self.refused.iter().cloned().map(|mut found| {
            found.severity = Severity::Warning;
            found
        });
        self.warnings.iter().cloned().chain(refused).collect()
    }
}

/// The merged files as data, before they are a project: what `config --no-interpolate` prints.
#[derive(Debug)]
pub struct LoadedModel {
    /// Warnings only.
    pub warnings: Vec<Diagnostic>,
    tree: Node,
}

impl LoadedModel {
    /// The merged files as YAML.
    pub fn yaml(&self) -> String {
        output::plain_yaml(&self.tree)
    }

    /// The merged files as JSON.
    pub fn json(&self) -> String {
        output::plain_json(&self.tree)
    }

    /// The merged files as data, every mapping in the order of the alphabet.
    pub fn data(&self) -> serde_json::Value {
        let mut data = self.tree.to_json();
        data.sort_all_objects();
        data
    }
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
    let mut unusable = Findings::default();
    let loaded = run(request, &mut secret_values, &mut findings, &mut unusable);
    for found in std::mem::take(&mut unusable.warnings) {
        findings.push(found);
    }
    // A project that is right may still be one that nothing here can run.
    let right = loaded.is_some() && findings.errors.is_empty();
    findings.refused.append(&mut unusable.refused);
    for found in unusable.errors {
        if right {
            findings.refused.push(found);
        } else {
            findings.push(found);
        }
    }
    finish(request, &secret_values, &mut findings);
    match loaded {
        Some(loaded) if findings.errors.is_empty() => Ok(Loaded {
            warnings: findings.warnings,
            refused: findings.refused,
            ..loaded
        }),
        _ => Err(findings.errors),
    }
}

/// Loads the merged files as data: no profile is chosen, nothing is checked across services.
///
/// # Errors
///
/// As [`load`].
pub fn load_model(request: &Request<'_>) -> Result<LoadedModel, Vec<Diagnostic>> {
    let mut findings = Findings::default();
    let merged = merged(request, &mut findings);
    let secret_values = merged.as_ref().map(Merged::secrets).unwrap_or_default();
    finish(request, &secret_values, &mut findings);
    match merged {
        Some(mut merged) if findings.errors.is_empty() => {
            defaults::fill_modes(&mut merged.tree);
            Ok(LoadedModel {
                warnings: findings.warnings,
                tree: merged.tree,
            })
        }
        _ => Err(findings.errors),
    }
}

fn finish(request: &Request<'_>, secret_values: &[String], findings: &mut Findings) {
    findings.redact(secret_values);
    let files: Vec<String> = request
        .files
        .iter()
        .map(|(name, _)| name.display().to_string())
        .collect();
    findings.sort(&files);
}

/// The merged and completed files.
struct Merged {
    tree: Node,
    name: String,
    variables: BTreeMap<String, String>,
    /// Variables that included files take from their own `.env`, for secrets.
    outside: BTreeMap<String, String>,
    uses: Vec<Use>,
}

fn merged(request: &Request<'_>, findings: &mut Findings) -> Option<Merged> {
    let files = parsed(request, findings)?;
    let name = project_name(request, &files, findings);
    let mut variables = request.environment.clone();
    variables.insert("COMPOSE_PROJECT_NAME".to_owned(), name.clone());
    let set = Set {
        base: request.directory.clone(),
        folder: request.directory.clone(),
        variables,
        including: Vec::new(),
        is_own: true,
    };
    let mut assembler = Assembler {
        request,
        findings,
        outside: BTreeMap::new(),
    };
    let mut tree = assembler.assemble(files, &set)?;
    let outside = assembler.outside;
    if tree.as_map()?.is_empty() {
        empty(request, findings);
        return None;
    }
    let uses = support::uses(&tree);
    if request.stages.normalization {
        set_name(&mut tree, &name);
        defaults::imply(&mut tree, &name);
        // Where variables are left as they are, the reference knows none.
        let none = BTreeMap::new();
        let known = if request.stages.interpolation {
            &set.variables
        } else {
            &none
        };
        environment::fill_unset(&mut tree, known);
    }
    Some(Merged {
        tree,
        name,
        variables: set.variables,
        outside,
        uses,
    })
}

fn run(
    request: &Request<'_>,
    secret_values: &mut Vec<String>,
    findings: &mut Findings,
    unusable: &mut Findings,
) -> Option<Loaded> {
    let merged = merged(request, findings)?;
    *secret_values = merged.secrets();
    let Merged {
        mut tree,
        name,
        mut variables,
        outside,
        uses,
    } = merged;
    let place = tree.place.clone();
    if let Some(root) = tree.as_map_mut() {
        let none = Node::new(Value::map(Mapping::default()), place);
        root.put_default("services", none);
    }
    values::settle(&mut tree, findings);
    schema::settle(&mut tree, findings);
    let profiles = profiles::all(&tree);
    let mut disabled = profiles::choose(&mut tree, &request.profiles);
    if request.stages.consistency {
        checks::check(&tree, &disabled, findings);
        checks::share_scale(&mut tree);
    }
    selection::enable(&mut tree, &mut disabled, request);
    if request.stages.environment_resolution {
        environment::resolve(&mut tree, &variables, request.read, findings);
    }
    environment::resolve_labels(&mut tree, request.read, findings);
    selection::select(&mut tree, &mut disabled, request, findings);
    if request.stages.container_names {
        checks::container_names(&tree, findings);
    }
    set_name(&mut tree, &name);
    for (name, value) in outside {
        variables.entry(name).or_insert(value);
    }
    let frame = Frame {
        name,
        directory: request.directory.clone(),
        files: request.files.iter().map(|(file, _)| file.clone()).collect(),
        variables: &variables,
    };
    let mut project = typed::project(Arc::new(tree), frame, findings, unusable);
    project.disabled = disabled.into_keys().collect();
    let support = supported(uses, &project, findings);
    Some(Loaded {
        canonical: project.canonical.clone(),
        project,
        warnings: Vec::new(),
        profiles,
        refused: Vec::new(),
        support,
    })
}

/// What the project uses, without the services that do not take part; what there is to say about it is said.
fn supported(uses: Vec<Use>, project: &Project, findings: &mut Findings) -> Vec<Use> {
    let takes_part =
        |found: &Use| !found.is_of_services() || found.is_of_one(|name| project.services.contains_key(name));
    let uses: Vec<Use> = uses.into_iter().filter(takes_part).collect();
    for finding in uses.iter().filter_map(Use::finding) {
        match finding.severity {
            Severity::Error => findings.refused.push(finding),
            Severity::Warning => findings.push(finding),
        }
    }
    uses
}

/// The request's files, parsed; `None` where one of them is no YAML.
fn parsed(request: &Request<'_>, findings: &mut Findings) -> Option<Vec<File>> {
    let mut files = Vec::new();
    let mut whole = true;
    for (name, text) in &request.files {
        let source = Arc::new(Source::new(name.display().to_string(), text.as_str()));
        match parse::parse(&source) {
            Ok(documents) => files.push(File {
                path: located(request, name),
                documents,
            }),
            Err(found) => {
                findings.push(*found);
                whole = false;
            }
        }
    }
    if request.files.is_empty() {
        findings.push(Diagnostic::error("there is no Compose file to load", None));
    } else if whole && files.iter().all(|file| file.documents.is_empty()) {
        empty(request, findings);
        whole = false;
    }
    (whole && !files.is_empty()).then_some(files)
}

fn empty(request: &Request<'_>, findings: &mut Findings) {
    let names = request.files.iter();
    let names: Vec<String> = names.map(|(name, _)| format!("`{}`", name.display())).collect();
    findings.push(Diagnostic::error(format!("{} is empty", names.join(" and ")), None));
}

/// Where a file of the request is, so that a file that includes it again is known.
fn located(request: &Request<'_>, name: &Path) -> PathBuf {
    let folder = name.parent().unwrap_or(Path::new(""));
    let inside = match name.file_name() {
        Some(file) if request.directory.ends_with(folder) => request.directory.join(file),
        _ => request.directory.join(name),
    };
    PathBuf::from(paths::normal(&inside.display().to_string()))
}

/// The name asked for, else that of the last document that has one, else the folder's.
fn project_name(request: &Request<'_>, files: &[File], findings: &mut Findings) -> String {
    const HINT: &str = "use lower-case letters, digits, dashes and underscores, a letter or digit first";
    if let Some(name) = &request.name {
        if !names::is_project_name(name) {
            let message = format!("`{name}` cannot be the name of a project");
            findings.push(Diagnostic::error(message, None).hint(HINT));
        }
        return name.clone();
    }
    let named = |document: &Node| document.get("name").filter(|name| name.as_text() != Some("")).cloned();
    let last = files.iter().flat_map(|file| &file.documents).rev().find_map(named);
    if let Some(node) = last
        && let Some(text) = node.scalar_text()
    {
        let lookup = |name: &str| request.environment.get(name).cloned();
        // What is wrong in it is reported by the interpolation of the whole file.
        let text = if request.stages.interpolation {
            interpolate::substitute(&text, &lookup, &mut |_| {})
                .map_or_else(|_| String::new(), |text| text.into_owned())
        } else {
            text.clone()
        };
        let name = if request.stages.normalization {
            names::normalized(&text)
        } else {
            text
        };
        if !name.is_empty() {
            return name;
        }
        if files
            .iter()
            .filter_map(|file| file.documents.first())
            .any(|document| named(document).is_some())
        {
            findings.error_hint("this gives no name for the project", &node.place, Some(HINT.to_owned()));
            return String::new();
        }
    }
    names::from_directory(&request.directory).unwrap_or_else(|| {
        let message = "the folder's name gives no name for the project";
        findings.push(Diagnostic::error(message, None).hint("give one with `-p`, or with `name:` in the file"));
        String::new()
    })
}

impl Merged {
    /// The values of secrets that come from the environment: no message may carry them.
    fn secrets(&self) -> Vec<String> {
        let secrets = self.tree.get("secrets").and_then(Node::as_map);
        secrets
            .into_iter()
            .flat_map(|secrets| secrets.values())
            .filter_map(|entry| {
                let name = entry.value.get("environment")?.as_text()?;
                self.variables.get(name).or_else(|| self.outside.get(name))
            })
            .cloned()
            .collect()
    }
}

fn set_name(tree: &mut Node, name: &str) {
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
