//! Build, sign, attach and follow readings.
//!
//! Three layers. Without features, [`tiny`]: what a microcontroller needs to seal its readings,
//! with no allocator. With feature `alloc` (default), all kinds of bodies: a
//! [`Builder`] makes [`Draft`]s, a draft and a key make a sealed body, and an [`Attacher`] hangs it
//! into the Tangle in steps as large as the caller's patience. No clock, no socket, no thread, no
//! random source: time, tips and chance are arguments. With feature `host`, [`host`] adds an HTTP
//! transport to a node, the parallel search for work, and a poster that counts and retries.
//!
//! **Invariant: a body is signed once.** Whatever is retried afterwards sends the very same bytes,
//! so a reading is never doubled; a lost attachment is replaced without asking the device again.
//!
//! # From a reading to a transaction, on a device
//!
//! ```
//! use weft_client::{Attacher, Builder, Place};
//! use weft_core::{
//!     address::Address,
//!     codec::Encode as _,
//!     digest::TxId,
//!     keys::{DeviceKey, Scheme, Sign as _},
//!     time::Time,
//!     tx::{CommitRef, ContentType, NetworkId},
//!     units::Sequence,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = DeviceKey::from_seed(Scheme::MlDsa44, &[7; 32])?;
//! let builder = Builder::new(NetworkId([1, 2, 3, 4]), Address::of(key.public_key().id()));
//! let sealed = builder
//!     .reading(Sequence(1), "hall/temp", ContentType::TEXT, b"21.4")?
//!     .time(Time::from_millis(1_760_000_000_000))
//!     .seal(&key)?;
//!
//! // Tips, anchor and work come from any node: GET /v1/tips. A device may also hand the sealed
//! // body over to a gateway here and be done.
//! let place = Place { parents: [TxId::ZERO; 2], anchor: CommitRef::NONE, work_bits: 4 };
//! let mut attacher = Attacher::new(sealed, place, 0);
//! let transaction = loop {
//!     // Between two steps there is time for a radio, a watchdog or sleep.
//!     if let Some(transaction) = attacher.step(256) {
//!         break transaction;
//!     }
//! };
//! assert!(transaction.to_bytes().len() < 2_700, "a small reading with its ML-DSA-44 signature");
//! # Ok(())
//! # }
//! ```

#![cfg_attr(not(any(test, feature = "host")), no_std)]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;

#[cfg(feature = "alloc")]
mod attach;
#[cfg(feature = "alloc")]
mod draft;
#[cfg(feature = "host")]
pub mod host;
mod place;
pub mod tiny;

#[cfg(feature = "alloc")]
pub use attach::Attacher;
#[cfg(feature = "alloc")]
pub use draft::{Builder, Draft, DraftError};
pub use place::Place;
