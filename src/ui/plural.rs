//! The one home of plurals.

/// `1 host`, `2 hosts`, `0 replicas`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {}", of(number, noun))
}

/// The noun in the form that goes with the number.
pub fn of(number: usize, noun: &str) -> String {
    if number == 1 {
        return noun.to_owned();
    }
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if noun.ends_with(['s', 'x']) || noun.ends_with("ch") => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_follow_their_number() {
        assert_eq!(count(1, "host"), "1 host");
        assert_eq!(count(0, "host"), "0 hosts");
        assert_eq!(count(2, "replica"), "2 replicas");
        assert_eq!(count(2, "registry"), "2 registries");
        assert_eq!(count(3, "day"), "3 days");
        assert_eq!(count(2, "patch"), "2 patches");
    }
}
