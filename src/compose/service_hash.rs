//! The hash of what a service is made from: the one that `docker compose` puts into the label
//! `com.docker.compose.config-hash`.
//!
//! Works on a service's canonical JSON, whose order of keys is the reference's. Never knows what a key means, but for
//! those that change a service without changing its containers.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::print;

/// What does not count: how an image is made, how many replicas run, in which order, and when.
const LEFT_OUT: [&str; 5] = ["build", "pull_policy", "scale", "depends_on", "profiles"];
/// Keys that stand behind `platform`.
const BEHIND_PLATFORM: [&str; 28] = [
    "ports",
    "privileged",
    "pull_policy",
    "read_only",
    "restart",
    "runtime",
    "scale",
    "secrets",
    "security_opt",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "storage_opt",
    "sysctls",
    "tmpfs",
    "tty",
    "ulimits",
    "use_api_socket",
    "user",
    "userns_mode",
    "uts",
    "volume_driver",
    "volumes",
    "volumes_from",
    "working_dir",
    "post_start",
    "pre_stop",
];

/// The hash of a service. What is built is built for `platform`, unless the service names its own.
pub fn hash(service: &Value, platform: Option<&str>) -> String {
    let mut counted = Map::new();
    let built = service.get("build").is_some() && service.get("platform").is_none();
    let mut platform = platform.filter(|_| built);
    for (key, value) in service.as_object().into_iter().flatten() {
        if BEHIND_PLATFORM.contains(&key.as_str())
            && let Some(platform) = platform.take()
        {
            counted.insert("platform".to_owned(), platform.into());
        }
        if LEFT_OUT.contains(&key.as_str()) {
            continue;
        }
        let mut value = value.clone();
        if key == "deploy"
            && let Some(deploy) = value.as_object_mut()
        {
            deploy.shift_remove("replicas");
        }
        counted.insert(key.clone(), value);
    }
    if let Some(platform) = platform {
        counted.insert("platform".to_owned(), platform.into());
    }
    let text = compact(&print::as_json(&Value::Object(counted)));
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// JSON without the spaces and line breaks between its words.
fn compact(json: &str) -> String {
    let mut in_string = false;
    let mut escaped = false;
    let keep = |character: &char| {
        if !in_string {
            in_string = *character == '"';
            return !character.is_ascii_whitespace();
        }
        in_string = escaped || *character != '"';
        escaped = *character == '\\' && !escaped;
        true
    };
    json.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_leaves_containers_as_they_are_does_not_count() {
        let plain = json!({"image": "x", "deploy": {"resources": {}}});
        let more = json!({"profiles": ["a"], "build": {}, "image": "x", "scale": 3, "deploy": {"replicas": 3, "resources": {}}});
        assert_eq!(hash(&plain, None), hash(&more, None));
        assert_ne!(
            hash(&plain, None),
            hash(&json!({"image": "y", "deploy": {"resources": {}}}), None)
        );
    }

    #[test]
    fn a_default_platform_stands_where_an_own_one_would() {
        let own = json!({"build": {}, "image": "x", "platform": "linux/arm64", "ports": []});
        let other = json!({"build": {}, "image": "x", "ports": []});
        assert_eq!(hash(&own, Some("linux/amd64")), hash(&other, Some("linux/arm64")));
        assert_ne!(hash(&other, None), hash(&other, Some("linux/arm64")));
        assert_eq!(
            hash(&json!({"image": "x"}), Some("linux/arm64")),
            hash(&json!({"image": "x"}), None)
        );
    }

    #[test]
    fn only_spaces_outside_of_strings_go() {
        assert_eq!(
            compact("{\n  \"a b\": \"c \\\" d\",\n \"e\": [ ]\n}"),
            r#"{"a b":"c \" d","e":[]}"#
        );
    }
}
