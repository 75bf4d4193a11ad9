//! What this machine remembers of projects that it brought up: where their hosts are, so that a project's name alone is
//! enough to confirm, roll back or cancel.
//!
//! Knows only what the Compose file says of hosts. What runs is the engines' to know.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::DeployError;
use crate::compose::Project;

/// The part of a project's file that says where its hosts are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownProject {
    /// The folder that relative paths in it count from.
    pub directory: PathBuf,
    /// A Compose file by itself, without services.
    pub compose: String,
}

/// Remembers a project.
///
/// # Errors
///
/// The state directory cannot be written.
pub(super) fn remember(state: &Path, project: &Project) -> Result<(), DeployError> {
    let known = KnownProject {
        directory: project.directory.clone(),
        compose: project.hosts_part.clone(),
    };
    let path = path(state, &project.name);
    if recall(state, &project.name).as_ref() == Some(&known) {
        return Ok(());
    }
    write(&path, &known).map_err(|error| DeployError::Content {
        kind: "state file",
        key: path.display().to_string(),
        reason: error.to_string(),
    })
}

fn write(path: &Path, known: &KnownProject) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // Whole or not at all, whenever this ends.
    let unfinished = path.with_extension(format!("{}.new", std::process::id()));
    std::fs::write(&unfinished, serde_json::to_vec_pretty(known)?)?;
    std::fs::rename(&unfinished, path)
}

/// What is remembered of a project of that name; what cannot be read is nothing.
pub fn recall(state: &Path, project: &str) -> Option<KnownProject> {
    let text = std::fs::read(path(state, project)).ok()?;
    serde_json::from_slice(&text).ok()
}

fn path(state: &Path, project: &str) -> PathBuf {
    state.join("projects").join(format!("{project}.json"))
}
