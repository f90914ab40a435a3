//! C4: what is final stands behind its causes.

use std::collections::BTreeMap;

use weft_core::{digest::TxId, machine::Reads as _, params::ORDER_LAG, units::Round};

use super::{Broken, Rule, durability::is_whole, expect};
use crate::world::Node;

/// C4: what is ordered stands behind its parents, but for those that were too old by then. Those
/// of one leader may stand in any order.
pub fn causes_first(node: &Node) -> Result<(), Broken> {
    let mut leaders: BTreeMap<TxId, Round> = BTreeMap::new();
    for commit in &node.told().commits {
        for leaf in &*commit.leaves {
            let before = leaders.insert(leaf.tx, commit.record.leader.round);
            expect(Rule::C4Causality, before.is_none(), || {
                format!("{} is ordered twice", leaf.tx)
            })?;
        }
    }
    // Below the floor nothing is left to look at.
    for (id, round) in leaders.iter().filter(|_| is_whole(node)) {
        let missing = || Broken::new(Rule::C4Causality, format!("{id} is ordered and not stored"));
        let entry = node.store().entry(id).ok_or_else(missing)?;
        for parent in entry.attachment.transactions() {
            let stale = |entry: weft_core::machine::LogEntry| {
                entry.attachment.anchor.round.0 + ORDER_LAG < round.0
            };
            let first = leaders.get(&parent).is_some_and(|of_parent| of_parent <= round);
            let holds = first || node.store().entry(&parent).is_some_and(stale);
            expect(Rule::C4Causality, holds, || {
                format!("{id} is ordered in {round} before its parent {parent}")
            })?;
        }
    }
    Ok(())
}
