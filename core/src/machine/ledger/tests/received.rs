//! The index of receivers: who was paid, in which order, and nobody else.

use alloc::vec::Vec;

use super::{
    super::received::{forget, note, received},
    Shelf, Table,
    pair::{address, body, data, pays},
};
use crate::{
    commit::Leaf,
    digest::{BodyId, TxId},
    machine::chain::Place,
    outcome::Outcome,
    tx::{Body, Payload},
    units::CommitIndex,
};

fn place(index: u64, number: u32) -> Place {
    Place { index: CommitIndex(index), number }
}

/// What a commit ordered, and what became of it.
fn ordered(place: Place, payload: Payload, outcome: Outcome) -> (Place, Leaf, Body) {
    let [low, ..] = place.number.to_le_bytes();
    let (tx, one) = ([low; 32], [low; 32]);
    (place, Leaf { tx: TxId(tx), body: BodyId(one), outcome }, body(0, 0, payload))
}

fn shelf(all: &[(Place, Leaf, Body)]) -> Shelf {
    let mut shelf = Shelf::default();
    for (place, leaf, body) in all {
        note(*place, leaf, body, &mut shelf.tables());
    }
    shelf.flush();
    shelf
}

fn places(account: u8, from: Place, limit: usize, shelf: &Shelf) -> Vec<Place> {
    let found = received(&address(account), from, limit, &shelf.written);
    found.into_iter().map(|(place, _)| place).collect()
}

#[test]
fn transfers_are_found_by_receiver_in_the_order_of_the_ledger() {
    let all = [
        ordered(place(256, 0), pays(&[(1, 5), (2, 7), (1, 6)]), Outcome::Applied),
        ordered(place(255, 9), pays(&[(1, 5)]), Outcome::Applied),
        ordered(place(255, 10), pays(&[(1, 5)]), Outcome::Insufficient),
        ordered(place(256, 300), pays(&[(1, 1)]), Outcome::Applied),
        ordered(place(257, 0), data(), Outcome::Applied),
    ];
    let mut shelf = shelf(&all);
    let start = place(0, 0);
    let to_one = [place(255, 9), place(256, 0), place(256, 300)];
    assert_eq!(places(1, start, 10, &shelf), to_one);
    assert_eq!(places(1, start, 2, &shelf), to_one[..2]);
    assert_eq!(places(1, place(256, 1), 10, &shelf), to_one[2..]);
    assert_eq!(places(2, start, 10, &shelf), [place(256, 0)]);
    assert_eq!(places(0, start, 10, &shelf), [], "who pays receives nothing");

    for (place, leaf, body) in &all {
        forget(*place, leaf, body, &mut shelf.tables());
    }
    shelf.flush();
    assert_eq!(shelf.all(Table::Received), []);
}
