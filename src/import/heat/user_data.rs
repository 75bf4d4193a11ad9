//! User data: what Hoist does itself needs none; the rest is shown, for the file that `user_data` names.

use serde_yaml::Value as Yaml;

use crate::import::draft::At;

use super::functions::{Found, Piece, Value};
use super::servers::Settings;
use super::translator::{Properties, Translator};
use super::types;

const WHY: &str = "Hoist installs Docker, opens its API and waits for it by itself; put what else the hosts need into a \
                   file, and name it with `user_data`";

/// The script or cloud-config that a server starts with.
pub fn of_server(translator: &mut Translator<'_>, properties: &mut Properties, settings: &mut Settings, here: &At) {
    let Some(found) = properties.take("user_data") else {
        return;
    };
    if let Some(file) = file_of(&found) {
        settings.insert("user_data", Yaml::from(file));
        return;
    }
    let configuration = found
        .resource()
        .map(str::to_owned)
        .filter(|name| is_configuration(translator, name));
    match configuration {
        Some(name) => configuration_of(translator, &name, here),
        None => {
            let shown = translator.shown(&found);
            translator
                .draft
                .lost_with(here.clone(), "user_data", Some(&shown), WHY, &found.place);
        }
    }
}

/// The file, where the value is one and nothing else.
fn file_of(found: &Found) -> Option<String> {
    let Value::Text(pieces) = &found.value else { return None };
    let [Piece::File(file, _)] = pieces.as_slice() else {
        return None;
    };
    Some(if file.starts_with(['/', '.']) {
        file.clone()
    } else {
        format!("./{file}")
    })
}

fn is_configuration(translator: &Translator<'_>, name: &str) -> bool {
    let kinds = [types::SOFTWARE_CONFIG, types::CLOUD_CONFIG, types::MULTIPART_MIME];
    translator
        .template
        .resources
        .get(name)
        .is_some_and(|resource| kinds.contains(&resource.kind.as_str()))
}

fn configuration_of(translator: &mut Translator<'_>, name: &str, here: &At) {
    let mut opened = translator.open(name);
    let place = translator.template.resources[name].place.clone();
    for key in ["config", "cloud_config"] {
        if let Some(found) = opened.take(key) {
            let shown = translator.shown(&found);
            translator
                .draft
                .lost_with(here.clone(), &format!("user_data ({name})"), Some(&shown), WHY, &place);
        }
    }
    for part in opened.take("parts").map(Found::items).unwrap_or_default() {
        if let Value::Map(map) = &part.value
            && let Some((_, config)) = map.get("config")
        {
            match config
                .resource()
                .map(str::to_owned)
                .filter(|inner| inner != name && is_configuration(translator, inner))
            {
                Some(inner) => configuration_of(translator, &inner, here),
                None => {
                    let shown = translator.shown(config);
                    let what = format!("user_data (a part of {name})");
                    translator
                        .draft
                        .lost_with(here.clone(), &what, Some(&shown), WHY, &config.place);
                }
            }
            for (key, (place, value)) in map.iter().filter(|(key, _)| *key != "config") {
                let shown = translator.shown(value);
                let what = format!("parts.{key} of {name}");
                translator
                    .draft
                    .lost_with(here.clone(), &what, Some(&shown), "Hoist joins the parts itself", place);
            }
        }
    }
    translator.leftover(here, name, opened);
}
