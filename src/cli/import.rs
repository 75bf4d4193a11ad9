//! `hoist import`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::error::CliError;
use super::settings::Settings;
use crate::import::{self, Kind, Request};
use crate::ui::diagnostics;
use crate::ui::output::Output;

/// Write a Compose file from a Heat template or a Rancher stack.
///
/// What has no counterpart is a comment at its place in the output, and a warning. A Rancher stack's second file is found
/// beside the first.
#[derive(Debug, Args)]
pub struct ImportArguments {
    /// A Heat template and its environment files, or `docker-compose.yml` and `rancher-compose.yml`
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the files are, where their content does not say it
    #[arg(long, value_parser = ["heat", "rancher"], value_name = "KIND")]
    from: Option<String>,
    /// Answer the questions of a Rancher catalogue from a file of NAME=value lines, or a YAML mapping, instead of from
    /// their defaults
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Reads the files, and writes what they become.
pub fn import(arguments: ImportArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let here = &settings.environment.directory;
    let mut files = Vec::new();
    let text_of = |path: &PathBuf| {
        std::fs::read_to_string(here.join(path)).map_err(|source| CliError::FileUnreadable {
            path: path.clone(),
            source,
        })
    };
    for file in with_second_file(&arguments.files, here) {
        let text = text_of(&file)?;
        files.push((file, text));
    }
    let answers = match &arguments.answers {
        Some(path) => Some((path.clone(), text_of(path)?)),
        None => None,
    };
    let folder = files
        .first()
        .and_then(|(file, _)| here.join(file).parent().map(Path::to_path_buf));
    let read = |path: &Path| match &folder {
        Some(folder) => std::fs::read(folder.join(path)),
        None => std::fs::read(path),
    };
    let request = Request {
        files,
        from: arguments
            .from
            .map(|from| if from == "heat" { Kind::Heat } else { Kind::Rancher }),
        read: &read,
        answers,
    };
    let imported = import::import(&request).map_err(CliError::Compose)?;
    diagnostics::report(output, &imported.warnings);
    match arguments.output {
        Some(path) => {
            let written = std::fs::write(here.join(&path), imported.text);
            written.map_err(|source| CliError::FileUnwritable { path, source })
        }
        None => {
            output.data(imported.text.trim_end_matches('\n'));
            Ok(())
        }
    }
}

/// One file of a Rancher stack brings the other with it.
fn with_second_file(files: &[PathBuf], here: &Path) -> Vec<PathBuf> {
    let mut all = files.to_vec();
    if let [file] = files {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let other = match name.split('.').next() {
            Some("docker-compose" | "compose") => "rancher-compose",
            Some("rancher-compose") => "docker-compose",
            _ => return all,
        };
        // A template is read, too: to say that it is one.
        let names = ["yml", "yaml", "yml.tpl", "yaml.tpl"].map(|end| file.with_file_name(format!("{other}.{end}")));
        all.extend(names.into_iter().find(|name| here.join(name).is_file()));
    }
    all
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::with_second_file;

    #[test]
    fn one_file_of_a_stack_brings_the_other_even_a_template() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["rancher-compose.yml", "docker-compose.yml.tpl"] {
            std::fs::write(folder.path().join(name), "").expect("it is written");
        }
        let both = |file: &str| with_second_file(&[PathBuf::from(file)], folder.path());
        let names = |files: [&str; 2]| files.map(PathBuf::from).to_vec();
        assert_eq!(
            both("rancher-compose.yml"),
            names(["rancher-compose.yml", "docker-compose.yml.tpl"])
        );
        assert_eq!(
            both("docker-compose.yml.tpl"),
            names(["docker-compose.yml.tpl", "rancher-compose.yml"])
        );
        assert_eq!(both("stack.yml"), [PathBuf::from("stack.yml")]);
    }
}
