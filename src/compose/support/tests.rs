use std::collections::BTreeSet;

use serde_json::Value;

use super::{page, table};
use crate::compose::schema::{By, Support};
use crate::compose::testing::{line, load_texts, loaded};

/// Structure of the specification's schema; `tests/compose-specification/make` makes it anew.
const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/compose-specification/schema.json");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/compose-support.md");

/// Every attribute path of a JSON schema: `*` for patterns of names, `[]` for items.
fn paths_of(schema: &Value, definitions: &Value, path: &str, paths: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return paths_of(&definitions[name], definitions, path, paths);
    }
    for alternative in ["oneOf", "anyOf"] {
        for schema in schema[alternative].as_array().into_iter().flatten() {
            paths_of(schema, definitions, path, paths);
        }
    }
    let mut inner = |path: String, schema: &Value| {
        paths_of(schema, definitions, &path, paths);
        paths.insert(path);
    };
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        inner(path, schema);
    }
    for (pattern, schema) in schema["patternProperties"].as_object().into_iter().flatten() {
        if pattern != "^x-" {
            inner(format!("{path}.*"), schema);
        }
    }
    if !schema["items"].is_null() {
        inner(format!("{path}[]"), &schema["items"]);
    }
}

#[test]
fn the_table_has_every_path_of_the_specification_and_no_other() {
    let text = std::fs::read_to_string(SCHEMA).expect("the schema is there");
    let schema: Value = serde_json::from_str(&text).expect("the schema is JSON");
    let mut wanted = BTreeSet::new();
    paths_of(&schema, &schema["definitions"], "", &mut wanted);
    assert!(wanted.len() > 400, "{} paths only", wanted.len());
    // The schema says no more than that it is a mapping.
    wanted.insert("services.*.storage_opt.*".to_owned());
    let is_own = |path: &String| path.split('.').any(|part| part.starts_with("x-"));
    let there: BTreeSet<String> = table()
        .into_iter()
        .map(|row| row.path)
        .filter(|path| !is_own(path))
        .collect();
    let missing: Vec<_> = wanted.difference(&there).collect();
    let invented: Vec<_> = there.difference(&wanted).collect();
    assert!(missing.is_empty(), "not in the table: {missing:#?}");
    assert!(invented.is_empty(), "not in the specification: {invented:#?}");
}

#[test]
fn words_are_there_for_all_that_is_not_honoured_by_all() {
    for row in table() {
        if let Some(words) = row.support.words() {
            assert!(words.len() > 10 && !words.ends_with('.'), "{}: {words}", row.path);
        }
    }
}

/// `make docs` writes the page: `HOIST_WRITE_DOCS=1`.
#[test]
fn the_page_is_that_of_the_table() {
    let fresh = page();
    if std::env::var_os("HOIST_WRITE_DOCS").is_some() {
        std::fs::write(PAGE, &fresh).expect("the page can be written");
    }
    let there = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(there == fresh, "docs/compose-support.md is stale: run `make docs`");
}

fn refused(text: &str) -> Vec<String> {
    loaded(text).refused.iter().map(line).collect()
}

fn warnings(text: &str) -> Vec<String> {
    loaded(text).warnings.iter().map(line).collect()
}

#[test]
fn what_is_approximated_warns_once_at_its_place() {
    let text = "services:
  a:
    image: x
    attach: true
    develop: {watch: [{path: ., action: rebuild}]}
  b: {image: x, build: {context: ., sbom: true, labels: {a: b}}}
";
    let expected = [
        "4:5 `attach` has no effect: `up` shows the output of no service, `hoist logs` that of those you name",
        "5:5 `develop` has no effect: there is no `watch`, so nothing is synchronised or rebuilt while you edit",
        "6:37 `sbom` has no effect: the builder lists no contents",
    ];
    assert_eq!(warnings(text), expected);
}

#[test]
fn what_is_refused_loads_and_is_refused_when_deployed() {
    let text = "services:
  a: {image: x, cpu_count: 2, volumes: [{type: image, source: y, target: /y}]}
  idle: {image: x, cpu_count: 2, profiles: [never]}
";
    let loaded = loaded(text);
    assert!(!loaded.canonical.yaml_data()["services"]["a"]["cpu_count"].is_null());
    assert!(loaded.warnings.is_empty());
    let expected = [
        "2:17 `cpu_count` is not supported: a number of processors is counted on Windows only; use `cpus`",
        "2:48 mounts of type `image` are not supported",
    ];
    assert_eq!(refused(text), expected);
}

#[test]
fn what_one_runtime_has_no_use_for_is_said_where_a_service_runs_as_such() {
    let services = "services:
  a: {image: x, container_name: one, deploy: {rollback_config: {order: start-first}, endpoint_mode: dnsrr}}
";
    let containers = [
        "2:65 `order` has no effect on containers: the container of before has the name that the other one must give up first",
        "2:86 `endpoint_mode` has no effect on containers: the name of a service gives the addresses of its containers",
    ];
    assert_eq!(warnings(services), containers);
    let cluster = "x-hosts: {lab: {local: {}}}\n".to_owned() + services;
    let expected = [
        "3:17 `container_name` has no effect on Swarm services: the cluster names the replicas of a service itself \
         [`x-runtime: container` runs the service as containers that Hoist places]",
    ];
    assert_eq!(warnings(&cluster), expected);
    let placed = [
        "x-runtime: container",
        "privileged: true",
        "pid: host",
        "networks: {default: {mac_address: '02:42:ac:11:00:05'}}",
        "deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}",
    ];
    for placed in placed {
        let text =
            format!("x-hosts: {{lab: {{local: {{}}}}}}\nservices: {{a: {{image: x, {placed}, domainname: d}}}}\n");
        assert_eq!(warnings(&text), [""; 0], "{placed}");
    }
}

#[test]
fn uses_have_the_place_of_the_file_that_has_the_last_word() {
    let first = "services:\n  a:\n    image: x\n    hostname: h\n";
    let second = "services:\n  a:\n    hostname: i\n";
    let loaded = load_texts(&[first, second]).expect("loads");
    let hostname = loaded
        .support
        .iter()
        .find(|found| found.path == "services.a.hostname")
        .expect("in use");
    assert_eq!(hostname.place.to_string(), "second.yaml:3:5");
    assert_eq!(hostname.attribute, "services.*.hostname");
    assert_eq!(hostname.support, Support::Honoured(By::Both));
}
