//! Numbers and texts of errors. Invariant: a number keeps its meaning for ever.

use core::ffi::{CStr, c_char, c_int};

use weft_client::tiny::{FlashError, SealError};
use weft_core::keys::KeyError;

pub(crate) const OK: c_int = 0;
pub(crate) const AGAIN: c_int = 1;
pub(crate) const NULL: c_int = -1;
pub(crate) const MEMORY: c_int = -2;
pub(crate) const ROOM: c_int = -3;
pub(crate) const READING: c_int = -4;
pub(crate) const KEY: c_int = -5;
pub(crate) const FLASH: c_int = -6;
pub(crate) const DAMAGED: c_int = -7;
pub(crate) const USED: c_int = -8;

pub(crate) fn of_seal(error: &SealError) -> c_int {
    match error {
        SealError::Shape(_) => READING,
        SealError::Room(_) => ROOM,
        SealError::Key(_) | SealError::OtherKey => KEY,
        SealError::Flash(error) => of_flash(*error),
    }
}

pub(crate) fn of_flash(error: FlashError) -> c_int {
    match error {
        FlashError::Device => FLASH,
        FlashError::Damaged => DAMAGED,
        FlashError::Used => USED,
    }
}

pub(crate) fn of_key(_: &KeyError) -> c_int {
    KEY
}

/// What a number means, with the next step; never null, never to be freed.
// SAFETY: no other symbol of this name exists: the prefix is this library's.
#[unsafe(no_mangle)]
pub extern "C" fn weft_error_text(error: c_int) -> *const c_char {
    let text: &CStr = match error {
        OK => c"done",
        AGAIN => c"not found yet: take another step",
        NULL => c"a pointer is null that must not be",
        MEMORY => c"the memory is too small or not aligned to 8: see the _size() functions",
        ROOM => c"the buffer is too small: WEFT_SEALED_BYTES says how much a reading takes",
        READING => c"stream: 1 to 64 bytes of UTF-8 without control characters; reading: 24 KiB",
        KEY => c"the key did not sign: use another seed",
        FLASH => c"the flash did not read or write: try again, or replace the part",
        DAMAGED => c"both records of the sequence are damaged: erase them and use a new seed",
        USED => c"all sequences of this account are used: use a new seed",
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
