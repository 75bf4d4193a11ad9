//! Balancers become `x-ingress` of the services that they balance.

mod older;

use indexmap::IndexMap;
use serde_yaml::{Mapping, Value as Yaml};

use crate::compose::source::Place;
use crate::compose::tree::Node;
use crate::import::did_you_mean;
use crate::import::draft::{Draft, at};

use super::stack::{Keys, Role, Stack, place_of};
use super::{health, values};

/// One port rule: the way from a port, a host and a path to a port of a service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Way {
    source: Option<String>,
    target: Option<String>,
    host: Option<String>,
    path: Option<String>,
    protocol: Option<String>,
    certificate: Option<String>,
    sticky: bool,
}

const RULE: [&str; 9] = [
    "source_port",
    "target_port",
    "protocol",
    "hostname",
    "path",
    "service",
    "selector",
    "priority",
    "backend_name",
];
const CONFIG: [&str; 5] = ["port_rules", "certs", "default_cert", "config", "stickiness_policy"];

/// Translates one balancer: its rules go to the services that they name.
pub fn translate(stack: &mut Stack, name: &str, draft: &mut Draft) {
    let Some(mut keys) = stack.services.shift_remove(name) else {
        return;
    };
    draft.say(
        Vec::new(),
        format!("The balancer `{name}` is the `x-ingress` of its services: it answers on every host."),
    );
    let mut common = Way::default();
    let mut rules = Vec::new();
    keys.take("image");
    if let Some(config) = keys.take("lb_config") {
        configured(&config, name, &mut common, &mut rules, draft);
    }
    if let Some(config) = keys.take("load_balancer_config") {
        older::configuration(&config, name, &mut common, draft);
    }
    for key in ["default_cert", "certs"] {
        if let Some(node) = keys.take(key) {
            certificate(&node, key == "default_cert", name, &mut common, draft);
        }
    }
    if stack.role(name) == Role::OldBalancer {
        rules.extend(older::rules(stack, &mut keys, name, draft));
    } else {
        exposed(&mut keys, &rules, name, draft);
    }
    for rule in rules {
        give(stack, rule, &common, name, draft);
    }
    if let Some(node) = keys.take("scale") {
        let shown = values::shown(&node);
        draft.lost_with(
            Vec::new(),
            &format!("scale of {name}"),
            Some(&shown),
            "the ingress runs on every host",
            &node.place,
        );
    }
    if let Some(node) = keys.take("health_check") {
        health::of_balancer(&node, name, draft);
    }
    if let Some(node) = keys.take("labels") {
        for (key, value) in values::pairs(&node) {
            let why = "the ingress is Hoist's own";
            draft.lost_with(Vec::new(), &format!("{key} of {name}"), Some(&value), why, &node.place);
        }
    }
    keys.leftover(&Vec::new(), name, draft);
}

/// A rule, where it leads, and where it stands.
struct Rule {
    way: Way,
    service: Option<String>,
    selector: Option<String>,
    place: Place,
}

fn configured(config: &Node, name: &str, common: &mut Way, rules: &mut Vec<Rule>, draft: &mut Draft) {
    for (key, entry) in config.as_map().into_iter().flatten() {
        match key.as_str() {
            "port_rules" => {
                for node in entry.value.as_list().unwrap_or_default() {
                    rules.extend(rule(node, name, draft));
                }
            }
            "certs" | "default_cert" => certificate(&entry.value, key == "default_cert", name, common, draft),
            "stickiness_policy" => sticky(&entry.value, name, common, draft),
            "config" => {
                let shown = values::shown(&entry.value);
                let why = "Hoist writes the configuration of HAProxy itself";
                draft.lost_with(
                    Vec::new(),
                    &format!("lb_config.config of {name}"),
                    Some(&shown),
                    why,
                    &entry.key,
                );
            }
            _ => draft.error(
                format!("`lb_config` has no `{key}`"),
                &entry.key,
                did_you_mean(key, CONFIG),
            ),
        }
    }
}

/// A way in has one certificate: the default one, else the first.
fn certificate(node: &Node, default: bool, name: &str, common: &mut Way, draft: &mut Draft) {
    for found in values::texts(node, ':') {
        let unused = match &common.certificate {
            Some(known) if *known == found => None,
            Some(_) if default => common.certificate.replace(found),
            Some(_) => Some(found),
            None => {
                common.certificate = Some(found);
                None
            }
        };
        if let Some(unused) = unused {
            let why = "a way in has one certificate: give the host of this one an entry of its own";
            draft.lost_with(Vec::new(), &format!("certs of {name}"), Some(&unused), why, &node.place);
        }
    }
}

fn sticky(node: &Node, name: &str, common: &mut Way, draft: &mut Draft) {
    common.sticky = true;
    for (key, entry) in node.as_map().into_iter().flatten() {
        let why = "Hoist chooses the cookie: a way in is `sticky` or not";
        let what = format!("stickiness_policy.{key} of {name}");
        draft.lost_with(Vec::new(), &what, Some(&values::shown(&entry.value)), why, &entry.key);
    }
}

fn rule(node: &Node, name: &str, draft: &mut Draft) -> Option<Rule> {
    let mapping = node.as_map()?;
    for (key, entry) in mapping {
        match key.as_str() {
            "priority" | "backend_name" => {
                let why = "the longest host and path win, and Hoist names its backends";
                let what = format!("{key} of a port rule of {name}");
                draft.lost_with(Vec::new(), &what, Some(&values::shown(&entry.value)), why, &entry.key);
            }
            _ if !RULE.contains(&key.as_str()) => {
                draft.error(
                    format!("a port rule has no `{key}`"),
                    &entry.key,
                    did_you_mean(key, RULE),
                );
            }
            _ => {}
        }
    }
    let part = |key: &str| node.get(key).and_then(values::text).filter(|text| !text.is_empty());
    Some(Rule {
        way: Way {
            source: part("source_port"),
            target: part("target_port"),
            host: part("hostname"),
            path: part("path"),
            protocol: part("protocol"),
            ..Way::default()
        },
        service: part("service"),
        selector: part("selector"),
        place: node.place.clone(),
    })
}

/// Ports of the balancer: those that a rule uses are the ways in; a rule's port that is not among them was internal.
fn exposed(keys: &mut Keys, rules: &[Rule], name: &str, draft: &mut Draft) {
    let Some(node) = keys.take("ports") else {
        for rule in rules {
            let why = "no port of the balancer was published: this one answers outside, too";
            draft.lost(
                Vec::new(),
                &format!("an internal port rule of {name}"),
                why,
                &rule.place,
            );
        }
        return;
    };
    for port in values::texts(&node, ':') {
        let number = port.split(['/', ':']).next().unwrap_or_default();
        if !rules.iter().any(|rule| rule.way.source.as_deref() == Some(number)) {
            let why = "no port rule uses it";
            draft.lost_with(Vec::new(), &format!("ports of {name}"), Some(&port), why, &node.place);
        }
    }
}

/// Gives a rule to the services that it names or selects.
fn give(stack: &mut Stack, rule: Rule, common: &Way, name: &str, draft: &mut Draft) {
    let targets: Vec<String> = match (&rule.service, &rule.selector) {
        (Some(service), _) => vec![service.clone()],
        (None, Some(selector)) => {
            let matching = stack.labels.iter().filter(|(_, labels)| selects(selector, labels));
            matching
                .map(|(name, _)| name.clone())
                .filter(|target| target != name)
                .collect()
        }
        (None, None) => Vec::new(),
    };
    if targets.is_empty() {
        let what = format!("a port rule of {name}");
        let named = rule.selector.as_deref();
        return draft.lost_with(
            Vec::new(),
            &what,
            named,
            "no service of the stack is meant",
            &rule.place,
        );
    }
    for target in targets {
        if stack.role(&target) != Role::Normal || !stack.labels.contains_key(&target) {
            let what = format!("a port rule of {name}");
            let why = "the ingress leads to services of the same file: give the other project's service an `x-ingress`";
            draft.lost_with(Vec::new(), &what, Some(&target), why, &rule.place);
            continue;
        }
        let mut way = rule.way.clone();
        (way.certificate, way.sticky) = (common.certificate.clone(), common.sticky);
        if way.protocol.as_deref() == Some("udp") {
            draft.lost(
                Vec::new(),
                &format!("a UDP port rule of {name}"),
                "the ingress carries TCP",
                &rule.place,
            );
            continue;
        }
        stack.ways.entry(target).or_default().push(way);
    }
}

/// `foo=bar`, `foo != bar`, `foo in (a, b)`, `foo notin (a, b)`, `foo`; all that commas separate must hold.
fn selects(selector: &str, labels: &IndexMap<String, String>) -> bool {
    let mut depth = 0;
    let parts = selector.split(|c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    });
    let mut parts = parts.map(str::trim).filter(|part| !part.is_empty()).peekable();
    parts.peek().is_some()
        && parts.all(|part| {
            let set = |rest: &str| -> Vec<String> {
                rest.trim()
                    .trim_matches(['(', ')'])
                    .split(',')
                    .map(|item| item.trim().to_owned())
                    .collect()
            };
            if let Some((key, value)) = part.split_once("!=") {
                labels.get(key.trim()).is_some_and(|label| label != value.trim())
            } else if let Some((key, rest)) = part.split_once(" notin ") {
                labels.get(key.trim()).is_some_and(|label| !set(rest).contains(label))
            } else if let Some((key, rest)) = part.split_once(" in ") {
                labels.get(key.trim()).is_some_and(|label| set(rest).contains(label))
            } else if let Some((key, value)) = part.split_once('=') {
                labels.get(key.trim()).is_some_and(|label| label == value.trim())
            } else {
                labels.contains_key(part)
            }
        })
}

/// A service's own `lb_config`: what a balancer that selects it is to use.
pub fn selected(keys: &mut Keys, stack: &mut Stack, name: &str, draft: &mut Draft) {
    let Some(config) = keys.take("lb_config") else { return };
    stack.selectable.insert(name.to_owned(), config.place.clone());
    let (mut common, mut rules) = (Way::default(), Vec::new());
    configured(&config, name, &mut common, &mut rules, draft);
    let own = rules.into_iter().map(|rule| rule.way).collect();
    stack.ways.entry(format!("{OWN}{name}")).or_insert(own);
}

/// Before the name of a service, for what it says itself.
const OWN: &str = "own:";

/// Writes `x-ingress`, once all balancers are known.
pub fn write(stack: &mut Stack, draft: &mut Draft) {
    let ways = std::mem::take(&mut stack.ways);
    for (service, own) in ways
        .iter()
        .filter_map(|(key, ways)| Some((key.strip_prefix(OWN)?, ways)))
    {
        if !ways.contains_key(service)
            && !own.is_empty()
            && let Some(place) = stack.selectable.get(service)
        {
            let why = "no balancer of the stack selects this service";
            draft.lost(place_of(service), &format!("lb_config of {service}"), why, place);
        }
    }
    for (service, given) in ways.iter().filter(|(key, _)| !key.starts_with(OWN)) {
        let own = ways.get(&format!("{OWN}{service}")).filter(|own| !own.is_empty());
        let mut all: Vec<Way> = Vec::new();
        for way in given {
            match own.filter(|_| way.target.is_none() || way.host.is_none()) {
                None => all.push(way.clone()),
                Some(own) => all.extend(own.iter().map(|one| Way {
                    target: one.target.clone().or_else(|| way.target.clone()),
                    host: one.host.clone().or_else(|| way.host.clone()),
                    path: one.path.clone().or_else(|| way.path.clone()),
                    ..way.clone()
                })),
            }
        }
        let mut entries: Vec<Mapping> = Vec::new();
        for way in all {
            let entry = entry(&way, service, draft);
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
        let mut entries: Vec<Yaml> = entries.into_iter().map(Yaml::Mapping).collect();
        let value = if entries.len() == 1 {
            entries.remove(0)
        } else {
            Yaml::Sequence(entries)
        };
        draft.extension(Some(service), "x-ingress", value);
    }
}

fn entry(way: &Way, service: &str, draft: &mut Draft) -> Mapping {
    let number = |text: &str| text.parse::<i64>().map_or_else(|_| Yaml::from(text), Yaml::from);
    let mut entry = Mapping::new();
    let target = way.target.as_deref().or(way.source.as_deref());
    entry.extend(target.map(|target| (Yaml::from("port"), number(target))));
    entry.extend(
        way.source
            .as_deref()
            .map(|source| (Yaml::from("listen"), number(source))),
    );
    // Rancher took a path behind the host, too.
    let (host, behind) = match way.host.as_deref().map(|host| host.split_once('/')) {
        Some(Some((host, path))) => (Some(host.to_owned()), Some(format!("/{path}"))),
        Some(None) => (way.host.clone(), None),
        None => (None, None),
    };
    entry.extend(host.map(|host| (Yaml::from("host"), Yaml::from(host))));
    entry.extend(
        way.path
            .clone()
            .or(behind)
            .map(|path| (Yaml::from("path"), Yaml::from(path))),
    );
    let protocol = way.protocol.as_deref().unwrap_or("http");
    if matches!(protocol, "tcp" | "tls" | "sni") {
        entry.insert(Yaml::from("protocol"), Yaml::from("tcp"));
    }
    if way.sticky {
        entry.insert(Yaml::from("sticky"), Yaml::from(true));
    }
    let here = at(["services", service, "x-ingress"]);
    if matches!(protocol, "https" | "tls") {
        let name = way.certificate.as_deref().unwrap_or(service);
        let file = |end: &str| Yaml::from(format!("./{name}{end}"));
        let tls = Mapping::from_iter([(Yaml::from("cert"), file(".crt")), (Yaml::from("key"), file(".key"))]);
        entry.insert(Yaml::from("tls"), Yaml::Mapping(tls));
        draft.say(
            here.clone(),
            "Rancher kept the certificate: put it and its key into these files.",
        );
    }
    if protocol == "sni" {
        draft.say(
            here,
            "Rancher chose by the name in the TLS handshake; here, everything on this port goes to the service.",
        );
    }
    entry
}
