//! Names: the project's, and what the engine calls its resources.
//!
//! Knows the rules of the specification (*name*) and of the engine. Never looks at a tree.

use std::path::Path;

/// Whether a project's name is valid as it stands.
pub fn is_project_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit())
        && characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
}

/// Makes a project's name of a folder's: lower case, and only what a name may have.
pub fn normalized(name: &str) -> String {
    let lower = name.to_lowercase();
    let kept: String = lower
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
        .collect();
    kept.trim_start_matches(['_', '-']).to_owned()
}

/// The project's name that a folder gives, where it gives one.
pub fn from_directory(directory: &Path) -> Option<String> {
    let name = normalized(directory.file_name()?.to_str()?);
    (!name.is_empty()).then_some(name)
}

/// Names of services and of what a file defines: letters, digits, `.`, `_` and `-`.
pub fn is_resource_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

/// Names of host groups and pools: they become host names.
pub fn is_group_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 50
        && !name.starts_with('-')
        && !name.ends_with('-')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_name_in_lower_case() {
        assert_eq!(from_directory(Path::new("/srv/My App.2")).as_deref(), Some("myapp2"));
        assert_eq!(from_directory(Path::new("/srv/_x")).as_deref(), Some("x"));
        assert_eq!(from_directory(Path::new("/")), None);
        assert_eq!(from_directory(Path::new("/…")), None);
    }

    #[test]
    fn explicit_names_must_be_valid() {
        assert!(is_project_name("my-app_2"));
        for name in ["", "My", "-a", "_a", "a.b", "a b"] {
            assert!(!is_project_name(name), "{name}");
        }
    }

    #[test]
    fn group_names_can_be_part_of_a_host_name() {
        assert!(is_group_name("web-2"));
        for name in ["", "Web", "-a", "a-", "a_b", "a.b"] {
            assert!(!is_group_name(name), "{name}");
        }
    }
}
