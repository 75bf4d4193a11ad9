//! The variables that a project's files name, with what their expressions say of them.
//!
//! Never looks a value up: `hoist config --variables` is about what could be set.

use std::collections::BTreeMap;

use serde_json::Value;

use super::interpolate;

/// What the last expression of a variable says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    /// `${NAME:-default}`, as written.
    pub default: String,
    /// `${NAME:+alternate}`, as written.
    pub alternate: String,
    /// `${NAME:?…}`.
    pub required: bool,
}

/// The variables in all strings of a model, keys left out. A malformed expression counts as a variable without a name,
/// as in the reference.
pub fn of(model: &Value) -> BTreeMap<String, Variable> {
    let mut found = BTreeMap::new();
    collect(model, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeMap<String, Variable>) {
    match value {
        Value::String(text) => {
            for variable in in_text(text, 0) {
                found.insert(variable.name.clone(), variable);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(entries) => entries.values().for_each(|entry| collect(entry, found)),
        _ => {}
    }
}

/// In the order in which later ones win.
fn in_text(text: &str, depth: usize) -> Vec<Variable> {
    let mut found = Vec::new();
    if depth > interpolate::DEPTH {
        return found;
    }
    for expression in interpolate::expressions(text) {
        found.extend(in_text(expression.behind, depth + 1));
        let (default, alternate) = match expression.operator {
            "-" => (expression.word, ""),
            "+" => ("", expression.word),
            _ => ("", ""),
        };
        found.push(Variable {
            name: expression.name.to_owned(),
            default: default.to_owned(),
            alternate: alternate.to_owned(),
            required: expression.operator == "?",
        });
        found.extend(in_text(default, depth + 1));
        found.extend(in_text(alternate, depth + 1));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let variables = of(&serde_json::json!({"a": [text]}));
        let shown = variables.values().map(|variable| {
            let required = if variable.required { "!" } else { "" };
            format!(
                "{}{required}[{}|{}]",
                variable.name, variable.default, variable.alternate
            )
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_form_says_what_it_is() {
        assert_eq!(
            shown("$A ${B} ${C:-d} ${D-} ${E:+a} ${F:?x} ${G?}"),
            "A[|] B[|] C[d|] D[|] E[|a] F![|] G![|]"
        );
    }

    #[test]
    fn defaults_are_looked_into() {
        assert_eq!(shown("${A:-${B:-x}} ${C:+$D}"), "A[${B:-x}|] B[x|] C[|$D] D[|]");
    }

    #[test]
    fn escaped_dollars_are_none_and_malformed_expressions_have_no_name() {
        assert_eq!(shown("$$A $1"), "");
        assert_eq!(shown("${1}"), "[|]");
    }
}
