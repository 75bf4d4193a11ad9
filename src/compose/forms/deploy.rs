//! `deploy`, and the requests for devices that `gpus` makes too.

use super::Kind::{Bytes, Count, DeviceCount, Duration, Integer, List, Number, Object, Text, TextMap, Texts};
use super::{Form, always, always_in_json, closed, filled, form, stated};

pub const DEPLOY: Form = form(&[
    filled("mode", Text),
    stated("replicas", Integer),
    filled("labels", TextMap),
    stated("update_config", Object(&UPDATE)),
    stated("rollback_config", Object(&UPDATE)),
    always_in_json("resources", &RESOURCES),
    stated("restart_policy", Object(&RESTART_POLICY)),
    always_in_json("placement", &PLACEMENT),
    filled("endpoint_mode", Text),
]);

const UPDATE: Form = form(&[
    stated("parallelism", Count),
    filled("delay", Duration),
    filled("failure_action", Text),
    filled("monitor", Duration),
    filled("max_failure_ratio", Number),
    filled("order", Text),
]);

const RESOURCES: Form = form(&[
    stated("limits", Object(&RESOURCE)),
    stated("reservations", Object(&RESOURCE)),
]);

const RESOURCE: Form = form(&[
    filled("cpus", Number),
    filled("memory", Bytes),
    filled("pids", Integer),
    filled("devices", List(&DEVICE_REQUEST)),
    filled("generic_resources", List(&GENERIC_RESOURCE)),
]);

pub const DEVICE_REQUEST: Form = closed(&[
    filled("capabilities", Texts),
    filled("driver", Text),
    filled("count", DeviceCount),
    filled("device_ids", Texts),
    filled("options", TextMap),
]);

const GENERIC_RESOURCE: Form = form(&[stated("discrete_resource_spec", Object(&DISCRETE_RESOURCE))]);

const DISCRETE_RESOURCE: Form = form(&[always("kind", Text), always("value", Integer)]);

const RESTART_POLICY: Form = form(&[
    filled("condition", Text),
    stated("delay", Duration),
    stated("max_attempts", Count),
    stated("window", Duration),
]);

const PLACEMENT: Form = form(&[
    filled("constraints", Texts),
    filled("preferences", List(&PREFERENCE)),
    filled("max_replicas_per_node", Count),
]);

const PREFERENCE: Form = form(&[filled("spread", Text)]);
