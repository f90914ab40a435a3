//! What must hold of what is final: one order everywhere, kept for ever, causes first; and of those
//! who make it: nobody honest contradicts itself, and only cheats are convicted.

use std::collections::{BTreeMap, BTreeSet};

use weft_core::{
    committee::Author,
    digest::TxId,
    machine::{Archive, Reads as _},
    params::ORDER_LAG,
    units::Round,
};

use super::{Broken, expect};
use crate::world::{Node, told::Commit};

/// The longest chain that anybody told of from its beginning on.
pub fn longest<'a>(nodes: impl Iterator<Item = &'a Node>) -> &'a [Commit] {
    let whole = nodes.filter(|node| node.told().is_whole());
    let chains = whole.map(|node| node.told().commits.as_slice());
    chains.max_by_key(|chain| chain.len()).unwrap_or_default()
}

/// C1: what one node told is what another told, to the leaf.
pub fn agreement<'a>(nodes: impl Iterator<Item = &'a Node> + Clone) -> Result<(), Broken> {
    let longest = longest(nodes.clone());
    for node in nodes {
        for own in &node.told().commits {
            let place = usize::try_from(own.record.index.0 - 1).unwrap_or(usize::MAX);
            let Some(other) = longest.get(place) else { continue };
            let same = own.record == other.record && own.leaves == other.leaves;
            expect(same, || format!("C1: {} tells {own:?}, another {other:?}", node.address()))?;
        }
    }
    Ok(())
}

/// C2 and C13: whatever a node told is in its store, unless it lies below the floor, and it never
/// told of a commit twice, nor left one out, but for those below a snapshot it started from.
pub fn told_is_kept(node: &Node) -> Result<(), Broken> {
    let archive = Archive::new(node.store());
    let (lowest, mut last) = (archive.lowest(), 0);
    for Commit { record, leaves, .. } in &node.told().commits {
        let index = record.index;
        let follows = index.0 == last + 1 || (index.0 > last && index <= lowest);
        expect(follows, || format!("C13: commit {index} after {last}"))?;
        last = index.0;
        if index < lowest {
            continue;
        }
        let kept = archive.record(index).as_ref() == Some(&**record)
            && archive.leaves(index).as_deref() == Some(leaves)
            && leaves.iter().all(|leaf| archive.place(&leaf.tx).is_some_and(|p| p.index == index));
        expect(kept, || format!("C2: {} told of commit {index} and lost it", node.address()))?;
    }
    Ok(())
}

/// Whether a node has all of history.
pub(super) fn is_whole(node: &Node) -> bool {
    Archive::new(node.store()).lowest().0 == 1
}

/// C4: what is ordered stands behind its parents, but for those that were too old by then. Those
/// of one leader may stand in any order.
pub fn causes_first(node: &Node) -> Result<(), Broken> {
    let mut leaders: BTreeMap<TxId, Round> = BTreeMap::new();
    for commit in &node.told().commits {
        for leaf in &*commit.leaves {
            let before = leaders.insert(leaf.tx, commit.record.leader.round);
            expect(before.is_none(), || format!("C4: {} is ordered twice", leaf.tx))?;
        }
    }
    // Below the floor nothing is left to look at.
    for (id, round) in leaders.iter().filter(|_| is_whole(node)) {
        let missing = || Broken(format!("C4: {id} is ordered and not stored"));
        let entry = node.store().entry(id).ok_or_else(missing)?;
        for parent in entry.attachment.transactions() {
            let stale = |entry: weft_core::machine::LogEntry| {
                entry.attachment.anchor.round.0 + ORDER_LAG < round.0
            };
            let first = leaders.get(&parent).is_some_and(|of_parent| of_parent <= round);
            let holds = first || node.store().entry(&parent).is_some_and(stale);
            expect(holds, || format!("C4: {id} is ordered in {round} before its parent {parent}"))?;
        }
    }
    Ok(())
}

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
        expect(holds, || {
            let state = if entry.is_some() { "not ordered" } else { "not even attached" };
            format!("C7: {id} was acknowledged and is {state} on {}", node.address())
        })?;
    }
    Ok(())
}

/// C10: what waits for its place in the order is what is attached and has none.
pub fn unordered_is_bounded(node: &Node) -> Result<(), Broken> {
    let Some(status) = node.status() else { return Ok(()) };
    let leaves = node.told().commits.iter().map(|commit| commit.leaves.len() as u64);
    let open = status.next.0.saturating_sub(leaves.sum());
    // A node that started from a snapshot did not tell of all that it has.
    expect(!node.told().is_whole() || status.unordered as u64 <= open, || {
        format!("C10: {} wait for an order, of {open} that have none", status.unordered)
    })
}

/// C11: of a round no more than one own checkpoint ever left a node that did not lose its disk.
pub fn signed_once(node: &Node) -> Result<(), Broken> {
    let twice = node.signed().twice.filter(|_| !node.forgot);
    expect(twice.is_none(), || {
        format!("C11: {} signed two checkpoints of round {twice:?}", node.address())
    })
}

/// C12: only `cheats` are convicted, with proof, and no honest node is alarmed.
pub fn only_cheats_convicted(node: &Node, cheats: &BTreeSet<Author>) -> Result<(), Broken> {
    let told = node.told();
    expect(told.alarms.is_empty(), || {
        format!("C12: {} is alarmed: {:?}", node.address(), told.alarms)
    })?;
    let wrong = told.convicted.difference(cheats).next();
    expect(wrong.is_none(), || format!("C12: {} convicted {wrong:?}", node.address()))?;
    for evidence in Archive::new(node.store()).evidence() {
        let (network, committee) = (node.genesis.network(), &node.genesis.committee);
        let verdict = evidence.verify(committee, network, &node.verifier());
        let holds = verdict.is_ok() && cheats.contains(&evidence.author());
        expect(holds, || format!("C12: {evidence:?} proves nothing: {verdict:?}"))?;
    }
    Ok(())
}
