//! Commands that are run in a container after it starts and before it stops.

use indexmap::IndexMap;

/// An entry of `post_start` or `pre_stop`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hook {
    pub command: Vec<String>,
    pub user: Option<String>,
    pub privileged: bool,
    pub working_dir: Option<String>,
    /// Beside the container's own; `None` is a variable that has no value anywhere.
    pub environment: IndexMap<String, Option<String>>,
}
