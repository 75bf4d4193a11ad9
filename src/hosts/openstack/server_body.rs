//! What Nova is told of a new server: the body of `POST /servers` (Compute API v2.67).
//!
//! Reads the user's `user_data`, and nothing else.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::error::CloudError;
use super::ingredients::Ingredients;
use super::made::fields;
use super::mark;
use super::servers::Kitchen;
use super::user_data::{Identity, user_data};
use crate::compose::model::{BootVolume, CloudName, Openstack};
use crate::hosts::HostRequest;
use crate::hosts::key_pair::KeyPair;

/// Of one value of metadata.
const LONGEST_VALUE: usize = 255;

/// The body; `port` is the server's own, `group` the server group that it goes into.
///
/// # Errors
///
/// The user's `user_data` cannot be read, or does not go together with Hoist's.
pub fn body(
    kitchen: &Kitchen,
    wish: &Openstack,
    request: &HostRequest,
    port: &str,
    key: &KeyPair,
    group: Option<&str>,
) -> Result<Value, CloudError> {
    let ingredients = &kitchen.ingredients[&request.group];
    let users = match &wish.user_data {
        None => None,
        Some(path) => Some(std::fs::read(path).map_err(|source| CloudError::File {
            action: "reading",
            path: path.clone(),
            source,
        })?),
    };
    let identity = Identity {
        hostname: &request.name,
        private_key: &key.private,
        public_key: &key.public,
    };
    let user_data = user_data(identity, users.as_deref()).map_err(|reason| CloudError::Settings {
        group: request.group.clone(),
        message: format!("`user_data`: {reason}"),
        hint: "cloud-init's documentation, \"User-data formats\", says what it may be".into(),
    })?;
    let name_of = |name: &Option<CloudName>| name.as_ref().map(|name| name.text.clone()).unwrap_or_default();
    let mut metadata: BTreeMap<String, String> = wish
        .metadata
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let labels = json!(request.labels).to_string();
    if labels.len() > LONGEST_VALUE {
        return Err(CloudError::Settings {
            group: request.group.clone(),
            message: format!(
                "`labels` are {} bytes as JSON, and servers carry them as metadata of {LONGEST_VALUE}",
                labels.len()
            ),
            hint: "give the group fewer or shorter labels".into(),
        });
    }
    let own = [
        (mark::LABELS, labels),
        (mark::POOL, request.pool.clone()),
        (mark::GROUP, request.group.clone()),
        (mark::HOST, request.name.clone()),
        (mark::HOST_KEY, key.public.clone()),
        (mark::USER, ingredients.user.clone()),
        (mark::PORT, wish.port.to_string()),
        (mark::IMAGE, name_of(&wish.image)),
        (mark::FLAVOR, name_of(&wish.flavor)),
    ];
    metadata.extend(own.into_iter().map(|(key, value)| (key.to_owned(), value)));
    let mut server = fields(json!({
        "name": mark::host_resource(&request.pool, &request.name),
        "flavorRef": ingredients.flavor,
        "networks": [{"port": port}],
        "key_name": kitchen.keypair,
        "user_data": user_data,
        "metadata": metadata,
        "tags": [mark::of_pool(&request.pool)],
    }));
    match &wish.boot_volume {
        Some(volume) => drop(server.insert("block_device_mapping_v2".into(), json!([disk(volume, ingredients)]))),
        None => drop(server.insert("imageRef".into(), json!(ingredients.image))),
    }
    if let Some(zone) = &wish.availability_zone {
        server.insert("availability_zone".into(), zone.clone().into());
    }
    if let Some(drive) = wish.config_drive {
        server.insert("config_drive".into(), drive.into());
    }
    let mut body = json!({"server": server});
    if let Some(group) = group {
        body["os:scheduler_hints"] = json!({"group": group});
    }
    Ok(body)
}

/// The disk that a server boots from, where that is a volume.
fn disk(volume: &BootVolume, ingredients: &Ingredients) -> Value {
    let mut disk = fields(json!({
        "boot_index": 0, "destination_type": "volume", "delete_on_termination": volume.delete_on_termination,
    }));
    let mut put = |key: &str, value: Value| drop(disk.insert(key.to_owned(), value));
    match &volume.existing {
        Some(existing) => {
            put("source_type", "volume".into());
            put("uuid", existing.text.clone().into());
        }
        None => {
            put("source_type", "image".into());
            put("uuid", json!(ingredients.image));
            put("volume_size", json!(ingredients.volume_size));
        }
    }
    if let Some(kind) = &volume.kind {
        put("volume_type", kind.clone().into());
    }
    if let Some(device) = &volume.device {
        put("device_name", device.clone().into());
    }
    disk.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::NamedBy;

    fn ingredients() -> Ingredients {
        Ingredients {
            image: Some("image-id".into()),
            flavor: "flavor-id".into(),
            security_groups: Vec::new(),
            user: "debian".into(),
            volume_size: Some(20),
            subnet: None,
            server_group: None,
        }
    }

    #[test]
    fn a_volume_to_boot_from_is_made_of_the_image_with_its_size_type_and_device() {
        let volume = BootVolume {
            size: Some(20),
            kind: Some("ssd".into()),
            device: Some("vda".into()),
            delete_on_termination: true,
            existing: None,
            name: None,
        };
        assert_eq!(
            disk(&volume, &ingredients()),
            json!({
                "boot_index": 0, "destination_type": "volume", "delete_on_termination": true,
                "source_type": "image", "uuid": "image-id", "volume_size": 20,
                "volume_type": "ssd", "device_name": "vda",
            })
        );
    }

    #[test]
    fn a_volume_that_is_there_is_booted_from_as_it_is() {
        let volume = BootVolume {
            size: None,
            kind: None,
            device: None,
            delete_on_termination: false,
            existing: Some(CloudName {
                text: "volume-id".into(),
                by: NamedBy::Id,
            }),
            name: None,
        };
        assert_eq!(
            disk(&volume, &ingredients()),
            json!({
                "boot_index": 0, "destination_type": "volume", "delete_on_termination": false,
                "source_type": "volume", "uuid": "volume-id",
            })
        );
    }
}
