//! `volumes` and `tmpfs` of a service become mounts.

use super::read::{flag, mode, text, unsigned_bytes};
use crate::compose::findings::Findings;
use crate::compose::model::{Mount, MountKind, Recursive};
use crate::compose::tree::Node;
use crate::compose::units;

pub fn mounts(service: &Node, findings: &mut Findings) -> Vec<Mount> {
    let list = |key: &str| service.get(key).and_then(Node::as_list).unwrap_or_default();
    let volumes = list("volumes").iter().filter_map(|item| mount(item, findings));
    let mut mounts: Vec<Mount> = volumes.collect();
    for item in list("tmpfs") {
        if let Some(mount) = tmpfs(item, findings) {
            if mounts.iter().any(|other| other.target == mount.target) {
                findings.error(
                    format!("something is mounted at `{}` already", mount.target),
                    &item.place,
                );
            }
            mounts.push(mount);
        }
    }
    mounts
}

fn mount(item: &Node, findings: &mut Findings) -> Option<Mount> {
    item.as_map()?;
    let kind = item.get("type")?;
    let Some(target) = text(item, "target") else {
        if !item.get("target").is_some_and(Node::is_invalid) {
            findings.error("a mount needs `target`, a path in the container", &item.place);
        }
        return None;
    };
    let source = text(item, "source");
    let empty = Node::empty_map(&item.place);
    let part = |key: &str| item.get(key).unwrap_or(&empty);
    let kind = match (kind.as_text()?, source) {
        ("volume", volume) => MountKind::Volume {
            volume,
            no_copy: flag(part("volume"), "nocopy"),
            subpath: text(part("volume"), "subpath"),
        },
        ("bind", Some(source)) => MountKind::Bind {
            source,
            // Options without it say that the path has to be there; no options at all, that it need not.
            create_host_path: item.get("bind").is_none_or(Node::is_null) || flag(part("bind"), "create_host_path"),
            propagation: text(part("bind"), "propagation"),
            recursive: match text(part("bind"), "recursive").as_deref() {
                Some("disabled") => Some(Recursive::Disabled),
                Some("writable") => Some(Recursive::Writable),
                Some("readonly") => Some(Recursive::Readonly),
                _ => None,
            },
        },
        ("bind", None) => return None,
        ("tmpfs", None) => MountKind::Tmpfs {
            size: unsigned_bytes(part("tmpfs"), "size"),
            mode: mode(part("tmpfs"), "mode", findings),
        },
        ("tmpfs", Some(_)) => {
            findings.error("a mount of type `tmpfs` has no `source`", &item.get("source")?.place);
            return None;
        }
        (other, _) => {
            findings.refuse(format!("mounts of type `{other}` are not supported"), &kind.place);
            return None;
        }
    };
    Some(Mount {
        kind,
        target,
        read_only: flag(item, "read_only"),
    })
}

/// `TARGET[:OPTIONS]`, with `size=` and `mode=` among the options.
fn tmpfs(item: &Node, findings: &mut Findings) -> Option<Mount> {
    let line = item.as_text()?;
    let (target, options) = line.split_once(':').unwrap_or((line, ""));
    let (mut size, mut mode, mut read_only) = (None, None, false);
    for option in options.split(',').filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match name {
            "size" => {
                size = units::parse_bytes(value).and_then(|bytes| u64::try_from(bytes).ok());
                if size.is_none() {
                    findings.error(
                        format!("`size` must be a size such as `64m`, not `{value}`"),
                        &item.place,
                    );
                }
            }
            "mode" => {
                mode = u32::from_str_radix(value, 8).ok().filter(|mode| *mode <= 0o7777);
                if mode.is_none() {
                    findings.error(format!("`mode` must be octal digits, not `{value}`"), &item.place);
                }
            }
            "ro" => read_only = true,
            "rw" => read_only = false,
            _ => {
                let message = format!("the tmpfs option `{name}` has no effect");
                findings.warning(message, &item.place);
            }
        }
    }
    Some(Mount {
        kind: MountKind::Tmpfs { size, mode },
        target: target.to_owned(),
        read_only,
    })
}
