//! Files that are made from a template: their actions are named, since they are no YAML.
//!
//! Knows where an action stands. Never carries one out.

use std::path::Path;
use std::sync::Arc;

use crate::compose::source::{Diagnostic, Place, Source};

/// What begins an action, and what ends it: of Go and Jinja, of Jinja's statements, of ERB.
const MARKS: [(&str, &str); 3] = [("{{", "}}"), ("{%", "%}"), ("<%", "%>")];
/// What Rancher gives to the actions of a stack's template. Other programs that a command may call use no such names,
/// but for `.Stack`, which a format of Rancher's own commands has.
const VALUES: [&str; 2] = [".Values", ".Release"];
const STACK: &str = ".Stack";

/// The error for the first action of a text that is a template.
///
/// A text that is YAML (`broken` is `None`) is one where an action uses what only Rancher gives it, or in a file whose
/// name ends in `.tpl`: there, Rancher takes all of them for its own. `{{.Name}}` in a command or a log's tag is none.
/// In a text that is not YAML, an action is one where it stands in the place of YAML, before the fault.
pub fn action(name: &Path, text: &str, broken: Option<&Diagnostic>) -> Option<Diagnostic> {
    let template = name.extension().is_some_and(|end| end == "tpl" || end == "tmpl");
    let fault = broken.and_then(|found| Some(found.place.as_ref()?.line_column().0));
    let mut scalar = Scalar::default();
    let mut start = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let inside = scalar.holds(line);
        if let Some((at, length)) = in_line(line, template, inside, fault.map(|fault| number < fault)) {
            let place = Place {
                source: Arc::new(Source::new(name.display().to_string(), text)),
                start: start + at,
                length,
            };
            let written = &line[at..at + length];
            return Some(
                Diagnostic::error(
                    format!("`{written}` is an action of a template: the file is no YAML before it is rendered"),
                    Some(place),
                )
                .hint(
                    "render the file with the answers first: `rancher export STACK` writes the rendered files of a \
                     stack that runs; or put what an action comes to in its place, `${NAME}` for `{{ .Values.NAME }}`",
                ),
            );
        }
        start += line.len();
    }
    None
}

/// The first action of a line that makes the text a template: where it begins, and its length.
fn in_line(line: &str, template: bool, inside: bool, before_fault: Option<bool>) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some((at, end)) = next(line, from) {
        let length = line[at..]
            .find(end)
            .map_or(line[at..].trim_end().len(), |found| found + end.len());
        let body = &line[at..at + length];
        let bare = !inside && in_place_of_yaml(&line[..at]);
        let rancher = VALUES.iter().any(|name| uses(body, name))
            || (uses(body, STACK) && !line.contains("--format") && !line.contains("rancher stack"));
        if template || rancher || (bare && before_fault == Some(true)) {
            return Some((at, length));
        }
        from = at + length;
    }
    None
}

/// The next action's beginning from here on, and what ends it.
fn next(line: &str, from: usize) -> Option<(usize, &'static str)> {
    let found = MARKS
        .iter()
        .filter_map(|(begin, end)| Some((from + line[from..].find(begin)?, *end)));
    found.min_by_key(|(at, _)| *at)
}

/// Whether an action uses this name, and not a longer one.
fn uses(body: &str, name: &str) -> bool {
    body.match_indices(name).any(|(at, _)| {
        let before = body[..at].chars().next_back();
        let after = body[at + name.len()..].chars().next();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.')
            && !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// Whether a line's text up to here leaves the place of a key or of a whole value.
fn in_place_of_yaml(before: &str) -> bool {
    let before = before.trim();
    before.is_empty() || before == "-" || before.ends_with(':') || before.ends_with(" -")
}

/// Follows block scalars, in whose lines anything may stand.
#[derive(Default)]
struct Scalar {
    /// The indentation of the line that began one.
    began: Option<usize>,
}

impl Scalar {
    /// Whether the line is inside of a block scalar.
    fn holds(&mut self, line: &str) -> bool {
        let body = line.trim_end();
        let indentation = body.len() - body.trim_start().len();
        if let Some(began) = self.began {
            if body.is_empty() || indentation > began {
                return true;
            }
            self.began = None;
        }
        let header = body.rsplit([' ', ':']).next().unwrap_or_default();
        let is_header =
            header.starts_with(['|', '>']) && header[1..].chars().all(|c| c == '-' || c == '+' || c.is_ascii_digit());
        if is_header {
            self.began = Some(indentation);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::action;
    use crate::compose::source::{Diagnostic, Place};

    fn found(name: &str, text: &str) -> Option<(usize, usize)> {
        let source = std::sync::Arc::new(crate::compose::source::Source::new(name, text));
        let broken = crate::compose::parse::parse_foreign(&source).err();
        let found: Option<Diagnostic> = action(Path::new(name), text, broken.as_deref());
        found.and_then(|found| found.place.as_ref().map(Place::line_column))
    }

    #[test]
    fn an_action_in_the_place_of_yaml_is_named() {
        for (text, place) in [
            (
                "web:\n  image: x\n{{- if eq .Values.A \"b\" }}\n  tty: true\n{{- end }}\n",
                (3, 1),
            ),
            ("web:\n  image: {{ .Values.IMAGE }}\n", (2, 10)),
            ("web:\n  image: x:{{.Values.TAG}}\n", (2, 12)),
            ("web:\n  image: x\n  links:\n  - {{ db }}\n", (4, 5)),
            ("web:\n  image: x\n  {% if tls %}\n  tty: true\n  {% endif %}\n", (3, 3)),
            ("web:\n  image: x\n# {{ if .Values.TLS }}\n  tty: true\n", (3, 3)),
            ("web:\n  image: x\n  labels: {a: 'b={{.Stack.Name}}/web'}\n", (3, 18)),
        ] {
            assert_eq!(found("docker-compose.yml", text), Some(place), "{text}");
        }
        let text = "web: {image: x, command: 'list {{.Names}}'}\n";
        assert_eq!(found("docker-compose.yml.tpl", text), Some((1, 32)));
    }

    #[test]
    fn an_action_that_another_program_reads_is_none() {
        for text in [
            "web: {image: x, command: 'docker ps --format {{.Names}}', log_opt: {tag: '{{.Name}}/{{.ID}}'}}\n",
            "web: {image: x, command: \"rancher stacks ls --format '{{.Stack.Name}}'\"}\n",
            "web:\n  image: x\n  command: |\n    {{ range service \"db\" }}\n    {{ .Address }}{{ end }}\n",
            // The fault is another, and stands before.
            "web:\n\timage: x\n  command: '{{.Name}}'\n",
            "web:\n  command: |\n    {{ range service \"db\" }}\n  image: x: y\n",
        ] {
            assert_eq!(found("docker-compose.yml", text), None, "{text}");
        }
    }
}
