//! What the machine may read: the store, seen through the batch that is being written.
//!
//! Reads return values, not errors: a disk that cannot be read is no event of the protocol, the
//! adapter stops the node.

use alloc::vec::Vec;

use bytes::Bytes;

use super::{Attached, Batch, Table};
use crate::{
    digest::{BodyId, KeyId, TxId},
    keys::PublicKey,
    message::PeerAddress,
    tx::Attachment,
    units::Position,
};

/// One transaction as the store's log names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its place in this node's order.
    pub position: Position,
    /// Its id.
    pub id: TxId,
    /// Where it hangs.
    pub attachment: Attachment,
    /// Its body.
    pub body: BodyId,
    /// Its length on the wire, in bytes.
    pub bytes: u32,
    /// Whether this node acknowledged it to somebody, and so sees that its body is ordered.
    pub is_own: bool,
}

impl LogEntry {
    /// The entry of what was attached.
    ///
    /// # Panics
    /// Never: a transaction is below 32 KiB.
    pub fn of(attached: &Attached) -> Self {
        let Attached { position, is_own, tx, .. } = attached;
        Self {
            position: *position,
            id: tx.id(),
            attachment: tx.transaction().attachment,
            body: tx.body_id(),
            bytes: u32::try_from(tx.bytes().len()).expect("a transaction is below 32 KiB"),
            is_own: *is_own,
        }
    }
}

/// What was written before and is kept. A committed batch is readable at once.
pub trait Reads {
    /// The log entry of a transaction.
    fn entry(&self, id: &TxId) -> Option<LogEntry>;
    /// The bytes of a body and its seal.
    fn sealed_body(&self, id: &BodyId) -> Option<Bytes>;
    /// Whether a body is there.
    fn has_body(&self, id: &BodyId) -> bool {
        self.sealed_body(id).is_some()
    }
    /// A key.
    fn key(&self, id: &KeyId) -> Option<PublicKey>;
    /// At most `limit` log entries at or above `from`, ascending.
    fn log(&self, from: Position, limit: usize) -> Vec<LogEntry>;
    /// At most `limit` newest log entries, descending. Cost grows with `limit` alone.
    fn newest(&self, limit: usize) -> Vec<LogEntry>;
    /// The address book as it was written last.
    fn addresses(&self) -> Vec<PeerAddress>;
    /// A record.
    fn record(&self, table: Table, key: &[u8]) -> Option<Bytes>;
    /// At most `limit` records of `table` at or above `from`, ascending by key.
    fn records(&self, table: Table, from: &[u8], limit: usize) -> Vec<(Vec<u8>, Bytes)>;
}

/// The store behind the batch that is being written, so that two inputs of one group see each
/// other.
pub(super) struct View<'a> {
    pub(super) pending: &'a Batch,
    pub(super) store: &'a dyn Reads,
}
