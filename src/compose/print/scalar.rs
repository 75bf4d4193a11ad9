//! One scalar as Go's YAML emitter writes it: plain where that reads back as a string, else quoted.

use crate::compose::tree::float_text;

/// A string that stands as a value; block text is indented by `indent`.
pub fn text(text: &str, indent: usize) -> String {
    let shape = Analysis::of(text);
    if text.contains('\n') {
        if shape.block {
            return block(text, indent);
        }
        return double(text);
    }
    one_line(text, &shape)
}

/// A string that stands as a key.
pub fn key(text: &str) -> String {
    if text.contains('\n') {
        return double(text);
    }
    one_line(text, &Analysis::of(text))
}

pub fn number(number: &serde_json::Number) -> String {
    if number.is_i64() || number.is_u64() {
        return number.to_string();
    }
    float_text(number.as_f64().unwrap_or_default())
}

fn one_line(text: &str, shape: &Analysis) -> String {
    if reads_as_something_else(text) {
        double(text)
    } else if shape.plain {
        text.to_owned()
    } else if shape.single {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        double(text)
    }
}

/// Which styles can carry a text.
struct Analysis {
    plain: bool,
    single: bool,
    block: bool,
}

impl Analysis {
    fn of(text: &str) -> Self {
        let mut special = false;
        let mut tab = false;
        let mut indicator = text.starts_with("---") || text.starts_with("...");
        let (mut space_break, mut break_space) = (false, false);
        let mut previous = None;
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let before_blank = characters.peek().is_none_or(|next| is_blank(*next));
            let after_blank = previous.is_none_or(is_blank);
            indicator |= match character {
                '#' => after_blank,
                ':' => before_blank,
                '?' | '-' => previous.is_none() && before_blank,
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => {
                    previous.is_none()
                }
                _ => false,
            };
            tab |= character == '\t';
            special |= character != '\t' && !is_printable(character);
            space_break |= character == '\n' && previous == Some(' ');
            break_space |= character == ' ' && previous == Some('\n');
            previous = Some(character);
        }
        let edge = text.starts_with([' ', '\n']) || text.ends_with([' ', '\n']);
        let single = !break_space && !space_break && !tab && !special;
        Analysis {
            plain: single && !edge && !indicator && !text.contains('\n'),
            single,
            block: !text.ends_with(' ') && !space_break && !special,
        }
    }
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printable(character: char) -> bool {
    matches!(character, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && character != '\u{feff}'
        && !matches!(character, '\u{2028}' | '\u{2029}')
}

/// Whether a plain text would be read as a number, a boolean, nothing or a time, by YAML 1.1 or 1.2.
fn reads_as_something_else(text: &str) -> bool {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return true,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return true,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return true,
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return true,
        ".nan" | ".NaN" | ".NAN" => return true,
        _ => {}
    }
    if matches!(text.trim_start_matches(['+', '-']), ".inf" | ".Inf" | ".INF") {
        return true;
    }
    text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
        && (is_number(&text.replace('_', "")) || is_base_60(text) || is_time(text))
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let lower = unsigned.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            return !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        }
    }
    let (mantissa, exponent) = match lower.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (lower.as_str(), None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    // What no float holds is text to Go.
    mantissa_fits && exponent_fits && unsigned.parse().is_ok_and(f64::is_finite)
}

/// `190:20:30`, a number of YAML 1.1.
fn is_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or_default();
    let first_fits = first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let rest: Vec<&str> = parts.collect();
    let Some((last, middle)) = rest.split_last() else {
        return false;
    };
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    let minute = |part: &str| match part.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [tens, digit] => (b'0'..=b'5').contains(tens) && digit.is_ascii_digit(),
        _ => false,
    };
    first_fits
        && minute(last)
        && middle.iter().all(|part| minute(part))
        && fraction.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
}

/// Whether a text is a scalar that data has no type for.
pub fn may_be_bare(text: &str) -> bool {
    is_time(text) || matches!(text, ".inf" | "-.inf" | ".nan")
}

/// `2020-01-31`, with or without a time of day.
fn is_time(text: &str) -> bool {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    let within = |part: &str, last: u8| {
        let digits = part.len() <= 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        digits && part.parse::<u8>().is_ok_and(|number| (1..=last).contains(&number))
    };
    let date_fits =
        year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()) && within(month, 12) && within(day, 31);
    let time_fits = time
        .is_none_or(|time| time.contains(':') && time.bytes().all(|b| b.is_ascii_digit() || b":.Zz+-".contains(&b)));
    date_fits && time_fits
}

fn block(text: &str, indent: usize) -> String {
    let mut output = String::from("|");
    if text.starts_with([' ', '\n']) {
        output.push('2');
    }
    match text.strip_suffix('\n') {
        None => output.push('-'),
        Some(rest) if rest.is_empty() || rest.ends_with('\n') => output.push('+'),
        Some(_) => {}
    }
    let body = text.strip_suffix('\n').unwrap_or(text);
    for line in body.split('\n') {
        output.push('\n');
        if !line.is_empty() {
            output.extend(std::iter::repeat_n(' ', indent));
            output.push_str(line);
        }
    }
    output
}

fn double(text: &str) -> String {
    let mut output = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => output.push_str("\\\""),
            '\\' => output.push_str("\\\\"),
            '\0' => output.push_str("\\0"),
            '\u{7}' => output.push_str("\\a"),
            '\u{8}' => output.push_str("\\b"),
            '\t' => output.push_str("\\t"),
            '\n' => output.push_str("\\n"),
            '\u{b}' => output.push_str("\\v"),
            '\u{c}' => output.push_str("\\f"),
            '\r' => output.push_str("\\r"),
            '\u{1b}' => output.push_str("\\e"),
            '\u{85}' => output.push_str("\\N"),
            '\u{2028}' => output.push_str("\\L"),
            '\u{2029}' => output.push_str("\\P"),
            _ if is_printable(character) => output.push(character),
            _ => {
                let code = u32::from(character);
                output.push_str(&match code {
                    0..=0xff => format!("\\x{code:02X}"),
                    0x100..=0xffff => format!("\\u{code:04X}"),
                    _ => format!("\\U{code:08X}"),
                });
            }
        }
    }
    output.push('"');
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each right side is what the reference printed for the left one.
    #[test]
    fn strings_are_quoted_as_the_reference_quotes_them() {
        let cases = [
            ("1", "\"1\""),
            ("yes", "\"yes\""),
            ("n", "\"n\""),
            ("", "\"\""),
            ("a: b", "'a: b'"),
            ("#x", "'#x'"),
            ("- a", "'- a'"),
            ("x #y", "'x #y'"),
            ("1:30", "\"1:30\""),
            ("8080:80", "8080:80"),
            ("0x1", "\"0x1\""),
            ("1_000", "\"1_000\""),
            (".5", "\".5\""),
            ("~", "\"~\""),
            ("=", "="),
            ("<<", "<<"),
            ("2020-01-01", "\"2020-01-01\""),
            ("tab\tx", "\"tab\\tx\""),
            ("é\u{1}", "\"é\\x01\""),
            ("it's", "it's"),
            ("@x", "'@x'"),
            ("a,b", "a,b"),
            ("x:", "'x:'"),
            (":x", ":x"),
            ("?x", "?x"),
            ("-", "'-'"),
            ("---", "'---'"),
            ("a\\b", "a\\b"),
            ("trail ", "'trail '"),
            ("0o7", "\"0o7\""),
            ("+1", "\"+1\""),
            (".inf", "\".inf\""),
            ("🎉", "\"\\U0001F389\""),
            ("x}", "x}"),
            ("0.0.0.0", "0.0.0.0"),
            ("1e", "1e"),
            ("190:20:30", "\"190:20:30\""),
            ("--x", "--x"),
            ("a\nb\n", "|\n  a\n  b"),
            ("a\nb", "|-\n  a\n  b"),
            (" lead\nb", "|2-\n   lead\n  b"),
            ("a \nb", "\"a \\nb\""),
            ("a\n\n", "|+\n  a\n"),
            ("\n", "|2+\n"),
        ];
        for (input, expected) in cases {
            assert_eq!(text(input, 2), expected, "{input:?}");
        }
    }
}
