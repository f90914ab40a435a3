//! A program for a machine without std, made of `weft-core` alone.
//!
//! Nobody runs it. It has its own panic handler, and so has std: should any dependency of
//! `weft-core` bring std along, the compiler meets two and refuses. `cargo xtask bare` builds it,
//! and proves with the feature `std-on-purpose` that the refusal happens.

#![no_std]

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

// Named here, so that the feature `std-on-purpose` acts on a library that is really linked.
use bytes as _;
use weft_core::codec::Decode as _;
use weft_core::committee::Committee;
use weft_core::keys::DeviceVerifier;
use weft_core::proof::Proof;
use weft_core::tx::{NetworkId, Transaction};

/// Decodes a transaction and writes its id to `id`; whether there was one.
///
/// Enough to link codec, digest and allocation as a device would.
///
/// # Safety
///
/// `data` must be readable for `length` bytes, `id` writable for 32.
// SAFETY: no other symbol of this name exists in a program that holds nothing but this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_bare(data: *const u8, length: usize, id: *mut [u8; 32]) -> bool {
    // SAFETY: the caller promises so.
    let data = unsafe { core::slice::from_raw_parts(data, length) };
    let Ok(transaction) = Transaction::from_bytes(data) else {
        return false;
    };
    // SAFETY: the caller promises so.
    unsafe { id.write(*transaction.id().as_bytes()) };
    true
}

/// Checks a proof file with nothing but a committee's keys; whether it proves anything.
///
/// # Safety
///
/// `proof` and `committee` must be readable for their lengths, `network` for 4 bytes.
// SAFETY: no other symbol of this name exists in a program that holds nothing but this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_bare_proof(
    proof: *const u8,
    proof_length: usize,
    committee: *const u8,
    committee_length: usize,
    network: *const [u8; 4],
) -> bool {
    // SAFETY: the caller promises so.
    let proof = unsafe { core::slice::from_raw_parts(proof, proof_length) };
    // SAFETY: the caller promises so.
    let committee = unsafe { core::slice::from_raw_parts(committee, committee_length) };
    // SAFETY: the caller promises so.
    let network = NetworkId(unsafe { *network });
    let (Ok(proof), Ok(committee)) = (Proof::from_bytes(proof), Committee::from_bytes(committee))
    else {
        return false;
    };
    proof.verify(&committee, network, &DeviceVerifier, None).is_ok()
}

#[panic_handler]
fn stop(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

const HEAP_BYTES: usize = 64 * 1024;

/// Hands out a fixed heap from the front and takes nothing back.
///
/// `alloc` does not link without an allocator, and one needs `unsafe`: the language's interface to
/// memory is raw. This is why this package is apart from `weft-core`, which forbids it.
struct Bump {
    heap: core::cell::UnsafeCell<[u8; HEAP_BYTES]>,
    used: AtomicUsize,
}

// SAFETY: every byte of the heap is handed out once, by an atomic step, and touched by nobody else.
unsafe impl Sync for Bump {}

// SAFETY: `alloc` returns null or memory of the asked size and alignment that nobody else has.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let base = self.heap.get().cast::<u8>();
        // Room for the size and for the worst gap before it.
        let Some(room) = layout.size().checked_add(layout.align()) else {
            return ptr::null_mut();
        };
        let take = |used: usize| used.checked_add(room).filter(|end| *end <= HEAP_BYTES);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(start) => {
                let free = base.wrapping_add(start);
                free.wrapping_add(free.align_offset(layout.align()))
            }
            Err(_) => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static HEAP: Bump =
    Bump { heap: core::cell::UnsafeCell::new([0; HEAP_BYTES]), used: AtomicUsize::new(0) };
