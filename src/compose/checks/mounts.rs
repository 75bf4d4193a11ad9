//! Places in the container that are mounted twice.

use std::collections::HashSet;

use super::services::list;
use crate::compose::findings::Findings;
use crate::compose::tree::Node;

pub fn check(service: &Node, findings: &mut Findings) {
    let mut seen: HashSet<&str> = HashSet::new();
    let temporary = list(service, "tmpfs").iter().filter_map(|node| {
        let text = node.as_text()?;
        Some((text.split_once(':').map_or(text, |(path, _)| path), node))
    });
    let mounts = list(service, "volumes").iter().filter_map(|mount| {
        let target = mount.get("target")?;
        Some((target.as_text()?, target))
    });
    for (target, node) in temporary.chain(mounts) {
        if !seen.insert(target) {
            findings.error(format!("`{target}` is mounted already"), &node.place);
        }
    }
}
