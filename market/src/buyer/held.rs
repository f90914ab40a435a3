//! A chunk that came, until it is opened.

use weft_core::{digest::BodyId, market::batch::SealedBatch, time::Time};

use crate::{frame::SealedChunk, window::WINDOW_MAX};

/// Most chunks that are held: a window that is unpaid, and one that is paid and comes again. What
/// comes beyond is left out. At most 32 MiB.
pub(super) const HELD_MAX: usize = 2 * WINDOW_MAX;

/// A chunk that came.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) chunk: SealedChunk,
    pub(super) batch: Batch,
    /// Its key, if that came before the batch was looked up.
    pub(super) key: Option<[u8; 32]>,
}

/// What the ledger says of a chunk.
#[derive(Debug)]
pub(super) enum Batch {
    /// It was asked.
    Asked {
        /// How often it may be asked again.
        left: u32,
    },
    /// It did not know; it is asked again.
    Missing {
        /// How often it may be asked again.
        left: u32,
        /// When.
        at: Time,
    },
    /// The batch; the chunk was held against it.
    Found(Box<SealedBatch>),
}

impl Held {
    pub(super) const fn new(chunk: SealedChunk, looks: u32) -> Self {
        Self { chunk, batch: Batch::Asked { left: looks.saturating_sub(1) }, key: None }
    }

    pub(super) const fn is_found(&self) -> bool {
        matches!(self.batch, Batch::Found(_))
    }

    /// How many readings are in it, once the ledger has said so.
    pub(super) fn readings(&self) -> Option<u64> {
        match &self.batch {
            Batch::Found(batch) => Some(batch.count.into()),
            Batch::Asked { .. } | Batch::Missing { .. } => None,
        }
    }

    pub(super) const fn look_due(&self) -> Option<Time> {
        match &self.batch {
            Batch::Missing { at, .. } => Some(*at),
            Batch::Asked { .. } | Batch::Found(_) => None,
        }
    }

    /// Asks the ledger again: the body to look up.
    pub(super) fn look_again(&mut self) -> BodyId {
        if let Batch::Missing { left, .. } = self.batch {
            self.batch = Batch::Asked { left: left.saturating_sub(1) };
        }
        self.chunk.batch
    }
}
