//! What a plain scalar means: the resolution rules of Go's YAML (v3), which reads YAML 1.2 with some of 1.1.
//!
//! Knows one scalar's text and tag. Never knows where it stands or what key it belongs to. Of YAML 1.1 it has `0440`
//! as octal, `1_000`, `0b11`, timestamps and `<<`; it does not have `yes`, `on` or `1:30`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::timestamp;
use crate::compose::tree::Value;

/// The short forms of the tags of YAML's own types.
pub const STRING: &str = "!!str";
const BOOLEAN: &str = "!!bool";
const INTEGER: &str = "!!int";
const FLOAT: &str = "!!float";
const NULL: &str = "!!null";
const TIMESTAMP: &str = "!!timestamp";
const BINARY: &str = "!!binary";
pub const MERGE: &str = "!!merge";

/// The value of a scalar with a tag (`None`: plain, without one).
///
/// Tags that are none of YAML's scalar types say nothing: the text stands as a string.
///
/// # Errors
///
/// What is wrong, where the text cannot be of the tag's type.
pub fn resolve(tag: Option<&str>, text: &str) -> Result<Value, String> {
    let string = || Value::Text(text.to_owned());
    let Some(tag) = tag else { return Ok(plain(text)) };
    match tag {
        STRING => Ok(string()),
        BINARY => binary(text),
        BOOLEAN | INTEGER | FLOAT | NULL | TIMESTAMP => {
            let found = if tag == TIMESTAMP || !timestamp::looks_like(text) {
                plain(text)
            } else {
                Value::Text(text.to_owned())
            };
            match found {
                #[expect(clippy::cast_precision_loss, reason = "as the reference converts it")]
                Value::Integer(value) if tag == FLOAT => Ok(Value::Float(value as f64)),
                found if tag_of(&found) == tag => Ok(found),
                _ => Err(format!("`{text}` is no `{tag}`")),
            }
        }
        _ => Ok(string()),
    }
}

/// The tag that a value has when it is written without one.
pub fn tag_of(value: &Value) -> &'static str {
    match value {
        Value::Null => NULL,
        Value::Bool(_) => BOOLEAN,
        Value::Integer(_) => INTEGER,
        Value::Float(_) => FLOAT,
        Value::Timestamp(_) => TIMESTAMP,
        _ => STRING,
    }
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let number = match text.as_bytes()[0] {
        b'.' => float(text),
        b'0'..=b'9' | b'+' | b'-' => timestamp::parse(text).map(Value::Timestamp).or_else(|| {
            let digits = text.replace('_', "");
            integer(&digits).or_else(|| float(&digits))
        }),
        _ => None,
    };
    number.unwrap_or_else(|| Value::Text(text.to_owned()))
}

/// A whole number as Go's `strconv` reads one with base 0: `0x`, `0o`, `0b`, and a bare `0` for octal; 64 bits.
fn integer(text: &str) -> Option<Value> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let lower = digits.get(..2).map(str::to_ascii_lowercase);
    let (base, digits) = match lower.as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        Some(_) if digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.starts_with(|c: char| c.is_digit(base)) {
        return None;
    }
    let value = sign * i128::from(u64::from_str_radix(digits, base).ok()?);
    let signed = text.starts_with(['+', '-']);
    (i64::try_from(value).is_ok() || !signed).then_some(Value::Integer(value))
}

/// A decimal number: `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, within the range of 64 bits.
fn float(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_mantissa = all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    let is_exponent = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    let value: f64 = (is_mantissa && is_exponent).then(|| text.parse().ok())??;
    value.is_finite().then_some(Value::Float(value))
}

fn binary(text: &str) -> Result<Value, String> {
    let bytes = STANDARD.decode(text.replace(['\r', '\n'], ""));
    let bytes = bytes.map_err(|_| "this is not valid base64, which `!!binary` takes".to_owned())?;
    Ok(Value::Text(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match resolve(None, text).expect("a plain scalar is always something") {
            Value::Text(text) => format!("{text:?}"),
            Value::Timestamp(text) => format!("@{text}"),
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Integer(value) => value.to_string(),
            Value::Float(value) => format!("{value}f"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn whole_numbers_have_four_bases_and_64_bits() {
        let given = [
            "017",
            "0o17",
            "0O17",
            "0xFF",
            "0b11",
            "-0b11",
            "1_000",
            "+1",
            "-0",
            "00",
            "0_1",
            "18446744073709551615",
        ];
        let values = given.map(shown).join(" ");
        assert_eq!(values, "15 15 15 255 3 -3 1000 1 0 0 1 18446744073709551615");
        assert_eq!(shown("18446744073709551616"), "18446744073709552000f");
        assert_eq!(shown("-9223372036854775809"), "-9223372036854776000f");
        assert_eq!(shown("+18446744073709551615"), "18446744073709552000f");
        assert_eq!(
            ["08", "089", "1.", ".5", "-.5", "1e3", "+1.5E-2"].map(shown).join(" "),
            "8f 89f 1f 0.5f -0.5f 1000f 0.015f"
        );
    }

    #[test]
    fn what_is_no_number_stays_a_string() {
        for text in [
            "0x", "0o8", "0b2", "1e400", "._5", "-", "+", ".", "1:30", "1.2.3", "0x1p3", "- 1", "é", "1e", "_1",
            "0o-7", "+-1",
        ] {
            assert_eq!(shown(text), format!("{text:?}"));
        }
    }

    #[test]
    fn only_true_and_false_are_booleans() {
        assert_eq!(
            ["true", "TRUE", "False", "~", "Null"].map(shown).join(" "),
            "true true false null null"
        );
        for text in ["yes", "no", "on", "off", "y", "tRUE", "nULL"] {
            assert_eq!(shown(text), format!("{text:?}"));
        }
    }

    #[test]
    fn dates_are_timestamps() {
        assert_eq!(shown("2001-01-01"), "@2001-01-01T00:00:00Z");
        assert_eq!(shown("2001-13-01"), "\"2001-13-01\"");
    }

    #[test]
    fn a_tag_asks_for_its_type() {
        let resolved = |tag, text| resolve(Some(tag), text).map(|value| tag_of(&value));
        assert_eq!(resolved("!!float", "3"), Ok("!!float"));
        assert_eq!(resolved("!!str", "3"), Ok("!!str"));
        assert_eq!(resolved("!custom", "3"), Ok("!!str"));
        assert_eq!(resolved("!!int", "3.5"), Err("`3.5` is no `!!int`".to_owned()));
        assert_eq!(resolved("!!bool", "yes"), Err("`yes` is no `!!bool`".to_owned()));
        assert_eq!(
            resolved("!!int", "2001-01-01"),
            Err("`2001-01-01` is no `!!int`".to_owned())
        );
        assert!(matches!(resolve(Some("!!binary"), "aGk="), Ok(Value::Text(text)) if text == "hi"));
        assert!(resolve(Some("!!binary"), "?").is_err());
    }
}
