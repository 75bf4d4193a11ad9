//! The keys of a service, and of what stands inside one (specification: *services*).

use super::Shape::{
    Any, Boolean, Bytes, Choice, Duration, Either, Integer, List, Map, Name, Number, Object as In, Optional, Scalar,
    Text,
};
use super::{Key, LIST_OR_MAP, Object, Shape, TEXT_OR_LIST, TEXT_OR_NUMBER, TEXTS, build, deploy, hosts};
use super::{kept, key, not_yet, object, refused};

pub const SERVICE: Object = object(SERVICE_KEYS);

const COMMAND: Shape = Optional(&TEXT_OR_LIST);
pub const ULIMITS: Shape = Map(&Either(&[Integer, In(&ULIMIT)]));

/// In the order of the reference's canonical form.
const SERVICE_KEYS: &[Key] = &[
    key("profiles", TEXTS),
    key("annotations", LIST_OR_MAP),
    not_yet("attach", Boolean).kept(),
    kept("build", Either(&[Text, In(&build::BUILD)])),
    not_yet("develop", Optional(&Map(&Any))),
    not_yet("blkio_config", Map(&Any)),
    key("cap_add", TEXTS),
    key("cap_drop", TEXTS),
    key("cgroup_parent", Text),
    not_yet("cgroup", Choice(&["host", "private"])),
    not_yet("cpu_count", Integer),
    not_yet("cpu_percent", Number),
    not_yet("cpu_period", Number),
    not_yet("cpu_quota", Number),
    not_yet("cpu_rt_period", TEXT_OR_NUMBER),
    not_yet("cpu_rt_runtime", TEXT_OR_NUMBER),
    key("cpus", Shape::Cpus),
    not_yet("cpuset", Text),
    not_yet("cpu_shares", Number),
    kept("command", COMMAND),
    key("configs", List(&FILE_USE)),
    key("container_name", Name),
    not_yet("credential_spec", Map(&Any)),
    key("depends_on", Either(&[TEXTS, Map(&In(&DEPENDENCY))])),
    kept("deploy", Optional(&In(&deploy::DEPLOY))),
    not_yet("device_cgroup_rules", TEXTS),
    key("devices", List(&Either(&[Text, In(&DEVICE)]))),
    key("dns", TEXT_OR_LIST),
    key("dns_opt", TEXTS),
    key("dns_search", TEXT_OR_LIST),
    key("domainname", Text),
    kept("entrypoint", COMMAND),
    not_yet("provider", Map(&Any)),
    key("environment", LIST_OR_MAP),
    key("env_file", Either(&[Text, List(&Either(&[Text, In(&ENV_FILE)]))])),
    key("expose", List(&TEXT_OR_NUMBER)),
    refused("extends", Either(&[Text, In(&EXTENDS)])),
    not_yet("external_links", TEXTS),
    key("extra_hosts", EXTRA_HOSTS),
    key("group_add", List(&TEXT_OR_NUMBER)),
    not_yet("gpus", Any),
    key("hostname", Text),
    kept("healthcheck", In(&HEALTHCHECK)),
    key("image", Text),
    kept("init", Boolean),
    key("ipc", Text),
    not_yet("isolation", Text),
    key("labels", LIST_OR_MAP),
    not_yet("label_file", TEXT_OR_LIST),
    not_yet("links", TEXTS),
    kept("logging", In(&LOGGING)),
    key("mem_limit", Bytes),
    key("mem_reservation", Bytes),
    not_yet("memswap_limit", Bytes),
    not_yet("mem_swappiness", Integer),
    not_yet("mac_address", Text),
    not_yet("models", Any),
    key("network_mode", Text),
    key("networks", Either(&[TEXTS, Map(&Optional(&In(&SERVICE_NETWORK)))])),
    not_yet("oom_kill_disable", Boolean),
    key("oom_score_adj", Integer),
    key("pid", Optional(&Text)),
    key("pids_limit", Integer),
    key("platform", Text),
    key("ports", List(&Either(&[TEXT_OR_NUMBER, In(&PORT)]))),
    key("privileged", Boolean),
    key("pull_policy", Text),
    not_yet("pull_refresh_after", Text),
    key("read_only", Boolean),
    key("restart", Text),
    not_yet("runtime", Text),
    kept("scale", Integer),
    key("secrets", List(&FILE_USE)),
    key("security_opt", TEXTS),
    key("shm_size", Bytes),
    key("stdin_open", Boolean),
    kept("stop_grace_period", Duration),
    key("stop_signal", Text),
    not_yet("storage_opt", Map(&Scalar)),
    key("sysctls", LIST_OR_MAP),
    key("tmpfs", TEXT_OR_LIST),
    key("tty", Boolean),
    key("ulimits", ULIMITS),
    not_yet("use_api_socket", Boolean),
    key("user", Text),
    key("userns_mode", Text),
    not_yet("uts", Text),
    key("volumes", List(&Either(&[Text, In(&MOUNT)]))),
    not_yet("volumes_from", TEXTS),
    key("working_dir", Text),
    not_yet("post_start", List(&Map(&Any))),
    not_yet("pre_stop", List(&Map(&Any))),
    not_yet("x-ingress", hosts::INGRESS),
    key("x-runtime", Choice(&["service", "container"])),
];

pub const EXTRA_HOSTS: Shape = Either(&[TEXTS, Map(&TEXT_OR_LIST)]);

/// A service's use of a config or secret.
pub const FILE_USE: Shape = Either(&[Text, In(&FILE_USE_LONG)]);

const FILE_USE_LONG: Object = object(&[
    key("source", Text),
    key("target", Text),
    key("uid", Text),
    key("gid", Text),
    key("mode", TEXT_OR_NUMBER),
]);

const DEPENDENCY: Object = Object {
    keys: &[
        key(
            "condition",
            Choice(&["service_started", "service_healthy", "service_completed_successfully"]),
        ),
        key("restart", Boolean),
        kept("required", Boolean),
    ],
    required: &["condition"],
    extensible: true,
};

const DEVICE: Object = Object {
    keys: &[key("source", Text), key("target", Text), key("permissions", Text)],
    required: &["source"],
    extensible: true,
};

const ENV_FILE: Object = Object {
    keys: &[
        key("path", Text),
        kept("required", Boolean),
        key("format", Choice(&["raw"])),
    ],
    required: &["path"],
    extensible: false,
};

const EXTENDS: Object = Object {
    keys: &[key("file", Text), key("service", Text)],
    required: &["service"],
    extensible: false,
};

const HEALTHCHECK: Object = object(&[
    key("test", TEXT_OR_LIST),
    kept("timeout", Duration),
    kept("interval", Duration),
    kept("retries", Integer),
    kept("start_period", Duration),
    kept("start_interval", Duration),
    key("disable", Boolean),
]);

const LOGGING: Object = object(&[key("driver", Text), key("options", Map(&Scalar))]);

const SERVICE_NETWORK: Object = object(&[
    key("aliases", TEXTS),
    not_yet("driver_opts", Map(&Scalar)),
    not_yet("gw_priority", Number),
    not_yet("interface_name", Text),
    key("ipv4_address", Text),
    key("ipv6_address", Text),
    not_yet("link_local_ips", TEXTS),
    not_yet("mac_address", Text),
    key("priority", Number),
]);

const PORT: Object = Object {
    keys: &[
        key("name", Text),
        key("mode", Choice(&["ingress", "host"])),
        key("host_ip", Text),
        key("target", Integer),
        key("published", TEXT_OR_NUMBER),
        key("protocol", Text),
        not_yet("app_protocol", Text),
    ],
    required: &["target"],
    extensible: true,
};

const MOUNT: Object = Object {
    keys: &[
        key(
            "type",
            Choice(&["bind", "volume", "tmpfs", "cluster", "npipe", "image"]),
        ),
        key("source", Text),
        key("target", Text),
        key("read_only", Boolean),
        not_yet("consistency", Text),
        kept("bind", In(&MOUNT_BIND)),
        kept("volume", In(&MOUNT_VOLUME)),
        kept("tmpfs", In(&MOUNT_TMPFS)),
        kept("image", In(&MOUNT_IMAGE)),
    ],
    required: &["type"],
    extensible: true,
};

const MOUNT_BIND: Object = object(&[
    not_yet("selinux", Choice(&["z", "Z"])),
    key(
        "propagation",
        Choice(&["private", "rprivate", "shared", "rshared", "slave", "rslave"]),
    ),
    kept("create_host_path", Boolean),
    not_yet("recursive", Choice(&["enabled", "disabled", "writable", "readonly"])),
]);

const MOUNT_VOLUME: Object = object(&[
    not_yet("labels", LIST_OR_MAP),
    key("nocopy", Boolean),
    key("subpath", Text),
]);

const MOUNT_TMPFS: Object = object(&[key("size", Bytes), key("mode", TEXT_OR_NUMBER)]);

const MOUNT_IMAGE: Object = object(&[key("subpath", Text)]);

const ULIMIT: Object = Object {
    keys: &[kept("soft", Integer), kept("hard", Integer)],
    required: &["soft", "hard"],
    extensible: true,
};
