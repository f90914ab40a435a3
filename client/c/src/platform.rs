//! The firmware's flash, clock and random source, as functions of C.

use core::ffi::{c_int, c_void};

use weft_client::tiny::{Clock, Flash, FlashError, RECORD_BYTES, Random};
use weft_core::time::Time;

use crate::sizes::WEFT_RECORD_BYTES;

/// What the firmware brings. `context` is handed to each function as it is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WeftPlatform {
    /// Anything, or null.
    pub context: *mut c_void,
    /// Reads the record in slot 0 or 1 into 16 bytes; 0 if it did.
    pub flash_read: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            slot: c_int,
            record: *mut [u8; WEFT_RECORD_BYTES],
        ) -> c_int,
    >,
    /// Erases and writes it, for good when it returns; 0 if it did.
    pub flash_write: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            slot: c_int,
            record: *const [u8; WEFT_RECORD_BYTES],
        ) -> c_int,
    >,
    /// Milliseconds since 1970, or 0. Null: no clock.
    pub clock_ms: Option<unsafe extern "C" fn(context: *mut c_void) -> u64>,
    /// Fills so many bytes; 0 if it did. Null: no random source.
    pub random:
        Option<unsafe extern "C" fn(context: *mut c_void, bytes: *mut u8, count: usize) -> c_int>,
}

impl Flash for WeftPlatform {
    fn read(&mut self, slot: usize) -> Result<[u8; RECORD_BYTES], FlashError> {
        let (Some(read), Ok(slot)) = (self.flash_read, c_int::try_from(slot)) else {
            return Err(FlashError::Device);
        };
        let mut record = [0; RECORD_BYTES];
        // SAFETY: the header asks that the function takes these; the record is 16 bytes.
        match unsafe { read(self.context, slot, &raw mut record) } {
            0 => Ok(record),
            _ => Err(FlashError::Device),
        }
    }

    fn write(&mut self, slot: usize, record: &[u8; RECORD_BYTES]) -> Result<(), FlashError> {
        let (Some(write), Ok(slot)) = (self.flash_write, c_int::try_from(slot)) else {
            return Err(FlashError::Device);
        };
        // SAFETY: the header asks that the function takes these; the record is 16 bytes.
        match unsafe { write(self.context, slot, record) } {
            0 => Ok(()),
            _ => Err(FlashError::Device),
        }
    }
}

impl Clock for WeftPlatform {
    fn now(&mut self) -> Time {
        // SAFETY: the header asks that the function takes the context.
        self.clock_ms.map_or(Time::ZERO, |now| Time::from_millis(unsafe { now(self.context) }))
    }
}

impl Random for WeftPlatform {
    fn fill(&mut self, bytes: &mut [u8]) -> bool {
        // SAFETY: the header asks that the function takes these.
        let told =
            self.random.map(|fill| unsafe { fill(self.context, bytes.as_mut_ptr(), bytes.len()) });
        told == Some(0)
    }
}
