//! The canonical form: what `hoist config` prints, and what a service's hash is made of.
//!
//! Knows the reference's order of keys (it stands in `forms`), and what it leaves out. Works on the finished tree, whose
//! values the `values` stage settled; never changes what the project means.

mod order;

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::forms::{Field, Form, Kind, PROJECT, Printed};
use super::print;
use super::tree::{Entry, Mapping, Node, Put, Value};
use super::values::go_text;

/// A finished project, to be printed. Clones share it.
#[derive(Debug, Clone)]
pub struct Canonical {
    tree: Arc<Node>,
}

/// The two formats, which differ in more than their syntax: JSON leaves out the `x-` keys inside of the project and
/// says more of what the file does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Yaml,
    Json,
}

impl Canonical {
    pub fn new(tree: Arc<Node>) -> Self {
        Canonical { tree }
    }

    /// The project as YAML; `$` comes out doubled, so that the text loads again.
    pub fn yaml(&self) -> String {
        print::as_yaml(&self.yaml_data()).replace('$', "$$")
    }

    /// The project as JSON; `$` comes out doubled.
    pub fn json(&self) -> String {
        print::as_json(&self.json_data()).replace('$', "$$")
    }

    /// The data that [`Canonical::yaml`] prints.
    pub fn yaml_data(&self) -> Json {
        Writer { format: Format::Yaml }.object(&self.tree, &PROJECT)
    }

    /// The data that [`Canonical::json`] prints, its top-level keys in the order of the alphabet.
    pub fn json_data(&self) -> Json {
        let Json::Object(project) = (Writer { format: Format::Json }).object(&self.tree, &PROJECT) else {
            return Json::Null;
        };
        let mut output: Map<String, Json> = project.into_iter().filter(|(key, _)| key != "models").collect();
        for (key, entry) in extensions(&self.tree) {
            output.insert(key.clone(), Writer { format: Format::Json }.plain(&entry.value));
        }
        output.sort_keys();
        Json::Object(output)
    }

    /// The service that keeps the project from being printed as JSON: its build has an SSH key with a path, of which the
    /// reference makes no JSON.
    pub fn service_without_json(&self) -> Option<&str> {
        let services = self.tree.get("services").and_then(Node::as_map)?;
        let found = services.iter().find(|(_, entry)| {
            let build = entry.value.get("build");
            let keys = build.and_then(|build| build.get("ssh")).and_then(Node::as_map);
            keys.into_iter()
                .flat_map(|keys| keys.values())
                .any(|path| path.value.scalar_text().is_some_and(|path| !path.is_empty()))
        });
        found.map(|(name, _)| name.as_str())
    }

    /// One service in JSON's form, its keys in the order of the reference's fields; `None` where there is no such service.
    pub fn service(&self, name: &str) -> Option<Json> {
        let service = self.tree.get("services")?.get(name)?;
        let form = PROJECT.field("services").and_then(|field| match field.kind {
            Kind::Map(form) => Some(form),
            _ => None,
        })?;
        Some(Writer { format: Format::Json }.object(service, form))
    }
}

/// What a finished project says of hosts, as a file by itself.
pub fn hosts_part(tree: &Node) -> String {
    let keys = ["name", "x-hosts", "x-openstack", "x-pool"].iter();
    let stated =
        keys.filter_map(|key| Some(((*key).to_owned(), Writer { format: Format::Yaml }.plain(tree.get(key)?))));
    print::as_yaml(&Json::Object(stated.collect())).replace('$', "$$")
}

/// Any tree as YAML, all its keys in order: what stands behind `--no-interpolate`.
pub fn plain_yaml(tree: &Node) -> String {
    print::as_yaml(&Writer { format: Format::Yaml }.plain(tree))
}

/// Any tree as JSON, all its keys in order.
pub fn plain_json(tree: &Node) -> String {
    print::as_json(&Writer { format: Format::Json }.plain(tree))
}

fn extensions(node: &Node) -> impl Iterator<Item = (&String, &Entry)> {
    let mapping = node.as_map().into_iter().flatten();
    mapping.filter(|(key, _)| key.starts_with("x-"))
}

#[derive(Clone, Copy)]
struct Writer {
    format: Format,
}

impl Writer {
    fn object(self, node: &Node, form: &Form) -> Json {
        let mut output = Map::new();
        for field in form.fields {
            let stated = node
                .get(field.name)
                .filter(|node| !node.is_null() && !node.is_invalid());
            if let Some(value) = self.field(stated, field, node) {
                let name = match (form.capital_in_json, self.format) {
                    (true, Format::Json) => capital(field.name),
                    _ => field.name.to_owned(),
                };
                output.insert(name, value);
            }
        }
        if form.prints_extensions && self.format == Format::Yaml {
            let mut keys: Vec<_> = extensions(node).collect();
            keys.sort_by(|(one, _), (other, _)| order::natural(one, other));
            for (key, entry) in keys {
                output.insert(key.clone(), self.plain(&entry.value));
            }
        }
        Json::Object(output)
    }

    fn field(self, stated: Option<&Node>, field: &Field, around: &Node) -> Option<Json> {
        let value = |node: &Node| self.value(node, &field.kind);
        let filled = || stated.map(value).filter(|value| !is_zero(value, &field.kind));
        match (field.printed, self.format) {
            (Printed::Never, _) => None,
            (Printed::OrElse(text), _) => filled().or_else(|| stated.is_none().then(|| text.into())),
            (Printed::Stated, _) | (Printed::NullInJson, Format::Yaml) => stated.map(value),
            (Printed::NullInJson, Format::Json) => Some(stated.map_or(Json::Null, value)),
            (Printed::Filled, _) | (Printed::AlwaysInJson, Format::Yaml) => filled(),
            (Printed::AlwaysInJson, Format::Json) => {
                Some(stated.map_or_else(|| value(&Node::empty_map(&around.place)), value))
            }
            (Printed::Always, _) => Some(stated.map_or_else(|| zero(&field.kind), value)),
        }
    }

    fn value(self, node: &Node, kind: &Kind) -> Json {
        match kind {
            Kind::Bytes => Json::String(node.scalar_text().unwrap_or_default()),
            Kind::Object(form) => self.object(node, form),
            Kind::List(form) => {
                let items = node.as_list().unwrap_or_default();
                Json::Array(items.iter().map(|item| self.object(item, form)).collect())
            }
            Kind::Map(form) => self.map(node, |entry| self.object(entry, form)),
            Kind::OptionalMap(form) => self.names(node, |entry| match entry.is_null() {
                true => Json::Null,
                false => self.object(entry, form),
            }),
            Kind::TextMap | Kind::Environment | Kind::StrictTextMap => self.names(node, |entry| match &entry.value {
                Value::Null => Json::Null,
                _ => Json::String(go_text(entry)),
            }),
            Kind::Options => self.names(node, |entry| match &entry.value {
                Value::List(_) => self.plain(entry),
                _ => Json::Array(vec![Json::String(go_text(entry))]),
            }),
            Kind::Ulimits => self.names(node, |entry| self.ulimit(entry)),
            Kind::SshKeys => self.ssh_keys(node),
            Kind::EnvFiles(_) => {
                let files = node.as_list().unwrap_or_default();
                Json::Array(files.iter().map(|file| self.env_file(file)).collect())
            }
            Kind::Hosts => {
                let lines = node.as_list().unwrap_or_default().iter().filter_map(Node::as_text);
                let mut lines: Vec<&str> = lines.collect();
                lines.sort_unstable();
                lines.into()
            }
            _ => self.plain(node),
        }
    }

    /// A mapping in the format's order of keys.
    fn map(self, node: &Node, value: impl Fn(&Node) -> Json) -> Json {
        let Some(mapping) = node.as_map() else {
            return Json::Null;
        };
        let present = mapping.iter().filter(|(_, entry)| !entry.value.is_invalid());
        self.sorted(
            present
                .map(|(key, entry)| (key.as_str(), value(&entry.value)))
                .collect(),
        )
    }

    /// The same, where the reference takes `x-` keys for extensions though they are names of the file's own: they come
    /// out under one key, in its words for a mapping.
    fn names(self, node: &Node, value: impl Fn(&Node) -> Json) -> Json {
        let is_extension =
            |key: &String, entry: &Entry| key.starts_with("x-") && entry.key.start != entry.value.place.start;
        let Some(mapping) = node.as_map() else {
            return Json::Null;
        };
        if !mapping.iter().any(|(key, entry)| is_extension(key, entry)) {
            return self.map(node, value);
        }
        let mut plain = mapping.clone();
        plain.retain(|key, entry| !is_extension(key, entry));
        let mut extensions = mapping.clone();
        extensions.retain(|key, entry| is_extension(key, entry));
        plain.put("#extensions", Node::new(Value::map(extensions), node.place.clone()));
        self.map(&Node::new(Value::map(plain), node.place.clone()), value)
    }

    fn sorted(self, mut entries: Vec<(&str, Json)>) -> Json {
        self.sort(&mut entries);
        Json::Object(
            entries
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        )
    }

    fn sort(self, entries: &mut [(&str, Json)]) {
        match self.format {
            Format::Yaml => entries.sort_by(|(one, _), (other, _)| order::natural(one, other)),
            Format::Json => entries.sort_by_key(|(one, _)| *one),
        }
    }

    /// `{soft, hard}`, or one number that is not 0.
    fn ulimit(self, node: &Node) -> Json {
        let number = |node: Option<&Node>| match node.map(|node| &node.value) {
            Some(Value::Integer(number)) => i64::try_from(*number).unwrap_or_default(),
            _ => 0,
        };
        let single = number(Some(node));
        if single != 0 {
            return single.into();
        }
        let mut limits = Map::new();
        for key in ["soft", "hard"] {
            let limit = number(node.get(key));
            if limit != 0 || self.format == Format::Yaml {
                limits.insert(key.to_owned(), limit.into());
            }
        }
        Json::Object(limits)
    }

    fn ssh_keys(self, node: &Node) -> Json {
        let Some(mapping) = node.as_map() else {
            return Json::Null;
        };
        // The reference's order is that of a map, which for few keys is most often that of the file.
        let lines = mapping.iter().map(|(name, entry)| match entry.value.as_text() {
            Some(path) if !path.is_empty() => format!("{name}: {path}"),
            _ => name.clone(),
        });
        lines.collect()
    }

    /// The path alone where the file must be there.
    fn env_file(self, node: &Node) -> Json {
        let path = node.get("path").map_or(Json::Null, |path| self.plain(path));
        if node.get("required").is_none_or(Node::is_true) {
            return path;
        }
        let mut entry = Map::new();
        entry.insert("path".to_owned(), path);
        entry.insert("required".to_owned(), Json::Bool(false));
        if let Some(format) = node.get("format").and_then(Node::as_text)
            && self.format == Format::Json
        {
            entry.insert("format".to_owned(), format.into());
        }
        Json::Object(entry)
    }

    /// A value as written, its keys in order.
    fn plain(self, node: &Node) -> Json {
        match &node.value {
            Value::List(items) => Json::Array(items.iter().map(|item| self.plain(item)).collect()),
            Value::Map(mapping) => self.plain_map(mapping),
            Value::Timestamp(text) if self.format == Format::Yaml => print::bare(text),
            Value::Float(number) if self.format == Format::Yaml && number.is_nan() => print::bare(".nan"),
            Value::Float(number) if self.format == Format::Yaml && number.is_infinite() => {
                print::bare(if *number > 0.0 { ".inf" } else { "-.inf" })
            }
            _ => node.to_json(),
        }
    }

    fn plain_map(self, mapping: &Mapping) -> Json {
        self.sorted(
            mapping
                .iter()
                .map(|(key, entry)| (key.as_str(), self.plain(&entry.value)))
                .collect(),
        )
    }
}

/// `path` is `Path`.
fn capital(name: &str) -> String {
    let mut characters = name.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

/// What a field is printed as where the file does not say it, and it is printed all the same.
fn zero(kind: &Kind) -> Json {
    match kind {
        Kind::Flag => Json::Bool(false),
        Kind::Integer | Kind::Count | Kind::BareCount => 0.into(),
        Kind::Bytes => "0".into(),
        Kind::Map(_) => Json::Object(Map::new()),
        _ => "".into(),
    }
}

/// Whether a value is what an unset one would be.
fn is_zero(value: &Json, kind: &Kind) -> bool {
    match value {
        Json::Null => true,
        Json::Bool(value) => !value,
        Json::Number(number) => number.as_f64() == Some(0.0),
        Json::String(text) => match kind {
            Kind::Duration => text == "0s",
            Kind::Bytes => text == "0",
            _ => text.is_empty(),
        },
        Json::Array(items) => items.is_empty(),
        Json::Object(entries) => entries.is_empty(),
    }
}
