//! What can be missing.

use crate::digest::{KeyId, TxId};

/// Something missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::machine) enum Want {
    /// A transaction with its whole past.
    Past(TxId),
    /// A transaction whose past is expected to be here.
    Transaction(TxId),
    /// A key.
    Key(KeyId),
}

impl Want {
    /// Wants of one kind can go into one request.
    pub(super) const fn kind(&self) -> u8 {
        match self {
            Self::Past(_) => 0,
            Self::Transaction(_) => 1,
            Self::Key(_) => 2,
        }
    }

    pub(super) const fn is_past(&self) -> bool {
        matches!(self, Self::Past(_))
    }

    pub(super) const fn transaction(&self) -> Option<TxId> {
        match self {
            Self::Past(id) | Self::Transaction(id) => Some(*id),
            Self::Key(_) => None,
        }
    }
}
