//! SSH key pairs that Hoist makes; `ssh-keygen` makes them.
//!
//! A pair is on disk only while it is made, where only this user can read it.

use std::process::Stdio;

use tokio::process::Command;

use super::HostError;

/// The program that knows OpenSSH's formats.
pub(super) const PROGRAM: &str = "ssh-keygen";

/// A key pair that is not on disk.
pub struct KeyPair {
    pub private: String,
    /// `ssh-ed25519 AAAA…`, without a comment.
    pub public: String,
}

impl KeyPair {
    /// Makes a pair in a folder that only this user can read, and that is gone afterwards.
    ///
    /// # Errors
    ///
    /// `ssh-keygen` is missing or fails.
    pub async fn generate(comment: &str) -> Result<KeyPair, HostError> {
        let failed = |source| HostError::State {
            action: "making a key under",
            path: std::env::temp_dir(),
            source,
        };
        let folder = tempfile::tempdir().map_err(failed)?;
        let file = folder.path().join("key");
        let mut command = Command::new(PROGRAM);
        command
            .args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"])
            .arg(&file);
        run(command).await?;
        let private = std::fs::read_to_string(&file).map_err(failed)?;
        let public = std::fs::read_to_string(file.with_extension("pub")).map_err(failed)?;
        Ok(KeyPair {
            private,
            public: without_comment(&public),
        })
    }
}

/// A public key's type and key.
pub(super) fn without_comment(public: &str) -> String {
    public.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

/// Runs `ssh-keygen` and gives what it prints.
pub(super) async fn run(mut command: Command) -> Result<String, HostError> {
    let failed = |reason: String| HostError::Program {
        program: PROGRAM.into(),
        reason,
    };
    let output = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
