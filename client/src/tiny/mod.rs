//! Build, sign and hand over without an allocator: what a microcontroller links.
//!
//! A [`Device`] counts sequences in flash, seals readings into memory of the caller, and knows
//! neither radio nor protocol: what comes out are bytes for any link, to any gateway. [`Work`]
//! hangs such bytes into the Tangle where a device speaks to nodes itself.
//!
//! ```text
//! reading + time -> head and payload -> digest -> signature     seal.rs
//! the sequence, reserved ahead                                  flash.rs
//! parents, anchor -> nonce, in bounded steps                    work.rs
//! ```
//!
//! Invariant: **a sequence never signs two bodies**, whenever the power fails. The one exception is
//! no exception: the registration, sequence 0, is the same bytes each time it is asked for.
//!
//! Left out on purpose: links, retries and a ring of what was not sent yet. They are the
//! firmware's, which knows its radio and its flash. Transfers and words of the market need memory
//! for lists, so `Builder` makes them.

mod flash;
mod seal;
mod work;

pub use flash::{Flash, FlashError, RECORD_BYTES, RESERVED, SLOTS, Sequences};
pub use seal::{SealError, Sealed, seal, sealed_bytes};
pub use work::Work;

use weft_core::{
    address::Address,
    keys::{Scheme, Signer},
    time::Time,
    tx::{CommitRef, ContentType, Head, NetworkId, Reading},
    units::Sequence,
};

/// The stream of the body that registers a device. Its reading is empty.
pub const REGISTRATION_STREAM: &str = "device";

/// Tells the time. A device without a clock says [`Time::ZERO`].
pub trait Clock {
    /// Now, by the device's own clock; informative.
    fn now(&mut self) -> Time;
}

/// Draws the seed of a new device, from a source that nobody can guess. Signatures need none.
pub trait Random {
    /// Fills `bytes`. False if the source failed: nothing may then be made of them.
    fn fill(&mut self, bytes: &mut [u8]) -> bool;

    /// A new seed, or `None` if the source failed. One that says the same byte 32 times is stuck
    /// (NIST SP 800-90B section 4.4.1), or was never switched on.
    fn seed(&mut self) -> Option<[u8; Scheme::SEED_BYTES]> {
        let mut seed = [0; Scheme::SEED_BYTES];
        let is_filled = self.fill(&mut seed);
        let [first, rest @ ..] = &seed;
        let is_stuck = rest.iter().all(|byte| byte == first);
        (is_filled && !is_stuck).then_some(seed)
    }
}

/// A device with its key, its clock and its flash.
#[derive(Debug)]
pub struct Device<S, F, C> {
    network: NetworkId,
    signer: S,
    sequences: Sequences<F>,
    clock: C,
}

impl<S: Signer, F: Flash, C: Clock> Device<S, F, C> {
    /// Starts up: reads from `flash` where the sequences go on. `signer` is the account's first
    /// key; a rotated one is for [`seal()`].
    pub fn open(network: NetworkId, signer: S, flash: F, clock: C) -> Result<Self, FlashError> {
        Ok(Self { network, signer, sequences: Sequences::open(flash)?, clock })
    }

    /// Its account.
    pub fn address(&self) -> Address {
        Address::of(self.signer.key_id())
    }

    /// Writes the body that registers the account and returns what was written. The same bytes
    /// whenever it is asked for, so that it may be sent until a receipt says that it is final.
    pub fn register(&self, out: &mut [u8]) -> Result<Sealed, SealError> {
        let reading =
            Reading { stream: REGISTRATION_STREAM, content_type: ContentType::RAW, bytes: &[] };
        seal(&self.head(Sequence::ZERO, Time::ZERO), &reading, &self.signer, out)
    }

    /// Seals a reading into `out` ([`sealed_bytes`] tells how much it takes) and returns what was
    /// written. Keep the bytes until they are handed over: they cannot be made again.
    ///
    /// An error about the reading or the room costs no sequence.
    pub fn seal(&mut self, reading: &Reading<'_>, out: &mut [u8]) -> Result<Sealed, SealError> {
        seal::fits(reading, self.signer.scheme(), out)?;
        let sequence = self.sequences.take()?;
        let time = self.clock.now();
        let head = self.head(sequence, time);
        seal(&head, reading, &self.signer, out)
    }

    fn head(&self, sequence: Sequence, time: Time) -> Head {
        Head {
            network: self.network,
            issuer: self.address(),
            signer: None,
            sequence,
            time,
            expires: Time::ZERO,
            beacon: CommitRef::NONE,
        }
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests;
