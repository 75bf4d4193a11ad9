//! The digest of all that bootstrap makes sure of: equal to a node's label, there is nothing to do on that host.
//!
//! Never asks the host.

use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use super::{Api, Install, Settings, templates};
use crate::hosts::Host;

const YEAR: u64 = 365 * 24 * 60 * 60;

/// The stamp that the host has once it is ready. Other settings, another address or other templates give another one,
/// and so does each year: that is when certificates near their end are made anew.
pub fn stamp(host: &Host, settings: &Settings) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    stamp_in(host, settings, now / YEAR)
}

fn stamp_in(host: &Host, settings: &Settings, year: u64) -> String {
    let install = match settings.install {
        Install::Auto => "auto",
        Install::Distro => "distro",
        Install::DockerCe => "docker-ce",
        Install::Never => "never",
    };
    let api = match settings.api {
        Api::Tls => "tls",
        Api::Ssh => "ssh",
        Api::InsecureTcp => "insecure-tcp",
    };
    // As JSON, so that no two different inputs are one text.
    let inputs = serde_json::json!([
        settings.pool,
        install,
        settings.version,
        api,
        settings.port,
        settings.daemon,
        host.name,
        host.login.address,
        host.private_address,
        year,
    ]);
    let mut digest = Sha256::new();
    digest.update(inputs.to_string());
    for text in templates::all() {
        digest.update([0]);
        digest.update(text);
    }
    digest.finalize()[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::test_host;
    use super::*;

    #[test]
    fn a_stamp_is_the_same_for_the_same_and_another_for_another() {
        let (host, settings) = test_host();
        let stamp = stamp_in(&host, &settings, 56);
        assert_eq!(stamp.len(), 32);
        assert_eq!(stamp, stamp_in(&host.clone(), &settings.clone(), 56));
        let mut other = settings.clone();
        other.port = 2377;
        assert_ne!(stamp, stamp_in(&host, &other, 56));
        let mut moved = host.clone();
        moved.login.address = "10.0.0.9".to_string();
        assert_ne!(stamp, stamp_in(&moved, &settings, 56));
        assert_ne!(stamp, stamp_in(&host, &settings, 57));
    }

    #[test]
    fn labels_of_the_host_are_not_bootstraps_business() {
        let (mut host, settings) = test_host();
        let before = stamp(&host, &settings);
        host.labels.insert("tier".to_string(), "web".to_string());
        assert_eq!(before, stamp(&host, &settings));
    }
}
