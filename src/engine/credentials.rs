//! Registry credentials: what a Docker client's `config.json` holds, found by image.
//!
//! Knows the `auths` of that file. Never reads the file, and runs no credential helper (`credsStore`, `credHelpers`).

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use bollard::auth::DockerCredentials;

use super::image_name::ImageName;

/// The key that Docker uses for its own registry.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// Credentials by registry.
#[derive(Clone, Default)]
pub struct Credentials {
    by_registry: BTreeMap<String, DockerCredentials>,
    /// Registries whose credentials a helper keeps.
    helpers: Vec<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Credentials").field(&self.by_registry.keys()).finish()
    }
}

impl Credentials {
    /// Reads the text of a `config.json`. Entries that hold nothing usable are left out.
    ///
    /// # Errors
    ///
    /// Why the text cannot be read; it never quotes the text.
    pub fn from_config(text: &str) -> Result<Credentials, String> {
        let config: serde_json::Value = serde_json::from_str(text)
            .map_err(|error| format!("not JSON at line {}, column {}", error.line(), error.column()))?;
        let mut credentials = Credentials::default();
        for (registry, entry) in config
            .get("auths")
            .and_then(|auths| auths.as_object())
            .into_iter()
            .flatten()
        {
            if let Some(found) = read_entry(registry, entry) {
                credentials.by_registry.insert(host_of(registry).to_owned(), found);
            }
        }
        if let Some(helpers) = config.get("credHelpers").and_then(|helpers| helpers.as_object()) {
            credentials
                .helpers
                .extend(helpers.keys().map(|registry| host_of(registry).to_owned()));
        }
        if let Some(store) = config.get("credsStore").and_then(|store| store.as_str()) {
            credentials
                .helpers
                .push(format!("all registries of the store `{store}`"));
        }
        Ok(credentials)
    }

    /// What to show the registry that an image comes from.
    pub fn for_image(&self, image: &str) -> Option<DockerCredentials> {
        let registry = ImageName::parse(image).registry()?.to_owned();
        self.by_registry.get(&registry).cloned()
    }

    /// Registries whose credentials are kept by a helper program, which Hoist does not run.
    pub fn kept_by_helpers(&self) -> &[String] {
        &self.helpers
    }

    /// All of them, keyed as the engine's builder expects (`X-Registry-Config`).
    pub(super) fn for_build(&self) -> HashMap<String, DockerCredentials> {
        self.by_registry
            .iter()
            .map(|(registry, found)| {
                let key = if registry == "docker.io" { DOCKER_HUB } else { registry };
                (key.to_owned(), found.clone())
            })
            .collect()
    }
}

fn read_entry(registry: &str, entry: &serde_json::Value) -> Option<DockerCredentials> {
    let text = |key: &str| {
        let value = entry.get(key)?.as_str()?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    let mut found = DockerCredentials {
        username: text("username"),
        password: text("password"),
        identitytoken: text("identitytoken"),
        registrytoken: text("registrytoken"),
        serveraddress: Some(registry.to_owned()),
        ..DockerCredentials::default()
    };
    if let Some(auth) = text("auth") {
        let bytes = STANDARD.decode(&auth).or_else(|_| URL_SAFE.decode(&auth)).ok()?;
        let pair = String::from_utf8(bytes).ok()?;
        let (username, password) = pair.split_once(':')?;
        found.username = Some(username.to_owned());
        found.password = Some(password.trim_end_matches('\0').to_owned());
    }
    let usable = found.username.is_some() || found.identitytoken.is_some() || found.registrytoken.is_some();
    usable.then_some(found)
}

/// `https://index.docker.io/v1/` is `docker.io`; `https://r.example/v2/` is `r.example`.
fn host_of(registry: &str) -> &str {
    let bare = registry.trim_start_matches("https://").trim_start_matches("http://");
    match bare.split('/').next().unwrap_or(bare) {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        host => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"{"auths": {
        "https://index.docker.io/v1/": {"auth": "YW5uYTpwOnc="},
        "localhost:5000": {"username": "bob", "password": "secret"},
        "empty.example": {}
    }, "credHelpers": {"gcr.io": "gcloud"}}"#;

    #[test]
    fn credentials_are_found_by_the_registry_of_an_image() {
        let credentials = Credentials::from_config(CONFIG).unwrap();
        let hub = credentials.for_image("nginx").unwrap();
        assert_eq!(
            (hub.username.as_deref(), hub.password.as_deref()),
            (Some("anna"), Some("p:w"))
        );
        assert_eq!(
            credentials
                .for_image("localhost:5000/a/b:1")
                .unwrap()
                .username
                .as_deref(),
            Some("bob")
        );
        assert!(credentials.for_image("empty.example/a").is_none());
        assert!(credentials.for_image("other.example/a").is_none());
        assert_eq!(credentials.kept_by_helpers(), ["gcr.io"]);
    }

    #[test]
    fn neither_messages_nor_debug_output_show_secrets() {
        let credentials = Credentials::from_config(CONFIG).unwrap();
        assert!(!format!("{credentials:?}").contains("secret"));
        let message = Credentials::from_config("{\"auths\": secret").unwrap_err();
        assert!(!message.contains("secret"), "{message}");
    }
}
