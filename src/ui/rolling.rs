//! The steps of a rolling upgrade as a table.

use super::tables::Table;
use crate::plan::rolling::{Scales, Wish};

/// One line a step: what each of the two services has.
pub fn steps(wish: &Wish, steps: &[Scales]) -> String {
    let mut table = Table::new([wish.old.as_str(), wish.new.as_str()]);
    for step in steps {
        table.row([step.old.to_string(), step.new.to_string()]);
    }
    table.render()
}
