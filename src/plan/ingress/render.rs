//! The configurations of routers and gates, rendered from `provision/ingress/`.
//!
//! Knows HAProxy's order and quoting: a word of a configuration is never more than one word, whatever a file says.

use std::sync::LazyLock;

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context, syntax::SyntaxConfig};

use super::NAME;
use super::claims::{Claim, Protocol, Way};

/// What an engine runs in a container of the ingress to see whether it is ready.
pub(super) const READY: &str = include_str!("../../../provision/ingress/ready.sh");

const TEMPLATES: [(&str, &str); 3] = [
    (
        "resolvers.cfg",
        include_str!("../../../provision/ingress/resolvers.cfg.j2"),
    ),
    ("router.cfg", include_str!("../../../provision/ingress/router.cfg.j2")),
    ("gate.cfg", include_str!("../../../provision/ingress/gate.cfg.j2")),
];

/// Where monitors listen, inside of a container: the first port from here on that no way in takes.
const MONITOR: u16 = 8404;
/// Routers that one gate passes connections to. More hosts than this share the work all the same: each gate takes others.
const ROUTERS_OF_A_GATE: u16 = 8;
/// Least places for replicas in a configuration, so that scaling seldom means another one.
const LEAST_SLOTS: u64 = 16;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(environment);

/// The port of the monitor beside these.
pub(super) fn monitor(listens: &[u16]) -> u16 {
    (MONITOR..u16::MAX)
        .find(|port| !listens.contains(port))
        .unwrap_or(MONITOR)
}

/// What the routers are told. `claims` do not clash; `nodes`: hosts of the cluster, each of which runs a replica of a
/// global service.
pub(super) fn router(claims: &[Claim], nodes: u64) -> String {
    let ways: Vec<(&Claim, usize, &Way)> = claims
        .iter()
        .flat_map(|claim| {
            claim
                .ways
                .iter()
                .enumerate()
                .map(move |(index, way)| (claim, index, way))
        })
        .filter(|(claim, _, way)| !stands_under_another(claims, claim, way))
        .collect();
    let mut listens: Vec<u16> = ways.iter().map(|(_, _, way)| way.listen).collect();
    listens.sort_unstable();
    listens.dedup();
    let listeners: Vec<Value> = listens
        .iter()
        .map(|port| {
            let here = || ways.iter().filter(|(_, _, way)| way.listen == *port);
            let protocol = here().next().map_or(Protocol::Http, |(_, _, way)| way.protocol);
            let mut certificates: Vec<String> = here().filter_map(|(_, _, way)| way.certificate.clone()).collect();
            certificates.sort();
            certificates.dedup();
            let mut routes: Vec<Route> = here()
                .flat_map(|(claim, index, way)| routes(claim, *index, way))
                .collect();
            routes.sort();
            let routes: Vec<Value> = routes.iter().map(Route::value).collect();
            context! { port, protocol => protocol.as_str(), certificates, routes }
        })
        .collect();
    let backends: Vec<Value> = ways
        .iter()
        .map(|(claim, index, way)| {
            context! {
                name => backend(claim, *index),
                service => claim.name.as_str(),
                port => way.port,
                protocol => way.protocol.as_str(),
                sticky => way.sticky,
                health => way.health.as_deref().map(word),
                health_host => health_host(way),
                slots => slots(claim.replicas.unwrap_or(nodes)),
                awaited => has_replicas(claim) || beside(claims, claim, way).any(|(other, _)| has_replicas(other)),
                others => others(claims, claim, way, nodes),
            }
        })
        .collect();
    render(
        "router.cfg",
        context! { monitor => monitor(&listens), listeners, backends },
    )
}

/// What the gates of a port are told.
pub(super) fn gate(port: u16) -> String {
    let values = context! { monitor => monitor(&[port]), port, routers => NAME, slots => ROUTERS_OF_A_GATE };
    render("gate.cfg", values)
}

/// Whether a service that takes this one's place has the same way in: both then serve it from one backend.
fn stands_under_another(claims: &[Claim], claim: &Claim, way: &Way) -> bool {
    let mut before = claims.iter().filter(|other| other.goes_before(claim));
    before.any(|other| other.ways.iter().any(|same| same.is_for_the_same_as(way)))
}

/// The services whose replicas serve a way in beside those of the one that it stands under.
fn beside<'a>(claims: &'a [Claim], claim: &'a Claim, way: &'a Way) -> impl Iterator<Item = (&'a Claim, &'a Way)> {
    let others = claims.iter().filter(|other| claim.goes_before(other));
    others.filter_map(|other| Some((other, other.ways.iter().find(|same| same.is_for_the_same_as(way))?)))
}

fn others(claims: &[Claim], claim: &Claim, way: &Way, nodes: u64) -> Vec<Value> {
    let others = beside(claims, claim, way).map(|(other, way)| {
        let slots = slots(other.replicas.unwrap_or(nodes));
        context! { service => other.name.as_str(), port => way.port, slots }
    });
    others.collect()
}

/// A service without any is not waited for.
fn has_replicas(claim: &Claim) -> bool {
    claim.replicas != Some(0)
}

fn backend(claim: &Claim, index: usize) -> String {
    format!("{}.{index}", claim.name)
}

/// While replicas are replaced there are up to twice as many.
fn slots(replicas: u64) -> u64 {
    replicas.saturating_mul(2).next_power_of_two().max(LEAST_SLOTS)
}

/// The name that a replica's health is asked for under: it may serve nobody else.
fn health_host(way: &Way) -> &str {
    way.hosts
        .iter()
        .map(String::as_str)
        .find(|host| !host.starts_with('*'))
        .unwrap_or("localhost")
}

/// One rule of a listener. Ordered as rules are tried: the narrowest first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Route<'a> {
    /// 0 for a name, 1 for a pattern, 2 for any.
    width: u8,
    /// The longest first.
    shortness: std::cmp::Reverse<usize>,
    host: &'a str,
    path: &'a str,
    backend: String,
}

fn routes<'a>(claim: &Claim, index: usize, way: &'a Way) -> Vec<Route<'a>> {
    let path = way.path.as_deref().unwrap_or_default();
    let route = |width: u8, host: &'a str| Route {
        width,
        // Of patterns the one with more labels is narrower, then the longer path.
        shortness: std::cmp::Reverse(host.len() * 10_000 * usize::from(width == 1) + path.len()),
        host,
        path,
        backend: backend(claim, index),
    };
    match way.hosts.is_empty() {
        true => vec![route(2, "")],
        false => {
            let routes = way
                .hosts
                .iter()
                .map(|host| route(u8::from(host.starts_with("*.")), host));
            routes.collect()
        }
    }
}

impl Route<'_> {
    fn value(&self) -> Value {
        let host = match self.host.strip_prefix("*.") {
            _ if self.host.is_empty() => String::new(),
            // A pattern stands for one label.
            Some(rest) => format!("{{ var(txn.host) -m reg ^[^.]+[.]{}$ }}", rest.replace('.', "[.]")),
            None => format!("{{ var(txn.host) -m str {} }}", self.host),
        };
        let path = word(self.path);
        let conditions: Vec<String> = match (host.as_str(), self.path) {
            ("", "") => Vec::new(),
            (host, "") => vec![host.to_owned()],
            (host, _) => {
                let exact = format!("{host} {{ path -m str {path} }}");
                let below = format!("or {host} {{ path -m beg {path}/ }}");
                vec![exact.trim_start().to_owned(), below.replace("or  {", "or {")]
            }
        };
        context! { backend => self.backend.as_str(), conditions }
    }
}

/// A text as one word of a configuration.
fn word(text: &str) -> String {
    let mut word = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'/'
            | b'.'
            | b'_'
            | b'-'
            | b'~'
            | b'?'
            | b'='
            | b'&'
            | b'%'
            | b':'
            | b'@'
            | b'+'
            | b',' => word.push(char::from(byte)),
            other => word.push_str(&format!("\\x{other:02x}")),
        }
    }
    word
}

fn render(name: &str, values: Value) -> String {
    ENVIRONMENT
        .get_template(name)
        .and_then(|template| template.render(values))
        .expect("the templates are compiled in, and tests render each of their branches")
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .expect("these are the default delimiters");
    environment.set_syntax(syntax);
    for (name, text) in TEMPLATES {
        environment
            .add_template(name, text)
            .expect("the templates are compiled in, and tests render each of their branches");
    }
    environment
}
