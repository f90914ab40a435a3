//! The work of one body at one place, in steps as large as the caller's patience.
//!
//! Invariant: an [`Attachment`] that comes out has the work of [`Work::required_bits`].

use weft_core::{
    digest::BodyId,
    pow::{Search, required_bits},
    tx::Attachment,
};

use super::Sealed;
use crate::Place;

/// Looks for the nonce that hangs one body at one place.
#[derive(Clone)]
pub struct Work {
    body: BodyId,
    attachment: Attachment,
    bits: u8,
    start: u64,
    search: Search,
}

impl Work {
    /// The work of `sealed` at `place`, from the nonce `start`: any number will do, a random one
    /// where several may attach the same body at the same place.
    pub fn new(sealed: &Sealed, place: Place, start: u64) -> Self {
        let registers = sealed.sequence.registers();
        Self::of(sealed.body, sealed.content_bytes, registers, place, start)
    }

    /// The same, of a body that is known by its id.
    pub(crate) fn of(
        body: BodyId,
        content_bytes: usize,
        registers: bool,
        place: Place,
        start: u64,
    ) -> Self {
        let attachment = Attachment::new(place.parents, place.anchor);
        let bits = required_bits(place.work_bits, content_bytes, registers);
        let search = Search::new(&attachment.work_prefix(&body), bits, start);
        Self { body, attachment, bits, start, search }
    }

    /// Zero bits of work that this body has to show there. About two to that power tries find it.
    pub const fn required_bits(&self) -> u8 {
        self.bits
    }

    /// Tries the next `tries` nonces, one BLAKE2s compression each. What comes out, written before
    /// the sealed body ([`Attachment::put`]), is the transaction. It comes out once: steps after it
    /// look for a second attachment of the same body.
    pub fn step(&mut self, tries: u32) -> Option<Attachment> {
        self.search.step(tries).map(|nonce| self.with(nonce))
    }

    /// A search of its own for the same work. Searches of different lanes never meet, and none
    /// meets what [`Self::step`] tries unless its lane is 0.
    pub fn search(&self, lane: u8) -> Search {
        let [lowest, rest @ ..] = self.start.to_le_bytes();
        let [a, b, c, d, e, f, g] = rest;
        let start = u64::from_le_bytes([lowest.wrapping_add(lane), a, b, c, d, e, f, g]);
        Search::new(&self.attachment.work_prefix(&self.body), self.bits, start)
    }

    /// The attachment with a nonce that one of the searches found.
    pub const fn with(&self, nonce: u64) -> Attachment {
        Attachment { nonce, ..self.attachment }
    }
}
