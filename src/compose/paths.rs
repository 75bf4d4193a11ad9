//! The paths stage: paths of this machine become absolute.
//!
//! Knows which attributes are such paths. Never looks whether anything is there.

use std::path::{Path, PathBuf};

use super::tree::{Node, Value};

/// Where relative paths start, and what `~` stands for.
pub struct Base<'a> {
    pub directory: &'a Path,
    pub home: Option<&'a str>,
}

impl Base<'_> {
    /// One path, made absolute and cleaned of `.` and `..`. What is absolute stays as it is.
    pub fn absolute(&self, text: &str) -> PathBuf {
        if let Some(home) = self.home
            && let Some(rest) = text.strip_prefix('~')
        {
            return PathBuf::from(normal(&format!("{home}/{rest}")));
        }
        if text.starts_with('/') {
            return PathBuf::from(text);
        }
        let joined = self.directory.join(text);
        match joined.to_str() {
            Some(text) => PathBuf::from(normal(text)),
            None => joined,
        }
    }

    fn fix(&self, node: Option<&mut Node>) {
        let Some(node) = node else { return };
        if let Some(text) = node.as_text().filter(|text| !text.is_empty()) {
            node.value = Value::Text(self.absolute(text).display().to_string());
        }
    }

    /// A path of the host of a container, which may be a Windows machine.
    fn fix_host(&self, node: Option<&mut Node>) {
        let Some(node) = node else { return };
        if let Some(text) = node.as_text().filter(|text| !is_windows_absolute(text)) {
            node.value = Value::Text(self.absolute(text).display().to_string());
        }
    }

    /// A build context may be a path or something that the builder fetches.
    fn fix_context(&self, node: Option<&mut Node>) {
        if node.as_ref().and_then(|node| node.as_text()).is_some_and(is_remote) {
            return;
        }
        self.fix(node);
    }
}

/// Whether a build context names no path of this machine.
pub fn is_remote(context: &str) -> bool {
    let elsewhere = ["service:", "git@", "github.com/"];
    context.contains("://") || elsewhere.iter().any(|prefix| context.starts_with(prefix))
}

/// `C:\data` and `\\host\share`.
fn is_windows_absolute(path: &str) -> bool {
    let bytes = path.as_bytes();
    let drive =
        bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' && matches!(bytes[2], b'/' | b'\\');
    drive || path.starts_with("\\\\")
}

/// Makes the paths of the merged tree absolute.
pub fn resolve(project: &mut Node, base: &Base<'_>) {
    let services = project.get_mut("services").and_then(Node::as_map_mut);
    for service in services.into_iter().flat_map(|services| services.values_mut()) {
        self::service(&mut service.value, base);
    }
    for kind in ["configs", "secrets"] {
        let objects = project.get_mut(kind).and_then(Node::as_map_mut);
        for object in objects.into_iter().flat_map(|objects| objects.values_mut()) {
            base.fix_host(object.value.get_mut("file"));
        }
    }
    let volumes = project.get_mut("volumes").and_then(Node::as_map_mut);
    for volume in volumes.into_iter().flat_map(|volumes| volumes.values_mut()) {
        bound_volume(&mut volume.value, base);
    }
}

fn service(service: &mut Node, base: &Base<'_>) {
    if let Some(extends) = service.get_mut("extends") {
        base.fix(extends.get_mut("file"));
    }
    if let Some(build) = service.get_mut("build") {
        base.fix_context(build.get_mut("context"));
        let contexts = build.get_mut("additional_contexts").and_then(Node::as_map_mut);
        for context in contexts.into_iter().flat_map(|contexts| contexts.values_mut()) {
            base.fix_context(Some(&mut context.value));
        }
        let keys = build.get_mut("ssh").and_then(Node::as_map_mut);
        for key in keys.into_iter().flat_map(|keys| keys.values_mut()) {
            base.fix_host(Some(&mut key.value));
        }
    }
    for file in list(service.get_mut("env_file")) {
        base.fix(file.get_mut("path"));
    }
    for file in list(service.get_mut("label_file")) {
        base.fix(Some(file));
    }
    for mount in list(service.get_mut("volumes")) {
        if mount.get("type").and_then(Node::as_text) == Some("bind") {
            base.fix_host(mount.get_mut("source"));
        }
    }
    if let Some(develop) = service.get_mut("develop") {
        for watch in list(develop.get_mut("watch")) {
            base.fix(watch.get_mut("path"));
        }
    }
}

/// A local volume that is a folder of the host after all.
fn bound_volume(volume: &mut Node, base: &Base<'_>) {
    let text = |node: Option<&Node>| node.and_then(Node::as_text).map(str::to_owned);
    if text(volume.get("driver")).as_deref() != Some("local") {
        return;
    }
    if let Some(options) = volume.get_mut("driver_opts")
        && text(options.get("o")).as_deref() == Some("bind")
    {
        base.fix_host(options.get_mut("device"));
    }
}

fn list(node: Option<&mut Node>) -> impl Iterator<Item = &mut Node> {
    node.and_then(Node::as_list_mut).into_iter().flatten()
}

/// The way from one folder to another (both absolute, or both relative to the same), by their text alone.
pub fn relative(from: &Path, to: &Path) -> PathBuf {
    let (from, to) = (normal(&from.display().to_string()), normal(&to.display().to_string()));
    let parts = |path: &str| -> Vec<String> {
        let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
        parts.map(str::to_owned).collect()
    };
    let (from, to) = (parts(&from), parts(&to));
    let shared = from.iter().zip(&to).take_while(|(left, right)| left == right).count();
    let up = std::iter::repeat_n("..", from.len() - shared);
    let way: Vec<&str> = up.chain(to[shared..].iter().map(String::as_str)).collect();
    PathBuf::from(if way.is_empty() { ".".to_owned() } else { way.join("/") })
}

/// A path without `.`, `..` and doubled slashes, by its text alone.
pub fn normal(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_absolute_and_clean() {
        let base = Base {
            directory: Path::new("/srv/app"),
            home: Some("/home/ann"),
        };
        let absolute = |text| base.absolute(text).display().to_string();
        assert_eq!(absolute("./data"), "/srv/app/data");
        assert_eq!(absolute("../up/./x//y/"), "/srv/up/x/y");
        assert_eq!(absolute("/etc/../x"), "/etc/../x");
        assert_eq!(absolute("~"), "/home/ann");
        assert_eq!(absolute("~/x"), "/home/ann/x");
        assert_eq!(absolute("~bob"), "/home/ann/bob");
        assert_eq!(absolute("."), "/srv/app");
    }

    #[test]
    fn remote_contexts_are_left_alone() {
        assert!(is_remote("https://github.com/x/y.git#main"));
        assert!(is_remote("git@host:x.git"));
        assert!(!is_remote("./x"));
    }
}
