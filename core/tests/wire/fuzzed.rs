//! The fuzz bodies over what a fuzzer would begin with.

use proptest::{collection::vec, prelude::*};
use weft_core::{
    admit::{Candidate, Rules},
    codec::Encode as _,
    fuzz::{BODIES, genesis},
};

use crate::{
    golden::samples,
    values::{message, transaction},
};

fn all(data: &[u8]) {
    for (_, body) in BODIES {
        body(data);
    }
}

#[test]
fn golden_bytes_and_every_byte_of_them_bent() {
    for (_, bytes) in samples() {
        all(&bytes);
        for at in 0..bytes.len().min(400) {
            for bent in [bytes[at] ^ 1, bytes[at] ^ 0x80, 0, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] = bent;
                all(&bytes);
            }
        }
    }
}

#[test]
fn addresses() {
    for text in [
        "",
        "weft1",
        "tweft1qqqq",
        "weft1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq",
        "WEFT1ZYG3ZYG3ZYG3ZYG3ZYG3ZYG3ZYG3ZYG3ZYG3ZYG3ZYG3ZYG3ZYGSXWL5Y4",
    ] {
        all(text.as_bytes());
    }
    for (_, bytes) in samples().into_iter().filter(|(name, _)| name.starts_with("address")) {
        all(&bytes);
        all(&bytes.to_ascii_uppercase());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Of this network, so that all checks but the last are passed.
    #[test]
    fn what_is_admitted_and_its_like(
        tx in transaction(),
        bends in vec((0_usize..400, any::<u8>()), 0..4),
    ) {
        let mut tx = tx;
        tx.body.network = genesis().network();
        tx.attachment.anchor = genesis().commit();
        let mut bytes = tx.to_bytes();
        if !tx.body.sequence.registers() {
            Candidate::parse(bytes.clone().into(), &Rules::new(&genesis())).unwrap();
        }
        all(&bytes);
        for (at, byte) in bends {
            bytes[at] = byte;
            all(&bytes);
        }
    }

    #[test]
    fn random_bytes(data in vec(any::<u8>(), 0..600)) {
        all(&data);
    }

    #[test]
    fn bent_values(
        tx in transaction(),
        message in message(),
        bends in vec((any::<usize>(), any::<u8>()), 0..4),
        cut in any::<usize>(),
    ) {
        for mut bytes in [tx.to_bytes(), message.to_bytes()] {
            for (at, byte) in &bends {
                let at = at % bytes.len();
                bytes[at] = *byte;
            }
            all(&bytes);
            bytes.truncate(cut % bytes.len());
            all(&bytes);
        }
    }
}
