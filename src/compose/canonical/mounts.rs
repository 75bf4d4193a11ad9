//! Mounts: the short form `[SOURCE:]TARGET[:OPTIONS]`.

use crate::compose::findings::Findings;
use crate::compose::source::Place;
use crate::compose::tree::{Mapping, Node, Put, Value};

/// Puts a service's volumes into long form.
pub fn canonical(node: &mut Node, findings: &mut Findings) {
    let Some(list) = node.as_list_mut() else { return };
    for item in list {
        if let Some(text) = item.as_text() {
            let text = text.to_owned();
            match short(&text, &item.place, findings) {
                Ok(mapping) => item.value = Value::Map(mapping),
                Err(why) => {
                    let message = format!("`{text}` is not a mount: {why}");
                    let hint = "write `[SOURCE:]TARGET[:OPTIONS]`".to_owned();
                    findings.error_hint(message, &item.place, Some(hint));
                    item.value = Value::Invalid;
                }
            }
        } else {
            long(item, findings);
        }
    }
}

fn long(item: &mut Node, findings: &mut Findings) {
    clean_target(item);
    if let Some(volume) = item.get_mut("volume") {
        super::lists::text_map(volume.get_mut("labels"), findings);
    }
}

/// `/data/` and `/data` are one target.
fn clean_target(item: &mut Node) {
    if let Some(target) = item.get_mut("target")
        && let Some(text) = target.as_text()
    {
        target.value = Value::Text(clean(text));
    }
}

fn clean(path: &str) -> String {
    let cleaned = crate::compose::paths::normal(path);
    if cleaned.is_empty() { path.to_owned() } else { cleaned }
}

fn short(text: &str, place: &Place, findings: &mut Findings) -> Result<Mapping, String> {
    let parts: Vec<&str> = text.split(':').collect();
    if parts.iter().any(|part| part.is_empty()) {
        return Err(match text {
            "" => "it is empty".to_owned(),
            _ => "a part between colons is empty".to_owned(),
        });
    }
    let (source, target, options) = match parts[..] {
        [target] => (None, target, None),
        [source, target] => (Some(source), target, None),
        [source, target, options] => (Some(source), target, Some(options)),
        _ => return Err("there are too many colons".to_owned()),
    };
    if let Some(source) = source
        && source.len() == 1
        && source.chars().all(|c| c.is_ascii_alphabetic())
    {
        return Err(format!(
            "`{source}:` reads as a drive; volume names have two characters or more"
        ));
    }
    let is_path = source.is_some_and(|source| source.starts_with(['.', '/', '~']));
    let mut mount = Mapping::new();
    mount.put("type", Node::text(if is_path { "bind" } else { "volume" }, place));
    if let Some(source) = source {
        mount.put("source", Node::text(source, place));
    }
    mount.put("target", Node::text(clean(target), place));
    let mut bind = Mapping::new();
    let mut volume = Mapping::new();
    for option in options.into_iter().flat_map(|options| options.split(',')) {
        match option {
            "ro" => mount.put("read_only", Node::boolean(true, place)),
            "rw" => mount.put("read_only", Node::boolean(false, place)),
            "nocopy" => volume.put("nocopy", Node::boolean(true, place)),
            "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave" => {
                bind.put("propagation", Node::text(option, place));
            }
            "z" | "Z" => {
                findings.warning(format!("`{option}` has no effect"), place);
                bind.put("selinux", Node::text(option, place));
            }
            "cached" | "delegated" | "consistent" => {
                findings.warning(format!("`{option}` has no effect on Linux"), place);
            }
            _ => {
                findings.warning(
                    format!("the mount option `{option}` is not known and has no effect"),
                    place,
                );
            }
        }
    }
    if is_path {
        bind.put("create_host_path", Node::boolean(true, place));
    }
    if !bind.is_empty() {
        mount.put("bind", Node::new(Value::Map(bind), place.clone()));
    }
    if !is_path || !volume.is_empty() {
        mount.put("volume", Node::new(Value::Map(volume), place.clone()));
    }
    Ok(mount)
}
