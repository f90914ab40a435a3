//! What a node shows of its Tangle, so that others find out what they lack, or it lacks.
//!
//! Invariant: at most [`IDS_MAX`] ids, however large the live DAG is.

use alloc::vec::Vec;

use super::Tangle;
use crate::{digest::TxId, params::IDS_MAX};

impl Tangle {
    /// Transactions without a child: the newest, and of the older ones another part at each
    /// `turn`. At most [`IDS_MAX`].
    pub(in crate::machine) fn frontier(&self, turn: u64) -> Vec<TxId> {
        let newest = self.childless.values().rev().take(IDS_MAX / 2);
        let older = self.childless.len().saturating_sub(IDS_MAX / 2);
        let parts = older.div_ceil(IDS_MAX / 2).max(1) as u64;
        let skip = usize::try_from(turn % parts).unwrap_or(0) * (IDS_MAX / 2);
        let part = self.childless.values().take(older).skip(skip).take(IDS_MAX / 2);
        newest.chain(part).copied().collect()
    }

    /// What this node has, for somebody who is to send the rest: the frontier, and older
    /// transactions at distances that grow by a quarter. Whatever the other side does not know of
    /// the frontier, it knows where both began to differ, to a quarter of that distance.
    pub(in crate::machine) fn known(&self, turn: u64) -> Vec<TxId> {
        let mut known = self.frontier(turn);
        let count = self.order.len();
        let mut distance = 1;
        let mut older: Vec<TxId> = Vec::new();
        while distance < count {
            older.extend(self.order.get(count - 1 - distance));
            distance += 1 + distance / 4;
        }
        known.truncate(IDS_MAX - older.len().min(IDS_MAX));
        known.extend(older);
        known
    }
}
