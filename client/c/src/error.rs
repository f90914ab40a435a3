//! Numbers and texts of errors. Invariant: a number keeps its meaning for ever.

use core::ffi::{CStr, c_char, c_int};

use weft_client::tiny::{FlashError, SealError};
use weft_core::keys::KeyError;

/// Done.
pub const WEFT_OK: c_int = 0;
/// Nothing was found yet.
pub const WEFT_AGAIN: c_int = 1;
/// A pointer is null.
pub const WEFT_NULL: c_int = -1;
/// Memory too small, or not aligned.
pub const WEFT_MEMORY: c_int = -2;
/// Buffer too small.
pub const WEFT_ROOM: c_int = -3;
/// Stream name or reading breaks a rule.
pub const WEFT_READING: c_int = -4;
/// The key did not sign.
pub const WEFT_KEY: c_int = -5;
/// The flash did not read or write.
pub const WEFT_FLASH: c_int = -6;
/// Both records of the sequence are damaged.
pub const WEFT_DAMAGED: c_int = -7;
/// All sequences are used.
pub const WEFT_USED: c_int = -8;
/// The random source failed.
pub const WEFT_RANDOM: c_int = -9;

pub(crate) fn of_seal(error: &SealError) -> c_int {
    match error {
        SealError::Shape(_) => WEFT_READING,
        SealError::Room(_) => WEFT_ROOM,
        SealError::Key(_) | SealError::OtherKey => WEFT_KEY,
        SealError::Flash(error) => of_flash(*error),
    }
}

pub(crate) fn of_flash(error: FlashError) -> c_int {
    match error {
        FlashError::Device => WEFT_FLASH,
        FlashError::Damaged => WEFT_DAMAGED,
        FlashError::Used => WEFT_USED,
    }
}

pub(crate) fn of_key(_: &KeyError) -> c_int {
    WEFT_KEY
}

/// What a number means, with the next step; never null, never to be freed.
// SAFETY: no other symbol of this name exists: the prefix is this library's.
#[unsafe(no_mangle)]
pub extern "C" fn weft_error_text(error: c_int) -> *const c_char {
    let text: &CStr = match error {
        WEFT_OK => c"done",
        WEFT_AGAIN => c"not found yet: take another step",
        WEFT_NULL => c"a pointer is null that must not be",
        WEFT_MEMORY => c"the memory is too small or not aligned to 8: see the _size() functions",
        WEFT_ROOM => c"the buffer is too small: WEFT_SEALED_BYTES says how much a reading takes",
        WEFT_READING => {
            c"stream: 1 to 64 bytes of UTF-8 without control characters; reading: 24 KiB"
        }
        WEFT_KEY => c"the key did not sign: use another seed, or look into the signer",
        WEFT_FLASH => c"the flash did not read or write: try again, or replace the part",
        WEFT_DAMAGED => c"both records of the sequence are damaged: erase them and use a new seed",
        WEFT_RANDOM => {
            c"the random source is missing, failed or stuck: mend it, there is no way around"
        }
        WEFT_USED => c"all sequences of this account are used: use a new seed",
        _ => c"no error of this library",
    };
    text.as_ptr()
}

/// The version of the interface: major in the upper 16 bits, minor in the lower.
// SAFETY: no other symbol of this name exists: the prefix is this library's.
#[unsafe(no_mangle)]
pub extern "C" fn weft_version() -> u32 {
    1 << 16
}
