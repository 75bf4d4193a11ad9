//! `hoist config`.

use std::path::PathBuf;

use clap::Args;

use super::error::CliError;
use super::project::Files;
use super::settings::Settings;
use crate::compose::load::LoadedModel;
use crate::compose::{Loaded, Stages, service_hash, variables};
use crate::ui::output::Output;
use crate::ui::{diagnostics, support};

mod lists;

/// Print the project as it was understood.
///
/// Files merged, variables filled in, short forms written out; what `docker compose config` prints for the same files.
#[derive(Debug, Args)]
pub struct ConfigArguments {
    /// Only these services and what they depend on
    #[arg(value_name = "SERVICE")]
    services_asked: Vec<String>,
    /// Format of the output: yaml or json [default: yaml]
    // Any word is taken where no format is needed, as in the reference.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "FORMAT")]
    format: String,
    /// Print the services' names only, each after those that it depends on
    #[arg(long)]
    services: bool,
    /// Print the volumes' names only
    #[arg(long)]
    volumes: bool,
    /// Print the networks' names only
    #[arg(long)]
    networks: bool,
    /// Print what Hoist does with each attribute that the files use
    #[arg(long)]
    support: bool,
    /// Print the models' names only
    #[arg(long)]
    models: bool,
    /// Print the hash of what a service is made from, of several (`a,b`), or of all (`*`)
    #[arg(long, default_value = "", hide_default_value = true, value_name = "SERVICE")]
    hash: String,
    /// Print the profiles' names only
    // Not `profiles`: that is the name of the global argument `--profile`.
    #[arg(id = "profile_names", long = "profiles")]
    profiles: bool,
    /// Print the images' names only
    #[arg(long)]
    images: bool,
    /// Print the variables that the files name, with their defaults
    #[arg(long)]
    variables: bool,
    /// Print the variables that there are values for
    #[arg(long)]
    environment: bool,
    /// Leave variables as they are written
    #[arg(long)]
    no_interpolate: bool,
    /// Leave out what the project implies: networks, names, dependencies
    #[arg(long)]
    no_normalize: bool,
    /// Leave relative paths as they are written
    #[arg(long)]
    no_path_resolution: bool,
    /// Accepted; the reference reads environment files all the same, and so does Hoist
    #[arg(long)]
    no_env_resolution: bool,
    /// Check no service against another, nor against what it uses
    #[arg(long)]
    no_consistency: bool,
    /// Check the files and print nothing
    #[arg(short, long)]
    quiet: bool,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Loads the project and prints it, or the one thing of it that was asked for.
pub fn config(arguments: ConfigArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let command = Command {
        files: Files::read(settings, output)?,
        arguments: &arguments,
        all_resources: settings.all_resources,
        output,
    };
    match command.list()? {
        Some(text) => output.exact(&text),
        None => command.whole()?,
    }
    Ok(())
}

struct Command<'a> {
    files: Files,
    arguments: &'a ConfigArguments,
    all_resources: bool,
    output: &'a Output,
}

impl Command<'_> {
    /// The one thing that was asked for; of several, the first in the reference's order.
    fn list(&self) -> Result<Option<String>, CliError> {
        let asked = self.arguments;
        let text = if asked.support {
            let loaded = self.load(&asked.services_asked, self.stages())?;
            support::render(&loaded.support, asked.format == "json")
        } else if asked.services && asked.no_interpolate {
            lists::names_in(&self.model()?.data(), "services")
        } else if asked.services {
            lists::services(&self.project(&[])?)?
        } else if asked.volumes {
            lists::lines(self.project(&[])?.project.volumes.keys())
        } else if asked.networks {
            lists::lines(self.project(&[])?.project.networks.keys())
        } else if asked.models {
            lists::models(&self.project(&[])?)
        } else if !asked.hash.is_empty() {
            self.hashes()?
        } else if asked.profiles {
            lists::lines(&self.project(&asked.services_asked)?.profiles)
        } else if asked.images {
            let loaded = self.project(&asked.services_asked)?;
            lists::images(&loaded.project, self.separator())
        } else if asked.variables {
            self.variables()?
        } else if asked.environment {
            let stages = Stages {
                environment_resolution: true,
                ..self.stages_of_lists()
            };
            let loaded = self.load(&asked.services_asked, stages)?;
            let lines = lists::environment(self.files.variables(), &loaded.project.name);
            if asked.quiet { String::new() } else { lines }
        } else {
            return Ok(None);
        };
        Ok(Some(text))
    }

    /// The whole project, or the merged files as they are written.
    fn whole(&self) -> Result<(), CliError> {
        let asked = self.arguments;
        let format = match asked.format.as_str() {
            "" | "yaml" => Format::Yaml,
            "json" => Format::Json,
            other => {
                // The files are looked at first, as in the reference.
                if asked.no_interpolate {
                    self.model()?;
                } else {
                    self.load(&asked.services_asked, self.stages())?;
                }
                return Err(unknown_format(other, "`yaml` or `json`"));
            }
        };
        let text = if asked.no_interpolate {
            let model = self.model()?;
            match format {
                Format::Yaml => model.yaml(),
                Format::Json => model.json(),
            }
        } else {
            let loaded = self.load(&asked.services_asked, self.stages())?;
            match format {
                Format::Yaml => loaded.canonical.yaml(),
                Format::Json => json(&loaded)?,
            }
        };
        if asked.quiet {
            return Ok(());
        }
        match asked.output.as_ref().filter(|path| !path.as_os_str().is_empty()) {
            Some(path) => std::fs::write(path, text).map_err(|source| CliError::FileUnwritable {
                path: path.clone(),
                source,
            }),
            None => {
                self.output.exact(&text);
                Ok(())
            }
        }
    }

    fn hashes(&self) -> Result<String, CliError> {
        let loaded = self.project(&[])?;
        let mut names: Vec<&str> = match self.arguments.hash.as_str() {
            "*" => loaded.project.services.keys().map(String::as_str).collect(),
            said => said.split(',').collect(),
        };
        names.sort_unstable();
        let platform = self
            .files
            .variables()
            .get("DOCKER_DEFAULT_PLATFORM")
            .map(String::as_str);
        let mut lines = String::new();
        for name in names {
            let Some(service) = loaded.canonical.service(name) else {
                return Err(CliError::Usage {
                    message: format!("there is no service `{name}`"),
                    hint: Some("`hoist config --services` prints their names".to_owned()),
                });
            };
            let hash = service_hash::hash(&service, platform.filter(|platform| !platform.is_empty()));
            lines.push_str(&format!("{name} {hash}\n"));
        }
        Ok(lines)
    }

    fn variables(&self) -> Result<String, CliError> {
        let found = variables::of(&self.model()?.data());
        match self.arguments.format.to_lowercase().as_str() {
            "yaml" if self.arguments.quiet => Ok(String::new()),
            "yaml" => Ok(lists::variables_yaml(&found)),
            "json" => Ok(lists::variables_json(&found)),
            "" | "table" | "pretty" => Ok(lists::variables_table(&found)),
            other => Err(unknown_format(other, "`table`, `yaml` or `json`")),
        }
    }

    /// Between the project's name and the service's in the image's name.
    fn separator(&self) -> &'static str {
        let said = self.files.variables().get("COMPOSE_COMPATIBILITY");
        let said = said.map(|said| said.trim().to_lowercase()).unwrap_or_default();
        if matches!(said.as_str(), "1" | "t" | "true") {
            "_"
        } else {
            "-"
        }
    }

    /// The project for what shows one thing of it.
    fn project(&self, services: &[String]) -> Result<Loaded, CliError> {
        self.load(services, self.stages_of_lists())
    }

    fn load(&self, services: &[String], stages: Stages) -> Result<Loaded, CliError> {
        let loaded = self.files.load(services, stages)?;
        diagnostics::report(self.output, &loaded.notices());
        Ok(loaded)
    }

    fn model(&self) -> Result<LoadedModel, CliError> {
        let stages = Stages {
            interpolation: false,
            ..self.stages()
        };
        let model = self.files.load_model(stages)?;
        diagnostics::report(self.output, &model.warnings);
        Ok(model)
    }

    fn stages(&self) -> Stages {
        let asked = self.arguments;
        Stages {
            interpolation: !asked.no_interpolate,
            normalization: !asked.no_normalize,
            path_resolution: !asked.no_path_resolution,
            environment_resolution: true,
            consistency: !asked.no_consistency,
            container_names: !asked.no_consistency,
            unused_left_out: !self.all_resources,
        }
    }

    /// Those for what does not show environments, nor containers: as in the reference, nothing is said of them.
    fn stages_of_lists(&self) -> Stages {
        Stages {
            environment_resolution: false,
            container_names: false,
            ..self.stages()
        }
    }
}

enum Format {
    Yaml,
    Json,
}

fn json(loaded: &Loaded) -> Result<String, CliError> {
    match loaded.canonical.service_without_json() {
        Some(name) => Err(CliError::Usage {
            message: format!("the path of an SSH key cannot be printed as JSON: `build.ssh` of the service `{name}`"),
            hint: Some("print it as YAML".to_owned()),
        }),
        None => Ok(loaded.canonical.json()),
    }
}

fn unknown_format(format: &str, known: &str) -> CliError {
    CliError::Usage {
        message: format!("`{format}` is no format"),
        hint: Some(format!("the formats are {known}")),
    }
}
