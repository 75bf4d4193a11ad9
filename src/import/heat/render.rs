//! Pieces become text of the Compose file: variables with their defaults, services by their names.

use std::collections::BTreeMap;

use serde_yaml::Value as Yaml;

use crate::import::draft::At;

use super::functions::{Found, Piece, Value};
use super::parameters::{required, variable_name};
use super::template::truth_of;
use super::translator::{Role, Translator};

/// A boolean that may be a variable.
pub enum Flag {
    Known(bool),
    Variable(String),
}

impl From<Flag> for Yaml {
    fn from(flag: Flag) -> Yaml {
        match flag {
            Flag::Known(value) => Yaml::from(value),
            Flag::Variable(text) => Yaml::from(text),
        }
    }
}

impl Translator<'_> {
    /// A scalar as text; `None` where it is none, or a function that has no counterpart.
    pub fn text(&mut self, found: &Found, at: &At) -> Option<String> {
        let Some(pieces) = found.pieces() else {
            let (what, why) = match &found.value {
                Value::Opaque(function) => (function.as_str(), "this function has no counterpart"),
                Value::List(_) => ("a list", "one value is wanted here"),
                _ => ("a mapping", "one value is wanted here"),
            };
            self.draft.lost(at.clone(), what, why, &found.place);
            return None;
        };
        let mut text = String::new();
        let mut pieces = pieces.into_iter().peekable();
        while let Some(piece) = pieces.next() {
            match piece {
                Piece::Literal(literal) | Piece::File(_, literal) => text.push_str(&literal.replace('$', "$$")),
                Piece::StackName => text.push_str("${COMPOSE_PROJECT_NAME}"),
                Piece::Parameter(name) => text.push_str(&self.template.parameters[&name].reference()),
                Piece::Resource(name) => text.push_str(&self.resource(&name)),
                Piece::Attribute(name, path) => {
                    // An address with a port that a container publishes there is that container.
                    if let Some(Piece::Literal(next)) = pieces.peek_mut()
                        && let Some((service, rest)) = self.published_at(&name, next)
                    {
                        text.push_str(&service);
                        *next = rest;
                        continue;
                    }
                    let value = self.attribute(&name, &path, found, at);
                    text.push_str(&value);
                }
            }
        }
        Some(text)
    }

    /// What a resource is called in the output.
    fn resource(&mut self, name: &str) -> String {
        match self.roles.get(name) {
            Some(Role::Service(own) | Role::Group(own)) => own.clone(),
            Some(Role::Secret) => required(&variable_name(name), None, true),
            _ => {
                let named = self
                    .template
                    .resources
                    .get(name)
                    .and_then(|resource| resource.properties.clone());
                let named = named.and_then(|node| node.get("name").cloned());
                let named = named.map(|node| self.evaluate(&node));
                let named = named.and_then(|found| self.text(&found, &Vec::new()));
                named.unwrap_or_else(|| name.replace('$', "$$"))
            }
        }
    }

    fn attribute(&mut self, name: &str, path: &[String], found: &Found, at: &At) -> String {
        let attribute = path.first().map_or("", String::as_str);
        match (self.roles.get(name), attribute) {
            (Some(Role::Service(service)), "network_ip") => return service.clone(),
            (Some(Role::Service(service)), "name") => return service.clone(),
            (Some(Role::Secret), "value") => return required(&variable_name(name), None, true),
            _ => {}
        }
        let variable = variable_name(&format!("{name}_{}", path.join("_")));
        let what = format!("get_attr [{name}, {}]", path.join(", "));
        let why = format!("it is known only once it is made: set {variable}");
        self.draft.lost(at.clone(), &what, &why, &found.place);
        required(&variable, Some(&format!("{} of {name}", path.join(" "))), false)
    }

    /// `SERVICE:PORT` for an address followed by `:PORT` where a container publishes that port; and the text behind it.
    fn published_at(&self, resource: &str, next: &str) -> Option<(String, String)> {
        let group = self.group_of(resource)?;
        let digits: String = next
            .strip_prefix(':')?
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        let published = self
            .published
            .iter()
            .find(|one| one.group.as_ref() == Some(&group) && one.host == digits)?;
        let text = format!("{}:{}", published.service, published.container);
        Some((text, next[1 + digits.len()..].to_owned()))
    }

    /// The texts of a list.
    pub fn texts(&mut self, found: Found, at: &At) -> Vec<String> {
        found.items().iter().filter_map(|item| self.text(item, at)).collect()
    }

    /// A boolean.
    pub fn flag(&mut self, found: &Found, at: &At) -> Option<Flag> {
        if let Some(literal) = found.literal() {
            let known = truth_of(&literal);
            if known.is_none() {
                self.draft
                    .error(format!("`{literal}` is neither true nor false"), &found.place, None);
            }
            return known.map(Flag::Known);
        }
        // Heat takes more words for a boolean than Compose: a default is settled to the one that both know.
        if let Value::Text(pieces) = &found.value
            && let [Piece::Parameter(name)] = pieces.as_slice()
            && let parameter = &self.template.parameters[name]
            && let Some(known) = parameter.default.as_ref().and_then(super::template::truth)
        {
            return Some(Flag::Variable(format!("${{{}:-{known}}}", parameter.variable)));
        }
        self.text(found, at).map(Flag::Variable)
    }

    /// A number, or the variable that it comes from.
    pub fn number(&mut self, found: &Found, at: &At) -> Option<Yaml> {
        let Some(literal) = found.literal() else {
            return self.text(found, at).map(Yaml::from);
        };
        match literal.trim().parse::<i64>() {
            Ok(number) => Some(Yaml::from(number)),
            Err(_) => {
                self.draft
                    .error(format!("`{literal}` is not a whole number"), &found.place, None);
                None
            }
        }
    }

    /// A mapping of scalars as texts.
    pub fn pairs(&mut self, found: &Found, at: &At) -> BTreeMap<String, String> {
        let Value::Map(map) = &found.value else {
            self.draft.error("this must be a mapping", &found.place, None);
            return BTreeMap::new();
        };
        map.iter()
            .filter_map(|(key, (_, value))| Some((key.clone(), self.text(value, at)?)))
            .collect()
    }

    /// A value for a comment: nothing of it is understood, and no secret is in it.
    pub fn shown(&self, found: &Found) -> String {
        match &found.value {
            Value::Null => String::new(),
            Value::Bool(value) => value.to_string(),
            Value::Number(text) => text.clone(),
            Value::Opaque(function) => format!("{{{function}: …}}"),
            Value::List(list) => {
                let items: Vec<String> = list.iter().map(|item| self.shown(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Map(map) => {
                let items: Vec<String> = map
                    .iter()
                    .map(|(key, (_, item))| format!("{key}: {}", self.shown(item)))
                    .collect();
                format!("{{{}}}", items.join(", "))
            }
            Value::Text(pieces) => pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Literal(text) | Piece::File(_, text) => text.clone(),
                    Piece::StackName => "${COMPOSE_PROJECT_NAME}".to_owned(),
                    Piece::Parameter(name) => format!("${{{}}}", self.template.parameters[name].variable),
                    Piece::Resource(name) => format!("<{name}>"),
                    Piece::Attribute(name, path) => format!("<{name}.{}>", path.join(".")),
                })
                .collect(),
        }
    }
}
