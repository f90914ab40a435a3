//! A part of the ledger as it travels: keys and objects, ascending by key.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::{
    codec::{Decode, DecodeError, Encode, Reader, encode_blob},
    machine::ledger::Part,
    object::{Object, ObjectKey},
};

/// Longest object, in bytes: an account with all its gaps.
const OBJECT_BYTES_MAX: usize = 8 * 1024;

/// A part of the ledger.
pub(in crate::machine) struct Objects(pub(in crate::machine) Part);

impl Encode for Objects {
    fn encode(&self, out: &mut Vec<u8>) {
        for (key, object) in &self.0 {
            out.extend_from_slice(&key.0);
            encode_blob(object, out);
        }
    }
}

impl Decode for Objects {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut objects: Part = Vec::new();
        while reader.remaining() > 0 {
            let key = ObjectKey(reader.array()?);
            let bytes = reader.blob("object", OBJECT_BYTES_MAX)?;
            Object::from_bytes(bytes)?;
            if objects.last().is_some_and(|(last, _)| *last >= key) {
                let rule = "objects ascend by key";
                return Err(DecodeError::NotCanonical { field: "part", rule });
            }
            objects.push((key, Bytes::copy_from_slice(bytes)));
        }
        Ok(Self(objects))
    }
}
