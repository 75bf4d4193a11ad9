//! Parts of a service that read the same for a Swarm service and for a container: environment, healthcheck, mounts.
//!
//! Knows the Engine API's units (nanoseconds, bytes). Never decides where anything runs.

use std::collections::HashMap;
use std::time::Duration;

use indexmap::IndexMap;

use crate::compose::model::{Healthcheck, Mount, MountKind, Project, Recursive, Service, ServiceNetwork, Volume};
use crate::engine::{labels, models};

/// Nanoseconds, as the Engine API counts time.
pub(super) fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// `KEY=VALUE`, or `KEY` for a variable without a value, which removes it from the image's own.
pub(super) fn environment(variables: &IndexMap<String, Option<String>>) -> Option<Vec<String>> {
    let entries = variables.iter().map(|(key, value)| match value {
        Some(value) => format!("{key}={value}"),
        None => key.clone(),
    });
    some_if_any(entries.collect())
}

/// The healthcheck; `None` leaves the image's own.
pub(super) fn healthcheck(service: &Service) -> Option<models::HealthConfig> {
    let check = service.healthcheck.as_ref()?;
    Some(healthcheck_of(check))
}

fn healthcheck_of(check: &Healthcheck) -> models::HealthConfig {
    if check.disable {
        return models::HealthConfig {
            test: Some(vec!["NONE".into()]),
            ..Default::default()
        };
    }
    models::HealthConfig {
        test: some_if_any(check.test.clone()),
        interval: check.interval.map(nanoseconds),
        timeout: check.timeout.map(nanoseconds),
        retries: check.retries.and_then(|retries| i64::try_from(retries).ok()),
        start_period: check.start_period.map(nanoseconds),
        start_interval: check.start_interval.map(nanoseconds),
    }
}

/// Labels of a resource that belongs to the project.
pub(super) fn project_labels(project: &Project) -> HashMap<String, String> {
    HashMap::from([(labels::PROJECT.to_owned(), project.name.clone())])
}

/// Labels of a named volume.
pub(super) fn volume_labels(project: &Project, key: &str, volume: &Volume) -> HashMap<String, String> {
    let mut all = project_labels(project);
    all.extend(volume.labels.clone());
    all.insert(labels::VOLUME.to_owned(), key.to_owned());
    all
}

/// The service's mounts. Named volumes carry the project's labels, so that an engine that makes one as it starts a
/// replica makes it findable.
pub(super) fn mounts(project: &Project, service: &Service) -> Vec<models::Mount> {
    service.mounts.iter().map(|mount| one_mount(project, mount)).collect()
}

fn one_mount(project: &Project, mount: &Mount) -> models::Mount {
    let base = models::Mount {
        target: Some(mount.target.clone()),
        read_only: mount.read_only.then_some(true),
        ..Default::default()
    };
    match &mount.kind {
        MountKind::Volume {
            volume,
            no_copy,
            subpath,
        } => {
            let known = volume.as_ref().and_then(|key| Some((key, project.volumes.get(key)?)));
            let options =
                known
                    .filter(|(_, volume)| !volume.external)
                    .map(|(key, volume)| models::MountVolumeOptions {
                        no_copy: no_copy.then_some(true),
                        labels: Some(volume_labels(project, key, volume)),
                        driver_config: volume
                            .driver
                            .as_ref()
                            .map(|driver| models::MountVolumeOptionsDriverConfig {
                                name: Some(driver.clone()),
                                options: some_if_any_map(&volume.driver_opts),
                            }),
                        subpath: subpath.clone(),
                    });
            models::Mount {
                typ: Some(models::MountType::VOLUME),
                source: known.map(|(_, volume)| volume.name.clone()),
                volume_options: options,
                ..base
            }
        }
        MountKind::Bind {
            source,
            create_host_path,
            propagation,
            recursive,
        } => models::Mount {
            typ: Some(models::MountType::BIND),
            source: Some(source.clone()),
            bind_options: Some(models::MountBindOptions {
                create_mountpoint: create_host_path.then_some(true),
                propagation: propagation.as_deref().and_then(|text| text.parse().ok()),
                non_recursive: (*recursive == Some(Recursive::Disabled)).then_some(true),
                read_only_non_recursive: (*recursive == Some(Recursive::Writable)).then_some(true),
                read_only_force_recursive: (*recursive == Some(Recursive::Readonly)).then_some(true),
            }),
            ..base
        },
        MountKind::Tmpfs { size, mode } => models::Mount {
            typ: Some(models::MountType::TMPFS),
            tmpfs_options: Some(models::MountTmpfsOptions {
                size_bytes: size.and_then(|bytes| i64::try_from(bytes).ok()),
                mode: mode.map(i64::from),
                options: None,
            }),
            ..base
        },
    }
}

/// The engine's size limits on open files and the like.
pub(super) fn ulimits(service: &Service) -> Option<Vec<models::ResourcesUlimits>> {
    let limits = service.ulimits.iter().map(|(name, limit)| models::ResourcesUlimits {
        name: Some(name.clone()),
        soft: Some(limit.soft),
        hard: Some(limit.hard),
    });
    some_if_any(limits.collect())
}

/// The engine's name of a network, and the names that the service answers to there: its own, its aliases, and `more`.
pub(super) fn attachment(
    project: &Project,
    service: &Service,
    key: &str,
    attachment: &ServiceNetwork,
    more: &[String],
) -> (String, Vec<String>) {
    let network = project.networks.get(key);
    let name = network.map_or_else(|| key.to_owned(), |network| network.name.clone());
    let mut names = vec![service.name.clone()];
    for other in attachment.aliases.iter().chain(more) {
        if !names.contains(other) {
            names.push(other.clone());
        }
    }
    (name, names)
}

/// `None` for an empty list: the Engine API tells "not said" from "empty".
pub(super) fn some_if_any<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}

/// `None` for an empty map.
pub(super) fn some_if_any_map(map: &IndexMap<String, String>) -> Option<HashMap<String, String>> {
    (!map.is_empty()).then(|| map.clone().into_iter().collect())
}
