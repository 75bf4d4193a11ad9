//! The keys of Hoist's own `x-hosts`, `x-pool`, `x-openstack` and `x-ingress`.
//!
//! None of them takes `x-` keys: what is not known is a mistake.

use super::Shape::{Any, Boolean, Choice, Duration, Either, Integer, List, Map, Object as In, Scalar, Text};
use super::{Key, LIST_OR_MAP, Object, TEXT_OR_NUMBER, TEXTS, kept, key};

const fn strict(keys: &'static [Key]) -> Object {
    Object {
        keys,
        required: &[],
        extensible: false,
    }
}

pub const GROUP: Object = strict(&[
    kept("count", Integer),
    key("labels", LIST_OR_MAP),
    kept("local", In(&LOCAL)),
    kept("ssh", List(&Either(&[Text, In(&SSH)]))),
    kept("openstack", In(&OPENSTACK)),
]);

const LOCAL: Object = strict(&[key("image", Text)]);

const SSH: Object = Object {
    keys: &[
        key("host", Text),
        key("user", Text),
        key("port", Integer),
        key("identity_file", Text),
        key("host_key", Text),
        key("private_address", Text),
    ],
    required: &["host"],
    extensible: false,
};

pub const POOL: Object = strict(&[
    key("name", Text),
    kept("managers", Integer),
    kept("encrypt", Boolean),
    key("docker", In(&DOCKER)),
]);

const DOCKER: Object = strict(&[
    key("install", Choice(&["auto", "distro", "docker-ce", "never"])),
    key("version", Text),
    key("api", Choice(&["tls", "ssh", "insecure-tcp"])),
    key("port", Integer),
    key("daemon", Map(&Any)),
]);

pub const OPENSTACK: Object = strict(&[
    key("cloud", Text),
    key("region", Text),
    key("image", Text),
    key("flavor", Text),
    key("keypair", Text),
    key("network", Either(&[Text, In(&NETWORK)])),
    kept("floating_ip", Either(&[FALSE, Text])),
    key("allow", TEXTS),
    key("publish_to", TEXTS),
    key("security_groups", TEXTS),
    key("availability_zone", Text),
    key(
        "server_group",
        Choice(&["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"]),
    ),
    key("boot_volume", In(&BOOT_VOLUME)),
    kept("config_drive", Boolean),
    key("metadata", Map(&Scalar)),
    key("user_data", Text),
    key("user", Text),
    key("timeout", Duration),
]);

/// Only `false` means something; `true` would not say from which network.
const FALSE: super::Shape = super::Shape::False;

const NETWORK: Object = strict(&[
    key("name", Text),
    key("cidr", Text),
    key("dns", TEXTS),
    key("router", In(&ROUTER)),
]);

const ROUTER: Object = strict(&[key("external", Text)]);

const BOOT_VOLUME: Object = strict(&[key("size", Integer), key("type", Text)]);

/// One way in, or several: another port to listen on, another host, another path.
pub const INGRESS: super::Shape = Either(&[In(&WAY_IN), List(&In(&WAY_IN))]);

const WAY_IN: Object = strict(&[
    key("port", TEXT_OR_NUMBER),
    key("listen", TEXT_OR_NUMBER),
    key("host", Either(&[Text, List(&Text)])),
    key("path", Text),
    key("protocol", Choice(&["http", "tcp"])),
    key("sticky", Boolean),
    key("health", Text),
    key("drain", Duration),
    key("tls", In(&TLS)),
]);

const TLS: Object = strict(&[key("cert", Text), key("key", Text)]);
