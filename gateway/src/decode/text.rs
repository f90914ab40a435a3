//! A plain number or text, as most sensors send it.

use weft_core::tx::ContentType;

use super::{Decoded, FormatError};

/// The text without white space around it: `mosquitto_pub -l` and shells leave some.
pub(super) fn decode(payload: &[u8]) -> Result<Decoded, FormatError> {
    let text = core::str::from_utf8(payload).map_err(|_| FormatError::Text)?;
    let bytes = text.trim().as_bytes().to_vec();
    Ok(Decoded::Reading { content_type: ContentType::TEXT, bytes, time: None })
}
