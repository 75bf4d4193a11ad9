//! The schema stage: unknown keys, wrong types and values, and the keys that are not honoured yet.
//!
//! One table (the files in `schema/`) says every key of the specification: its shape, whether this
//! version honours it, and its order in the canonical form. The stage also settles scalars: `"3"`
//! where a number stands becomes 3, `90s` becomes `1m30s`, `64m` becomes 67108864. Never knows of
//! more than one file or more than one attribute at a time.

mod build;
mod deploy;
mod hosts;
mod resources;
mod scalars;
mod service;

pub use resources::ROOT;

use super::findings::Findings;
use super::nearest;
use super::source::Diagnostic;
use super::tree::{Entry, Mapping, Node, Tag, Value};

/// What a value may look like.
#[derive(Debug)]
pub enum Shape {
    Any,
    Text,
    /// A string of at least one character.
    Name,
    Boolean,
    /// `false` and no other boolean.
    False,
    Integer,
    Number,
    /// `1m30s`.
    Duration,
    /// `64m`, or a number of bytes.
    Bytes,
    /// `0.5`, as text or number; becomes a number.
    Cpus,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any scalar, nothing included: the values of `environment`.
    Scalar,
    List(&'static Shape),
    /// Any keys, all values alike.
    Map(&'static Shape),
    Object(&'static Object),
    /// The first whose kind fits.
    Either(&'static [Shape]),
    /// This, or nothing.
    Optional(&'static Shape),
}

/// A mapping with known keys, in the order in which the canonical form prints them.
#[derive(Debug)]
pub struct Object {
    pub keys: &'static [Key],
    /// Keys that must be there (in each file, as the specification's schema has it).
    pub required: &'static [&'static str],
    /// Whether `x-` keys may stand here.
    pub extensible: bool,
}

#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    pub shape: Shape,
    pub support: Support,
    /// Whether the canonical form keeps `false`, `0`, `""` and empty collections.
    pub kept: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    Honoured,
    /// Of the specification, but this version does nothing with it.
    NotYet,
    /// Gone from the specification: does nothing anywhere.
    Obsolete,
    /// Of the design, and not to be passed over: an error for now.
    Refused,
}

const fn key(name: &'static str, shape: Shape) -> Key {
    Key {
        name,
        shape,
        support: Support::Honoured,
        kept: false,
    }
}

/// A key whose empty value means something, so that the canonical form keeps it.
const fn kept(name: &'static str, shape: Shape) -> Key {
    Key {
        name,
        shape,
        support: Support::Honoured,
        kept: true,
    }
}

const fn not_yet(name: &'static str, shape: Shape) -> Key {
    Key {
        name,
        shape,
        support: Support::NotYet,
        kept: false,
    }
}

const fn obsolete(name: &'static str, shape: Shape) -> Key {
    Key {
        name,
        shape,
        support: Support::Obsolete,
        kept: false,
    }
}

const fn refused(name: &'static str, shape: Shape) -> Key {
    Key {
        name,
        shape,
        support: Support::Refused,
        kept: false,
    }
}

impl Key {
    const fn kept(mut self) -> Self {
        self.kept = true;
        self
    }
}

const fn object(keys: &'static [Key]) -> Object {
    Object {
        keys,
        required: &[],
        extensible: true,
    }
}

const TEXTS: Shape = Shape::List(&Shape::Text);
const TEXT_OR_LIST: Shape = Shape::Either(&[Shape::Text, TEXTS]);
const LIST_OR_MAP: Shape = Shape::Either(&[Shape::Map(&Shape::Scalar), Shape::List(&Shape::Text)]);
const TEXT_OR_NUMBER: Shape = Shape::Either(&[Shape::Text, Shape::Number]);

impl Object {
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

impl Shape {
    /// The object among the alternatives, where there is one.
    pub fn object(&self) -> Option<&'static Object> {
        match self {
            Shape::Object(object) => Some(object),
            Shape::Either(shapes) => shapes.iter().find_map(Shape::object),
            Shape::Optional(shape) => shape.object(),
            _ => None,
        }
    }

    /// The shape of the items, where this may be a list.
    pub fn item(&self) -> Option<&'static Shape> {
        match self {
            Shape::List(item) => Some(item),
            Shape::Either(shapes) => shapes.iter().find_map(Shape::item),
            Shape::Optional(shape) => shape.item(),
            _ => None,
        }
    }

    /// The shape of the values, where this may be a mapping with any keys.
    pub fn entry(&self) -> Option<&'static Shape> {
        match self {
            Shape::Map(value) => Some(value),
            Shape::Either(shapes) => shapes.iter().find_map(Shape::entry),
            Shape::Optional(shape) => shape.entry(),
            _ => None,
        }
    }

    fn fits_kind(&self, value: &Value) -> bool {
        match self {
            Shape::Any => true,
            Shape::Text | Shape::Name | Shape::Choice(_) | Shape::Duration => matches!(value, Value::Text(_)),
            Shape::Boolean => matches!(value, Value::Bool(_) | Value::Text(_)),
            Shape::False => matches!(value, Value::Bool(false)),
            Shape::Integer | Shape::Number | Shape::Bytes | Shape::Cpus => {
                matches!(value, Value::Integer(_) | Value::Float(_) | Value::Text(_))
            }
            Shape::Scalar => !matches!(value, Value::List(_) | Value::Map(_)),
            Shape::List(_) => matches!(value, Value::List(_)),
            Shape::Map(_) | Shape::Object(_) => matches!(value, Value::Map(_)),
            Shape::Either(shapes) => shapes.iter().any(|shape| shape.fits_kind(value)),
            Shape::Optional(shape) => matches!(value, Value::Null) || shape.fits_kind(value),
        }
    }

    /// In a reader's words: `a string or a list`.
    fn words(&self) -> String {
        match self {
            Shape::Any => "a value".to_owned(),
            Shape::Text | Shape::Name => "a string".to_owned(),
            Shape::Boolean => "`true` or `false`".to_owned(),
            Shape::False => "`false`".to_owned(),
            Shape::Integer => "a whole number".to_owned(),
            Shape::Number | Shape::Cpus => "a number".to_owned(),
            Shape::Duration => "a duration such as `1m30s`".to_owned(),
            Shape::Bytes => "a size such as `64m`".to_owned(),
            Shape::Choice(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                format!("one of {}", words.join(", "))
            }
            Shape::Scalar => "a string or a number".to_owned(),
            Shape::List(_) => "a list".to_owned(),
            Shape::Map(_) | Shape::Object(_) => "a mapping".to_owned(),
            Shape::Either(shapes) => {
                let mut words: Vec<String> = Vec::new();
                for word in shapes.iter().map(Shape::words) {
                    if !words.contains(&word) {
                        words.push(word);
                    }
                }
                words.join(" or ")
            }
            Shape::Optional(shape) => shape.words(),
        }
    }
}

/// Checks one file's tree against the specification.
pub fn check(node: &mut Node, findings: &mut Findings) {
    Checker { findings }.check(node, &Shape::Object(&ROOT), "the file");
}

struct Checker<'a> {
    findings: &'a mut Findings,
}

impl Checker<'_> {
    /// Checks a value; `name` is what messages call it.
    fn check(&mut self, node: &mut Node, shape: &'static Shape, name: &str) {
        if node.is_invalid() || node.tag == Some(Tag::Reset) {
            return;
        }
        match shape {
            Shape::Optional(_) if node.is_null() => return,
            Shape::Optional(shape) => return self.check(node, shape, name),
            Shape::Either(shapes) => {
                if let Some(shape) = shapes.iter().find(|shape| shape.fits_kind(&node.value)) {
                    return self.check(node, shape, name);
                }
            }
            _ => {}
        }
        if !shape.fits_kind(&node.value) {
            let message = format!("{name} must be {}, not {}", shape.words(), node.kind());
            self.findings.error(message, &node.place);
            node.value = Value::Invalid;
            return;
        }
        match (&mut node.value, shape) {
            (Value::List(list), Shape::List(item)) => {
                for node in list {
                    self.check(node, item, &format!("an entry of {name}"));
                }
            }
            (Value::Map(mapping), Shape::Map(value)) => {
                for (key, entry) in mapping.iter_mut() {
                    if !matches!(value, Shape::Any) {
                        self.check(&mut entry.value, value, &format!("`{key}`"));
                    }
                }
            }
            (Value::Map(mapping), Shape::Object(object)) => {
                self.object(mapping, object);
                self.required(mapping, object, name, &node.place);
            }
            _ => scalars::settle(node, shape, name, self.findings),
        }
    }

    fn object(&mut self, mapping: &mut Mapping, object: &'static Object) {
        for (name, entry) in mapping.iter_mut() {
            let Some(key) = object.key(name) else {
                if object.extensible && name.starts_with("x-") {
                    continue;
                }
                self.unknown(name, entry, object);
                entry.value.value = Value::Invalid;
                continue;
            };
            match key.support {
                Support::Honoured => {}
                Support::NotYet => {
                    let message = format!("`{name}` has no effect: not supported by this version yet");
                    self.findings.warning(message, &entry.key);
                }
                Support::Obsolete => {
                    let found = Diagnostic::warning(
                        format!("`{name}` has no effect: the specification gave it up"),
                        Some(entry.key.clone()),
                    );
                    self.findings.push(found.hint("take it out"));
                }
                Support::Refused => {
                    let message = format!("`{name}` is not supported by this version yet");
                    self.findings.error(message, &entry.key);
                }
            }
            self.check(&mut entry.value, &key.shape, &format!("`{name}`"));
        }
    }

    fn unknown(&mut self, name: &str, entry: &Entry, object: &Object) {
        let names = object.keys.iter().map(|key| key.name);
        let hint = nearest::hint(name, names);
        self.findings
            .error_hint(format!("unknown key `{name}`"), &entry.key, hint);
    }

    fn required(&mut self, mapping: &Mapping, object: &Object, name: &str, place: &super::source::Place) {
        // A key that is not known may be the mistyped one that is missing.
        if mapping.values().any(|entry| entry.value.is_invalid()) {
            return;
        }
        for required in object.required {
            if !mapping.contains_key(*required) {
                self.findings.error(format!("{name} needs `{required}`"), place);
            }
        }
    }
}

#[cfg(test)]
mod tests;
