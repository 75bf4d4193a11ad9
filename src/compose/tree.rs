//! The spanned tree: YAML as data, with the place of every key and value.
//!
//! Knows the shape of data. Never knows what a key means.

use indexmap::IndexMap;

use super::source::Place;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    pub value: Value,
    pub place: Place,
    pub tag: Option<Tag>,
}

/// The tags that the specification gives a meaning to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// `!reset`: take the attribute away.
    Reset,
    /// `!override`: put this in the attribute's place instead of merging.
    Override,
}

#[derive(Debug, Clone)]
pub enum Value {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    /// A timestamp in RFC 3339 form: nothing in a Compose file takes one, extensions keep it.
    Timestamp(String),
    List(Vec<Node>),
    Map(Box<Mapping>),
    /// Something wrong that has been reported already: later stages pass over it in silence.
    Invalid,
}

impl Value {
    pub fn map(mapping: Mapping) -> Self {
        Value::Map(Box::new(mapping))
    }

    /// What the value is, in a reader's words.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Integer(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Text(_) => "a string",
            Value::Timestamp(_) => "a timestamp",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
            Value::Invalid => "a broken value",
        }
    }
}

/// A mapping in file order. Its hash is seeded anew in each process, and fast: files have many small mappings.
pub type Mapping = IndexMap<String, Entry, foldhash::fast::RandomState>;

/// One entry of a mapping: where its key stands, and its value.
#[derive(Debug, Clone)]
pub struct Entry {
    pub key: Place,
    pub value: Node,
}

impl Node {
    pub fn new(value: Value, place: Place) -> Self {
        Node {
            value,
            place,
            tag: None,
        }
    }

    pub fn text(text: impl Into<String>, place: &Place) -> Self {
        Node::new(Value::Text(text.into()), place.clone())
    }

    pub fn boolean(value: bool, place: &Place) -> Self {
        Node::new(Value::Bool(value), place.clone())
    }

    pub fn null(place: &Place) -> Self {
        Node::new(Value::Null, place.clone())
    }

    pub fn empty_map(place: &Place) -> Self {
        Node::new(Value::map(Mapping::default()), place.clone())
    }

    /// A mapping whose keys all stand where the short form that it was made from stands.
    pub fn map<const N: usize>(place: &Place, entries: [(&str, Node); N]) -> Self {
        let mut mapping = Mapping::default();
        for (key, value) in entries {
            mapping.put(key, value);
        }
        Node::new(Value::map(mapping), place.clone())
    }

    pub fn as_map(&self) -> Option<&Mapping> {
        match &self.value {
            Value::Map(mapping) => Some(mapping),
            _ => None,
        }
    }

    pub fn as_map_mut(&mut self) -> Option<&mut Mapping> {
        match &mut self.value {
            Value::Map(mapping) => Some(mapping),
            _ => None,
        }
    }

    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    pub fn as_list_mut(&mut self) -> Option<&mut Vec<Node>> {
        match &mut self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    pub fn is_invalid(&self) -> bool {
        matches!(self.value, Value::Invalid)
    }

    pub fn is_true(&self) -> bool {
        matches!(self.value, Value::Bool(true))
    }

    /// The value under a key, where this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.get(key).map(|entry| &entry.value)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.as_map_mut()?.get_mut(key).map(|entry| &mut entry.value)
    }

    /// A scalar as text, as the reference prints one into a label or a variable.
    pub fn scalar_text(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) => Some(text.clone()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Integer(value) => Some(value.to_string()),
            Value::Float(value) => Some(float_text(*value)),
            Value::Null | Value::Timestamp(_) | Value::List(_) | Value::Map(_) | Value::Invalid => None,
        }
    }

    /// What the value is, in a reader's words.
    pub fn kind(&self) -> &'static str {
        self.value.kind()
    }

    /// The tree as plain data, for what is kept as written.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null | Value::Invalid => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Integer(value) => integer_json(*value),
            Value::Float(value) => serde_json::Number::from_f64(*value).map_or(Json::Null, Json::Number),
            Value::Text(text) | Value::Timestamp(text) => Json::String(text.clone()),
            Value::List(list) => Json::Array(list.iter().map(Node::to_json).collect()),
            Value::Map(mapping) => Json::Object(
                mapping
                    .iter()
                    .map(|(key, entry)| (key.clone(), entry.value.to_json()))
                    .collect(),
            ),
        }
    }
}

/// Mapping operations that keep places.
pub trait Put {
    /// Sets a key; a new key stands where its value stands.
    fn put(&mut self, key: &str, value: Node);
    /// Sets a key only where it is missing.
    fn put_default(&mut self, key: &str, value: Node);
}

impl Put for Mapping {
    fn put(&mut self, key: &str, value: Node) {
        match self.get_mut(key) {
            Some(entry) => entry.value = value,
            None => {
                let key_place = value.place.clone();
                self.insert(key.to_owned(), Entry { key: key_place, value });
            }
        }
    }

    fn put_default(&mut self, key: &str, value: Node) {
        if !self.contains_key(key) {
            self.put(key, value);
        }
    }
}

fn integer_json(value: i128) -> serde_json::Value {
    if let Ok(value) = i64::try_from(value) {
        return value.into();
    }
    match u64::try_from(value) {
        Ok(value) => value.into(),
        Err(_) => serde_json::Value::String(value.to_string()),
    }
}

/// A float as Go prints it (`%v`): the shortest text that reads back the same.
pub fn float_text(value: f64) -> String {
    if value == 0.0 || (1e-4..1e6).contains(&value.abs()) {
        return format!("{value}");
    }
    let text = format!("{value:e}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}
