//! What moves the bytes: QUIC, disk and ledger around the pure machines.
//!
//! ```text
//!  ledger, dial   what a seller and a buyer need of others       (traits)
//!  scribe         one sync for all that waits
//!  link           a stream as frames
//!  press          readings -> sealed chunks, kept and posted
//!  shop           a seller: many connections, one machine
//!  open           a channel for a buyer, written down before it is paid for
//!  stall          a buyer at a seller: one channel, one connection at a time
//!  enquire        terms and samples, without a channel
//! ```
//! Invariant: what a machine wants on disk is synced before it hears so, and all that waits is
//! bounded. A driver decides nothing that is about money.

mod clock;
mod dial;
mod enquire;
mod jitter;
mod ledger;
mod link;
mod open;
mod press;
mod scribe;
mod shop;
mod stall;

pub use self::{
    dial::{Dial, DialError, Dialled},
    enquire::{EnquireError, SampleChunk, Sampled, enquire},
    ledger::{Answer, Ledger, LedgerError},
    link::LinkError,
    open::{OpenError, Opening, Past, Resumed, open, resume},
    press::PressError,
    scribe::Scribe,
    shop::{Shop, ShopError, ShopEvent, ShopSettings},
    stall::{Stall, StallError, Told},
};
