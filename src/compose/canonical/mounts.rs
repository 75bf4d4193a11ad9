//! Mounts: the short form `[SOURCE:]TARGET[:OPTIONS]`.

use crate::compose::findings::Findings;
use crate::compose::paths::normal;
use crate::compose::source::Place;
use crate::compose::tree::{Mapping, Node, Put, Value};

/// Puts a service's volumes into long form. Where variables are still `written`, a text that cannot be read stays as it
/// is.
pub fn canonical(node: &mut Node, written: bool, findings: &mut Findings) {
    let Some(list) = node.as_list_mut() else { return };
    for item in list {
        let Some(text) = item.as_text().map(str::to_owned) else {
            continue;
        };
        match Spec::parse(&text) {
            Ok(spec) => item.value = Value::map(spec.long(&item.place, findings)),
            Err(_) if written => {}
            Err(why) => {
                let message = format!("`{text}` is not a mount: {why}");
                let hint = "write `[SOURCE:]TARGET[:OPTIONS]`".to_owned();
                findings.error_hint(message, &item.place, Some(hint));
                item.value = Value::Invalid;
            }
        }
    }
}

/// The parts of a short form.
#[derive(Debug, PartialEq, Eq)]
struct Spec {
    source: Option<String>,
    target: String,
    options: Option<String>,
    /// One or two characters: a target, whatever they are.
    tiny: bool,
}

impl Spec {
    fn parse(text: &str) -> Result<Spec, &'static str> {
        if text.len() <= 2 {
            return match text {
                "" => Err("it is empty"),
                _ => Ok(Spec {
                    source: None,
                    target: text.to_owned(),
                    options: None,
                    tiny: true,
                }),
            };
        }
        let parts = parts(text);
        if parts.iter().any(String::is_empty) {
            return Err("a part between colons is empty");
        }
        let mut parts = parts.into_iter();
        let spec = match (parts.next(), parts.next()) {
            (Some(target), None) => (None, target),
            (source, Some(target)) => (source, target),
            (None, None) => return Err("it is empty"),
        };
        let options = parts.next();
        if parts.next().is_some() {
            return Err("there are too many colons");
        }
        Ok(Spec {
            source: spec.0,
            target: spec.1,
            options,
            tiny: false,
        })
    }

    fn long(self, place: &Place, findings: &mut Findings) -> Mapping {
        let is_path = self.source.as_deref().is_some_and(is_path);
        let mut mount = Mapping::default();
        mount.put("type", Node::text(if is_path { "bind" } else { "volume" }, place));
        if let Some(source) = &self.source {
            mount.put("source", Node::text(source, place));
        }
        mount.put("target", Node::text(normal(&self.target), place));
        let mut bind = Mapping::default();
        let mut volume = Mapping::default();
        let mut read_only = false;
        for option in self.options.iter().flat_map(|options| options.split(',')) {
            match option {
                "ro" => read_only = true,
                "rw" => read_only = false,
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
                    let message = format!("the mount option `{option}` is not known and has no effect");
                    findings.warning(message, place);
                }
            }
        }
        if read_only {
            mount.put("read_only", Node::boolean(true, place));
        }
        if is_path {
            bind.put("create_host_path", Node::boolean(true, place));
        }
        if !bind.is_empty() {
            mount.put("bind", Node::new(Value::map(bind), place.clone()));
        }
        if (!is_path && !self.tiny) || !volume.is_empty() {
            mount.put("volume", Node::new(Value::map(volume), place.clone()));
        }
        mount
    }
}

/// What stands between colons; the colon of `C:` and one within `${…}` separate nothing.
fn parts(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut within_variable = 0_u32;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '$' if characters.peek() == Some(&'{') => within_variable += 1,
            '}' if within_variable > 0 => within_variable -= 1,
            ':' if is_drive(&part) => {}
            ':' if within_variable == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(character);
    }
    parts.push(part);
    parts
}

/// Whether a part is one letter, as the drives of Windows are called.
fn is_drive(part: &str) -> bool {
    let mut characters = part.chars();
    characters.next().is_some_and(char::is_alphabetic) && characters.next().is_none()
}

/// Whether a source is a path of the host; any other is the name of a volume.
fn is_path(source: &str) -> bool {
    if source.starts_with(['.', '/', '~']) || source.starts_with(r"\\") {
        return true;
    }
    match source.split_once(':') {
        Some((drive, _)) => is_drive(drive),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, &'static str> {
        let spec = Spec::parse(text)?;
        let part = |part: Option<String>| part.unwrap_or_else(|| "-".to_owned());
        Ok(format!("{} {} {}", part(spec.source), spec.target, part(spec.options)))
    }

    #[test]
    fn the_short_forms_of_the_specification() {
        for (text, expected) in [
            ("/data", Ok("- /data -")),
            ("a", Ok("- a -")),
            ("data:/data", Ok("data /data -")),
            ("./data:/data:ro,z", Ok("./data /data ro,z")),
            (r"C:\data:/data", Ok(r"C:\data /data -")),
            ("x:/data", Ok("- x:/data -")),
            ("${A:-b}:/data", Ok("${A:-b} /data -")),
            ("", Err("it is empty")),
            ("aa::b", Err("a part between colons is empty")),
            ("data:/data:ro:z", Err("there are too many colons")),
        ] {
            assert_eq!(read(text).as_deref(), expected.as_ref().copied(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn reading_mounts_never_panics(text in "[a-z:/.,\\\\~${}]{0,20}|\\PC{0,20}") {
            drop(read(&text));
        }
    }
}
