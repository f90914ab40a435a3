//! Sealing: one ciphertext for all buyers of a chunk, and the keys that they pay for.
//!
//! ```text
//! Kc         = H("weft.chk", stream secret | sequence 8)
//! commitment = H("weft.kcm", Kc)                                  on the ledger
//! ciphertext = ChaCha20-Poly1305 (RFC 8439) under Kc
//!              nonce: the first 12 bytes of the plaintext root
//!              data:  the batch's bytes before its ciphertext digest
//! ```
//!
//! One key seals one chunk, so any nonce would do, as long as the same chunk number is never sealed
//! with other readings. A seller that crashes between sealing and storing can do just that; with a
//! nonce made of the readings it harms nobody, and costs no byte, since the root is on the ledger.
//! The cipher does not commit to its key; the digest on the ledger does.
//!
//! Invariant: what [`open`] gives out is what the batch on the ledger says, to the byte.
//!
//! Left out on purpose: where secrets come from, and where ciphertexts are kept (`shelf`).

mod check;
mod cutter;

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use bytes::Bytes;
use weft_core::{
    codec::{Decode as _, Encode as _},
    digest::{DIGEST_BYTES, Domain, Hasher},
    market::batch::{Chunk, SealLevel, SealedBatch, ciphertext_digest, key_commitment},
    time::Time,
};
use zeroize::Zeroizing;

pub use check::{NotAsSealed, check_chunk, check_ciphertext, ticks};
pub use cutter::{Cut, Cutter, CutterError};

/// Bytes that sealing adds: the tag of Poly1305.
pub const TAG_BYTES: usize = 16;

/// The secret that all keys of one stream follow from. Whoever has it reads the whole stream.
#[derive(Clone)]
pub struct StreamSecret(Zeroizing<[u8; 32]>);

impl StreamSecret {
    /// Takes 32 secret bytes: drawn once for a stream, and for no other.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key of the chunk `sequence`.
    pub fn key(&self, sequence: u64) -> [u8; 32] {
        let hasher = Hasher::new(Domain::ChunkKey).chain(self.0.as_slice());
        hasher.chain(&sequence.to_le_bytes()).finish()
    }
}

impl core::fmt::Debug for StreamSecret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("StreamSecret(..)")
    }
}

/// A sealed chunk: what goes on the ledger, and what buyers fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// For the ledger.
    pub batch: SealedBatch,
    /// For the buyers: [`TAG_BYTES`] longer than the chunk.
    pub ciphertext: Bytes,
}

/// Seals `chunk` as number `sequence` of its stream.
///
/// # Panics
/// If the cipher refuses to work: there is no input on which it does.
pub fn seal(secret: &StreamSecret, sequence: u64, level: SealLevel, chunk: &Chunk) -> Sealed {
    let key = secret.key(sequence);
    let (first, last) = span(chunk);
    let mut batch = SealedBatch {
        level,
        chunk: sequence,
        first,
        last,
        count: u16::try_from(chunk.readings().len()).expect("a chunk has at most 4,096 readings"),
        plain_root: chunk.root(),
        ciphertext: [0; DIGEST_BYTES],
        key_commitment: key_commitment(&key),
    };
    let mut bytes = chunk.to_bytes();
    cipher(&key)
        .seal_in_place_append_tag(nonce(&batch), Aad::from(sealed_with(&batch)), &mut bytes)
        .expect("a chunk is far below the 256 GiB that the cipher takes");
    batch.ciphertext = ciphertext_digest(&bytes);
    Sealed { batch, ciphertext: bytes.into() }
}

/// Opens a chunk that [`check_ciphertext`] has passed with the key that was paid for: first the
/// commitment, and the readings last.
pub fn open(batch: &SealedBatch, key: &[u8; 32], ciphertext: &[u8]) -> Result<Chunk, OpenError> {
    if key_commitment(key) != batch.key_commitment {
        return Err(OpenError::WrongKey);
    }
    let mut bytes = ciphertext.to_vec();
    let plain = cipher(key)
        .open_in_place(nonce(batch), Aad::from(sealed_with(batch)), &mut bytes)
        .map_err(|_| OpenError::Garbage("the cipher's tag does not match"))?;
    let chunk = Chunk::from_bytes(plain).map_err(|_| OpenError::Garbage("not a chunk"))?;
    if chunk.root() != batch.plain_root {
        return Err(OpenError::Garbage("another root"));
    }
    if chunk.readings().len() != usize::from(batch.count) {
        return Err(OpenError::Garbage("another number of readings"));
    }
    if span(&chunk) != (batch.first, batch.last) {
        return Err(OpenError::Garbage("other times"));
    }
    Ok(chunk)
}

/// Why a chunk does not open. The seller's fault: it has signed the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The key is not the one that the ledger has the commitment of.
    #[error("the key is not the one that the batch commits to")]
    WrongKey,
    /// The key is right, what it opens is not.
    #[error("the readings are not those of the batch: {0}")]
    Garbage(&'static str),
}

/// When the earliest and the latest reading of a chunk were taken.
fn span(chunk: &Chunk) -> (Time, Time) {
    let times = || chunk.readings().iter().map(|reading| reading.time);
    (times().min().unwrap_or_default(), times().max().unwrap_or_default())
}

fn cipher(key: &[u8; 32]) -> LessSafeKey {
    let key = UnboundKey::new(&CHACHA20_POLY1305, key).expect("the cipher takes keys of 32 bytes");
    LessSafeKey::new(key)
}

fn nonce(batch: &SealedBatch) -> Nonce {
    let (nonce, _) = batch.plain_root.split_first_chunk::<NONCE_LEN>().expect("12 of 32 bytes");
    Nonce::assume_unique_for_key(*nonce)
}

/// What the tag covers beside the readings, so that a ciphertext opens under its own batch alone.
fn sealed_with(batch: &SealedBatch) -> Vec<u8> {
    let mut bytes = batch.to_bytes();
    bytes.truncate(SealedBatch::BYTES - 2 * DIGEST_BYTES);
    bytes
}

#[cfg(test)]
mod tests;
