//! Where a project's revisions are kept: as configs of the cluster, compressed; on a single engine as files of the state
//! directory, for this user alone.
//!
//! Knows how many are kept, and what goes with those that are not. A revision that cannot be kept fails no deployment.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::error::DeployError;
use super::event::Event;
use super::lock::project_on_engine;
use super::operator::Operator;
use super::site::Site;
use crate::compose::Service;
use crate::engine::error::cause_chain;
use crate::engine::objects::object_name;
use crate::engine::observation::ObservedObject;
use crate::engine::{Engine, EngineError, Engines, Observation, labels};
use crate::plan::revision::{self, Applied, AppliedService, Revision};

/// How many revisions of a project are kept.
const KEPT: usize = 10;

/// The revisions of one project.
pub(super) struct Revisions {
    project: String,
    place: Place,
}

enum Place {
    Cluster(Box<Engine>),
    Folder(PathBuf),
}

impl Revisions {
    /// Those of a project that runs on these engines.
    pub(super) fn of(project: &str, operator: &Operator, engines: &Engines) -> Revisions {
        let place = match &engines.manager {
            Some(manager) => Place::Cluster(Box::new(manager.clone())),
            None => Place::Folder(
                operator
                    .state
                    .join("revisions")
                    .join(project_on_engine(operator, project)),
            ),
        };
        Revisions {
            project: project.to_owned(),
            place,
        }
    }

    /// All that are kept, the oldest first.
    ///
    /// # Errors
    ///
    /// The cluster does not answer, or what is kept cannot be read.
    pub(super) async fn all(&self) -> Result<Vec<Revision>, DeployError> {
        let mut found = Vec::new();
        match &self.place {
            Place::Cluster(manager) => {
                let label = format!("{}={}", labels::REVISION, self.project);
                for config in manager.configs(&[&label]).await? {
                    // One that is gone by now was removed by somebody else.
                    if let Some(content) = manager.config_content(&config.id).await? {
                        found.push(self.read(&config.name, &content)?);
                    }
                }
            }
            Place::Folder(folder) => {
                for path in files(folder).map_err(|error| self.unreadable(folder.display(), &error))? {
                    let content = std::fs::read(&path).map_err(|error| self.unreadable(path.display(), &error))?;
                    found.push(self.read(&path.display().to_string(), &content)?);
                }
            }
        }
        found.sort_by_key(|revision| revision.number);
        Ok(found)
    }

    /// The services of the last one that is kept.
    async fn last_services(&self) -> Result<Option<BTreeMap<String, AppliedService>>, DeployError> {
        let last = match &self.place {
            Place::Cluster(manager) => {
                let label = format!("{}={}", labels::REVISION, self.project);
                let configs = manager.configs(&[&label]).await?;
                let number = |config: &ObservedObject| -> Option<u64> {
                    config.labels.get(labels::REVISION_NUMBER)?.parse().ok()
                };
                match configs.into_iter().max_by_key(number) {
                    Some(config) => {
                        let content = manager.config_content(&config.id).await?;
                        content.map(|content| self.read(&config.name, &content)).transpose()?
                    }
                    None => None,
                }
            }
            Place::Folder(_) => self.all().await?.pop(),
        };
        Ok(last.map(|revision| revision.applied.services))
    }

    async fn add(&self, revision: &Revision) -> Result<(), DeployError> {
        let content = compressed(revision).map_err(|error| self.unreadable(revision.number, &error))?;
        match &self.place {
            Place::Cluster(manager) => {
                let names: Vec<&str> = objects(&revision.applied).collect();
                let labels = BTreeMap::from([
                    (labels::REVISION.to_owned(), self.project.clone()),
                    (labels::REVISION_NUMBER.to_owned(), revision.number.to_string()),
                    (labels::REVISION_OBJECTS.to_owned(), names.join(",")),
                ]);
                let name = object_name(&format!("hoist-revision-{}-{}", self.project, revision.number));
                manager.create_config(&name, &labels, &content).await?;
            }
            Place::Folder(folder) => {
                let path = folder.join(format!("{}.json.gz", revision.number));
                write_private(folder, &path, &content).map_err(|error| self.unreadable(path.display(), &error))?;
            }
        }
        Ok(())
    }

    async fn remove(&self, which: impl Fn(u64) -> bool) -> Result<(), DeployError> {
        match &self.place {
            Place::Cluster(manager) => {
                let label = format!("{}={}", labels::REVISION, self.project);
                for config in manager.configs(&[&label]).await? {
                    let number = config.labels.get(labels::REVISION_NUMBER);
                    if number.and_then(|number| number.parse().ok()).is_none_or(&which) {
                        unless_gone(manager.remove_config(&config.id).await)?;
                    }
                }
            }
            Place::Folder(folder) => {
                for path in files(folder).map_err(|error| self.unreadable(folder.display(), &error))? {
                    let number = path
                        .file_name()
                        .and_then(|name| name.to_str()?.split('.').next()?.parse().ok());
                    if number.is_none_or(&which) {
                        std::fs::remove_file(&path).map_err(|error| self.unreadable(path.display(), &error))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Removes them all: the project is taken down, and the contents that they name go with it.
    ///
    /// # Errors
    ///
    /// As [`Revisions::all`].
    pub(super) async fn forget(&self) -> Result<(), DeployError> {
        self.remove(|_| true).await?;
        if let Place::Folder(folder) = &self.place {
            // What else lies there is somebody else's.
            let _ = std::fs::remove_dir(folder);
        }
        Ok(())
    }

    fn read(&self, name: &str, content: &[u8]) -> Result<Revision, DeployError> {
        let mut text = Vec::new();
        GzDecoder::new(content)
            .read_to_end(&mut text)
            .map_err(|error| self.unreadable(name, &error))?;
        serde_json::from_slice(&text).map_err(|error| self.unreadable(name, &error))
    }

    fn unreadable(&self, what: impl std::fmt::Display, error: &dyn std::error::Error) -> DeployError {
        DeployError::Content {
            kind: "revision",
            key: what.to_string(),
            reason: error.to_string(),
        }
    }
}

/// Keeps what was applied as a revision, unless it is what the last one says. `command` in words; `taken`: which services
/// were taken from the file. What cannot be kept is said, and is no failure.
pub(super) async fn keep(site: &Site<'_>, command: &str, observed: &Observation, taken: &dyn Fn(&Service) -> bool) {
    say_if_not_kept(site, try_to_keep(site, command, observed, taken).await);
}

/// The same after a command that found nothing to do: what runs may be the work of one that was cut off before it could keep
/// a revision.
pub(super) async fn make_up_for(
    site: &Site<'_>,
    command: &str,
    observed: &Observation,
    taken: &dyn Fn(&Service) -> bool,
) {
    let revisions = Revisions::of(&site.project.name, site.operator, &site.pool.engines);
    let kept = match revisions.last_services().await {
        Ok(Some(services)) if services == revision::running(observed) => Ok(()),
        Ok(_) => try_to_keep(site, command, observed, taken).await,
        Err(error) => Err(error),
    };
    say_if_not_kept(site, kept);
}

fn say_if_not_kept(site: &Site<'_>, kept: Result<(), DeployError>) {
    if let Err(error) = kept {
        site.operator.events.emit(Event::Warning {
            message: format!("this deployment is not kept as a revision: {}", cause_chain(&error)),
            hint: None,
        });
    }
}

async fn try_to_keep(
    site: &Site<'_>,
    command: &str,
    observed: &Observation,
    taken: &dyn Fn(&Service) -> bool,
) -> Result<(), DeployError> {
    let (project, operator) = (site.project, site.operator);
    let revisions = Revisions::of(&project.name, operator, &site.pool.engines);
    let mut all = revisions.all().await?;
    let last = all.last();
    let before = last.map(|revision| &revision.applied);
    let unusable = |reason| DeployError::Content {
        kind: "project",
        key: project.name.clone(),
        reason,
    };
    let applied = revision::applied(project, observed, site.digests(), &all, taken).map_err(unusable)?;
    if before == Some(&applied) || applied.services.is_empty() {
        return Ok(());
    }
    let changed = applied
        .changed_since(before.unwrap_or(&Applied::default()))
        .map_err(unusable)?;
    let revision = Revision {
        number: last.map_or(0, |last| last.number) + 1,
        at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        user: operator.user.clone(),
        machine: operator.machine.clone(),
        command: command.to_owned(),
        files: project.files.iter().map(|file| file.display().to_string()).collect(),
        directory: project.directory.display().to_string(),
        changed,
        applied,
    };
    revisions.add(&revision).await?;
    all.push(revision);
    if all.len() <= KEPT {
        return Ok(());
    }
    let kept = all.split_off(all.len() - KEPT);
    let first = kept.first().map_or(0, |revision| revision.number);
    revisions.remove(|number| number < first).await?;
    if let Place::Cluster(manager) = &revisions.place {
        remove_contents(manager, &project.name, &all, &kept).await?;
    }
    Ok(())
}

/// Removes the configs and secrets that only revisions named which are kept no longer.
async fn remove_contents(
    manager: &Engine,
    project: &str,
    dropped: &[Revision],
    kept: &[Revision],
) -> Result<(), EngineError> {
    let named = |revisions: &[Revision]| -> BTreeSet<String> {
        let names = revisions.iter().flat_map(|revision| objects(&revision.applied));
        names.map(str::to_owned).collect()
    };
    let stale: BTreeSet<String> = named(dropped).difference(&named(kept)).cloned().collect();
    if stale.is_empty() {
        return Ok(());
    }
    let label = format!("{}={project}", labels::PROJECT);
    for config in manager.configs(&[&label]).await? {
        if stale.contains(&config.name) {
            unless_in_use(manager.remove_config(&config.id).await)?;
        }
    }
    for secret in manager.secrets(&[&label]).await? {
        if stale.contains(&secret.name) {
            unless_in_use(manager.remove_secret(&secret.id).await)?;
        }
    }
    Ok(())
}

fn objects(applied: &Applied) -> impl Iterator<Item = &str> {
    let all = applied.configs.values().chain(applied.secrets.values());
    all.map(String::as_str)
}

fn unless_gone(outcome: Result<(), EngineError>) -> Result<(), EngineError> {
    match outcome {
        Err(error) if error.is_not_found() => Ok(()),
        other => other,
    }
}

fn unless_in_use(outcome: Result<(), EngineError>) -> Result<(), EngineError> {
    match outcome {
        Err(error) if error.is_in_use() => Ok(()),
        other => unless_gone(other),
    }
}

fn compressed(revision: &Revision) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    serde_json::to_writer(&mut encoder, revision)?;
    encoder.finish()
}

/// The files of a folder; none where it is not there.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).filter(is_revision).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn is_revision(path: &std::io::Result<PathBuf>) -> bool {
    path.as_ref()
        .map_or(true, |path| path.to_string_lossy().ends_with(".json.gz"))
}

/// Writes a file that only this user can read, whole or not at all.
fn write_private(folder: &Path, path: &Path, content: &[u8]) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let interim = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&interim)?;
    file.write_all(content)?;
    std::fs::rename(&interim, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn revision(number: u64) -> Revision {
        Revision {
            number,
            at: "2026-05-04T10:11:12Z".to_owned(),
            user: "ann".to_owned(),
            machine: "laptop".to_owned(),
            command: "up".to_owned(),
            files: vec!["compose.yaml".to_owned()],
            directory: "/shop".to_owned(),
            changed: vec!["web".to_owned()],
            applied: Applied {
                project: "name: shop\n".to_owned(),
                ..Applied::default()
            },
        }
    }

    #[tokio::test]
    async fn revisions_of_a_single_engine_are_files_that_nobody_else_reads() {
        let state = tempfile::tempdir().unwrap();
        let revisions = Revisions {
            project: "shop".to_owned(),
            place: Place::Folder(state.path().join("revisions/shop-engine")),
        };
        assert_eq!(revisions.all().await.unwrap(), []);
        for number in [9, 10, 11] {
            revisions.add(&revision(number)).await.unwrap();
        }
        assert_eq!(
            revisions.all().await.unwrap(),
            [revision(9), revision(10), revision(11)]
        );
        let file = state.path().join("revisions/shop-engine/10.json.gz");
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        revisions.remove(|number| number < 10).await.unwrap();
        assert_eq!(revisions.all().await.unwrap(), [revision(10), revision(11)]);
        revisions.forget().await.unwrap();
        assert!(!state.path().join("revisions/shop-engine").exists());
    }
}
