//! A service and what stands inside one.

use super::Kind::{
    BareCount, Bytes, Command, Count, Duration, EnvFiles, Environment, Flag, HealthTest, Hosts, Integer, List, Map,
    Mode, Number, Object, OptionalMap, Options, ScalarList, StrictTextMap, Text, TextList, TextMap, Texts, Ulimits,
};
use super::{Form, always, always_in_json, capital, closed, filled, form, never, null_in_json, or_else, stated};
use super::{build::BUILD, deploy::DEPLOY, deploy::DEVICE_REQUEST};

pub const SERVICE: Form = form(&[
    filled("profiles", Texts),
    filled("annotations", TextMap),
    stated("attach", Flag),
    stated("build", Object(&BUILD)),
    stated("develop", Object(&DEVELOP)),
    stated("blkio_config", Object(&BLKIO)),
    filled("cap_add", Texts),
    filled("cap_drop", Texts),
    filled("cgroup_parent", Text),
    filled("cgroup", Text),
    filled("cpu_count", Integer),
    filled("cpu_percent", Number),
    filled("cpu_period", Integer),
    filled("cpu_quota", Integer),
    filled("cpu_rt_period", Integer),
    filled("cpu_rt_runtime", Integer),
    filled("cpus", Number),
    filled("cpuset", Text),
    filled("cpu_shares", Integer),
    null_in_json("command", Command),
    filled("configs", List(&FILE_USE)),
    filled("container_name", Text),
    stated("credential_spec", Object(&CREDENTIAL_SPEC)),
    filled("depends_on", Map(&DEPENDENCY)),
    stated("deploy", Object(&DEPLOY)),
    filled("device_cgroup_rules", Texts),
    filled("devices", List(&DEVICE)),
    filled("dns", TextList),
    filled("dns_opt", Texts),
    filled("dns_search", TextList),
    filled("domainname", Text),
    null_in_json("entrypoint", Command),
    stated("provider", Object(&PROVIDER)),
    filled("environment", Environment),
    filled("env_file", EnvFiles(&ENV_FILE)),
    filled("expose", ScalarList),
    stated("extends", Object(&EXTENDS)),
    filled("external_links", Texts),
    filled("extra_hosts", Hosts),
    filled("group_add", Texts),
    filled("gpus", List(&DEVICE_REQUEST)),
    filled("hostname", Text),
    stated("healthcheck", Object(&HEALTHCHECK)),
    filled("image", Text),
    stated("init", Flag),
    filled("ipc", Text),
    filled("isolation", Text),
    filled("labels", TextMap),
    filled("label_file", Texts),
    filled("links", Texts),
    stated("logging", Object(&LOGGING)),
    filled("mem_limit", Bytes),
    filled("mem_reservation", Bytes),
    filled("memswap_limit", Bytes),
    filled("mem_swappiness", Bytes),
    filled("mac_address", Text),
    filled("models", OptionalMap(&SERVICE_MODEL)),
    filled("network_mode", Text),
    filled("networks", OptionalMap(&SERVICE_NETWORK)),
    filled("oom_kill_disable", Flag),
    filled("oom_score_adj", Integer),
    filled("pid", Text),
    filled("pids_limit", Integer),
    filled("platform", Text),
    filled("ports", List(&PORT)),
    filled("privileged", Flag),
    filled("pull_policy", Text),
    never("pull_refresh_after", Text),
    filled("read_only", Flag),
    filled("restart", Text),
    filled("runtime", Text),
    stated("scale", Integer),
    filled("secrets", List(&FILE_USE)),
    filled("security_opt", Texts),
    filled("shm_size", Bytes),
    filled("stdin_open", Flag),
    stated("stop_grace_period", Duration),
    filled("stop_signal", Text),
    filled("storage_opt", StrictTextMap),
    filled("sysctls", TextMap),
    filled("tmpfs", TextList),
    filled("tty", Flag),
    filled("ulimits", Ulimits),
    filled("use_api_socket", Flag),
    filled("user", Text),
    filled("userns_mode", Text),
    filled("uts", Text),
    filled("volumes", List(&MOUNT)),
    filled("volumes_from", Texts),
    filled("working_dir", Text),
    filled("post_start", List(&HOOK)),
    filled("pre_stop", List(&HOOK)),
]);

/// A config or secret of a service, or a secret of a build.
pub const FILE_USE: Form = form(&[
    filled("source", Text),
    filled("target", Text),
    filled("uid", Text),
    filled("gid", Text),
    stated("mode", Mode),
]);

/// A command of `post_start`, of `pre_stop`, and of `develop.watch`.
const HOOK: Form = form(&[
    null_in_json("command", Command),
    filled("user", Text),
    filled("privileged", Flag),
    filled("working_dir", Text),
    filled("environment", Environment),
]);

const DEVELOP: Form = form(&[filled("watch", List(&WATCH))]);

const WATCH: Form = form(&[
    always("path", Text),
    always("action", Text),
    filled("target", Text),
    always_in_json("exec", &HOOK),
    filled("include", Texts),
    filled("ignore", Texts),
    filled("initial_sync", Flag),
]);

const BLKIO: Form = form(&[
    filled("weight", BareCount),
    filled("weight_device", List(&DEVICE_WEIGHT)),
    filled("device_read_bps", List(&DEVICE_RATE)),
    filled("device_read_iops", List(&DEVICE_RATE)),
    filled("device_write_bps", List(&DEVICE_RATE)),
    filled("device_write_iops", List(&DEVICE_RATE)),
]);

const DEVICE_WEIGHT: Form = capital(&[always("path", Text), always("weight", BareCount)]);

const DEVICE_RATE: Form = capital(&[always("path", Text), always("rate", Bytes)]);

const CREDENTIAL_SPEC: Form = form(&[filled("config", Text), filled("file", Text), filled("registry", Text)]);

const DEPENDENCY: Form = form(&[
    filled("condition", Text),
    filled("restart", Flag),
    always("required", Flag),
]);

const DEVICE: Form = form(&[
    filled("source", Text),
    filled("target", Text),
    filled("permissions", Text),
]);

const PROVIDER: Form = form(&[filled("type", Text), filled("options", Options)]);

const ENV_FILE: Form = closed(&[filled("path", Text), filled("required", Flag), filled("format", Text)]);

const EXTENDS: Form = closed(&[filled("file", Text), filled("service", Text)]);

const HEALTHCHECK: Form = form(&[
    filled("test", HealthTest),
    stated("timeout", Duration),
    stated("interval", Duration),
    stated("retries", Count),
    stated("start_period", Duration),
    stated("start_interval", Duration),
    filled("disable", Flag),
]);

const LOGGING: Form = form(&[filled("driver", Text), filled("options", TextMap)]);

const SERVICE_MODEL: Form = form(&[filled("endpoint_var", Text), filled("model_var", Text)]);

const SERVICE_NETWORK: Form = form(&[
    filled("aliases", Texts),
    filled("driver_opts", TextMap),
    filled("gw_priority", Integer),
    filled("interface_name", Text),
    filled("ipv4_address", Text),
    filled("ipv6_address", Text),
    filled("link_local_ips", Texts),
    filled("mac_address", Text),
    filled("priority", Integer),
]);

const PORT: Form = form(&[
    filled("name", Text),
    // The planner has to know that a file says nothing, so the tree leaves it open.
    or_else("mode", "ingress"),
    filled("host_ip", Text),
    filled("target", Count),
    filled("published", Text),
    filled("protocol", Text),
    filled("app_protocol", Text),
]);

const MOUNT: Form = form(&[
    filled("type", Text),
    filled("source", Text),
    filled("target", Text),
    filled("read_only", Flag),
    filled("consistency", Text),
    stated("bind", Object(&MOUNT_BIND)),
    stated("volume", Object(&MOUNT_VOLUME)),
    stated("tmpfs", Object(&MOUNT_TMPFS)),
    stated("image", Object(&MOUNT_IMAGE)),
]);

const MOUNT_BIND: Form = form(&[
    filled("selinux", Text),
    filled("propagation", Text),
    filled("create_host_path", Flag),
    filled("recursive", Text),
]);

const MOUNT_VOLUME: Form = form(&[
    filled("labels", TextMap),
    filled("nocopy", Flag),
    filled("subpath", Text),
]);

const MOUNT_TMPFS: Form = form(&[filled("size", Bytes), filled("mode", BareCount)]);

const MOUNT_IMAGE: Form = form(&[filled("subpath", Text)]);
