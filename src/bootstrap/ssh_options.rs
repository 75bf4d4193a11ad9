//! What `ssh` has to be told to log in to a host: for Hoist's own connections and for a person's.
//!
//! Never connects. A host key that Hoist knows is written to a file of its own and is compared with that alone.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::hosts::{Host, HostKey};

/// The program and its arguments that log a person in to the host, or run a command there. One word of command is handed to
/// the host's shell as it is, several arrive there as they were given.
///
/// # Errors
///
/// Where the host's key cannot be written down for OpenSSH, or a word cannot be said to a shell.
pub fn interactive(
    host: &Host,
    control_directory: &Path,
    terminal: bool,
    command: &[String],
) -> std::io::Result<Vec<OsString>> {
    let known_hosts = pinned_key(host)
        .map(|key| write_known_hosts(control_directory, host, key))
        .transpose()?;
    let mut words = vec![OsString::from("ssh")];
    if terminal {
        words.push("-t".into());
    }
    words.extend(login_options(host, known_hosts.as_deref()));
    words.push("--".into());
    words.push(host.login.address.clone().into());
    match command {
        [] => {}
        [one] => words.push(one.into()),
        several => words.push(
            shlex::try_join(several.iter().map(String::as_str))
                .map_err(std::io::Error::other)?
                .into(),
        ),
    }
    Ok(words)
}

/// The address that the SSH configuration gives an alias (`ssh -G`); the login's own where there is nothing to say.
pub async fn real_address(host: &Host) -> String {
    let login = &host.login;
    if login.address.parse::<std::net::IpAddr>().is_ok() {
        return login.address.clone();
    }
    let said = tokio::process::Command::new("ssh")
        .arg("-G")
        .arg("--")
        .arg(&login.address)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    said.ok()
        .and_then(|text| {
            Some(
                text.lines()
                    .find_map(|line| line.strip_prefix("hostname "))?
                    .to_string(),
            )
        })
        .unwrap_or_else(|| login.address.clone())
}

/// The options that say who logs in and how the host is recognised.
pub(super) fn login_options(host: &Host, known_hosts: Option<&Path>) -> Vec<OsString> {
    let login = &host.login;
    let mut words: Vec<OsString> = Vec::new();
    let mut option = |text: OsString| {
        words.push("-o".into());
        words.push(text);
    };
    match (&login.host_key, known_hosts) {
        (HostKey::Pinned(_), known_hosts) => {
            option("StrictHostKeyChecking=yes".into());
            option("UpdateHostKeys=no".into());
            option("GlobalKnownHostsFile=/dev/null".into());
            // Addresses are used again by other machines: the name in our own file is the host's, not the address's.
            option(format!("HostKeyAlias={}", alias(host)).into());
            let mut file = OsString::from("UserKnownHostsFile=\"");
            file.push(known_hosts.unwrap_or(Path::new("/dev/null")));
            file.push("\"");
            option(file);
        }
        (HostKey::KnownHosts, _) => option("StrictHostKeyChecking=yes".into()),
        (HostKey::AcceptNew, _) => option("StrictHostKeyChecking=accept-new".into()),
    }
    if let Some(file) = &login.identity_file {
        option("IdentitiesOnly=yes".into());
        words.push("-i".into());
        words.push(file.into());
    }
    if let Some(user) = &login.user {
        words.push("-l".into());
        words.push(user.into());
    }
    if let Some(port) = login.port {
        words.push("-p".into());
        words.push(port.to_string().into());
    }
    words
}

pub(super) fn pinned_key(host: &Host) -> Option<&str> {
    match &host.login.host_key {
        HostKey::Pinned(key) => Some(key),
        HostKey::KnownHosts | HostKey::AcceptNew => None,
    }
}

fn alias(host: &Host) -> String {
    let plain = |text: &str| -> String {
        text.chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || "-._".contains(c) {
                    c
                } else {
                    '_'
                }
            })
            .collect()
    };
    format!("hoist.{}.{}", plain(&host.pool), plain(&host.name))
}

pub(super) fn write_known_hosts(folder: &Path, host: &Host, key: &str) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("{}.known_hosts", alias(host)));
    let line = format!("{} {}\n", alias(host), key.trim());
    if std::fs::read_to_string(&path).is_ok_and(|there| there == line) {
        return Ok(path);
    }
    let mut file = tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o600))
        .tempfile_in(folder)?;
    std::io::Write::write_all(&mut file, line.as_bytes())?;
    file.persist(&path)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::super::test_host;
    use super::*;

    fn words(host: &Host, command: &[&str]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let command: Vec<String> = command.iter().map(ToString::to_string).collect();
        let words = interactive(host, folder.path(), false, &command).unwrap();
        let text = |word: OsString| {
            word.into_string()
                .unwrap()
                .replace(folder.path().to_str().unwrap(), "RUN")
        };
        words.into_iter().map(text).collect()
    }

    #[test]
    fn a_person_logs_in_with_the_same_checks() {
        let (mut host, _) = test_host();
        host.login.host_key = HostKey::Pinned("ssh-ed25519 AAAA".to_string());
        host.login.port = Some(2222);
        assert_eq!(
            words(&host, &[]).join(" "),
            "ssh -o StrictHostKeyChecking=yes -o UpdateHostKeys=no -o GlobalKnownHostsFile=/dev/null \
             -o HostKeyAlias=hoist.dev.web-1 -o UserKnownHostsFile=\"RUN/hoist.dev.web-1.known_hosts\" \
             -l debian -p 2222 -- 10.0.0.5"
        );
    }

    #[test]
    fn a_command_arrives_as_it_was_given() {
        let (host, _) = test_host();
        assert_eq!(words(&host, &["uptime | cat"]).last().unwrap(), "uptime | cat");
        assert_eq!(
            words(&host, &["echo", "a b", "$HOME"]).last().unwrap(),
            "echo 'a b' '$HOME'"
        );
    }

    #[test]
    fn no_key_is_ever_left_unchecked() {
        let (mut host, _) = test_host();
        for (key, expected) in [(HostKey::KnownHosts, "yes"), (HostKey::AcceptNew, "accept-new")] {
            host.login.host_key = key;
            assert!(words(&host, &[]).contains(&format!("StrictHostKeyChecking={expected}")));
        }
    }
}
