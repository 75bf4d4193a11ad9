//! `build`.

use super::Kind::{Bytes, Environment, Flag, Hosts, List, SshKeys, Text, TextList, TextMap, Texts, Ulimits};
use super::{Form, filled, form, service::FILE_USE};

pub const BUILD: Form = form(&[
    filled("context", Text),
    filled("dockerfile", Text),
    filled("dockerfile_inline", Text),
    filled("entitlements", Texts),
    filled("args", Environment),
    filled("provenance", Text),
    filled("sbom", Text),
    filled("ssh", SshKeys),
    filled("labels", TextMap),
    filled("cache_from", TextList),
    filled("cache_to", TextList),
    filled("no_cache", Flag),
    filled("additional_contexts", TextMap),
    filled("pull", Flag),
    filled("extra_hosts", Hosts),
    filled("isolation", Text),
    filled("network", Text),
    filled("target", Text),
    filled("secrets", List(&FILE_USE)),
    filled("shm_size", Bytes),
    filled("tags", TextList),
    filled("ulimits", Ulimits),
    filled("platforms", TextList),
    filled("privileged", Flag),
]);
