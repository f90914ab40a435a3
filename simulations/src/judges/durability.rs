//! C2: nothing that was acknowledged or told final is lost, whatever crashed.

use std::collections::BTreeSet;

use weft_core::{
    codec::Decode as _,
    commit::Leaf,
    digest::TxId,
    machine::{Archive, Place, Reads as _, Verdict},
    outcome::Outcome,
    tx::{Body, Payload, SealedBody},
};

use super::{Broken, Rule, expect};
use crate::world::{Node, told::Commit};

/// C2: whatever a node told final is in its store, and found there in every way that there is to
/// ask for it, unless it lies below the floor.
pub fn told_is_kept(node: &Node) -> Result<(), Broken> {
    let archive = Archive::new(node.store());
    let lowest = archive.lowest();
    for Commit { record, leaves, .. } in &node.told().commits {
        let index = record.index;
        if index < lowest {
            continue;
        }
        let kept = archive.record(index).as_ref() == Some(&**record)
            && archive.leaves(index).as_deref() == Some(leaves);
        expect(Rule::C2Durability, kept, || {
            format!("{} told of commit {index} and lost it", node.address())
        })?;
        for (number, leaf) in (0..).zip(&**leaves) {
            let verdict = Verdict { place: Place { index, number }, outcome: leaf.outcome };
            expect(Rule::C2Durability, is_found(node, leaf, verdict), || {
                format!("{} does not find all of {leaf:?} in {:?}", node.address(), verdict.place)
            })?;
        }
    }
    Ok(())
}

/// Whether a leaf is found by its transaction, by its issuer and sequence, and by whom it paid.
fn is_found(node: &Node, leaf: &Leaf, verdict: Verdict) -> bool {
    let archive = Archive::new(node.store());
    let sealed = node.store().sealed_body(&leaf.body);
    let Some(body) = sealed.and_then(|bytes| SealedBody::from_bytes(&bytes).ok()) else {
        return false;
    };
    let SealedBody { body: Body { issuer, sequence, payload, .. }, .. } = body;
    let is_consumer = archive.consumer(&issuer, sequence) == Some(leaf.tx);
    let paid = match &payload {
        Payload::Transfer(transfer) if leaf.outcome == Outcome::Applied => transfer.outputs(),
        _ => &[],
    };
    let place = verdict.place;
    archive.verdict(&leaf.tx) == Some(verdict)
        && is_consumer == leaf.outcome.consumes_sequence()
        && paid.iter().all(|output| archive.received(&output.to, place, 1) == [(place, leaf.tx)])
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
