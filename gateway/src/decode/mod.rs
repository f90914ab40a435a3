//! From the bytes that a device sent to a reading in its stored form.
//!
//! | Sent | Stored |
//! |---|---|
//! | a number or text | the text, without white space around it |
//! | JSON | the same JSON without white space; numbers stay digit for digit |
//! | SenML in JSON or CBOR | resolved SenML in deterministic CBOR, numbers exact |
//! | a body that the device sealed | that body, untouched |
//! | other bytes | those bytes |
//!
//! Invariant: what is stored depends on the bytes, their declared type and, for SenML with times
//! relative to now, on when they came; on nothing else. No decoder panics and none recurses.
//!
//! Left out on purpose: units and plausibility. The ledger keeps what a device said.

mod cbor;
mod decimal;
mod json;
mod sealed;
mod senml;
mod senml_cbor;
mod senml_json;
mod text;

use weft_core::{
    digest::BodyId,
    time::Time,
    tx::{ContentType, NetworkId, SealedBody},
};

/// Longest payload that is taken, in bytes.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 16 * 1024;

/// What a payload turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    /// A reading that the gateway seals.
    Reading {
        /// How to read the bytes.
        content_type: ContentType,
        /// The stored form.
        bytes: Vec<u8>,
        /// When it was taken, if the payload alone tells: such a payload is the same reading
        /// whenever it comes.
        time: Option<Time>,
    },
    /// A body that the device sealed, and its id.
    Sealed(Box<SealedBody>, BodyId),
}

/// What the sender said of a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Declared {
    /// Nothing: the first byte tells.
    #[default]
    Nothing,
    /// One of the known types.
    Type(ContentType),
    /// A sealed body.
    Sealed,
}

impl Declared {
    /// What the name of a media type says. `None` for one that is not known here.
    pub(crate) fn media_type(text: &str) -> Option<Self> {
        let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let declared = match essence.as_str() {
            // What curl says where nobody said anything.
            "" | "application/x-www-form-urlencoded" => Self::Nothing,
            "text/plain" => Self::Type(ContentType::TEXT),
            "application/octet-stream" => Self::Type(ContentType::RAW),
            "application/json" => Self::Type(ContentType::JSON),
            "application/senml+json" => Self::Type(ContentType::SENML_JSON),
            "application/senml+cbor" => Self::Type(ContentType::SENML_CBOR),
            "application/cbor" => Self::Type(ContentType::CBOR),
            "application/vnd.weft.body" => Self::Sealed,
            _ => return None,
        };
        Some(declared)
    }

    /// What a CoAP content format says (RFC 7252 section 12.3, RFC 8428 section 12.3).
    pub(crate) fn content_format(number: u16) -> Option<Self> {
        let known = [
            ContentType::TEXT,
            ContentType::RAW,
            ContentType::JSON,
            ContentType::CBOR,
            ContentType::SENML_JSON,
            ContentType::SENML_CBOR,
        ];
        known.contains(&ContentType(number)).then_some(Self::Type(ContentType(number)))
    }
}

/// Reads a payload that came at `now`. `network` is that of the ledger, once it is known.
pub(crate) fn decode(
    payload: &[u8],
    declared: Declared,
    network: Option<NetworkId>,
    now: Time,
) -> Result<Decoded, FormatError> {
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(FormatError::TooLong { actual: payload.len() });
    }
    match declared {
        Declared::Sealed => sealed::decode(payload, network),
        Declared::Type(ContentType::TEXT) => text::decode(payload),
        Declared::Type(ContentType::JSON) => json::decode(payload),
        Declared::Type(ContentType::SENML_JSON) => senml_json::decode(payload, now),
        Declared::Type(ContentType::SENML_CBOR) => senml_cbor::decode(payload, now),
        Declared::Type(ContentType::CBOR) => cbor::decode(payload),
        Declared::Type(content_type) => Ok(raw(content_type, payload)),
        Declared::Nothing => guess(payload, network, now),
    }
}

/// What the first byte says, where nobody else does.
fn guess(payload: &[u8], network: Option<NetworkId>, now: Time) -> Result<Decoded, FormatError> {
    match payload.trim_ascii_start().first() {
        // The version of a body; no text begins so.
        Some(1) => sealed::decode(payload, network),
        Some(b'{') => json::decode(payload),
        // An array is SenML if it reads so, else any JSON.
        Some(b'[') => senml_json::decode(payload, now).or_else(|_| json::decode(payload)),
        // An array in CBOR, if it reads so; no UTF-8 begins so.
        Some(0x80..=0x9f) => {
            senml_cbor::decode(payload, now).or_else(|_| Ok(raw(ContentType::RAW, payload)))
        }
        _ => text::decode(payload).or_else(|_| Ok(raw(ContentType::RAW, payload))),
    }
}

fn raw(content_type: ContentType, payload: &[u8]) -> Decoded {
    Decoded::Reading { content_type, bytes: payload.to_vec(), time: None }
}

/// Why a payload is not what it says. The device's to mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormatError {
    /// Too much at once.
    #[error("the payload has {actual} bytes, allowed are {PAYLOAD_BYTES_MAX}; send it in parts")]
    TooLong {
        /// How many.
        actual: usize,
    },
    /// A type that is not known here.
    #[error(
        "unknown type {actual:?}; known are text/plain, application/json, application/senml+json, \
        application/senml+cbor, application/cbor, application/octet-stream and \
        application/vnd.weft.body"
    )]
    UnknownType {
        /// What was declared.
        actual: String,
    },
    /// Not UTF-8.
    #[error("the payload is no UTF-8 text; declare its type, or send text")]
    Text,
    /// No JSON.
    #[error("the payload is no JSON: {cause}")]
    Json {
        /// Where and why.
        cause: String,
    },
    /// No CBOR.
    #[error("the payload is no CBOR: {cause}")]
    Cbor {
        /// Where and why.
        cause: String,
    },
    /// No SenML.
    #[error("the payload is no SenML (RFC 8428): {rule}")]
    Senml {
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// No sealed body.
    #[error("the payload is no sealed body: {cause}")]
    Sealed {
        /// Where and why.
        cause: String,
    },
    /// The stream has no name that a stream can have.
    #[error("the stream {actual:?} cannot be: {cause}")]
    Stream {
        /// The name, with that of the device.
        actual: String,
        /// The rule that it breaks.
        cause: String,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Time = Time::from_millis(1_760_000_000_000);

    fn stored(payload: &[u8], declared: Declared) -> Option<(ContentType, Vec<u8>)> {
        match decode(payload, declared, None, NOW) {
            Ok(Decoded::Reading { content_type, bytes, .. }) => Some((content_type, bytes)),
            _ => None,
        }
    }

    #[test]
    fn what_nobody_declared_is_told_by_its_beginning() {
        let guess = |payload: &[u8]| stored(payload, Declared::Nothing).unwrap();
        assert_eq!(guess(b" 21.4\n"), (ContentType::TEXT, b"21.4".to_vec()));
        assert_eq!(guess(b"on"), (ContentType::TEXT, b"on".to_vec()));
        assert_eq!(guess(br#"{"v": 21.40}"#), (ContentType::JSON, br#"{"v":21.40}"#.to_vec()));
        assert_eq!(guess(b"[1, 2]"), (ContentType::JSON, b"[1,2]".to_vec()));
        assert_eq!(guess(br#"[{"n":"t","v":1}]"#).0, ContentType::SENML_CBOR);
        assert_eq!(guess(b"\xff\x00"), (ContentType::RAW, b"\xff\x00".to_vec()));
        assert_eq!(guess(b"\x81\xa2\x00\x61t\x02\x01").0, ContentType::SENML_CBOR);
    }

    #[test]
    fn what_was_declared_is_held_to_it() {
        let of = |content_type| Declared::Type(content_type);
        assert_eq!(stored(b"21.4", of(ContentType::SENML_CBOR)), None);
        assert_eq!(stored(b"{", of(ContentType::JSON)), None);
        assert_eq!(stored(b"\xff", of(ContentType::TEXT)), None);
        assert_eq!(stored(b"{", of(ContentType::TEXT)), Some((ContentType::TEXT, b"{".to_vec())));
        assert_eq!(stored(&[b'x'; PAYLOAD_BYTES_MAX + 1], Declared::Nothing), None);
        assert!(stored(&[b'x'; PAYLOAD_BYTES_MAX], Declared::Nothing).is_some());
    }

    #[test]
    fn media_types_are_known_with_parameters_and_strangers_are_not() {
        let known = |text| Declared::media_type(text);
        assert_eq!(known("text/plain; charset=utf-8"), Some(Declared::Type(ContentType::TEXT)));
        assert_eq!(known("Application/SenML+CBOR"), Some(Declared::Type(ContentType::SENML_CBOR)));
        assert_eq!(known("text/html"), None);
        assert_eq!(Declared::content_format(112), Some(Declared::Type(ContentType::SENML_CBOR)));
        assert_eq!(Declared::content_format(41), None);
    }

    /// Pieces of which hostile payloads are made: the beginnings and ends of all formats.
    const PIECES: &[&[u8]] = &[
        b"[",
        b"]",
        b"{",
        b"}",
        b"\"n\":",
        b"\"v\":",
        b"\"bt\":",
        b"\"bv\":",
        b"1e999",
        b"-",
        b"1",
        b",",
        b"\"",
        b"\\u0000",
        b"\\",
        b" ",
        b"\x9f",
        b"\xbf",
        b"\xff",
        b"\xc4\x82",
        b"\x81",
        b"\xa2",
        b"\x00",
        b"\x61t",
        b"\x02",
        b"\xfb\x7f\xf0\0\0\0\0\0\0",
        b"\x1b\xff\xff\xff\xff",
        b"\x5f",
        b"\x7f",
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x01",
    ];

    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            8 => proptest::sample::select(PIECES).prop_map(<[u8]>::to_vec),
            1 => proptest::collection::vec(any::<u8>(), 0..6),
        ];
        proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    fn declared() -> impl Strategy<Value = Declared> {
        let types = [0, 42, 50, 60, 110, 112].map(|number| Declared::Type(ContentType(number)));
        proptest::sample::select([&types[..], &[Declared::Nothing, Declared::Sealed]].concat())
    }

    proptest! {
        #[test]
        fn nothing_panics_and_the_stored_form_is_stored_as_it_is(
            payload in hostile(),
            declared in declared(),
        ) {
            let Some((content_type, bytes)) = stored(&payload, declared) else { return Ok(()) };
            // What is stored is longer than what came only by what SenML left to be understood.
            if bytes.len() <= PAYLOAD_BYTES_MAX {
                let again = stored(&bytes, Declared::Type(content_type));
                prop_assert_eq!(again, Some((content_type, bytes)));
            }
        }

        #[test]
        fn long_nesting_is_no_deep_recursion(depth in 1_usize..16_000, which in 0_usize..4) {
            let piece: &[u8] = [&b"["[..], b"{\"a\":", b"\x81", b"\xc1"][which];
            let payload = piece.repeat(depth.min(PAYLOAD_BYTES_MAX / piece.len()));
            for declared in [Declared::Nothing, Declared::Type(ContentType::JSON),
                Declared::Type(ContentType::CBOR), Declared::Type(ContentType::SENML_CBOR)] {
                let _ = decode(&payload, declared, None, NOW);
            }
        }
    }
}
