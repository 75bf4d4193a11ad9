//! The keys of `deploy` (specification: *deploy*).

use super::Shape::{Any, Bytes, Choice, Cpus, Duration, Integer, List, Number, Object as In, Text};
use super::{LIST_OR_MAP, Object, TEXTS};
use super::{kept, key, not_yet, object};

pub const DEPLOY: Object = object(&[
    key(
        "mode",
        Choice(&["replicated", "global", "replicated-job", "global-job"]),
    ),
    kept("replicas", Integer),
    key("labels", LIST_OR_MAP),
    kept("update_config", In(&UPDATE)),
    kept("rollback_config", In(&UPDATE)),
    key("resources", In(&RESOURCES)),
    kept("restart_policy", In(&RESTART)),
    key("placement", In(&PLACEMENT)),
    key("endpoint_mode", Choice(&["vip", "dnsrr"])),
]);

const UPDATE: Object = object(&[
    kept("parallelism", Integer),
    key("delay", Duration),
    key("failure_action", Choice(&["pause", "continue", "rollback"])),
    key("monitor", Duration),
    key("max_failure_ratio", Number),
    key("order", Choice(&["start-first", "stop-first"])),
]);

const RESOURCES: Object = object(&[kept("limits", In(&LIMITS)), kept("reservations", In(&RESERVATIONS))]);

const LIMITS: Object = object(&[key("cpus", Cpus), key("memory", Bytes), key("pids", Integer)]);

const RESERVATIONS: Object = object(&[
    key("cpus", Cpus),
    key("memory", Bytes),
    not_yet("devices", List(&Any)),
    not_yet("generic_resources", List(&Any)),
]);

const RESTART: Object = object(&[
    key("condition", Choice(&["none", "on-failure", "any"])),
    kept("delay", Duration),
    kept("max_attempts", Integer),
    kept("window", Duration),
]);

const PLACEMENT: Object = object(&[
    key("constraints", TEXTS),
    key("preferences", List(&In(&PREFERENCE))),
    key("max_replicas_per_node", Integer),
]);

const PREFERENCE: Object = object(&[key("spread", Text)]);
