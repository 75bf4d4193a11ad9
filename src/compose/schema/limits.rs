//! What a service may use of its host: limits, devices, block I/O, logging, credentials.

use super::shape::{
    ANY_BUT_EMPTY, INTEGER, INTEGER_OR_TEXT, Object, SMALL_LETTERS_OR_ANY, STRICT_INTEGER, Shape, TEXT,
    TEXT_NUMBER_OR_NULL, WHOLE_BYTES, closed, kept, key, object, unsigned,
};
use Shape::{Either, List, Map, Object as In};

pub const ULIMITS: Shape = Map(&SMALL_LETTERS_OR_ANY, &Either(&[INTEGER.at_once(), In(&ULIMIT)]));

/// The same without text for a number: the reference casts only those of a service.
pub const BUILD_ULIMITS: Shape = Map(&SMALL_LETTERS_OR_ANY, &Either(&[STRICT_INTEGER, In(&BUILD_ULIMIT)]));

const BUILD_ULIMIT: Object =
    object(&[kept("soft", STRICT_INTEGER), kept("hard", STRICT_INTEGER)]).requires(&["soft", "hard"]);

const ULIMIT: Object =
    object(&[kept("soft", INTEGER.at_once()), kept("hard", INTEGER.at_once())]).requires(&["soft", "hard"]);

/// The schema asks for `source` alone, the reference's merge for `target` too.
pub const DEVICE: Object =
    object(&[key("source", TEXT), key("target", TEXT), key("permissions", TEXT)]).requires(&["source", "target"]);

pub const BLKIO: Object = closed(&[
    key("weight", unsigned(INTEGER_OR_TEXT, 16)),
    key("weight_device", List(&In(&BLKIO_WEIGHT))),
    key("device_read_bps", List(&In(&BLKIO_LIMIT))),
    key("device_read_iops", List(&In(&BLKIO_LIMIT))),
    key("device_write_bps", List(&In(&BLKIO_LIMIT))),
    key("device_write_iops", List(&In(&BLKIO_LIMIT))),
]);

const BLKIO_WEIGHT: Object = closed(&[key("path", TEXT), key("weight", unsigned(INTEGER_OR_TEXT, 16))]);

const BLKIO_LIMIT: Object = closed(&[key("path", TEXT), key("rate", WHOLE_BYTES)]);

pub const LOGGING: Object = object(&[
    key("driver", TEXT),
    key("options", Map(&ANY_BUT_EMPTY, &TEXT_NUMBER_OR_NULL)),
]);

pub const CREDENTIAL_SPEC: Object = object(&[key("config", TEXT), key("file", TEXT), key("registry", TEXT)]);
