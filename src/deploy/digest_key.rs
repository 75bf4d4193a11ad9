//! The key of the digests that tell whether a config or a secret changed.
//!
//! Knows where it is kept: derived from the pool's authority, so that every operator of the pool has the same; on a
//! single engine a file of its own. It never leaves this machine.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::error::DeployError;

/// The key of a pool, or of this machine's own engine.
///
/// # Errors
///
/// The state directory cannot be read or written.
pub(super) fn of(state: &Path, pool: Option<&str>) -> Result<Vec<u8>, DeployError> {
    let fail = |path: &Path, error: std::io::Error| DeployError::Content {
        kind: "digest key",
        key: path.display().to_string(),
        reason: error.to_string(),
    };
    if let Some(pool) = pool {
        let authority = state.join("pools").join(pool).join("ca-key.pem");
        return match std::fs::read(&authority) {
            Ok(key) => Ok(Sha256::digest([b"hoist content digests\n".as_slice(), &key].concat()).to_vec()),
            // A pool that has no authority yet has no contents to compare with either.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(fail(&authority, error)),
        };
    }
    let path = state.join("digest-key");
    match std::fs::read(&path) {
        Ok(key) => return Ok(key),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fail(&path, error)),
        Err(_) => {}
    }
    std::fs::create_dir_all(state).map_err(|error| fail(state, error))?;
    let mut key = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut key).map_err(|_| fail(&path, std::io::Error::other("no random numbers")))?;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path);
    match &mut file {
        Ok(file) => file.write_all(&key).map_err(|error| fail(&path, error))?,
        // Another run was quicker: its key is the key.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return std::fs::read(&path).map_err(|error| fail(&path, error));
        }
        Err(_) => drop(file.map_err(|error| fail(&path, error))?),
    }
    Ok(key.to_vec())
}
