//! The keys of `x-hosts` and `x-pool`. None of them takes `x-` keys: what is not known is a mistake.

use super::openstack::OPENSTACK_SETTINGS;
use super::shape::{BOOLEAN, INTEGER, LIST_OR_MAP, NOT_EMPTY, Object, Shape, TEXT, choice, closed, kept, key};
use Shape::{Any, Either, List, Map, Object as In};

pub const HOSTS: Shape = Map(&NOT_EMPTY, &In(&GROUP));

const GROUP: Object = closed(&[
    kept("count", INTEGER),
    key("labels", LIST_OR_MAP),
    kept("local", In(&LOCAL)),
    kept("ssh", List(&Either(&[TEXT, In(&SSH)]))),
    kept("openstack", OPENSTACK_SETTINGS),
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

pub const POOL_SETTINGS: Shape = In(&POOL);

const POOL: Object = closed(&[
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
