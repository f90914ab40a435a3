//! The tiny client behind a C interface: a device that seals readings in memory of its own.
//!
//! The header is `include/weft_client.h`; it is written by hand, and `cargo xtask tiny` holds each
//! function, structure and constant of it against these sources. There is no allocator here and no
//! std: should any dependency bring one along, this package does not build.
//!
//! Invariant: no function panics, and none keeps a pointer beyond its call but those inside signer
//! and platform, which `weft_device_init` says.
//!
//! Left out on purpose: links and sockets; what comes out are bytes.
//!
//! The interface to C is raw pointers, so this package alone may use `unsafe`. Each use relies on
//! what the header asks of the caller.

#![no_std]

use core::panic::PanicInfo;

mod device;
mod error;
mod platform;
mod signer;
mod sizes;
mod work;

#[panic_handler]
fn stop(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
