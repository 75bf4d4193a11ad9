//! The order of a mapping's keys in YAML: letters by the alphabet, numbers in them by their size (`a2` before `a10`).

use std::cmp::Ordering;

/// Compares two keys as Go's YAML encoder does.
pub fn natural(one: &str, other: &str) -> Ordering {
    let same = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    // Back to where a character begins.
    let same = (0..=same).rev().find(|at| one.is_char_boundary(*at)).unwrap_or(0);
    let before = &one[..same];
    let (one, other) = (&one[same..], &other[same..]);
    let (Some(a), Some(b)) = (one.chars().next(), other.chars().next()) else {
        return one.len().cmp(&other.len());
    };
    match (a.is_alphabetic(), b.is_alphabetic()) {
        (true, true) => return a.cmp(&b),
        (false, false) => {}
        (letter, _) => {
            let behind_digit = before.ends_with(is_digit);
            return if letter == behind_digit {
                Ordering::Less
            } else {
                Ordering::Greater
            };
        }
    }
    // Zeros within a number are not leading ones.
    let within_number = (a == '0' || b == '0')
        && before
            .chars()
            .rev()
            .take_while(|c| is_digit(*c))
            .any(|digit| digit != '0');
    let (one_size, one_digits) = number(one, within_number);
    let (other_size, other_digits) = number(other, within_number);
    one_size
        .cmp(&other_size)
        .then(one_digits.cmp(&other_digits))
        .then(a.cmp(&b))
}

/// The number that a text begins with, and how many digits it has.
fn number(text: &str, within_number: bool) -> (u128, usize) {
    let digits = text.chars().take_while(|c| is_digit(*c));
    let start = (u128::from(within_number), 0);
    digits.fold(start, |(number, count), digit| {
        let value = u128::from(u32::from(digit).saturating_sub(u32::from('0')));
        (number.saturating_mul(10).saturating_add(value), count + 1)
    })
}

fn is_digit(character: char) -> bool {
    character.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::natural;

    #[test]
    fn keys_are_ordered_as_the_reference_orders_them() {
        let mut keys = vec![
            "a10", "a2", "B", "a", "a-b", "ab", "a_b", "1", "10", "2", "a01", "a1", "_x", "é", "z",
        ];
        keys.sort_by(|one, other| natural(one, other));
        let expected = [
            "_x", "1", "2", "10", "B", "a", "a-b", "a_b", "a1", "a01", "a2", "a10", "ab", "z", "é",
        ];
        assert_eq!(keys, expected);
    }
}
