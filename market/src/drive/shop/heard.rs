//! All that a shop hears, in one queue, so that its machine is asked about one thing at a time.

use weft_core::digest::BodyId;

use super::session::Session;
use crate::{
    hello::Exporter,
    ledger::Found,
    seller::{Connection, Input, Ticket},
    shelf::ShelfError,
};

/// Something that a shop hears.
#[derive(Debug)]
pub(super) enum Heard {
    /// A connection stands and has its stream.
    Up {
        /// Which.
        number: Connection,
        /// What TLS gives its two ends.
        exporter: Exporter,
        /// How to speak to it.
        session: Session,
    },
    /// Anything else for the machine.
    Input(Input),
    /// A batch of writes is on disk, or is not.
    Written(Ticket, Result<(), ShelfError>),
    /// The ledger has told of a channel. `claimed` is the index of a claim that has just taken
    /// effect.
    Channel {
        /// Which.
        id: BodyId,
        /// As the ledger has it.
        found: Option<Box<Found>>,
        /// After a claim: what it was of.
        claimed: Option<u32>,
    },
    /// Something that the operator should know.
    Trouble(String),
}
