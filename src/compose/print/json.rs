//! JSON as Go's encoder writes it: indented by two, `<`, `>` and `&` escaped.

use std::fmt::Write;

use serde_json::Value;

/// Prints data as JSON, without a line break at its end.
pub fn as_json(value: &Value) -> String {
    let mut output = String::new();
    write(value, 0, &mut output);
    output
}

fn write(value: &Value, depth: usize, output: &mut String) {
    match value {
        Value::Null => output.push_str("null"),
        Value::Bool(value) => output.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => output.push_str(&self::number(number)),
        Value::String(text) => quoted(text, output),
        Value::Array(items) if items.is_empty() => output.push_str("[]"),
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                output.push_str(if position == 0 { "[" } else { "," });
                line(depth + 1, output);
                write(item, depth + 1, output);
            }
            line(depth, output);
            output.push(']');
        }
        Value::Object(entries) if entries.is_empty() => output.push_str("{}"),
        Value::Object(entries) => {
            for (position, (key, value)) in entries.iter().enumerate() {
                output.push_str(if position == 0 { "{" } else { "," });
                line(depth + 1, output);
                quoted(key, output);
                output.push_str(": ");
                write(value, depth + 1, output);
            }
            line(depth, output);
            output.push('}');
        }
    }
}

fn line(depth: usize, output: &mut String) {
    output.push('\n');
    output.extend(std::iter::repeat_n("  ", depth));
}

/// Floats as in JavaScript: with an exponent only below a millionth and from 10^21 on.
fn number(number: &serde_json::Number) -> String {
    if number.is_i64() || number.is_u64() {
        return number.to_string();
    }
    let value = number.as_f64().unwrap_or_default();
    if value == 0.0 || (1e-6..1e21).contains(&value.abs()) {
        return format!("{value}");
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) if !exponent.starts_with('-') => format!("{mantissa}e+{exponent}"),
        _ => text,
    }
}

fn quoted(text: &str, output: &mut String) {
    output.push('"');
    for character in text.chars() {
        match character {
            '"' => output.push_str("\\\""),
            '\\' => output.push_str("\\\\"),
            '\n' => output.push_str("\\n"),
            '\r' => output.push_str("\\r"),
            '\t' => output.push_str("\\t"),
            '\u{8}' => output.push_str("\\b"),
            '\u{c}' => output.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                // Writing to a text cannot fail.
                let _ = write!(output, "\\u{:04x}", u32::from(character));
            }
            other => output.push(other),
        }
    }
    output.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json as data;

    use super::as_json;

    #[test]
    fn what_a_page_could_read_as_markup_is_escaped() {
        assert_eq!(
            as_json(&data!("<a> & \u{2028} \u{1} \u{7f} é")),
            r#""\u003ca\u003e \u0026 \u2028 \u0001 \u{7f} é""#.replace("\\u{7f}", "\u{7f}")
        );
    }

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        assert_eq!(
            as_json(&data!([1.0, 0.1, 1e21, 1e20, 1e-7, -5, 1.5e300])).replace(['\n', ' '], ""),
            "[1,0.1,1e+21,100000000000000000000,1e-7,-5,1.5e+300]"
        );
    }

    #[test]
    fn empty_collections_stay_on_their_line() {
        assert_eq!(
            as_json(&data!({"a": {}, "b": [], "c": [1]})),
            "{\n  \"a\": {},\n  \"b\": [],\n  \"c\": [\n    1\n  ]\n}"
        );
    }
}
