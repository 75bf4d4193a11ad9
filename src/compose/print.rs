//! Prints data as YAML and as JSON, byte for byte as `docker compose config` does.
//!
//! Knows the habits of Go's encoders: when they quote, and how. Never knows what a key means.

mod json;
mod scalar;

pub use json::as_json;

use serde_json::Value;

/// Prints data as YAML.
pub fn as_yaml(value: &Value) -> String {
    let mut output = String::new();
    match value {
        Value::Object(entries) if !entries.is_empty() => mapping(entries, 0, &mut output),
        Value::Array(items) if !items.is_empty() => list(items, 0, &mut output),
        other => {
            output.push_str(&inline(other, 0));
            output.push('\n');
        }
    }
    output
}

/// What data has no type for, a timestamp or a number without end, to be printed as YAML: plain, where the same text is
/// quoted.
pub fn bare(text: &str) -> Value {
    Value::String(format!("{BARE}{text}"))
}

/// Marks such a text. No text of a YAML file can begin with it unless by an escape.
const BARE: char = '\0';

const STEP: usize = 2;

fn mapping(entries: &serde_json::Map<String, Value>, indent: usize, output: &mut String) {
    for (position, (key, value)) in entries.iter().enumerate() {
        // The first entry of a mapping in a list stands behind its dash.
        if position > 0 || !output.ends_with("- ") {
            pad(indent, output);
        }
        output.push_str(&scalar::key(key));
        output.push(':');
        match value {
            Value::Object(entries) if !entries.is_empty() => {
                output.push('\n');
                mapping(entries, indent + STEP, output);
            }
            Value::Array(items) if !items.is_empty() => {
                output.push('\n');
                list(items, indent + STEP, output);
            }
            other => {
                output.push(' ');
                output.push_str(&inline(other, indent + STEP));
                output.push('\n');
            }
        }
    }
}

fn list(items: &[Value], indent: usize, output: &mut String) {
    for (position, value) in items.iter().enumerate() {
        if position > 0 || !output.ends_with("- ") {
            pad(indent, output);
        }
        output.push_str("- ");
        match value {
            Value::Object(entries) if !entries.is_empty() => mapping(entries, indent + STEP, output),
            Value::Array(items) if !items.is_empty() => list(items, indent + STEP, output),
            other => {
                output.push_str(&inline(other, indent + STEP));
                output.push('\n');
            }
        }
    }
}

fn pad(indent: usize, output: &mut String) {
    output.extend(std::iter::repeat_n(' ', indent));
}

fn inline(value: &Value, indent: usize) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => scalar::number(number),
        Value::String(text) => match text.strip_prefix(BARE).filter(|text| scalar::may_be_bare(text)) {
            Some(bare) => bare.to_owned(),
            None => scalar::text(text, indent),
        },
        Value::Array(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
    }
}
