//! The top level of a file, and its networks, volumes, configs, secrets and models.

use super::shape::{
    ANY_BUT_EMPTY, BOOLEAN, By, DISTINCT_OR_MAP, DRIVER_OPTIONS, LIST_OR_MAP, NOT_EMPTY, Object, Others, PLAIN,
    PLAIN_OR_ANY, STRICT_INTEGER, Shape, TEXT, TEXT_OR_DISTINCT, TEXT_OR_INTEGER, TEXTS, key, object,
};
use super::{hosts, openstack, service};
use Shape::{Either, List, Map, Object as In, Optional};

/// In the order of the reference's canonical form.
pub const ROOT: Object = object(&[
    key("version", TEXT).approximated("has no effect: the specification gave it up"),
    key("name", TEXT).by(By::Loader),
    key("services", Map(&PLAIN, &In(&service::SERVICE))),
    key("include", List(&Either(&[TEXT, In(&INCLUDE)]))).by(By::Loader),
    key("networks", Map(&PLAIN_OR_ANY, &Optional(&In(&NETWORK)))),
    key("volumes", Map(&PLAIN, &Optional(&In(&VOLUME)))),
    key("secrets", Map(&PLAIN, &In(&SECRET))),
    key("configs", Map(&PLAIN, &In(&CONFIG))),
    key("models", Map(&PLAIN_OR_ANY, &In(&MODEL))).refused("no model is run"),
    key("x-hosts", hosts::HOSTS).by(By::Loader),
    key("x-pool", hosts::POOL_SETTINGS).by(By::Loader),
    key("x-openstack", openstack::OPENSTACK_SETTINGS).by(By::Loader),
]);

/// Taken out before the reference looks at the schema, so that other keys pass.
const INCLUDE: Object = Object {
    keys: &[
        key("path", TEXT_OR_DISTINCT),
        key("project_directory", TEXT),
        key("env_file", TEXT_OR_DISTINCT),
    ],
    required: &[],
    others: Others::Ignored,
};

/// `true`, or the old `{name: …}`.
const EXTERNAL: Shape = Either(&[BOOLEAN.at_once(), In(&EXTERNAL_NAME)]);

const EXTERNAL_NAME: Object = object(&[key("name", TEXT)]);

/// The same for configs and secrets, where the schema forbids nothing.
const OPEN_EXTERNAL: Shape = Either(&[BOOLEAN.at_once(), In(&OPEN_EXTERNAL_NAME)]);

const OPEN_EXTERNAL_NAME: Object = Object {
    keys: EXTERNAL_NAME.keys,
    required: &[],
    others: Others::Ignored,
};

const NETWORK: Object = object(&[
    key("name", TEXT),
    key("driver", TEXT),
    key("driver_opts", DRIVER_OPTIONS),
    key("ipam", In(&IPAM)),
    key("external", EXTERNAL),
    key("internal", BOOLEAN.at_once()),
    key("attachable", BOOLEAN.at_once()),
    key("labels", LIST_OR_MAP),
    key("enable_ipv4", BOOLEAN.at_once()),
    key("enable_ipv6", BOOLEAN.at_once()),
]);

const IPAM: Object = object(&[
    key("driver", TEXT),
    key("config", List(&In(&IPAM_POOL))),
    key("options", Map(&NOT_EMPTY, &TEXT)).approximated("has no effect: the reference drops it too"),
]);

const IPAM_POOL: Object = object(&[
    key("subnet", TEXT),
    key("gateway", TEXT),
    key("ip_range", TEXT),
    key("aux_addresses", Map(&NOT_EMPTY, &TEXT)),
]);

const VOLUME: Object = object(&[
    key("name", TEXT),
    key("driver", TEXT),
    key("driver_opts", DRIVER_OPTIONS),
    key("external", EXTERNAL),
    key("labels", DISTINCT_OR_MAP),
]);

const SECRET: Object = object(&[
    key("name", TEXT),
    key("file", TEXT),
    key("environment", TEXT),
    key("external", OPEN_EXTERNAL),
    key("labels", DISTINCT_OR_MAP),
    key("driver", TEXT).refused("secrets come from a file or the environment, not from a driver"),
    key("driver_opts", Map(&ANY_BUT_EMPTY, &TEXT_OR_INTEGER))
        .refused("secrets come from a file or the environment, not from a driver"),
    key("template_driver", TEXT).refused("content is not made from templates"),
]);

const CONFIG: Object = object(&[
    key("name", TEXT),
    key("file", TEXT),
    key("environment", TEXT),
    key("content", TEXT),
    key("external", OPEN_EXTERNAL),
    key("labels", DISTINCT_OR_MAP),
    key("template_driver", TEXT).refused("content is not made from templates"),
]);

const MODEL: Object = object(&[
    key("name", TEXT),
    key("model", TEXT),
    key("context_size", STRICT_INTEGER),
    key("runtime_flags", TEXTS),
])
.requires(&["model"]);
