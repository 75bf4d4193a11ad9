//! Servers become groups of `x-hosts`; what they all say alike becomes `x-openstack`.

use std::time::Duration;

use indexmap::IndexMap;
use serde_yaml::{Mapping, Value as Yaml};

use crate::compose::units;
use crate::import::draft::{At, at};

use super::functions::{Found, Value};
use super::translator::{Properties, Role, Translator, Unit};
use super::{networks, types, user_data};

/// Settings by their key in `x-openstack`.
pub type Settings = IndexMap<&'static str, Yaml>;

/// The order in which the output has them.
const ORDER: &[&str] = &[
    "cloud",
    "image",
    "flavor",
    "keypair",
    "user",
    "network",
    "floating_ip",
    "allow",
    "publish_to",
    "security_groups",
    "availability_zone",
    "server_group",
    "boot_volume",
    "config_drive",
    "metadata",
    "user_data",
    "timeout",
];

/// Translates all servers.
pub fn translate(translator: &mut Translator<'_>) {
    let units = translator.units(types::SERVER);
    if units.is_empty() {
        return;
    }
    let timeout = waiting(translator);
    let mut groups = IndexMap::new();
    for unit in units {
        let Some(Role::Group(name)) = translator.roles.get(&unit.resource).cloned() else {
            continue;
        };
        let count = unit.count.clone();
        let mut settings = server(translator, unit, &name);
        settings.extend(timeout.clone().map(|timeout| ("timeout", timeout)));
        groups.insert(name, (count, settings));
    }
    let shared = shared(&groups);
    let mut section = Mapping::new();
    for (name, (count, mut settings)) in groups {
        settings.retain(|key, _| !shared.contains_key(key));
        let mut group = Mapping::new();
        let count = count.and_then(|count| translator.number(&count, &at(["x-hosts", &name])));
        group.extend(count.map(|count| (Yaml::from("count"), count)));
        // What constraints on this group's hosts compare with.
        let labels = Mapping::from_iter([(Yaml::from("group"), Yaml::from(name.as_str()))]);
        group.insert(Yaml::from("labels"), Yaml::Mapping(labels));
        group.insert(Yaml::from("openstack"), Yaml::Mapping(in_order(settings)));
        section.insert(Yaml::from(name), Yaml::Mapping(group));
    }
    translator.openstack = shared;
    translator.draft.extension(None, "x-hosts", Yaml::Mapping(section));
}

/// A section of `x-openstack`'s keys.
pub fn in_order(settings: Settings) -> Mapping {
    let mut settings: Vec<(&str, Yaml)> = settings.into_iter().collect();
    settings.sort_by_key(|(key, _)| ORDER.iter().position(|known| known == key));
    settings
        .into_iter()
        .map(|(key, value)| (Yaml::from(key), value))
        .collect()
}

fn shared(groups: &IndexMap<String, (Option<Found>, Settings)>) -> Settings {
    let mut all = groups.values().map(|(_, settings)| settings);
    let mut shared = all.next().cloned().unwrap_or_default();
    for settings in all {
        shared.retain(|key, value| settings.get(key) == Some(value));
    }
    shared
}

/// What wait conditions come to: how long a host may take.
fn waiting(translator: &mut Translator<'_>) -> Option<Yaml> {
    let mut longest: Option<Yaml> = None;
    let here = at(["x-openstack"]);
    for (kind, handle, timeout) in [
        (types::WAIT_CONDITION, "handle", "timeout"),
        ("AWS::CloudFormation::WaitCondition", "Handle", "Timeout"),
    ] {
        for name in translator.of_type(kind) {
            let mut properties = translator.open(&name);
            properties.take(handle);
            if let Some(found) = properties.take(timeout) {
                let seconds = found
                    .literal()
                    .and_then(|text| text.parse::<f64>().ok())
                    .filter(|s| *s >= 0.0);
                let value = match seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
                    Some(duration) => Some(Yaml::from(duration_text(duration))),
                    None => translator
                        .text(&found, &here)
                        .map(|text| Yaml::from(format!("{text}s"))),
                };
                if longest.is_some() && longest != value {
                    let shown = translator.shown(&found);
                    let why = "a pool has one limit: that of the first wait condition";
                    let what = format!("{timeout} of {name}");
                    translator
                        .draft
                        .lost_with(here.clone(), &what, Some(&shown), why, &found.place);
                }
                longest = longest.or(value);
            }
            translator.leftover(&here, &name, properties);
        }
    }
    for kind in [types::WAIT_CONDITION_HANDLE, "AWS::CloudFormation::WaitConditionHandle"] {
        for name in translator.of_type(kind) {
            let properties = translator.open(&name);
            translator.leftover(&here, &name, properties);
        }
    }
    if longest.is_some() {
        translator.draft.say(
            at(["x-openstack", "timeout"]),
            "The wait condition: Hoist asks each host itself until its Docker Engine answers.",
        );
    }
    longest
}

/// `10m` rather than `10m0s`.
fn duration_text(duration: Duration) -> String {
    let text = units::duration_text(duration);
    let text = text.strip_suffix("m0s").map(|text| format!("{text}m")).unwrap_or(text);
    text.strip_suffix("h0m").map(|text| format!("{text}h")).unwrap_or(text)
}

fn server(translator: &mut Translator<'_>, unit: Unit, group: &str) -> Settings {
    let here = at(["x-hosts", group]);
    let mut properties = unit.properties;
    let mut settings = Settings::new();
    for (property, key) in [
        ("image", "image"),
        ("flavor", "flavor"),
        ("admin_user", "user"),
        ("availability_zone", "availability_zone"),
    ] {
        if let Some(found) = properties.take(property) {
            settings.extend(translator.text(&found, &here).map(|text| (key, Yaml::from(text))));
        }
    }
    key_pair(translator, &mut properties, &mut settings, &here);
    if let Some(found) = properties.take("config_drive")
        && let Some(flag) = translator.flag(&found, &here)
    {
        settings.insert("config_drive", flag.into());
    }
    if let Some(found) = properties.take("metadata") {
        let pairs = translator.pairs(&found, &here);
        settings.insert(
            "metadata",
            pairs
                .into_iter()
                .map(|(k, v)| (Yaml::from(k), Yaml::from(v)))
                .collect::<Mapping>()
                .into(),
        );
    }
    boot_volume(translator, &mut properties, &mut settings, &here);
    networks::of_server(translator, &unit.resource, &mut properties, &mut settings, group);
    server_group(translator, &mut properties, &mut settings, &here);
    user_data::of_server(translator, &mut properties, &mut settings, &here);
    translator.leftover(&here, &unit.resource, properties);
    settings
}

fn key_pair(translator: &mut Translator<'_>, properties: &mut Properties, settings: &mut Settings, here: &At) {
    let Some(found) = properties.take("key_name") else {
        return;
    };
    let made = found.resource().filter(|name| {
        translator
            .template
            .resources
            .get(*name)
            .is_some_and(|resource| resource.kind == types::KEY_PAIR)
    });
    match made.map(str::to_owned) {
        Some(name) => {
            let properties = translator.open(&name);
            translator.leftover(here, &name, properties);
        }
        None => settings.extend(translator.text(&found, here).map(|text| ("keypair", Yaml::from(text)))),
    }
}

fn server_group(translator: &mut Translator<'_>, properties: &mut Properties, settings: &mut Settings, here: &At) {
    let Some(found) = properties.take("scheduler_hints") else {
        return;
    };
    let Value::Map(hints) = &found.value else {
        return properties.put_back("scheduler_hints", found);
    };
    for (hint, (place, value)) in hints {
        let group = value.resource().filter(|_| hint == "group").map(str::to_owned);
        let Some(group) = group else {
            let shown = translator.shown(value);
            let why = "of scheduler hints, Hoist has the server group only";
            translator.draft.lost_with(
                here.clone(),
                &format!("scheduler_hints.{hint}"),
                Some(&shown),
                why,
                place,
            );
            continue;
        };
        let mut opened = translator.open(&group);
        let policy = opened.take("policies").map(Found::items).unwrap_or_default();
        let policy = policy.first().and_then(|policy| translator.text(policy, here));
        settings.insert(
            "server_group",
            Yaml::from(policy.unwrap_or_else(|| "anti-affinity".to_owned())),
        );
        translator.leftover(here, &group, opened);
    }
}

/// A server that boots from a volume: `boot_index: 0` of the newer form.
fn boot_volume(translator: &mut Translator<'_>, properties: &mut Properties, settings: &mut Settings, here: &At) {
    let Some(found) = properties.take("block_device_mapping_v2") else {
        return;
    };
    for (number, device) in found.items().into_iter().enumerate() {
        let Value::Map(mut device_map) = device.value.clone() else {
            continue;
        };
        let mut take = |key: &str| device_map.shift_remove(key).map(|(_, found)| found);
        let boots = take("boot_index").is_none_or(|index| index.literal().as_deref() == Some("0")) && number == 0;
        let (mut size, mut kind) = (take("volume_size"), take("volume_type"));
        let mut image = take("image").or(take("image_id"));
        let volume = take("volume_id");
        let (delete, name) = (take("delete_on_termination"), take("device_name"));
        if let Some(name) = volume
            .as_ref()
            .and_then(Found::resource)
            .map(str::to_owned)
            .filter(|_| boots)
        {
            let mut opened = translator.open(&name);
            size = opened.take("size").or(size);
            kind = opened.take("volume_type").or(kind);
            image = opened.either("image", "imageRef").or(image);
            translator.leftover(here, &name, opened);
        } else if volume.is_some() || !boots {
            let shown = translator.shown(&device);
            let why = "Hoist makes boot volumes only: data lies in the services' volumes";
            translator.draft.lost_with(
                here.clone(),
                "block_device_mapping_v2",
                Some(&shown),
                why,
                &device.place,
            );
            continue;
        }
        let mut boot = Mapping::new();
        let size = size.and_then(|size| translator.number(&size, here));
        boot.extend(size.map(|size| (Yaml::from("size"), size)));
        let kind = kind.and_then(|kind| translator.text(&kind, here));
        boot.extend(kind.map(|kind| (Yaml::from("type"), Yaml::from(kind))));
        let delete = delete.and_then(|delete| translator.flag(&delete, here));
        boot.extend(delete.map(|delete| (Yaml::from("delete_on_termination"), delete.into())));
        let device = name.and_then(|name| translator.text(&name, here));
        boot.extend(device.map(|device| (Yaml::from("device"), Yaml::from(device))));
        settings.insert("boot_volume", Yaml::Mapping(boot));
        let image = image.and_then(|image| translator.text(&image, here));
        settings.extend(image.map(|image| ("image", Yaml::from(image))));
        for (key, (place, value)) in device_map {
            let shown = translator.shown(&value);
            let what = format!("block_device_mapping_v2.{key}");
            translator.draft.lost_with(
                here.clone(),
                &what,
                Some(&shown),
                "Hoist leaves it to the cloud",
                &place,
            );
        }
    }
}
