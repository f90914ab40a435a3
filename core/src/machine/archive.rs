//! What was committed, for whoever asks: records, leaves, places, accounts, certificates, proofs.
//!
//! Invariant: answers come from the store alone, so any thread may ask, and two answers may be of
//! different commits; each says of which.
//!
//! Left out on purpose: what is not committed yet (events), and writing (`chain`, `ledger`).

use alloc::vec::Vec;

use super::{
    Reads, Table,
    chain::{Leaves, Node, Place},
    ledger::{Ledger, consumed_key},
    records::{Records, Tables},
};
use crate::{
    account::Account,
    address::Address,
    codec::Decode,
    commit::{Certificate, CommitRecord, Leaf},
    digest::{DIGEST_BYTES, TxId},
    object::{Object, ObjectKey},
    trie::TrieProof,
    units::{CommitIndex, Sequence},
};

/// What a store holds of the committed past.
#[derive(Clone, Copy)]
pub struct Archive<'a>(&'a dyn Reads);

impl<'a> Archive<'a> {
    /// The archive in `reads`.
    pub const fn new(reads: &'a dyn Reads) -> Self {
        Self(reads)
    }

    /// A record that this code wrote.
    ///
    /// # Panics
    /// On any other: the store's checksums passed, so it is a bug.
    fn read<T: Decode>(&self, table: Table, key: &[u8]) -> Option<T> {
        let bytes = self.0.record(table, key)?;
        Some(T::from_bytes(&bytes).expect("a record is what was written"))
    }

    /// A commit record.
    pub fn record(&self, index: CommitIndex) -> Option<CommitRecord> {
        self.read(Table::Commit, &index.0.to_be_bytes())
    }

    /// What a commit ordered, in order.
    pub fn leaves(&self, index: CommitIndex) -> Option<Vec<Leaf>> {
        self.read::<Leaves>(Table::Leaves, &index.0.to_be_bytes()).map(|leaves| leaves.0)
    }

    /// Where a transaction was ordered.
    pub fn place(&self, id: &TxId) -> Option<Place> {
        self.read(Table::Ordered, id.as_bytes())
    }

    /// The transaction that consumed a sequence of `issuer`.
    pub fn consumer(&self, issuer: &Address, sequence: Sequence) -> Option<TxId> {
        self.read(Table::Consumed, &consumed_key(issuer, sequence))
    }

    /// An account as of the last commit.
    pub fn account(&self, address: &Address) -> Option<Account> {
        match self.read(Table::Object, &ObjectKey::account(address).0)? {
            Object::Account(account) => Some(account),
            Object::Supply(_) => None,
        }
    }

    /// The proof of a ledger object under the last state root; none while it changed since.
    pub fn prove(&self, key: &ObjectKey) -> Option<TrieProof> {
        let mut pending = Records::default();
        Ledger::prove(key, &Tables { pending: &mut pending, store: self.0 })
    }

    /// The first certificate at or after `index` that is kept.
    pub fn certificate(&self, index: CommitIndex) -> Option<Certificate> {
        let found = self.0.records(Table::Certificate, &index.0.to_be_bytes(), 1);
        let (_, bytes) = found.first()?;
        Some(Certificate::from_bytes(bytes).expect("a record is what was written"))
    }

    /// A node of the mountain range over commits.
    pub fn mountain(&self, height: u8, number: u64) -> Option<[u8; DIGEST_BYTES]> {
        self.read::<Node>(Table::Mountain, &Node::key(height, number)).map(|node| node.0)
    }
}
