//! What cloud-init is told: Hoist's part and the user's, in one. Pure.
//!
//! Hoist gives the server its SSH key, so that the first connection is verified, and its name. A `#cloud-config` of the
//! user's is merged with that into one; anything else (a script, an include, a MIME archive) becomes a second part, as
//! cloud-init's "User-data formats" has it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::compose::plain_yaml;

/// What Nova takes, after encoding.
const LIMIT: usize = 65_535;

/// What Hoist tells the server.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    pub hostname: &'a str,
    pub private_key: &'a str,
    pub public_key: &'a str,
}

/// Keys that would take from the server what Hoist gives it.
const HOISTS_OWN: &[&str] = &["ssh_keys", "ssh_deletekeys", "ssh_genkeytypes"];

/// The `user_data` of a server, encoded for Nova.
///
/// # Errors
///
/// In words: the user's part cannot be read, says what is Hoist's to say, or is too long.
pub fn user_data(identity: Identity<'_>, users: Option<&[u8]>) -> Result<String, String> {
    let own = json!({
        "ssh_deletekeys": true,
        "ssh_genkeytypes": ["ed25519"],
        "ssh_keys": {"ed25519_private": identity.private_key, "ed25519_public": identity.public_key},
        "hostname": identity.hostname,
        "preserve_hostname": false,
        // The name resolves on the host itself, whatever the network's name servers know.
        "manage_etc_hosts": "localhost",
    });
    let Value::Object(own) = own else {
        return Err("no configuration".into());
    };
    let text = match users {
        None => cloud_config(own),
        Some(users) => together(own, users)?,
    };
    let encoded = STANDARD.encode(text);
    if encoded.len() > LIMIT {
        return Err(format!(
            "it is {} bytes with Hoist's part, encoded; Nova takes {LIMIT}",
            encoded.len()
        ));
    }
    Ok(encoded)
}

fn together(own: Map<String, Value>, users: &[u8]) -> Result<String, String> {
    if users.starts_with(&[0x1f, 0x8b]) {
        return Err("it is compressed: name the plain file".into());
    }
    let users = std::str::from_utf8(users)
        .map_err(|_| "it is not text")?
        .trim_start_matches('\u{feff}');
    if users.trim().is_empty() {
        return Ok(cloud_config(own));
    }
    let first = users.lines().next().unwrap_or_default().trim_end();
    if first == "#cloud-config" {
        return merged(own, users);
    }
    let kind = match first {
        _ if first.starts_with("#!") => "text/x-shellscript",
        "#cloud-boothook" => "text/cloud-boothook",
        "#cloud-config-archive" => "text/cloud-config-archive",
        "#include" => "text/x-include-url",
        "#include-once" => "text/x-include-once-url",
        "#part-handler" => "text/part-handler",
        "## template: jinja" => "text/jinja2",
        _ if is_mime(first) => return Ok(archive(&own, users.trim_end())),
        _ => {
            return Err(format!(
                "cloud-init knows nothing that begins with `{first}`: the first line must be `#cloud-config`, `#!…`, `#include`, … or a MIME header"
            ));
        }
    };
    Ok(archive(&own, &part(kind, users)))
}

fn is_mime(first: &str) -> bool {
    let first = first.to_ascii_lowercase();
    first.starts_with("content-type: multipart/") || first.starts_with("mime-version:")
}

/// Both as one `#cloud-config`. The user's own `hostname` wins: a name is nothing that Hoist relies on.
fn merged(mut own: Map<String, Value>, users: &str) -> Result<String, String> {
    let Value::Object(parsed) = plain_yaml("user_data", users)? else {
        return Err("it is not a mapping".into());
    };
    if let Some(key) = HOISTS_OWN.iter().find(|key| parsed.contains_key(**key)) {
        return Err(format!(
            "it has `{key}`, and Hoist gives each host its SSH key, which is how it knows the host at the first connection"
        ));
    }
    own.extend(parsed);
    Ok(cloud_config(own))
}

/// JSON is YAML.
fn cloud_config(settings: Map<String, Value>) -> String {
    format!("#cloud-config\n{}\n", Value::Object(settings))
}

const BOUNDARY: &str = "=hoist-part-4e1b9c1d7a35=";

fn part(kind: &str, text: &str) -> String {
    format!("Content-Type: {kind}; charset=\"utf-8\"\nMIME-Version: 1.0\n\n{text}")
}

/// The user's part first: of two parts that say the same, cloud-init keeps what came last.
fn archive(own: &Map<String, Value>, users: &str) -> String {
    let own = part("text/cloud-config", &cloud_config(own.clone()));
    format!(
        "Content-Type: multipart/mixed; boundary=\"{BOUNDARY}\"\nMIME-Version: 1.0\n\n--{BOUNDARY}\n{users}\n--{BOUNDARY}\n{own}\n--{BOUNDARY}--\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: Identity<'_> = Identity {
        hostname: "web-1",
        private_key: "-----BEGIN KEY-----\nabc\n-----END KEY-----\n",
        public_key: "ssh-ed25519 AAAA",
    };

    fn decoded(users: Option<&str>) -> Result<String, String> {
        let encoded = user_data(IDENTITY, users.map(str::as_bytes))?;
        Ok(String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap())
    }

    fn config(text: &str) -> Value {
        serde_json::from_str(text.strip_prefix("#cloud-config\n").unwrap()).unwrap()
    }

    #[test]
    fn a_host_gets_its_key_and_its_name() {
        let said = config(&decoded(None).unwrap());
        assert_eq!(said["ssh_keys"]["ed25519_private"], IDENTITY.private_key);
        assert_eq!(said["ssh_keys"]["ed25519_public"], "ssh-ed25519 AAAA");
        assert_eq!(said["hostname"], "web-1");
    }

    #[test]
    fn the_users_cloud_config_and_hoists_become_one() {
        let said = config(&decoded(Some("#cloud-config\npackages: [htop]\nhostname: mine\n")).unwrap());
        assert_eq!(said["packages"][0], "htop");
        assert_eq!(said["hostname"], "mine");
        assert_eq!(said["ssh_keys"]["ed25519_public"], "ssh-ed25519 AAAA");
        assert!(decoded(Some("#cloud-config\n")).is_ok());
    }

    #[test]
    fn a_script_goes_beside_hoists_part() {
        let said = decoded(Some("#!/bin/sh\necho hello\n")).unwrap();
        let parts: Vec<&str> = said.split(&format!("--{BOUNDARY}")).collect();
        assert!(parts[0].starts_with("Content-Type: multipart/mixed"));
        assert!(parts[1].contains("text/x-shellscript") && parts[1].contains("echo hello"));
        assert!(parts[2].contains("text/cloud-config") && parts[2].contains("ssh_keys"));
        assert_eq!(parts[3], "--\n");
    }

    #[test]
    fn an_archive_of_the_users_stays_whole() {
        let users = "Content-Type: multipart/mixed; boundary=\"x\"\nMIME-Version: 1.0\n\n--x\n\n#!/bin/sh\n--x--\n";
        assert!(decoded(Some(users)).unwrap().contains(users.trim_end()));
    }

    #[test]
    fn what_would_undo_hoists_part_or_means_nothing_is_refused() {
        assert!(
            decoded(Some("#cloud-config\nssh_keys: {}\n"))
                .unwrap_err()
                .contains("`ssh_keys`")
        );
        assert!(
            decoded(Some("packages: [htop]\n"))
                .unwrap_err()
                .contains("`packages: [htop]`")
        );
        assert!(
            decoded(Some("#cloud-config\n- a\n"))
                .unwrap_err()
                .contains("must be a mapping")
        );
        assert!(
            user_data(IDENTITY, Some(&[0x1f, 0x8b, 8]))
                .unwrap_err()
                .contains("compressed")
        );
        let long = format!("#!/bin/sh\n# {}\n", "x".repeat(LIMIT));
        assert!(decoded(Some(&long)).unwrap_err().contains("Nova takes"));
    }
}
