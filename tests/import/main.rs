//! `hoist import` on files: one test for each case in `cases/`. What it writes is loaded as any Compose file is, and the
//! typed project is compared, too.
//!
//! `README.md` beside this says what a case is. With `REWRITE_CASES=1`, the outcome is written into the case instead.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use hoist::compose::{self, Diagnostic};
use hoist::import::{self, Kind};

mod typed;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Sections that are no input files.
const OUTCOMES: [&str; 4] = ["written", "warned", "loaded", "refused"];
const SETTINGS: [&str; 3] = ["from", "environment", "answers"];

fn becomes_what_the_case_says(path: &Path, text: String) -> Outcome {
    let (comment, sections) = sections(&text);
    let known = |name: &str| OUTCOMES.contains(&name) || SETTINGS.contains(&name);
    let find = |name: &str| {
        sections
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, body)| body.as_str())
    };
    // Files below `files/` are what `get_file` reads.
    let inputs = sections
        .iter()
        .filter(|(name, _)| !known(name) && !name.starts_with("files/"));
    let files: Vec<(PathBuf, String)> = inputs.map(|(name, body)| (PathBuf::from(name), body.clone())).collect();
    let read = |path: &Path| {
        let body = find(&format!("files/{}", path.display()));
        body.map(|body| body.as_bytes().to_vec())
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    };
    let request = import::Request {
        files,
        from: find("from").map(|from| {
            if from.trim() == "heat" {
                Kind::Heat
            } else {
                Kind::Rancher
            }
        }),
        read: &read,
        answers: find("answers").map(|text| (PathBuf::from("answers"), text.to_owned())),
    };
    let outcome = match import::import(&request) {
        Ok(imported) => vec![
            ("warned", lines(&imported.warnings)),
            (
                "loaded",
                loaded(&imported.text, find("environment").unwrap_or_default())?,
            ),
            ("written", imported.text),
        ],
        Err(errors) => vec![("refused", lines(&errors))],
    };
    if std::env::var_os("REWRITE_CASES").is_some() {
        let kept = sections.iter().filter(|(name, _)| !OUTCOMES.contains(name));
        let kept = kept.map(|(name, body)| (*name, body.as_str()));
        let made = outcome.iter().map(|(name, body)| (*name, body.as_str()));
        let parts = kept.chain(made).filter(|(_, body)| !body.is_empty());
        let text: String = parts.map(|(name, body)| format!("-- {name} --\n{body}")).collect();
        std::fs::write(path, format!("{comment}{text}"))?;
        return Ok(());
    }
    for name in OUTCOMES {
        let expected = find(name).unwrap_or_default();
        let got = outcome
            .iter()
            .find(|(known, _)| *known == name)
            .map_or("", |(_, body)| body);
        if got != expected {
            return Err(format!("{}: `{name}` is\n{got}\nand should be\n{expected}", path.display()).into());
        }
    }
    Ok(())
}

/// The typed project of a text, loaded with these variables.
fn loaded(text: &str, environment: &str) -> Result<String, Box<dyn std::error::Error>> {
    let pairs = environment.lines().filter_map(|line| line.split_once('='));
    let read = |_: &Path| Ok(Vec::new());
    let request = compose::Request {
        files: vec![(PathBuf::from("compose.yaml"), text.to_owned())],
        directory: PathBuf::from("/srv/imported"),
        environment: pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect::<BTreeMap<_, _>>(),
        ..request(&read)
    };
    match compose::load(&request) {
        Ok(loaded) => Ok(typed::lines(&loaded.project)),
        Err(found) => Err(format!("the output does not load: {}\n{text}", lines(&found)).into()),
    }
}

fn request<'a>(read: &'a compose::load::FileReader<'a>) -> compose::Request<'a> {
    compose::Request {
        files: Vec::new(),
        directory: PathBuf::new(),
        name: None,
        environment: BTreeMap::new(),
        profiles: Vec::new(),
        services: Vec::new(),
        stages: compose::Stages::default(),
        read,
    }
}

/// Findings as `FILE:LINE:COLUMN message [hint]`, one a line.
fn lines(found: &[Diagnostic]) -> String {
    let line = |found: &Diagnostic| {
        let place = found.place.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let hint = found.hint.as_ref().map(|hint| format!(" [{hint}]")).unwrap_or_default();
        format!("{place} {}{hint}\n", found.message)
    };
    found.iter().map(line).collect()
}

/// The comment before the first `-- name --` line, and each name with the text below it.
fn sections(text: &str) -> (&str, Vec<(&str, String)>) {
    let mut found: Vec<(&str, String)> = Vec::new();
    let mut comment = 0;
    for line in text.split_inclusive('\n') {
        let header = line.trim_end_matches('\n').strip_prefix("-- ");
        if let Some(name) = header.and_then(|header| header.strip_suffix(" --")) {
            found.push((name, String::new()));
        } else if let Some((_, body)) = found.last_mut() {
            body.push_str(line);
        } else {
            comment += line.len();
        }
    }
    (&text[..comment], found)
}

datatest_stable::harness! {
    { test = becomes_what_the_case_says, root = "tests/import/cases", pattern = r"\.case$" },
}
