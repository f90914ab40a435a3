//! One value, one byte string: decoders refuse everything else (PROTOCOL.md, preamble).

use std::fmt::Debug;

use proptest::prelude::*;
use weft_core::{
    checkpoint::Checkpoint,
    codec::{Decode, Encode},
    message::Message,
    tx::Transaction,
};

use crate::values::{checkpoint, message, transaction};

/// Encodes and decodes to itself, and neither a prefix nor one more byte is a value.
fn has_one_form<T: Encode + Decode + Debug + PartialEq>(value: &T) {
    let bytes = value.to_bytes();
    assert_eq!(&T::from_bytes(&bytes).unwrap(), value);
    assert_eq!(&T::from_shared(&bytes.clone().into()).unwrap(), value);
    for length in 0..bytes.len() {
        assert!(T::from_bytes(&bytes[..length]).is_err(), "cut to {length} of {}", bytes.len());
    }
    for more in [0, 1, 0xff] {
        let longer = [&bytes[..], &[more]].concat();
        assert!(T::from_bytes(&longer).is_err(), "with {more} at its end");
    }
}

/// Whatever one byte is changed to, what decodes is another value with just these bytes.
fn no_two_forms<T: Encode + Decode + Debug + PartialEq>(value: &T, at: usize, byte: u8) {
    let mut bytes = value.to_bytes();
    let at = at % bytes.len();
    let before = std::mem::replace(&mut bytes[at], byte);
    if let Ok(other) = T::from_bytes(&bytes) {
        assert_eq!(other.to_bytes(), bytes);
        assert_eq!(other == *value, byte == before, "byte {at}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_transaction_has_one_form(tx in transaction()) {
        has_one_form(&tx);
    }

    #[test]
    fn a_checkpoint_has_one_form(checkpoint in checkpoint()) {
        has_one_form(&checkpoint);
    }

    #[test]
    fn a_message_has_one_form(message in message()) {
        match &message {
            // The rest of the frame, whatever it is; not decoded here.
            Message::Transaction(_) | Message::Checkpoint(_) | Message::Part(_) => {
                assert_eq!(Message::from_bytes(&message.to_bytes()).unwrap(), message);
            }
            _ => has_one_form(&message),
        }
    }

    #[test]
    fn no_value_has_two_forms(
        tx in transaction(),
        message in message(),
        checkpoint in checkpoint(),
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 200),
    ) {
        // Most fields lie at the front.
        for (at, byte) in changes {
            no_two_forms::<Transaction>(&tx, at % 400, byte);
            no_two_forms::<Checkpoint>(&checkpoint, at % 400, byte);
            no_two_forms::<Message>(&message, at, byte);
        }
    }
}

/// `[second, first]`, `[first, first]`: refused; `[zero, zero]`: the anchor's commit alone.
#[test]
fn parents_stand_in_order() {
    let tx = crate::golden::reading();
    let mut bytes = tx.to_bytes();
    let (first, second) = (bytes[..32].to_vec(), bytes[32..64].to_vec());
    bytes[..64].copy_from_slice(&[second.clone(), first.clone()].concat());
    assert!(Transaction::from_bytes(&bytes).is_err(), "descending");
    bytes[..64].copy_from_slice(&[first.clone(), first].concat());
    assert!(Transaction::from_bytes(&bytes).is_err(), "equal");
    bytes[..64].fill(0);
    assert!(Transaction::from_bytes(&bytes).is_ok(), "both zero");
}
