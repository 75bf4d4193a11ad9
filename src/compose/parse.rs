//! YAML text becomes the spanned tree.
//!
//! Never knows what a key means. In three steps: [`graph`] reads the text, [`decode`] follows aliases and merge keys,
//! [`scalar`] says what type a scalar has; each by the rules of the reference's YAML, since what a file means must not
//! depend on who reads it.

mod colons;
mod decode;
mod graph;
mod scalar;
mod tags;
mod timestamp;
mod unfinished;

use std::sync::Arc;

use super::source::{Diagnostic, Source};
use super::tree::{Node, Value};

/// How many lists and mappings may stand inside each other.
const DEPTH: usize = 1000;

/// Parses a file: one tree, a mapping, for each of its documents. A file without any has none.
///
/// # Errors
///
/// The first syntax error, duplicate key, key that is no string, unknown anchor, alias bomb, or document that is no
/// mapping.
pub fn parse(source: &Arc<Source>) -> Result<Vec<Node>, Box<Diagnostic>> {
    documents(source, Keys::Texts)
}

/// Parses a file of another language that is written in YAML: there, a number may be a key (`80: 8080`).
///
/// # Errors
///
/// As those of [`parse`].
pub fn parse_foreign(source: &Arc<Source>) -> Result<Vec<Node>, Box<Diagnostic>> {
    documents(source, Keys::Scalars)
}

/// What may be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keys {
    /// Strings, as the reference has it.
    Texts,
    /// Any scalar but nothing; its name is its text.
    Scalars,
}

fn documents(source: &Arc<Source>, keys: Keys) -> Result<Vec<Node>, Box<Diagnostic>> {
    let graph = graph::graph(source)?;
    let documents = graph.documents.iter().map(|root| {
        let document = decode::document(&graph, *root, source, keys)?;
        match document.value {
            Value::Map(_) => Ok(document),
            _ => Err(no_mapping(&document, graph.documents.len())),
        }
    });
    documents.collect()
}

/// Reads a YAML file that is none of Compose's, as plain data; one that says nothing is an empty mapping.
///
/// # Errors
///
/// As [`parse`], in words with the line and the column.
pub fn plain(name: &str, text: &str) -> Result<serde_json::Value, String> {
    let source = Arc::new(Source {
        name: name.to_owned(),
        text: text.to_owned(),
        trail: Vec::new(),
    });
    let documents = parse(&source).map_err(|error| match &error.place {
        Some(place) => {
            let (line, column) = place.line_column();
            format!("{} (line {line}, column {column})", error.message)
        }
        None => error.message.clone(),
    })?;
    Ok(match documents.first() {
        Some(document) => document.to_json(),
        None => serde_json::Value::Object(serde_json::Map::new()),
    })
}

fn no_mapping(document: &Node, documents: usize) -> Box<Diagnostic> {
    let what = match (documents, document.is_null()) {
        (1, _) => "the file",
        (_, true) => "each document of the file, an empty one too,",
        (_, false) => "each document of the file",
    };
    let message = format!("{what} must be a mapping, not {}", document.kind());
    Box::new(Diagnostic::error(message, Some(document.place.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::tree::Tag;

    fn source(text: &str) -> Arc<Source> {
        Arc::new(Source::new("compose.yaml", text))
    }

    #[test]
    fn a_backslash_at_the_end_is_an_error_inside_of_quotes_only() {
        for text in ["\"\\", "\"", "a: \"b\\", "a: \"\\x4\\"] {
            assert!(parse(&source(text)).is_err(), "{text}");
        }
        for (text, value) in [
            ("a: b\\", "b\\"),
            ("a: '\\'", "\\"),
            ("a: |\n  b\\", "b\\"),
            ("a: >", ""),
        ] {
            let parsed = parse_foreign(&source(text)).expect(text).remove(0);
            assert_eq!(parsed.get("a").and_then(Node::as_text), Some(value), "{text}");
        }
    }

    #[test]
    fn keys_of_other_languages_may_be_numbers() {
        let parsed = parse_foreign(&source("80: a\ntrue: b\n")).expect("it parses").remove(0);
        let names: Vec<&String> = parsed.as_map().expect("a mapping").keys().collect();
        assert_eq!(names, ["80", "true"]);
        assert!(parse_foreign(&source("~: a\n")).is_err());
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
        assert!(message.contains("tab character"), "{message}");
        assert_eq!(place, (2, 1));
    }

    #[test]
    fn an_unknown_anchor_is_an_error_at_the_alias() {
        let (message, place) = failure("a: 1\nb: *nope\n");
        assert_eq!(message, "this alias names an anchor that does not stand before it");
        assert_eq!(place.0, 2);
    }

    #[test]
    fn a_tag_that_nobody_knows_says_nothing() {
        assert_eq!(
            json("a: !vault 12\nb: !x {c: 1}\n").to_string(),
            r#"{"a":"12","b":{"c":1}}"#
        );
    }

    #[test]
    fn anchors_hold_for_the_documents_that_follow() {
        let documents = parse(&source("a: &x {b: 1}\n---\nc: *x\n")).expect("parses");
        assert_eq!(documents[1].to_json()["c"]["b"], 1);
    }

    #[test]
    fn an_alias_inside_its_anchor_is_an_error() {
        for text in [
            "a: &a [*a]",
            "a: &a {b: {c: *a}}",
            "a: &a {b: 1}\nc: {<<: *a, d: *a}",
            "a: &a\n  <<: *a\n",
        ] {
            assert_eq!(failure(text).0, "this alias stands inside what it stands for", "{text}");
        }
    }

    #[test]
    fn the_first_of_several_merged_mappings_wins() {
        let value = json("x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {<<: [*x, *y], c: 3}\nn: {<<: {<<: *x, b: 4}}\n");
        assert_eq!(value["z"].to_string(), r#"{"c":3,"a":1,"b":1}"#);
        assert_eq!(value["n"].to_string(), r#"{"b":4,"a":1}"#);
        assert_eq!(failure("a: {<<: 1}").0, "`<<` takes a mapping or a list of mappings");
    }

    #[test]
    fn keys_are_strings() {
        assert_eq!(
            failure("a: {1: b}"),
            ("a key must be a string, not a whole number".to_owned(), (1, 5))
        );
        assert_eq!(
            failure("? [a]\n: b").0,
            "a key must be a string, not a list or a mapping"
        );
        assert_eq!(json("yes: 1\n'2': 2\n").to_string(), r#"{"yes":1,"2":2}"#);
    }

    #[test]
    fn a_document_is_a_mapping() {
        assert_eq!(failure("[a]").0, "the file must be a mapping, not a list");
        let (message, place) = failure("a: 1\n---\n");
        assert_eq!(
            message,
            "each document of the file, an empty one too, must be a mapping, not nothing"
        );
        assert_eq!(place.0, 3);
    }

    #[test]
    fn byte_order_mark_and_line_ends_of_other_systems_are_no_matter() {
        assert_eq!(
            json("\u{feff}a: 1\r\nb: |\r\n  c\r\n  d\r\n").to_string(),
            r#"{"a":1,"b":"c\nd\n"}"#
        );
        assert_eq!(failure("\u{feff}a: 1\r\nb: [\r\n").1.0, 3);
    }

    #[test]
    fn control_characters_are_errors_at_their_place() {
        let (message, place) = failure("a: 1\nb: \u{1b}[0m\n");
        assert_eq!(message, "not valid YAML: the control character U+001B is not allowed");
        assert_eq!(place, (2, 4));
    }

    #[test]
    fn depth_has_its_limit() {
        let deep = |depth: usize| format!("a: {}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(
            parse(&source(&deep(200))).map(|documents| documents.len()).ok(),
            Some(1)
        );
        assert!(
            failure(&deep(5000)).0.starts_with("more than 1000 lists"),
            "{}",
            failure(&deep(5000)).0
        );
    }

    #[test]
    fn an_alias_bomb_is_an_error() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let alias = format!("*a{}", level - 1);
            text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![alias; 10].join(", ")));
        }
        let (message, _) = failure(&text);
        assert_eq!(message, "the file grows too large, or its aliases expand without end");
        let mut text = "a0: &a0 {}\n".to_owned();
        for level in 1..12 {
            let alias = format!("*a{}", level - 1);
            text.push_str(&format!(
                "a{level}: &a{level} {{<<: [{}]}}\n",
                vec![alias; 10].join(", ")
            ));
        }
        let (message, _) = failure(&text);
        assert_eq!(message, "the file grows too large, or its aliases expand without end");
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
