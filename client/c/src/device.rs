//! A device in memory of the caller.

use core::ffi::c_int;

use weft_client::tiny::{Device, SealError, Sealed};
use weft_core::{
    keys::{Scheme, SeedKey},
    tx::{ContentType, NetworkId, Reading},
};

use crate::{
    WeftPlatform,
    error::{MEMORY, NULL, OK, READING, of_flash, of_key, of_seal},
};

/// A device; opaque to C.
pub struct WeftDevice(Device<SeedKey, WeftPlatform, WeftPlatform>);

/// What was sealed, as the header has it.
#[repr(C)]
pub struct WeftSealed {
    bytes: usize,
    content_bytes: usize,
    sequence: u64,
    body: [u8; 32],
}

impl WeftSealed {
    pub(crate) fn of(sealed: &Sealed) -> Self {
        Self {
            bytes: sealed.bytes,
            content_bytes: sealed.content_bytes,
            sequence: sealed.sequence.0,
            body: *sealed.body.as_bytes(),
        }
    }

    pub(crate) fn sealed(&self) -> Sealed {
        Sealed {
            bytes: self.bytes,
            content_bytes: self.content_bytes,
            sequence: weft_core::units::Sequence(self.sequence),
            body: weft_core::digest::BodyId(self.body),
        }
    }
}

/// Memory that `weft_device_init` asks for, in bytes.
// SAFETY: no other symbol of this name exists: the prefix is this library's.
#[unsafe(no_mangle)]
pub extern "C" fn weft_device_size() -> usize {
    size_of::<WeftDevice>()
}

/// Starts up a device in `memory`; what `platform` names must outlive it.
///
/// # Safety
///
/// `memory` is writable for `size` bytes, `network` readable for 4 and `seed` for 32; `platform` is
/// as the header says. Any of them may be null.
// SAFETY: no other symbol of this name exists: the prefix is this library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_device_init(
    memory: *mut WeftDevice,
    size: usize,
    network: *const [u8; 4],
    seed: *const [u8; 32],
    platform: *const WeftPlatform,
) -> c_int {
    if memory.is_null() || network.is_null() || seed.is_null() || platform.is_null() {
        return NULL;
    }
    if size < weft_device_size() || !memory.is_aligned() {
        return MEMORY;
    }
    // SAFETY: not null, and the caller promises the lengths.
    let (network, seed, platform) = unsafe { (NetworkId(*network), &*seed, *platform) };
    let key = match SeedKey::new(Scheme::MlDsa44, seed) {
        Ok(key) => key,
        Err(error) => return of_key(&error),
    };
    match Device::open(network, key, platform, platform) {
        Ok(device) => {
            // SAFETY: large enough, aligned, and the caller promises that it is writable.
            unsafe { memory.write(WeftDevice(device)) };
            OK
        }
        Err(error) => of_flash(error),
    }
}

/// Writes the 32 bytes of its address to `address`.
///
/// # Safety
///
/// `device` was started up, `address` is writable for 32 bytes. Either may be null.
// SAFETY: no other symbol of this name exists: the prefix is this library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_device_address(
    device: *const WeftDevice,
    address: *mut [u8; 32],
) -> c_int {
    // SAFETY: null, or the caller promises.
    let (Some(device), Some(address)) = (unsafe { device.as_ref() }, unsafe { address.as_mut() })
    else {
        return NULL;
    };
    *address = *device.0.address().first_key().as_bytes();
    OK
}

/// Writes the registration to `out`, the same bytes each time.
///
/// # Safety
///
/// `device` was started up, `out` is writable for `room` bytes, `sealed` for its type. Any may be
/// null.
// SAFETY: no other symbol of this name exists: the prefix is this library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_device_register(
    device: *const WeftDevice,
    out: *mut u8,
    room: usize,
    sealed: *mut WeftSealed,
) -> c_int {
    // SAFETY: null, or the caller promises.
    let (Some(device), Some(out), Some(sealed)) =
        (unsafe { (device.as_ref(), slice_mut(out, room), sealed.as_mut()) })
    else {
        return NULL;
    };
    told(device.0.register(out), sealed)
}

/// Seals one reading into `out`.
///
/// # Safety
///
/// `device` was started up, `stream` is readable for `stream_bytes`, `reading` for `bytes`, `out`
/// is writable for `room`, `sealed` for its type, and none overlap. Any may be null.
// SAFETY: no other symbol of this name exists: the prefix is this library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_device_seal(
    device: *mut WeftDevice,
    stream: *const u8,
    stream_bytes: usize,
    content_type: u16,
    reading: *const u8,
    bytes: usize,
    out: *mut u8,
    room: usize,
    sealed: *mut WeftSealed,
) -> c_int {
    // SAFETY: null, or the caller promises.
    let (Some(device), Some(stream), Some(bytes), Some(out), Some(sealed)) = (unsafe {
        (
            device.as_mut(),
            slice(stream, stream_bytes),
            slice(reading, bytes),
            slice_mut(out, room),
            sealed.as_mut(),
        )
    }) else {
        return NULL;
    };
    let Ok(stream) = core::str::from_utf8(stream) else {
        return READING;
    };
    let reading = Reading { stream, content_type: ContentType(content_type), bytes };
    told(device.0.seal(&reading, out), sealed)
}

fn told(result: Result<Sealed, SealError>, out: &mut WeftSealed) -> c_int {
    match result {
        Ok(sealed) => {
            *out = WeftSealed::of(&sealed);
            OK
        }
        Err(error) => of_seal(&error),
    }
}

/// # Safety
///
/// `data` is null, or readable for `length` bytes as long as the result lives.
pub(crate) unsafe fn slice<'a>(data: *const u8, length: usize) -> Option<&'a [u8]> {
    let whole = !data.is_null() && isize::try_from(length).is_ok();
    // SAFETY: the caller promises.
    whole.then(|| unsafe { core::slice::from_raw_parts(data, length) })
}

/// # Safety
///
/// `data` is null, or writable for `length` bytes and nobody else's as long as the result lives.
pub(crate) unsafe fn slice_mut<'a>(data: *mut u8, length: usize) -> Option<&'a mut [u8]> {
    let whole = !data.is_null() && isize::try_from(length).is_ok();
    // SAFETY: the caller promises.
    whole.then(|| unsafe { core::slice::from_raw_parts_mut(data, length) })
}
