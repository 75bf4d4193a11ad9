//! A service's volumes: which are folders of the host and which have a name, and how a name with a variable is declared.
//!
//! Compose replaces no variables in keys. A volume whose name has one is declared under a key made from the name, which
//! the service's mount refers to; the name itself stands beside the key as `name`.

use docker_compose_types::{MapOrEmpty, Volumes};
use serde_yaml::{Mapping, Value as Yaml};

use crate::compose::interpolate;
use crate::compose::source::Place;
use crate::compose::tree::Node;
use crate::import::draft::{Draft, at};

use super::affinity::varies;
use super::resources::empty_volume;
use super::stack::{Keys, Stack, place_of, warn};
use super::values;

/// A mount's source and what follows its colon: a colon in a variable's default is none.
pub fn parts(mount: &str) -> (&str, Option<&str>) {
    let mut depth = 0_usize;
    for (at, character) in mount.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => return (&mount[..at], Some(&mount[at + 1..])),
            _ => {}
        }
    }
    (mount, None)
}

/// What a mount's source is.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    /// A folder of the host, as it is written.
    Folder,
    /// A folder, unless the variable that it begins with says otherwise.
    Unknown,
    /// A folder beside the file: the path says no `./`.
    Relative,
    Named,
    /// Nothing: the variable is answered with an empty text.
    Empty,
}

fn source(text: &str) -> Source {
    const PATH: [char; 3] = ['/', '.', '~'];
    if text.starts_with(PATH) {
        return Source::Folder;
    }
    if text.is_empty() {
        return Source::Empty;
    }
    if !varies(text) {
        return if text.contains('/') {
            Source::Relative
        } else {
            Source::Named
        };
    }
    let expressions = interpolate::expressions(text);
    let first = &expressions[0];
    if !text.starts_with('$') {
        return if plain(text).contains('/') {
            Source::Relative
        } else {
            Source::Named
        };
    }
    if first.operator == "-" && first.word.starts_with(PATH) {
        return Source::Folder;
    }
    if plain(text).contains('/') {
        return Source::Unknown;
    }
    let whole = plain(text).is_empty() && expressions.len() == 1 && first.operator != "-";
    let name = first.name.to_ascii_lowercase();
    let path = ["dir", "path", "folder", "root", "home", "pwd", "mount", "host"];
    match whole && path.iter().any(|word| name.contains(word)) {
        true => Source::Unknown,
        false => Source::Named,
    }
}

/// A text without its variables.
fn plain(text: &str) -> String {
    let (mut depth, mut output, mut rest) = (0_usize, String::new(), text.chars().peekable());
    while let Some(character) = rest.next() {
        match character {
            '$' if rest.peek() == Some(&'{') => {}
            '$' if depth == 0 => while rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_').is_some() {},
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 => output.push(character),
            _ => {}
        }
    }
    output
}

/// Translates `volumes` of a service, and declares those that have a name.
pub fn translate(draft: &mut Draft, stack: &mut Stack, name: &str, node: &Node) {
    let items = node.as_list().map_or_else(|| vec![node], |list| list.iter().collect());
    let mut mounts = Vec::new();
    for item in items {
        for mount in values::texts(item, ':') {
            mounts.push(one(draft, stack, name, &mount, &item.place));
        }
    }
    if mounts.iter().any(Yaml::is_mapping) {
        // The long form of the types prints `null` for what a mount does not say.
        draft.beyond(at(["services", name, "volumes"]), Yaml::Sequence(mounts.clone()));
    }
    let short = mounts.iter().filter_map(Yaml::as_str).map(str::to_owned);
    draft.service(name).volumes = short.map(Volumes::Simple).collect();
}

fn one(draft: &mut Draft, stack: &mut Stack, name: &str, mount: &str, place: &Place) -> Yaml {
    let (text, Some(rest)) = parts(mount) else {
        return Yaml::from(mount);
    };
    let here = at(["services", name, "volumes"]);
    match source(text) {
        Source::Folder => Yaml::from(mount),
        Source::Relative => {
            let why = format!("`{text}` is no name of a volume: it is the folder `./{text}`");
            warn(draft, here, &why, place, None);
            Yaml::from(format!("./{mount}"))
        }
        Source::Empty => {
            let why = format!("the mount `{mount}` has no source: it is a volume without a name");
            warn(draft, here, &why, place, None);
            Yaml::from(rest)
        }
        Source::Unknown => {
            let why = format!("`{text}` may be a folder or the name of a volume: it is a folder in the output");
            let hint = "a file of `--answers` that has the variable decides";
            warn(draft, here, &why, place, Some(hint));
            folder(text, rest).map_or_else(|| Yaml::from(mount), Yaml::Mapping)
        }
        Source::Named => {
            let key = stack.key("volumes", text);
            if text.contains('$') {
                let volume = named(text);
                draft.compose.volumes.0.entry(key.clone()).or_insert(volume);
                if plain(text).is_empty() && varies(text) && !text.contains(":-") {
                    let why = format!("`{text}` may be a folder or the name of a volume: it is a name in the output");
                    let hint = "a file of `--answers` that has the variable decides";
                    warn(draft, here, &why, place, Some(hint));
                }
            } else if stack.first_version {
                // Named volumes had to be declared from version 2 on; before, they had the name itself on the host.
                draft.volume(&key);
            } else {
                draft.compose.volumes.0.entry(key.clone()).or_default();
            }
            Yaml::from(format!("{key}:{rest}"))
        }
    }
}

/// A volume that is called so.
fn named(name: &str) -> MapOrEmpty<docker_compose_types::ComposeVolume> {
    let mut volume = empty_volume();
    volume.name = Some(name.to_owned());
    MapOrEmpty::Map(volume)
}

/// A folder in the long form, which takes any text for a path; nothing where an option has no word there.
fn folder(source: &str, rest: &str) -> Option<Mapping> {
    let (target, options) = parts(rest);
    let mut bind = Mapping::from_iter([(Yaml::from("create_host_path"), Yaml::from(true))]);
    let mut read_only = false;
    for option in options.into_iter().flat_map(|options| options.split(',')) {
        match option {
            "rw" | "" => {}
            "ro" => read_only = true,
            "z" | "Z" => {
                bind.insert(Yaml::from("selinux"), Yaml::from(option));
            }
            "shared" | "rshared" | "slave" | "rslave" | "private" | "rprivate" => {
                bind.insert(Yaml::from("propagation"), Yaml::from(option));
            }
            _ => return None,
        }
    }
    let source = match interpolate::expressions(source).as_slice() {
        // Nothing is no path.
        [variable] if variable.operator.is_empty() && plain(source).is_empty() => {
            let target = target.replace(['$', '{', '}'], " ");
            format!("${{{}:?the folder at {target}}}", variable.name)
        }
        _ => source.to_owned(),
    };
    let mut mount = Mapping::from_iter([
        (Yaml::from("type"), Yaml::from("bind")),
        (Yaml::from("source"), Yaml::from(source)),
        (Yaml::from("target"), Yaml::from(target)),
    ]);
    if read_only {
        mount.insert(Yaml::from("read_only"), Yaml::from(true));
    }
    mount.insert(Yaml::from("bind"), Yaml::Mapping(bind));
    Some(mount)
}

/// `volume_driver`: the driver of the service's named volumes.
pub fn driver(keys: &mut Keys, name: &str, draft: &mut Draft) {
    let Some(place) = keys.get("volume_driver").map(|node| node.place.clone()) else {
        return;
    };
    let Some(driver) = keys.scalar("volume_driver").filter(|driver| !driver.is_empty()) else {
        return;
    };
    let mounts = draft.service(name).volumes.clone();
    let mut named = 0;
    for mount in mounts {
        let Volumes::Simple(mount) = mount else { continue };
        let (source, Some(_)) = parts(&mount) else { continue };
        if source.starts_with(['/', '.', '~']) || varies(source) {
            continue;
        }
        named += 1;
        let volume = draft.compose.volumes.0.entry(source.to_owned()).or_default();
        if matches!(volume, MapOrEmpty::Empty) {
            *volume = MapOrEmpty::Map(empty_volume());
        }
        if let MapOrEmpty::Map(volume) = volume {
            volume.driver.get_or_insert_with(|| driver.clone());
        }
    }
    if named == 0 {
        let why = "the service has no named volume: a driver belongs to one";
        draft.lost_with(place_of(name), "volume_driver", Some(&driver), why, &place);
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, parts, source};

    #[test]
    fn a_source_is_a_folder_or_a_name() {
        for (text, expected) in [
            ("/srv", Source::Folder),
            ("./x", Source::Folder),
            ("${D:-/srv}", Source::Folder),
            ("${D:-./x}/y", Source::Folder),
            ("data/x", Source::Relative),
            ("data/${x}", Source::Relative),
            ("${a}/${b}", Source::Unknown),
            ("${DATA_DIR}", Source::Unknown),
            ("$HOST_PATH", Source::Unknown),
            ("data", Source::Named),
            ("${stack}-data", Source::Named),
            ("data_$stack", Source::Named),
            ("${VOLUME:-data}", Source::Named),
            ("${VOLUME}", Source::Named),
            ("", Source::Empty),
        ] {
            assert_eq!(source(text), expected, "{text}");
        }
        assert_eq!(parts("${D:-/srv}:/x:ro"), ("${D:-/srv}", Some("/x:ro")));
        assert_eq!(parts("/x"), ("/x", None));
    }
}
