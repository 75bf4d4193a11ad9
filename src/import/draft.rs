//! The Compose file in the making: typed with `docker-compose-types`, and what is to be said about it.
//!
//! Knows places in the output. Never knows where a value came from.

use std::str::FromStr;

use docker_compose_types::{Compose, ComposeVolume, Extension, Labels, MapOrEmpty, NetworkSettings, Service};
use indexmap::IndexMap;
use serde_yaml::Value;

use crate::compose::source::{Diagnostic, Place};

/// A path of keys in the output: `services`, `web`, `deploy`.
pub type At = Vec<String>;

/// A path from its keys.
pub fn at<const N: usize>(keys: [&str; N]) -> At {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

/// What the reader of the output is told, before or inside a mapping.
#[derive(Debug)]
pub struct Comment {
    /// The key that it stands before or, where its value is a mapping, at the end of which it stands.
    pub at: At,
    /// Words first; lines that begin with `|` are kept as they are.
    pub text: String,
}

#[derive(Debug, Default)]
pub struct Draft {
    pub compose: Compose,
    /// Values that the types above cannot hold, by their path: see [`Draft::beyond`].
    pub beyond: Vec<(At, Value)>,
    /// The first lines of the output.
    pub head: Vec<String>,
    pub comments: Vec<Comment>,
    pub warnings: Vec<Diagnostic>,
    pub errors: Vec<Diagnostic>,
}

impl Draft {
    /// The service of this name, made where it is missing.
    pub fn service(&mut self, name: &str) -> &mut Service {
        let services = &mut self.compose.services.0;
        services
            .entry(name.to_owned())
            .or_default()
            .get_or_insert_with(Service::default)
    }

    /// The named volume of this name, which is called so on its host: made where it is missing.
    pub fn volume(&mut self, name: &str) {
        let volume = ComposeVolume {
            driver: None,
            driver_opts: IndexMap::new(),
            external: None,
            labels: Labels::default(),
            name: Some(name.to_owned()),
        };
        let volumes = &mut self.compose.volumes.0;
        volumes.entry(name.to_owned()).or_insert(MapOrEmpty::Map(volume));
    }

    /// The network of this name, made where it is missing.
    pub fn network(&mut self, name: &str) -> &mut NetworkSettings {
        let networks = &mut self.compose.networks.0;
        let network = networks.entry(name.to_owned()).or_default();
        if matches!(network, MapOrEmpty::Empty) {
            *network = MapOrEmpty::Map(NetworkSettings::default());
        }
        match network {
            MapOrEmpty::Map(network) => network,
            MapOrEmpty::Empty => unreachable!("it was filled above"),
        }
    }

    /// Sets a section of Hoist's own, at the top or (with a service) in a service.
    pub fn extension(&mut self, service: Option<&str>, name: &str, value: Value) {
        let Ok(key) = Extension::from_str(name) else {
            return self.beyond(at([name]), value);
        };
        match service {
            Some(service) => self.service(service).extensions.insert(key, value),
            None => self.compose.extensions.insert(key, value),
        };
    }

    /// Sets a value that `docker-compose-types` has no field for. Each use is one of these:
    ///
    /// - the key is of the specification and unknown to the crate: `cpu_shares`, `cpuset` and the other `cpu_*`,
    ///   `blkio_config`, `dns_search`, `isolation`, `mac_address`, `memswap_limit`, `oom_*`, `uts`,
    ///   `deploy.update_config.order`, `deploy.placement.max_replicas_per_node`, `ipam.config.ip_range`, …;
    /// - the crate's field is a number or a boolean, and the value is a variable (`privileged: ${PRIVILEGED:-true}`);
    /// - the crate drops the value when it prints: `scale: 0`, `retries: 0`, an explicit `false`;
    /// - the crate knows one form only: `deploy.labels` is a list there, a secret with a `name` has `external`.
    pub fn beyond(&mut self, path: At, value: Value) {
        self.beyond.push((path, value));
    }

    /// A comment without a warning: something that was translated, and is better known.
    pub fn say(&mut self, at: At, text: impl Into<String>) {
        let comment = Comment { at, text: text.into() };
        if !self
            .comments
            .iter()
            .any(|other| other.at == comment.at && other.text == comment.text)
        {
            self.comments.push(comment);
        }
    }

    /// What has no counterpart: a comment at its place in the output, and a warning at its place in the input.
    pub fn lost(&mut self, at: At, what: &str, why: &str, place: &Place) {
        self.lost_with(at, what, None, why, place);
    }

    /// The same with the value, which the comment shows and the warning does not.
    pub fn lost_with(&mut self, at: At, what: &str, value: Option<&str>, why: &str, place: &Place) {
        let mut text = format!("{what}: {why}");
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            if value.contains('\n') || value.chars().count() > 60 {
                for line in value.lines() {
                    text.push_str("\n| ");
                    text.push_str(line);
                }
            } else {
                text = format!("{what}: {value} ({why})");
            }
        }
        self.say(at, text);
        let found = Diagnostic::warning(
            format!("`{what}` is a comment in the output: {why}"),
            Some(place.clone()),
        );
        if !self.warnings.contains(&found) {
            self.warnings.push(found);
        }
    }

    pub fn error(&mut self, message: impl Into<String>, place: &Place, hint: Option<String>) {
        let mut found = Diagnostic::error(message, Some(place.clone()));
        found.hint = hint;
        if !self.errors.contains(&found) {
            self.errors.push(found);
        }
    }
}
