//! YAML text becomes the spanned tree. The one module that knows the YAML library.
//!
//! Never knows what a key means. Anchors, aliases and merge keys (`<<`) are resolved here, per document,
//! as the reference does; `0440` is octal and only `true` and `false` are booleans, as in Go's YAML.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Error, Location, Spanned, Tagged};

use super::source::{Diagnostic, Place, Source};
use super::tree::{Entry, Mapping, Node, Tag, Value};

/// Parses a file: one tree for each of its documents, empty documents left out.
///
/// # Errors
///
/// The first syntax error, duplicate key, unknown anchor or alias bomb.
pub fn parse(source: &Arc<Source>) -> Result<Vec<Node>, Box<Diagnostic>> {
    let options = serde_saphyr::options! {
        legacy_octal_numbers: true,
        strict_booleans: true,
        with_snippet: false,
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::AsString,
    };
    let documents: Vec<Raw> = serde_saphyr::from_multiple_with_options(&source.text, options)
        .map_err(|error| Box::new(diagnostic(&error, source)))?;
    let mut nodes = Vec::new();
    for document in documents {
        let node = convert(document, source)?;
        if !node.is_null() {
            nodes.push(node);
        }
    }
    Ok(nodes)
}

/// A node as the YAML library hands it over.
struct Raw(Spanned<Tagged<RawValue>>);

enum RawValue {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Raw>),
    Map(Vec<(Raw, Raw)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Raw)
    }
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = RawValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<RawValue, E> {
        Ok(RawValue::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<RawValue, E> {
        Ok(RawValue::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<RawValue, E> {
        Ok(RawValue::Integer(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<RawValue, E> {
        Ok(RawValue::Integer(value))
    }

    fn visit_u128<E>(self, value: u128) -> Result<RawValue, E> {
        Ok(match i128::try_from(value) {
            Ok(value) => RawValue::Integer(value),
            Err(_) => RawValue::Text(value.to_string()),
        })
    }

    fn visit_f64<E>(self, value: f64) -> Result<RawValue, E> {
        Ok(RawValue::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<RawValue, E> {
        Ok(RawValue::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<RawValue, E> {
        Ok(RawValue::Text(value))
    }

    fn visit_unit<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }

    fn visit_none<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawValue, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<RawValue, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = sequence.next_element()? {
            list.push(item);
        }
        Ok(RawValue::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawValue, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(RawValue::Map(entries))
    }
}

fn convert(raw: Raw, source: &Arc<Source>) -> Result<Node, Box<Diagnostic>> {
    let Spanned {
        value: Tagged(value, tag),
        defined,
        ..
    } = raw.0;
    let place = place(defined, source);
    let value = match value {
        RawValue::Null => Value::Null,
        RawValue::Bool(value) => Value::Bool(value),
        RawValue::Integer(value) => Value::Integer(value),
        RawValue::Float(value) => Value::Float(value),
        RawValue::Text(text) => Value::Text(text),
        RawValue::List(list) => Value::List(
            list.into_iter()
                .map(|item| convert(item, source))
                .collect::<Result<_, _>>()?,
        ),
        RawValue::Map(entries) => {
            let mut mapping = Mapping::new();
            for (key, value) in entries {
                let key = convert(key, source)?;
                let Some(name) = key.scalar_text() else {
                    let message = format!("a key must be a string, not {}", key.kind());
                    return Err(Box::new(Diagnostic::error(message, Some(key.place))));
                };
                let entry = Entry {
                    key: key.place,
                    value: convert(value, source)?,
                };
                if let Some(earlier) = mapping.get(&name) {
                    return Err(Box::new(duplicate(&name, entry.key, &earlier.key)));
                }
                mapping.insert(name, entry);
            }
            Value::Map(mapping)
        }
    };
    Ok(Node {
        value,
        tag: known_tag(tag.as_deref(), &place)?,
        place,
    })
}

fn known_tag(tag: Option<&str>, place: &Place) -> Result<Option<Tag>, Box<Diagnostic>> {
    let Some(tag) = tag else { return Ok(None) };
    match tag {
        "!reset" => Ok(Some(Tag::Reset)),
        "!override" => Ok(Some(Tag::Override)),
        "!" => Ok(None),
        _ if tag.starts_with("tag:yaml.org,2002:") || tag.starts_with("!!") => Ok(None),
        _ => {
            let found = Diagnostic::error(format!("unknown tag `{tag}`"), Some(place.clone()));
            Err(Box::new(found.hint("the tags of Compose are `!reset` and `!override`")))
        }
    }
}

/// A library location as a place: the value itself, cut at the end of its first line.
fn place(location: Location, source: &Arc<Source>) -> Place {
    let span = location.span();
    let text = &source.text;
    let start = span
        .byte_offset()
        .and_then(|offset| usize::try_from(offset).ok())
        .unwrap_or_else(|| offset_of(text, location.line(), location.column()))
        .min(text.len());
    let start = floor_boundary(text, start);
    let length = span
        .byte_len()
        .and_then(|length| usize::try_from(length).ok())
        .unwrap_or(0);
    let end = floor_boundary(text, start.saturating_add(length).min(text.len()));
    let slice = &text[start..end];
    let length = slice.find('\n').unwrap_or(slice.len());
    Place {
        source: Arc::clone(source),
        start,
        length: slice[..length].trim_end().len(),
    }
}

fn floor_boundary(text: &str, mut index: usize) -> usize {
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

fn offset_of(text: &str, line: u64, column: u64) -> usize {
    let mut offset = 0;
    for (number, content) in (1_u64..).zip(text.split_inclusive('\n')) {
        if number == line {
            let column = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
            let inside = content.char_indices().nth(column).map_or(content.len(), |(at, _)| at);
            return offset + inside;
        }
        offset += content.len();
    }
    text.len()
}

fn duplicate(key: &str, place: Place, earlier: &Place) -> Diagnostic {
    let first = earlier.line_column().0;
    Diagnostic::error(format!("the key `{key}` is there twice"), Some(place))
        .hint(format!("the first one is in line {first}"))
}

fn diagnostic(error: &Error, source: &Arc<Source>) -> Diagnostic {
    let error = error.without_snippet();
    let place = error.location().map(|location| place(location, source));
    match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            let mut found = Diagnostic::error(format!("the key `{key}` is there twice"), place);
            found.label = Some("the second one".to_owned());
            found
        }
        Error::UnknownAnchor { .. } => {
            Diagnostic::error("this alias names an anchor that this document does not define", place)
        }
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => Diagnostic::error(TOO_LARGE, place),
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            Diagnostic::error("this alias stands inside its own anchor", place)
        }
        Error::MergeValueNotMapOrSeqOfMaps { .. } => {
            Diagnostic::error("`<<` takes a mapping or a list of mappings", place)
        }
        other => {
            let message = plain_message(other);
            if message.starts_with("budget breached") {
                return Diagnostic::error(TOO_LARGE, place);
            }
            Diagnostic::error(format!("not valid YAML: {message}"), place).syntax()
        }
    }
}

const TOO_LARGE: &str = "the file grows too large, or its aliases expand without end";

/// The library's message without the position that the place already says.
fn plain_message(error: &Error) -> String {
    let text = error.to_string();
    let text = text.lines().next().unwrap_or_default();
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let text = match text.strip_prefix("line ").and_then(|rest| rest.split_once(": ")) {
        Some((_, rest)) => rest,
        None => text,
    };
    let text = text.split(" at line ").next().unwrap_or(text);
    let text = text.split(" at byte ").next().unwrap_or(text);
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Arc<Source> {
        Arc::new(Source {
            name: "compose.yaml".to_owned(),
            text: text.to_owned(),
        })
    }

    fn failure(text: &str) -> (String, (usize, usize)) {
        let error = parse(&source(text)).expect_err("must not parse");
        let place = error.place.expect("has a place");
        (error.message, place.line_column())
    }

    fn json(text: &str) -> serde_json::Value {
        parse(&source(text)).expect("parses").remove(0).to_json()
    }

    #[test]
    fn values_have_the_types_that_gos_yaml_gives_them() {
        let value = json("a: 0440\nb: yes\nc: true\nd: 3.10\ne: '80'\nf: 80\ng:\nh: ~\ni: 1:30\nj: 22:22\n");
        assert_eq!(
            value.to_string(),
            r#"{"a":288,"b":"yes","c":true,"d":3.1,"e":"80","f":80,"g":null,"h":null,"i":"1:30","j":"22:22"}"#
        );
    }

    #[test]
    fn anchors_and_merge_keys_are_resolved() {
        let value = json("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\nz: *x\n");
        assert_eq!(value["y"]["a"], 1);
        assert_eq!(value["y"]["b"], 3);
        assert_eq!(value["z"]["b"], 2);
    }

    #[test]
    fn tags_are_kept() {
        let node = parse(&source("a: !reset null\nb: !override [1]\n"))
            .expect("parses")
            .remove(0);
        assert_eq!(node.get("a").and_then(|n| n.tag), Some(Tag::Reset));
        assert_eq!(node.get("b").and_then(|n| n.tag), Some(Tag::Override));
    }

    #[test]
    fn places_are_those_of_the_values_themselves() {
        let node = parse(&source(
            "services:\n  web:\n    image: \"nginx\"\n    ports: [80, 'é', 443]\n",
        ))
        .expect("parses")
        .remove(0);
        let web = node.get("services").and_then(|n| n.get("web")).expect("web");
        let image = web.get("image").expect("image");
        assert_eq!(image.place.line_column(), (3, 12));
        let ports = web.get("ports").and_then(Node::as_list).expect("ports");
        assert_eq!(ports[2].place.line_column(), (4, 22));
        let end = ports[2].place.start + ports[2].place.length;
        assert_eq!(&ports[2].place.source.text[ports[2].place.start..end], "443");
        let key = &node.as_map().expect("map")["services"].key;
        assert_eq!(key.line_column(), (1, 1));
    }

    #[test]
    fn a_duplicate_key_is_an_error_at_the_second_key() {
        let (message, place) = failure("services:\n  web:\n    image: a\n    image: b\n");
        assert_eq!(message, "the key `image` is there twice");
        assert_eq!(place, (4, 5));
    }

    #[test]
    fn a_syntax_error_has_its_line_and_column() {
        let (message, place) = failure("services:\n  web: [a, b\n  db: x\n");
        assert!(message.starts_with("not valid YAML: "), "{message}");
        assert_eq!(place.0, 3, "{message}");
        let (message, place) = failure("a: b\n\tc: d\n");
        assert!(message.starts_with("not valid YAML: "), "{message}");
        assert_eq!(place.0, 1, "{message} {place:?}");
    }

    #[test]
    fn an_unknown_anchor_is_an_error_at_the_alias() {
        let (message, place) = failure("a: 1\nb: *nope\n");
        assert_eq!(message, "this alias names an anchor that this document does not define");
        assert_eq!(place.0, 2);
    }

    #[test]
    fn an_unknown_tag_is_an_error() {
        let (message, place) = failure("a: !vault x\n");
        assert_eq!(message, "unknown tag `!vault`");
        assert_eq!(place.0, 1);
    }

    #[test]
    fn an_alias_bomb_is_an_error() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let alias = format!("*a{}", level - 1);
            text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![alias; 10].join(", ")));
        }
        let (message, _) = failure(&text);
        assert_eq!(message, TOO_LARGE);
    }

    #[test]
    fn documents_of_one_file_come_one_by_one() {
        assert_eq!(parse(&source("a: 1\n---\nb: 2\n")).expect("parses").len(), 2);
        assert_eq!(parse(&source("# nothing\n")).expect("parses").len(), 0);
    }

    proptest::proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,60}|[a-c:\\-\\[\\]{}&*!<|> \\n\\t'\"#?é]{0,80}") {
            drop(parse(&source(&text)));
        }
    }
}
