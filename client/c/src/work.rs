//! The work of a sealed body, in memory of the caller and in steps as large as it likes.

use core::ffi::c_int;

use weft_client::{Place, tiny::Work};
use weft_core::{
    codec::{Decode as _, SliceSink},
    digest::TxId,
    tx::{Attachment, CommitRef},
};

use crate::{
    device::WeftSealed,
    error::{WEFT_AGAIN, WEFT_MEMORY, WEFT_NULL, WEFT_OK, WEFT_ROOM},
};

/// A search; opaque to C.
pub struct WeftWork {
    work: Work,
    found: Option<Attachment>,
}

/// Memory that `weft_work_init` asks for, in bytes.
// SAFETY: no other symbol of this name exists: the prefix is this library's.
#[unsafe(no_mangle)]
pub extern "C" fn weft_work_size() -> usize {
    size_of::<WeftWork>()
}

/// Begins the work of `sealed` between two parents, from the nonce `start`.
///
/// # Safety
///
/// `work` is writable for `size` bytes, `parents` readable for 64 and `anchor` for 32, `sealed`
/// as a seal call wrote it. Any may be null.
// SAFETY: no other symbol of this name exists: the prefix is this library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_work_init(
    work: *mut WeftWork,
    size: usize,
    sealed: *const WeftSealed,
    parents: *const [[u8; 32]; 2],
    anchor: *const [u8; 32],
    work_bits: u8,
    start: u64,
) -> c_int {
    if work.is_null() || size < weft_work_size() || !work.is_aligned() {
        return if work.is_null() { WEFT_NULL } else { WEFT_MEMORY };
    }
    // SAFETY: null, or the caller promises.
    let (Some(sealed), Some(parents), Some(anchor)) =
        (unsafe { (sealed.as_ref(), parents.as_ref(), anchor.as_ref()) })
    else {
        return WEFT_NULL;
    };
    // 32 bytes always make one.
    let anchor = CommitRef::from_bytes(anchor).unwrap_or(CommitRef::NONE);
    let place = Place { parents: parents.map(TxId), anchor, work_bits };
    let search = Work::new(&sealed.sealed(), place, start);
    // SAFETY: large enough, aligned, and the caller promises that it is writable.
    unsafe { work.write(WeftWork { work: search, found: None }) };
    WEFT_OK
}

/// Tries the next `tries` nonces: 0 once one was found, 1 while none is.
///
/// # Safety
///
/// `work` was begun. It may be null.
// SAFETY: no other symbol of this name exists: the prefix is this library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_work_step(work: *mut WeftWork, tries: u32) -> c_int {
    // SAFETY: null, or the caller promises.
    let Some(work) = (unsafe { work.as_mut() }) else {
        return WEFT_NULL;
    };
    if work.found.is_none() {
        work.found = work.work.step(tries);
    }
    if work.found.is_some() { WEFT_OK } else { WEFT_AGAIN }
}

/// Writes the 104 bytes that make a transaction of the sealed body behind them.
///
/// # Safety
///
/// `work` was begun, `out` is writable for `room` bytes. Either may be null.
// SAFETY: no other symbol of this name exists: the prefix is this library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_work_attach(
    work: *const WeftWork,
    out: *mut u8,
    room: usize,
) -> c_int {
    // SAFETY: null, or the caller promises.
    let (Some(work), Some(out)) = (unsafe { (work.as_ref(), crate::device::slice_mut(out, room)) })
    else {
        return WEFT_NULL;
    };
    let Some(attachment) = work.found else {
        return WEFT_AGAIN;
    };
    let mut sink = SliceSink::new(out);
    attachment.put(&mut sink);
    sink.finish().map_or(WEFT_ROOM, |_| WEFT_OK)
}
