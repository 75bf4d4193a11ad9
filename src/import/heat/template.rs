//! The sections of a template, in both of Heat's forms (HOT, and the one of CloudFormation), as one shape.

use indexmap::IndexMap;

use crate::compose::source::Place;
use crate::compose::tree::{Node, Value};
use crate::import::did_you_mean;
use crate::import::draft::{Draft, at};

use super::parameters::Parameter;

/// A template, read and not yet understood.
pub struct Template {
    /// Which functions its values may call.
    pub dialect: Dialect,
    pub parameters: IndexMap<String, Parameter>,
    pub resources: IndexMap<String, Resource>,
    pub outputs: Option<Node>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Hot,
    /// `AWSTemplateFormatVersion` and `HeatTemplateFormatVersion`.
    Cfn,
}

pub struct Resource {
    pub kind: String,
    pub kind_place: Place,
    /// Where its name stands.
    pub place: Place,
    pub properties: Option<Node>,
    pub depends_on: Vec<(String, Place)>,
    /// `metadata`, `deletion_policy`, …: the key, its place, the value.
    pub rest: Vec<(String, Place, Node)>,
}

/// The sections' names, HOT's first.
const SECTIONS: &[(&str, &str)] = &[
    ("description", "Description"),
    ("parameters", "Parameters"),
    ("resources", "Resources"),
    ("outputs", "Outputs"),
    ("parameter_groups", ""),
    ("conditions", "Conditions"),
    ("heat_template_version", "AWSTemplateFormatVersion"),
    ("", "HeatTemplateFormatVersion"),
    ("", "Mappings"),
    ("", "Metadata"),
];

impl Template {
    /// Reads the template and its environment files; `None` where there is nothing to go on with.
    pub fn read(documents: &[Node], draft: &mut Draft) -> Option<Template> {
        let is_template = |node: &&Node| node.get("resources").or_else(|| node.get("Resources")).is_some();
        let mut templates = documents.iter().filter(is_template);
        let Some(document) = templates.next() else {
            let place = &documents.first()?.place;
            draft.error("the template has no `resources`", place, None);
            return None;
        };
        if let Some(second) = templates.next() {
            let hint = "import each template by itself".to_owned();
            draft.error("a second template", &second.place, Some(hint));
        }
        let cfn = ["AWSTemplateFormatVersion", "HeatTemplateFormatVersion", "Resources"];
        let dialect = match cfn.iter().any(|key| document.get(key).is_some()) {
            true => Dialect::Cfn,
            false => Dialect::Hot,
        };
        let word = |pair: &(&'static str, &'static str)| match dialect {
            Dialect::Hot => pair.0,
            Dialect::Cfn => pair.1,
        };
        let mut template = Template {
            dialect,
            parameters: IndexMap::new(),
            resources: IndexMap::new(),
            outputs: None,
        };
        for (name, entry) in document.as_map()? {
            let Some(pair) = SECTIONS.iter().find(|pair| word(pair) == name) else {
                let hint = did_you_mean(name, SECTIONS.iter().map(word).filter(|word| !word.is_empty()));
                draft.error(format!("unknown section `{name}`"), &entry.key, hint);
                continue;
            };
            match pair {
                ("description", _) => draft
                    .head
                    .extend(entry.value.scalar_text().map(|text| text.trim().to_owned())),
                ("parameters", _) => template.parameters = Parameter::read_all(&entry.value, dialect, draft),
                ("resources", _) => template.read_resources(&entry.value, draft),
                ("outputs", _) => template.outputs = Some(entry.value.clone()),
                (_, "AWSTemplateFormatVersion" | "HeatTemplateFormatVersion") => {}
                _ => draft.lost(at([]), name, "it is not translated", &entry.key),
            }
        }
        for environment in documents.iter().filter(|node| !is_template(node)) {
            template.read_environment(environment, draft);
        }
        Some(template)
    }

    fn read_resources(&mut self, node: &Node, draft: &mut Draft) {
        let Some(mapping) = node.as_map() else {
            return draft.error(
                format!("`resources` must be a mapping, not {}", node.kind()),
                &node.place,
                None,
            );
        };
        for (name, entry) in mapping {
            if let Some(resource) = self.resource(name, &entry.key, &entry.value, draft) {
                self.resources.insert(name.clone(), resource);
            }
        }
    }

    fn resource(&self, name: &str, key: &Place, node: &Node, draft: &mut Draft) -> Option<Resource> {
        let Some(mapping) = node.as_map() else {
            draft.error(
                format!("the resource `{name}` must be a mapping, not {}", node.kind()),
                key,
                None,
            );
            return None;
        };
        let words = match self.dialect {
            Dialect::Hot => ["type", "properties", "depends_on"],
            Dialect::Cfn => ["Type", "Properties", "DependsOn"],
        };
        let known_rest: &[&str] = match self.dialect {
            Dialect::Hot => &[
                "metadata",
                "deletion_policy",
                "update_policy",
                "external_id",
                "condition",
                "description",
            ],
            Dialect::Cfn => &["Metadata", "DeletionPolicy", "UpdatePolicy", "Condition", "Description"],
        };
        let Some(kind) = node.get(words[0]).filter(|node| node.as_text().is_some()) else {
            draft.error(format!("the resource `{name}` has no `{}`", words[0]), key, None);
            return None;
        };
        let mut resource = Resource {
            kind: kind.as_text().unwrap_or_default().to_owned(),
            kind_place: kind.place.clone(),
            place: key.clone(),
            properties: None,
            depends_on: Vec::new(),
            rest: Vec::new(),
        };
        for (key, entry) in mapping {
            if key == words[1] {
                resource.properties = Some(entry.value.clone()).filter(|node| !node.is_null());
            } else if key == words[2] {
                let one = [entry.value.clone()];
                for node in entry.value.as_list().unwrap_or(&one) {
                    match node.as_text() {
                        Some(text) => resource.depends_on.push((text.to_owned(), node.place.clone())),
                        None => draft.error(format!("`{key}` names resources"), &node.place, None),
                    }
                }
            } else if known_rest.contains(&key.as_str()) {
                resource
                    .rest
                    .push((key.clone(), entry.key.clone(), entry.value.clone()));
            } else if key != words[0] {
                let hint = did_you_mean(key, words.into_iter().chain(known_rest.iter().copied()));
                draft.error(format!("a resource has no `{key}`"), &entry.key, hint);
            }
        }
        Some(resource)
    }

    /// An environment file: its parameters take the place of the template's defaults.
    fn read_environment(&mut self, document: &Node, draft: &mut Draft) {
        for (section, entry) in document.as_map().into_iter().flatten() {
            if section != "parameters" && section != "parameter_defaults" {
                draft.lost(
                    at([]),
                    section,
                    "of an environment file, only parameters are taken",
                    &entry.key,
                );
                continue;
            }
            for (name, value) in entry.value.as_map().into_iter().flatten() {
                match self.parameters.get_mut(name) {
                    Some(parameter) if parameter.hidden => {}
                    Some(parameter) => parameter.default = Some(value.value.clone()),
                    // Defaults may be meant for other templates.
                    None if section == "parameter_defaults" => {}
                    None => {
                        let hint = did_you_mean(name, self.parameters.keys().map(String::as_str));
                        draft.error(format!("the template has no parameter `{name}`"), &value.key, hint);
                    }
                }
            }
        }
    }
}

/// A boolean in any of the forms that Heat takes.
pub fn truth(node: &Node) -> Option<bool> {
    match &node.value {
        Value::Bool(value) => Some(*value),
        Value::Integer(1) => Some(true),
        Value::Integer(0) => Some(false),
        Value::Text(text) => truth_of(text),
        _ => None,
    }
}

pub fn truth_of(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
        _ => None,
    }
}
