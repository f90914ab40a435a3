//! The ledger: bodies in their committed order become outcomes, and objects change.
//!
//! ```text
//! body -> checks, first failure ends it -> Plan -> objects, index of sequences -> Outcome
//! ```
//!
//! The rules are a list in `plan.rs`, those of the market in `market`; `apply.rs` writes what was
//! planned and cannot fail; `trie.rs` folds what changed into the state root (docs/PROTOCOL.md,
//! "Ledger").
//!
//! Invariants: an outcome follows from the objects and the committee's time alone, so that a node
//! which joined by snapshot finds the same; nothing makes or destroys value. An object is set and
//! removed with its place in the indexes of the market.
//!
//! Left out on purpose: which anchors are of this chain, the order itself, and commit records.

mod apply;
pub(super) mod market;
mod past;
mod plan;
pub(super) mod received;
#[cfg(test)]
mod tests;
mod trie;

use alloc::{collections::BTreeMap, vec::Vec};

pub(super) use self::past::{PARTS, Part, part_root};

use super::{
    Reads,
    records::{Records, Table, Tables},
};
use crate::{
    account::Account,
    address::Address,
    digest::{BodyId, TxId},
    object::{Object, ObjectKey},
    outcome::Outcome,
    time::Time,
    tx::Body,
    units::{Amount, CommitIndex, Sequence},
};

/// Objects read at once by [`recount`].
const PAGE: usize = 1_024;

/// A body whose turn has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Executed<'a> {
    /// The attachment that is ordered.
    pub(super) id: TxId,
    /// The id of its body.
    pub(super) body_id: BodyId,
    /// What it says.
    pub(super) body: &'a Body,
    /// Whether the attachment's anchor names a commit of this chain.
    pub(super) anchor_ok: bool,
}

/// The commit record in which something happens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Its place in the chain.
    pub(super) index: CommitIndex,
    /// Its time: the ledger's.
    pub(super) time: Time,
}

/// The ledger of a node. The objects themselves are in the tables.
#[derive(Debug)]
pub(super) struct Ledger {
    /// The least amount that opens an account.
    dust: Amount,
    /// The sum of all value, as the genesis fixed it.
    supply: Amount,
    /// The same, as everything since the start moved it.
    total: u128,
    /// The last snapshot: what changes since is remembered as it was there.
    snapshot: Option<CommitIndex>,
    /// Nothing is due before this instant: where the search begins, instead of at what was settled.
    due_from: Time,
}

impl Ledger {
    /// Writes the first objects. `accounts` are those of the genesis, which was checked: no address
    /// twice, and the sum is an amount.
    pub(super) fn genesis(
        dust: Amount,
        accounts: &[(Address, Amount)],
        tables: &mut Tables<'_>,
    ) -> Self {
        let mut supply = Amount::ZERO;
        for (address, balance) in accounts {
            let sum = supply.checked_add(balance.0);
            supply = sum.expect("a genesis whose balances do not sum was refused");
            let key = ObjectKey::account(address);
            assert!(object(&key, tables).is_none(), "a genesis names no account twice");
            put(&key, &Object::Account(Account::opened(*balance)), None, tables);
        }
        put(&ObjectKey::supply(), &Object::Supply(supply), None, tables);
        let total = supply.0.into();
        Self { dust, supply, total, snapshot: None, due_from: Time::ZERO }
    }

    /// Goes on from what was written.
    ///
    /// # Panics
    /// Where [`Self::genesis`] wrote nothing.
    pub(super) fn restore(
        dust: Amount,
        snapshot: Option<CommitIndex>,
        tables: &Tables<'_>,
    ) -> Self {
        match object(&ObjectKey::supply(), tables) {
            Some(Object::Supply(supply)) => {
                let total = supply.0.into();
                Self { dust, supply, total, snapshot, due_from: Time::ZERO }
            }
            other => panic!("a ledger begins with its supply, not with {other:?}"),
        }
    }

    /// Takes one body in its turn. `at` is the record that orders it.
    pub(super) fn execute(
        &mut self,
        at: Moment,
        tx: Executed<'_>,
        tables: &mut Tables<'_>,
    ) -> Outcome {
        match plan::plan(at, self.dust, tx, tables) {
            Ok(plan) => self.apply(tx, plan, tables),
            Err(outcome) => outcome,
        }
    }

    /// At the end of each commit: what moved, moved within the ledger.
    ///
    /// # Panics
    /// If value was made or lost. Going on would spread it.
    pub(super) fn assert_supply(&self) {
        assert_eq!(self.total, u128::from(self.supply.0), "all value sums to the supply");
    }
}

/// Puts the bodies of each issuer into ascending sequence, without moving any other: an issuer's
/// bodies share the places they hold. Of one leader's whole output, before it is cut into records.
pub(super) fn fill_positions<T>(
    order: Vec<T>,
    place: impl Fn(&T) -> (Address, Sequence),
) -> Vec<T> {
    let mut last = BTreeMap::new();
    let is_in_place = order.iter().all(|item| {
        let (issuer, sequence) = place(item);
        last.insert(issuer, sequence).is_none_or(|before| before <= sequence)
    });
    if is_in_place {
        return order;
    }
    let issuers: Vec<Address> = order.iter().map(|item| place(item).0).collect();
    let mut waiting: BTreeMap<Address, BTreeMap<(Sequence, usize), T>> = BTreeMap::new();
    for (at, item) in order.into_iter().enumerate() {
        let (issuer, sequence) = place(&item);
        // Among bodies with one sequence the order stays: the first takes effect.
        waiting.entry(issuer).or_default().insert((sequence, at), item);
    }
    let next = |issuer| waiting.get_mut(&issuer).and_then(BTreeMap::pop_first);
    issuers.into_iter().filter_map(next).map(|(_, item)| item).collect()
}

/// The sum of all balances, bonds and deposits, counted one by one: for judges and tests, cost
/// grows with the ledger.
pub fn recount(reads: &dyn Reads) -> Amount {
    total(&Tables { pending: &mut Records::default(), store: reads })
}

fn total(tables: &Tables<'_>) -> Amount {
    let mut total = Amount::ZERO;
    let mut from = Vec::new();
    loop {
        let page = tables.range(Table::Object, &from, PAGE);
        let Some((last, _)) = page.last() else { return total };
        // The least key above the last.
        from = [last.as_slice(), &[0]].concat();
        for (key, _) in &page {
            if let Some(object) = tables.read::<Object>(Table::Object, key) {
                let sum = total.checked_add(object.value().0);
                total = sum.expect("all value is part of the supply");
            }
        }
    }
}

/// Where the winner of a sequence is written: issuer 32, sequence 8 (big-endian).
pub(super) fn consumed_key(issuer: &Address, sequence: Sequence) -> Vec<u8> {
    [issuer.first_key().as_bytes().as_slice(), &sequence.0.to_be_bytes()].concat()
}

/// The key of an object as a table has it.
///
/// # Panics
/// On anything but the bytes of a key: the store's checksums passed, so it is a bug.
fn key_at(place: &[u8]) -> ObjectKey {
    ObjectKey(place.try_into().expect("objects lie at their keys"))
}

fn object(key: &ObjectKey, tables: &Tables<'_>) -> Option<Object> {
    tables.read(Table::Object, &key.0)
}

/// What an account owns; nothing if there is none.
pub(super) fn balance(address: &Address, tables: &Tables<'_>) -> Amount {
    account(address, tables).map_or(Amount::ZERO, |account| account.balance)
}

fn account(address: &Address, tables: &Tables<'_>) -> Option<Account> {
    match object(&ObjectKey::account(address), tables)? {
        Object::Account(account) => Some(account),
        other => panic!("an account's key leads to an account, not to {other:?}"),
    }
}

fn put(key: &ObjectKey, object: &Object, snapshot: Option<CommitIndex>, tables: &mut Tables<'_>) {
    past::remember(snapshot, key, tables);
    tables.write(Table::Object, &key.0, object);
    trie::changed(key, tables);
}

fn remove(key: &ObjectKey, snapshot: Option<CommitIndex>, tables: &mut Tables<'_>) {
    past::remember(snapshot, key, tables);
    tables.remove(Table::Object, &key.0);
    trie::changed(key, tables);
}
