//! The sealed chunks, one for all buyers: the newest in memory, the others on the shelf.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use tokio::task::spawn_blocking;

use crate::shelf::SellerBook;

/// Chunks kept in memory, in bytes. Live buyers are all near the newest; those that read on from
/// long ago are served from the disk.
const CACHE_BYTES: usize = 32 << 20;

/// Finds the sealed bytes of chunks.
pub(super) struct Ciphertexts {
    book: SellerBook,
    newest: Mutex<Newest>,
}

#[derive(Default)]
struct Newest {
    chunks: BTreeMap<u64, Bytes>,
    bytes: usize,
}

impl Ciphertexts {
    pub(super) fn new(book: SellerBook) -> Self {
        Self { book, newest: Mutex::default() }
    }

    /// A chunk that was just sealed.
    pub(super) fn add(&self, sequence: u64, ciphertext: Bytes) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.bytes += ciphertext.len();
        newest.chunks.insert(sequence, ciphertext);
        while newest.bytes > CACHE_BYTES
            && let Some((_, oldest)) = newest.chunks.pop_first()
        {
            newest.bytes = newest.bytes.saturating_sub(oldest.len());
        }
    }

    /// The bytes of a chunk, while it is kept.
    pub(super) async fn find(&self, sequence: u64) -> Option<Bytes> {
        let cached = |newest: &Newest| newest.chunks.get(&sequence).cloned();
        let cached = cached(&self.newest.lock().unwrap_or_else(PoisonError::into_inner));
        if cached.is_some() {
            return cached;
        }
        let book = self.book.clone();
        let read = spawn_blocking(move || book.ciphertext(sequence)).await.ok()?;
        read.inspect_err(|error| tracing::error!(%error, sequence, "a chunk cannot be read"))
            .ok()
            .flatten()
    }
}
