//! Timestamps as Go's YAML reads and prints them. The one scalar type that has no use in a Compose file:
//! everything with a schema refuses it, and extensions keep it.

/// Whether the text is a timestamp.
pub fn looks_like(text: &str) -> bool {
    parse(text).is_some()
}

/// A timestamp in RFC 3339 form, where the text is one of `2001-1-1`, `2001-1-1 1:2:3.5`, `2001-1-1T1:2:3.5Z` and
/// `2001-1-1t1:2:3+01:00`.
pub fn parse(text: &str) -> Option<String> {
    let mut reader = Reader { rest: text };
    let year = reader.exactly(4)?;
    reader.literal('-')?;
    let month = reader.number(1, 12)?;
    reader.literal('-')?;
    let day = reader.number(1, days(year, month)?)?;
    let date = format!("{year:04}-{month:02}-{day:02}");
    let Some(separator) = reader.rest.chars().next() else {
        return Some(format!("{date}T00:00:00Z"));
    };
    if !matches!(separator, 'T' | 't' | ' ') {
        return None;
    }
    reader.rest = &reader.rest[1..];
    let hour = reader.number(0, 23)?;
    reader.literal(':')?;
    let minute = reader.number(0, 59)?;
    reader.literal(':')?;
    let second = reader.number(0, 59)?;
    let fraction = reader.fraction();
    let zone = if separator == ' ' {
        "Z".to_owned()
    } else {
        reader.zone()?
    };
    reader
        .rest
        .is_empty()
        .then(|| format!("{date}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}"))
}

fn days(year: u32, month: u32) -> Option<u32> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(if leap { 29 } else { 28 }),
        _ => None,
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn digits(&self) -> usize {
        self.rest.bytes().take_while(u8::is_ascii_digit).count()
    }

    fn take(&mut self, length: usize) -> Option<u32> {
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        digits.parse().ok()
    }

    fn exactly(&mut self, length: usize) -> Option<u32> {
        if self.digits() != length {
            return None;
        }
        self.take(length)
    }

    /// One or two digits within bounds.
    fn number(&mut self, least: u32, most: u32) -> Option<u32> {
        let length = self.digits().min(2);
        let value = self.take(length)?;
        (least..=most).contains(&value).then_some(value)
    }

    fn literal(&mut self, wanted: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(wanted)?;
        Some(())
    }

    /// `.5` with nine digits at most and without closing zeros; empty where there is none.
    fn fraction(&mut self) -> String {
        let after = Reader {
            rest: self.rest.strip_prefix(['.', ',']).unwrap_or_default(),
        };
        let length = after.digits();
        if length == 0 {
            return String::new();
        }
        let kept = after.rest[..length.min(9)].trim_end_matches('0');
        let text = if kept.is_empty() {
            String::new()
        } else {
            format!(".{kept}")
        };
        self.rest = &self.rest[1 + length..];
        text
    }

    fn zone(&mut self) -> Option<String> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Some("Z".to_owned());
        }
        let sign = self.rest.chars().next().filter(|sign| matches!(sign, '+' | '-'))?;
        self.rest = &self.rest[1..];
        let hours = self.exactly(2).filter(|hours| *hours <= 24)?;
        self.literal(':')?;
        let minutes = self.exactly(2).filter(|minutes| *minutes <= 60)?;
        let (hours, minutes) = (hours + minutes / 60, minutes % 60);
        Some(if hours == 0 && minutes == 0 {
            "Z".to_owned()
        } else {
            format!("{sign}{hours:02}:{minutes:02}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_four_forms_become_one() {
        let parsed = |text: &str| parse(text).unwrap_or_else(|| "no".to_owned());
        assert_eq!(parsed("2001-1-1"), "2001-01-01T00:00:00Z");
        assert_eq!(parsed("2001-12-14t21:59:43.10-05:00"), "2001-12-14T21:59:43.1-05:00");
        assert_eq!(parsed("2001-12-14 21:59:43.10"), "2001-12-14T21:59:43.1Z");
        assert_eq!(parsed("2001-1-1T1:2:3+00:00"), "2001-01-01T01:02:03Z");
        assert_eq!(
            parsed("2000-02-29T01:02:03.123456789123Z"),
            "2000-02-29T01:02:03.123456789Z"
        );
    }

    #[test]
    fn impossible_dates_are_none() {
        for text in [
            "2001-02-29",
            "01-01-01",
            "2001-01",
            "2001-01-01 1:2:3Z",
            "2001-01-01T1:2:3",
            "2001-01-01T24:00:00Z",
            "2001-01-01x",
            "20011-01-01",
            "2001-01-001",
            "2001-01-01T1:2:60Z",
            "2001-01-01T1:2:3+0100",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
