//! The top level of a file, and its networks, volumes, configs and secrets.

use super::Shape::{Any, Boolean, Either, List, Map, Object as In, Optional, Scalar, Text};
use super::{LIST_OR_MAP, Object, Shape, hosts, service};
use super::{key, not_yet, object, obsolete, refused};

/// In the order of the reference's canonical form.
pub const ROOT: Object = object(&[
    obsolete("version", Any),
    key("name", Text),
    key("services", Map(&In(&service::SERVICE))),
    refused("include", Any),
    key("networks", Map(&Optional(&In(&NETWORK)))),
    key("volumes", Map(&Optional(&In(&VOLUME)))),
    key("secrets", Map(&In(&FILE_OBJECT))),
    key("configs", Map(&In(&FILE_OBJECT))),
    not_yet("models", Any),
    key("x-hosts", Map(&In(&hosts::GROUP))),
    key("x-pool", In(&hosts::POOL)),
    key("x-openstack", In(&hosts::OPENSTACK)),
]);

/// `true`, or the old `{name: …}`.
const EXTERNAL: Shape = Either(&[Boolean, In(&EXTERNAL_NAME)]);

const EXTERNAL_NAME: Object = object(&[key("name", Text)]);

const NETWORK: Object = object(&[
    key("name", Text),
    key("driver", Text),
    key("driver_opts", Map(&Scalar)),
    key("ipam", In(&IPAM)),
    key("external", EXTERNAL),
    key("internal", Boolean),
    key("attachable", Boolean),
    key("labels", LIST_OR_MAP),
    not_yet("enable_ipv4", Boolean),
    key("enable_ipv6", Boolean),
]);

const IPAM: Object = object(&[
    not_yet("driver", Text),
    key("config", List(&In(&IPAM_POOL))),
    not_yet("options", Map(&Text)),
]);

const IPAM_POOL: Object = object(&[
    key("subnet", Text),
    key("gateway", Text),
    key("ip_range", Text),
    not_yet("aux_addresses", Map(&Text)),
]);

const VOLUME: Object = object(&[
    key("name", Text),
    key("driver", Text),
    key("driver_opts", Map(&Scalar)),
    key("external", EXTERNAL),
    key("labels", LIST_OR_MAP),
]);

const FILE_OBJECT: Object = object(&[
    key("name", Text),
    key("file", Text),
    key("environment", Text),
    key("content", Text),
    key("external", EXTERNAL),
    key("labels", LIST_OR_MAP),
    not_yet("driver", Text),
    not_yet("driver_opts", Map(&Scalar)),
    not_yet("template_driver", Text),
]);
