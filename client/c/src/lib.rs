//! The tiny client behind a C interface: a device that seals readings in memory of its own.
//!
//! The header is `include/weft_client.h`; it is written by hand and `cargo xtask tiny` compiles it
//! against the library and runs an example. There is no allocator
//! here and no std: should any dependency bring one along, this package does not build.
//!
//! Invariant: no function panics, and none keeps a pointer beyond its call but those of the
//! platform, which `weft_device_init` says.
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
mod work;

pub use device::{
    WeftDevice, weft_device_address, weft_device_init, weft_device_register, weft_device_seal,
    weft_device_size,
};
pub use error::{weft_error_text, weft_version};
pub use platform::WeftPlatform;
pub use work::{WeftWork, weft_work_attach, weft_work_init, weft_work_size, weft_work_step};

#[panic_handler]
fn stop(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
