//! Values with Heat's functions in them become values with pieces: text, variables, and what a resource will be.
//!
//! Knows what each function gives. Never knows which property it stands in.

use indexmap::IndexMap;

use crate::compose::source::Place;
use crate::compose::tree::{Node, Value as Plain};

use super::parameters::Kind;
use super::template::Dialect;
use super::translator::Translator;

/// A value, and where it stands in the template.
#[derive(Debug, Clone)]
pub struct Found {
    pub value: Value,
    pub place: Place,
}

#[derive(Debug, Clone)]
pub enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(Vec<Piece>),
    List(Vec<Found>),
    /// Each value with the place of its key.
    Map(IndexMap<String, (Place, Found)>),
    /// A function without a counterpart, by its name.
    Opaque(String),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    Literal(String),
    Parameter(String),
    /// The project's name.
    StackName,
    /// What `get_file` gives: the file's name and its text.
    File(String, String),
    /// What `get_resource` gives.
    Resource(String),
    /// What `get_attr` gives: the resource, the attribute with what follows it.
    Attribute(String, Vec<String>),
}

/// Functions that are known and have no counterpart.
const OPAQUE: &[&str] = &[
    "repeat",
    "digest",
    "yaql",
    "if",
    "filter",
    "make_url",
    "map_replace",
    "resource_facade",
    "contains",
    "equals",
    "not",
    "and",
    "or",
    "Fn::If",
    "Fn::FindInMap",
    "Fn::GetAZs",
    "Fn::Select",
    "Fn::Split",
    "Fn::MemberListToMap",
    "Fn::ResourceFacade",
    "Fn::Equals",
    "Fn::Not",
    "Fn::And",
    "Fn::Or",
];

impl Found {
    pub fn text(text: impl Into<String>, place: &Place) -> Found {
        Found {
            value: Value::Text(vec![Piece::Literal(text.into())]),
            place: place.clone(),
        }
    }

    /// What `get_resource` gives.
    pub fn named(resource: &str, place: &Place) -> Found {
        Found {
            value: Value::Text(vec![Piece::Resource(resource.to_owned())]),
            place: place.clone(),
        }
    }

    /// The pieces of a scalar.
    pub fn pieces(&self) -> Option<Vec<Piece>> {
        match &self.value {
            Value::Text(pieces) => Some(pieces.clone()),
            Value::Bool(value) => Some(vec![Piece::Literal(value.to_string())]),
            Value::Number(text) => Some(vec![Piece::Literal(text.clone())]),
            _ => None,
        }
    }

    /// The text of a scalar that has no variables and resources in it.
    pub fn literal(&self) -> Option<String> {
        self.pieces()?
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) | Piece::File(_, text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    /// The one resource that the value names, by `get_resource` or by one of its attributes.
    pub fn resource(&self) -> Option<&str> {
        let Value::Text(pieces) = &self.value else { return None };
        pieces.iter().find_map(|piece| match piece {
            Piece::Resource(name) | Piece::Attribute(name, _) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The items of a list; a single value is a list of one.
    pub fn items(self) -> Vec<Found> {
        match self.value {
            Value::List(list) => list,
            Value::Null => Vec::new(),
            _ => vec![self],
        }
    }
}

impl Translator<'_> {
    /// The value of a node, its functions called.
    pub fn evaluate(&mut self, node: &Node) -> Found {
        let value = match &node.value {
            Plain::Null | Plain::Invalid => Value::Null,
            Plain::Bool(value) => Value::Bool(*value),
            Plain::Integer(_) | Plain::Float(_) => Value::Number(node.scalar_text().unwrap_or_default()),
            Plain::Timestamp(text) => Value::Text(vec![Piece::Literal(text.clone())]),
            Plain::Text(text) => Value::Text(vec![Piece::Literal(text.clone())]),
            Plain::List(list) => Value::List(list.iter().map(|node| self.evaluate(node)).collect()),
            Plain::Map(mapping) => match mapping.first().filter(|_| mapping.len() == 1) {
                Some((name, entry)) if self.is_function(name) => self.call(name, &entry.value),
                _ => Value::Map(
                    mapping
                        .iter()
                        .map(|(key, entry)| (key.clone(), (entry.key.clone(), self.evaluate(&entry.value))))
                        .collect(),
                ),
            },
        };
        Found {
            value,
            place: node.place.clone(),
        }
    }

    fn is_function(&self, name: &str) -> bool {
        let known: &[&str] = match self.template.dialect {
            Dialect::Hot => &[
                "get_param",
                "get_resource",
                "get_attr",
                "get_file",
                "str_replace",
                "str_replace_strict",
                "str_replace_vstrict",
                "str_split",
                "list_join",
                "list_concat",
                "list_concat_unique",
                "map_merge",
            ],
            Dialect::Cfn => &["Ref", "Fn::GetAtt", "Fn::Join", "Fn::Base64", "Fn::Replace"],
        };
        known.contains(&name) || OPAQUE.contains(&name)
    }

    fn call(&mut self, name: &str, argument: &Node) -> Value {
        let called = match name {
            "get_param" => self.parameter(argument),
            "get_resource" => argument
                .as_text()
                .map(|name| Value::Text(vec![Piece::Resource(name.to_owned())])),
            "Ref" => match argument.as_text() {
                Some(name) if self.template.resources.contains_key(name) => {
                    Some(Value::Text(vec![Piece::Resource(name.to_owned())]))
                }
                _ => self.parameter(argument),
            },
            "get_attr" | "Fn::GetAtt" => attribute(argument),
            "get_file" => self.file(argument),
            "Fn::Base64" => Some(self.evaluate(argument).value),
            "str_replace" | "str_replace_strict" | "str_replace_vstrict" | "Fn::Replace" => self.replaced(argument),
            "str_split" => self.split(argument),
            "list_join" | "Fn::Join" => self.joined(argument),
            "list_concat" | "list_concat_unique" => self.concatenated(argument, name.ends_with("unique")),
            "map_merge" => self.merged(argument),
            _ => None,
        };
        called.unwrap_or_else(|| Value::Opaque(name.to_owned()))
    }

    fn parameter(&mut self, argument: &Node) -> Option<Value> {
        let path = argument.as_list().unwrap_or(std::slice::from_ref(argument));
        let (name, path) = path.split_first()?;
        let name = name.as_text()?;
        match name {
            "OS::stack_name" | "AWS::StackName" => return Some(Value::Text(vec![Piece::StackName])),
            _ if name.contains("::") => return None,
            _ => {}
        }
        let parameter = self.template.parameters.get(name)?;
        match parameter.kind {
            Kind::Scalar => Some(Value::Text(vec![Piece::Parameter(name.to_owned())])),
            Kind::List => {
                let items = parameter.items()?;
                let place = parameter.default.as_ref()?.place.clone();
                let mut items: Vec<Found> = items.into_iter().map(|item| Found::text(item, &place)).collect();
                match path.first() {
                    Some(index) => Some(
                        items
                            .swap_remove(index.scalar_text()?.parse().ok().filter(|at| *at < items.len())?)
                            .value,
                    ),
                    None => Some(Value::List(items)),
                }
            }
            Kind::Json => {
                let mut node = parameter.default.as_ref()?;
                for step in path {
                    let step = step.scalar_text()?;
                    node = match node.as_list() {
                        Some(list) => list.get(step.parse::<usize>().ok()?)?,
                        None => node.get(&step)?,
                    };
                }
                Some(self.evaluate(&node.clone()).value)
            }
        }
    }

    fn file(&mut self, argument: &Node) -> Option<Value> {
        let name = argument.as_text()?;
        if name.contains("://") {
            return None;
        }
        match (self.read)(std::path::Path::new(name)) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                Some(Value::Text(vec![Piece::File(name.to_owned(), text)]))
            }
            Err(error) => {
                let message = format!("`{name}` cannot be read: {error}");
                self.draft.error(message, &argument.place, None);
                None
            }
        }
    }

    fn replaced(&mut self, argument: &Node) -> Option<Value> {
        let (template, params) = match argument.as_list() {
            // CloudFormation's form: [params, template].
            Some([params, template]) => (template, params),
            _ => (argument.get("template")?, argument.get("params")?),
        };
        let pieces = self.evaluate(template).pieces()?;
        let mut params: Vec<(String, Vec<Piece>)> = match self.evaluate(params).value {
            Value::Map(map) => map
                .into_iter()
                .map(|(key, (_, found))| match found.value {
                    Value::Null => Some((key, Vec::new())),
                    _ => Some((key, found.pieces()?)),
                })
                .collect::<Option<_>>()?,
            _ => return None,
        };
        params.retain(|(key, _)| !key.is_empty());
        // The longest name wins where two begin at the same place.
        params.sort_by_key(|(key, _)| std::cmp::Reverse(key.len()));
        let mut replaced = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Literal(text) | Piece::File(_, text) => substitute(&text, &params, &mut replaced),
                other => replaced.push(other),
            }
        }
        Some(Value::Text(replaced))
    }

    fn split(&mut self, argument: &Node) -> Option<Value> {
        let list = argument.as_list()?;
        let (delimiter, text) = (
            self.evaluate(list.first()?).literal()?,
            self.evaluate(list.get(1)?).literal()?,
        );
        let mut parts = text
            .split(delimiter.as_str())
            .map(|part| Found::text(part, &argument.place));
        match list.get(2) {
            Some(index) => Some(parts.nth(index.scalar_text()?.parse().ok()?)?.value),
            None => Some(Value::List(parts.collect())),
        }
    }

    fn joined(&mut self, argument: &Node) -> Option<Value> {
        let (delimiter, lists) = argument.as_list()?.split_first()?;
        let delimiter = Piece::Literal(delimiter.scalar_text()?);
        let mut pieces = Vec::new();
        for list in lists {
            for item in self.evaluate(list).items() {
                if !pieces.is_empty() {
                    pieces.push(delimiter.clone());
                }
                pieces.extend(item.pieces()?);
            }
        }
        Some(Value::Text(pieces))
    }

    fn concatenated(&mut self, argument: &Node, unique: bool) -> Option<Value> {
        let mut all: Vec<Found> = Vec::new();
        for list in argument.as_list()? {
            for item in self.evaluate(list).items() {
                let same = |other: &Found| other.literal().is_some() && other.literal() == item.literal();
                if !unique || !all.iter().any(same) {
                    all.push(item);
                }
            }
        }
        Some(Value::List(all))
    }

    fn merged(&mut self, argument: &Node) -> Option<Value> {
        let mut all = IndexMap::new();
        for map in argument.as_list()? {
            match self.evaluate(map).value {
                Value::Map(map) => all.extend(map),
                Value::Null => {}
                _ => return None,
            }
        }
        Some(Value::Map(all))
    }
}

fn attribute(argument: &Node) -> Option<Value> {
    let path: Vec<String> = match argument.as_list() {
        Some(list) => list.iter().map(Node::scalar_text).collect::<Option<_>>()?,
        None => argument.as_text()?.split('.').map(str::to_owned).collect(),
    };
    let (resource, path) = path.split_first()?;
    Some(Value::Text(vec![Piece::Attribute(resource.clone(), path.to_vec())]))
}

fn substitute(text: &str, params: &[(String, Vec<Piece>)], pieces: &mut Vec<Piece>) {
    let mut literal = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        match params.iter().find(|(key, _)| rest.starts_with(key.as_str())) {
            Some((key, value)) => {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                pieces.extend(value.iter().cloned());
                rest = &rest[key.len()..];
            }
            None => {
                literal.push(character);
                rest = &rest[character.len_utf8()..];
            }
        }
    }
    pieces.push(Piece::Literal(literal));
}
