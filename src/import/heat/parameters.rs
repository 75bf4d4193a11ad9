//! Parameters become variables: `key_name` becomes `${KEY_NAME:-its default}`.
//!
//! A hidden one becomes a variable that must be set, and its default is never written anywhere.

use indexmap::IndexMap;

use crate::compose::source::Place;
use crate::compose::tree::{Node, Value};
use crate::import::did_you_mean;
use crate::import::draft::{Draft, at};

use super::template::{Dialect, truth};
use super::translator::Translator;

pub struct Parameter {
    /// The variable's name.
    pub variable: String,
    pub kind: Kind,
    pub default: Option<Node>,
    pub hidden: bool,
    pub description: Option<String>,
    pub place: Place,
    /// `constraints`, `label`, …: the key, its place, the value.
    rest: Vec<(String, Place, Node)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Scalar,
    List,
    Json,
}

/// The attributes of a parameter, HOT's and CloudFormation's.
const KEYS: &[&str] = &[
    "type",
    "label",
    "description",
    "default",
    "hidden",
    "constraints",
    "immutable",
    "tags",
    "schema",
];
const CFN_KEYS: &[&str] = &[
    "Type",
    "Description",
    "Default",
    "NoEcho",
    "AllowedValues",
    "AllowedPattern",
    "MaxLength",
    "MinLength",
    "MaxValue",
    "MinValue",
    "ConstraintDescription",
    "Label",
];

impl Parameter {
    pub fn read_all(node: &Node, dialect: Dialect, draft: &mut Draft) -> IndexMap<String, Parameter> {
        let mut parameters: IndexMap<String, Parameter> = IndexMap::new();
        for (name, entry) in node.as_map().into_iter().flatten() {
            let mut parameter = Parameter::read(name, &entry.key, &entry.value, dialect, draft);
            while parameters.values().any(|other| other.variable == parameter.variable) {
                parameter.variable.push('_');
            }
            parameters.insert(name.clone(), parameter);
        }
        parameters
    }

    fn read(name: &str, place: &Place, node: &Node, dialect: Dialect, draft: &mut Draft) -> Parameter {
        let mut parameter = Parameter {
            variable: variable_name(name),
            kind: Kind::Scalar,
            default: None,
            hidden: false,
            description: None,
            place: place.clone(),
            rest: Vec::new(),
        };
        let known = match dialect {
            Dialect::Hot => KEYS,
            Dialect::Cfn => CFN_KEYS,
        };
        for (key, entry) in node.as_map().into_iter().flatten() {
            if !known.contains(&key.as_str()) {
                let hint = did_you_mean(key, known.iter().copied());
                draft.error(format!("a parameter has no `{key}`"), &entry.key, hint);
                continue;
            }
            match key.as_str() {
                "type" | "Type" => match entry.value.as_text().unwrap_or_default() {
                    "string" | "number" | "boolean" | "String" | "Number" => {}
                    "comma_delimited_list" | "CommaDelimitedList" => parameter.kind = Kind::List,
                    "json" | "Json" => parameter.kind = Kind::Json,
                    other => {
                        let names = ["string", "number", "boolean", "comma_delimited_list", "json"];
                        draft.error(
                            format!("`{other}` is no type of a parameter"),
                            &entry.value.place,
                            did_you_mean(other, names),
                        );
                    }
                },
                "description" | "Description" => parameter.description = entry.value.scalar_text(),
                "hidden" | "NoEcho" => parameter.hidden = truth(&entry.value) == Some(true),
                "default" | "Default" => parameter.default = Some(entry.value.clone()),
                _ => parameter
                    .rest
                    .push((key.clone(), entry.key.clone(), entry.value.clone())),
            }
        }
        if parameter.hidden {
            parameter.default = None;
        }
        parameter
    }

    /// The variable as the output writes it.
    pub fn reference(&self) -> String {
        let default = match &self.default {
            Some(node) => node.scalar_text().unwrap_or_default(),
            None => return required(&self.variable, self.description.as_deref(), self.hidden),
        };
        match default.contains('}') {
            // A default cannot hold a closing brace: the variable goes without.
            true => required(&self.variable, self.description.as_deref(), false),
            false => format!("${{{}:-{}}}", self.variable, default.replace('$', "$$")),
        }
    }

    /// The items of a list's default.
    pub fn items(&self) -> Option<Vec<String>> {
        match &self.default.as_ref()?.value {
            Value::List(list) => Some(list.iter().filter_map(Node::scalar_text).collect()),
            Value::Text(text) if text.is_empty() => Some(Vec::new()),
            Value::Text(text) => Some(text.split(',').map(|item| item.trim().to_owned()).collect()),
            _ => self.default.as_ref()?.scalar_text().map(|text| vec![text]),
        }
    }
}

/// A variable that must be set; the message says what it is.
pub fn required(variable: &str, description: Option<&str>, secret: bool) -> String {
    let usual = if secret {
        "a secret: set it in the environment"
    } else {
        "must be set"
    };
    let words = description.unwrap_or(usual).replace(['$', '{', '}', '\n'], " ");
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("${{{variable}:?{words}}}")
}

/// `key-name` as the name of a variable: `KEY_NAME`.
pub fn variable_name(name: &str) -> String {
    let fits = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    let name: String = name.chars().map(fits).collect();
    match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{name}"),
        false => name,
    }
}

/// Lists the variables at the head of the output; what a variable cannot say is said there, too.
pub fn translate(translator: &mut Translator<'_>) {
    let template = translator.template;
    let draft = &mut *translator.draft;
    for (name, parameter) in &template.parameters {
        let mut line = format!("{} is the parameter `{name}`", parameter.variable);
        if let Some(description) = &parameter.description {
            line = format!(
                "{line}: {}",
                description.split_whitespace().collect::<Vec<_>>().join(" ")
            );
        }
        match (parameter.hidden, &parameter.default) {
            (true, _) => line.push_str(" (a secret: it must be set, and has no default here)"),
            (false, None) if parameter.kind == Kind::Scalar => line.push_str(" (it must be set)"),
            (false, Some(default)) if default.scalar_text().is_some_and(|text| text.contains('}')) => {
                let why = "a default with a brace cannot be written: the variable must be set";
                draft.lost(at([]), &format!("default of {name}"), why, &default.place);
            }
            _ => {}
        }
        draft.head.push(line);
        if parameter.hidden {
            let why = "the secret is not in the output: set the variable, or better, make it a secret of the file";
            draft.lost(at([]), &format!("hidden parameter {name}"), why, &parameter.place);
        }
        if parameter.kind != Kind::Scalar {
            let why = "a variable holds one value: the default's items stand where it is used";
            draft.lost(at([]), &format!("list parameter {name}"), why, &parameter.place);
        }
        for (key, place, value) in &parameter.rest {
            let value = value.scalar_text().unwrap_or_else(|| value.to_json().to_string());
            let why = "variables are not checked";
            draft.lost_with(at([]), &format!("{key} of {name}"), Some(&value), why, place);
        }
    }
}
