//! Values into bytes, where memory can be allocated.
//!
//! What a device without an allocator writes goes through [`Sink`]s instead; the values that both
//! write have one function that knows their bytes, and [`Encode`] calls it.

use alloc::vec::Vec;

use bytes::Bytes;

use super::Sink;

/// A value with exactly one byte string. Encoding cannot fail.
pub trait Encode {
    /// Appends the bytes of `self` to `out`.
    fn encode(&self, out: &mut Vec<u8>);

    /// The bytes of `self`.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}

/// Appends a list as `Reader::list` reads it.
///
/// # Panics
/// On more than `u16::MAX` items: every list of the protocol has a limit far below.
pub fn encode_list<T: Encode>(items: &[T], out: &mut Vec<u8>) {
    let count = u16::try_from(items.len()).expect("lists of the protocol are below 2^16 items");
    out.extend_from_slice(&count.to_le_bytes());
    for item in items {
        item.encode(out);
    }
}

/// Appends a byte string as `Reader::blob` reads it.
///
/// # Panics
/// On 4 GiB or more: every byte string of the protocol has a limit far below.
pub fn encode_blob(bytes: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(bytes.len()).expect("byte strings of the protocol are below 4 GiB");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Appends a text as `Reader::text` reads it.
///
/// # Panics
/// On 256 bytes or more: every text of the protocol has a limit below.
pub fn encode_text(text: &str, out: &mut Vec<u8>) {
    let length = u8::try_from(text.len()).expect("texts of the protocol are below 256 bytes");
    out.push(length);
    out.extend_from_slice(text.as_bytes());
}

impl<const N: usize> Encode for [u8; N] {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
}

impl Encode for Bytes {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_blob(self, out);
    }
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}
