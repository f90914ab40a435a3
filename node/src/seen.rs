//! What came before: the same bytes, or the same transaction under other bytes.
//!
//! Three filters. *Bytes*: a keyed digest of all bytes of a transaction, seal included, to its id;
//! so a copy with a forged seal can never stand in for the true one. *Attached*: ids that are part
//! of the Tangle here, in front of the store. *Checkpoints*: as the first, of checkpoints.
//!
//! Invariant: bytes are remembered only once they passed every check or are held for their key.
//! Refused bytes leave no trace.
//!
//! The digest is SipHash-2-4 with 128 bits (Aumasson and Bernstein 2012) under a key drawn at
//! start: whoever does not know that can aim at no collision, and by chance there is none.

use weft_core::{digest::TxId, machine::Reads};

use siphasher::sip128::SipHasher24;

use crate::recent::Recent;

/// A keyed digest of all bytes of a transaction. Means nothing outside this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BytesTag([u8; 16]);

/// The filters of one node.
pub(crate) struct Seen {
    keyed: SipHasher24,
    bytes: Recent<BytesTag, TxId>,
    attached: Recent<TxId, ()>,
    checkpoints: Recent<BytesTag, ()>,
}

impl Seen {
    /// Empty filters of `max` entries per generation; `key` is random.
    pub(crate) fn new(key: [u8; 16], max: usize) -> Self {
        Self {
            keyed: SipHasher24::new_with_key(&key),
            bytes: Recent::new(max),
            attached: Recent::new(max),
            checkpoints: Recent::new(max),
        }
    }

    /// The tag of `bytes`.
    pub(crate) fn tag(&self, bytes: &[u8]) -> BytesTag {
        BytesTag(self.keyed.hash(bytes).as_bytes())
    }

    /// The transaction that has exactly these bytes, if they came before.
    pub(crate) fn transaction(&self, tag: &BytesTag) -> Option<TxId> {
        self.bytes.find(tag)
    }

    /// Remembers bytes that passed every check or are held for their key.
    pub(crate) fn remember(&self, tag: BytesTag, id: TxId) {
        self.bytes.insert(tag, id);
    }

    /// Whether these are the bytes of a checkpoint that passed every check.
    pub(crate) fn has_checkpoint(&self, tag: &BytesTag) -> bool {
        self.checkpoints.find(tag).is_some()
    }

    /// Remembers the bytes of a checkpoint that passed every check.
    pub(crate) fn remember_checkpoint(&self, tag: BytesTag) {
        self.checkpoints.insert(tag, ());
    }

    /// Whether a transaction is part of the Tangle here.
    pub(crate) fn is_attached(&self, id: &TxId, reads: &dyn Reads) -> bool {
        if self.attached.find(id).is_some() {
            return true;
        }
        let stored = reads.entry(id).is_some();
        if stored {
            self.attached.insert(*id, ());
        }
        stored
    }

    /// A transaction became part of the Tangle.
    pub(crate) fn attached(&self, id: TxId) {
        self.attached.insert(id, ());
    }

    /// Entries remembered, in all filters.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() + self.attached.len() + self.checkpoints.len()
    }
}
