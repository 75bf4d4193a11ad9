//! The keys of Hoist's own `x-hosts`, `x-pool`, `x-openstack` and `x-ingress`.
//!
//! None of them takes `x-` keys: what is not known is a mistake.

use super::shape::{
    BOOLEAN, DURATION, INTEGER, LIST_OR_MAP, NOT_EMPTY, Object, SCALAR, Shape, TEXT, TEXT_OR_LIST, TEXT_OR_NUMBER,
    TEXTS, choice, closed, kept, key,
};
use Shape::{Any, Either, List, Map, Object as In};

pub const GROUP: Object = closed(&[
    kept("count", INTEGER),
    key("labels", LIST_OR_MAP),
    kept("local", In(&LOCAL)),
    kept("ssh", List(&Either(&[TEXT, In(&SSH)]))),
    kept("openstack", In(&OPENSTACK)),
]);

const LOCAL: Object = closed(&[key("image", TEXT)]);

const SSH: Object = closed(&[
    key("host", TEXT),
    key("user", TEXT),
    key("port", INTEGER),
    key("identity_file", TEXT),
    key("host_key", TEXT),
    key("private_address", TEXT),
])
.requires(&["host"]);

pub const POOL: Object = closed(&[
    key("name", TEXT),
    kept("managers", INTEGER),
    kept("encrypt", BOOLEAN),
    key("docker", In(&DOCKER)),
]);

const DOCKER: Object = closed(&[
    key("install", choice(&["auto", "distro", "docker-ce", "never"])),
    key("version", TEXT),
    key("api", choice(&["tls", "ssh", "insecure-tcp"])),
    key("port", INTEGER),
    key("daemon", Map(&NOT_EMPTY, &Any)),
]);

pub const OPENSTACK: Object = closed(&[
    key("cloud", TEXT),
    key("region", TEXT),
    key("image", TEXT),
    key("flavor", TEXT),
    key("keypair", TEXT),
    key("network", Either(&[TEXT, In(&NETWORK)])),
    kept("floating_ip", Either(&[FALSE, TEXT])),
    key("allow", TEXTS),
    key("publish_to", TEXTS),
    key("security_groups", TEXTS),
    key("availability_zone", TEXT),
    key(
        "server_group",
        choice(&["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"]),
    ),
    key("boot_volume", In(&BOOT_VOLUME)),
    kept("config_drive", BOOLEAN),
    key("metadata", Map(&NOT_EMPTY, &SCALAR)),
    key("user_data", TEXT),
    key("user", TEXT),
    key("timeout", DURATION),
]);

/// Only `false` means something; `true` would not say from which network.
const FALSE: Shape = super::shape::FALSE;

const NETWORK: Object = closed(&[
    key("name", TEXT),
    key("cidr", TEXT),
    key("dns", TEXTS),
    key("router", In(&ROUTER)),
]);

const ROUTER: Object = closed(&[key("external", TEXT)]);

const BOOT_VOLUME: Object = closed(&[key("size", INTEGER), key("type", TEXT)]);

/// One way in, or several: another port to listen on, another host, another path.
pub const INGRESS: Shape = Either(&[In(&WAY_IN), List(&In(&WAY_IN))]);

const WAY_IN: Object = closed(&[
    key("port", TEXT_OR_NUMBER),
    key("listen", TEXT_OR_NUMBER),
    key("host", TEXT_OR_LIST),
    key("path", TEXT),
    key("protocol", choice(&["http", "tcp"])),
    key("sticky", BOOLEAN),
    key("health", TEXT),
    key("drain", DURATION),
    key("tls", In(&TLS)),
]);

const TLS: Object = closed(&[key("cert", TEXT), key("key", TEXT)]);
