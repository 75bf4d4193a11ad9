//! `post_start` and `pre_stop`.

use super::read::{flag, list, optional_text_map, text, texts};
use crate::compose::model::Hook;
use crate::compose::tree::Node;

pub fn hooks(service: &Node, key: &str) -> Vec<Hook> {
    let hook = |item: &Node| Hook {
        command: texts(item, "command"),
        user: text(item, "user"),
        privileged: flag(item, "privileged"),
        working_dir: text(item, "working_dir"),
        environment: optional_text_map(item, "environment"),
    };
    list(service, key).iter().map(hook).collect()
}
