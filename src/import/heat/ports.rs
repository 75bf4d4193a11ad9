//! Port bindings and port specifications of a container.

use docker_compose_types::{Port, PublishedPort};

use crate::import::draft::At;

use super::functions::{Found, Value};
use super::translator::Translator;

/// A port that a container publishes on its host.
#[derive(Debug, Clone)]
pub struct Published {
    /// The host's group, where it is one of the template's.
    pub group: Option<String>,
    /// The port on the host, as text.
    pub host: String,
    pub service: String,
    /// The port in the container.
    pub container: String,
}

/// One binding: the port in the container with its protocol, and where it is published.
#[derive(Debug, Clone)]
pub struct Binding {
    pub container: String,
    pub protocol: Option<String>,
    pub host_ip: Option<String>,
    /// `None`: any free port.
    pub host: Option<String>,
}

impl Binding {
    /// The long form, where both ports are numbers.
    pub fn long(&self) -> Option<Port> {
        Some(Port {
            target: self.container.parse().ok()?,
            host_ip: self.host_ip.clone(),
            published: self.host.as_ref().map(|host| {
                host.parse()
                    .map_or_else(|_| PublishedPort::Range(host.clone()), PublishedPort::Single)
            }),
            protocol: self.protocol.clone(),
            mode: None,
        })
    }

    /// The short form.
    pub fn short(&self) -> String {
        let mut text = String::new();
        if let Some(ip) = &self.host_ip {
            text.push_str(&format!("{ip}:"));
        }
        if let Some(host) = &self.host {
            text.push_str(&format!("{host}:"));
        }
        text.push_str(&self.container);
        if let Some(protocol) = &self.protocol {
            text.push_str(&format!("/{protocol}"));
        }
        text
    }
}

/// `port_bindings`: `{80/tcp: 8080}`, a list of host ports, or `{HostIp: …, HostPort: …}`.
pub fn bindings(translator: &mut Translator<'_>, found: &Found, at: &At) -> Vec<Binding> {
    let Value::Map(map) = &found.value else {
        translator
            .draft
            .error("`port_bindings` must be a mapping", &found.place, None);
        return Vec::new();
    };
    let mut bindings = Vec::new();
    for (key, (place, value)) in map {
        let (container, protocol) = split(key);
        if container.parse::<u16>().is_err() {
            translator.draft.error(
                format!("`{key}` is not a port"),
                place,
                Some("write `80` or `80/tcp`".to_owned()),
            );
            continue;
        }
        let mut bind = |host_ip: Option<String>, host: Option<String>| {
            bindings.push(Binding {
                container: container.clone(),
                protocol: protocol.clone(),
                host_ip,
                host: host.filter(|host| !host.is_empty()),
            });
        };
        match &value.value {
            Value::Null => bind(None, None),
            Value::List(list) => {
                for item in list {
                    let (ip, host) = one(translator, item, at);
                    bind(ip, host);
                }
            }
            _ => {
                let (ip, host) = one(translator, value, at);
                bind(ip, host);
            }
        }
    }
    bindings
}

fn one(translator: &mut Translator<'_>, found: &Found, at: &At) -> (Option<String>, Option<String>) {
    let Value::Map(map) = &found.value else {
        return (None, translator.text(found, at));
    };
    let mut take = |key: &str| {
        let (_, found) = map.get(key)?;
        translator.text(found, at).filter(|text| !text.is_empty())
    };
    (take("HostIp"), take("HostPort"))
}

/// `80/tcp` as port and protocol.
pub fn split(text: &str) -> (String, Option<String>) {
    match text.split_once('/') {
        Some((port, protocol)) => (
            port.to_owned(),
            Some(protocol.to_owned()).filter(|protocol| protocol != "tcp"),
        ),
        None => (text.to_owned(), None),
    }
}
