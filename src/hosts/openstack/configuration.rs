//! Which cloud, and how to log in to it: `clouds.yaml`, `secure.yaml`, `clouds-public.yaml` and the `OS_*` variables.
//!
//! The places and their order are those of the OpenStack client (openstacksdk, "Configuring OpenStack SDK Applications").
//! Reads files, and no environment: variables come in. Never shows a secret.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use openstack_sdk::config::CloudConfig;
use serde_json::{Map, Value};

use super::error::CloudError;
use crate::compose::model::{CloudInterface, Openstack};
use crate::compose::plain_yaml;

/// What the operator's machine says of clouds.
#[derive(Clone, Default)]
pub struct CloudInputs {
    /// All variables of the environment; only `OS_*`, `HOME` and `XDG_CONFIG_HOME` are looked at.
    pub variables: BTreeMap<String, String>,
    /// Where the command runs.
    pub directory: PathBuf,
}

/// Variables may hold passwords.
impl std::fmt::Debug for CloudInputs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CloudInputs")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// A cloud that can be logged in to.
#[derive(Clone)]
pub struct CloudAccess {
    /// Its entry in `clouds.yaml`, or `the OS_* variables`.
    pub name: String,
    pub auth_url: String,
    pub config: CloudConfig,
}

impl CloudInputs {
    fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Finds the cloud that is meant and puts together all that is said of it.
    ///
    /// # Errors
    ///
    /// [`CloudError::Configuration`], with where it was looked for.
    pub fn access(&self, settings: &Openstack) -> Result<CloudAccess, CloudError> {
        let named = settings.cloud.as_deref().or_else(|| self.get("OS_CLOUD"));
        let (name, mut cloud) = match named {
            Some(name) => (name.to_owned(), self.of_files(name)?),
            None if self.get("OS_AUTH_URL").is_some() => ("the OS_* variables".to_owned(), self.of_variables()),
            None => {
                return Err(CloudError::Configuration {
                    message:
                        "no cloud is named: neither `cloud` in `x-openstack` nor OS_CLOUD nor OS_AUTH_URL says which"
                            .into(),
                    hint: "write `cloud: NAME` with an entry of `clouds.yaml`, or set the `OS_*` variables".into(),
                });
            }
        };
        let interface = settings.interface.map(|interface| match interface {
            CloudInterface::Public => "public",
            CloudInterface::Internal => "internal",
            CloudInterface::Admin => "admin",
        });
        let authority = settings.cacert.as_ref().and_then(|path| path.to_str());
        for (key, value) in [
            ("region_name", settings.region.as_deref()),
            ("interface", interface),
            ("cacert", authority),
        ] {
            if let Some(value) = value {
                cloud.insert(key.into(), value.into());
            }
        }
        if settings.insecure {
            cloud.insert("verify".into(), false.into());
        }
        access(&name, cloud)
    }

    fn of_files(&self, name: &str) -> Result<Map<String, Value>, CloudError> {
        let Some((file, clouds)) = self.read("clouds", "OS_CLIENT_CONFIG_FILE")? else {
            let folders: Vec<String> = self
                .folders()
                .iter()
                .map(|folder| folder.display().to_string())
                .collect();
            return Err(CloudError::Configuration {
                message: format!("the cloud `{name}` is named, and there is no `clouds.yaml`"),
                hint: format!(
                    "it is looked for in {}; OS_CLIENT_CONFIG_FILE names another",
                    folders.join(", ")
                ),
            });
        };
        let Some(Value::Object(mut cloud)) = clouds["clouds"].get(name).cloned() else {
            let known: Vec<&str> = clouds["clouds"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, _)| name.as_str())
                .collect();
            return Err(CloudError::Configuration {
                message: format!("no cloud `{name}` in {}", file.display()),
                hint: match known[..] {
                    [] => "it has none at all".into(),
                    _ => format!("it has {}", known.join(", ")),
                },
            });
        };
        if let Some((_, secure)) = self.read("secure", "OS_CLIENT_SECURE_FILE")?
            && let Some(Value::Object(secret)) = secure["clouds"].get(name).cloned()
        {
            merge(&mut cloud, secret);
        }
        let profile = ["profile", "cloud"]
            .iter()
            .find_map(|key| cloud.get(*key)?.as_str().map(str::to_owned));
        if let Some(profile) = profile {
            let public = self.read("clouds-public", "OS_CLIENT_VENDOR_FILE")?;
            let found = public.and_then(|(_, public)| public["public-clouds"].get(&profile).cloned());
            let Some(Value::Object(mut base)) = found else {
                return Err(CloudError::Configuration {
                    message: format!(
                        "the cloud `{name}` has the profile `{profile}`, which `clouds-public.yaml` does not have"
                    ),
                    hint: "write what the profile says into the cloud's own entry".into(),
                });
            };
            merge(&mut base, cloud);
            cloud = base;
        }
        Ok(cloud)
    }

    /// The variables as an entry of `clouds.yaml`. `OS_INSECURE` is left out: only a file may say that.
    fn of_variables(&self) -> Map<String, Value> {
        let mut cloud = Map::new();
        for (key, variables) in [
            ("auth_type", &["OS_AUTH_TYPE"][..]),
            ("region_name", &["OS_REGION_NAME"]),
            ("interface", &["OS_INTERFACE", "OS_ENDPOINT_TYPE"]),
            ("cacert", &["OS_CACERT"]),
        ] {
            if let Some(value) = variables.iter().find_map(|name| self.get(name)) {
                cloud.insert(key.into(), value.into());
            }
        }
        let mut auth = Map::new();
        for key in AUTH_KEYS {
            if let Some(value) = self.get(&format!("OS_{}", key.to_uppercase())) {
                auth.insert((*key).into(), value.into());
            }
        }
        // The names that version 2 of Keystone had, and that files of old clouds still have.
        for (key, variable) in [("project_name", "OS_TENANT_NAME"), ("project_id", "OS_TENANT_ID")] {
            if let (false, Some(value)) = (auth.contains_key(key), self.get(variable)) {
                auth.insert(key.into(), value.into());
            }
        }
        cloud.insert("auth".into(), auth.into());
        cloud
    }

    fn folders(&self) -> Vec<PathBuf> {
        let home = Path::new(self.get("HOME").unwrap_or("/"));
        let own = self
            .get("XDG_CONFIG_HOME")
            .map_or_else(|| home.join(".config"), PathBuf::from);
        vec![
            self.directory.clone(),
            own.join("openstack"),
            PathBuf::from("/etc/openstack"),
        ]
    }

    /// The first file of this name there is; a variable's alone, where it is set.
    fn read(&self, name: &str, variable: &str) -> Result<Option<(PathBuf, Value)>, CloudError> {
        let candidates: Vec<PathBuf> = match self.get(variable) {
            Some(file) => vec![self.directory.join(file)],
            None => {
                let files =
                    |folder: PathBuf| ["yaml", "yml", "json"].map(|ending| folder.join(format!("{name}.{ending}")));
                self.folders().into_iter().flat_map(files).collect()
            }
        };
        for file in candidates {
            let text = match std::fs::read_to_string(&file) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(source) => {
                    return Err(CloudError::File {
                        action: "reading",
                        path: file,
                        source,
                    });
                }
            };
            let name = file.display().to_string();
            let parsed = plain_yaml(&name, &text).map_err(|reason| CloudError::Configuration {
                message: format!("{name} cannot be read: {reason}"),
                hint: "`openstack configuration show` reads the same file".into(),
            })?;
            return Ok(Some((file, parsed)));
        }
        Ok(None)
    }
}

/// The keys of `auth` that the ways to log in have.
const AUTH_KEYS: &[&str] = &[
    "auth_url",
    "username",
    "user_id",
    "password",
    "token",
    "passcode",
    "user_domain_name",
    "user_domain_id",
    "project_name",
    "project_id",
    "project_domain_name",
    "project_domain_id",
    "domain_name",
    "domain_id",
    "system_scope",
    "application_credential_id",
    "application_credential_name",
    "application_credential_secret",
];

/// `over` wins; mappings are merged.
fn merge(base: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(base)), Value::Object(over)) => merge(base, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// An entry as the SDK takes it.
fn access(name: &str, cloud: Map<String, Value>) -> Result<CloudAccess, CloudError> {
    let wrong = |message: String, hint: &str| CloudError::Configuration {
        message: format!("the cloud `{name}`: {message}"),
        hint: hint.to_owned(),
    };
    let text = |key: &str| cloud.get(key).and_then(Value::as_str).map(str::to_owned);
    for key in ["cert", "key"] {
        if cloud.get(key).is_some_and(|value| !value.is_null()) {
            return Err(wrong(
                format!("`{key}`: logging in with a client certificate is not supported"),
                "use an application credential",
            ));
        }
    }
    let mut auth = Map::new();
    for (key, value) in cloud.get("auth").and_then(Value::as_object).into_iter().flatten() {
        // Ids and passwords that look like numbers are read as such.
        let value = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        auth.insert(key.clone(), value.into());
    }
    // A name for both domains, which the OpenStack client has.
    if let Some(domain) = auth.remove("default_domain") {
        for key in ["user_domain_name", "project_domain_name"] {
            auth.entry(key).or_insert_with(|| domain.clone());
        }
    }
    let Some(auth_url) = auth.get("auth_url").and_then(Value::as_str).map(str::to_owned) else {
        return Err(wrong(
            "there is no `auth_url`".into(),
            "it is the address of Keystone: https://…:5000/v3",
        ));
    };
    let auth_type = match text("auth_type").as_deref() {
        None if auth.contains_key("application_credential_secret") => "v3applicationcredential",
        None if auth.contains_key("token") && !auth.contains_key("password") => "v3token",
        None | Some("password" | "v3password") => "v3password",
        Some("token" | "v3token") => "v3token",
        Some("application_credential" | "applicationcredential" | "v3applicationcredential") => {
            "v3applicationcredential"
        }
        Some(other) => {
            return Err(wrong(
                format!("logging in by `{other}` is not supported"),
                "`auth_type` may be password, token or v3applicationcredential",
            ));
        }
    };
    if auth_type == "v3applicationcredential" {
        // The credential says its project, and Keystone refuses a login that says it again.
        auth.retain(|key, _| !key.starts_with("project_") && !key.starts_with("domain_"));
    }
    let regions = cloud.get("regions").and_then(Value::as_array);
    let first_region = || {
        let first = regions?.first()?;
        first.as_str().or_else(|| first["name"].as_str()).map(str::to_owned)
    };
    let insecure =
        cloud.get("verify") == Some(&Value::Bool(false)) || cloud.get("insecure") == Some(&Value::Bool(true));
    let interface = text("interface")
        .or_else(|| text("endpoint_type"))
        .unwrap_or_else(|| "public".into());
    let auth = serde_json::from_value(auth.into())
        .map_err(|error| wrong(format!("`auth`: {error}"), "compare it with the documentation"))?;
    Ok(CloudAccess {
        name: name.to_owned(),
        auth_url,
        config: CloudConfig {
            auth: Some(auth),
            auth_type: Some(auth_type.to_owned()),
            interface: Some(interface.trim_end_matches("URL").to_owned()),
            region_name: text("region_name").or_else(first_region),
            name: Some(name.to_owned()),
            cacert: text("cacert"),
            verify: insecure.then_some(false),
            auth_cache: Some(false),
            ..CloudConfig::default()
        },
    })
}

#[cfg(test)]
mod tests;
