//! Numbers, byte sizes and octal modes.

use super::Settler;
use crate::compose::tree::{Node, Value};
use crate::compose::units;

impl Settler<'_> {
    /// A whole number of 64 bits; a fraction is cut off.
    pub fn integer(&mut self, node: &mut Node, name: &str) {
        match whole(&node.value) {
            Some(number) => node.value = Value::Integer(number),
            None => self.mismatch(node, name, "a whole number"),
        }
    }

    /// A whole number that is not negative.
    pub fn count(&mut self, node: &mut Node, name: &str) {
        match whole(&node.value) {
            Some(number) if number >= 0 => node.value = Value::Integer(number),
            _ => self.mismatch(node, name, "a whole number that is not negative"),
        }
    }

    /// A number of single precision, kept as the shortest decimal that is the same single.
    pub fn number(&mut self, node: &mut Node, name: &str) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "single precision is the type"
        )]
        let number = match &node.value {
            Value::Integer(number) => Some(*number as f32),
            Value::Float(number) => Some(*number as f32),
            Value::Text(text) => units::parse_float(text)
                .map(|number| number as f32)
                .filter(|number| number.is_finite() || text.contains(['i', 'I', 'n', 'N'])),
            _ => None,
        };
        match number {
            Some(number) => node.value = Value::Float(number.to_string().parse().unwrap_or_default()),
            None => self.mismatch(node, name, "a number"),
        }
    }

    /// A number of bytes; a number with a fraction counts for nothing, as in the reference.
    pub fn bytes(&mut self, node: &mut Node, name: &str) {
        let bytes = match &node.value {
            Value::Integer(bytes) => i64::try_from(*bytes).ok(),
            Value::Text(text) => units::parse_bytes(text),
            Value::Float(_) => Some(0),
            _ => None,
        };
        match bytes {
            Some(bytes) => node.value = Value::Integer(bytes.into()),
            None => self.mismatch(node, name, "a size such as `64m`"),
        }
    }

    /// Octal digits, or a number.
    pub fn mode(&mut self, node: &mut Node, name: &str) {
        let mode = match &node.value {
            Value::Integer(mode) => i64::try_from(*mode).ok(),
            Value::Text(text) => i64::from_str_radix(text, 8).ok(),
            _ => None,
        };
        match mode {
            Some(mode) if mode < 0 => node.value = Value::Text(format!("0-{:o}", mode.unsigned_abs())),
            Some(mode) => node.value = Value::Text(format!("0{mode:o}")),
            None => self.mismatch(node, name, "octal digits such as `0440`"),
        }
    }

    /// A number, or `all`.
    pub fn device_count(&mut self, node: &mut Node, name: &str) {
        if node.as_text().is_some_and(|text| text.eq_ignore_ascii_case("all")) {
            node.value = Value::Integer(-1);
            return;
        }
        match (&node.value, whole(&node.value)) {
            (Value::Integer(_) | Value::Text(_), Some(number)) => node.value = Value::Integer(number),
            _ => self.mismatch(node, name, "a whole number or `all`"),
        }
    }
}

/// A whole number of 64 bits, as Go reads one from a number or from decimal digits.
fn whole(value: &Value) -> Option<i128> {
    let number = match value {
        Value::Integer(number) => *number,
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a fraction is cut off, as in the reference"
        )]
        Value::Float(number) => *number as i128,
        Value::Text(text) => i128::from(text.parse::<i64>().ok()?),
        _ => return None,
    };
    i64::try_from(number).ok().map(i128::from)
}
