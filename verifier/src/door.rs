//! How a page hands bytes in and takes text out: through memory that this module owns.
//!
//! ```text
//! at = weft_input(length)       the page writes genesis and proof there, one behind the other
//! length = weft_judge(genesis)  how many of those bytes are the genesis
//! at = weft_verdict()           the page reads JSON there, of that length
//! ```
//! Invariant: no pointer from outside is ever followed; pages are told where to write and read.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::verdict::{BYTES_MAX, judge};

static INPUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static VERDICT: Mutex<String> = Mutex::new(String::new());

/// Makes room for `length` bytes and says where; null for more than [`BYTES_MAX`].
#[expect(unsafe_code, reason = "a browser finds the function by its name")]
#[unsafe(no_mangle)]
extern "C" fn weft_input(length: usize) -> *mut u8 {
    if length > BYTES_MAX {
        return std::ptr::null_mut();
    }
    let mut input = lock(&INPUT);
    input.clear();
    input.resize(length, 0);
    input.as_mut_ptr()
}

/// Judges what was written: the first `genesis` bytes are the genesis, the rest is the proof.
/// Returns the length of the verdict in bytes.
#[expect(unsafe_code, reason = "a browser finds the function by its name")]
#[unsafe(no_mangle)]
extern "C" fn weft_judge(genesis: usize) -> usize {
    let input = lock(&INPUT);
    let (genesis, proof) = input.split_at_checked(genesis).unwrap_or((&input, &[]));
    let verdict = judge(genesis, proof);
    let length = verdict.len();
    *lock(&VERDICT) = verdict;
    length
}

/// Where the last verdict lies.
#[expect(unsafe_code, reason = "a browser finds the function by its name")]
#[unsafe(no_mangle)]
extern "C" fn weft_verdict() -> *const u8 {
    lock(&VERDICT).as_ptr()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, since the memory is one.
    #[test]
    fn lengths_that_cannot_be_are_answered_and_not_followed() {
        assert!(weft_input(BYTES_MAX + 1).is_null());
        assert!(!weft_input(10).is_null());
        for genesis in [0, 5, 10, 11, usize::MAX] {
            let length = weft_judge(genesis);
            assert!(!weft_verdict().is_null());
            let verdict = lock(&VERDICT).clone();
            assert_eq!(verdict.len(), length);
            assert!(verdict.starts_with("{\"refused\":"), "{verdict}");
        }
    }
}
