//! Address pools of a network (`ipam.config`), which merge by their subnet.
//!
//! Follows the reference to the letter, which compares every pool with every other: a pool of the earlier file that
//! shares its subnet with none of the later file is gone.

use crate::compose::tree::{Node, Value};

pub fn are_lists(base: &Node, over: &Node) -> bool {
    base.as_list().is_some() && over.as_list().is_some()
}

/// Merges two lists of pools; `lay` lays one pool over another.
pub fn merge(base: &mut Node, over: Node, lay: &mut dyn FnMut(&mut Node, Node)) {
    let (Value::List(earlier), Value::List(later)) = (&mut base.value, over.value) else {
        return;
    };
    let mut kept: Vec<Node> = Vec::new();
    for mut pool in std::mem::take(earlier) {
        // Where the pool stands in `kept`: it goes on changing there.
        let mut position: Option<usize> = None;
        for other in &later {
            if subnet(&pool) != subnet(other) && !kept.iter().any(|known| subnet(known) == subnet(other)) {
                kept.push(other.clone());
                continue;
            }
            lay(&mut pool, other.clone());
            if let Some(at) = position {
                kept[at] = pool.clone();
            }
            match kept.iter().position(|known| subnet(known) == subnet(&pool)) {
                Some(at) => {
                    kept[at] = pool.clone();
                    position = Some(at);
                }
                None => {
                    kept.push(pool.clone());
                    position = Some(kept.len() - 1);
                }
            }
        }
    }
    *earlier = kept;
}

fn subnet(pool: &Node) -> Option<String> {
    pool.get("subnet").and_then(Node::scalar_text)
}
