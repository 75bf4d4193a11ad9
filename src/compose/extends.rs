//! The extends stage: a service over the one that it extends, of the same document or of another file
//! (specification: *extends*).
//!
//! Knows how services are found along a chain, and that paths of another file are relative to its folder. How two
//! services merge is [`super::merge`]'s.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::assemble::{Assembler, Work};
use super::reset::Resets;
use super::source::Place;
use super::tree::{Mapping, Node, Value};
use super::{merge, nearest, paths};

/// A file that services extend: its services in long form, and what its last document resets.
pub struct Extended {
    services: Mapping,
    resets: Resets,
    name: String,
}

/// One step of a chain: a service that extends the next one.
struct Link {
    name: String,
    service: Node,
    /// The file that the service stands in; `None`: the document itself.
    file: Option<Rc<Extended>>,
}

/// What a service says under `extends`.
struct Reference<'a> {
    service: &'a str,
    /// Where the name stands.
    place: &'a Place,
    file: Option<&'a Node>,
}

/// Replaces each service of the document that extends another one.
pub fn apply(document: &mut Node, resets: &Resets, work: &mut Work<'_>, assembler: &mut Assembler<'_>) {
    let Some(services) = document.get("services").and_then(Node::as_map) else {
        return;
    };
    if services.values().all(|entry| entry.value.get("extends").is_none()) {
        return;
    }
    let mut finished: HashMap<String, Node> = HashMap::new();
    for (name, entry) in services {
        let mut chain = Chain {
            services,
            resets,
            work,
            assembler,
        };
        chain.follow(name, &entry.value, &mut finished);
    }
    if let Some(services) = document.get_mut("services").and_then(Node::as_map_mut) {
        for (name, entry) in services.iter_mut() {
            if let Some(service) = finished.remove(name) {
                entry.value = service;
            }
        }
    }
}

struct Chain<'c, 'w, 'a> {
    services: &'c Mapping,
    resets: &'c Resets,
    work: &'c mut Work<'w>,
    assembler: &'c mut Assembler<'a>,
}

impl Chain<'_, '_, '_> {
    /// Finishes one service, and those of the document that it extends; no recursion, so that a long chain cannot exhaust
    /// the stack.
    fn follow(&mut self, name: &str, service: &Node, finished: &mut HashMap<String, Node>) {
        let mut links: Vec<Link> = Vec::new();
        let mut passed: HashSet<(Option<String>, String)> = HashSet::new();
        let mut link = Link {
            name: name.to_owned(),
            service: service.clone(),
            file: None,
        };
        let mut merged = loop {
            if link.file.is_none()
                && let Some(service) = finished.get(&link.name)
            {
                break service.clone();
            }
            let Some(extends) = link.service.get("extends") else {
                break link.service.clone();
            };
            let Some(next) = self.next(&link, extends, &links, &mut passed) else {
                break broken(&link.service);
            };
            links.push(std::mem::replace(&mut link, next));
        };
        if link.file.is_none() {
            finished.entry(link.name).or_insert_with(|| merged.clone());
        }
        for link in links.into_iter().rev() {
            let name = link.file.is_none().then(|| link.name.clone());
            merged = self.lay(link, merged);
            if let Some(name) = name {
                finished.insert(name, merged.clone());
            }
        }
    }

    /// The service that a link extends; `None` where what it says is wrong, which is reported.
    fn next(
        &mut self,
        link: &Link,
        extends: &Node,
        links: &[Link],
        passed: &mut HashSet<(Option<String>, String)>,
    ) -> Option<Link> {
        let reference = self.reference(&link.name, extends)?;
        let file = match reference.file {
            Some(path) => Some(self.file(path)?),
            None => link.file.clone(),
        };
        let known = file.as_ref().map_or(self.services, |file| &file.services);
        let Some(entry) = known.get(reference.service) else {
            self.unknown(&link.name, &reference, file.as_deref(), known);
            return None;
        };
        if !matches!(entry.value.value, Value::Map(_) | Value::Null | Value::Invalid) {
            let message = format!(
                "the service `{}` must be a mapping, not {}",
                reference.service,
                entry.value.kind()
            );
            self.assembler.findings.error(message, &entry.value.place);
            return None;
        }
        // As the reference counts: a service comes again where it names the same file again.
        let step = match reference.file.and_then(Node::as_text) {
            Some(path) => (Some(path.to_owned()), link.name.clone()),
            None => (None, shown(link)),
        };
        if !passed.insert(step) {
            self.circle(links, link, reference.place);
            return None;
        }
        Some(Link {
            name: reference.service.to_owned(),
            service: entry.value.clone(),
            file,
        })
    }

    fn lay(&mut self, link: Link, mut merged: Node) -> Node {
        if merged.is_invalid() {
            return merged;
        }
        // A service that says nothing at all gives nothing; the reference keeps `extends` then.
        if merged.is_null() {
            return link.service;
        }
        let resets = link.file.as_ref().map_or(self.resets, |file| &file.resets);
        resets.apply_to_service(&link.name, &mut merged);
        let key = link.service.place.clone();
        merge::extend(&mut merged, link.service, self.assembler.findings);
        merged.place = key;
        if let Some(service) = merged.as_map_mut() {
            service.shift_remove("extends");
        }
        merged
    }

    fn reference<'n>(&mut self, name: &str, extends: &'n Node) -> Option<Reference<'n>> {
        let found = match &extends.value {
            Value::Text(service) => Some((service.as_str(), &extends.place)),
            Value::Map(mapping) => mapping
                .get("service")
                .and_then(|entry| Some((entry.value.as_text()?, &entry.value.place))),
            _ => None,
        };
        let Some((service, place)) = found else {
            if !extends.is_invalid() {
                let message = format!("`extends` of the service `{name}` does not say which service");
                let hint = "name it: `extends: {service: NAME}`".to_owned();
                self.assembler.findings.error_hint(message, &extends.place, Some(hint));
            }
            return None;
        };
        let file = extends.get("file").filter(|file| !file.is_null());
        if let Some(file) = file
            && file.as_text().is_none()
        {
            let message = format!("`file` must be a string, not {}", file.kind());
            self.assembler.findings.error(message, &file.place);
            return None;
        }
        Some(Reference { service, place, file })
    }

    /// The other file, read once for all services of a set that extend one of its.
    fn file(&mut self, named: &Node) -> Option<Rc<Extended>> {
        if self.assembler.refuses_remote(named) {
            return None;
        }
        let written = named.as_text().unwrap_or_default();
        let folder = self.work.set.folder.clone();
        let path = PathBuf::from(paths::normal(&folder.join(written).display().to_string()));
        if let Some(known) = self.work.extended.get(&path) {
            return known.clone();
        }
        let loaded = self.load(&path, &folder, named).map(Rc::new);
        self.work.extended.insert(path, loaded.clone());
        loaded
    }

    fn load(&mut self, path: &Path, folder: &Path, named: &Node) -> Option<Extended> {
        let documents = self.assembler.read(path, "extended from", &named.place)?;
        let (tree, resets) = self.assembler.extended_file(documents, self.work);
        let name = self.assembler.shown(path);
        let mut tree = match tree {
            Some(tree) if tree.get("services").is_some() => tree,
            _ => {
                let message = format!("the file `{name}` has no services");
                self.assembler.findings.error(message, &named.place);
                return None;
            }
        };
        let relative = paths::relative(folder, path.parent().unwrap_or(Path::new("/")));
        self.assembler.resolve_paths(&mut tree, &relative, self.work.set);
        let services = tree.get_mut("services")?;
        let found = services.kind();
        match std::mem::replace(&mut services.value, Value::Null) {
            Value::Map(services) => Some(Extended {
                services: *services,
                resets,
                name,
            }),
            Value::Invalid => None,
            _ => {
                let message = format!("`services` must be a mapping, not {found}");
                self.assembler.findings.error(message, &services.place);
                None
            }
        }
    }

    fn unknown(&mut self, name: &str, reference: &Reference<'_>, file: Option<&Extended>, known: &Mapping) {
        let other = reference.service;
        let message = match file {
            Some(file) => format!(
                "the service `{name}` extends `{other}`, which is not in `{}`",
                file.name
            ),
            None => format!("the service `{name}` extends `{other}`, which is not in this file"),
        };
        let hint = nearest::hint(other, known.keys().map(String::as_str));
        self.assembler.findings.error_hint(message, reference.place, hint);
    }

    fn circle(&mut self, links: &[Link], last: &Link, place: &Place) {
        let mut steps: Vec<String> = links.iter().map(shown).collect();
        steps.push(shown(last));
        let message = format!("the services extend each other in a circle: {}", steps.join(" → "));
        self.assembler.findings.error(message, place);
    }
}

/// A step of a chain in a reader's words.
fn shown(link: &Link) -> String {
    match &link.file {
        Some(file) => format!("{} ({})", link.name, file.name),
        None => link.name.clone(),
    }
}

/// A service whose chain is broken: reported, so nothing more is said of it.
fn broken(service: &Node) -> Node {
    Node::new(Value::Invalid, service.place.clone())
}

#[cfg(test)]
mod tests;
