//! A sealed chunk held against its batch, before anything is paid for it.

use weft_core::market::{
    batch::{SealLevel, SealedBatch, ciphertext_digest},
    terms::Unit,
};

use super::TAG_BYTES;
use crate::frame::SealedChunk;

/// Why a chunk is not what the ledger says. The seller's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAsSealed {
    /// The body is on no ledger that the buyer trusts, or is no batch of the stream.
    #[error("the ledger has no sealed batch of this stream there")]
    NoBatch,
    /// The batch is that of another chunk.
    #[error("the batch is of chunk {actual}, not {expected}")]
    OtherChunk {
        /// The chunk that came.
        expected: u64,
        /// The one that the batch names.
        actual: u64,
    },
    /// Fewer vouch for the readings than the buyer asks for.
    #[error("sealed at level {actual}, at least {expected} is asked for")]
    Level {
        /// The least.
        expected: u8,
        /// The batch's.
        actual: u8,
    },
    /// Not the ciphertext that the batch has the digest of.
    #[error("the ciphertext is not the one of the batch")]
    Ciphertext,
    /// Another price than the offer's unit makes of the batch.
    #[error("the chunk costs {expected} ticks, not {actual}")]
    Price {
        /// What the unit makes of it.
        expected: u32,
        /// What the seller asks.
        actual: u32,
    },
}

/// Holds a chunk against the batch that the ledger has of it, its price too.
pub fn check_chunk(
    batch: &SealedBatch,
    chunk: &SealedChunk,
    unit: Unit,
    level: SealLevel,
) -> Result<(), NotAsSealed> {
    let expected = ticks(unit, batch, chunk.ciphertext.len());
    if expected != chunk.ticks {
        return Err(NotAsSealed::Price { expected, actual: chunk.ticks });
    }
    check_ciphertext(batch, chunk.sequence, &chunk.ciphertext, level)
}

/// Holds the ciphertext of the chunk `sequence` against the batch that the ledger has of it.
pub fn check_ciphertext(
    batch: &SealedBatch,
    sequence: u64,
    ciphertext: &[u8],
    level: SealLevel,
) -> Result<(), NotAsSealed> {
    if batch.chunk != sequence {
        return Err(NotAsSealed::OtherChunk { expected: sequence, actual: batch.chunk });
    }
    if batch.level < level {
        return Err(NotAsSealed::Level { expected: level.tag(), actual: batch.level.tag() });
    }
    if batch.ciphertext != ciphertext_digest(ciphertext) {
        return Err(NotAsSealed::Ciphertext);
    }
    Ok(())
}

/// What a chunk costs, in ticks: it follows from the batch and the length of the ciphertext, so
/// both sides know it before anything is paid.
pub fn ticks(unit: Unit, batch: &SealedBatch, ciphertext_bytes: usize) -> u32 {
    unit.ticks(batch, ciphertext_bytes.saturating_sub(TAG_BYTES))
}
