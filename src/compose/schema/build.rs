//! The keys of `build` (specification: *build*).

use super::attached::{CONFIG_USE, EXTRA_HOSTS};
use super::limits::ULIMITS;
use super::shape::{
    BOOLEAN, DISTINCT_OR_MAP, LIST_OR_MAP, Object, Shape, TEXT, TEXT_OR_BOOLEAN, TEXTS, WHOLE_BYTES, key, not_yet,
    object,
};
use Shape::List;

pub const BUILD: Object = object(&[
    key("context", TEXT),
    key("dockerfile", TEXT),
    key("dockerfile_inline", TEXT),
    not_yet("entitlements", TEXTS),
    key("args", LIST_OR_MAP),
    not_yet("provenance", TEXT_OR_BOOLEAN),
    not_yet("sbom", TEXT_OR_BOOLEAN),
    not_yet("ssh", DISTINCT_OR_MAP),
    key("labels", LIST_OR_MAP),
    key("cache_from", TEXTS),
    not_yet("cache_to", TEXTS),
    key("no_cache", BOOLEAN),
    not_yet("additional_contexts", LIST_OR_MAP),
    key("pull", BOOLEAN),
    key("extra_hosts", EXTRA_HOSTS),
    not_yet("isolation", TEXT),
    key("network", TEXT),
    key("target", TEXT),
    not_yet("secrets", List(&CONFIG_USE)),
    key("shm_size", WHOLE_BYTES),
    key("tags", TEXTS),
    not_yet("ulimits", ULIMITS),
    key("platforms", TEXTS),
    not_yet("privileged", BOOLEAN),
]);
