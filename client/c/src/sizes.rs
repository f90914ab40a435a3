//! Numbers that the header repeats. Invariant: they are those of the protocol, or this does not
//! compile; that the header says the same is checked by `cargo xtask tiny`.

use weft_client::tiny::{RECORD_BYTES, REGISTRATION_STREAM, sealed_bytes};
use weft_core::{
    keys::Scheme,
    tx::{Attachment, ContentType},
};

use crate::signer::SCHEME;

/// Text.
pub const WEFT_TEXT: u16 = 0;
/// Bytes without further meaning.
pub const WEFT_RAW: u16 = 42;
/// JSON.
pub const WEFT_JSON: u16 = 50;
/// CBOR.
pub const WEFT_CBOR: u16 = 60;
/// SenML in JSON.
pub const WEFT_SENML_JSON: u16 = 110;
/// SenML in CBOR.
pub const WEFT_SENML_CBOR: u16 = 112;

/// Length of a sealed reading without its stream name and its bytes.
pub const WEFT_SEALED_BASE_BYTES: usize = 2523;
/// Length of a registration.
pub const WEFT_REGISTRATION_BYTES: usize = 3841;
/// Length of what stands before a sealed body in a transaction.
pub const WEFT_ATTACHMENT_BYTES: usize = 104;
/// Length of a record in flash.
pub const WEFT_RECORD_BYTES: usize = 16;
/// Length of a seed.
pub const WEFT_SEED_BYTES: usize = 32;
/// Length of a public key.
pub const WEFT_PUBLIC_KEY_BYTES: usize = 1312;
/// Length of a signature.
pub const WEFT_SIGNATURE_BYTES: usize = 2420;

/// A stream name's length and a content type stand before the bytes of a reading.
const FRAME_BYTES: usize = 3;

const _: () = assert!(
    WEFT_TEXT == ContentType::TEXT.0
        && WEFT_RAW == ContentType::RAW.0
        && WEFT_JSON == ContentType::JSON.0
        && WEFT_CBOR == ContentType::CBOR.0
        && WEFT_SENML_JSON == ContentType::SENML_JSON.0
        && WEFT_SENML_CBOR == ContentType::SENML_CBOR.0
);
const _: () = assert!(
    WEFT_SEALED_BASE_BYTES == sealed_bytes(SCHEME, FRAME_BYTES, false)
        && WEFT_REGISTRATION_BYTES
            == sealed_bytes(SCHEME, FRAME_BYTES + REGISTRATION_STREAM.len(), true)
        && WEFT_ATTACHMENT_BYTES == Attachment::BYTES
        && WEFT_RECORD_BYTES == RECORD_BYTES
        && WEFT_SEED_BYTES == Scheme::SEED_BYTES
        && WEFT_PUBLIC_KEY_BYTES == SCHEME.public_key_bytes()
        && WEFT_SIGNATURE_BYTES == SCHEME.signature_bytes()
);
