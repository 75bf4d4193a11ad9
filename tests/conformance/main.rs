//! `hoist config` against the reference: one test for each file in `cases/`, run as a user would run it.
//!
//! `README.md` beside this says what a case is and how the reference's answers are made again.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

mod case;

use case::{Answer, Case};

/// Where the project's folder stands in what is expected.
const ROOT: &str = "/srv";

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn loads_as_the_reference_does(path: &Path, text: String) -> Outcome {
    let case = Case::parse(&text)?;
    let scratch = tempfile::Builder::new().prefix("hoist-conformance-").tempdir()?;
    let root = scratch.path().canonicalize()?;
    let project = root.join("project");
    case.lay(&project);

    let mut command = Command::new(env!("CARGO_BIN_EXE_hoist"));
    command.args(&case.arguments);
    command.current_dir(project.join(&case.directory));
    command
        .env_clear()
        .env("HOME", "/home/ann")
        .env("PATH", "/usr/bin:/bin")
        .envs(&case.environment);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn()?;
    // A run that refuses its arguments does not read what is piped into it.
    let _ = child.stdin.take().expect("piped").write_all(case.stdin.as_bytes());
    let done = child.wait_with_output()?;
    let settled = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(root.to_str().expect("text"), ROOT);
    let (mut printed, said) = (settled(&done.stdout), settled(&done.stderr));
    // A section cannot end without a line break, as the reference's JSON does.
    if !printed.is_empty() && !printed.ends_with('\n') {
        printed.push('\n');
    }

    let mut wrong = Vec::new();
    match &case.answer {
        Answer::Printed(_) if !done.status.success() => wrong.push(format!("it was refused:\n{said}")),
        Answer::Printed(expected) if *expected != printed => wrong.push(difference(expected, &printed)),
        Answer::Rejected if done.status.success() => wrong.push(format!("it was accepted, and printed:\n{printed}")),
        _ => {}
    }
    let missing = case.said.iter().filter(|line| !said.contains(line.as_str()));
    wrong.extend(missing.map(|line| format!("`{line}` was not said, but:\n{said}")));
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("{}:\n{}", path.display(), wrong.join("\n")).into())
}

/// The first lines that differ, with three before them.
fn difference(expected: &str, printed: &str) -> String {
    let expected: Vec<&str> = expected.lines().collect();
    let printed: Vec<&str> = printed.lines().collect();
    let same = expected.iter().zip(&printed).take_while(|(a, b)| a == b).count();
    let show = |lines: &[&str]| {
        let from = same.saturating_sub(3).min(lines.len());
        lines[from..lines.len().min(from + 12)].join("\n")
    };
    format!("expected:\n{}\nprinted:\n{}", show(&expected), show(&printed))
}

datatest_stable::harness! {
    { test = loads_as_the_reference_does, root = "tests/conformance/cases", pattern = r"\.case$" },
}
