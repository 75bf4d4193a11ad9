//! What the tests of the stages share: loading a text, and findings as lines.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::load::{Loaded, Request, Stages, load};
use super::source::Diagnostic;

/// Loads files named `compose.yaml`, `second.yaml`, … as the project `app` in `/srv/app`.
pub fn load_texts(texts: &[&str]) -> Result<Loaded, Vec<Diagnostic>> {
    load_beside(texts, &[])
}

/// The same, with other files in the project's folder.
pub fn load_beside(texts: &[&str], others: &[(&str, &str)]) -> Result<Loaded, Vec<Diagnostic>> {
    let names = ["compose.yaml", "second.yaml", "third.yaml"];
    let environment = [("HOME", "/home/ann"), ("TAG", "1.27"), ("PASSWORD", "swordfish")];
    let read = |path: &Path| {
        let name = path
            .strip_prefix("/srv/app")
            .ok()
            .and_then(Path::to_str)
            .unwrap_or_default();
        if let Some((_, text)) = others.iter().find(|(other, _)| *other == name) {
            return Ok(text.as_bytes().to_vec());
        }
        match name {
            "good.env" => Ok(b"A=1\nB=2\n".to_vec()),
            "bad.env" => Ok(b"A=1\nB B=swordfish\n".to_vec()),
            "binary.env" => Ok(vec![0xff, 0xfe]),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    };
    load(&Request {
        files: names
            .iter()
            .zip(texts)
            .map(|(name, text)| (PathBuf::from(name), (*text).to_owned()))
            .collect(),
        directory: PathBuf::from("/srv/app"),
        name: None,
        environment: environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        profiles: Vec::new(),
        services: Vec::new(),
        stages: Stages::default(),
        read: &read,
    })
}

/// How the loader came to a finding: its place, then each step as `WHY PLACE`.
pub fn way(found: &Diagnostic) -> Vec<String> {
    let place = found.place.iter().map(ToString::to_string);
    place
        .chain(found.trail.iter().map(|(why, place)| format!("{why} {place}")))
        .collect()
}

/// A finding as `LINE:COLUMN message [hint]`.
pub fn line(found: &Diagnostic) -> String {
    let hint = found
        .hint
        .as_deref()
        .map(|hint| format!(" [{hint}]"))
        .unwrap_or_default();
    match &found.place {
        Some(place) => {
            let (line, column) = place.line_column();
            format!("{line}:{column} {}{hint}", found.message)
        }
        None => format!("- {}{hint}", found.message),
    }
}

/// Loads a text that must load.
#[track_caller]
pub fn loaded(text: &str) -> Loaded {
    match load_texts(&[text]) {
        Ok(loaded) => loaded,
        Err(found) => panic!("{:#?}", found.iter().map(line).collect::<Vec<_>>()),
    }
}

/// The errors of a text that must not load, or must not run.
#[track_caller]
pub fn errors(text: &str) -> Vec<String> {
    match load_texts(&[text]) {
        Ok(loaded) if loaded.refused.is_empty() => panic!("loads, but should not"),
        Ok(loaded) => loaded.refused.iter().map(line).collect(),
        Err(found) => found.iter().map(line).collect(),
    }
}

/// The warnings of a text that loads.
#[track_caller]
pub fn warnings(text: &str) -> Vec<String> {
    loaded(text).warnings.iter().map(line).collect()
}
