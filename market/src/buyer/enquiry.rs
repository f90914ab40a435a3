//! Asking for terms and samples: what a buyer does before it has a channel.

use std::collections::VecDeque;

use weft_core::{
    digest::BodyId,
    market::{
        batch::{Chunk, SealLevel, SealedBatch},
        objects::Listing,
    },
};

use super::End;
use crate::{
    frame::{Ask, Quote, Sample, ToBuyer, ToSeller},
    seal::{NotAsSealed, OpenError, check_ciphertext, open},
    window::WINDOW_MAX,
};

/// A question to a seller, until its answer is whole.
#[derive(Debug)]
pub struct Enquiry {
    listing: Listing,
    level: SealLevel,
    /// Samples that were not held against the ledger yet; at most 16.
    samples: VecDeque<Sample>,
}

/// A part of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A sample came; look this body up, and call [`Enquiry::found`].
    Look(BodyId),
    /// The terms, which are those on the ledger. Comes last, but for samples that still wait.
    Quote(Quote),
}

impl Enquiry {
    /// Asks about an offer; samples must be vouched for by `level` at least.
    pub const fn new(listing: Listing, level: SealLevel) -> Self {
        Self { listing, level, samples: VecDeque::new() }
    }

    /// The question.
    pub const fn ask(&self, sample: bool) -> ToSeller {
        ToSeller::Ask(Ask { offer: self.listing.id, sample })
    }

    /// Takes what the seller says. After an error the connection is to be closed.
    pub fn said(&mut self, frame: ToBuyer) -> Result<Answer, End> {
        match frame {
            ToBuyer::Sample(sample) if self.samples.len() < WINDOW_MAX => {
                let body = sample.batch;
                self.samples.push_back(sample);
                Ok(Answer::Look(body))
            }
            ToBuyer::Sample(_) => Err(End::Broken("it sends more samples than were asked for")),
            ToBuyer::Quote(quote) => self.check(quote).map(Answer::Quote),
            ToBuyer::Error(refusal) => Err(End::Refused(refusal)),
            ToBuyer::Welcome(_) | ToBuyer::Chunk(_) | ToBuyer::Key(_) => {
                Err(End::Broken("it answers what was not asked"))
            }
        }
    }

    /// Takes what the ledger says of a body that was looked up: the sealed batch, if the body is
    /// final, proven, and of the offer's stream and device. Gives the sample that waited for it,
    /// with its sequence.
    pub fn found(
        &mut self,
        body: BodyId,
        found: Option<&SealedBatch>,
    ) -> Result<Option<(u64, Chunk)>, End> {
        let at = self.samples.iter().position(|sample| sample.batch == body);
        let Some(sample) = at.and_then(|at| self.samples.remove(at)) else { return Ok(None) };
        let Sample { sequence, key, ciphertext, .. } = sample;
        let refused = |reason| End::NotAsSealed { sequence, reason };
        let batch = found.ok_or(NotAsSealed::NoBatch).map_err(refused)?;
        check_ciphertext(batch, sequence, &ciphertext, self.level).map_err(refused)?;
        let chunk = open(batch, &key, &ciphertext).map_err(|reason| match reason {
            OpenError::WrongKey => End::Broken("the key of a sample is not the one committed to"),
            OpenError::Garbage(_) => End::Broken("the readings of a sample are not those sealed"),
        })?;
        Ok(Some((sequence, chunk)))
    }

    /// Whether samples wait for the ledger.
    pub fn is_waiting(&self) -> bool {
        !self.samples.is_empty()
    }

    /// A quote that differs from the offer on the ledger is a trap.
    fn check(&self, quote: Quote) -> Result<Quote, End> {
        let offer = &self.listing.offer;
        if (quote.offer, quote.price, quote.unit) != (self.listing.id, offer.price, offer.unit) {
            return Err(End::Broken("its quote is not the offer on the ledger"));
        }
        if quote.first > quote.next {
            return Err(End::Broken("its quote makes no sense"));
        }
        Ok(quote)
    }
}
