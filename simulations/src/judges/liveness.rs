//! C7 and C15: once nothing goes wrong any more, all that was accepted becomes final.

use weft_core::{
    machine::{Archive, Reads as _},
    params::ORDER_LAG,
    units::Round,
};

use super::{Broken, Rule, durability::is_whole, expect};
use crate::world::Node;

/// C7: what was acknowledged anywhere is ordered on this node, or too old.
pub fn nothing_left_behind<'a>(
    node: &Node,
    all: impl Iterator<Item = &'a Node>,
) -> Result<(), Broken> {
    let archive = Archive::new(node.store());
    let last = node.told().commits.last().map_or(Round::ZERO, |last| last.record.leader.round);
    for id in all.flat_map(|other| &other.told().acknowledged) {
        let entry = node.store().entry(id);
        let stale = entry.is_some_and(|e| e.attachment.anchor.round.0 + ORDER_LAG < last.0);
        let holds = archive.place(id).is_some() || stale || !is_whole(node);
        expect(Rule::C7Liveness, holds, || {
            let state = if entry.is_some() { "not ordered" } else { "not even attached" };
            format!("{id} was acknowledged and is {state} on {}", node.address())
        })?;
    }
    Ok(())
}
