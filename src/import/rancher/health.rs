//! `health_check`: Rancher asks from other hosts, Compose in the container itself.

use docker_compose_types::{Healthcheck, HealthcheckTest};
use serde_yaml::Value as Yaml;

use crate::compose::tree::Node;
use crate::import::did_you_mean;
use crate::import::draft::{Draft, at};

use super::stack::Keys;
use super::values;

const KEYS: [&str; 11] = [
    "port",
    "request_line",
    "interval",
    "response_timeout",
    "unhealthy_threshold",
    "healthy_threshold",
    "initializing_timeout",
    "reinitializing_timeout",
    "strategy",
    "recreate_on_quorum_strategy_config",
    "name",
];

/// Translates to `healthcheck`.
pub fn translate(keys: &mut Keys, name: &str, draft: &mut Draft) {
    let Some(node) = keys.take("health_check") else { return };
    let part = |key: &str| node.get(key).and_then(values::text).filter(|text| !text.is_empty());
    let Some(port) = part("port") else {
        return draft.error("`health_check` needs a `port`", &node.place, None);
    };
    let (test, tools) = match part("request_line") {
        Some(line) => (http(&line, &port), "wget or curl"),
        None => (format!("nc -z 127.0.0.1 {port} || exit 1"), "nc"),
    };
    let mut check = Healthcheck {
        test: Some(HealthcheckTest::Multiple(vec!["CMD-SHELL".to_owned(), test])),
        interval: node.get("interval").and_then(values::milliseconds),
        timeout: node.get("response_timeout").and_then(values::milliseconds),
        start_period: node.get("initializing_timeout").and_then(values::milliseconds),
        ..Healthcheck::default()
    };
    let here = at(["services", name, "healthcheck"]);
    draft.say(
        at(["services", name, "healthcheck", "test"]),
        format!("It runs in the container, which needs a shell and {tools}."),
    );
    for (key, entry) in node.as_map().into_iter().flatten() {
        let why = match (key.as_str(), values::text(&entry.value).as_deref()) {
            ("unhealthy_threshold", _) => {
                match values::number(&entry.value) {
                    Yaml::Number(number) => check.retries = number.as_i64().unwrap_or(0),
                    variable => draft.beyond(at(["services", name, "healthcheck", "retries"]), variable),
                }
                continue;
            }
            ("port" | "request_line" | "interval" | "response_timeout" | "initializing_timeout", _) => continue,
            ("healthy_threshold", _) => "one success makes a container healthy",
            ("reinitializing_timeout", _) => "a container that starts again has its start period again",
            // What becomes of an unhealthy container: it is replaced.
            ("strategy", Some("recreate")) => continue,
            ("strategy", _) => "an unhealthy replica is always replaced",
            ("recreate_on_quorum_strategy_config", _) => "an unhealthy replica is always replaced",
            ("name", _) => "a healthcheck has no name",
            _ => {
                draft.error(
                    format!("`health_check` has no `{key}`"),
                    &entry.key,
                    did_you_mean(key, KEYS),
                );
                continue;
            }
        };
        let what = format!("health_check.{key}");
        draft.lost_with(here.clone(), &what, Some(&values::shown(&entry.value)), why, &entry.key);
    }
    draft.service(name).healthcheck = Some(check);
}

/// `GET /healthz HTTP/1.0` as a command.
fn http(line: &str, port: &str) -> String {
    let mut words = line.split_whitespace();
    let method = words.next().unwrap_or("GET").trim_matches('"');
    let path = words.next().unwrap_or("/").trim_matches('"');
    let url = format!("http://127.0.0.1:{port}{path}");
    match method {
        "GET" => format!("wget -q -O /dev/null '{url}' || curl -fsS -o /dev/null '{url}' || exit 1"),
        "HEAD" => format!("wget -q --spider '{url}' || curl -fsSI -o /dev/null '{url}' || exit 1"),
        other => format!("curl -fsS -X {other} -o /dev/null '{url}' || exit 1"),
    }
}

/// Reports a check that a balancer had: it was of the balancer itself.
pub fn of_balancer(node: &Node, name: &str, draft: &mut Draft) {
    let shown = values::shown(node);
    draft.lost_with(
        Vec::new(),
        &format!("health_check of {name}"),
        Some(&shown),
        "Hoist looks after its ingress itself",
        &node.place,
    );
}
