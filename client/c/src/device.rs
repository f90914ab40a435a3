//! A device in memory of the caller.

use core::ffi::{c_char, c_int, c_void};

use weft_client::tiny::{Device, SealError, Sealed};
use weft_core::tx::{ContentType, NetworkId, Reading};

use crate::{
    error::{WEFT_MEMORY, WEFT_NULL, WEFT_OK, WEFT_READING, of_flash, of_key, of_seal},
    platform::WeftPlatform,
    signer::{Key, WeftSigner},
};

/// A device; opaque to C.
pub struct WeftDevice(Device<Key, WeftPlatform, WeftPlatform>);

/// What was sealed, as the header has it.
#[repr(C)]
pub struct WeftSealed {
    /// Its length.
    pub bytes: usize,
    /// Length of the reading with its stream name.
    pub content_bytes: usize,
    /// Its place among the bodies of the device.
    pub sequence: u64,
    /// Its id.
    pub body: [u8; 32],
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

/// Starts up a device in the memory at `device`; what `signer` and `platform` name must outlive it.
///
/// # Safety
///
/// `device` is writable for `size` bytes, `network` readable for 4; `signer` and `platform` are as
/// the header says. Any of them may be null.
// SAFETY: no other symbol of this name exists: the prefix is this library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_device_init(
    device: *mut WeftDevice,
    size: usize,
    network: *const [u8; 4],
    signer: *const WeftSigner,
    platform: *const WeftPlatform,
) -> c_int {
    // SAFETY: null, or the caller promises.
    let (Some(network), Some(signer), Some(platform)) =
        (unsafe { (network.as_ref(), signer.as_ref(), platform.as_ref()) })
    else {
        return WEFT_NULL;
    };
    if device.is_null() {
        return WEFT_NULL;
    }
    if size < weft_device_size() || !device.is_aligned() {
        return WEFT_MEMORY;
    }
    let key = match Key::new(*signer) {
        Ok(key) => key,
        Err(error) => return of_key(&error),
    };
    match Device::open(NetworkId(*network), key, *platform, *platform) {
        Ok(made) => {
            // SAFETY: large enough, aligned, and the caller promises that it is writable.
            unsafe { device.write(WeftDevice(made)) };
            WEFT_OK
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
        return WEFT_NULL;
    };
    *address = *device.0.address().first_key().as_bytes();
    WEFT_OK
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
        return WEFT_NULL;
    };
    told(device.0.register(out), sealed)
}

/// Seals one reading into `out`.
///
/// # Safety
///
/// `device` was started up, `stream` is readable for `stream_bytes`, `reading` for `reading_bytes`,
/// `out` is writable for `room`, `sealed` for its type, and none overlap. Any may be null.
// SAFETY: no other symbol of this name exists: the prefix is this library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_device_seal(
    device: *mut WeftDevice,
    stream: *const c_char,
    stream_bytes: usize,
    content_type: u16,
    reading: *const c_void,
    reading_bytes: usize,
    out: *mut u8,
    room: usize,
    sealed: *mut WeftSealed,
) -> c_int {
    // SAFETY: null, or the caller promises.
    let (Some(device), Some(stream), Some(bytes), Some(out), Some(sealed)) = (unsafe {
        (
            device.as_mut(),
            slice(stream.cast(), stream_bytes),
            slice(reading.cast(), reading_bytes),
            slice_mut(out, room),
            sealed.as_mut(),
        )
    }) else {
        return WEFT_NULL;
    };
    let Ok(stream) = core::str::from_utf8(stream) else {
        return WEFT_READING;
    };
    let reading = Reading { stream, content_type: ContentType(content_type), bytes };
    told(device.0.seal(&reading, out), sealed)
}

fn told(result: Result<Sealed, SealError>, out: &mut WeftSealed) -> c_int {
    match result {
        Ok(sealed) => {
            *out = WeftSealed::of(&sealed);
            WEFT_OK
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
