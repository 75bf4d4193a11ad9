//! The project of a command: finds its files, reads them, and has them loaded.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::CliError;
use super::settings::Settings;
use crate::compose::{self, Diagnostic, Loaded, Project, Request, Stages};
use crate::ui::diagnostics;
use crate::ui::output::Output;

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

/// Loads the project, shows its warnings, and gives it.
///
/// # Errors
///
/// No file, an unreadable one, or what the loader finds wrong.
pub fn load(settings: &Settings, output: &Output) -> Result<Arc<Project>, CliError> {
    let loaded = load_all(settings)?;
    diagnostics::report(output, &loaded.warnings);
    Ok(Arc::new(loaded.project))
}

/// The same for commands that deploy: what nothing would carry out as the file says is an error.
///
/// # Errors
///
/// As [`load`], and what the project uses that is refused.
pub fn load_to_deploy(settings: &Settings, output: &Output) -> Result<Arc<Project>, CliError> {
    let loaded = load_all(settings)?;
    diagnostics::report(output, &loaded.warnings);
    if !loaded.refused.is_empty() {
        return Err(CliError::Compose(loaded.refused));
    }
    Ok(Arc::new(loaded.project))
}

/// Loads the project with all that the loader says.
///
/// # Errors
///
/// As [`load`]; with `--strict`, every warning.
pub fn load_all(settings: &Settings) -> Result<Loaded, CliError> {
    let files = if settings.files.is_empty() {
        discover(&settings.environment.directory)?
    } else {
        settings.files.clone()
    };
    let here = &settings.environment.directory;
    let first = files.first().filter(|file| !is_stdin(file));
    let directory = match (&settings.project_directory, first) {
        (Some(directory), _) => here.join(directory),
        (None, Some(file)) => here.join(file).parent().map_or_else(|| here.clone(), Path::to_path_buf),
        (None, None) => here.clone(),
    };
    let directory = std::path::absolute(&directory).unwrap_or(directory);
    let texts = files
        .iter()
        .map(|file| read(here, file))
        .collect::<Result<Vec<_>, _>>()?;
    let read_file = |path: &Path| std::fs::read(path);
    let request = Request {
        files: texts,
        environment: variables(settings, &directory)?,
        directory,
        name: settings.project_name.clone(),
        profiles: settings.profiles.clone(),
        services: Vec::new(),
        stages: Stages::default(),
        read: &read_file,
    };
    let loaded = compose::load(&request).map_err(CliError::Compose)?;
    if settings.strict {
        let notices = loaded.notices();
        if !notices.is_empty() {
            return Err(CliError::Compose(
                notices.into_iter().map(Diagnostic::as_error).collect(),
            ));
        }
    }
    Ok(loaded)
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn read(here: &Path, file: &Path) -> Result<(PathBuf, String), CliError> {
    let fail = |source| CliError::FileUnreadable {
        path: file.to_owned(),
        source,
    };
    if is_stdin(file) {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(fail)?;
        return Ok((PathBuf::from("-"), text));
    }
    let text = std::fs::read_to_string(here.join(file)).map_err(fail)?;
    Ok((file.to_owned(), text))
}

/// The project's files in the folder or the nearest one above it.
fn discover(here: &Path) -> Result<Vec<PathBuf>, CliError> {
    for folder in here.ancestors() {
        let Some(found) = NAMES.iter().map(|name| folder.join(name)).find(|path| path.is_file()) else {
            continue;
        };
        let overriding = OVERRIDES
            .iter()
            .map(|name| folder.join(name))
            .find(|path| path.is_file());
        return Ok(std::iter::once(found).chain(overriding).collect());
    }
    Err(CliError::NoFile {
        directory: here.to_owned(),
    })
}

/// The variables of interpolation: the environment over the environment files, later files over earlier ones.
fn variables(settings: &Settings, directory: &Path) -> Result<BTreeMap<String, String>, CliError> {
    let mut files = settings.env_files.clone();
    let disabled = settings
        .environment
        .get("COMPOSE_DISABLE_ENV_FILE")
        .is_some_and(|value| value != "0" && value != "false");
    let default = directory.join(".env");
    if files.is_empty() && !disabled && default.is_file() {
        files.push(default);
    }
    let mut variables = BTreeMap::new();
    for file in files {
        let path = settings.environment.directory.join(&file);
        let text = std::fs::read_to_string(&path).map_err(|source| CliError::FileUnreadable {
            path: path.clone(),
            source,
        })?;
        let known = |name: &str| {
            let own = settings.environment.variables.get(name);
            own.or_else(|| variables.get(name)).cloned()
        };
        let read = compose::dotenv::parse(&file.display().to_string(), &text, &known)
            .map_err(|found| CliError::Compose(vec![*found]))?;
        variables.extend(read);
    }
    variables.extend(settings.environment.variables.clone());
    Ok(variables)
}
