//! Durations, byte sizes and processor counts as Go and Docker write them.
//!
//! Knows text to number and back; never knows where a value stands.

use std::time::Duration;

/// Reads a duration of zero or more: see [`parse_nanoseconds`].
pub fn parse_duration(text: &str) -> Option<Duration> {
    let nanoseconds = u64::try_from(parse_nanoseconds(text)?).ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

/// Reads a duration into nanoseconds: `1h30m`, `1.5s`, `-300ms`, and the days and weeks that Compose adds (`1d`, `2w`).
pub fn parse_nanoseconds(text: &str) -> Option<i64> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if unsigned == "0" {
        return Some(0);
    }
    if unsigned.is_empty() {
        return None;
    }
    let mut rest = unsigned;
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        total = total.checked_add(scaled(number, nanoseconds(unit)?)?)?;
        rest = tail;
    }
    let total = i128::try_from(total).ok()?;
    i64::try_from(if negative { -total } else { total }).ok()
}

fn nanoseconds(unit: &str) -> Option<u128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        "w" => 604_800_000_000_000,
        _ => return None,
    })
}

/// A decimal number times a unit, the fraction cut off below one.
fn scaled(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let all_digits = whole.chars().chain(fraction.chars()).all(|c| c.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !all_digits || whole.len() > 20 {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut total = whole.checked_mul(unit)?;
    let mut step = unit;
    for digit in fraction.bytes().take(20) {
        step /= 10;
        total = total.checked_add(u128::from(digit - b'0') * step)?;
    }
    Some(total)
}

/// Prints a duration as Go does: `1m30s`, `500ms`, `0s`.
pub fn duration_text(duration: Duration) -> String {
    magnitude_text(duration.as_nanos())
}

/// Prints nanoseconds as Go prints a duration: `1m30s`, `500ms`, `0s`, `-1s`.
pub fn nanoseconds_text(nanoseconds: i64) -> String {
    let text = magnitude_text(u128::from(nanoseconds.unsigned_abs()));
    if nanoseconds < 0 { format!("-{text}") } else { text }
}

fn magnitude_text(nanoseconds: u128) -> String {
    if nanoseconds == 0 {
        return "0s".to_owned();
    }
    if nanoseconds < 1_000_000_000 {
        let (unit, size) = match nanoseconds {
            0..1_000 => ("ns", 1),
            1_000..1_000_000 => ("µs", 1_000),
            _ => ("ms", 1_000_000),
        };
        return format!("{}{unit}", decimal(nanoseconds, size));
    }
    let seconds = nanoseconds / 1_000_000_000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let rest = decimal(nanoseconds % 60_000_000_000, 1_000_000_000);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, minutes) => format!("{minutes}m{rest}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{rest}s"),
    }
}

fn decimal(value: u128, unit: u128) -> String {
    let (whole, mut rest) = (value / unit, value % unit);
    let mut text = whole.to_string();
    if rest > 0 {
        text.push('.');
    }
    let mut step = unit / 10;
    while rest > 0 && step > 0 {
        text.push_str(&(rest / step).to_string());
        rest %= step;
        step /= 10;
    }
    text
}

/// Reads a byte size: a decimal number, a space or none, and `b`, `k`, `kb`, `kib`, `m`, … as powers of 1024, the
/// fraction cut off (`1.5g`).
pub fn parse_bytes(text: &str) -> Option<i64> {
    let last = text.rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ')?;
    let (number, unit) = text.split_at(last + 1);
    let number = number.strip_suffix(' ').unwrap_or(number);
    let size = parse_float(number).filter(|size| *size >= 0.0)?;
    let unit = unit.to_ascii_lowercase();
    let power = match unit.as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        "p" | "pb" | "pib" => 5,
        _ => return None,
    };
    let bytes = size * 1024_f64.powi(power);
    #[expect(clippy::cast_possible_truncation, reason = "the fraction is cut off")]
    // What does not fit is the least number there is: so the reference's processor has it.
    Some(if bytes < 9_223_372_036_854_775_808.0 {
        bytes as i64
    } else {
        i64::MIN
    })
}

/// Reads a decimal number as Go's `strconv.ParseFloat` does; what is too large is none.
pub fn parse_float(text: &str) -> Option<f64> {
    let number: f64 = without_underscores(text)?.parse().ok()?;
    let spelled_out = text.contains(['i', 'I', 'n', 'N']);
    (number.is_finite() || spelled_out).then_some(number)
}

/// Underscores may stand between digits.
fn without_underscores(text: &str) -> Option<std::borrow::Cow<'_, str>> {
    if !text.contains('_') {
        return Some(text.into());
    }
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let between = |(at, byte): (usize, &u8)| *byte != b'_' || (digit(at.checked_sub(1)) && digit(Some(at + 1)));
    bytes
        .iter()
        .enumerate()
        .all(between)
        .then(|| text.replace('_', "").into())
}

/// Reads a number of processors into thousand-millionths.
pub fn parse_nano_cpus(text: &str) -> Option<i64> {
    let total = scaled(text.trim(), 1_000_000_000)?;
    i64::try_from(total).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_in_go() {
        let seconds = |text: &str| parse_duration(text).map(|d| d.as_secs_f64());
        assert_eq!(seconds("1m30s"), Some(90.0));
        assert_eq!(seconds("1.5h"), Some(5400.0));
        assert_eq!(seconds("300ms"), Some(0.3));
        assert_eq!(seconds("0"), Some(0.0));
        assert_eq!(seconds("1d"), Some(86400.0));
        for wrong in ["", "5", "s", "1x", "-5s", "1..2s", ".s", "99999999999999h"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_print_as_in_go() {
        for text in [
            "1m30s",
            "1h0m0s",
            "500ms",
            "0s",
            "1.5s",
            "1m0s",
            "10µs",
            "2h3m4.005s",
            "7ns",
            "-1s",
        ] {
            assert_eq!(parse_nanoseconds(text).map(nanoseconds_text).as_deref(), Some(text));
        }
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(parse_bytes("64m"), Some(67_108_864));
        assert_eq!(parse_bytes("64 MB"), Some(67_108_864));
        assert_eq!(parse_bytes("1.5g"), Some(1_610_612_736));
        assert_eq!(parse_bytes("10"), Some(10));
        assert_eq!(parse_bytes("10b"), Some(10));
        for wrong in ["", "m", "12x", "1.2.3", "-5m", "-1", " 5", "5  m", "1kbb"] {
            assert_eq!(parse_bytes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn processors_become_thousand_millionths() {
        assert_eq!(parse_nano_cpus("0.50"), Some(500_000_000));
        assert_eq!(parse_nano_cpus("2"), Some(2_000_000_000));
        assert_eq!(parse_nano_cpus("many"), None);
    }

    proptest::proptest! {
        #[test]
        fn units_never_panic(text in "[0-9.hmsµbkgt -]{0,30}|\\PC{0,10}") {
            let _ = (parse_duration(&text), parse_bytes(&text), parse_nano_cpus(&text));
        }

        #[test]
        fn a_duration_reads_back(nanoseconds in proptest::prelude::any::<i64>()) {
            proptest::prop_assert_eq!(parse_nanoseconds(&nanoseconds_text(nanoseconds)), Some(nanoseconds));
        }
    }
}
