//! Digests that tell whether something is still as it was made.
//!
//! Knows canonical JSON (sorted keys) and SHA-256. Never sees the content of a secret: callers hand in keyed digests.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Hexadecimal SHA-256 of a value's canonical JSON. Maps count as equal whatever their order.
pub fn of<T: Serialize>(value: &T) -> String {
    hexadecimal(&Sha256::digest(canonical(value).as_bytes()))
}

/// A value's canonical JSON.
pub fn canonical<T: Serialize>(value: &T) -> String {
    // A model made of strings, numbers and maps with string keys always serialises.
    let value = serde_json::to_value(value).unwrap_or(Value::Null);
    let mut text = String::new();
    write_sorted(&value, &mut text);
    text
}

/// Bytes as lower-case hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write_sorted(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<_> = map.keys().collect();
            keys.sort();
            text.push('{');
            for key in keys {
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_sorted(&map[key], text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_sorted(item, text);
                text.push(',');
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_a_map_does_not_change_its_digest() {
        let one: Value = serde_json::json!({"a": 1, "b": {"c": [1, 2], "d": null}});
        let two: Value = serde_json::json!({"b": {"d": null, "c": [1, 2]}, "a": 1});
        assert_eq!(of(&one), of(&two));
        assert_ne!(
            of(&one),
            of(&serde_json::json!({"a": 1, "b": {"c": [2, 1], "d": null}}))
        );
    }
}
