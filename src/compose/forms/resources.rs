//! The file as a whole, and its networks, volumes, secrets, configs and models.

use super::Kind::{Flag, Integer, List, Map, StrictTextMap, Text, TextMap, Texts};
use super::{Form, always, always_in_json, closed, filled, form, never, service::SERVICE, stated};

pub const PROJECT: Form = form(&[
    filled("name", Text),
    always("services", Map(&SERVICE)),
    filled("networks", Map(&NETWORK)),
    filled("volumes", Map(&VOLUME)),
    filled("secrets", Map(&SECRET)),
    filled("configs", Map(&CONFIG)),
    filled("models", Map(&MODEL)),
]);

const NETWORK: Form = form(&[
    filled("name", Text),
    filled("driver", Text),
    filled("driver_opts", TextMap),
    always_in_json("ipam", &IPAM),
    filled("external", Flag),
    filled("internal", Flag),
    filled("attachable", Flag),
    filled("labels", TextMap),
    stated("enable_ipv4", Flag),
    stated("enable_ipv6", Flag),
]);

const IPAM: Form = form(&[
    filled("driver", Text),
    filled("config", List(&IPAM_POOL)),
    never("options", TextMap),
]);

const IPAM_POOL: Form = closed(&[
    filled("subnet", Text),
    filled("gateway", Text),
    filled("ip_range", Text),
    filled("aux_addresses", TextMap),
]);

const VOLUME: Form = form(&[
    filled("name", Text),
    filled("driver", Text),
    filled("driver_opts", TextMap),
    filled("external", Flag),
    filled("labels", TextMap),
]);

const SECRET: Form = form(FILE_OBJECT);

const CONFIG: Form = form(FILE_OBJECT);

const FILE_OBJECT: &[super::Field] = &[
    filled("name", Text),
    filled("file", Text),
    filled("environment", Text),
    filled("content", Text),
    filled("external", Flag),
    filled("labels", TextMap),
    filled("driver", Text),
    filled("driver_opts", StrictTextMap),
    filled("template_driver", Text),
];

const MODEL: Form = form(&[
    filled("name", Text),
    filled("model", Text),
    filled("context_size", Integer),
    filled("runtime_flags", Texts),
]);
