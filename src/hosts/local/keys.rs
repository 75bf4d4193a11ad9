//! The SSH keys of local hosts: one client key per pool.
//!
//! Knows where the pool's client key lies on this machine. Never shows a private key to anything but its file and its host.

use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::hosts::HostError;
use crate::hosts::key_pair::{KeyPair, PROGRAM, run, without_comment};

pub(super) const CLIENT_KEY: &str = "id_ed25519";

/// The key that opens every local host of a pool.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientKey {
    pub file: PathBuf,
    /// `ssh-ed25519 AAAA…`, without a comment.
    pub public: String,
}

/// Where a pool's client key is.
pub fn client_key_file(state: &Path, pool: &str) -> PathBuf {
    state.join("pools").join(pool).join(CLIENT_KEY)
}

/// The pool's client key; `None` where there is none yet or none any more.
pub async fn read_client_key(file: &Path) -> Result<Option<ClientKey>, HostError> {
    if !file.exists() {
        return Ok(None);
    }
    // The private file alone counts: the public one beside it is for people and may be stale or missing.
    let mut command = Command::new(PROGRAM);
    command.args(["-y", "-P", "", "-f"]).arg(file);
    let public = run(command).await?;
    Ok(Some(ClientKey {
        file: file.to_owned(),
        public: without_comment(&public),
    }))
}

/// Writes a new client key. Of two runs that do this at once, the first wins and both get its key.
pub async fn write_client_key(file: &Path, pair: &KeyPair) -> Result<ClientKey, HostError> {
    let failed = |source| HostError::State {
        action: "writing",
        path: file.to_owned(),
        source,
    };
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed)?;
    // Temporary files are made with mode 0600.
    let mut private = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    private.write_all(pair.private.as_bytes()).map_err(failed)?;
    private.as_file().sync_all().map_err(failed)?;
    match private.persist_noclobber(file) {
        Ok(_) => {}
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
            return read_client_key(file).await?.ok_or_else(|| failed(error.error));
        }
        Err(error) => return Err(failed(error.error)),
    }
    std::fs::write(file.with_extension("pub"), format!("{}\n", pair.public)).map_err(failed)?;
    Ok(ClientKey {
        file: file.to_owned(),
        public: pair.public.clone(),
    })
}

/// Removes the pool's client key; a missing one is no error.
pub fn remove_client_key(file: &Path) -> Result<(), HostError> {
    for path in [file.to_owned(), file.with_extension("pub")] {
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(HostError::State {
                    action: "removing",
                    path,
                    source,
                });
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn a_client_key_is_written_for_its_owner_only_and_read_again() {
        let state = tempfile::tempdir().unwrap();
        let file = client_key_file(state.path(), "dev");
        assert_eq!(read_client_key(&file).await.unwrap(), None);
        let written = write_client_key(&file, &KeyPair::generate("test").await.unwrap())
            .await
            .unwrap();
        assert!(written.public.starts_with("ssh-ed25519 AAAA"), "{}", written.public);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let folder = std::fs::metadata(file.parent().unwrap()).unwrap();
        assert_eq!(folder.permissions().mode() & 0o777, 0o700);
        assert_eq!(read_client_key(&file).await.unwrap(), Some(written));
    }

    #[tokio::test]
    async fn the_first_of_two_writers_wins() {
        let state = tempfile::tempdir().unwrap();
        let file = client_key_file(state.path(), "dev");
        let first = write_client_key(&file, &KeyPair::generate("first").await.unwrap())
            .await
            .unwrap();
        let second = write_client_key(&file, &KeyPair::generate("second").await.unwrap())
            .await
            .unwrap();
        assert_eq!(first, second);
    }

    #[tokio::test]
    async fn a_spoilt_client_key_is_an_error_and_not_replaced() {
        let state = tempfile::tempdir().unwrap();
        let file = state.path().join(CLIENT_KEY);
        std::fs::write(&file, "not a key").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let error = read_client_key(&file).await.unwrap_err();
        assert!(matches!(error, HostError::Program { .. }), "{error}");
    }

    #[tokio::test]
    async fn removing_a_client_key_twice_is_no_error() {
        let state = tempfile::tempdir().unwrap();
        let file = client_key_file(state.path(), "dev");
        write_client_key(&file, &KeyPair::generate("test").await.unwrap())
            .await
            .unwrap();
        remove_client_key(&file).unwrap();
        remove_client_key(&file).unwrap();
        assert!(std::fs::read_dir(file.parent().unwrap()).unwrap().next().is_none());
    }
}
