//! The keys of `deploy` (specification: *deploy*).

use super::attached::DEVICE_REQUEST;
use super::shape::{
    By, CPUS, DECIMAL, DURATION, INTEGER, INTEGER_OR_TEXT, LIST_OR_MAP, Object, Shape, TEXT, TEXT_BYTES, TEXTS, WHOLE,
    choice, kept, key, object, unsigned,
};
use Shape::{List, Object as In};

pub const DEPLOY: Object = object(&[
    key("mode", TEXT),
    kept("replicas", INTEGER.at_once()),
    key("labels", LIST_OR_MAP).services("containers have the `labels` of the service itself"),
    kept("update_config", In(&UPDATE)),
    kept("rollback_config", In(&ROLLBACK)),
    key("resources", In(&RESOURCES)),
    kept("restart_policy", In(&RESTART)),
    key("placement", In(&PLACEMENT)),
    key("endpoint_mode", TEXT).services("the name of a service gives the addresses of its containers"),
]);

const UPDATE: Object = object(&[
    kept("parallelism", unsigned(INTEGER_OR_TEXT, 64).at_once()),
    key("delay", DURATION),
    key("failure_action", TEXT),
    key("monitor", DURATION),
    key("max_failure_ratio", DECIMAL.at_once()),
    key("order", choice(&["start-first", "stop-first"])),
]);

const ROLLBACK: Object = object(&[
    kept("parallelism", unsigned(INTEGER_OR_TEXT, 64).at_once()),
    key("delay", DURATION),
    key("failure_action", TEXT),
    key("monitor", DURATION),
    key("max_failure_ratio", DECIMAL.at_once()),
    key("order", choice(&["start-first", "stop-first"]))
        .services("the container of before has the name that the other one must give up first"),
]);

const RESOURCES: Object = object(&[kept("limits", In(&LIMITS)), kept("reservations", In(&RESERVATIONS))]);

const LIMITS: Object = object(&[key("cpus", CPUS), key("memory", TEXT_BYTES), key("pids", INTEGER)]);

const RESERVATIONS: Object = object(&[
    key("cpus", CPUS),
    key("memory", TEXT_BYTES),
    key("devices", List(&In(&DEVICE_REQUEST))).by(By::Placed),
    key("generic_resources", List(&In(&GENERIC_RESOURCE))),
]);

const GENERIC_RESOURCE: Object = object(&[kept("discrete_resource_spec", In(&DISCRETE_RESOURCE))]);

const DISCRETE_RESOURCE: Object = object(&[kept("kind", TEXT), kept("value", WHOLE)]);

const RESTART: Object = object(&[
    key("condition", TEXT),
    kept("delay", DURATION).services("the engine waits at its own pace"),
    kept("max_attempts", unsigned(INTEGER_OR_TEXT, 64).at_once()),
    kept("window", DURATION).services("the engine counts every restart"),
]);

const PLACEMENT: Object = object(&[
    key("constraints", TEXTS),
    key("preferences", List(&In(&PREFERENCE))),
    key("max_replicas_per_node", unsigned(INTEGER_OR_TEXT, 64).at_once()),
]);

const PREFERENCE: Object = object(&[key("spread", TEXT)]);
