//! The keys of `x-ingress`, a service's ways in from outside.

use super::shape::{BOOLEAN, DURATION, Object, Shape, TEXT, TEXT_OR_INTEGER, TEXT_OR_LIST, choice, closed, key};
use Shape::{Either, List, Object as In};

/// One way in, or several: another port to listen on, another host, another path.
pub const INGRESS: Shape = Either(&[In(&WAY_IN), List(&In(&WAY_IN))]);

const WAY_IN: Object = closed(&[
    key("port", TEXT_OR_INTEGER),
    key("listen", TEXT_OR_INTEGER),
    key("host", TEXT_OR_LIST),
    key("path", TEXT),
    key("protocol", choice(&["http", "tcp"])),
    key("sticky", BOOLEAN),
    key("health", TEXT),
    key("drain", DURATION),
    key("tls", In(&TLS)),
])
.requires(&["port"]);

const TLS: Object = closed(&[key("cert", TEXT), key("key", TEXT)]).requires(&["cert"]);
