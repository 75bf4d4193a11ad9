//! The keys of `x-openstack`, and of a group's `openstack`, which lies over it.
//!
//! What is there already is named in plain text, by name or id; what is to be made is a mapping.

use super::shape::{
    BOOLEAN, DISTINCT_TEXTS, DURATION, FALSE, INTEGER, NOT_EMPTY, Object, SCALAR, Shape, TEXT, TEXTS, choice, closed,
    kept, key,
};
use Shape::{Either, List, Map, Object as In};

pub const OPENSTACK_SETTINGS: Shape = In(&OPENSTACK);

const OPENSTACK: Object = closed(&[
    // which cloud
    key("cloud", TEXT),
    key("region", TEXT),
    key("interface", choice(&["public", "internal", "admin"])),
    key("cacert", TEXT),
    kept("insecure", BOOLEAN),
    // which servers
    key("image", REFERENCE),
    key("flavor", REFERENCE),
    key("availability_zone", TEXT),
    key("server_group", Either(&[POLICY, In(&REFERENCE_LONG)])),
    key("boot_volume", In(&BOOT_VOLUME)),
    key("root_disk", INTEGER),
    kept("config_drive", BOOLEAN),
    key("metadata", Map(&NOT_EMPTY, &SCALAR)),
    key("user_data", TEXT),
    key("timeout", DURATION),
    // how they are logged in to
    key("keypair", TEXT),
    key("private_key_file", TEXT),
    key("user", TEXT),
    key("port", INTEGER),
    // how they are reached
    key("network", Either(&[TEXT, In(&NETWORK)])),
    kept("floating_ip", Either(&[FALSE, REFERENCE])),
    key("ip_version", INTEGER),
    kept("port_security", BOOLEAN),
    key("security_groups", List(&REFERENCE)),
    key("allow", DISTINCT_TEXTS),
    key("publish_to", DISTINCT_TEXTS),
]);

/// Something that is there: its name or its id, or a mapping that says which of the two it is.
const REFERENCE: Shape = Either(&[TEXT, In(&REFERENCE_LONG)]);

const REFERENCE_LONG: Object = closed(&[key("name", TEXT), key("id", TEXT)]);

const POLICY: Shape = choice(&["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"]);

const NETWORK: Object = closed(&[
    // one that is there
    key("id", TEXT),
    key("subnet", REFERENCE),
    // one that is made
    key("name", TEXT),
    key("cidr", TEXT),
    key("dns", TEXTS),
    key("router", Either(&[FALSE, TEXT, In(&ROUTER)])),
]);

const ROUTER: Object = closed(&[key("name", TEXT), key("id", TEXT), key("external", REFERENCE)]);

const BOOT_VOLUME: Object = closed(&[
    key("size", INTEGER),
    key("type", TEXT),
    key("device", TEXT),
    kept("delete_on_termination", BOOLEAN),
    key("id", TEXT),
    key("name", TEXT),
]);
