//! Merges what Hoist needs into a host's `daemon.json`. Pure: text in, text out.
//!
//! What the host has stays unless the pool's settings say otherwise; the TLS settings are always Hoist's. A record on the
//! host says what the settings changed and what was there before, so that a setting that is taken out of the pool goes away
//! again: a wrong one could otherwise never be mended from the file.

use serde_json::{Map, Value};

use super::{Api, PKI_FOLDER};

const TLS_KEYS: [&str; 4] = ["tlsverify", "tlscacert", "tlscert", "tlskey"];

/// What the merge comes to.
#[derive(Debug, PartialEq)]
pub(super) struct Merged {
    /// The new text; `None`: what is there serves as it stands.
    pub text: Option<String>,
    /// The new record; empty where there is nothing to record.
    pub record: String,
    /// What a person should be told.
    pub notes: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Conflict {
    /// It is not a JSON object.
    Invalid(String),
    /// It has a key that cannot stand beside sockets handed over by systemd.
    Hosts { by_settings: bool },
}

/// `record`: what the last merge left.
pub(super) fn merge(
    existing: Option<&str>,
    record: Option<&str>,
    settings: &Map<String, Value>,
    api: Api,
) -> Result<Merged, Conflict> {
    let before = match existing.map(str::trim) {
        None | Some("") => Map::new(),
        Some(text) => {
            serde_json::from_str::<Map<String, Value>>(text).map_err(|error| Conflict::Invalid(error.to_string()))?
        }
    };
    let mut after = before.clone();
    // An unreadable record is no record: then what it told of stays.
    let recorded: Map<String, Value> = record
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let record = apply(settings, &recorded, &mut after);
    if after.contains_key("hosts") {
        return Err(Conflict::Hosts {
            by_settings: settings.contains_key("hosts"),
        });
    }
    let mut notes = Vec::new();
    set_tls(&mut after, api, &mut notes);
    if after.get("live-restore") == Some(&Value::Bool(true)) {
        notes.push("`live-restore` is switched off: an engine of a cluster cannot have it".to_string());
        after.insert("live-restore".to_string(), Value::Bool(false));
    }
    // Nothing to say is said without a file.
    let text = (after != before).then(|| format!("{:#}\n", Value::Object(after)));
    let record = if record.is_empty() && recorded.is_empty() {
        String::new()
    } else {
        format!("{:#}\n", Value::Object(record))
    };
    Ok(Merged { text, record, notes })
}

/// Takes back what the record tells of and the settings no longer say, sets what they say, and returns the new record.
fn apply(
    settings: &Map<String, Value>,
    recorded: &Map<String, Value>,
    after: &mut Map<String, Value>,
) -> Map<String, Value> {
    for (key, entry) in recorded.iter().filter(|(key, _)| !settings.contains_key(*key)) {
        // Somebody who changed it since has the last word.
        if after.get(key) == entry.get("set") {
            match entry.get("was") {
                Some(was) => after.insert(key.clone(), was.clone()),
                None => after.shift_remove(key),
            };
        }
    }
    let mut record = Map::new();
    for (key, value) in settings {
        let was = match recorded.get(key) {
            Some(entry) => entry.get("was").cloned(),
            None => after.get(key).cloned(),
        };
        let mut entry = Map::new();
        entry.insert("set".to_string(), value.clone());
        entry.extend(was.map(|was| ("was".to_string(), was)));
        record.insert(key.clone(), Value::Object(entry));
        after.insert(key.clone(), value.clone());
    }
    record
}

fn set_tls(after: &mut Map<String, Value>, api: Api, notes: &mut Vec<String>) {
    let own = |value: &Value| value.as_str().is_some_and(|path| path.starts_with(PKI_FOLDER));
    match api {
        Api::Tls => {
            if after.get("tlscacert").is_some_and(|value| !own(value)) {
                notes.push("its own TLS settings are replaced by the pool's".to_string());
            }
            after.shift_remove("tls");
            let files = ["ca.pem", "server.pem", "server-key.pem"].map(|file| format!("{PKI_FOLDER}/{file}").into());
            for (key, value) in TLS_KEYS.into_iter().zip([Value::Bool(true)].into_iter().chain(files)) {
                after.insert(key.to_string(), value);
            }
        }
        // With TLS settings in place the plain socket would speak TLS: what Hoist set before goes, what others set stays.
        Api::Ssh | Api::InsecureTcp => {
            if after.get("tlscacert").is_some_and(own) {
                for key in TLS_KEYS {
                    after.shift_remove(key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    fn merged(existing: &str, own: &str, api: Api) -> Merged {
        merge(Some(existing), None, &settings(own), api).unwrap()
    }

    #[test]
    fn a_missing_file_gets_the_tls_settings() {
        let text = merge(None, None, &Map::new(), Api::Tls).unwrap().text.unwrap();
        assert_eq!(
            text,
            "{\n  \"tlsverify\": true,\n  \"tlscacert\": \"/etc/hoist/pki/ca.pem\",\n  \"tlscert\": \
             \"/etc/hoist/pki/server.pem\",\n  \"tlskey\": \"/etc/hoist/pki/server-key.pem\"\n}\n"
        );
    }

    #[test]
    fn what_the_host_has_stays_in_its_order() {
        let there = r#"{"log-driver": "local", "data-root": "/srv/docker", "dns": ["10.0.0.2"]}"#;
        let text = merged(there, r#"{"log-driver": "journald", "mtu": 1400}"#, Api::Tls)
            .text
            .unwrap();
        let keys: Vec<String> = settings(&text).keys().cloned().collect();
        assert_eq!(
            keys,
            [
                "log-driver",
                "data-root",
                "dns",
                "mtu",
                "tlsverify",
                "tlscacert",
                "tlscert",
                "tlskey"
            ]
        );
        assert_eq!(settings(&text)["log-driver"], "journald");
        assert_eq!(settings(&text)["data-root"], "/srv/docker");
    }

    #[test]
    fn a_second_merge_changes_nothing() {
        let once = merged(r#"{"mtu": 1400}"#, "{}", Api::Tls).text.unwrap();
        assert_eq!(merged(&once, "{}", Api::Tls).text, None);
        assert_eq!(merge(None, None, &Map::new(), Api::Ssh).unwrap().text, None);
        assert_eq!(merged("  \n", "{}", Api::Ssh).text, None);
    }

    #[test]
    fn the_settings_cannot_weaken_tls() {
        let text = merged("{}", r#"{"tlsverify": false, "tls": false}"#, Api::Tls)
            .text
            .unwrap();
        assert_eq!(settings(&text)["tlsverify"], true);
        assert!(!settings(&text).contains_key("tls"));
    }

    #[test]
    fn live_restore_is_switched_off_and_said() {
        let merged = merged(r#"{"live-restore": true}"#, "{}", Api::Ssh);
        assert_eq!(settings(&merged.text.unwrap())["live-restore"], false);
        assert_eq!(merged.notes.len(), 1);
    }

    #[test]
    fn tls_settings_of_hoist_leave_with_tls_and_others_stay() {
        let own = merged("{}", "{}", Api::Tls).text.unwrap();
        assert_eq!(merged(&own, "{}", Api::InsecureTcp).text.as_deref(), Some("{}\n"));
        let foreign = r#"{"tlsverify": true, "tlscacert": "/etc/ssl/own.pem"}"#;
        assert_eq!(merged(foreign, "{}", Api::Ssh).text, None);
        assert_eq!(merged(foreign, "{}", Api::Tls).notes.len(), 1);
    }

    #[test]
    fn a_setting_that_is_taken_out_goes_away_again() {
        let there = r#"{"mtu": 1500, "debug": true}"#;
        let set = settings(r#"{"mtu": 1400, "log-driver": "local"}"#);
        let with = merge(Some(there), None, &set, Api::Ssh).unwrap();
        let (text, record) = (with.text.unwrap(), with.record);
        let again = merge(Some(&text), Some(&record), &set, Api::Ssh).unwrap();
        assert_eq!((again.text, &again.record), (None, &record));
        let without = merge(Some(&text), Some(&record), &Map::new(), Api::Ssh).unwrap();
        assert_eq!(settings(&without.text.unwrap()), settings(there));
        assert_eq!(without.record, "{}\n");

        // Unless somebody else has changed it meanwhile.
        let changed = text.replace("1400", "9000");
        let without = merge(Some(&changed), Some(&record), &Map::new(), Api::Ssh).unwrap();
        assert_eq!(settings(&without.text.unwrap())["mtu"], 9000);
    }

    #[test]
    fn what_is_no_object_is_left_alone() {
        for text in ["{\"a\": ", "[]", "nonsense", "{\"a\": 1,}"] {
            assert!(matches!(
                merge(Some(text), None, &Map::new(), Api::Tls),
                Err(Conflict::Invalid(_))
            ));
        }
    }

    #[test]
    fn a_hosts_key_is_a_conflict() {
        let there = r#"{"hosts": ["tcp://0.0.0.0:2375"]}"#;
        assert_eq!(
            merge(Some(there), None, &Map::new(), Api::Tls),
            Err(Conflict::Hosts { by_settings: false })
        );
        assert_eq!(
            merge(None, None, &settings(there), Api::Tls),
            Err(Conflict::Hosts { by_settings: true })
        );
    }
}
