//! `.dockerignore`: which files of a build context stay at home.
//!
//! Knows the file's grammar as Docker's `patternmatcher` has it: patterns are anchored at the context's root, a pattern
//! that matches a folder matches what is in it, `!` takes back, and the last pattern that matches decides. Never reads a file.

use globset::{GlobBuilder, GlobMatcher};

/// The patterns of one file, in order.
#[derive(Debug, Default)]
pub(super) struct Ignore {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    matcher: GlobMatcher,
    exception: bool,
    /// Its folders before the first wildcard.
    literal: Vec<String>,
}

impl Ignore {
    /// # Errors
    ///
    /// The line and why it is no pattern.
    pub(super) fn parse(text: &str) -> Result<Ignore, String> {
        let mut patterns = Vec::new();
        for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (exception, pattern) = match line.strip_prefix('!') {
                Some(pattern) => (true, pattern.trim()),
                None => (false, line),
            };
            let pattern = clean(pattern);
            if pattern.is_empty() {
                continue;
            }
            let matcher = GlobBuilder::new(&translate(&pattern))
                .literal_separator(true)
                .backslash_escape(true)
                .build()
                .map_err(|error| format!("line {}: {}", number + 1, error.kind()))?
                .compile_matcher();
            let literal = pattern
                .split('/')
                .take_while(|part| !part.contains(['*', '?', '[', '\\']))
                .map(str::to_owned)
                .collect();
            patterns.push(Pattern {
                matcher,
                exception,
                literal,
            });
        }
        Ok(Ignore { patterns })
    }

    /// Whether the file or folder at `path` (relative to the root, with `/`) stays at home.
    pub(super) fn excludes(&self, path: &str) -> bool {
        let mut excluded = false;
        for pattern in &self.patterns {
            // Only a pattern that would change the answer is worth matching.
            if pattern.exception == excluded && pattern.matches(path) {
                excluded = !pattern.exception;
            }
        }
        excluded
    }

    /// Whether an excluded folder may hold files that an exception takes back.
    pub(super) fn may_take_back_in(&self, folder: &str) -> bool {
        let parts: Vec<&str> = folder.split('/').collect();
        self.patterns.iter().filter(|pattern| pattern.exception).any(|pattern| {
            parts
                .iter()
                .zip(&pattern.literal)
                .all(|(part, literal)| part == literal)
        })
    }
}

impl Pattern {
    fn matches(&self, path: &str) -> bool {
        let mut ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        ends.any(|end| self.matcher.is_match(&path[..end]))
    }
}

/// Go's `filepath.Clean`, and no slash in front.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." => {}
            other => parts.push(other),
        }
    }
    parts.join("/")
}

/// Braces mean themselves in Go; `**` is any number of folders even when it is only a part of one's name.
fn translate(pattern: &str) -> String {
    let parts = pattern.split('/').map(|part| {
        let escaped = part.replace('{', "\\{").replace('}', "\\}");
        match escaped.as_str() {
            "**" => escaped,
            glued if glued.starts_with("**") => format!("**/*{}", glued.trim_start_matches('*')),
            glued => glued.replace("**", "*"),
        }
    });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excluded<'a>(text: &str, paths: &[&'a str]) -> Vec<&'a str> {
        let ignore = Ignore::parse(text).unwrap();
        paths.iter().copied().filter(|path| ignore.excludes(path)).collect()
    }

    #[test]
    fn patterns_are_anchored_at_the_root() {
        let paths = [
            "a.log",
            "sub/a.log",
            "sub/deep/a.log",
            "target",
            "target/x",
            "sub/target/x",
        ];
        assert_eq!(excluded("*.log", &paths), ["a.log"]);
        assert_eq!(excluded("/target/", &paths), ["target", "target/x"]);
        assert_eq!(excluded("*/*.log", &paths), ["sub/a.log"]);
        assert_eq!(excluded("**/*.log", &paths), ["a.log", "sub/a.log", "sub/deep/a.log"]);
        assert_eq!(excluded("**/target", &paths), ["target", "target/x", "sub/target/x"]);
        assert_eq!(
            excluded("sub/**", &paths),
            ["sub/a.log", "sub/deep/a.log", "sub/target/x"]
        );
    }

    #[test]
    fn the_last_pattern_that_matches_decides() {
        let paths = ["README.md", "a.md", "docs/b.md"];
        assert_eq!(excluded("*.md\n!README.md", &paths), ["a.md"]);
        assert_eq!(excluded("!README.md\n*.md", &paths), ["README.md", "a.md"]);
        assert_eq!(excluded("*\n!docs/*.md", &paths), ["README.md", "a.md"]);
    }

    #[test]
    fn comments_blank_lines_and_the_root_itself_exclude_nothing() {
        assert!(excluded("# a.md\n\n.\n/\n  \n", &["a.md"]).is_empty());
        assert_eq!(excluded("\u{feff}  a.md  ", &["a.md"]), ["a.md"]);
    }

    #[test]
    fn wildcards_mean_what_they_mean_in_go() {
        let paths = ["a{b}", "ab", "a1", "ax", "b/ab"];
        assert_eq!(excluded("a{b}", &paths), ["a{b}"]);
        assert_eq!(excluded("a?", &paths), ["ab", "a1", "ax"]);
        assert_eq!(excluded("a[^b]", &paths), ["a1", "ax"]);
        assert_eq!(excluded("**b", &paths), ["ab", "b/ab"]);
        assert!(Ignore::parse("a\n[").unwrap_err().starts_with("line 2"));
    }

    #[test]
    fn an_excluded_folder_is_entered_only_for_an_exception_below_it() {
        let ignore = Ignore::parse("node_modules\nbuild\n!build/keep/*.js").unwrap();
        assert!(!ignore.may_take_back_in("node_modules"));
        assert!(ignore.may_take_back_in("build"));
        assert!(ignore.may_take_back_in("build/keep"));
        assert!(!ignore.may_take_back_in("build/other"));
        assert!(Ignore::parse("*\n!**/x").unwrap().may_take_back_in("anything"));
    }
}
