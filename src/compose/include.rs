//! The include stage: what other files define joins a document (specification: *include*).
//!
//! Each entry is a set of files of its own: with its own folder and variables, merged and checked by itself. Knows the
//! forms of an entry and when two definitions conflict. Never merges an included definition with one of the document.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::assemble::{Assembler, File, Set};
use super::findings::Findings;
use super::source::{Diagnostic, Place};
use super::tree::{Mapping, Node, Put, Value};
use super::{dotenv, nearest, paths, schema};

/// What an included set may define for the project.
const KINDS: [&str; 6] = ["services", "volumes", "networks", "secrets", "configs", "models"];

/// Joins what the document includes with it, and takes `include` out.
pub fn apply(document: &mut Node, set: &Set, including: &[PathBuf], assembler: &mut Assembler<'_>) {
    let Some(root) = document.as_map_mut() else { return };
    let Some(include) = root.shift_remove("include") else {
        return;
    };
    let entries = match include.value.value {
        Value::List(entries) => entries,
        Value::Null | Value::Invalid => return,
        _ => {
            let message = format!("`include` must be a list, not {}", include.value.kind());
            assembler.findings.error(message, &include.value.place);
            return;
        }
    };
    for entry in &entries {
        let Some(entry) = Entry::read(entry, assembler) else {
            continue;
        };
        let mut joining = Joining {
            set,
            including,
            assembler,
        };
        if let Some(included) = joining.load(&entry) {
            joining.join(document, included, &entry.place);
        }
    }
}

/// One entry in its long form.
struct Entry {
    place: Place,
    paths: Vec<Node>,
    project_directory: Option<Node>,
    env_files: Vec<Node>,
}

impl Entry {
    fn read(node: &Node, assembler: &mut Assembler<'_>) -> Option<Self> {
        let mut entry = Entry {
            place: node.place.clone(),
            paths: Vec::new(),
            project_directory: None,
            env_files: Vec::new(),
        };
        match &node.value {
            Value::Text(_) => entry.paths.push(node.clone()),
            Value::Map(mapping) => {
                for (key, value) in mapping.iter() {
                    match key.as_str() {
                        "path" => entry.paths = texts(&value.value, key, assembler)?,
                        "env_file" => entry.env_files = texts(&value.value, key, assembler)?,
                        "project_directory" => {
                            entry.project_directory = directory(&value.value, assembler)?;
                        }
                        // The reference passes over them in silence.
                        _ if key.starts_with("x-") => {}
                        _ => {
                            let hint = nearest::hint(key, ["path", "project_directory", "env_file"]);
                            let mut found =
                                Diagnostic::warning(format!("`{key}` has no effect"), Some(value.key.clone()));
                            found.hint = hint;
                            assembler.findings.push(found);
                        }
                    }
                }
            }
            Value::Null | Value::Invalid => return None,
            _ => {
                let message = format!(
                    "an entry of `include` must be a string or a mapping, not {}",
                    node.kind()
                );
                assembler.findings.error(message, &node.place);
                return None;
            }
        }
        Some(entry)
    }
}

/// A text, or a list of texts.
fn texts(node: &Node, key: &str, assembler: &mut Assembler<'_>) -> Option<Vec<Node>> {
    let items = match &node.value {
        Value::Text(_) => return Some(vec![node.clone()]),
        Value::Null => return Some(Vec::new()),
        Value::List(items) => items,
        _ => {
            wrong(node, key, assembler);
            return None;
        }
    };
    for item in items {
        if item.as_text().is_none() {
            wrong(item, key, assembler);
            return None;
        }
    }
    Some(items.clone())
}

/// A text that says something, or a number, which is its digits.
fn directory(node: &Node, assembler: &mut Assembler<'_>) -> Option<Option<Node>> {
    let text = match &node.value {
        Value::Null => None,
        Value::Text(_) | Value::Integer(_) => node.scalar_text(),
        _ => {
            wrong(node, "project_directory", assembler);
            return None;
        }
    };
    Some(
        text.filter(|text| !text.is_empty())
            .map(|text| Node::text(text, &node.place)),
    )
}

fn wrong(node: &Node, key: &str, assembler: &mut Assembler<'_>) {
    if !node.is_invalid() {
        let message = format!("`{key}` must be a string, not {}", node.kind());
        assembler.findings.error(message, &node.place);
    }
}

struct Joining<'j, 'a> {
    set: &'j Set,
    including: &'j [PathBuf],
    assembler: &'j mut Assembler<'a>,
}

impl Joining<'_, '_> {
    /// The tree of one entry's files.
    fn load(&mut self, entry: &Entry) -> Option<Node> {
        let mut located: Vec<(PathBuf, &Node)> = Vec::new();
        for path in &entry.paths {
            if self.assembler.refuses_remote(path) {
                return None;
            }
            located.push((join(&self.set.folder, path), path));
        }
        let (main, named) = located.first().cloned()?;
        let (base, folder) = self.folders(entry, &main);
        if let Some(at) = self.including.iter().position(|file| *file == main) {
            self.circle(&self.including[at..], &main, named);
            return None;
        }
        let variables = self.variables(entry, &folder)?;
        let files: Vec<Option<File>> = located
            .into_iter()
            .map(|(path, named)| {
                let documents = self.assembler.read(&path, "included from", &named.place)?;
                Some(File { path, documents })
            })
            .collect();
        let files = files.into_iter().collect::<Option<Vec<File>>>()?;
        let set = Set {
            base,
            folder,
            variables,
            including: self.including.to_vec(),
            is_own: false,
        };
        self.assembler.assemble(files, &set)
    }

    /// What relative paths of the entry's files are resolved against, and the folder that files are read from.
    fn folders(&self, entry: &Entry, main: &Path) -> (PathBuf, PathBuf) {
        let of_main = main.parent().unwrap_or(Path::new("/")).to_owned();
        let Some(directory) = entry.project_directory.as_ref().and_then(Node::as_text) else {
            return (paths::relative(&self.set.folder, &of_main), of_main);
        };
        if directory.starts_with('/') {
            return (PathBuf::from(directory), PathBuf::from(directory));
        }
        let meant = self.set.folder.join(directory);
        let exists = match (self.assembler.request.read)(&meant) {
            Ok(_) => false,
            Err(error) => error.kind() == ErrorKind::IsADirectory,
        };
        // Of a folder that is not there the reference takes the one above.
        let base = if exists {
            meant
        } else {
            self.set
                .folder
                .join(directory)
                .parent()
                .unwrap_or(Path::new("/"))
                .to_owned()
        };
        let folder = PathBuf::from(paths::normal(&self.set.base.join(directory).display().to_string()));
        (paths::relative(&self.set.folder, &base), folder)
    }

    /// The variables of the entry's files: those of the document, then its own environment files or `.env`.
    fn variables(&mut self, entry: &Entry, folder: &Path) -> Option<BTreeMap<String, String>> {
        let mut variables = self.set.variables.clone();
        let files: Vec<(PathBuf, &Place, bool)> = if entry.env_files.is_empty() {
            vec![(folder.join(".env"), &entry.place, false)]
        } else {
            let named = entry.env_files.iter();
            named
                .map(|file| (join(&self.set.base, file), &file.place, true))
                .collect()
        };
        let mut own = dotenv::Variables::new();
        for (path, place, required) in files {
            let shown = self.assembler.shown(&path);
            let bytes = match (self.assembler.request.read)(&path) {
                Ok(bytes) => bytes,
                Err(_) if !required => continue,
                Err(error) => {
                    let message = match error.kind() {
                        ErrorKind::NotFound => format!("the environment file `{shown}` does not exist"),
                        _ => format!("cannot read the environment file `{shown}`: {error}"),
                    };
                    self.assembler.findings.error(message, place);
                    return None;
                }
            };
            let Ok(text) = String::from_utf8(bytes) else {
                let message = format!("the environment file `{shown}` is not text");
                self.assembler.findings.error(message, place);
                return None;
            };
            let known = |name: &str| self.set.variables.get(name).cloned();
            if let Err(found) = dotenv::parse(&shown, &text, &known, &mut own) {
                self.assembler.findings.push(Diagnostic {
                    trail: vec![("named here".to_owned(), place.clone())],
                    ..*found
                });
                return None;
            }
        }
        for (name, value) in own {
            variables.entry(name).or_insert(value);
        }
        Some(variables)
    }

    fn circle(&mut self, between: &[PathBuf], main: &Path, named: &Node) {
        let mut steps: Vec<String> = between.iter().map(|file| self.assembler.shown(file)).collect();
        steps.dedup();
        steps.push(self.assembler.shown(main));
        let message = format!("the files include each other in a circle: {}", steps.join(" → "));
        self.assembler.findings.error(message, &named.place);
    }

    /// Adds the definitions of an included tree to the document's own.
    fn join(&mut self, document: &mut Node, mut included: Node, place: &Place) {
        self.passed_over(&included);
        let cast = self.assembler.request.stages.interpolation;
        let Some(root) = document.as_map_mut() else { return };
        for kind in KINDS {
            let Some(from) = included.get_mut(kind).and_then(Node::as_map_mut) else {
                continue;
            };
            let from = std::mem::take(from);
            let to = root.entry(kind.to_owned()).or_insert_with(|| super::tree::Entry {
                key: place.clone(),
                value: Node::empty_map(place),
            });
            let Some(to) = to.value.as_map_mut() else { continue };
            for (name, definition) in from {
                match to.get(&name) {
                    None => {
                        to.insert(name, definition);
                    }
                    Some(own) if same(kind, &name, own, &definition.value, cast) => {}
                    Some(own) => {
                        let kind = kind.trim_end_matches('s');
                        let message =
                            format!("the {kind} `{name}` is defined here and, otherwise, in an included file");
                        let hint = "keep one of them, or change the included one in an override file";
                        self.assembler.findings.push(Diagnostic {
                            trail: vec![("the other one".to_owned(), definition.key)],
                            ..Diagnostic::error(message, Some(own.key.clone())).hint(hint)
                        });
                    }
                }
            }
        }
    }

    /// Hoist's own keys are the project's, not an included file's.
    fn passed_over(&mut self, included: &Node) {
        for key in ["x-hosts", "x-pool", "x-openstack"] {
            if let Some(entry) = included.as_map().and_then(|root| root.get(key)) {
                let message = format!("`{key}` has no effect in an included file");
                let found = Diagnostic::warning(message, Some(entry.key.clone()));
                self.assembler
                    .findings
                    .push(found.hint("write it in the project's own file"));
            }
        }
    }
}

/// Where a named file is.
fn join(folder: &Path, named: &Node) -> PathBuf {
    let joined = folder.join(named.as_text().unwrap_or_default());
    PathBuf::from(paths::normal(&joined.display().to_string()))
}

/// Whether a definition of the document says the same as an included one, which is checked already: text that stands for
/// a number or a boolean is one there.
fn same(kind: &str, name: &str, own: &super::tree::Entry, included: &Node, cast: bool) -> bool {
    if equal(&own.value, included) {
        return true;
    }
    let mut file = Mapping::default();
    let definitions = Mapping::from_iter([(name.to_owned(), own.clone())]);
    file.put(kind, Node::new(Value::map(definitions), own.key.clone()));
    let mut file = Node::new(Value::map(file), own.key.clone());
    schema::check(&mut file, cast, &mut Findings::default());
    let checked = file.get(kind).and_then(|definitions| definitions.get(name));
    checked.is_some_and(|checked| equal(checked, included))
}

/// Whether two definitions say the same, as data. What was reported already is equal to anything.
fn equal(left: &Node, right: &Node) -> bool {
    match (&left.value, &right.value) {
        (Value::Invalid, _) | (_, Value::Invalid) | (Value::Null, Value::Null) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Integer(left), Value::Integer(right)) => left == right,
        (Value::Float(left), Value::Float(right)) => left.to_bits() == right.to_bits(),
        (Value::Text(left), Value::Text(right)) | (Value::Timestamp(left), Value::Timestamp(right)) => left == right,
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Map(left), Value::Map(right)) => {
            let same = |(key, entry): (&String, &super::tree::Entry)| {
                right.get(key).is_some_and(|other| equal(&entry.value, &other.value))
            };
            left.len() == right.len() && left.iter().all(same)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
