//! What was committed, for whoever asks: records, leaves, places, accounts, offers and channels,
//! certificates, proofs.
//!
//! Invariant: answers come from the store alone, so any thread may ask, and two answers may be of
//! different commits; each says of which.
//!
//! Left out on purpose: what is not committed yet (events), and writing (`chain`, `ledger`).

mod market;

use alloc::vec::Vec;

use super::{
    Reads, Table,
    chain::{Leaves, Node, Place, Verdict},
    ledger::{Ledger, consumed_key, received::received},
    records::{Records, Tables},
};
use crate::{
    account::Account,
    address::Address,
    codec::Decode,
    commit::{Certificate, CommitRecord, Leaf, Path, mountain},
    digest::{DIGEST_BYTES, TxId},
    object::{Object, ObjectKey},
    proof::{Linked, Proof, Signed},
    trie::TrieProof,
    tx::{CommitRef, SealedBody},
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

    pub(super) const fn reads(&self) -> &'a dyn Reads {
        self.0
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

    /// Where a transaction was ordered, and what became of it.
    pub fn verdict(&self, id: &TxId) -> Option<Verdict> {
        self.read(Table::Ordered, id.as_bytes())
    }

    /// Where a transaction was ordered.
    pub fn place(&self, id: &TxId) -> Option<Place> {
        self.verdict(id).map(|verdict| verdict.place)
    }

    /// The transaction that consumed a sequence of `issuer`.
    pub fn consumer(&self, issuer: &Address, sequence: Sequence) -> Option<TxId> {
        self.read(Table::Consumed, &consumed_key(issuer, sequence))
    }

    /// An account as of the last commit.
    pub fn account(&self, address: &Address) -> Option<Account> {
        match self.read(Table::Object, &ObjectKey::account(address).0)? {
            Object::Account(account) => Some(account),
            _ => None,
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

    /// At most `limit` sequences of `issuer` from `from` on that are used up, ascending, each with
    /// the transaction that did it.
    pub fn history(&self, issuer: &Address, from: Sequence, limit: usize) -> Vec<(Sequence, TxId)> {
        let found = self.0.records(Table::Consumed, &consumed_key(issuer, from), limit);
        let own = found.into_iter().map_while(|(key, id)| {
            let sequence = key.strip_prefix(issuer.first_key().as_bytes())?;
            let sequence = u64::from_be_bytes(sequence.try_into().ok()?);
            let id = TxId::from_bytes(&id).expect("a record is what was written");
            Some((Sequence(sequence), id))
        });
        own.collect()
    }

    /// At most `limit` transfers to `account` that were applied, at or behind `from`, in the order
    /// of the ledger, as long as their commits are kept.
    pub fn received(&self, account: &Address, from: Place, limit: usize) -> Vec<(Place, TxId)> {
        received(account, from, limit, self.0)
    }

    /// All that shows a stranger that transaction `id` was ordered, with seal, key and the record
    /// of its beacon where they are held. `newest` is the newest certificate, which may not be
    /// among those that are kept. None while no certificate reaches its commit.
    pub fn proof(&self, id: &TxId, newest: Option<&Certificate>) -> Option<Proof> {
        let Verdict { place: Place { index, number }, outcome } = self.verdict(id)?;
        let (record, leaves) = (self.record(index)?, self.leaves(index)?);
        let number_here = usize::try_from(number).ok()?;
        let newest = newest.filter(|certificate| certificate.vote.index >= index);
        let (certificate, certified) =
            [self.certificate(index), newest.cloned()].into_iter().flatten().find_map(|found| {
                // A certificate may be ahead of what was executed here.
                let record = self.record(found.vote.index)?;
                (record.vote() == found.vote).then_some((found, record))
            })?;
        let path = |from| self.path(from, certified.index);
        let entry = self.0.entry(id)?;
        let SealedBody { body, seal } =
            SealedBody::from_bytes(&self.0.sealed_body(&entry.body)?).ok()?;
        let beacon = body.beacon.index;
        let beacon = if body.beacon == CommitRef::NONE || beacon >= index {
            None
        } else {
            self.record(beacon).zip(path(beacon)).map(|(record, path)| Linked { record, path })
        };
        let key = if seal.key.is_some() { None } else { self.0.key(&body.signing_key()) };
        let later = if certified.index == index {
            None
        } else {
            Some(Linked { path: path(index)?, record: certified.clone() })
        };
        Some(Proof {
            attachment: entry.attachment,
            body,
            signed: Some(Signed { seal, key }),
            outcome,
            leaf: number,
            path: Path::to(&leaves, number_here)?,
            record,
            later,
            certificate,
            beacon,
        })
    }

    /// The path from a commit to what the record of a later one says of all before it.
    pub fn path(&self, index: CommitIndex, later: CommitIndex) -> Option<Path> {
        mountain::path(index, later, |at, of| self.mountain(at, of))
    }

    /// A node of the mountain range over commits.
    pub fn mountain(&self, height: u8, number: u64) -> Option<[u8; DIGEST_BYTES]> {
        self.read::<Node>(Table::Mountain, &Node::key(height, number)).map(|node| node.0)
    }
}
