//! Which files a command works with, and the variables, profiles and project name that go with them.
//!
//! Knows the reference's order of looking, which decides what wins: arguments, then the environment, then `.env` of the
//! folder that the command runs in (or of the named file), then `.env` of the project's folder. Never reads a Compose
//! file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::CliError;
use super::settings::Settings;
use crate::compose;
use crate::compose::dotenv::Variables;

/// Names that are looked for, best first (the reference's order).
const NAMES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];
/// Overrides that belong to them.
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// The Compose files in merge order; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// The project's folder, absolute.
    pub directory: PathBuf,
    /// The variables of interpolation.
    pub variables: BTreeMap<String, String>,
    pub profiles: Vec<String>,
    /// The project's name, where something else than its files gives it.
    pub name: Option<String>,
    /// What the user should know of the choice.
    pub warnings: Vec<String>,
}

/// Looks for all of it.
///
/// # Errors
///
/// No file, an unreadable or malformed environment file, or a variable that makes no sense.
pub fn find(settings: &Settings) -> Result<Found, CliError> {
    let mut search = Search {
        settings,
        shell: settings.environment.variables.clone(),
        files: settings.files.clone(),
        env_files: Vec::new(),
        variables: BTreeMap::new(),
        warnings: Vec::new(),
    };
    search.settings_from_env_file();
    search.variables.clone_from(&search.shell);
    let here = settings.environment.directory.display().to_string();
    search.variables.entry("PWD".to_owned()).or_insert(here);

    search.read_env_files()?;
    if search.files.is_empty() {
        search.find_files()?;
    }
    search.read_env_files()?;
    if search.files.is_empty() {
        return Err(CliError::NoFile {
            directory: search.directory(),
        });
    }
    Ok(Found {
        profiles: search.profiles(),
        name: search.name(),
        directory: search.directory(),
        files: search.files,
        variables: search.variables,
        warnings: search.warnings,
    })
}

/// Whether a file's name stands for standard input.
pub fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

struct Search<'s> {
    settings: &'s Settings,
    /// The process's variables, and those that `.env` sets for Compose itself.
    shell: BTreeMap<String, String>,
    files: Vec<PathBuf>,
    env_files: Vec<PathBuf>,
    variables: BTreeMap<String, String>,
    warnings: Vec<String>,
}

impl Search<'_> {
    fn here(&self) -> &Path {
        &self.settings.environment.directory
    }

    fn absolute(&self, path: &Path) -> PathBuf {
        let joined = self.here().join(path);
        PathBuf::from(compose::normal_path(&joined.display().to_string()))
    }

    /// The project's folder as far as it is known: said, else the first file's, else where the command runs.
    fn directory(&self) -> PathBuf {
        if let Some(said) = &self.settings.project_directory {
            return self.absolute(said);
        }
        let first = self.files.iter().find(|file| !is_stdin(file));
        let folder = first.and_then(|file| self.absolute(file).parent().map(Path::to_path_buf));
        folder.unwrap_or_else(|| self.here().to_owned())
    }

    /// Variables for Compose itself (`COMPOSE_…`) may stand in an environment file. What is wrong in it is found later.
    fn settings_from_env_file(&mut self) {
        self.variables.clone_from(&self.shell);
        let _found_later = self.read_env_files();
        for (name, value) in std::mem::take(&mut self.variables) {
            if name.starts_with("COMPOSE_") {
                self.shell.entry(name).or_insert(value);
            }
        }
        self.env_files.clear();
    }

    /// Adds the variables of the environment files that are known by now; what is set already stays.
    fn read_env_files(&mut self) -> Result<(), CliError> {
        if !self.settings.env_files.is_empty() {
            self.env_files.clone_from(&self.settings.env_files);
        } else if !self.env_file_disabled()? {
            let default = self.directory().join(".env");
            if default.is_file() {
                self.env_files = vec![default];
            }
        }
        let mut read = Variables::new();
        for file in &self.env_files {
            let bytes = std::fs::read(self.here().join(file)).map_err(|source| CliError::FileUnreadable {
                path: file.clone(),
                source,
            })?;
            let text = String::from_utf8_lossy(&bytes);
            let known = |name: &str| self.variables.get(name).cloned();
            compose::dotenv::parse(&file.display().to_string(), &text, &known, &mut read)
                .map_err(|found| CliError::Compose(vec![*found]))?;
        }
        for (name, value) in read {
            self.variables.entry(name).or_insert(value);
        }
        Ok(())
    }

    fn env_file_disabled(&self) -> Result<bool, CliError> {
        match self.shell.get("COMPOSE_DISABLE_ENV_FILE").map(String::as_str) {
            None | Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
            Some(other) => Err(CliError::Usage {
                message: format!("`COMPOSE_DISABLE_ENV_FILE` is `{other}`"),
                hint: Some("set it to `true` or `false`".to_owned()),
            }),
        }
    }

    /// The files that `COMPOSE_FILE` names, else those of the folder or of the nearest one above it.
    fn find_files(&mut self) -> Result<(), CliError> {
        if let Some(said) = self.variables.get("COMPOSE_FILE") {
            let separator = self
                .variables
                .get("COMPOSE_PATH_SEPARATOR")
                .filter(|text| !text.is_empty());
            let separator = separator.map_or(":", String::as_str);
            self.files = said.split(separator).map(PathBuf::from).collect();
            return Ok(());
        }
        let from = self.directory();
        for folder in from.ancestors() {
            let there = |names: [&str; 4]| -> Vec<PathBuf> {
                let paths = names.iter().map(|name| folder.join(name));
                paths.filter(|path| path.exists()).collect()
            };
            let found = there(NAMES);
            if found.is_empty() {
                continue;
            }
            self.choose(&found, "Compose files");
            self.choose(&there(OVERRIDES), "override files");
            return Ok(());
        }
        Err(CliError::NoFile { directory: from })
    }

    /// Takes the first of several files, and says so.
    fn choose(&mut self, found: &[PathBuf], what: &str) {
        let Some(chosen) = found.first() else { return };
        if found.len() > 1 {
            let names: Vec<String> = found
                .iter()
                .filter_map(|path| path.file_name())
                .map(|name| format!("`{}`", name.display()))
                .collect();
            let folder = chosen.parent().unwrap_or(chosen).display();
            let (others, used) = (names[1..].join(" and "), &names[0]);
            self.warnings.push(format!(
                "there are several {what} in {folder}: {used} is used, {others} is not"
            ));
        }
        self.files.push(chosen.clone());
    }

    /// `--profile`, else `COMPOSE_PROFILES`: the one hides the other.
    fn profiles(&self) -> Vec<String> {
        if !self.settings.profiles.is_empty() {
            return self.settings.profiles.clone();
        }
        let said = self
            .variables
            .get("COMPOSE_PROFILES")
            .map(String::as_str)
            .unwrap_or_default();
        let profiles = said.split(',').map(|profile| profile.trim().to_owned());
        profiles.filter(|profile| !profile.is_empty()).collect()
    }

    fn name(&self) -> Option<String> {
        let said = self.settings.project_name.as_ref();
        let said = said.filter(|name| !name.is_empty());
        said.or_else(|| {
            self.variables
                .get("COMPOSE_PROJECT_NAME")
                .filter(|name| !name.is_empty())
        })
        .cloned()
    }
}
