//! The keys of `build` (specification: *build*).

use super::Shape::{Any, Boolean, Bytes, Either, List, Map, Text};
use super::service::{EXTRA_HOSTS, FILE_USE, ULIMITS};
use super::{LIST_OR_MAP, Object, Shape, TEXT_OR_LIST, TEXTS};
use super::{key, not_yet, object};

pub const BUILD: Object = object(&[
    key("context", Text),
    key("dockerfile", Text),
    key("dockerfile_inline", Text),
    not_yet("entitlements", TEXTS),
    key("args", LIST_OR_MAP),
    not_yet("provenance", Either(&[Text, Boolean])),
    not_yet("sbom", Either(&[Text, Boolean])),
    not_yet("ssh", Either(&[Text, List(&Text), Map(&Any)])),
    key("labels", LIST_OR_MAP),
    key("cache_from", TEXT_OR_LIST),
    not_yet("cache_to", TEXT_OR_LIST),
    key("no_cache", Boolean),
    not_yet("no_cache_filter", TEXT_OR_LIST),
    not_yet("additional_contexts", LIST_OR_MAP),
    key("pull", Boolean),
    key("extra_hosts", EXTRA_HOSTS),
    not_yet("isolation", Text),
    key("network", Text),
    key("target", Text),
    not_yet("secrets", List(&FILE_USE)),
    key("shm_size", Bytes),
    key("tags", TEXTS),
    not_yet("ulimits", ULIMITS),
    key("platforms", TEXTS),
    not_yet("privileged", Shape::Boolean),
]);
