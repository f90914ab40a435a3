//! What a seller says.

use bytes::Bytes;
use weft_core::{
    codec::{Decode, DecodeError, Encode, Reader},
    digest::{BodyId, PayWord},
    market::terms::Unit,
    time::Span,
    units::Amount,
};

use super::{HEAD_BYTES, Refusal, SEALED_BYTES_MAX, encode_index, head, index, sized, tag};

/// Anything a seller says to a buyer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToBuyer {
    /// The terms.
    Quote(Quote),
    /// The hello was taken: here is where the seller stands.
    Welcome(Welcome),
    /// A chunk, and what it costs.
    Chunk(SealedChunk),
    /// The key of a chunk that is paid.
    Key(Key),
    /// A chunk with its key, for nothing.
    Sample(Sample),
    /// The seller refuses to go on, or cannot at the moment.
    Error(Refusal),
}

/// The terms of an offer, as the ledger has them, and what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The offer.
    pub offer: BodyId,
    /// Base units for each tick.
    pub price: Amount,
    /// What is counted.
    pub unit: Unit,
    /// The first chunk that is still kept.
    pub first: u64,
    /// The chunk that comes next: one above the newest.
    pub next: u64,
    /// How long a channel must still last to be served.
    pub lasting: Span,
    /// The least grace a channel must have.
    pub grace: Span,
}

/// Where the seller stands with a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The highest index that it was paid.
    pub paid: u32,
    /// The element at that index, which proves it; zeros at index 0.
    pub word: PayWord,
    /// The first chunk that it sends, beside those that are paid already.
    pub next: u64,
}

/// A chunk under its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedChunk {
    /// Its place among those of its stream.
    pub sequence: u64,
    /// Its price, in ticks; never 0.
    pub ticks: u32,
    /// The index that pays for it, so that its place is known though others be late or lost.
    pub end: u32,
    /// The body that has its sealed batch.
    pub batch: BodyId,
    /// The readings, sealed; at most [`CIPHERTEXT_BYTES_MAX`](super::CIPHERTEXT_BYTES_MAX).
    pub ciphertext: Bytes,
}

/// The key of a chunk that is paid.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The index that paid for it.
    pub index: u32,
    /// The key.
    pub key: [u8; 32],
}

/// A chunk with its key.
#[derive(Clone, PartialEq, Eq)]
pub struct Sample {
    /// Its place among those of its stream.
    pub sequence: u64,
    /// The body that has its sealed batch.
    pub batch: BodyId,
    /// Its key.
    pub key: [u8; 32],
    /// The readings, sealed.
    pub ciphertext: Bytes,
}

impl SealedChunk {
    /// The bytes of its frame that stand before the ciphertext. A driver writes them and then the
    /// one ciphertext that all buyers get, without copying it.
    pub fn frame_head(&self) -> Vec<u8> {
        let fields = 8 + 4 + 8 + 32;
        let mut out = Vec::with_capacity(HEAD_BYTES + fields);
        out.extend_from_slice(&head(tag::CHUNK, fields + self.ciphertext.len()));
        out.extend_from_slice(&self.sequence.to_le_bytes());
        out.extend_from_slice(&self.ticks.to_le_bytes());
        encode_index(self.end, &mut out);
        self.batch.encode(&mut out);
        out
    }
}

impl Sample {
    /// As [`SealedChunk::frame_head`].
    pub fn frame_head(&self) -> Vec<u8> {
        let fields = 8 + 32 + 32;
        let mut out = Vec::with_capacity(HEAD_BYTES + fields);
        out.extend_from_slice(&head(tag::SAMPLE, fields + self.ciphertext.len()));
        out.extend_from_slice(&self.sequence.to_le_bytes());
        self.batch.encode(&mut out);
        out.extend_from_slice(&self.key);
        out
    }
}

impl Encode for ToBuyer {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Quote(quote) => {
                out.push(tag::QUOTE);
                quote.encode(out);
            }
            Self::Welcome(welcome) => {
                out.push(tag::WELCOME);
                encode_index(welcome.paid, out);
                welcome.word.encode(out);
                out.extend_from_slice(&welcome.next.to_le_bytes());
            }
            Self::Chunk(chunk) => {
                out.extend_from_slice(&chunk.frame_head());
                out.extend_from_slice(&chunk.ciphertext);
            }
            Self::Key(key) => {
                out.push(tag::KEY);
                encode_index(key.index, out);
                out.extend_from_slice(&key.key);
            }
            Self::Sample(sample) => {
                out.extend_from_slice(&sample.frame_head());
                out.extend_from_slice(&sample.ciphertext);
            }
            Self::Error(refusal) => {
                out.push(tag::ERROR);
                refusal.encode(out);
            }
        }
    }
}

impl Decode for ToBuyer {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8()? {
            tag::QUOTE => Self::Quote(Quote::decode(reader)?),
            tag::WELCOME => Self::Welcome(Welcome {
                paid: index(reader)?,
                word: PayWord::decode(reader)?,
                next: reader.u64()?,
            }),
            tag::CHUNK => {
                let mut body = sized(reader, SEALED_BYTES_MAX)?;
                Self::Chunk(SealedChunk {
                    sequence: body.u64()?,
                    ticks: ticks(&mut body)?,
                    end: index(&mut body)?,
                    batch: BodyId::decode(&mut body)?,
                    ciphertext: ciphertext(&mut body)?,
                })
            }
            tag::KEY => Self::Key(Key { index: index(reader)?, key: reader.array()? }),
            tag::SAMPLE => {
                let mut body = sized(reader, SEALED_BYTES_MAX)?;
                Self::Sample(Sample {
                    sequence: body.u64()?,
                    batch: BodyId::decode(&mut body)?,
                    key: body.array()?,
                    ciphertext: ciphertext(&mut body)?,
                })
            }
            tag::ERROR => Self::Error(Refusal::decode(reader)?),
            tag => {
                let field = "frame of a seller";
                return Err(DecodeError::UnknownTag { field, actual: tag.into() });
            }
        })
    }
}

impl Encode for Quote {
    fn encode(&self, out: &mut Vec<u8>) {
        self.offer.encode(out);
        self.price.encode(out);
        self.unit.encode(out);
        for number in [self.first, self.next, self.lasting.as_millis(), self.grace.as_millis()] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
}

impl Decode for Quote {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            offer: BodyId::decode(reader)?,
            price: Amount::decode(reader)?,
            unit: Unit::decode(reader)?,
            first: reader.u64()?,
            next: reader.u64()?,
            lasting: Span::from_millis(reader.u64()?),
            grace: Span::from_millis(reader.u64()?),
        })
    }
}

fn ticks(reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
    match reader.u32()? {
        0 => Err(DecodeError::NotCanonical { field: "ticks", rule: "nothing is for nothing" }),
        ticks => Ok(ticks),
    }
}

/// All that is left of a body.
fn ciphertext(body: &mut Reader<'_>) -> Result<Bytes, DecodeError> {
    let (limit, actual) = (super::CIPHERTEXT_BYTES_MAX, body.remaining());
    if actual > limit {
        return Err(DecodeError::TooLong { field: "ciphertext", limit, actual });
    }
    Ok(Bytes::copy_from_slice(body.rest()))
}

impl core::fmt::Debug for Key {
    /// Without the key.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Key").field("index", &self.index).finish_non_exhaustive()
    }
}

impl core::fmt::Debug for Sample {
    /// Without key and readings.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Sample").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}
