//! Any CBOR (RFC 8949): one well-formed item, stored as it came.

use minicbor::Decoder;
use weft_core::tx::ContentType;

use super::{Decoded, FormatError};

pub(super) fn decode(payload: &[u8]) -> Result<Decoded, FormatError> {
    let mut decoder = Decoder::new(payload);
    decoder.skip().map_err(|error| FormatError::Cbor { cause: error.to_string() })?;
    if decoder.position() != payload.len() {
        return Err(FormatError::Cbor { cause: "bytes are left over behind the item".to_owned() });
    }
    let bytes = payload.to_vec();
    Ok(Decoded::Reading { content_type: ContentType::CBOR, bytes, time: None })
}
