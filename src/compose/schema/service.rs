//! The keys of a service (specification: *services*).

use super::attached::{CONFIG_USE, EXTRA_HOSTS, GPUS, MODEL_USE, MOUNT, PORT, SERVICE_NETWORK};
use super::lifecycle::{COMMAND, DEPENDENCY, DEVELOP, ENV_FILE, EXTENDS, HEALTHCHECK, HOOK, PROVIDER};
use super::limits::{BLKIO, CREDENTIAL_SPEC, DEVICE, LOGGING, ULIMITS};
use super::shape::{
    ANY_BUT_EMPTY, BOOLEAN, BYTES, Becomes, By, CPUS, DISTINCT_TEXTS, DURATION, INTEGER, Key, Kinds, LIST_OR_MAP,
    Object, PLAIN, PLAIN_OR_ANY, Rule, STRICT_BOOLEAN, Scalar, Shape, TEXT, TEXT_OR_INTEGER, TEXT_OR_LIST, TEXTS,
    WHOLE, WHOLE_BYTES, choice, kept, key, object, pattern,
};
use super::{build, deploy, ingress};
use Shape::{Either, List, Map, Object as In, Optional, Set};

pub const SERVICE: Object = object(SERVICE_KEYS);

/// In the order of the reference's canonical form.
const SERVICE_KEYS: &[Key] = &[
    key("profiles", TEXTS).by(By::Loader),
    key("annotations", LIST_OR_MAP).containers("Swarm services have no annotations"),
    key("attach", BOOLEAN)
        .approximated("has no effect: `up` shows the output of no service, `hoist logs` that of those you name")
        .kept(),
    kept("build", Either(&[TEXT, In(&build::BUILD)])).by(By::Builder),
    key("develop", Optional(&In(&DEVELOP)))
        .approximated("has no effect: there is no `watch`, so nothing is synchronised or rebuilt while you edit"),
    key("blkio_config", In(&BLKIO)).by(By::Placed),
    key("cap_add", TEXTS),
    key("cap_drop", TEXTS),
    key("cgroup_parent", TEXT).by(By::Placed),
    key("cgroup", choice(&["host", "private"])).by(By::Placed),
    key("cpu_count", INTEGER.at_once().range(0, i64::MAX))
        .refused("a number of processors is counted on Windows only; use `cpus`"),
    key("cpu_percent", PERCENT).refused("a share of the processors is counted on Windows only; use `cpus`"),
    key("cpu_period", WHOLE.at_once()).by(By::Placed),
    key("cpu_quota", WHOLE.at_once()).by(By::Placed),
    key("cpu_rt_period", WHOLE.at_once()).by(By::Placed),
    key("cpu_rt_runtime", WHOLE.at_once()).by(By::Placed),
    key("cpus", CPUS.at_once()),
    key("cpuset", TEXT).by(By::Placed),
    key("cpu_shares", WHOLE.at_once()).by(By::Placed),
    kept("command", COMMAND),
    key("configs", List(&CONFIG_USE)),
    key("container_name", pattern(is_container_name, CONTAINER_NAME_WORDS))
        .containers("the cluster names the replicas of a service itself"),
    key("credential_spec", In(&CREDENTIAL_SPEC))
        .refused("credential specifications are for Windows, which no host of a pool runs"),
    key("depends_on", Either(&[DISTINCT_TEXTS, Map(&PLAIN, &In(&DEPENDENCY))])),
    kept("deploy", Optional(&In(&deploy::DEPLOY))),
    key("device_cgroup_rules", DISTINCT_TEXTS).by(By::Placed),
    key("devices", List(&Either(&[TEXT, In(&DEVICE)]))).by(By::Placed),
    key("dns", TEXT_OR_LIST),
    key("dns_opt", TEXTS),
    key("dns_search", TEXT_OR_LIST),
    key("domainname", TEXT).containers("Swarm services have no domain name; write it into `hostname`"),
    kept("entrypoint", COMMAND),
    key("provider", In(&PROVIDER)).refused("no provider is run: the service would not be there"),
    key("environment", LIST_OR_MAP),
    key("env_file", Either(&[TEXT, List(&Either(&[TEXT, In(&ENV_FILE)]))])).by(By::Loader),
    key("expose", List(&TEXT_OR_INTEGER)),
    key("extends", Either(&[TEXT, In(&EXTENDS)])).by(By::Loader),
    key("external_links", DISTINCT_TEXTS).by(By::Placed),
    key("extra_hosts", EXTRA_HOSTS),
    key("group_add", Set(&TEXT_OR_INTEGER)),
    key("gpus", GPUS).by(By::Placed),
    key("hostname", TEXT),
    kept("healthcheck", In(&HEALTHCHECK)),
    key("image", TEXT),
    kept("init", BOOLEAN.at_once()),
    key("ipc", TEXT).by(By::Placed),
    key("isolation", TEXT).refused("isolation is for Windows, which no host of a pool runs"),
    key("labels", LIST_OR_MAP),
    key("label_file", TEXT_OR_LIST),
    key("links", TEXTS).containers("they find others by their own names and `aliases` on the networks that they share"),
    kept("logging", In(&LOGGING)),
    key("mem_limit", BYTES),
    key("mem_reservation", WHOLE_BYTES),
    key("memswap_limit", BYTES).by(By::Placed),
    key("mem_swappiness", WHOLE_BYTES).by(By::Placed),
    key("mac_address", TEXT).by(By::Placed),
    key(
        "models",
        Either(&[DISTINCT_TEXTS, Map(&PLAIN_OR_ANY, &Optional(&In(&MODEL_USE)))]),
    )
    .refused("no model is run: the service would miss it"),
    key("network_mode", TEXT).by(By::Placed),
    key(
        "networks",
        Either(&[DISTINCT_TEXTS, Map(&PLAIN, &Optional(&In(&SERVICE_NETWORK)))]),
    ),
    key("oom_kill_disable", BOOLEAN.at_once()).by(By::Placed),
    key("oom_score_adj", INTEGER.at_once().range(-1000, 1000)),
    key("pid", Optional(&TEXT)).by(By::Placed),
    key("pids_limit", WHOLE.at_once()),
    key("platform", TEXT).containers("images are not chosen by platform on a pool; use `deploy.placement.constraints`"),
    key("ports", List(&Either(&[TEXT_OR_INTEGER, In(&PORT)]))),
    key("privileged", BOOLEAN.at_once()).by(By::Placed),
    key("pull_policy", pattern(is_pull_policy, PULL_POLICY_WORDS)),
    key("pull_refresh_after", TEXT).approximated("has no effect: images are not pulled by their age"),
    key("read_only", BOOLEAN.at_once()),
    key("restart", TEXT),
    key("runtime", TEXT).by(By::Placed),
    kept("scale", INTEGER.at_once()),
    key("secrets", List(&CONFIG_USE)),
    key("security_opt", DISTINCT_TEXTS).by(By::Placed),
    key("shm_size", BYTES),
    key("stdin_open", BOOLEAN.at_once()),
    kept("stop_grace_period", DURATION),
    key("stop_signal", TEXT),
    key("storage_opt", Map(&ANY_BUT_EMPTY, &Optional(&TEXT_OR_INTEGER))).by(By::Placed),
    key("sysctls", LIST_OR_MAP),
    key("tmpfs", TEXT_OR_LIST),
    key("tty", BOOLEAN.at_once()),
    key("ulimits", ULIMITS),
    key("use_api_socket", STRICT_BOOLEAN)
        .refused("the credentials of this machine are not handed to a service; mount the engine's socket in `volumes`"),
    key("user", TEXT),
    key("userns_mode", TEXT).by(By::Placed),
    key("uts", TEXT).by(By::Placed),
    key("volumes", List(&Either(&[TEXT, In(&MOUNT)]))),
    key("volumes_from", DISTINCT_TEXTS).by(By::Placed),
    key("working_dir", TEXT),
    key("post_start", List(&In(&HOOK))).by(By::Placed),
    key("pre_stop", List(&In(&HOOK))).by(By::Placed),
    key("x-ingress", ingress::INGRESS).services("it answers on the hosts of a pool, for Swarm services"),
    key("x-runtime", choice(&["service", "container"])).by(By::Loader),
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
