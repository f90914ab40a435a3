//! Where the transfers to an account are found, in the order of the ledger.
//!
//! ```text
//! Received    address 32 | commit 8 | leaf 4 (big-endian)   -> TxId
//! ```
//!
//! Invariant: it has a transfer exactly while its commit is kept, and only if it was applied.
//!
//! Left out on purpose: payments out of channels, which the market tells of.

use alloc::vec::Vec;

use crate::{
    address::Address,
    codec::Decode as _,
    commit::Leaf,
    digest::TxId,
    machine::{
        Reads,
        chain::Place,
        records::{Table, Tables},
    },
    outcome::Outcome,
    tx::{Body, Payload},
    units::CommitIndex,
};

/// Remembers to whom the bodies of a commit paid, which are those of its leaves.
pub(in crate::machine) fn note_all<'a>(
    index: CommitIndex,
    leaves: &[Leaf],
    bodies: impl Iterator<Item = &'a Body>,
    tables: &mut Tables<'_>,
) {
    for ((number, leaf), body) in (0..).zip(leaves).zip(bodies) {
        note(Place { index, number }, leaf, body, tables);
    }
}

/// Remembers to whom the body of a leaf paid.
pub(super) fn note(at: Place, leaf: &Leaf, body: &Body, tables: &mut Tables<'_>) {
    for key in keys(at, leaf, body) {
        tables.write(Table::Received, &key, &leaf.tx);
    }
}

/// Forgets it again, with its commit.
pub(in crate::machine) fn forget(at: Place, leaf: &Leaf, body: &Body, tables: &mut Tables<'_>) {
    for key in keys(at, leaf, body) {
        tables.remove(Table::Received, &key);
    }
}

/// At most `limit` transfers to `account` from `from` on.
pub(in crate::machine) fn received(
    account: &Address,
    from: Place,
    limit: usize,
    reads: &dyn Reads,
) -> Vec<(Place, TxId)> {
    let found = reads.records(Table::Received, &key(account, from), limit);
    let own = found.into_iter().map_while(|(key, id)| {
        let place = key.strip_prefix(account.first_key().as_bytes())?;
        let id = TxId::from_bytes(&id).expect("a record is what was written");
        Some((Place::of_key(place)?, id))
    });
    own.collect()
}

fn keys(at: Place, leaf: &Leaf, body: &Body) -> Vec<Vec<u8>> {
    match &body.payload {
        Payload::Transfer(transfer) if leaf.outcome == Outcome::Applied => {
            transfer.outputs().iter().map(|output| key(&output.to, at)).collect()
        }
        _ => Vec::new(),
    }
}

fn key(account: &Address, at: Place) -> Vec<u8> {
    [account.first_key().as_bytes().as_slice(), &at.key()].concat()
}
