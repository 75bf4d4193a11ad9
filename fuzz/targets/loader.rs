//! The whole loader: files that are merged, extended, included and read, variables, and each flag that leaves stages out.
//!
//! It must end, without a panic; every place that it reports must be text; and what it prints as JSON must
//! be JSON.
#![no_main]

use std::io;
use std::path::{Path, PathBuf};

use hoist_fuzz::case::Case;
use hoist_fuzz::compose::{self, Diagnostic, Request, Stages, service_hash, variables};
use libfuzzer_sys::fuzz_target;

const FOLDER: &str = "/srv/project";

fuzz_target!(|text: &str| {
    // A case without an answer is none to its reader; the answer is of no interest here.
    let Ok(case) = Case::parse(&format!("{text}\n-- printed --\n")) else {
        return;
    };
    let read = |path: &Path| match case.files.iter().find(|(name, _)| Path::new(FOLDER).join(name) == path) {
        Some((_, content)) => Ok(content.clone()),
        None => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    let files = asked(&case).filter_map(|name| {
        let (_, content) = case.files.iter().find(|(other, _)| *other == name)?;
        Some((PathBuf::from(name), String::from_utf8(content.clone()).ok()?))
    });
    let mut request = Request {
        files: files.collect(),
        directory: PathBuf::from(FOLDER),
        name: None,
        environment: case.environment.clone(),
        profiles: after("--profile", &case.arguments).collect(),
        services: Vec::new(),
        stages: Stages::default(),
        read: &read,
    };
    match compose::load(&request) {
        Ok(loaded) => {
            loaded.notices().iter().for_each(sane);
            // The reference's YAML, to the byte, cannot always be read again.
            drop(loaded.canonical.yaml());
            let printed = loaded.canonical.json();
            let read = serde_json::from_str::<serde_json::Value>(&printed);
            assert!(read.is_ok(), "{read:?} in {printed}");
            for name in loaded.project.services.keys() {
                let service = loaded
                    .canonical
                    .service(name)
                    .expect("a service of the project is printed");
                drop(service_hash::hash(&service, None));
            }
        }
        Err(found) => found.iter().for_each(sane),
    }
    request.stages = Stages {
        interpolation: false,
        normalization: false,
        path_resolution: false,
        environment_resolution: false,
        consistency: false,
        container_names: false,
        unused_left_out: false,
    };
    match compose::load_model(&request) {
        Ok(model) => {
            drop((model.yaml(), model.json()));
            drop(variables::of(&model.data()));
        }
        Err(found) => found.iter().for_each(sane),
    }
    drop(compose::load(&request));
});

/// The files that are merged: those after `-f`, else the usual ones.
fn asked(case: &Case) -> impl Iterator<Item = String> {
    let named: Vec<String> = after("-f", &case.arguments).collect();
    let usual = ["compose.yaml", "compose.override.yaml"];
    let usual = usual.iter().filter(|_| named.is_empty()).map(|name| (*name).to_owned());
    usual.collect::<Vec<_>>().into_iter().chain(named)
}

fn after(flag: &str, arguments: &[String]) -> impl Iterator<Item = String> {
    let pairs = arguments.windows(2).filter(move |pair| pair[0] == flag);
    pairs.map(|pair| pair[1].clone())
}

/// A finding has words, and places inside their texts.
fn sane(found: &Diagnostic) {
    assert!(!found.message.is_empty());
    let trail = found.trail.iter().map(|(_, place)| place);
    for place in found.place.iter().chain(trail) {
        let text = place.source.text.get(place.start..place.start + place.length);
        assert!(text.is_some(), "{}: {}..+{}", found.message, place.start, place.length);
        let _ = place.line_column();
    }
}
