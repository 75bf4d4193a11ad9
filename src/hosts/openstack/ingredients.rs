//! What a server is made from, found in the cloud before anything is made: image, flavor, security groups, the user of the
//! image.

use serde_json::Value;

use super::error::CloudError;
use super::observed::Observed;
use super::request::{Request, Service};
use super::session::Session;
use super::wish::{NetworkWish, Wish, named};
use crate::compose::model::{CloudName, NamedBy, Openstack, ServerGroup};

/// A group's ingredients.
#[derive(Debug, Clone, PartialEq)]
pub struct Ingredients {
    /// `None`: it boots from a volume that is there.
    pub image: Option<String>,
    pub flavor: String,
    /// Of the file's `security_groups`.
    pub security_groups: Vec<String>,
    pub user: String,
    /// GiB of a boot volume that is made.
    pub volume_size: Option<u64>,
    pub subnet: Option<String>,
    /// A server group that the file names.
    pub server_group: Option<String>,
}

/// Finds a group's ingredients.
///
/// # Errors
///
/// What is missing, with what there is instead.
pub async fn find(session: &Session, wish: &Wish, group: &str, there: &Observed) -> Result<Ingredients, CloudError> {
    let settings = &wish.groups[group];
    let flavor = match &settings.flavor {
        Some(flavor) => self::flavor(session, flavor).await?,
        None => return Err(missing(group, "flavor")),
    };
    let existing = settings
        .boot_volume
        .as_ref()
        .and_then(|volume| volume.existing.as_ref());
    let image = match (&settings.image, existing) {
        (Some(image), _) => self::image(session, image).await?,
        (None, Some(_)) => Value::Null,
        (None, None) => return Err(missing(group, "image")),
    };
    let groups = settings.security_groups.iter().map(|wanted| {
        named(&there.security_groups, wanted, "security group", |group| {
            (&group.id, &group.name)
        })
        .map(|group| group.id.clone())
    });
    let user = match &settings.user {
        Some(user) => user.clone(),
        None => usual_user(&image).ok_or_else(|| CloudError::Settings {
            group: group.to_owned(),
            message: "its image does not say which user one logs in as".into(),
            hint: "write `user: NAME` in `x-openstack`".into(),
        })?,
    };
    let subnet = match &wish.network {
        NetworkWish::Existing {
            subnet: Some(wanted), ..
        } => Some(
            named(&there.subnets, wanted, "subnet", |subnet| (&subnet.id, &subnet.name))?
                .id
                .clone(),
        ),
        _ => None,
    };
    let server_group = match &settings.server_group {
        Some(ServerGroup::Existing(wanted)) => Some(
            named(&there.server_groups, wanted, "server group", |group| {
                (&group.id, &group.name)
            })?
            .id
            .clone(),
        ),
        _ => None,
    };
    Ok(Ingredients {
        security_groups: groups.collect::<Result<_, _>>()?,
        volume_size: volume_size(settings, &image, &flavor, group)?,
        image: image["id"].as_str().map(str::to_owned),
        flavor: text(&flavor, "id"),
        user,
        subnet,
        server_group,
    })
}

fn missing(group: &str, key: &str) -> CloudError {
    CloudError::Settings {
        group: group.to_owned(),
        message: format!("`{key}` is missing"),
        hint: format!("write `{key}` here or in `x-openstack`"),
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

async fn image(session: &Session, wanted: &CloudName) -> Result<Value, CloudError> {
    let action = format!("find image `{wanted}`");
    if wanted.by != NamedBy::Id {
        let of_name = Request::get(Service::Image, "images", action.clone()).query("name", &wanted.text);
        let mut found = session.list(&of_name, "images").await?;
        found.retain(|image| image["status"] == "active");
        match found.len() {
            1 => return Ok(found.remove(0)),
            0 => {}
            count => {
                return Err(CloudError::Ambiguous {
                    kind: "image",
                    name: wanted.text.clone(),
                    count,
                });
            }
        }
    }
    if wanted.by != NamedBy::Name && is_id(&wanted.text) {
        let by_id = Request::get(Service::Image, format!("images/{wanted}"), action.clone());
        match session.call(&by_id).await {
            Err(error) if error.is_not_found() => {}
            other => return other,
        }
    }
    let all = session
        .list(&Request::get(Service::Image, "images", action), "images")
        .await?;
    Err(CloudError::Missing {
        kind: "image",
        name: wanted.text.clone(),
        known: all.iter().map(|image| text(image, "name")).collect(),
    })
}

async fn flavor(session: &Session, wanted: &CloudName) -> Result<Value, CloudError> {
    let request = Request::get(Service::Compute, "flavors/detail", format!("find flavor `{wanted}`"));
    let all = session.list(&request, "flavors").await?;
    let key = |flavor: &Value| (text(flavor, "id"), text(flavor, "name"));
    let names: Vec<(String, String)> = all.iter().map(key).collect();
    let found = named(&names, wanted, "flavor", |(id, name)| (id, name))?;
    Ok(all[names.iter().position(|other| std::ptr::eq(other, found)).unwrap_or(0)].clone())
}

/// A UUID: eight, four, four, four and twelve hexadecimal digits.
fn is_id(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.chars().all(|c| c.is_ascii_hexdigit()))
}

/// The user that the distribution's cloud images make: by what the image says of itself, else by its name.
fn usual_user(image: &Value) -> Option<String> {
    const USERS: &[(&str, &str)] = &[
        ("debian", "debian"),
        ("ubuntu", "ubuntu"),
        ("fedora", "fedora"),
        ("centos", "cloud-user"),
        ("rhel", "cloud-user"),
        ("rocky", "rocky"),
        ("alma", "almalinux"),
        ("opensuse", "opensuse"),
        ("sles", "sles"),
        ("arch", "arch"),
    ];
    if let Some(user) = image["os_admin_user"].as_str() {
        return Some(user.to_owned());
    }
    let said = [text(image, "os_distro"), text(image, "name")].map(|text| text.to_lowercase());
    let known = |said: &String| {
        USERS
            .iter()
            .find(|(name, _)| said.contains(name))
            .map(|(_, user)| (*user).to_owned())
    };
    said.iter().find_map(known)
}

fn volume_size(settings: &Openstack, image: &Value, flavor: &Value, group: &str) -> Result<Option<u64>, CloudError> {
    let disk = flavor["disk"].as_u64().unwrap_or(0);
    let Some(volume) = &settings.boot_volume else {
        return match settings.root_disk {
            Some(least) if disk < u64::from(least) => Err(CloudError::Settings {
                group: group.to_owned(),
                message: format!("`root_disk` is {least} GiB, and the flavor's disk has {disk}"),
                hint: "choose a larger flavor, or boot from a volume: `boot_volume: {}`".into(),
            }),
            _ => Ok(None),
        };
    };
    if volume.existing.is_some() {
        return Ok(None);
    }
    let least = image["min_disk"].as_u64().filter(|disk| *disk > 0);
    let root = settings.root_disk.map(u64::from);
    let size = volume
        .size
        .map(u64::from)
        .or(root)
        .or(least)
        .or((disk > 0).then_some(disk));
    size.map(Some).ok_or_else(|| CloudError::Settings {
        group: group.to_owned(),
        message: "`boot_volume` has no `size`, and neither image nor flavor says one".into(),
        hint: "write `boot_volume: {size: 20}`, in GiB".into(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_user_is_the_images_usual_one() {
        let user = |image: Value| usual_user(&image);
        assert_eq!(
            user(json!({"os_distro": "debian", "name": "x"})).as_deref(),
            Some("debian")
        );
        assert_eq!(user(json!({"name": "Ubuntu 24.04"})).as_deref(), Some("ubuntu"));
        assert_eq!(
            user(json!({"name": "golden", "os_admin_user": "core"})).as_deref(),
            Some("core")
        );
        assert_eq!(user(json!({"name": "golden"})), None);
    }

    #[test]
    fn only_a_uuid_is_an_id() {
        assert!(is_id("79f7bb5c-2b35-38dc-ceda-7d0794db547f"));
        assert!(!is_id("debian-12") && !is_id("79f7bb5c2b3538dcceda7d0794db547f"));
    }
}
