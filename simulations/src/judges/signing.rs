//! C11 and C12: nobody honest contradicts itself, and only cheats are convicted or sent away.

use std::collections::BTreeSet;

use weft_core::{
    committee::Author,
    digest::NodeId,
    machine::{Archive, DropReason, Signing},
};

use super::{Broken, Rule, expect};
use crate::world::Node;

/// C11: of a round no more than one own checkpoint ever left a node that did not lose its disk.
pub fn signed_once(node: &Node) -> Result<(), Broken> {
    let twice = node.signed().twice.filter(|_| !node.forgot);
    expect(Rule::C11SignedOnce, twice.is_none(), || {
        format!("{} signed two checkpoints of round {twice:?}", node.address())
    })
}

/// C11: a validator that never lost its disk remembers what it signed, whenever power failed: it
/// never takes itself for one that forgot.
pub fn remembers(node: &Node) -> Result<(), Broken> {
    let forgets = node.status().is_some_and(|status| status.signing == Signing::Observer);
    expect(Rule::C11SignedOnce, !forgets || node.forgot, || {
        format!("{} signs nothing more, though it lost no disk", node.address())
    })
}

/// C12: only `cheats` are convicted, with proof, and no honest node is alarmed.
pub fn only_cheats_convicted(node: &Node, cheats: &BTreeSet<Author>) -> Result<(), Broken> {
    let told = node.told();
    expect(Rule::C12Justice, told.alarms.is_empty(), || {
        format!("{} is alarmed: {:?}", node.address(), told.alarms)
    })?;
    let wrong = told.convicted.difference(cheats).next();
    expect(Rule::C12Justice, wrong.is_none(), || {
        format!("{} convicted {wrong:?}", node.address())
    })?;
    for evidence in Archive::new(node.store()).evidence() {
        let (network, committee) = (node.genesis.network(), &node.genesis.committee);
        let verdict = evidence.verify(committee, network, &node.verifier());
        let holds = verdict.is_ok() && cheats.contains(&evidence.author());
        expect(Rule::C12Justice, holds, || format!("{evidence:?} proves nothing: {verdict:?}"))?;
    }
    Ok(())
}

/// C12: no node ever dropped an honest one for misbehaviour.
pub fn no_honest_peer_dropped(
    node: &Node,
    is_honest: &dyn Fn(&NodeId) -> bool,
) -> Result<(), Broken> {
    let wrong = node.told().dropped.iter().find(|(peer, reason)| {
        matches!(reason, DropReason::Misbehaved(_) | DropReason::Banned) && is_honest(peer)
    });
    expect(Rule::C12Justice, wrong.is_none(), || {
        format!("{:?} dropped an honest peer: {wrong:?}", node.id())
    })
}
