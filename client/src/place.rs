//! Where a body hangs and at what price, as a node tells it.

use weft_core::{digest::TxId, tx::CommitRef};

/// Where a body is to hang, and at what price. A node tells all three: `GET /v1/tips`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Two approved transactions, in any order; zero stands for the anchor's commit. Equal only
    /// when both are zero: see [`choose_parents`](weft_core::tx::choose_parents).
    pub parents: [TxId; 2],
    /// A recent commit.
    pub anchor: CommitRef,
    /// Zero bits of work that the network asks for a small transaction.
    pub work_bits: u8,
}
