//! A catalogue's questions, and what answers them: a file of answers, else the questions' defaults.
//!
//! Knows variables. Where the output can hold one, `${NAME}` becomes `${NAME:-answer}`; one that decides about the form
//! of the output (the name of a volume, a balancer's port) is replaced by its answer everywhere.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::compose::dotenv::{self, Variables};
use crate::compose::interpolate::{self, Expression};
use crate::compose::parse;
use crate::compose::source::{Diagnostic, Place, Source};
use crate::compose::tree::{Node, Value};
use crate::import::draft::Draft;

use super::{mounts, values};

/// What is known of the variables.
#[derive(Debug, Default)]
pub struct Answers {
    known: IndexMap<String, Answer>,
    /// Variables that are replaced.
    fixed: BTreeSet<String>,
    /// Variables that the files have.
    used: BTreeSet<String>,
}

#[derive(Debug)]
enum Answer {
    Text(String),
    /// It must be set where the output is used: what it is.
    Open(String),
}

/// One question of the catalogue.
struct Question {
    variable: String,
    place: Place,
    label: Option<String>,
    description: Option<String>,
    secret: bool,
    required: bool,
    default: Option<String>,
    options: Vec<String>,
    /// What else is said: limits of the answer, which nobody checks from now on.
    rest: Vec<String>,
}

impl Answers {
    /// Reads the questions of the documents, and the file of answers.
    pub fn read(documents: &[Node], file: Option<&(PathBuf, String)>, draft: &mut Draft) -> Answers {
        let given = file.map(|file| answers_of(file, draft)).unwrap_or_default();
        let mut answers = Answers::default();
        for document in documents {
            answers.look_at(document);
        }
        let asked: Vec<Question> = documents
            .iter()
            .flat_map(|document| questions(document, draft))
            .collect();
        for question in asked {
            let given = given.get(&question.variable);
            answers.ask(&question, given, draft);
        }
        for (name, (text, place)) in &given {
            if answers.known.contains_key(name) {
                continue;
            }
            if !answers.used.contains(name) {
                let message = format!("no question asks for `{name}`, and nothing uses it");
                draft.warnings.push(Diagnostic::warning(message, place.clone()));
            }
            answers.known.insert(name.clone(), Answer::Text(text.clone()));
        }
        for (name, answer) in &answers.known {
            // Neither a brace nor a line break can stand in a default.
            if matches!(answer, Answer::Text(text) if text.contains(['{', '}', '$', '\n', '\r'])) {
                answers.fixed.insert(name.clone());
            }
        }
        answers
    }

    fn ask(&mut self, question: &Question, given: Option<&(String, Option<Place>)>, draft: &mut Draft) {
        let name = &question.variable;
        let mut line = format!("{name} is the question `{}`", question.label.as_ref().unwrap_or(name));
        let words = question.description.iter().flat_map(|text| text.split_whitespace());
        let words = words.collect::<Vec<_>>().join(" ");
        if !words.is_empty() {
            line = format!("{line}: {words}");
        }
        if !question.options.is_empty() {
            line = format!("{line} (one of {})", question.options.join(", "));
        }
        line.extend(question.rest.iter().map(|rest| format!(" ({rest})")));
        let what = question.label.as_ref().unwrap_or(name).clone();
        let answer = match (given, &question.default) {
            (Some((_, place)), _) if question.secret => {
                let message = format!("the answer to `{name}` is not in the output: it is a password");
                let hint = format!("set `{name}` where the output is used");
                draft
                    .warnings
                    .push(Diagnostic::warning(message, place.clone()).hint(hint));
                line.push_str(" (a password: it must be set)");
                Answer::Open(what)
            }
            (Some((text, place)), _) => {
                if !question.options.is_empty() && !question.options.contains(text) {
                    let message = format!("the answer to `{name}` is none of the question's options");
                    let hint = format!("there are {}", question.options.join(", "));
                    draft
                        .warnings
                        .push(Diagnostic::warning(message, place.clone()).hint(hint));
                }
                Answer::Text(text.clone())
            }
            (None, Some(default)) if !default.is_empty() || !question.required => {
                if question.secret && !default.is_empty() {
                    let message = format!("the password `{name}` has the catalogue's default, which everybody knows");
                    let hint = format!("set `{name}` where the output is used");
                    draft
                        .warnings
                        .push(Diagnostic::warning(message, Some(question.place.clone())).hint(hint));
                    line.push_str(" (a password: its default is known to everybody, set another)");
                }
                Answer::Text(default.clone())
            }
            (None, _) if question.required => {
                let message = format!("the question `{name}` needs an answer, and has no default");
                let hint = format!("set `{name}` where the output is used, or name a file with `--answers`");
                draft
                    .warnings
                    .push(Diagnostic::warning(message, Some(question.place.clone())).hint(hint));
                line.push_str(" (it must be set)");
                Answer::Open(what)
            }
            (None, _) => Answer::Text(String::new()),
        };
        if !self.used.contains(name) {
            line.push_str(" (nothing uses it)");
        } else if self.fixed.contains(name) && matches!(answer, Answer::Text(_)) {
            line.push_str(" (its answer stands in the place of the variable: `--answers` changes it)");
        }
        draft.head.push(line);
        self.known.insert(name.clone(), answer);
    }

    /// Notes the variables of a file, and those that decide about the output's form.
    fn look_at(&mut self, document: &Node) {
        self.note(document, false);
        for section in ["volumes", "networks", "secrets"] {
            for (name, entry) in document.get(section).and_then(Node::as_map).into_iter().flatten() {
                self.note_text(name, true);
                for key in ["external", "internal", "per_container"] {
                    entry.value.get(key).iter().for_each(|node| self.note(node, true));
                }
            }
        }
        for (_, service) in super::services_of(document).unwrap_or_default() {
            let image = service.value.get("image").and_then(values::text).unwrap_or_default();
            let balancer = image.starts_with("rancher/l")
                || ["lb_config", "load_balancer_config"]
                    .iter()
                    .any(|key| service.value.get(key).is_some());
            for (key, entry) in service.value.as_map().into_iter().flatten() {
                match key.as_str() {
                    _ if balancer || deciding(key) => self.note(&entry.value, true),
                    "volumes" => {
                        for mount in values::texts(&entry.value, ':') {
                            self.note_text(mounts::parts(&mount).0, true);
                        }
                    }
                    "labels" => self.note_labels(&entry.value),
                    _ => {}
                }
            }
        }
    }

    /// Rancher's labels are translated, but for those that Hoist's loader reads itself.
    fn note_labels(&mut self, labels: &Node) {
        for (key, value) in values::pairs(labels) {
            let read = key.starts_with(super::affinity::RULE) || key == super::affinity::GLOBAL;
            self.note_text(&key, true);
            self.note_text(&value, key.starts_with("io.rancher.") && !read);
        }
    }

    fn note(&mut self, node: &Node, fixed: bool) {
        match &node.value {
            Value::Text(text) => self.note_text(text, fixed),
            Value::List(list) => list.iter().for_each(|item| self.note(item, fixed)),
            Value::Map(mapping) => mapping.values().for_each(|entry| self.note(&entry.value, fixed)),
            _ => {}
        }
    }

    fn note_text(&mut self, text: &str, fixed: bool) {
        for expression in interpolate::expressions(text) {
            self.used.insert(expression.name.to_owned());
            // What an answer alone decides about cannot be left to a default.
            if fixed || expression.operator == "+" {
                self.fixed.insert(expression.name.to_owned());
            }
            self.note_text(expression.word, fixed);
            self.note_text(expression.behind, fixed);
        }
    }

    /// Puts the answers into a document.
    pub fn fill(&self, node: &mut Node) {
        match &mut node.value {
            Value::Text(text) => *text = self.filled(text),
            Value::List(list) => list.iter_mut().for_each(|item| self.fill(item)),
            Value::Map(mapping) => mapping.values_mut().for_each(|entry| self.fill(&mut entry.value)),
            _ => {}
        }
    }

    /// Puts the answers into the names of a section's mapping.
    pub fn fill_names(&self, node: &mut Node) {
        if let Some(mapping) = node.as_map_mut() {
            let entries = std::mem::take(mapping);
            mapping.extend(entries.into_iter().map(|(name, entry)| (self.filled(&name), entry)));
        }
    }

    /// A text with the answers in it.
    pub fn filled(&self, text: &str) -> String {
        let mut output = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            output.push_str(&rest[..dollar]);
            let form = &rest[dollar..];
            let length = length(form);
            match interpolate::expressions(&form[..length]).as_slice() {
                [expression] => output.push_str(&self.expression(expression, &form[..length])),
                _ => output.push_str(&form[..length]),
            }
            rest = &form[length..];
        }
        output + rest
    }

    fn expression(&self, expression: &Expression<'_>, written: &str) -> String {
        let name = expression.name;
        let strict = written[2..].starts_with(&format!("{name}:"));
        let colon = if strict { ":" } else { "" };
        let word = self.filled(expression.word);
        match (self.known.get(name), expression.operator) {
            (Some(Answer::Open(what)), "") => required(name, what),
            (None, "") => written.to_owned(),
            (None | Some(Answer::Open(_)), operator) => format!("${{{name}{colon}{operator}{word}}}"),
            (Some(Answer::Text(text)), operator) => {
                let there = !(strict && text.is_empty());
                let plain = text.replace('$', "$$");
                match operator {
                    "+" if there => word,
                    "+" => String::new(),
                    "-" if !there => format!("${{{name}:-{word}}}"),
                    "?" if !there => format!("${{{name}:?{word}}}"),
                    _ if self.fixed.contains(name) => plain,
                    "" | "?" => format!("${{{name}:-{plain}}}"),
                    operator => format!("${{{name}{colon}{operator}{plain}}}"),
                }
            }
        }
    }
}

/// Whether Hoist must know the value of a service's key to translate it.
fn deciding(key: &str) -> bool {
    const KEYS: [&str; 23] = [
        "links",
        "external_links",
        "depends_on",
        "volumes_from",
        "net",
        "network_mode",
        "networks",
        "secrets",
        "pid",
        "ipc",
        "extends",
        "external_ips",
        "upgrade_strategy",
        "start_on_create",
        "milli_cpu_reservation",
        "scale_policy",
        "health_check",
        "volume_driver",
        "type",
        "certs",
        "default_cert",
        "drain_timeout_ms",
        "log_driver",
    ];
    KEYS.contains(&key)
}

/// How long the form is that begins with this dollar sign.
pub fn length(form: &str) -> usize {
    let after = &form[1..];
    if after.starts_with('$') {
        return 2;
    }
    if !after.starts_with('{') {
        let name = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        return 1 + name.unwrap_or(after.len());
    }
    let mut depth = 0;
    for (at, character) in after.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 1 => return 2 + at,
            '}' => depth -= 1,
            _ => {}
        }
    }
    form.len()
}

/// A variable that must be set.
fn required(name: &str, what: &str) -> String {
    let words = what.replace(['$', '{', '}', '\n'], " ");
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("${{{name}:?{words}}}")
}

/// The part of a file that belongs to the catalogue.
pub fn catalogue(document: &Node) -> Option<&Node> {
    document.get(".catalog").or_else(|| document.get("catalog"))
}

fn questions(document: &Node, draft: &mut Draft) -> Vec<Question> {
    let Some(node) = catalogue(document).and_then(|catalogue| catalogue.get("questions")) else {
        return Vec::new();
    };
    let Some(list) = node.as_list() else {
        if !node.is_null() {
            let message = format!("`questions` must be a list, not {}", node.kind());
            draft.error(message, &node.place, None);
        }
        return Vec::new();
    };
    list.iter().filter_map(|node| question(node, draft)).collect()
}

fn question(node: &Node, draft: &mut Draft) -> Option<Question> {
    let part = |key: &str| node.get(key).and_then(as_written);
    let Some(variable) = part("variable").filter(|name| !name.is_empty()) else {
        draft.error("a question needs a `variable`", &node.place, None);
        return None;
    };
    let mut question = Question {
        variable,
        place: node
            .get("variable")
            .map_or(node.place.clone(), |node| node.place.clone()),
        label: part("label").filter(|label| !label.is_empty()),
        description: part("description"),
        secret: part("type").as_deref() == Some("password"),
        required: node.get("required").and_then(values::flag) == Some(true),
        default: part("default"),
        options: Vec::new(),
        rest: Vec::new(),
    };
    for (key, entry) in node.as_map().into_iter().flatten() {
        match key.as_str() {
            "variable" | "label" | "description" | "type" | "required" | "default" | "group" => {}
            "options" => {
                let options = entry.value.as_list().unwrap_or_default();
                question.options = options.iter().filter_map(as_written).collect();
            }
            _ => question.rest.push(format!("{key}: {}", values::shown(&entry.value))),
        }
    }
    Some(question)
}

/// A scalar's text as it is written: an answer is text, and `0640` and `1.10` stay what they are.
fn as_written(node: &Node) -> Option<String> {
    match &node.value {
        Value::Null => Some(String::new()),
        Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Timestamp(_) => {
            let place = &node.place;
            let written = place.source.text.get(place.start..place.start + place.length);
            let written = written.map(|text| text.trim().trim_matches(['"', '\'']).to_owned());
            written.filter(|text| !text.is_empty()).or_else(|| node.scalar_text())
        }
        _ => node.scalar_text(),
    }
}

/// The answers of a file, with their places where they have one: lines of `NAME=value`, or a mapping in YAML or JSON.
fn answers_of(file: &(PathBuf, String), draft: &mut Draft) -> IndexMap<String, (String, Option<Place>)> {
    let (name, text) = (file.0.display().to_string(), &file.1);
    let mut lines = text.lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#') && *line != "---");
    let is_variable = |name: &str| {
        let name = name.trim().trim_start_matches("export ");
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
    };
    let Some(first) = first else { return IndexMap::new() };
    if first.split_once('=').is_some_and(|(name, _)| is_variable(name)) {
        let mut variables = Variables::new();
        if let Err(found) = dotenv::parse(&name, text, &|_| None, &mut variables) {
            draft.errors.push(*found);
        }
        return variables.into_iter().map(|(name, text)| (name, (text, None))).collect();
    }
    let source = Arc::new(Source::new(name, text.clone()));
    let documents = match parse::parse_foreign(&source) {
        Ok(documents) => documents,
        Err(found) => {
            draft
                .errors
                .push(found.hint("answers are lines of `NAME=value`, or a mapping"));
            return IndexMap::new();
        }
    };
    let mut answers = IndexMap::new();
    for (name, entry) in documents.iter().filter_map(Node::as_map).flatten() {
        match as_written(&entry.value) {
            Some(text) => {
                answers.insert(name.clone(), (text, Some(entry.key.clone())));
            }
            None => {
                let message = format!("the answer to `{name}` must be a scalar, not {}", entry.value.kind());
                draft.error(message, &entry.value.place, None);
            }
        }
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::{Answer, Answers};

    fn answers(known: &[(&str, &str)], fixed: &[&str]) -> Answers {
        let answer = |(name, text): &(&str, &str)| ((*name).to_owned(), Answer::Text((*text).to_owned()));
        let mut answers = Answers {
            known: known.iter().map(answer).collect(),
            fixed: fixed.iter().map(|name| (*name).to_owned()).collect(),
            ..Answers::default()
        };
        answers
            .known
            .insert("OPEN".into(), Answer::Open("What ${it} is".into()));
        answers
    }

    #[test]
    fn a_variable_has_its_answer_for_a_default() {
        let answers = answers(&[("A", "x"), ("E", "")], &[]);
        for (text, filled) in [
            ("${A}/$A-$B", "${A:-x}/${A:-x}-$B"),
            (
                "${A:-other} ${A-other} ${A:?why} ${A?why}",
                "${A:-x} ${A-x} ${A:-x} ${A:-x}",
            ),
            ("${E} ${E:-other} ${E-other}", "${E:-} ${E:-other} ${E-}"),
            (
                "${B:-${A}} ${B:?${A}} {\"a\": \"${A}\"}",
                "${B:-${A:-x}} ${B:?${A:-x}} {\"a\": \"${A:-x}\"}",
            ),
            ("$$A $${A} $ 5$ ${", "$$A $${A} $ 5$ ${"),
            ("${OPEN} ${OPEN:-y}", "${OPEN:?What it is} ${OPEN:-y}"),
        ] {
            assert_eq!(answers.filled(text), filled);
        }
    }

    #[test]
    fn a_variable_that_decides_is_replaced() {
        let answers = answers(&[("A", "a$b"), ("E", "")], &["A", "E"]);
        for (text, filled) in [
            ("${A}-data $A", "a$$b-data a$$b"),
            ("${A:-y}${A:+yes}${E:+yes}${E}|", "a$$byes|"),
            ("${E:-y}", "${E:-y}"),
        ] {
            assert_eq!(answers.filled(text), filled);
        }
    }
}
