//! C16: starting twice is starting once.

use weft_core::{machine::Status, time::Time};

use super::{Broken, Rule, expect};
use crate::world::Node;

/// C16: a machine restored from the store stands where the one that runs does, so whoever loses
/// power while it starts loses nothing by starting again.
pub fn starts_where_it_stands(node: &Node, now: Time) -> Result<(), Broken> {
    let Some(running) = node.status() else { return Ok(()) };
    let stands = |status: &Status| {
        (status.next, status.committed, status.lowest, status.unordered, status.round)
    };
    let (first, second) = (node.restored(now), node.restored(now));
    for restored in [first, second] {
        expect(Rule::C16Recovery, stands(&restored) == stands(running), || {
            let (was, is) = (stands(running), stands(&restored));
            format!("{} stood at {was:?} and would start at {is:?}", node.address())
        })?;
    }
    Ok(())
}
