//! C2: nothing that was acknowledged or told final is lost, whatever crashed.

use std::collections::BTreeSet;

use weft_core::{
    digest::TxId,
    machine::{Archive, Reads as _},
};

use super::{Broken, Rule, expect};
use crate::world::{Node, told::Commit};

/// C2: whatever a node told final is in its store, unless it lies below the floor.
pub fn told_is_kept(node: &Node) -> Result<(), Broken> {
    let archive = Archive::new(node.store());
    let lowest = archive.lowest();
    for Commit { record, leaves, .. } in &node.told().commits {
        let index = record.index;
        if index < lowest {
            continue;
        }
        let kept = archive.record(index).as_ref() == Some(&**record)
            && archive.leaves(index).as_deref() == Some(leaves)
            && leaves.iter().all(|leaf| archive.place(&leaf.tx).is_some_and(|p| p.index == index));
        expect(Rule::C2Durability, kept, || {
            format!("{} told of commit {index} and lost it", node.address())
        })?;
    }
    Ok(())
}

/// C2: everything a node acknowledged is in its store.
pub fn acknowledged_kept(node: &Node) -> Result<(), Broken> {
    let leaves = node.told().commits.iter().flat_map(|commit| commit.leaves.iter());
    let is_final: BTreeSet<TxId> = leaves.map(|leaf| leaf.tx).collect();
    let may_be_dropped = |id: &TxId| is_final.contains(id) && !is_whole(node);
    let is_lost = |id: &&TxId| node.store().entry(id).is_none() && !may_be_dropped(id);
    let lost = node.told().acknowledged.iter().find(is_lost);
    expect(Rule::C2Durability, lost.is_none(), || format!("{lost:?} was acknowledged and is lost"))
}

/// Whether a node has all of history.
pub(crate) fn is_whole(node: &Node) -> bool {
    Archive::new(node.store()).lowest().0 == 1
}
