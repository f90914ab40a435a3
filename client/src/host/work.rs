//! The search for work on all cores.
//!
//! Invariant: blocks the calling thread until a nonce is found; call it where that is allowed.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::atomic::{AtomicBool, Ordering},
};

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use weft_core::tx::{SealedBody, Transaction};

use crate::{Attacher, Place};

/// Tries between two looks at whether another core was faster: about 50 microseconds.
const STEP: u32 = 256;

/// Most cores that search for one nonce; more would need more than a byte of lanes.
const LANES_MAX: usize = 64;

/// Hangs `sealed` at `place`, searching on every thread of the rayon pool. 12 bits take less than a
/// millisecond, a registration on such a network (22 bits) a second or so.
pub fn attach_on_all_cores(sealed: SealedBody, place: Place) -> Transaction {
    let attacher = Attacher::new(sealed, place, draw());
    let lanes = u8::try_from(rayon::current_num_threads().clamp(1, LANES_MAX)).unwrap_or(1);
    let found = AtomicBool::new(false);
    loop {
        let nonce = (0..lanes).into_par_iter().find_map_any(|lane| {
            let mut search = attacher.search(lane);
            while !found.load(Ordering::Relaxed) {
                if let Some(nonce) = search.step(STEP) {
                    found.store(true, Ordering::Relaxed);
                    return Some(nonce);
                }
            }
            None
        });
        // Nobody stops before somebody found one, so the first turn is the last.
        if let Some(nonce) = nonce {
            return attacher.finish(nonce);
        }
    }
}

/// A number that differs from call to call: enough to spread nonces and to choose among tips. Not
/// for keys.
pub(super) fn draw() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use weft_core::{
        address::Address,
        digest::TxId,
        keys::{HostKey, Scheme, Sign as _},
        pow::trailing_zero_bits,
        tx::{CommitRef, ContentType, NetworkId},
        units::Sequence,
    };

    use super::*;
    use crate::Builder;

    #[test]
    fn many_cores_find_what_one_would_accept() {
        let key = HostKey::from_seed(Scheme::MlDsa44, &[1; 32]).unwrap();
        let builder = Builder::new(NetworkId([0; 4]), Address::of(key.public_key().id()));
        let place = Place { parents: [TxId::ZERO; 2], anchor: CommitRef::NONE, work_bits: 10 };
        for sequence in 1..20 {
            let draft = builder.reading(Sequence(sequence), "a", ContentType::RAW, b"x").unwrap();
            let tx = attach_on_all_cores(draft.seal(&key).unwrap(), place);
            assert!(trailing_zero_bits(&tx.id()) >= 10);
        }
    }
}
