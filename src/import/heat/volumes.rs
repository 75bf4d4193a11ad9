//! Volumes of the cloud that are no boot volumes: shown at the hosts that they were for.

use crate::import::draft::at;

use super::functions::Found;
use super::translator::Translator;
use super::types;

/// Comments the attachments at their hosts; the volumes themselves are left to the general report.
pub fn translate(translator: &mut Translator<'_>) {
    for name in translator.of_type(types::VOLUME_ATTACHMENT) {
        let server = translator.peek(&name, "instance_uuid");
        let group = server
            .as_ref()
            .and_then(Found::resource)
            .and_then(|server| translator.group_of(server));
        let here = group.map_or_else(|| at([]), |group| at(["x-hosts", &group]));
        let opened = translator.open(&name);
        translator.leftover(&here, &name, opened);
    }
}
