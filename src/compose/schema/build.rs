//! The keys of `build` (specification: *build*).

use super::attached::{CONFIG_USE, EXTRA_HOSTS};
use super::limits::BUILD_ULIMITS;
use super::shape::{
    BOOLEAN, DISTINCT_OR_MAP, LIST_OR_MAP, Object, Shape, TEXT, TEXT_OR_BOOLEAN, TEXTS, WHOLE_BYTES, key, object,
};
use Shape::List;

pub const BUILD: Object = object(&[
    key("context", TEXT),
    key("dockerfile", TEXT),
    key("dockerfile_inline", TEXT),
    key("entitlements", TEXTS).refused("the builder grants none"),
    key("args", LIST_OR_MAP),
    key("provenance", TEXT_OR_BOOLEAN).approximated("has no effect: the builder attests nothing"),
    key("sbom", TEXT_OR_BOOLEAN).approximated("has no effect: the builder lists no contents"),
    key("ssh", DISTINCT_OR_MAP).refused("the builder has no SSH agent"),
    key("labels", LIST_OR_MAP),
    key("cache_from", TEXTS),
    key("cache_to", TEXTS).approximated("has no effect: the builder keeps its own cache and exports none"),
    key("no_cache", BOOLEAN),
    key("additional_contexts", LIST_OR_MAP).refused("the builder takes one context"),
    key("pull", BOOLEAN),
    key("extra_hosts", EXTRA_HOSTS),
    key("isolation", TEXT).refused("isolation is for Windows"),
    key("network", TEXT),
    key("target", TEXT),
    key("secrets", List(&CONFIG_USE)).refused("the builder hands out no secrets"),
    key("shm_size", WHOLE_BYTES),
    key("tags", TEXTS),
    key("ulimits", BUILD_ULIMITS).refused("the builder sets no limits"),
    key("platforms", TEXTS),
    key("privileged", BOOLEAN).refused("the builder has no privileged mode"),
]);
