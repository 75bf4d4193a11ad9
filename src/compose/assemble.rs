//! The documents of a set of files become one tree: each is interpolated, extended, given what it includes, laid over
//! the ones before, and put into long form.
//!
//! Knows the order of these stages, which is the reference's; the files they need come through [`Request::read`].
//! Never looks at the project as a whole: that is what [`super::load`] does with the tree.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use super::extends::{self, Extended};
use super::findings::Findings;
use super::load::Request;
use super::reset::Resets;
use super::source::{Diagnostic, Place, Source, text_of};
use super::tree::{Node, Value};
use super::{canonical, defaults, include, interpolate, lookups, merge, parse, paths, schema, unique, validate};

/// One file: its documents and where it is.
pub struct File {
    pub path: PathBuf,
    pub documents: Vec<Node>,
}

/// Files that are loaded together: the project's own, or those of one entry of `include`.
pub struct Set {
    /// What relative paths are resolved against. Relative itself for what is included: the file that includes it
    /// resolves it further.
    pub base: PathBuf,
    /// The folder that the files named in `extends` and `include` are relative to.
    pub folder: PathBuf,
    pub variables: BTreeMap<String, String>,
    /// The files that led here, outermost first.
    pub including: Vec<PathBuf>,
    /// The project's own files, which the request names.
    pub is_own: bool,
}

/// What all sets of one load share.
pub struct Assembler<'a> {
    pub request: &'a Request<'a>,
    pub findings: &'a mut Findings,
    /// Variables that included files take from their own `.env`, for secrets and configs.
    pub outside: BTreeMap<String, String>,
}

/// What the stages of one set remember.
pub struct Work<'s> {
    pub set: &'s Set,
    pub variables: interpolate::Variables<'s>,
    pub extended: HashMap<PathBuf, Option<Rc<Extended>>>,
}

impl Assembler<'_> {
    /// Makes one tree of a set; `None` where nothing is left of it.
    pub fn assemble(&mut self, files: Vec<File>, set: &Set) -> Option<Node> {
        let mut work = Work {
            set,
            variables: interpolate::Variables::new(&set.variables),
            extended: HashMap::new(),
        };
        let mut tree = None;
        for file in files {
            let mut including = set.including.clone();
            including.push(file.path);
            for mut document in file.documents {
                let resets = self.prepare(&mut document, &mut work);
                extends::apply(&mut document, &resets, &mut work, self);
                include::apply(&mut document, set, &including, self);
                self.lay(&mut tree, document, &resets, true);
            }
        }
        let mut tree = tree?;
        defaults::fill(&mut tree);
        validate::check(&tree, self.findings);
        if self.request.stages.path_resolution || !set.is_own {
            self.resolve_paths(&mut tree, &set.base, set);
        }
        if self.request.stages.interpolation {
            lookups::entries(&mut tree, &set.variables);
        }
        if !set.is_own {
            lookups::contents(&mut tree, &set.variables);
            lookups::remember(&tree, &set.variables, &mut self.outside);
        }
        Some(tree)
    }

    /// Makes one tree of a file that a service extends: neither checked nor extended further.
    pub fn extended_file(&mut self, documents: Vec<Node>, work: &mut Work<'_>) -> (Option<Node>, Resets) {
        let mut tree = None;
        let mut last = Resets::default();
        for mut document in documents {
            last = self.prepare(&mut document, work);
            self.lay(&mut tree, document, &last, false);
        }
        (tree, last)
    }

    fn prepare(&mut self, document: &mut Node, work: &mut Work<'_>) -> Resets {
        let resets = Resets::taken_from(document);
        if self.request.stages.interpolation {
            interpolate::tree(document, &mut work.variables, self.findings);
        }
        resets
    }

    fn lay(&mut self, tree: &mut Option<Node>, document: Node, resets: &Resets, checked: bool) {
        let tree = match tree {
            Some(tree) => {
                resets.apply(tree);
                merge::merge(tree, document, self.findings);
                tree
            }
            None => tree.insert(document),
        };
        unique::unify(tree, self.findings);
        if checked {
            schema::check(tree, self.request.stages.interpolation, self.findings);
            schema::check_whole(tree, self.findings);
            let version = tree.as_map_mut().and_then(|root| root.shift_remove("version"));
            if let Some(entry) = version {
                let words = "`version` has no effect: the specification gave it up";
                let found = Diagnostic::warning(words, Some(entry.key));
                self.findings.push(found.hint("take it out"));
            }
        }
        canonical::canonical(tree, !self.request.stages.interpolation, self.findings);
        drop_empty_servers(tree);
        unique::unify(tree, self.findings);
    }

    pub fn resolve_paths(&mut self, tree: &mut Node, directory: &Path, set: &Set) {
        let base = paths::Base {
            directory,
            home: set.variables.get("HOME").map(String::as_str),
        };
        paths::resolve(tree, &base);
    }

    /// Reads and parses a file that another one names at a place; `why` says how (`extended from`).
    pub fn read(&mut self, path: &Path, why: &str, place: &Place) -> Option<Vec<Node>> {
        let shown = self.shown(path);
        let text = match (self.request.read)(path).map(text_of) {
            Ok(Ok(text)) => text,
            Ok(Err(found)) => {
                self.findings
                    .error(format!("cannot read the file `{shown}`: {found}"), place);
                return None;
            }
            Err(error) => {
                let message = match error.kind() {
                    std::io::ErrorKind::NotFound => format!("the file `{shown}` does not exist"),
                    _ => format!("cannot read the file `{shown}`: {error}"),
                };
                self.findings.error(message, place);
                return None;
            }
        };
        let source = Arc::new(Source {
            name: shown,
            text,
            trail: vec![(why.to_owned(), place.clone())],
        });
        match parse::parse(&source) {
            Ok(documents) => Some(documents),
            Err(found) => {
                self.findings.push(*found);
                None
            }
        }
    }

    /// How messages call a file: relative to the project's folder where it is in it.
    pub fn shown(&self, path: &Path) -> String {
        let inside = path.strip_prefix(&self.request.directory);
        inside.unwrap_or(path).display().to_string()
    }

    /// Reports and gives `true` where a name is that of something on the network.
    pub fn refuses_remote(&mut self, name: &Node) -> bool {
        let remote = name.as_text().is_some_and(is_remote);
        if remote {
            let found = Diagnostic::error("files are not fetched from elsewhere", Some(name.place.clone()));
            self.findings
                .push(found.hint("fetch it yourself, and name the local file"));
        }
        remote
    }
}

/// What the reference would fetch: Git repositories and registries.
fn is_remote(name: &str) -> bool {
    [
        "oci://",
        "https://",
        "http://",
        "git://",
        "ssh://",
        "git@",
        "github.com/",
    ]
    .iter()
    .any(|prefix| name.starts_with(prefix))
}

/// An empty name server (an unset variable, say) is none.
fn drop_empty_servers(tree: &mut Node) {
    let services = tree.get_mut("services").and_then(Node::as_map_mut);
    for service in services.into_iter().flat_map(|services| services.values_mut()) {
        if let Some(servers) = service.value.get_mut("dns").and_then(Node::as_list_mut) {
            servers.retain(|server| !matches!(&server.value, Value::Null) && server.as_text() != Some(""));
        }
    }
}
