//! What buyer and seller say to each other: ALPN `weft-market/1`, one bidirectional QUIC stream.
//!
//! ```text
//! from the buyer                                                                       bytes
//!  1 Tick     t 8 | p[t] 32                                                               41
//!  2 Ask      offer 32 | sample 1                                                         34
//!  3 Again    keyed 8                                                                      9
//!  4 Hello    length 4 | channel 32 | next 8 | paid 8 | keyed 8 | leaves 2 + 32 n
//!             | scheme 1 | signature                                             to 11,565
//! from the seller
//! 17 Quote    offer 32 | price 8 | unit 1 | first 8 | next 8 | lasting 8 | grace 8        74
//! 18 Welcome  paid 8 | p[paid] 32 | next 8                                                49
//! 19 Chunk    length 4 | sequence 8 | ticks 4 | end 8 | batch 32 | ciphertext   to 1,048,649
//! 20 Key      t 8 | Kc 32                                                                 41
//! 21 Sample   length 4 | sequence 8 | batch 32 | Kc 32 | ciphertext             to 1,048,669
//! from either
//! 32 Error    code 1 | expected 8 | retry after 4                                         14
//! ```
//!
//! The first byte is the tag. Frames of one length have no length field, so that a payment is
//! exactly 41 bytes on the stream; all others have theirs behind the tag, counting what follows it.
//! Integers are little-endian. Invariant: one frame, one byte string; a frame with a tag of the
//! other side is none.
//!
//! Left out on purpose: a version. The ALPN is the version.

mod error;
mod splitter;
mod to_buyer;
mod to_seller;

use weft_core::{
    codec::{DecodeError, Reader},
    market::{
        batch::CHUNK_BYTES_MAX,
        chain::{CHAIN_MAX, LEAF_EVERY},
    },
};

use crate::seal::TAG_BYTES;

pub use error::{Code, Refusal};
pub use splitter::{FrameError, Splitter};
pub use to_buyer::{Key, Quote, Sample, SealedChunk, ToBuyer, Welcome};
pub(crate) use to_seller::leaves;
pub use to_seller::{Again, Ask, Hello, Tick, ToSeller};

/// The protocol's name in the TLS handshake.
pub const ALPN: &[u8] = b"weft-market/1";

/// Longest ciphertext of a chunk, in bytes: its tag included.
pub const CIPHERTEXT_BYTES_MAX: usize = CHUNK_BYTES_MAX + TAG_BYTES;

/// Most leaf hashes in a hello: those of the longest chain.
pub const LEAVES_MAX: usize = (CHAIN_MAX / LEAF_EVERY) as usize;

/// Longest body of a hello, in bytes: all leaves and a signature of ML-DSA-65.
const HELLO_BYTES_MAX: usize = 32 + 3 * 8 + 2 + 32 * LEAVES_MAX + 1 + 3_309;

/// Longest body of a chunk or a sample, in bytes.
const SEALED_BYTES_MAX: usize = 8 + 32 + 32 + CIPHERTEXT_BYTES_MAX;

/// Bytes in front of a body that has a length.
const HEAD_BYTES: usize = 5;

/// Longest frame, in bytes. A splitter holds no more.
pub const FRAME_BYTES_MAX: usize = HEAD_BYTES + SEALED_BYTES_MAX;

const _: () = assert!(HELLO_BYTES_MAX < SEALED_BYTES_MAX);

/// Tags, one for each frame.
mod tag {
    pub(super) const TICK: u8 = 1;
    pub(super) const ASK: u8 = 2;
    pub(super) const AGAIN: u8 = 3;
    pub(super) const HELLO: u8 = 4;
    pub(super) const QUOTE: u8 = 17;
    pub(super) const WELCOME: u8 = 18;
    pub(super) const CHUNK: u8 = 19;
    pub(super) const KEY: u8 = 20;
    pub(super) const SAMPLE: u8 = 21;
    pub(super) const ERROR: u8 = 32;
}

/// How long a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// Always so many bytes, its tag included.
    Whole(usize),
    /// A length of at most so many bytes stands behind the tag.
    Upto(usize),
}

/// How long a frame with this tag is, if there is one.
const fn extent(tag: u8) -> Option<Extent> {
    Some(match tag {
        tag::TICK | tag::KEY => Extent::Whole(41),
        tag::ASK => Extent::Whole(34),
        tag::AGAIN => Extent::Whole(9),
        tag::HELLO => Extent::Upto(HELLO_BYTES_MAX),
        tag::QUOTE => Extent::Whole(74),
        tag::WELCOME => Extent::Whole(49),
        tag::CHUNK | tag::SAMPLE => Extent::Upto(SEALED_BYTES_MAX),
        tag::ERROR => Extent::Whole(14),
        _ => return None,
    })
}

/// The head of a frame with a length.
fn head(tag: u8, length: usize) -> [u8; HEAD_BYTES] {
    let length = u32::try_from(length).expect("every frame is far below 4 GiB");
    let [a, b, c, d] = length.to_le_bytes();
    [tag, a, b, c, d]
}

/// Appends a frame whose body has a length in front.
fn encode_sized(tag: u8, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = Vec::new();
    body(&mut bytes);
    out.extend_from_slice(&head(tag, bytes.len()));
    out.extend_from_slice(&bytes);
}

/// The body of a frame with a length, whole.
fn sized<'a>(reader: &mut Reader<'a>, limit: usize) -> Result<Reader<'a>, DecodeError> {
    reader.blob("frame", limit).map(Reader::new)
}

/// An index in a pay chain: 8 bytes, at most [`CHAIN_MAX`].
fn index(reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
    let index = reader.u64()?;
    u32::try_from(index)
        .ok()
        .filter(|index| *index <= CHAIN_MAX)
        .ok_or(DecodeError::NotCanonical { field: "index", rule: "no chain is longer than 65,536" })
}

/// As [`index`] reads it.
fn encode_index(index: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&u64::from(index).to_le_bytes());
}
