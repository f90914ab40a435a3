//! What a buyer says.

use weft_core::{
    codec::{Decode, DecodeError, Encode, Reader, encode_list},
    digest::{BodyId, PayWord},
    keys::{Scheme, Signature},
};

use super::{HELLO_BYTES_MAX, LEAVES_MAX, Refusal, encode_index, encode_sized, index, sized, tag};

/// Anything a buyer says to a seller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToSeller {
    /// Asks for the terms. Needs no channel.
    Ask(Ask),
    /// Begins or resumes a paid session.
    Hello(Hello),
    /// Pays.
    Tick(Tick),
    /// Asks for keys again.
    Again(Again),
    /// The buyer refuses to go on.
    Error(Refusal),
}

/// Asks for the terms of an offer, and for a free sample in front of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Which offer.
    pub offer: BodyId,
    /// Whether samples are wanted: those that the offer's policy allows come before the quote.
    pub sample: bool,
}

/// Begins or resumes a paid session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The channel that pays.
    pub channel: BodyId,
    /// The first chunk whose readings the buyer lacks.
    pub next: u64,
    /// The highest index that the buyer has paid.
    pub paid: u32,
    /// The highest index up to which it has all keys.
    pub keyed: u32,
    /// All leaf hashes of its chain: the ledger has their root.
    pub leaves: Vec<[u8; 32]>,
    /// Of the buyer's account, over [`hello_digest`](crate::hello::hello_digest).
    pub signature: Signature,
}

/// A payment: the element of the pay chain at an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// How many ticks are paid in total.
    pub index: u32,
    /// The element at that index.
    pub word: PayWord,
}

/// Asks again for the chunks and keys of all that was paid above an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Again {
    /// The highest index up to which the buyer has all keys.
    pub keyed: u32,
}

impl Encode for ToSeller {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ask(ask) => {
                out.push(tag::ASK);
                ask.offer.encode(out);
                out.push(ask.sample.into());
            }
            Self::Hello(hello) => encode_sized(tag::HELLO, out, |out| hello.encode(out)),
            Self::Tick(tick) => {
                out.push(tag::TICK);
                encode_index(tick.index, out);
                tick.word.encode(out);
            }
            Self::Again(again) => {
                out.push(tag::AGAIN);
                encode_index(again.keyed, out);
            }
            Self::Error(refusal) => {
                out.push(tag::ERROR);
                refusal.encode(out);
            }
        }
    }
}

impl Decode for ToSeller {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8()? {
            tag::ASK => Self::Ask(Ask { offer: BodyId::decode(reader)?, sample: flag(reader)? }),
            tag::HELLO => {
                let mut body = sized(reader, HELLO_BYTES_MAX)?;
                let hello = Hello::decode(&mut body)?;
                body.finish()?;
                Self::Hello(hello)
            }
            tag::TICK => Self::Tick(Tick { index: index(reader)?, word: PayWord::decode(reader)? }),
            tag::AGAIN => Self::Again(Again { keyed: index(reader)? }),
            tag::ERROR => Self::Error(Refusal::decode(reader)?),
            tag => {
                let field = "frame of a buyer";
                return Err(DecodeError::UnknownTag { field, actual: tag.into() });
            }
        })
    }
}

impl Encode for Hello {
    fn encode(&self, out: &mut Vec<u8>) {
        self.channel.encode(out);
        out.extend_from_slice(&self.next.to_le_bytes());
        encode_index(self.paid, out);
        encode_index(self.keyed, out);
        encode_list(&self.leaves, out);
        out.push(self.signature.scheme().tag());
        out.extend_from_slice(self.signature.as_bytes());
    }
}

impl Decode for Hello {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let channel = BodyId::decode(reader)?;
        let next = reader.u64()?;
        let (paid, keyed) = (index(reader)?, index(reader)?);
        if keyed > paid {
            let rule = "nothing is keyed that was not paid";
            return Err(DecodeError::NotCanonical { field: "keyed", rule });
        }
        let leaves = leaves(reader)?;
        let scheme = Scheme::decode(reader)?;
        let bytes = reader.take("signature", scheme.signature_bytes())?.to_vec();
        let signature = Signature::new(scheme, bytes.into()).map_err(|_| {
            DecodeError::NotCanonical { field: "signature", rule: "as long as its scheme says" }
        })?;
        Ok(Self { channel, next, paid, keyed, leaves, signature })
    }
}

/// A list of digests, at most [`LEAVES_MAX`].
pub(crate) fn leaves(reader: &mut Reader<'_>) -> Result<Vec<[u8; 32]>, DecodeError> {
    let (limit, actual) = (LEAVES_MAX, usize::from(reader.u16()?));
    if actual > limit {
        return Err(DecodeError::TooLong { field: "leaves", limit, actual });
    }
    (0..actual).map(|_| reader.array()).collect()
}

fn flag(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        actual => Err(DecodeError::UnknownTag { field: "flag", actual: actual.into() }),
    }
}
