//! How a service starts, is watched and ends: commands, dependencies, healthcheck, hooks, `develop`.

use super::shape::{
    ANY_BUT_EMPTY, BOOLEAN, By, DISTINCT_OR_MAP, DURATION, NUMBER_OR_TEXT, Object, Others, STRICT_BOOLEAN, Shape, TEXT,
    TEXT_NUMBER_OR_BOOLEAN, TEXT_OR_DISTINCT, TEXT_OR_LIST, choice, closed, kept, key, object, unsigned,
};
use Shape::{Either, List, Map, Object as In, Optional};

pub const COMMAND: Shape = Optional(&TEXT_OR_LIST);

pub const DEPENDENCY: Object = object(&[
    key(
        "condition",
        choice(&["service_started", "service_healthy", "service_completed_successfully"]),
    ),
    key("restart", BOOLEAN),
    kept("required", STRICT_BOOLEAN).by(By::Loader),
])
.requires(&["condition"]);

pub const HEALTHCHECK: Object = object(&[
    key("test", TEXT_OR_LIST),
    kept("timeout", DURATION),
    kept("interval", DURATION),
    kept("retries", unsigned(NUMBER_OR_TEXT, 64).at_once()),
    kept("start_period", DURATION),
    kept("start_interval", DURATION),
    key("disable", BOOLEAN.at_once()),
]);

/// One entry of `post_start`, `pre_stop`, and the `exec` of a watch.
pub const HOOK: Object = object(&[
    key("command", COMMAND),
    key("user", TEXT),
    key("privileged", BOOLEAN),
    key("working_dir", TEXT),
    key("environment", DISTINCT_OR_MAP),
])
.requires(&["command"]);

pub const DEVELOP: Object = object(&[key("watch", List(&In(&WATCH)))]);

const WATCH: Object = object(&[
    key("path", TEXT),
    key(
        "action",
        choice(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"]),
    ),
    key("target", TEXT),
    key("exec", In(&HOOK)),
    key("include", TEXT_OR_DISTINCT),
    key("ignore", TEXT_OR_DISTINCT),
    key("initial_sync", STRICT_BOOLEAN),
])
.requires(&["path", "action"]);

pub const ENV_FILE: Object =
    closed(&[key("path", TEXT), kept("required", BOOLEAN), key("format", TEXT)]).requires(&["path"]);

/// Taken out before the reference looks at the schema, so that other keys pass.
pub const EXTENDS: Object = Object {
    keys: &[key("file", TEXT), key("service", TEXT)],
    required: &["service"],
    others: Others::Ignored,
};

pub const PROVIDER: Object = object(&[
    key("type", TEXT),
    key(
        "options",
        Map(
            &ANY_BUT_EMPTY,
            &Either(&[TEXT_NUMBER_OR_BOOLEAN, List(&TEXT_NUMBER_OR_BOOLEAN)]),
        ),
    ),
])
.requires(&["type"]);
