//! JSON (RFC 8259): checked, and stored without the white space between its parts.
//!
//! Invariant: numbers and strings stay byte for byte as the device wrote them, so nothing is
//! rounded and nothing is spelled differently.

use serde::de::IgnoredAny;
use weft_core::tx::ContentType;

use super::{Decoded, FormatError};

pub(super) fn decode(payload: &[u8]) -> Result<Decoded, FormatError> {
    // Serde's own limit of nesting applies here.
    serde_json::from_slice::<IgnoredAny>(payload)
        .map_err(|error| FormatError::Json { cause: error.to_string() })?;
    // What serde ignores it does not look at: text must be UTF-8 all the same.
    core::str::from_utf8(payload).map_err(|_| FormatError::Text)?;
    let bytes = without_white_space(payload);
    Ok(Decoded::Reading { content_type: ContentType::JSON, bytes, time: None })
}

/// Valid JSON without what stands between its parts.
fn without_white_space(json: &[u8]) -> Vec<u8> {
    let (mut in_string, mut escaped) = (false, false);
    let keep = |byte: &u8| {
        if in_string {
            (in_string, escaped) = match (*byte, escaped) {
                (_, true) => (true, false),
                (b'\\', false) => (true, true),
                (byte, false) => (byte != b'"', false),
            };
            return true;
        }
        in_string = *byte == b'"';
        !matches!(*byte, b' ' | b'\t' | b'\n' | b'\r')
    };
    json.iter()
        .copied()
        .filter({
            let mut keep = keep;
            move |byte| keep(byte)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_goes_between_parts_and_stays_inside_strings() {
        let json =
            b" { \"a b\" : [ 1.50 ,\n\"c \\\" d \" , \"\\\\\" , 12345678901234567890 ] }\r\n";
        let expected = b"{\"a b\":[1.50,\"c \\\" d \",\"\\\\\",12345678901234567890]}";
        assert_eq!(without_white_space(json), expected);
        let Decoded::Reading { content_type, bytes, .. } = decode(json).unwrap() else { panic!() };
        assert_eq!((content_type, &bytes[..]), (ContentType::JSON, &expected[..]));
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_place() {
        for text in ["", "{", "{\"a\":}", "[1 2]", "nul", "\"\\x\""] {
            let error = decode(text.as_bytes()).unwrap_err();
            assert!(error.to_string().contains("column"), "{text:?}: {error}");
        }
        assert!(decode(b"\"\xff\"").is_err());
    }
}
