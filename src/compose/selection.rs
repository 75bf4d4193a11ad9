//! The selection stage: the services that were asked for by name, what they depend on, and the resources that they use.
//!
//! Runs after the cross-checks, as in the reference: what is left out was checked all the same.

use std::collections::HashSet;

use super::findings::Findings;
use super::load::Request;
use super::nearest;
use super::profiles::{self, Disabled};
use super::source::Diagnostic;
use super::tree::{Mapping, Node};

/// Activates the profiles of the services that are asked for by name: whoever names a service wants it.
pub fn enable(project: &mut Node, disabled: &mut Disabled, request: &Request<'_>) {
    let mut active = request.profiles.clone();
    for name in &request.services {
        if let Some(entry) = disabled.get(name) {
            active.extend(profiles::of(&entry.value).map(str::to_owned));
        }
    }
    profiles::enable(project, disabled, &active);
}

/// Leaves what the request asks for.
pub fn select(project: &mut Node, disabled: &mut Disabled, request: &Request<'_>, findings: &mut Findings) {
    if let Some(services) = project.get_mut("services").and_then(Node::as_map_mut) {
        if !request.services.is_empty() {
            only(services, disabled, &request.services, findings);
        }
        if request.stages.unused_left_out {
            let used = Used::of(services);
            used.leave(project);
        }
    }
}

/// Leaves the named services and what they depend on.
fn only(services: &mut Mapping, disabled: &mut Disabled, names: &[String], findings: &mut Findings) {
    let mut wanted: HashSet<String> = HashSet::new();
    let mut waiting: Vec<String> = Vec::new();
    for pattern in names {
        let found: Vec<&String> = services.keys().filter(|name| matches(pattern, name)).collect();
        if found.is_empty() {
            let mut problem = Diagnostic::error(format!("there is no service `{pattern}`"), None);
            problem.hint = nearest::hint(pattern, services.keys().map(String::as_str));
            findings.push(problem);
        }
        waiting.extend(found.into_iter().cloned());
    }
    while let Some(name) = waiting.pop() {
        let Some(entry) = services.get(&name).filter(|_| !wanted.contains(&name)) else {
            continue;
        };
        for (dependency, dependency_entry) in dependencies(&entry.value) {
            if services.contains_key(dependency) {
                waiting.push(dependency.clone());
            } else if dependency_entry.value.get("required").is_none_or(Node::is_true) {
                let message = format!("the service `{name}` depends on `{dependency}`, which takes no part");
                let hint = "activate one of its profiles with `--profile`".to_owned();
                findings.error_hint(message, &dependency_entry.key, Some(hint));
            }
        }
        wanted.insert(name);
    }
    for (name, mut entry) in std::mem::take(services) {
        if wanted.contains(&name) {
            if let Some(depends_on) = entry.value.get_mut("depends_on").and_then(Node::as_map_mut) {
                depends_on.retain(|name, _| wanted.contains(name));
            }
            services.insert(name, entry);
        } else {
            disabled.insert(name, entry);
        }
    }
}

fn dependencies(service: &Node) -> &Mapping {
    static NONE: std::sync::LazyLock<Mapping> = std::sync::LazyLock::new(Mapping::default);
    service.get("depends_on").and_then(Node::as_map).unwrap_or(&NONE)
}

/// A shell pattern (`*`, `?`, `[a-z]`, `\\`) against a whole name.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pattern = pattern.chars();
    let mut rest = name.chars();
    let Some(first) = pattern.next() else {
        return name.is_empty();
    };
    match first {
        '*' => {
            let mut tail = Some(name);
            while let Some(text) = tail {
                if matches(pattern.as_str(), text) {
                    return true;
                }
                let mut characters = text.chars();
                tail = characters.next().map(|_| characters.as_str());
            }
            false
        }
        '?' => rest.next().is_some() && matches(pattern.as_str(), rest.as_str()),
        '[' => {
            let Some((class, after)) = pattern.as_str().split_once(']') else {
                return false;
            };
            rest.next().is_some_and(|c| in_class(class, c)) && matches(after, rest.as_str())
        }
        '\\' => {
            let literal = pattern.next();
            literal.is_some() && rest.next() == literal && matches(pattern.as_str(), rest.as_str())
        }
        literal => rest.next() == Some(literal) && matches(pattern.as_str(), rest.as_str()),
    }
}

fn in_class(class: &str, character: char) -> bool {
    let (negated, class) = match class.strip_prefix('^') {
        Some(class) => (true, class),
        None => (false, class),
    };
    let members: Vec<char> = class.chars().collect();
    let mut at = 0;
    let mut found = false;
    while at < members.len() {
        if members.get(at + 1) == Some(&'-')
            && let Some(last) = members.get(at + 2)
        {
            found |= (members[at]..=*last).contains(&character);
            at += 3;
        } else {
            found |= members[at] == character;
            at += 1;
        }
    }
    found != negated
}

/// The resources that services use, by kind.
#[derive(Default)]
struct Used {
    networks: HashSet<String>,
    volumes: HashSet<String>,
    configs: HashSet<String>,
    secrets: HashSet<String>,
    models: HashSet<String>,
}

impl Used {
    fn of(services: &Mapping) -> Self {
        let mut used = Used::default();
        for entry in services.values() {
            let service = &entry.value;
            let keys = |key: &str| -> Vec<String> {
                let mapping = service.get(key).and_then(Node::as_map);
                mapping
                    .into_iter()
                    .flat_map(|mapping| mapping.keys().cloned())
                    .collect()
            };
            used.networks.extend(keys("networks"));
            used.models.extend(keys("models"));
            let sources = |node: Option<&Node>| -> Vec<String> {
                let list = node.and_then(Node::as_list).unwrap_or_default();
                list.iter()
                    .filter_map(|item| item.get("source")?.as_text().map(str::to_owned))
                    .collect()
            };
            let mounts = service.get("volumes").and_then(Node::as_list).unwrap_or_default();
            let volumes = mounts
                .iter()
                .filter(|mount| mount.get("type").and_then(Node::as_text) == Some("volume"));
            used.volumes
                .extend(volumes.filter_map(|mount| mount.get("source")?.as_text().map(str::to_owned)));
            used.configs.extend(sources(service.get("configs")));
            used.secrets.extend(sources(service.get("secrets")));
            used.secrets
                .extend(sources(service.get("build").and_then(|build| build.get("secrets"))));
        }
        used
    }

    fn leave(&self, project: &mut Node) {
        for (kind, used) in [
            ("networks", &self.networks),
            ("volumes", &self.volumes),
            ("configs", &self.configs),
            ("secrets", &self.secrets),
            ("models", &self.models),
        ] {
            if let Some(resources) = project.get_mut(kind).and_then(Node::as_map_mut) {
                resources.retain(|name, _| used.contains(name));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn services_are_named_by_shell_patterns() {
        for (pattern, name) in [
            ("web", "web"),
            ("w*", "web"),
            ("*b", "web"),
            ("w?b", "web"),
            ("[u-w]eb", "web"),
            ("*", ""),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("web", "webs"),
            ("w*x", "web"),
            ("[^w]eb", "web"),
            ("?", ""),
            ("[", "["),
            ("", "a"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
