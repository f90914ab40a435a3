//! The buyer of one stream, through one channel: a pure state machine.
//!
//! ```text
//!  Up -> Hello -> Welcome
//!  Chunk -> look its batch up -> check: seal, price -> pay: budget, exposure -> write
//!        -> Synced -> Tick -> Key -> check: commitment, readings -> Event::Readings
//! ```
//!
//! One door in ([`Input`]), one door out ([`Out`]). Invariants: a payment is said after it is on
//! disk, so no chunk is paid twice; what is paid and not keyed stays within the exposure; nothing is
//! paid that the ledger does not vouch for.
//!
//! Left out on purpose: opening a channel, and asking for terms and samples ([`Enquiry`]).

mod check;
mod enquiry;
mod held;
mod input;
mod kept;
mod meet;
mod out;
mod pay;
mod settings;

pub use self::{
    enquiry::{Answer, Enquiry},
    input::{Input, Ticket},
    kept::Counter,
    out::{End, Event, Hangup, Out},
    settings::{Exposure, Limits, Settings},
};
