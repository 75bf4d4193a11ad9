//! The keys of a service (specification: *services*).

use super::attached::{CONFIG_USE, EXTRA_HOSTS, GPUS, MODEL_USE, MOUNT, PORT, SERVICE_NETWORK};
use super::lifecycle::{COMMAND, DEPENDENCY, DEVELOP, ENV_FILE, EXTENDS, HEALTHCHECK, HOOK, PROVIDER};
use super::limits::{BLKIO, CREDENTIAL_SPEC, DEVICE, LOGGING, ULIMITS};
use super::shape::{
    ANY_BUT_EMPTY, BOOLEAN, BYTES, Becomes, CPUS, DISTINCT_TEXTS, DURATION, INTEGER, Key, Kinds, LIST_OR_MAP, Object,
    PLAIN, PLAIN_OR_ANY, Rule, STRICT_BOOLEAN, Scalar, Shape, TEXT, TEXT_OR_INTEGER, TEXT_OR_LIST, TEXTS, WHOLE,
    WHOLE_BYTES, choice, kept, key, not_yet, object, pattern,
};
use super::{build, deploy, ingress};
use Shape::{Either, List, Map, Object as In, Optional, Set};

pub const SERVICE: Object = object(SERVICE_KEYS);

/// In the order of the reference's canonical form.
const SERVICE_KEYS: &[Key] = &[
    key("profiles", TEXTS),
    key("annotations", LIST_OR_MAP),
    not_yet("attach", BOOLEAN).kept(),
    kept("build", Either(&[TEXT, In(&build::BUILD)])),
    not_yet("develop", Optional(&In(&DEVELOP))),
    not_yet("blkio_config", In(&BLKIO)),
    key("cap_add", TEXTS),
    key("cap_drop", TEXTS),
    key("cgroup_parent", TEXT),
    not_yet("cgroup", choice(&["host", "private"])),
    not_yet("cpu_count", INTEGER.at_once().range(0, i64::MAX)),
    not_yet("cpu_percent", PERCENT),
    not_yet("cpu_period", WHOLE.at_once()),
    not_yet("cpu_quota", WHOLE.at_once()),
    not_yet("cpu_rt_period", WHOLE.at_once()),
    not_yet("cpu_rt_runtime", WHOLE.at_once()),
    key("cpus", CPUS.at_once()),
    not_yet("cpuset", TEXT),
    not_yet("cpu_shares", WHOLE.at_once()),
    kept("command", COMMAND),
    key("configs", List(&CONFIG_USE)),
    key("container_name", pattern(is_container_name, CONTAINER_NAME_WORDS)),
    not_yet("credential_spec", In(&CREDENTIAL_SPEC)),
    key("depends_on", Either(&[DISTINCT_TEXTS, Map(&PLAIN, &In(&DEPENDENCY))])),
    kept("deploy", Optional(&In(&deploy::DEPLOY))),
    not_yet("device_cgroup_rules", DISTINCT_TEXTS),
    key("devices", List(&Either(&[TEXT, In(&DEVICE)]))),
    key("dns", TEXT_OR_LIST),
    key("dns_opt", TEXTS),
    key("dns_search", TEXT_OR_LIST),
    key("domainname", TEXT),
    kept("entrypoint", COMMAND),
    not_yet("provider", In(&PROVIDER)),
    key("environment", LIST_OR_MAP),
    key("env_file", Either(&[TEXT, List(&Either(&[TEXT, In(&ENV_FILE)]))])),
    key("expose", List(&TEXT_OR_INTEGER)),
    key("extends", Either(&[TEXT, In(&EXTENDS)])),
    not_yet("external_links", DISTINCT_TEXTS),
    key("extra_hosts", EXTRA_HOSTS),
    key("group_add", Set(&TEXT_OR_INTEGER)),
    not_yet("gpus", GPUS),
    key("hostname", TEXT),
    kept("healthcheck", In(&HEALTHCHECK)),
    key("image", TEXT),
    kept("init", BOOLEAN.at_once()),
    key("ipc", TEXT),
    not_yet("isolation", TEXT),
    key("labels", LIST_OR_MAP),
    not_yet("label_file", TEXT_OR_LIST),
    not_yet("links", TEXTS),
    kept("logging", In(&LOGGING)),
    key("mem_limit", BYTES),
    key("mem_reservation", WHOLE_BYTES),
    not_yet("memswap_limit", BYTES),
    not_yet("mem_swappiness", WHOLE_BYTES),
    not_yet("mac_address", TEXT),
    not_yet(
        "models",
        Either(&[DISTINCT_TEXTS, Map(&PLAIN_OR_ANY, &Optional(&In(&MODEL_USE)))]),
    ),
    key("network_mode", TEXT),
    key(
        "networks",
        Either(&[DISTINCT_TEXTS, Map(&PLAIN, &Optional(&In(&SERVICE_NETWORK)))]),
    ),
    not_yet("oom_kill_disable", BOOLEAN.at_once()),
    key("oom_score_adj", INTEGER.at_once().range(-1000, 1000)),
    key("pid", Optional(&TEXT)),
    key("pids_limit", WHOLE.at_once()),
    key("platform", TEXT),
    key("ports", List(&Either(&[TEXT_OR_INTEGER, In(&PORT)]))),
    key("privileged", BOOLEAN.at_once()),
    key("pull_policy", pattern(is_pull_policy, PULL_POLICY_WORDS)),
    not_yet("pull_refresh_after", TEXT),
    key("read_only", BOOLEAN.at_once()),
    key("restart", TEXT),
    not_yet("runtime", TEXT),
    kept("scale", INTEGER.at_once()),
    key("secrets", List(&CONFIG_USE)),
    key("security_opt", DISTINCT_TEXTS),
    key("shm_size", BYTES),
    key("stdin_open", BOOLEAN.at_once()),
    kept("stop_grace_period", DURATION),
    key("stop_signal", TEXT),
    not_yet("storage_opt", Map(&ANY_BUT_EMPTY, &Optional(&TEXT_OR_INTEGER))),
    key("sysctls", LIST_OR_MAP),
    key("tmpfs", TEXT_OR_LIST),
    key("tty", BOOLEAN.at_once()),
    key("ulimits", ULIMITS),
    not_yet("use_api_socket", STRICT_BOOLEAN),
    key("user", TEXT),
    key("userns_mode", TEXT),
    not_yet("uts", TEXT),
    key("volumes", List(&Either(&[TEXT, In(&MOUNT)]))),
    not_yet("volumes_from", DISTINCT_TEXTS),
    key("working_dir", TEXT),
    not_yet("post_start", List(&In(&HOOK))),
    not_yet("pre_stop", List(&In(&HOOK))),
    not_yet("x-ingress", ingress::INGRESS),
    key("x-runtime", choice(&["service", "container"])),
];

/// Whole, though the number it becomes has a fraction.
const PERCENT: Shape = Shape::Scalar(Scalar {
    kinds: Kinds::INTEGER.or(Kinds::TEXT),
    becomes: Becomes::Decimal,
    at_once: true,
    rule: Rule::Range(0, 100),
});

const CONTAINER_NAME_WORDS: &str = "a letter or digit, then letters, digits, dashes, dots or underscores";

/// The schema's pattern is not anchored: two such characters anywhere are enough.
fn is_container_name(text: &str) -> bool {
    let pairs = text.as_bytes().windows(2);
    pairs
        .into_iter()
        .any(|pair| pair[0].is_ascii_alphanumeric() && (pair[1].is_ascii_alphanumeric() || b"_.-".contains(&pair[1])))
}

const PULL_POLICY_WORDS: &str =
    "one of `always`, `never`, `missing`, `build`, `refresh`, `daily`, `weekly`, `every_12h` and the like";

/// The schema's pattern is not anchored: a word among others is enough.
fn is_pull_policy(text: &str) -> bool {
    const WORDS: [&str; 8] = [
        "always",
        "never",
        "build",
        "if_not_present",
        "missing",
        "refresh",
        "daily",
        "weekly",
    ];
    WORDS.iter().any(|word| text.contains(word)) || text.split("every_").skip(1).any(begins_with_interval)
}

/// Digits, then a unit.
fn begins_with_interval(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < text.len() && unit.starts_with(['w', 'd', 'h', 'm', 's'])
}
