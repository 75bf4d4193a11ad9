//! What a service is attached to: networks, ports, mounts, configs and secrets, devices of a kind, models.

use super::shape::{
    BOOLEAN, By, DEVICE_COUNT, DISTINCT_OR_MAP, DISTINCT_TEXTS, DRIVER_OPTIONS, FILE_MODE, INTEGER_OR_TEXT, NOT_EMPTY,
    NUMBER_OR_TEXT, Object, Others, STRICT_WHOLE, Shape, TEXT, TEXT_OR_INTEGER, TEXTS, WHOLE_BYTES, choice, kept, key,
    object, unsigned,
};
use Shape::{Either, List, Map, Object as In};

pub const SERVICE_NETWORK: Object = object(&[
    key("aliases", TEXTS),
    key("driver_opts", DRIVER_OPTIONS),
    key("gw_priority", STRICT_WHOLE).by(By::Placed),
    key("interface_name", TEXT).by(By::Placed),
    key("ipv4_address", TEXT).containers("the cluster gives the replicas of a service their addresses"),
    key("ipv6_address", TEXT).containers("the cluster gives the replicas of a service their addresses"),
    key("link_local_ips", TEXTS).by(By::Placed),
    key("mac_address", TEXT).by(By::Placed),
    key("priority", STRICT_WHOLE).containers("the networks of a replica have no order"),
]);

pub const EXTRA_HOSTS: Shape = Either(&[Map(&NOT_EMPTY, &Either(&[TEXT, TEXTS])), DISTINCT_TEXTS]);

pub const PORT: Object = object(&[
    key("name", TEXT).approximated("has no effect: nothing shows it"),
    key("mode", TEXT).services("a container's ports are always those of its host"),
    key("host_ip", TEXT),
    key("target", unsigned(INTEGER_OR_TEXT, 32).at_once()),
    key("published", TEXT_OR_INTEGER),
    key("protocol", TEXT),
    key("app_protocol", TEXT).approximated("has no effect: nothing reads it"),
])
.requires(&["target"]);

/// The schema asks for `type` alone, the reference's merge for `target` too.
pub const MOUNT: Object = object(&[
    key(
        "type",
        choice(&["bind", "volume", "tmpfs", "cluster", "npipe", "image"]),
    ),
    key("source", TEXT),
    key("target", TEXT),
    key("read_only", BOOLEAN.at_once()),
    key("consistency", TEXT).approximated("has no effect: engines on Linux need no such hint"),
    kept("bind", In(&MOUNT_BIND)),
    kept("volume", In(&MOUNT_VOLUME)),
    kept("tmpfs", In(&MOUNT_TMPFS)),
    kept("image", In(&MOUNT_IMAGE)),
])
.requires(&["type", "target"]);

const MOUNT_BIND: Object = object(&[
    key("selinux", choice(&["z", "Z"]))
        .approximated("has no effect: files are not relabelled, so do it on the hosts that have SELinux"),
    key("propagation", TEXT),
    kept("create_host_path", BOOLEAN),
    key("recursive", choice(&["enabled", "disabled", "writable", "readonly"])).by(By::Placed),
]);

const MOUNT_VOLUME: Object = object(&[
    key("labels", DISTINCT_OR_MAP).approximated("has no effect: a volume has the labels that it has under `volumes`"),
    key("nocopy", BOOLEAN.at_once()),
    key("subpath", TEXT),
]);

const MOUNT_TMPFS: Object = object(&[
    key("size", WHOLE_BYTES.range(0, i64::MAX)),
    key("mode", unsigned(NUMBER_OR_TEXT, 32)),
]);

const MOUNT_IMAGE: Object = object(&[key("subpath", TEXT)]);

/// A service's use of a config or secret.
pub const CONFIG_USE: Shape = Either(&[TEXT, In(&CONFIG_USE_LONG)]);

const CONFIG_USE_LONG: Object = object(&[
    key("source", TEXT),
    key("target", TEXT),
    key("uid", TEXT),
    key("gid", TEXT),
    key("mode", FILE_MODE),
]);

/// The schema misplaces what would forbid other keys, so that any pass.
pub const GPUS: Shape = Either(&[choice(&["all"]), List(&In(&GPU))]);

const GPU: Object = Object {
    keys: DEVICE_REQUEST.keys,
    required: &[],
    others: Others::Ignored,
};

/// `deploy.resources.reservations.devices` (specification: *deploy*).
pub const DEVICE_REQUEST: Object = object(&[
    key("capabilities", DISTINCT_TEXTS),
    key("driver", TEXT),
    key("count", DEVICE_COUNT),
    key("device_ids", DISTINCT_TEXTS),
    key("options", DISTINCT_OR_MAP),
])
.requires(&["capabilities"]);

pub const MODEL_USE: Object = object(&[key("endpoint_var", TEXT), key("model_var", TEXT)]);
