//! C8: at rest all hold the same. That they stand at the same state is part of C1: commit records
//! hold its root.

use std::collections::{BTreeMap, BTreeSet};

use weft_core::{
    digest::{BodyId, TxId},
    params::ATTACHMENTS_MAX,
};

use super::{Broken, Rule, expect, integrity::log};
use crate::world::Node;

/// All nodes hold the same transactions. Of bodies with more attachments than are relayed unasked,
/// each holds at least as many as are.
pub fn same_transactions<'a>(nodes: impl Iterator<Item = &'a Node>) -> Result<(), Broken> {
    let holdings: Vec<BTreeMap<BodyId, BTreeSet<TxId>>> = nodes.map(holding).collect();
    let mut union: BTreeMap<BodyId, BTreeSet<TxId>> = BTreeMap::new();
    for (body, ids) in holdings.iter().flatten() {
        union.entry(*body).or_default().extend(ids);
    }
    for (number, holding) in holdings.iter().enumerate() {
        for (body, ids) in &union {
            let held = holding.get(body).map_or(0, BTreeSet::len);
            let expected = if ids.len() > ATTACHMENTS_MAX { ATTACHMENTS_MAX } else { ids.len() };
            expect(Rule::C8Convergence, held >= expected, || {
                format!("node {number} of those that run holds {held} of {} of {body}", ids.len())
            })?;
        }
    }
    Ok(())
}

fn holding(node: &Node) -> BTreeMap<BodyId, BTreeSet<TxId>> {
    let mut holding: BTreeMap<BodyId, BTreeSet<TxId>> = BTreeMap::new();
    for entry in log(node) {
        holding.entry(entry.body).or_default().insert(entry.id);
    }
    holding
}
