//! The project of a command: its files, read and loaded.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::discovery::{self, Found, is_stdin};
use super::error::CliError;
use super::settings::Settings;
use crate::compose::load::LoadedModel;
use crate::compose::{self, Diagnostic, Loaded, Project, Request, Stages};
use crate::deploy::known_projects::{self, KnownProject};
use crate::ui::diagnostics;
use crate::ui::output::Output;

/// Loads the project, shows its warnings, and gives it.
///
/// # Errors
///
/// No file, an unreadable one, or what the loader finds wrong.
pub fn load(settings: &Settings, output: &Output) -> Result<Arc<Project>, CliError> {
    let loaded = load_all(settings, output)?;
    diagnostics::report(output, &loaded.warnings);
    Ok(Arc::new(loaded.project))
}

/// The same for commands that deploy: what nothing would carry out as the file says is an error.
///
/// # Errors
///
/// As [`load`], and what the project uses that is refused.
pub fn load_to_deploy(settings: &Settings, output: &Output) -> Result<Arc<Project>, CliError> {
    let loaded = load_all(settings, output)?;
    diagnostics::report(output, &loaded.warnings);
    if !loaded.refused.is_empty() {
        return Err(CliError::Compose(loaded.refused));
    }
    Ok(Arc::new(loaded.project))
}

/// The project of a command that goes by what runs: all that it needs of it is its name and where its hosts are.
///
/// A name that is said (`-p`, without `-f`) is enough where this machine brought the project up; else the files are read.
///
/// # Errors
///
/// As [`load`].
pub fn load_or_recall(settings: &Settings, output: &Output) -> Result<Arc<Project>, CliError> {
    let said = settings.project_name.as_deref().filter(|_| settings.files.is_empty());
    let known = said.and_then(|name| Some((name, known_projects::recall(&settings.state, name)?)));
    match known {
        Some((name, known)) => recalled(name, known, settings),
        None => match (load(settings, output), said) {
            // No file, and nothing remembered: whatever has the name runs on the engine at hand.
            (Err(CliError::NoFile { .. }), Some(name)) => {
                let directory = settings.environment.directory.clone();
                let compose = format!("name: {name:?}\n");
                recalled(name, KnownProject { directory, compose }, settings)
            }
            (outcome, _) => outcome,
        },
    }
}

fn recalled(name: &str, known: KnownProject, settings: &Settings) -> Result<Arc<Project>, CliError> {
    let request = Request {
        files: vec![(PathBuf::from(format!("the remembered project `{name}`")), known.compose)],
        directory: known.directory,
        name: Some(name.to_owned()),
        environment: settings.environment.variables.clone(),
        profiles: Vec::new(),
        services: Vec::new(),
        stages: Stages::default(),
        read: &read_bytes,
    };
    let loaded = compose::load(&request).map_err(CliError::Compose)?;
    Ok(Arc::new(loaded.project))
}

fn load_all(settings: &Settings, output: &Output) -> Result<Loaded, CliError> {
    let stages = Stages {
        unused_left_out: !settings.all_resources,
        ..Stages::default()
    };
    Files::read(settings, output)?.load(&[], stages)
}

/// The files of a project as text, and what goes with them.
#[derive(Debug)]
pub struct Files {
    found: Found,
    texts: Vec<(PathBuf, String)>,
    strict: bool,
}

impl Files {
    /// Finds and reads them, and says what the user should know of the choice.
    ///
    /// # Errors
    ///
    /// No file, an unreadable one, or one that is not text.
    pub fn read(settings: &Settings, output: &Output) -> Result<Self, CliError> {
        let found = discovery::find(settings)?;
        found.warnings.iter().for_each(|warning| output.warning(warning, None));
        let here = &settings.environment.directory;
        let texts = found
            .files
            .iter()
            .map(|file| read(here, file))
            .collect::<Result<_, _>>()?;
        let strict = settings.strict;
        Ok(Files { found, texts, strict })
    }

    /// The variables of interpolation.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.found.variables
    }

    /// Loads the project with the services that are asked for (none: all).
    ///
    /// # Errors
    ///
    /// What the loader finds wrong; with `--strict`, every warning.
    pub fn load(&self, services: &[String], stages: Stages) -> Result<Loaded, CliError> {
        let loaded = compose::load(&self.request(services, stages)).map_err(CliError::Compose)?;
        let notices = if self.strict { loaded.notices() } else { Vec::new() };
        if notices.is_empty() {
            return Ok(loaded);
        }
        Err(CliError::Compose(
            notices.into_iter().map(Diagnostic::as_error).collect(),
        ))
    }

    /// Loads the merged files as data, variables as they are written.
    ///
    /// # Errors
    ///
    /// What the loader finds wrong.
    pub fn load_model(&self, stages: Stages) -> Result<LoadedModel, CliError> {
        compose::load::load_model(&self.request(&[], stages)).map_err(CliError::Compose)
    }

    fn request(&self, services: &[String], stages: Stages) -> Request<'_> {
        Request {
            files: self.texts.clone(),
            directory: self.found.directory.clone(),
            name: self.found.name.clone(),
            environment: self.found.variables.clone(),
            profiles: self.found.profiles.clone(),
            services: services.to_vec(),
            stages,
            read: &read_bytes,
        }
    }
}

fn read_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    std::fs::read(path)
}

fn read(here: &Path, file: &Path) -> Result<(PathBuf, String), CliError> {
    let fail = |source| CliError::FileUnreadable {
        path: file.to_owned(),
        source,
    };
    let bytes = if is_stdin(file) {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map_err(fail)?;
        bytes
    } else {
        std::fs::read(here.join(file)).map_err(fail)?
    };
    let text = compose::source::text_of(bytes).map_err(|found| fail(std::io::Error::other(found)))?;
    Ok((file.to_owned(), text))
}
