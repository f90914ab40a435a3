//! C5: the log of a node has no gap, parents stand first, and each transaction is whole.

use std::collections::BTreeSet;

use weft_core::{
    codec::Decode as _,
    machine::{LogEntry, Reads as _},
    tx::Transaction,
    units::Position,
};
use weft_storage::Store as _;

use super::{Broken, Rule, durability, expect};
use crate::world::Node;

/// The log of a node: no gap, parents first, every transaction whole and under its id.
pub fn store_in_order(node: &Node) -> Result<(), Broken> {
    let store = node.store();
    let mut seen = BTreeSet::new();
    let (log, is_whole) = (log(node), durability::is_whole(node));
    let first = log.first().map_or(0, |first| first.position.0);
    expect(Rule::C5Integrity, first == 0 || !is_whole, || format!("the log starts at {first}"))?;
    for (index, entry) in (first..).zip(log) {
        let LogEntry { position, id, attachment, body, bytes, .. } = entry;
        expect(Rule::C5Integrity, position.0 == index, || {
            format!("{id} at {position}, not {index}")
        })?;
        for parent in attachment.transactions() {
            // Parents of the oldest may lie below the floor.
            let holds = seen.contains(&parent) || (!is_whole && store.entry(&parent).is_none());
            expect(Rule::C5Integrity, holds, || format!("{id} before its parent {parent}"))?;
        }
        seen.insert(id);
        let found = store
            .transaction(&id)
            .ok_or_else(|| Broken::new(Rule::C5Integrity, format!("{id} has no bytes")))?;
        let tx = Transaction::from_bytes(&found)
            .map_err(|error| Broken::new(Rule::C5Integrity, error.to_string()))?;
        let same = tx.id() == id && tx.body_id() == body && found.len() == bytes as usize;
        expect(Rule::C5Integrity, same, || format!("{id} has the bytes of {}", tx.id()))?;
    }
    Ok(())
}

pub(super) fn log(node: &Node) -> Vec<LogEntry> {
    node.store().log(Position::ZERO, usize::MAX)
}
