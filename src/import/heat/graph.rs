//! Which resource refers to which: names that nothing has, and cycles.

use indexmap::IndexMap;

use crate::compose::source::Place;
use crate::compose::tree::{Node, Value};
use crate::import::did_you_mean;
use crate::import::draft::Draft;

use super::template::{Dialect, Resource, Template};

/// Reports references to parameters and resources that are missing, and cycles of resources.
pub fn check(template: &Template, draft: &mut Draft) {
    let mut edges: IndexMap<&str, Vec<(String, Place)>> = IndexMap::new();
    for (name, resource) in &template.resources {
        let mut found = Vec::new();
        for (target, place) in &resource.depends_on {
            resource_named(template, target, place, draft);
            found.push((target.clone(), place.clone()));
        }
        let nodes = resource
            .properties
            .iter()
            .chain(resource.rest.iter().map(|(_, _, node)| node));
        for node in nodes {
            references(template, node, &mut found, draft);
        }
        edges.insert(name, found);
    }
    if let Some(outputs) = &template.outputs {
        references(template, outputs, &mut Vec::new(), draft);
    }
    cycles(&edges, draft);
}

/// The resources that this one needs, in words or because its properties name them.
pub fn needed(template: &Template, resource: &Resource) -> Vec<String> {
    let mut found = resource.depends_on.clone();
    // What is wrong with them was reported by the check.
    let mut reported = Draft::default();
    if let Some(properties) = &resource.properties {
        references(template, properties, &mut found, &mut reported);
    }
    found.into_iter().map(|(name, _)| name).collect()
}

fn references(template: &Template, node: &Node, found: &mut Vec<(String, Place)>, draft: &mut Draft) {
    match &node.value {
        Value::List(list) => list.iter().for_each(|node| references(template, node, found, draft)),
        Value::Map(mapping) => {
            if mapping.len() == 1 {
                let (key, entry) = &mapping.first().expect("it has one");
                reference(template, key, &entry.value, found, draft);
            }
            mapping
                .values()
                .for_each(|entry| references(template, &entry.value, found, draft));
        }
        _ => {}
    }
}

fn reference(template: &Template, key: &str, value: &Node, found: &mut Vec<(String, Place)>, draft: &mut Draft) {
    let first = value.as_list().and_then(<[Node]>::first).unwrap_or(value);
    let Some(name) = first.as_text() else { return };
    let name = match template.dialect {
        Dialect::Cfn => name.split('.').next().unwrap_or(name),
        Dialect::Hot => name,
    };
    match (template.dialect, key) {
        (Dialect::Hot, "get_param") => parameter_named(template, name, &first.place, draft),
        (Dialect::Hot, "get_resource" | "get_attr") | (Dialect::Cfn, "Fn::GetAtt") => {
            resource_named(template, name, &first.place, draft);
            found.push((name.to_owned(), first.place.clone()));
        }
        (Dialect::Cfn, "Ref") if template.resources.contains_key(name) => {
            found.push((name.to_owned(), first.place.clone()));
        }
        (Dialect::Cfn, "Ref") => parameter_named(template, name, &first.place, draft),
        _ => {}
    }
}

fn parameter_named(template: &Template, name: &str, place: &Place, draft: &mut Draft) {
    let pseudo = name.starts_with("OS::") || name.starts_with("AWS::");
    if !pseudo && !template.parameters.contains_key(name) {
        let hint = did_you_mean(name, template.parameters.keys().map(String::as_str));
        draft.error(format!("no parameter `{name}`"), place, hint);
    }
}

fn resource_named(template: &Template, name: &str, place: &Place, draft: &mut Draft) {
    if !template.resources.contains_key(name) {
        let hint = did_you_mean(name, template.resources.keys().map(String::as_str));
        draft.error(format!("no resource `{name}`"), place, hint);
    }
}

fn cycles(edges: &IndexMap<&str, Vec<(String, Place)>>, draft: &mut Draft) {
    let mut done = Vec::new();
    for name in edges.keys() {
        visit(name, edges, &mut Vec::new(), &mut done, draft);
    }
}

fn visit<'e>(
    name: &'e str,
    edges: &'e IndexMap<&str, Vec<(String, Place)>>,
    path: &mut Vec<&'e str>,
    done: &mut Vec<&'e str>,
    draft: &mut Draft,
) {
    if done.contains(&name) {
        return;
    }
    path.push(name);
    for (target, place) in edges.get(name).into_iter().flatten() {
        if let Some(from) = path.iter().position(|other| other == target) {
            let words: Vec<&str> = path[from..].iter().copied().chain([target.as_str()]).collect();
            draft.error(
                format!("resources that need each other: {}", words.join(" -> ")),
                place,
                None,
            );
        } else {
            visit(target, edges, path, done, draft);
        }
    }
    path.pop();
    done.push(name);
}
