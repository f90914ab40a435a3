//! Canonical bytes: one value, one byte string.
//!
//! Integers are little-endian and of fixed width, lists carry a `u16` or `u32` count in front.
//! Invariant: `decode(bytes)` succeeds only if `encode` of the result gives `bytes` back: left-over
//! bytes, unknown tags, lengths over their limit and non-canonical forms are refused.
//!
//! Left out on purpose: serde. Its codecs are not canonical (`docs/decisions/0004-codec.md`).

#[cfg(feature = "alloc")]
mod encode;
mod sink;

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

#[cfg(feature = "alloc")]
use bytes::Bytes;
#[cfg(feature = "alloc")]
pub use encode::{Encode, encode_blob, encode_list, encode_text};
pub use sink::{NoRoom, Sink, SliceSink};

/// A value that can be read from bytes.
pub trait Decode: Sized {
    /// Reads one value and leaves the reader behind it.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// Reads one value that fills `bytes` wholly.
    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::from_reader(Reader::new(bytes))
    }

    /// The same; what the value keeps of `bytes` it shares with them, so they should be no more
    /// than what is kept as long as the value is.
    #[cfg(feature = "alloc")]
    fn from_shared(bytes: &Bytes) -> Result<Self, DecodeError> {
        Self::from_reader(Reader { rest: bytes, shared: Some(bytes) })
    }

    /// Reads one value that is all there is to read.
    fn from_reader(mut reader: Reader<'_>) -> Result<Self, DecodeError> {
        let value = Self::decode(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }
}

/// Why bytes are no value. Always the fault of whoever made them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end inside a field.
    #[error("cut short: {field} needs {expected} more bytes, {actual} are left")]
    CutShort {
        /// What was being read.
        field: &'static str,
        /// Bytes it needs.
        expected: usize,
        /// Bytes that were left.
        actual: usize,
    },
    /// Bytes follow the value.
    #[error("{actual} bytes follow the end of the value")]
    LeftOver {
        /// How many.
        actual: usize,
    },
    /// A tag byte that this version does not know.
    #[error("unknown {field}: {actual}")]
    UnknownTag {
        /// What the tag stands for.
        field: &'static str,
        /// The tag.
        actual: u64,
    },
    /// A length over its limit.
    #[error("{field} too long: at most {limit}, actual {actual}")]
    TooLong {
        /// What is too long.
        field: &'static str,
        /// The limit, in the field's own unit.
        limit: usize,
        /// The length found.
        actual: usize,
    },
    /// A value that has another, canonical form, or that its type excludes.
    #[error("{field} out of its form: {rule}")]
    NotCanonical {
        /// What is wrong.
        field: &'static str,
        /// The rule it breaks.
        rule: &'static str,
    },
}

/// Reads values from the front of a byte slice.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// What `rest` is a part of, if it may be shared.
    #[cfg(feature = "alloc")]
    shared: Option<&'a Bytes>,
}

impl<'a> Reader<'a> {
    /// Starts at the front of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            #[cfg(feature = "alloc")]
            shared: None,
        }
    }

    /// Bytes not read yet.
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The next `count` bytes; `field` names them in the error.
    pub fn take(&mut self, field: &'static str, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(DecodeError::CutShort {
            field,
            expected: count,
            actual: self.rest.len(),
        })?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `count` bytes, to be kept.
    #[cfg(feature = "alloc")]
    pub fn bytes(&mut self, field: &'static str, count: usize) -> Result<Bytes, DecodeError> {
        let taken = self.take(field, count)?;
        let copy = || Bytes::copy_from_slice(taken);
        Ok(self.shared.map_or_else(copy, |shared| shared.slice_ref(taken)))
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(DecodeError::CutShort {
            field: "array",
            expected: N,
            actual: self.rest.len(),
        })?;
        self.rest = rest;
        Ok(*taken)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(u8::from_le_bytes)
    }

    /// A 16-bit integer.
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    /// A 32-bit integer.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    /// A 64-bit integer.
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    /// A byte string with a `u32` length of at most `limit` in front.
    pub fn blob(&mut self, field: &'static str, limit: usize) -> Result<&'a [u8], DecodeError> {
        let actual = self.u32()? as usize;
        if actual > limit {
            return Err(DecodeError::TooLong { field, limit, actual });
        }
        self.take(field, actual)
    }

    /// The same, to be read by itself.
    pub fn nested(&mut self, field: &'static str, limit: usize) -> Result<Self, DecodeError> {
        let mut nested = self.clone();
        nested.rest = self.blob(field, limit)?;
        Ok(nested)
    }

    /// A UTF-8 text with a `u8` length of at most `limit` in front.
    pub fn text(&mut self, field: &'static str, limit: usize) -> Result<&'a str, DecodeError> {
        let actual = usize::from(self.u8()?);
        if actual > limit {
            return Err(DecodeError::TooLong { field, limit, actual });
        }
        core::str::from_utf8(self.take(field, actual)?)
            .map_err(|_| DecodeError::NotCanonical { field, rule: "texts are UTF-8" })
    }

    /// A list with a `u16` count of at most `limit` in front.
    #[cfg(feature = "alloc")]
    pub fn list<T: Decode>(
        &mut self,
        field: &'static str,
        limit: usize,
    ) -> Result<Vec<T>, DecodeError> {
        let actual = usize::from(self.u16()?);
        if actual > limit {
            return Err(DecodeError::TooLong { field, limit, actual });
        }
        (0..actual).map(|_| T::decode(self)).collect()
    }

    /// All bytes not read yet.
    pub const fn rest(&mut self) -> &'a [u8] {
        let rest = self.rest;
        self.rest = &[];
        rest
    }

    /// Refuses left-over bytes.
    pub const fn finish(self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            actual => Err(DecodeError::LeftOver { actual }),
        }
    }
}
