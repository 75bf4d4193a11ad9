//! `hoist config` against the reference: every file in `tests/conformance` and what it printed for it.
//!
//! `tests/conformance/regenerate` makes the expected files again with a `docker-compose` binary.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hoist::compose::{Loaded, Request, load, print};

/// Where the files pretend to be; the script puts the same in place of their real folder.
const DIRECTORY: &str = "/srv/conformance";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

fn variables() -> BTreeMap<String, String> {
    let text = fs::read_to_string(folder().join("variables")).expect("variables");
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The cases by name: files that are neither an override nor an expectation.
fn cases() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .expect("folder")
        .filter_map(|entry| entry.expect("entry").file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".yaml").map(str::to_owned))
        .filter(|name| !name.ends_with(".override") && !name.ends_with(".expected"))
        .collect();
    names.sort();
    names
}

fn load_files(files: Vec<(PathBuf, String)>, profiles: Vec<String>) -> Loaded {
    let read = |path: &Path| fs::read(folder().join(path.strip_prefix(DIRECTORY).unwrap_or(path)));
    let request = Request {
        files,
        directory: PathBuf::from(DIRECTORY),
        name: None,
        environment: variables(),
        profiles,
        read: &read,
    };
    match load(&request) {
        Ok(loaded) => loaded,
        Err(found) => panic!("{found:#?}"),
    }
}

fn load_case(name: &str) -> Loaded {
    let file = |name: String| {
        let text = fs::read_to_string(folder().join(&name)).ok()?;
        Some((PathBuf::from(name), text))
    };
    let first = file(format!("{name}.yaml")).expect("the file");
    let profiles = first.1.lines().find_map(|line| line.strip_prefix("# profiles: "));
    let profiles = profiles.map(|list| list.split(',').map(str::to_owned).collect());
    let mut files = vec![first];
    files.extend(file(format!("{name}.override.yaml")));
    load_files(files, profiles.unwrap_or_default())
}

#[test]
fn every_file_prints_as_the_reference_prints_it() {
    let mut wrong = Vec::new();
    let names = cases();
    assert!(names.len() >= 15, "{names:?}");
    for name in &names {
        let printed = print::yaml(&load_case(name).canonical);
        let expected = fs::read_to_string(folder().join(format!("{name}.expected.yaml"))).expect("expectation");
        if printed != expected {
            wrong.push(format!("{name}:\n{}", difference(&expected, &printed)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_printed_loads_to_the_same_project() {
    for name in &cases() {
        let first = load_case(name);
        let text = print::yaml(&first.canonical);
        let second = load_files(
            vec![(PathBuf::from("printed.yaml"), text.clone())],
            vec!["*".to_owned()],
        );
        assert_eq!(print::yaml(&second.canonical), text, "{name}");
        let mut again = second.project.services;
        again.sort_keys();
        let mut services = first.project.services;
        services.sort_keys();
        for service in services.values_mut().chain(again.values_mut()) {
            sort(service);
        }
        assert_eq!(services, again, "{name}");
    }
}

/// The printed form sorts what has no order, and says what the file left to the default.
fn sort(service: &mut hoist::compose::Service) {
    service.environment.sort_keys();
    service.labels.sort_keys();
    service.networks.sort_keys();
    service.depends_on.sort_keys();
    service.ulimits.sort_keys();
    service.sysctls.sort_keys();
    service.annotations.sort_keys();
    service.extensions.sort_keys();
    if let Some(build) = &mut service.build {
        build.args.sort_keys();
        build.labels.sort_keys();
    }
    if let Some(logging) = &mut service.logging {
        logging.options.sort_keys();
    }
    service.extra_hosts.sort_by_key(|(host, _)| host.clone());
    for port in &mut service.ports {
        port.mode = None;
    }
}

fn difference(expected: &str, printed: &str) -> String {
    let expected: Vec<&str> = expected.lines().collect();
    let printed: Vec<&str> = printed.lines().collect();
    let same = expected.iter().zip(&printed).take_while(|(a, b)| a == b).count();
    let show = |lines: &[&str]| {
        lines
            .iter()
            .skip(same.saturating_sub(3))
            .take(10)
            .copied()
            .collect::<Vec<_>>()
            .join("\n")
    };
    format!("expected:\n{}\nprinted:\n{}", show(&expected), show(&printed))
}
