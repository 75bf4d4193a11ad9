//! The values stage: every value of the merged project takes its type and its one spelling.
//!
//! `"3"` where a number stands becomes 3, `90s` becomes `1m30s`, `64m` becomes the text 67108864, a list of `NAME=VALUE`
//! becomes a mapping. Running it again changes nothing. Knows the types of `forms`; never knows of other attributes, fills
//! in nothing and prints nothing. What the reference refuses when it reads a value into its type is an error here.

mod command;
mod lists;
mod mappings;
mod numbers;
mod texts;

use super::findings::Findings;
use super::forms::{self, Form, Kind};
use super::tree::{Node, Value};
use super::units;

pub use texts::go_text;

/// Settles the values of the whole project.
pub fn settle(project: &mut Node, findings: &mut Findings) {
    let mut settler = Settler { findings };
    settler.object(project, &forms::PROJECT, "the file");
    let groups = project.get_mut("x-hosts").and_then(Node::as_map_mut);
    for group in groups.into_iter().flat_map(|groups| groups.values_mut()) {
        if let Some(labels) = group.value.get_mut("labels") {
            settler.value(labels, &Kind::TextMap, "`labels`");
        }
    }
}

struct Settler<'a> {
    findings: &'a mut Findings,
}

impl Settler<'_> {
    fn value(&mut self, node: &mut Node, kind: &Kind, name: &str) {
        if node.is_null() || node.is_invalid() {
            return;
        }
        match kind {
            Kind::Text => self.text(node, name),
            Kind::Flag => self.flag(node, name),
            Kind::Integer => self.integer(node, name),
            Kind::Count => self.count(node, name),
            Kind::BareCount if node.as_text().is_some() => {
                self.wrong(node, format!("{name} must be a number without quotes"));
            }
            Kind::BareCount => self.count(node, name),
            Kind::Number => self.number(node, name),
            Kind::Bytes => self.bytes(node, name),
            Kind::Duration => self.duration(node, name),
            Kind::Mode => self.mode(node, name),
            Kind::DeviceCount => self.device_count(node, name),
            Kind::Texts => self.texts(node, name),
            Kind::TextList => self.text_list(node, name),
            Kind::ScalarList => self.scalar_list(node, name),
            Kind::TextMap => self.text_map(node, name),
            Kind::Environment => self.environment(node, name),
            Kind::StrictTextMap => self.strict_text_map(node, name),
            Kind::Options => self.options(node, name),
            Kind::Hosts => self.hosts(node, name),
            Kind::Command => self.command(node, name),
            Kind::HealthTest => self.health_test(node, name),
            Kind::Ulimits => self.each(node, name, Settler::ulimit),
            Kind::SshKeys => self.each(node, name, |settler, path, name| {
                if !path.is_null() {
                    settler.scalar(path, name);
                }
            }),
            Kind::Object(form) => self.object(node, form, name),
            Kind::List(form) | Kind::EnvFiles(form) => self.list(node, form, name),
            Kind::Map(form) | Kind::OptionalMap(form) => {
                self.each(node, name, |settler, entry, name| {
                    if !entry.is_null() {
                        settler.object(entry, form, name);
                    }
                });
            }
        }
    }

    fn object(&mut self, node: &mut Node, form: &'static Form, name: &str) {
        let Some(mapping) = node.as_map_mut() else {
            return self.mismatch(node, name, "a mapping");
        };
        for (key, entry) in mapping.iter_mut() {
            if let Some(field) = form.field(key) {
                self.value(&mut entry.value, &field.kind, &format!("`{key}`"));
            }
        }
    }

    fn list(&mut self, node: &mut Node, form: &'static Form, name: &str) {
        let Some(items) = node.as_list_mut() else {
            return self.mismatch(node, name, "a list");
        };
        for item in items {
            if item.is_null() {
                item.value = Value::map(super::tree::Mapping::default());
            }
            if !item.is_invalid() {
                self.object(item, form, &format!("an entry of {name}"));
            }
        }
    }

    /// Runs a step on every value of a mapping.
    fn each(&mut self, node: &mut Node, name: &str, mut step: impl FnMut(&mut Self, &mut Node, &str)) {
        let Some(mapping) = node.as_map_mut() else {
            return self.mismatch(node, name, "a mapping");
        };
        for (key, entry) in mapping.iter_mut() {
            if !entry.value.is_invalid() {
                step(self, &mut entry.value, &format!("`{key}`"));
            }
        }
    }

    fn duration(&mut self, node: &mut Node, name: &str) {
        match node.scalar_text().as_deref().and_then(units::parse_nanoseconds) {
            Some(nanoseconds) => node.value = Value::Text(units::nanoseconds_text(nanoseconds)),
            None => self.mismatch(node, name, "a duration such as `1m30s`"),
        }
    }

    /// One number, or `soft` and `hard`.
    fn ulimit(&mut self, node: &mut Node, name: &str) {
        match &node.value {
            Value::Map(_) => self.each(node, name, |settler, limit, name| match limit.value {
                Value::Float(_) => settler.mismatch(limit, name, "a whole number"),
                _ if name == "`soft`" || name == "`hard`" => settler.integer(limit, name),
                _ => {}
            }),
            Value::Float(_) => self.mismatch(node, name, "a whole number"),
            _ => self.integer(node, name),
        }
    }

    /// Reports a value that is not what it must be, and marks it.
    fn mismatch(&mut self, node: &mut Node, name: &str, expected: &str) {
        let found = match node.scalar_text() {
            Some(text) if !text.is_empty() => format!("`{text}`"),
            Some(_) => "empty".to_owned(),
            None => node.kind().to_owned(),
        };
        self.wrong(node, format!("{name} must be {expected}, not {found}"));
    }

    fn wrong(&mut self, node: &mut Node, message: String) {
        self.findings.error(message, &node.place);
        node.value = Value::Invalid;
    }
}

#[cfg(test)]
mod tests;
