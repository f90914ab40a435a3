//! The records of a seller of one stream.
//!
//! ```text
//! Single      "secret"     32 secret bytes
//! Single      "stream"     name of the stream
//! Single      "offer"      the sealed body of the offer
//! Chunk       sequence 8   0 | batch 123 | length 4 | sealed body     until the batch is final
//!                          1 | batch 123 | length 4 | body id 32      from then on
//! Ciphertext  sequence 8   the sealed chunk
//! Opened      channel 32   `seller::Opened`
//! Counter     channel 32   `seller::Counter`
//! ```
//! Sequences are big-endian in keys, so that they are in order.
//!
//! Invariant: a chunk is on disk before its batch leaves, so no sequence is ever sealed with other
//! readings.

use std::sync::Arc;

use bytes::Bytes;
use weft_core::{
    codec::{Decode, Encode as _, Reader},
    digest::BodyId,
    market::{
        batch::SealedBatch,
        chain::{ClaimPath, LEAF_EVERY},
        terms::Unit,
    },
    tx::{ChannelClaim, Claim, SealedBody, StreamName},
};

use super::{Batch, Shelf, ShelfError, Table};
use crate::{
    seal::{self, Sealed, StreamSecret},
    seller::{Counter, Listed, Opened, Write},
};

/// Chunks read from the shelf at once.
const PAGE: usize = 1_024;

/// A chunk that is kept, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredChunk {
    /// What goes on the ledger.
    pub batch: SealedBatch,
    /// Length of the sealed chunk, in bytes.
    pub length: u32,
    /// The body that has the batch.
    pub body: BodyId,
    /// That body, while nobody knows yet that it took effect.
    pub waiting: Option<Box<SealedBody>>,
}

impl StoredChunk {
    /// As the session's machine lists it, where `unit` is what is counted.
    pub fn listed(&self, unit: Unit) -> Listed {
        let ticks = seal::ticks(unit, &self.batch, self.length as usize);
        Listed {
            sequence: self.batch.chunk,
            batch: self.body,
            ticks,
            readings: self.batch.count,
            last: self.batch.last,
        }
    }

    /// Its sequence and its length in bytes.
    pub(crate) fn extent(&self) -> (u64, u64) {
        (self.batch.chunk, self.length.into())
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![u8::from(self.waiting.is_none())];
        self.batch.encode(&mut out);
        out.extend_from_slice(&self.length.to_le_bytes());
        match &self.waiting {
            Some(sealed) => sealed.encode(&mut out),
            None => self.body.encode(&mut out),
        }
        out
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let is_final = reader.u8().ok()? == 1;
        let batch = SealedBatch::decode(&mut reader).ok()?;
        let length = reader.u32().ok()?;
        let (body, waiting) = if is_final {
            (BodyId::decode(&mut reader).ok()?, None)
        } else {
            let sealed = SealedBody::from_bytes(reader.rest()).ok()?;
            (sealed.body.id(), Some(Box::new(sealed)))
        };
        Some(Self { batch, length, body, waiting })
    }
}

/// What a seller keeps, by what it means.
#[derive(Clone)]
pub struct SellerBook {
    shelf: Arc<dyn Shelf>,
}

impl SellerBook {
    /// Over `shelf`, which holds the book of one stream alone.
    pub fn new(shelf: Arc<dyn Shelf>) -> Self {
        Self { shelf }
    }

    /// The shelf below.
    pub fn shelf(&self) -> &Arc<dyn Shelf> {
        &self.shelf
    }

    /// Begins the book of `stream`, with `fresh` as its secret; or goes on with the one that is
    /// there. The book of another stream is refused.
    pub fn open(&self, stream: &StreamName, fresh: [u8; 32]) -> Result<StreamSecret, ShelfError> {
        let name = self.shelf.read(Table::Single, b"stream")?;
        let secret = self.shelf.read(Table::Single, b"secret")?;
        match (name, secret) {
            (None, None) => {
                let mut batch = Batch::default();
                batch.put(Table::Single, b"stream", stream.as_str().to_owned());
                batch.put(Table::Single, b"secret", fresh.to_vec());
                self.shelf.write(&batch)?;
                Ok(StreamSecret::new(fresh))
            }
            (Some(name), Some(secret)) if name == stream.as_str().as_bytes() => {
                let secret = <[u8; 32]>::try_from(&secret[..]);
                let damaged = ShelfError::Damaged { what: "the stream's secret" };
                Ok(StreamSecret::new(secret.map_err(|_| damaged)?))
            }
            _ => Err(ShelfError::Damaged { what: "this stream: it is the book of another" }),
        }
    }

    /// The offer under which the stream was sold last.
    pub fn offer(&self) -> Result<Option<SealedBody>, ShelfError> {
        let found = self.shelf.read(Table::Single, b"offer")?;
        let read = |bytes: Bytes| SealedBody::from_bytes(&bytes).ok();
        found.map(|bytes| read(bytes).ok_or(ShelfError::Damaged { what: "the offer" })).transpose()
    }

    /// Writes the offer down, before it is sent.
    pub fn put_offer(&self, offer: &SealedBody) -> Result<(), ShelfError> {
        let mut batch = Batch::default();
        batch.put(Table::Single, b"offer", offer.to_bytes());
        self.shelf.write(&batch)
    }

    /// All chunks that are kept, ascending.
    pub fn chunks(&self) -> Result<Vec<StoredChunk>, ShelfError> {
        let mut chunks: Vec<StoredChunk> = Vec::new();
        loop {
            let from = chunks.last().map_or(0, |last| last.batch.chunk.saturating_add(1));
            let page = self.shelf.list(Table::Chunk, &from.to_be_bytes(), PAGE)?;
            let read = |(_, value): &(Vec<u8>, Bytes)| StoredChunk::from_bytes(value);
            let read: Option<Vec<_>> = page.iter().map(read).collect();
            chunks.extend(read.ok_or(ShelfError::Damaged { what: "a chunk" })?);
            if page.len() < PAGE {
                return Ok(chunks);
            }
        }
    }

    /// The sealed bytes of a chunk, while it is kept.
    pub fn ciphertext(&self, sequence: u64) -> Result<Option<Bytes>, ShelfError> {
        self.shelf.read(Table::Ciphertext, &sequence.to_be_bytes())
    }

    /// The channels that are served.
    pub fn opened(&self) -> Result<Vec<Opened>, ShelfError> {
        self.all(Table::Opened, "a channel")
    }

    /// What was paid in them.
    pub fn counters(&self) -> Result<Vec<Counter>, ShelfError> {
        self.all(Table::Counter, "what a channel has paid")
    }

    /// Claims for all that was paid in all channels, or in one. What the ledger has already is
    /// among them: claiming it again is no harm.
    pub fn claims(&self, only: Option<&BodyId>) -> Result<Vec<ChannelClaim>, ShelfError> {
        let counters = self.counters()?;
        let opened = self.opened()?.into_iter();
        let claims = opened.filter(|opened| only.is_none_or(|only| *only == opened.channel));
        let claims = claims.filter_map(|opened| {
            let counter = counters.iter().find(|one| one.channel == opened.channel)?;
            let last = u32::try_from(opened.leaves.len()).ok()?.checked_sub(1)?;
            let path = ClaimPath::to(&opened.leaves, (counter.index / LEAF_EVERY).min(last))?;
            let claim = Claim { index: counter.index, word: counter.word, path };
            (claim.index > 0).then_some(ChannelClaim { channel: opened.channel, claim })
        });
        Ok(claims.collect())
    }

    fn all<T: Decode>(&self, table: Table, what: &'static str) -> Result<Vec<T>, ShelfError> {
        let mut all = Vec::new();
        let mut from = Vec::new();
        loop {
            let page = self.shelf.list(table, &from, PAGE)?;
            for (key, value) in &page {
                all.push(T::from_bytes(value).map_err(|_| ShelfError::Damaged { what })?);
                from.clone_from(key);
                from.push(0);
            }
            if page.len() < PAGE {
                return Ok(all);
            }
        }
    }
}

/// A chunk that was just sealed, with the body that is to carry its batch.
pub(crate) fn put_chunk(batch: &mut Batch, sealed: &Sealed, body: SealedBody) -> StoredChunk {
    let length = u32::try_from(sealed.ciphertext.len()).unwrap_or(u32::MAX);
    let (id, waiting) = (body.body.id(), Some(Box::new(body)));
    let chunk = StoredChunk { batch: sealed.batch.clone(), length, body: id, waiting };
    let key = sealed.batch.chunk.to_be_bytes();
    batch.put(Table::Chunk, &key, chunk.to_bytes());
    batch.put(Table::Ciphertext, &key, sealed.ciphertext.clone());
    chunk
}

/// The batch of a chunk took effect.
pub(crate) fn finish_chunk(batch: &mut Batch, chunk: &mut StoredChunk) {
    chunk.waiting = None;
    batch.put(Table::Chunk, &chunk.batch.chunk.to_be_bytes(), chunk.to_bytes());
}

/// A chunk is kept no more.
pub(crate) fn drop_chunk(batch: &mut Batch, sequence: u64) {
    batch.remove(Table::Chunk, &sequence.to_be_bytes());
    batch.remove(Table::Ciphertext, &sequence.to_be_bytes());
}

/// What the session's machine wants written.
pub(crate) fn write_items(items: &[Write]) -> Batch {
    let mut batch = Batch::default();
    for item in items {
        match item {
            Write::Opened(opened) => {
                batch.put(Table::Opened, opened.channel.as_bytes(), opened.to_bytes());
            }
            Write::Counter(counter) => {
                batch.put(Table::Counter, counter.channel.as_bytes(), counter.to_bytes());
            }
            Write::Forget(channel) => {
                batch.remove(Table::Opened, channel.as_bytes());
                batch.remove(Table::Counter, channel.as_bytes());
            }
        }
    }
    batch
}
