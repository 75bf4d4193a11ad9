//! Reads `x-ingress` of a service: its ways in from outside. Never looks whether a certificate is there.

use super::findings::Findings;
use super::model::{IngressProtocol, IngressTls, WayIn};
use super::paths::Base;
use super::schema;
use super::tree::{Node, Value};
use super::units;

/// The ways in that a service has.
pub fn ways_in(service: &Node, base: &Base<'_>, findings: &mut Findings) -> Vec<WayIn> {
    let Some(node) = service.get("x-ingress") else {
        return Vec::new();
    };
    let node = schema::settle_copy(node, &schema::INGRESS, "x-ingress", findings);
    match &node.value {
        Value::List(list) => list.iter().filter_map(|item| way_in(item, base, findings)).collect(),
        _ => way_in(&node, base, findings).into_iter().collect(),
    }
}

fn way_in(node: &Node, base: &Base<'_>, findings: &mut Findings) -> Option<WayIn> {
    node.as_map()?;
    let text = |key: &str| node.get(key).and_then(Node::as_text).map(str::to_owned);
    let protocol = match text("protocol").as_deref() {
        Some("tcp") => IngressProtocol::Tcp,
        _ => IngressProtocol::Http,
    };
    if protocol == IngressProtocol::Tcp {
        for key in ["host", "path", "health"] {
            if let Some(entry) = node.as_map()?.get(key) {
                let message = format!("`{key}` is for `protocol: http`: a TCP connection has none");
                findings.error(message, &entry.key);
            }
        }
    }
    let tls = node.get("tls").and_then(|tls| {
        let path = |key| Some(base.absolute(tls.get(key)?.as_text()?));
        Some(IngressTls {
            cert: path("cert")?,
            key: path("key"),
        })
    });
    let port = port(node, "port", findings)?;
    let listen = self::port(node, "listen", findings).unwrap_or(match (protocol, &tls) {
        (IngressProtocol::Tcp, _) => port,
        (IngressProtocol::Http, Some(_)) => 443,
        (IngressProtocol::Http, None) => 80,
    });
    Some(WayIn {
        port,
        listen,
        hosts: hosts(node, findings),
        path: path(node, "path", findings),
        protocol,
        sticky: node.get("sticky").is_some_and(Node::is_true),
        health: path(node, "health", findings),
        drain: node
            .get("drain")
            .and_then(|node| units::parse_duration(node.as_text()?)),
        tls,
    })
}

fn port(node: &Node, key: &str, findings: &mut Findings) -> Option<u16> {
    let node = node.get(key)?;
    let text = node.as_text()?;
    match text.parse::<u16>() {
        Ok(port) if port > 0 => Some(port),
        _ => {
            findings.error(format!("`{key}` must be from 1 to 65535, not `{text}`"), &node.place);
            None
        }
    }
}

fn hosts(node: &Node, findings: &mut Findings) -> Vec<String> {
    let Some(node) = node.get("host") else {
        return Vec::new();
    };
    let one = std::slice::from_ref(node);
    let mut hosts = Vec::new();
    for item in node.as_list().unwrap_or(one) {
        let Some(host) = item.as_text() else { continue };
        if is_host(host) {
            hosts.push(host.to_ascii_lowercase());
        } else {
            let hint = "write a name such as `shop.example.org` or `*.example.org`, without a port".to_owned();
            findings.error_hint(format!("`host` cannot be `{host}`"), &item.place, Some(hint));
        }
    }
    hosts
}

/// A name as the `Host` header has it; `*` may stand for its first label.
fn is_host(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c))
    };
    name.len() <= 253 && name.split('.').all(label)
}

/// A path of requests.
fn path(node: &Node, key: &str, findings: &mut Findings) -> Option<String> {
    let node = node.get(key)?;
    let path = node.as_text()?;
    if !path.starts_with('/') || path.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let message = format!("`{key}` must be a path such as `/shop`, not `{path}`");
        findings.error(message, &node.place);
        return None;
    }
    Some(path.to_owned())
}

#[cfg(test)]
mod tests;
