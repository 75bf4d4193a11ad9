//! Ports: the short form `[[IP:][PUBLISHED]:]TARGET[/PROTOCOL]`, with its ranges spread out.

use std::net::IpAddr;

use crate::compose::findings::Findings;
use crate::compose::source::Place;
use crate::compose::tree::{Node, Put, Value};

const HINT: &str = "write `[[IP:]PUBLISHED:]TARGET[/PROTOCOL]`";

/// Puts a service's ports into long form. Where variables are still `written`, a list with a text that cannot be read
/// stays as it is.
pub fn canonical(node: &mut Node, written: bool, findings: &mut Findings) {
    let Some(list) = node.as_list_mut() else { return };
    let unreadable = |item: &Node| item.as_text().is_some_and(|text| short(text, &item.place).is_err());
    if written && list.iter().any(unreadable) {
        return;
    }
    let mut ports = Vec::new();
    for item in std::mem::take(list) {
        if let Some(text) = item.scalar_text() {
            match short(&text, &item.place) {
                Ok(spread) => ports.extend(spread),
                Err(why) => {
                    let message = format!("`{text}` is not a port: {why}");
                    findings.error_hint(message, &item.place, Some(HINT.to_owned()));
                    ports.push(Node::new(Value::Invalid, item.place));
                }
            }
        } else {
            ports.push(item);
        }
    }
    *list = ports;
}

/// Spreads one short form. A published range for one target stays a range, as in the reference.
fn short(text: &str, place: &Place) -> Result<Vec<Node>, String> {
    let (text, protocol) = match text.split_once('/') {
        Some((text, word)) => (text, protocol(word)?),
        None => (text, "tcp".to_owned()),
    };
    let (text, target) = match text.rsplit_once(':') {
        Some((rest, target)) => (Some(rest), target),
        None => (None, text),
    };
    let (host, published) = match text {
        None => (None, ""),
        Some(text) => match text.rsplit_once(':') {
            Some((host, published)) => (Some(host), published),
            None => (None, text),
        },
    };
    let host = match host {
        Some(host) if !host.is_empty() => Some(address(host)?),
        _ => None,
    };
    let targets = range(target, 1)?;
    let make = |target: u16, published: Option<String>| {
        let mut port = Node::empty_map(place);
        if let Some(mapping) = port.as_map_mut() {
            if let Some(host) = &host {
                mapping.put("host_ip", Node::text(host.clone(), place));
            }
            mapping.put("target", Node::new(Value::Integer(target.into()), place.clone()));
            if let Some(published) = published {
                mapping.put("published", Node::text(published, place));
            }
            mapping.put("protocol", Node::text(protocol.clone(), place));
        }
        port
    };
    let mut spread: Vec<(u16, Node)> = if published.is_empty() {
        targets.map(|target| (target, make(target, None))).collect()
    } else {
        let sources = range(published, 0)?;
        if sources.len() == targets.len() {
            targets
                .zip(sources)
                .map(|(target, source)| (target, make(target, Some(source.to_string()))))
                .collect()
        } else if targets.len() == 1 {
            let target = *targets.start();
            vec![(target, make(target, Some(published.to_owned())))]
        } else {
            return Err(format!("`{published}` and `{target}` are ranges of different lengths"));
        }
    };
    // The reference goes through a map and sorts its keys as text.
    spread.sort_by_key(|(target, _)| target.to_string());
    Ok(spread.into_iter().map(|(_, node)| node).collect())
}

type Ports = std::ops::RangeInclusive<u16>;

fn range(text: &str, least: u16) -> Result<Ports, String> {
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (port(first, least)?, port(last, least)?),
        None => {
            let port = port(text, least)?;
            (port, port)
        }
    };
    if last < first {
        return Err(format!("the range `{text}` goes backwards"));
    }
    Ok(first..=last)
}

/// Reads `FIRST[-LAST]`, giving the first port.
pub fn first_of_range(text: &str) -> Option<u16> {
    range(text, 0).ok().map(|ports| *ports.start())
}

fn port(text: &str, least: u16) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if digits && port >= least => Ok(port),
        _ if digits => Err(format!("ports go from {least} to 65535")),
        _ if text.is_empty() => Err("a port number is missing".to_owned()),
        _ => Err(format!("`{text}` is not a port number")),
    }
}

fn protocol(word: &str) -> Result<String, String> {
    let word = word.to_ascii_lowercase();
    match word.as_str() {
        "tcp" | "udp" | "sctp" => Ok(word),
        _ => Err(format!("`{word}` is not one of `tcp`, `udp`, `sctp`")),
    }
}

fn address(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let inner = bare.unwrap_or(text);
    match inner.parse::<IpAddr>() {
        Ok(_) => Ok(inner.to_owned()),
        Err(_) => Err(format!("`{text}` is not an IP address")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::compose::source::Source;

    fn spread(text: &str) -> Result<Vec<String>, String> {
        let source = Arc::new(Source::new("", ""));
        let place = Place {
            source,
            start: 0,
            length: 0,
        };
        let line = |node: &Node| {
            let part = |key| node.get(key).and_then(Node::scalar_text).unwrap_or_default();
            format!(
                "{} {} {} {}",
                part("host_ip"),
                part("published"),
                part("target"),
                part("protocol")
            )
        };
        short(text, &place).map(|ports| ports.iter().map(line).collect())
    }

    #[test]
    fn the_short_forms_of_the_specification() {
        let is = |text, expected: &[&str]| {
            assert_eq!(
                spread(text).as_deref(),
                Ok(&expected.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..]),
                "{text}"
            )
        };
        is("80", &["  80 tcp"]);
        is("3000-3001", &["  3000 tcp", "  3001 tcp"]);
        is("8000:80/UDP", &[" 8000 80 udp"]);
        is("9-10:19-20", &[" 9 19 tcp", " 10 20 tcp"]);
        is("8000-8005:80", &[" 8000-8005 80 tcp"]);
        is("127.0.0.1::80", &["127.0.0.1  80 tcp"]);
        is("127.0.0.1:8080:80", &["127.0.0.1 8080 80 tcp"]);
        is("[::1]:80:80", &["::1 80 80 tcp"]);
    }

    #[test]
    fn what_is_no_port_says_why() {
        let why = |text: &str| spread(text).expect_err("invalid");
        assert_eq!(why("80:80/xyz"), "`xyz` is not one of `tcp`, `udp`, `sctp`");
        assert_eq!(why("70000:80"), "ports go from 0 to 65535");
        assert_eq!(why("80:0"), "ports go from 1 to 65535");
        assert_eq!(why("a:b"), "`b` is not a port number");
        assert_eq!(why("80:80-81"), "`80` and `80-81` are ranges of different lengths");
        assert_eq!(why("81-80"), "the range `81-80` goes backwards");
        assert_eq!(why("1.2.3.400:80:80"), "`1.2.3.400` is not an IP address");
        assert_eq!(why(""), "a port number is missing");
    }

    proptest::proptest! {
        #[test]
        fn reading_ports_never_panics(text in "[0-9:./a-z\\[\\]-]{0,30}|\\PC{0,20}") {
            drop(spread(&text));
        }
    }
}
