//! Chunks of a paid stream: readings in their canonical form, and the batch that the ledger has.
//!
//! ```text
//! reading   time 8 | content type 2 | length 4 | bytes
//! chunk     count 2 | readings                               sealed off the ledger
//! batch     level 1 | chunk 8 | first 8 | last 8 | count 2 | plain root 32 | ciphertext 32
//!           | key commitment 32                              content of a Data payload, 123 bytes
//! ```
//!
//! The batch stands in the ledger before anything is paid; a buyer holds each chunk against it: the
//! ciphertext before it pays, the key before it decrypts, the readings at the end.
//!
//! Invariant: a [`SealedBatch`] has at least one reading, and does not end before it begins.
//!
//! Left out on purpose: the cipher and how keys are derived (`weft-market`).

use alloc::vec::Vec;

use crate::{
    codec::{Decode, DecodeError, Encode, Reader, encode_blob, encode_list},
    commit::merkle,
    digest::{DIGEST_BYTES, Domain, digest},
    time::Time,
    tx::ContentType,
};

/// Longest reading in a chunk, in bytes.
pub const READING_BYTES_MAX: usize = 64 * 1024;

/// Most readings of one chunk.
pub const CHUNK_READINGS_MAX: usize = 4_096;

/// Longest chunk before it is sealed, in bytes: what one frame to a buyer holds.
pub const CHUNK_BYTES_MAX: usize = 1024 * 1024;

/// One reading of a paid stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// When it was taken, by the device's clock.
    pub time: Time,
    /// How to read the bytes.
    pub content_type: ContentType,
    /// The reading itself; at most [`READING_BYTES_MAX`].
    pub bytes: Vec<u8>,
}

impl Encode for Reading {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.time.as_millis().to_le_bytes());
        out.extend_from_slice(&self.content_type.0.to_le_bytes());
        encode_blob(&self.bytes, out);
    }
}

impl Decode for Reading {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            time: Time::from_millis(reader.u64()?),
            content_type: ContentType(reader.u16()?),
            bytes: reader.blob("reading", READING_BYTES_MAX)?.to_vec(),
        })
    }
}

/// The readings of one chunk, in order: what is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk(Vec<Reading>);

impl Chunk {
    /// Takes 1 to [`CHUNK_READINGS_MAX`] readings of at most [`CHUNK_BYTES_MAX`] bytes in all.
    pub fn new(readings: Vec<Reading>) -> Result<Self, DecodeError> {
        if readings.is_empty() {
            let rule = "at least one reading";
            return Err(DecodeError::NotCanonical { field: "chunk", rule });
        }
        let long = |limit, actual| Err(DecodeError::TooLong { field: "chunk", limit, actual });
        if readings.len() > CHUNK_READINGS_MAX {
            return long(CHUNK_READINGS_MAX, readings.len());
        }
        if let Some(reading) = readings.iter().find(|one| one.bytes.len() > READING_BYTES_MAX) {
            return long(READING_BYTES_MAX, reading.bytes.len());
        }
        let bytes = readings.iter().fold(2, |sum, reading| sum + 14 + reading.bytes.len());
        if bytes > CHUNK_BYTES_MAX {
            return long(CHUNK_BYTES_MAX, bytes);
        }
        Ok(Self(readings))
    }

    /// The readings.
    pub fn readings(&self) -> &[Reading] {
        &self.0
    }

    /// The readings themselves.
    pub fn into_readings(self) -> Vec<Reading> {
        self.0
    }

    /// The root of the RFC 6962 tree over the readings.
    pub fn root(&self) -> [u8; DIGEST_BYTES] {
        merkle::root(&self.0)
    }
}

impl Encode for Chunk {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(&self.0, out);
    }
}

impl Decode for Chunk {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::new(reader.list("readings", CHUNK_READINGS_MAX)?)
    }
}

/// Who vouches for a reading. The tag is what the ledger has.
///
/// 1 is kept free for the hash chains of very small radios.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum SealLevel {
    /// The gateway that took it.
    Gateway = 0,
    /// The device, with one signature for the whole batch.
    Batch = 2,
    /// The device, with one signature for each message.
    Message = 3,
}

impl SealLevel {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Gateway, Self::Batch, Self::Message];

    /// Its number on the wire.
    pub const fn tag(self) -> u8 {
        self as u8
    }
}

/// What the ledger has of a chunk: the content of a Data payload of type
/// [`ContentType::SEALED_BATCH`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedBatch {
    /// Who vouches for the readings.
    pub level: SealLevel,
    /// The chunk's place among those of its stream: 0, 1, 2 ...
    pub chunk: u64,
    /// When the first reading was taken.
    pub first: Time,
    /// When the last was; not before the first.
    pub last: Time,
    /// How many readings it has; never 0, at most [`CHUNK_READINGS_MAX`].
    pub count: u16,
    /// The root over the readings: [`Chunk::root`].
    pub plain_root: [u8; DIGEST_BYTES],
    /// The digest of the ciphertext: [`ciphertext_digest`].
    pub ciphertext: [u8; DIGEST_BYTES],
    /// What the chunk's key must hash to: [`key_commitment`].
    pub key_commitment: [u8; DIGEST_BYTES],
}

/// The digest of a sealed chunk: `H("weft.cip", ciphertext)`.
pub fn ciphertext_digest(ciphertext: &[u8]) -> [u8; DIGEST_BYTES] {
    digest(Domain::Ciphertext, ciphertext)
}

/// What binds a chunk to one key: `H("weft.kcm", key)`.
pub fn key_commitment(key: &[u8; 32]) -> [u8; DIGEST_BYTES] {
    digest(Domain::KeyCommitment, key)
}

impl SealedBatch {
    /// Length of its bytes.
    pub const BYTES: usize = 1 + 8 + 8 + 8 + 2 + 3 * DIGEST_BYTES;

    fn check_shape(&self) -> Result<(), DecodeError> {
        let broken = |field, rule| Err(DecodeError::NotCanonical { field, rule });
        if self.count == 0 || usize::from(self.count) > CHUNK_READINGS_MAX {
            return broken("count", "1 to 4,096 readings");
        }
        if self.last < self.first {
            return broken("last", "not before the first");
        }
        Ok(())
    }
}

impl Encode for SealedBatch {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.level.tag());
        for number in [self.chunk, self.first.as_millis(), self.last.as_millis()] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.count.to_le_bytes());
        for digest in [&self.plain_root, &self.ciphertext, &self.key_commitment] {
            out.extend_from_slice(digest);
        }
    }
}

impl Decode for SealedBatch {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let tag = reader.u8()?;
        let level = SealLevel::ALL.into_iter().find(|level| level.tag() == tag);
        let unknown = DecodeError::UnknownTag { field: "seal level", actual: tag.into() };
        let batch = Self {
            level: level.ok_or(unknown)?,
            chunk: reader.u64()?,
            first: Time::from_millis(reader.u64()?),
            last: Time::from_millis(reader.u64()?),
            count: reader.u16()?,
            plain_root: reader.array()?,
            ciphertext: reader.array()?,
            key_commitment: reader.array()?,
        };
        batch.check_shape()?;
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn reading(length: usize) -> Reading {
        let (time, bytes) = (Time::from_millis(7), vec![1; length]);
        Reading { time, content_type: ContentType::RAW, bytes }
    }

    fn batch() -> SealedBatch {
        SealedBatch {
            level: SealLevel::Batch,
            chunk: 1,
            first: Time::from_millis(2),
            last: Time::from_millis(2),
            count: 1,
            plain_root: [3; 32],
            ciphertext: [4; 32],
            key_commitment: [5; 32],
        }
    }

    #[test]
    fn a_chunk_keeps_its_limits_and_reaches_them() {
        let chunk = |readings: Vec<Reading>| {
            let chunk = Chunk::new(readings)?;
            assert!(chunk.to_bytes().len() <= CHUNK_BYTES_MAX);
            assert_eq!(Chunk::from_bytes(&chunk.to_bytes()).as_ref(), Ok(&chunk));
            Ok::<_, DecodeError>(chunk.to_bytes().len())
        };
        assert!(chunk(Vec::new()).is_err());
        assert!(chunk(vec![reading(0); CHUNK_READINGS_MAX]).is_ok());
        assert!(chunk(vec![reading(0); CHUNK_READINGS_MAX + 1]).is_err());
        assert!(chunk(vec![reading(READING_BYTES_MAX)]).is_ok());
        assert!(chunk(vec![reading(READING_BYTES_MAX + 1)]).is_err());
        let mut full = vec![reading(READING_BYTES_MAX); 15];
        full.push(reading(READING_BYTES_MAX - 2 - 16 * 14));
        assert_eq!(chunk(full.clone()), Ok(CHUNK_BYTES_MAX));
        full.push(reading(0));
        assert!(chunk(full).is_err());
    }

    #[test]
    fn a_reading_moved_or_bent_changes_the_root() {
        let readings = [reading(1), reading(2), reading(3)];
        let root = |readings: &[Reading]| Chunk::new(readings.to_vec()).unwrap().root();
        let [one, two, three] = readings.clone();
        assert_ne!(root(&readings), root(&[two.clone(), one.clone(), three.clone()]));
        let later = Reading { time: Time::from_millis(8), ..three.clone() };
        assert_ne!(root(&readings), root(&[one.clone(), two.clone(), later]));
        let other = Reading { content_type: ContentType::TEXT, ..three };
        assert_ne!(root(&readings), root(&[one, two, other]));
    }

    #[test]
    fn batches_that_no_seller_makes_are_refused() {
        let made = |batch: &SealedBatch| SealedBatch::from_bytes(&batch.to_bytes());
        assert_eq!(made(&batch()), Ok(batch()));
        assert_eq!(batch().to_bytes().len(), SealedBatch::BYTES);
        assert!(made(&SealedBatch { count: 0, ..batch() }).is_err());
        assert!(made(&SealedBatch { count: 4_096, ..batch() }).is_ok());
        assert!(made(&SealedBatch { count: 4_097, ..batch() }).is_err());
        assert!(made(&SealedBatch { first: Time::from_millis(3), ..batch() }).is_err());
        let mut reserved = batch().to_bytes();
        reserved[0] = 1;
        assert!(SealedBatch::from_bytes(&reserved).is_err());
    }
}
