//! Keys and values of the database: one tag byte, then fields.
//!
//! ```text
//! l  position                      -> TxId | attachment 104 | BodyId | bytes 4 | flags 1 | sum 32
//! t  TxId                          -> position
//! b  BodyId                        -> position 8 | body | seal  by body: where it hangs first
//! h  BodyId   position             -> TxId                   where else it hangs
//! s  StreamId position             ->                        the first attachment of each body
//! i  Address  sequence  position   -> BodyId                 the same, by issuer
//! k  KeyId                         -> scheme 1 | public key
//! a                                -> count 2 | addresses    the address book
//! f                                -> totals 40 | totals 40  of all that left and of all that came
//! r  table 1  key                  -> record                 what consensus and the ledger keep
//! ```
//!
//! Integers are big-endian in keys, so that ranges ascend, and little-endian in values, like
//! everything else. `sum` is that of the [`Totals`] of the log up to and with this entry: wherever
//! the log ends, its last entry says what there is, and no batch pays for a record of its own. The
//! flags, from the lowest bit: the entry came with its body; this node acknowledged it.
//!
//! Only `t` and `l` are read to find a transaction: `t` has random keys, which a tree of sorted
//! tables rewrites again and again, so its value is the position alone; `l` is written in order.
//!
//! Invariant: no record but `a`, `f`, `r` and `b` is ever written twice, and where a body hangs
//! first, `b` alone says. When that attachment leaves and another stays, `b` is written anew with
//! the position of the other, which gets `s` and `i` in place of its `h`. Two bodies of one issuer
//! with one sequence both stay, since the position is part of the key.

use weft_core::{
    address::Address,
    codec::{Decode, DecodeError, Encode, Reader},
    digest::{BodyId, KeyId, StreamId, TxId},
    machine::{LogEntry, Table},
    tx::{Attachment, Body},
    units::{Position, Sequence},
};

use crate::Totals;

/// The key of the address book.
pub(crate) const ADDRESSES: [u8; 1] = *b"a";
/// The key of where the log starts and ends.
pub(crate) const EXTENT: [u8; 1] = *b"f";
/// What the keys of all transactions start with.
pub(crate) const TRANSACTIONS: [u8; 1] = *b"t";
/// What the keys of all further attachments start with.
pub(crate) const HANGING: [u8; 1] = *b"h";
/// What the keys of all readings start with.
pub(crate) const READINGS: [u8; 1] = *b"s";
/// What the keys of all bodies by their issuer start with.
pub(crate) const ISSUED: [u8; 1] = *b"i";

/// A log entry with what the store alone wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogRecord {
    pub(crate) entry: LogEntry,
    /// Whether the body came with it. Another may have come to hang first since.
    pub(crate) first_of_body: bool,
    /// Of the log up to and with this entry.
    pub(crate) totals: Totals,
}

impl LogRecord {
    pub(crate) fn value(&self) -> Vec<u8> {
        let LogEntry { position: _, id, attachment, body, bytes, is_own } = &self.entry;
        let mut out = Vec::new();
        id.encode(&mut out);
        attachment.encode(&mut out);
        body.encode(&mut out);
        out.extend_from_slice(&bytes.to_le_bytes());
        out.push(u8::from(self.first_of_body) | u8::from(*is_own) << 1);
        self.totals.encode_sum(&mut out);
        out
    }

    pub(crate) fn parse(key: &[u8], value: &[u8]) -> Result<Self, DecodeError> {
        let position = last_position(key)?;
        let mut reader = Reader::new(value);
        let id = TxId::decode(&mut reader)?;
        let attachment = Attachment::decode(&mut reader)?;
        let body = BodyId::decode(&mut reader)?;
        let bytes = reader.u32()?;
        let [first_of_body, is_own] = flags(&mut reader)?;
        let record = Self {
            entry: LogEntry { position, id, attachment, body, bytes, is_own },
            first_of_body,
            totals: Totals::decode_sum(position.0.saturating_add(1), &mut reader)?,
        };
        reader.finish()?;
        Ok(record)
    }
}

/// Two flags, the first one in the lowest bit.
fn flags(reader: &mut Reader<'_>) -> Result<[bool; 2], DecodeError> {
    match reader.u8()? {
        bits @ 0..=3 => Ok([bits & 1 != 0, bits & 2 != 0]),
        tag => Err(DecodeError::UnknownTag { field: "flags", actual: tag.into() }),
    }
}

pub(crate) fn log(position: Position) -> Vec<u8> {
    key(b"l", &[&position.0.to_be_bytes()])
}

pub(crate) fn transaction(id: &TxId) -> Vec<u8> {
    key(b"t", &[id.as_bytes()])
}

pub(crate) fn body(id: &BodyId) -> Vec<u8> {
    key(b"b", &[id.as_bytes()])
}

pub(crate) fn hanging(body: &BodyId, position: Position) -> Vec<u8> {
    key(b"h", &[body.as_bytes(), &position.0.to_be_bytes()])
}

/// What the keys of all further attachments of a body start with.
pub(crate) fn hanging_of(body: &BodyId) -> Vec<u8> {
    key(b"h", &[body.as_bytes()])
}

pub(crate) fn reading(stream: &StreamId, position: Position) -> Vec<u8> {
    key(b"s", &[stream.as_bytes(), &position.0.to_be_bytes()])
}

pub(crate) fn issued(issuer: &Address, sequence: Sequence, position: Position) -> Vec<u8> {
    let (sequence, position) = (sequence.0.to_be_bytes(), position.0.to_be_bytes());
    key(b"i", &[issuer.first_key().as_bytes(), &sequence, &position])
}

/// Under which keys `body`, which hangs first at `position`, is found: by its stream, if it is a
/// reading, and by its issuer.
pub(crate) fn listed(body: &Body, position: Position) -> (Option<Vec<u8>>, Vec<u8>) {
    let reading = body.payload.reading().map(|data| reading(&data.stream.id(), position));
    (reading, issued(&body.issuer, body.sequence, position))
}

/// A body that hangs first at `position`.
pub(crate) fn placed(position: Position, sealed_body: &[u8]) -> Vec<u8> {
    [position.0.to_le_bytes().as_slice(), sealed_body].concat()
}

/// Where a body hangs first, and its own bytes.
pub(crate) fn split_placed(value: &[u8]) -> Result<(Position, &[u8]), DecodeError> {
    let mut reader = Reader::new(value);
    Ok((Position::decode(&mut reader)?, reader.rest()))
}

/// What the keys of all bodies of an issuer start with.
pub(crate) fn issued_by(issuer: &Address) -> Vec<u8> {
    key(b"i", &[issuer.first_key().as_bytes()])
}

/// The sequence in a key that [`issued`] made.
pub(crate) fn issued_sequence(key: &[u8]) -> Result<Sequence, DecodeError> {
    let mut reader = Reader::new(key);
    reader.array::<33>()?;
    reader.array().map(u64::from_be_bytes).map(Sequence)
}

pub(crate) fn public_key(id: &KeyId) -> Vec<u8> {
    key(b"k", &[id.as_bytes()])
}

/// A record of consensus or the ledger.
pub(crate) fn of_table(table: Table, key_in_table: &[u8]) -> Vec<u8> {
    key(b"r", &[&[table as u8], key_in_table])
}

/// The first key behind all records of a table.
pub(crate) fn behind_table(table: Table) -> Vec<u8> {
    key(b"r", &[&[table as u8 + 1]])
}

/// The key in its table of a record that [`of_table`] names.
pub(crate) fn key_in_table(key: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut reader = Reader::new(key);
    reader.array::<2>()?;
    Ok(reader.rest().to_vec())
}

/// The position at the end of a key.
pub(crate) fn last_position(key: &[u8]) -> Result<Position, DecodeError> {
    let (_, position) = key.split_last_chunk().ok_or(DecodeError::CutShort {
        field: "position",
        expected: 8,
        actual: key.len(),
    })?;
    Ok(Position(u64::from_be_bytes(*position)))
}

fn key(tag: &[u8; 1], fields: &[&[u8]]) -> Vec<u8> {
    [tag.as_slice(), &fields.concat()].concat()
}

#[cfg(test)]
mod tests;
