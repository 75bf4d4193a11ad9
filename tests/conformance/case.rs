//! One case: files, arguments and variables, and what the reference makes of them. `README.md` beside this says the format.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What the reference answered.
#[derive(Debug)]
pub enum Answer {
    /// It printed this.
    Printed(String),
    /// It refused the files; its own words are kept for the reader only.
    Rejected,
}

#[derive(Debug)]
pub struct Case {
    /// Words after `hoist`.
    pub arguments: Vec<String>,
    pub environment: BTreeMap<String, String>,
    /// The working folder, relative to the project's.
    pub directory: String,
    pub stdin: String,
    /// Path relative to the project's folder, and content.
    pub files: Vec<(String, Vec<u8>)>,
    pub answer: Answer,
    /// Lines that Hoist's standard error has in it.
    pub said: Vec<String>,
}

impl Case {
    /// # Errors
    ///
    /// What is wrong with the case's own text.
    pub fn parse(text: &str) -> Result<Case, String> {
        let mut case = Case {
            arguments: vec!["config".to_owned()],
            environment: BTreeMap::new(),
            directory: String::new(),
            stdin: String::new(),
            files: Vec::new(),
            answer: Answer::Rejected,
            said: Vec::new(),
        };
        let mut answered = false;
        for (name, body) in sections(text) {
            match name {
                "arguments" => case.arguments = body.split_whitespace().map(str::to_owned).collect(),
                "environment" => {
                    let pairs = body.lines().filter_map(|line| line.split_once('='));
                    case.environment = pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
                }
                "directory" => case.directory = body.trim().to_owned(),
                "stdin" => case.stdin = body,
                "said" => case.said = body.lines().map(str::to_owned).collect(),
                "printed" => {
                    answered = true;
                    case.answer = Answer::Printed(body);
                }
                "rejected" => answered = true,
                _ => match name.strip_suffix(" (escaped)") {
                    Some(name) => case.files.push((name.to_owned(), unescaped(&body)?)),
                    None => case.files.push((name.to_owned(), body.into_bytes())),
                },
            }
        }
        if !answered {
            return Err("it has no answer of the reference: run `tests/conformance/regenerate`".to_owned());
        }
        if matches!(case.answer, Answer::Rejected) && case.said.is_empty() {
            return Err("it is rejected, and `said` does not say with what words".to_owned());
        }
        Ok(case)
    }

    /// Writes the files into a folder, which becomes the project's.
    pub fn lay(&self, project: &Path) {
        fs::create_dir_all(project.join(&self.directory)).expect("the working folder");
        for (name, content) in &self.files {
            let path = project.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("the file's folder");
            fs::write(path, content).expect("the file");
        }
    }
}

/// `-- name --` lines, and the text between them; what stands before the first is a comment.
fn sections(text: &str) -> Vec<(&str, String)> {
    let mut found: Vec<(&str, String)> = Vec::new();
    for line in text.split_inclusive('\n') {
        let header = line.trim_end_matches('\n').strip_prefix("-- ");
        if let Some(name) = header.and_then(|header| header.strip_suffix(" --")) {
            found.push((name, String::new()));
        } else if let Some((_, body)) = found.last_mut() {
            body.push_str(line);
        }
    }
    found
}

/// `\n`, `\r`, `\t`, `\\` and `\xNN`; real line breaks count for nothing.
fn unescaped(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\n' => {}
            '\\' => match characters.next() {
                Some('n') => bytes.push(b'\n'),
                Some('r') => bytes.push(b'\r'),
                Some('t') => bytes.push(b'\t'),
                Some('\\') => bytes.push(b'\\'),
                Some('x') => {
                    let digits: String = characters.by_ref().take(2).collect();
                    bytes.push(u8::from_str_radix(&digits, 16).map_err(|found| format!("`\\x{digits}`: {found}"))?);
                }
                other => return Err(format!("`\\{other:?}` is no escape")),
            },
            other => bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Ok(bytes)
}
