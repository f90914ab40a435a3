//! Any bodies in any order: the same outcomes as in the naive ledger, and no value made or lost.

use alloc::{
    collections::BTreeMap,
    string::String,
    vec::{self, Vec},
};

use proptest::{collection::vec, prelude::*};

use super::{
    super::{Ledger, fill_positions},
    Table,
    pair::{Pair, address, body, data, key, pays, rotates},
};
use crate::{
    codec::Decode as _,
    digest::KeyId,
    object::ObjectKey,
    outcome::Outcome,
    time::Time,
    tx::{Body, Payload},
    units::{Amount, Sequence},
};

fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![
        1 => Just(data()),
        4 => vec((0_u8..8, 1_u64..40), 1..6).prop_map(|outputs| pays(&outputs)),
        1 => prop_oneof![0_u8..4, 100_u8..104].prop_map(rotates),
    ]
}

#[derive(Clone, Debug)]
struct Turn {
    body: Body,
    /// Signed by the key in force, or by the one named.
    signer: Option<Option<u8>>,
    anchor_ok: bool,
}

/// Few issuers and few sequences, so that they meet.
fn turn() -> impl Strategy<Value = Turn> {
    let sequence = prop_oneof![8 => 0_u64..12, 1 => 0_u64..2_000];
    let expires = prop_oneof![6 => Just(0), 1 => 0_u64..400];
    let signer = prop_oneof![
        8 => Just(None),
        1 => prop_oneof![Just(None), (100_u8..104).prop_map(Some)].prop_map(Some),
    ];
    let anchor = prop::bool::weighted(0.95);
    (0_u8..6, sequence, payload(), expires, signer, anchor).prop_map(
        |(issuer, sequence, payload, expires, signer, anchor_ok)| {
            let expires = Time::from_millis(expires);
            let body = Body { expires, ..body(issuer, sequence, payload) };
            Turn { body, signer, anchor_ok }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn outcomes_and_accounts_are_those_of_the_naive_ledger(
        balances in vec(0_u64..300, 3),
        turns in vec(turn(), 0..120),
        flush in 1_usize..40,
    ) {
        let mut pair = Pair::new(&balances);
        for (at, Turn { body, signer, anchor_ok }) in turns.into_iter().enumerate() {
            let body = match signer {
                None => pair.signed(body),
                Some(other) => Body { signer: other.map(|other| key(other).id()), ..body },
            };
            pair.execute(3 * at as u64, &body, anchor_ok);
            if at % flush == 0 {
                pair.shelf.flush();
            }
        }
        pair.compare();
    }

    #[test]
    fn each_issuer_fills_its_own_places_in_sequence(
        order in vec((0_u8..4, 0_u64..6), 0..40),
    ) {
        let numbered: Vec<_> = order.iter().copied().enumerate().collect();
        let filled = fill_positions(numbered.clone(), |(_, (issuer, sequence))| {
            (address(*issuer), Sequence(*sequence))
        });
        // Each issuer's places, and what a stable sort of its bodies puts there.
        let mut expected: BTreeMap<u8, vec::IntoIter<_>> = (0..4)
            .map(|issuer| {
                let own = numbered.iter().copied().filter(|(_, (other, _))| *other == issuer);
                let mut own: Vec<_> = own.collect();
                own.sort_by_key(|(_, (_, sequence))| *sequence);
                (issuer, own.into_iter())
            })
            .collect();
        let expected: Vec<_> =
            order.iter().filter_map(|(issuer, _)| expected.get_mut(issuer)?.next()).collect();
        prop_assert_eq!(filled, expected);
    }
}

#[test]
fn checks_come_in_their_order() {
    let mut pair = Pair::new(&[100]);
    // Everything is wrong; each line mends what the line before found.
    let mut body = Body {
        signer: Some(KeyId([9; 32])),
        expires: Time::from_millis(5),
        ..body(1, 3, pays(&[(2, 101), (3, 9)]))
    };
    assert_eq!(pair.execute(5, &body, false), Outcome::BadAnchor);
    assert_eq!(pair.execute(5, &body, true), Outcome::NoAccount);
    body.issuer = address(0);
    assert_eq!(pair.execute(5, &body, true), Outcome::BadKey);
    body.signer = None;
    assert_eq!(pair.execute(5, &body, true), Outcome::Expired);
    assert_eq!(pair.execute(4, &body, true), Outcome::Insufficient);
    assert_eq!(pair.execute(4, &body, true), Outcome::SeqUsed);
    body.sequence = Sequence(4);
    body.payload = pays(&[(2, 10), (3, 9)]);
    assert_eq!(pair.execute(4, &body, true), Outcome::Dust);
    body.sequence = Sequence(5);
    body.payload = pays(&[(2, 10), (2, 9)]);
    assert_eq!(pair.execute(4, &body, true), Outcome::Applied);
    assert_eq!([pair.balance(0), pair.balance(2), pair.balance(3)], [Some(81), Some(19), None]);
    pair.compare();
}

#[test]
fn what_an_expired_or_badly_attached_registration_leaves_is_nothing() {
    let mut pair = Pair::new(&[]);
    let late = Body { expires: Time::from_millis(1), ..body(1, 0, data()) };
    assert_eq!(pair.execute(1, &late, true), Outcome::Expired);
    assert_eq!(pair.execute(0, &late, false), Outcome::BadAnchor);
    assert_eq!(pair.balance(1), None);
    assert_eq!(pair.execute(0, &late, true), Outcome::Applied);
    assert_eq!(pair.balance(1), Some(0));
}

#[test]
fn the_first_of_two_bodies_with_one_sequence_takes_effect() {
    let mut pair = Pair::new(&[100]);
    assert_eq!(pair.execute(0, &body(0, 7, pays(&[(1, 80)])), true), Outcome::Applied);
    assert_eq!(pair.execute(0, &body(0, 7, pays(&[(2, 80)])), true), Outcome::SeqUsed);
    assert_eq!(pair.execute(0, &body(0, 6, pays(&[(2, 80)])), true), Outcome::Insufficient);
    assert_eq!([pair.balance(0), pair.balance(1), pair.balance(2)], [Some(20), Some(80), None]);
}

/// An output to oneself moves nothing, and pays for nothing.
#[test]
fn outputs_to_oneself_and_to_one_account_twice() {
    let mut pair = Pair::new(&[100, 0]);
    assert_eq!(pair.execute(0, &body(0, 0, pays(&[(0, 100)])), true), Outcome::Applied);
    assert_eq!(pair.balance(0), Some(100));
    let twice = pays(&[(0, 60), (1, 41)]);
    assert_eq!(pair.execute(0, &body(0, 1, twice), true), Outcome::Insufficient);
    let thrice = pays(&[(1, 1), (0, 7), (1, 2), (1, 3)]);
    assert_eq!(pair.execute(0, &body(0, 2, thrice), true), Outcome::Applied);
    assert_eq!([pair.balance(0), pair.balance(1)], [Some(94), Some(6)]);
}

#[test]
fn a_rotated_account_speaks_with_its_new_key_and_can_go_back() {
    let mut pair = Pair::new(&[100]);
    let by = |signer: Option<u8>, sequence, payload| Body {
        signer: signer.map(|signer| key(signer).id()),
        ..body(0, sequence, payload)
    };
    assert_eq!(pair.execute(0, &by(None, 1, rotates(100)), true), Outcome::Applied);
    assert_eq!(pair.execute(0, &by(None, 2, data()), true), Outcome::BadKey);
    assert_eq!(pair.execute(0, &by(Some(100), 2, data()), true), Outcome::Applied);
    assert_eq!(pair.execute(0, &by(Some(100), 3, rotates(0)), true), Outcome::Applied);
    assert_eq!(pair.execute(0, &by(Some(100), 4, data()), true), Outcome::BadKey);
    assert_eq!(pair.execute(0, &by(None, 4, data()), true), Outcome::Applied);
}

/// The root names every account; its proof leads there with the account's bytes.
#[test]
fn a_proof_shows_an_account() {
    let mut pair = Pair::new(&[100, 50]);
    let root = Ledger::state_root(&mut pair.shelf.tables());
    let key = ObjectKey::account(&address(1));
    let shown = pair.shelf.tables().bytes(Table::Object, &key.0).unwrap();
    let proof = Ledger::prove(&key, &pair.shelf.tables()).unwrap();
    assert!(proof.verify(&root, &key, &shown));
    let object = crate::object::Object::from_bytes(&shown).unwrap();
    let says = crate::object::Object::Account(crate::account::Account::opened(Amount(50)));
    assert_eq!(object, says);
    pair.execute(0, &body(0, 0, pays(&[(1, 1)])), true);
    assert!(Ledger::prove(&key, &pair.shelf.tables()).is_none());
    assert_ne!(Ledger::state_root(&mut pair.shelf.tables()), root);
}

#[test]
fn bodies_out_of_turn_change_places() {
    let order = ["a2", "b5", "a0", "c1", "a1", "b5'"];
    let filled = fill_positions(order.to_vec(), |name| {
        let bytes = name.as_bytes();
        (address(bytes[0]), Sequence(bytes[1].into()))
    });
    assert_eq!(filled, ["a0", "b5", "a1", "c1", "a2", "b5'"].map(String::from));
}
