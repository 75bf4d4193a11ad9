//! Dependencies that come back to where they began.

use std::collections::HashSet;

use crate::compose::findings::Findings;
use crate::compose::source::Place;
use crate::compose::tree::Node;

/// Reports each cycle of `depends_on` once, with its path.
pub fn check(project: &Node, findings: &mut Findings) {
    let Some(services) = project.get("services").and_then(Node::as_map) else {
        return;
    };
    let mut done: HashSet<&str> = HashSet::new();
    for start in services.keys() {
        let mut path: Vec<&str> = Vec::new();
        // Each level is the list of the dependencies that remain to be looked at; no recursion, so that
        // a long chain cannot exhaust the stack.
        let mut levels: Vec<Vec<(&str, &Place)>> = Vec::new();
        if done.contains(start.as_str()) {
            continue;
        }
        path.push(start);
        levels.push(dependencies(project, start));
        while let Some(level) = levels.last_mut() {
            let Some((name, place)) = level.pop() else {
                levels.pop();
                if let Some(name) = path.pop() {
                    done.insert(name);
                }
                continue;
            };
            if path.last() == Some(&name) {
                findings.error(format!("the service `{name}` depends on itself"), place);
            } else if let Some(at) = path.iter().position(|known| *known == name) {
                let mut cycle: Vec<&str> = path[at..].to_vec();
                cycle.push(name);
                let message = format!("the services depend on each other in a circle: {}", cycle.join(" → "));
                findings.error(message, place);
            } else if !done.contains(name) {
                path.push(name);
                levels.push(dependencies(project, name));
            }
        }
    }
}

/// A service's dependencies, last first.
fn dependencies<'a>(project: &'a Node, name: &str) -> Vec<(&'a str, &'a Place)> {
    let service = project.get("services").and_then(|services| services.get(name));
    let depends_on = service
        .and_then(|service| service.get("depends_on"))
        .and_then(Node::as_map);
    let mut names: Vec<(&str, &Place)> = depends_on
        .into_iter()
        .flatten()
        .map(|(name, entry)| (name.as_str(), &entry.key))
        .collect();
    names.reverse();
    names
}
