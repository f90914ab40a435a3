//! From a sealed body to a transaction: two parents, an anchor, and the work in bounded steps.
//!
//! Invariant: a transaction that comes out has the work of [`Attacher::required_bits`], and its
//! body and seal are the ones that went in, byte for byte.
//!
//! Left out on purpose: where tips come from, and threads. A device takes [`Attacher::step`]s; a
//! host spreads [`Attacher::search`]es over its cores and hands the nonce to [`Attacher::finish`].

use weft_core::{
    pow::Search,
    tx::{SealedBody, Transaction},
};

use crate::{Place, tiny::Work};

/// Hangs one sealed body into the Tangle.
pub struct Attacher {
    sealed: SealedBody,
    work: Work,
}

impl Attacher {
    /// Hangs `sealed` at `place`. The search begins at the nonce `start`: any number will do, a
    /// random one where several may attach the same body at the same place.
    pub fn new(sealed: SealedBody, place: Place, start: u64) -> Self {
        let body = &sealed.body;
        let (id, content_bytes) = (body.id(), body.payload.content_bytes());
        let work = Work::of(id, content_bytes, body.sequence.registers(), place, start);
        Self { sealed, work }
    }

    /// Zero bits of work that this body has to show there. About two to that power tries find it.
    pub const fn required_bits(&self) -> u8 {
        self.work.required_bits()
    }

    /// Tries the next `tries` nonces, one BLAKE2s compression each. The transaction comes out once:
    /// steps after it look for another nonce and so for a second attachment of the same body.
    pub fn step(&mut self, tries: u32) -> Option<Transaction> {
        let attachment = self.work.step(tries)?;
        Some(self.sealed.clone().attach(attachment))
    }

    /// A search of its own for the same work; see [`Work::search`].
    pub fn search(&self, lane: u8) -> Search {
        self.work.search(lane)
    }

    /// The transaction with a nonce that one of the searches found.
    pub fn finish(self, nonce: u64) -> Transaction {
        self.sealed.attach(self.work.with(nonce))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use weft_core::{
        address::Address,
        admit::{Refusal, Rules, admit},
        codec::Encode as _,
        digest::TxId,
        genesis::Genesis,
        keys::{DeviceKey, DeviceVerifier, Scheme, Sign as _},
        params::Params,
        pow::trailing_zero_bits,
        tx::ContentType,
        units::Sequence,
    };

    use super::*;
    use crate::Builder;

    const WORK_BITS: u8 = 3;

    fn genesis() -> Genesis {
        Genesis::without_finality("attach", Params { work_bits: WORK_BITS, ..Params::dev() })
    }

    fn sealed(key: &DeviceKey, sequence: u64, length: usize) -> SealedBody {
        let builder = Builder::new(genesis().network(), Address::of(key.public_key().id()));
        let bytes = vec![0; length];
        let draft = builder.reading(Sequence(sequence), "a", ContentType::RAW, bytes);
        draft.unwrap().seal(key).unwrap()
    }

    fn place(parents: [u8; 2]) -> Place {
        let parents = parents.map(|byte| TxId([byte; 32]));
        Place { parents, anchor: genesis().commit(), work_bits: WORK_BITS }
    }

    fn key() -> DeviceKey {
        DeviceKey::from_seed(Scheme::MlDsa44, &[1; 32]).unwrap()
    }

    #[test]
    fn what_comes_out_is_admitted_and_holds_the_sealed_body() {
        let key = key();
        let rules = Rules::new(&genesis());
        for (sequence, length, bits) in [(1, 0, 3), (1, 1_100, 4), (1, 24_000, 8), (0, 0, 13)] {
            let sealed = sealed(&key, sequence, length);
            // Parents out of order: it is the attachment's business to sort them.
            let mut attacher = Attacher::new(sealed.clone(), place([9, 4]), 0xfeed);
            assert_eq!(attacher.required_bits(), bits);
            let tx = (0..).find_map(|_| attacher.step(64)).unwrap();
            assert!(trailing_zero_bits(&tx.id()) >= bits);
            assert_eq!(tx.attachment.parents, [TxId([4; 32]), TxId([9; 32])]);
            assert_eq!((&tx.body, &tx.seal), (&sealed.body, &sealed.seal));

            let known = |_| Some(key.public_key().clone());
            let verified = admit(tx.to_bytes().into(), &rules, known, &DeviceVerifier);
            assert_eq!(verified.unwrap().unwrap().sealed_body(), sealed.to_bytes());
        }
    }

    #[test]
    fn a_nonce_of_any_lane_does() {
        let sealed = sealed(&key(), 1, 0);
        let mut nonces = BTreeSet::new();
        for lane in [0, 1, 7, 255] {
            let attacher = Attacher::new(sealed.clone(), place([1, 2]), u64::MAX);
            let nonce = attacher.search(lane).step(u32::MAX).unwrap();
            assert!(trailing_zero_bits(&attacher.finish(nonce).id()) >= WORK_BITS);
            assert!(nonces.insert(nonce), "no two lanes try the same nonce");
        }
    }

    #[test]
    fn a_step_is_bounded_and_the_next_goes_on_where_it_ended() {
        let sealed = sealed(&key(), 1, 0);
        let mut whole = Attacher::new(sealed.clone(), place([1, 2]), 5);
        let mut pieces = Attacher::new(sealed, place([1, 2]), 5);
        assert_eq!(pieces.step(0), None);
        let expected = whole.step(u32::MAX);
        assert_eq!((0..).find_map(|_| pieces.step(1)), expected);
    }

    #[test]
    fn too_little_work_would_be_refused() {
        let tx = Attacher::new(sealed(&key(), 0, 0), place([1, 2]), 0).finish(0);
        let refusal =
            admit(tx.to_bytes().into(), &Rules::new(&genesis()), |_| None, &DeviceVerifier);
        assert!(matches!(refusal, Err(Refusal::Work { expected: 13, .. })));
    }
}
