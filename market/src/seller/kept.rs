//! What a seller keeps of a channel, so that a crash costs it nothing that was paid.

use weft_core::{
    codec::{Decode, DecodeError, Encode, Reader, encode_list},
    digest::{BodyId, PayWord},
};

use crate::{frame::leaves, paid::Paid, window::WINDOW_MAX};

/// What a claim needs beside the payment: kept from the first hello on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The channel.
    pub channel: BodyId,
    /// The leaf hashes of its chain; they lead to its root.
    pub leaves: Vec<[u8; 32]>,
}

/// What a channel has paid, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    /// The channel.
    pub channel: BodyId,
    /// The highest index paid.
    pub index: u32,
    /// The element at that index; zeros at 0.
    pub word: PayWord,
    /// The last chunks paid, ascending, at most 16: a buyer never lacks more keys than that.
    pub paid: Vec<Paid>,
}

impl Counter {
    /// Of a channel that has paid nothing.
    pub const fn new(channel: BodyId) -> Self {
        Self { channel, index: 0, word: PayWord::ZERO, paid: Vec::new() }
    }

    /// Adds chunks that one payment paid for.
    pub(super) fn add(&mut self, index: u32, word: PayWord, paid: impl Iterator<Item = Paid>) {
        (self.index, self.word) = (index, word);
        self.paid.extend(paid);
        let surplus = self.paid.len().saturating_sub(WINDOW_MAX);
        self.paid.drain(..surplus);
    }
}

impl Encode for Opened {
    fn encode(&self, out: &mut Vec<u8>) {
        self.channel.encode(out);
        encode_list(&self.leaves, out);
    }
}

impl Decode for Opened {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { channel: BodyId::decode(reader)?, leaves: leaves(reader)? })
    }
}

impl Encode for Counter {
    fn encode(&self, out: &mut Vec<u8>) {
        self.channel.encode(out);
        out.extend_from_slice(&self.index.to_le_bytes());
        self.word.encode(out);
        encode_list(&self.paid, out);
    }
}

impl Decode for Counter {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            channel: BodyId::decode(reader)?,
            index: reader.u32()?,
            word: PayWord::decode(reader)?,
            paid: reader.list("paid", WINDOW_MAX)?,
        })
    }
}
