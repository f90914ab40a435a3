//! What goes back by itself, when, in which order, and how much of it at once.

use alloc::vec::Vec;

use super::{
    super::Moment,
    Table,
    market::{HOUR, claim, claims, offer, terms, tops_up, withdraws},
    pair::{Pair, body, data},
};
use crate::{
    machine::{Archive, ledger::market::forget},
    market::{objects::Ending, terms::DUE_AT_ONCE},
    outcome::Outcome,
    time::{Span, Time},
    tx::{ChannelOpen, Payload},
    units::{Amount, CommitIndex},
};

const GRACE: u64 = 60_000;

/// A claim counts at the last instant, and a millisecond later the rest is back, before the bodies.
#[test]
fn a_claim_counts_until_its_time_is_over() {
    let due = HOUR + GRACE;
    for (late, outcome, balances) in
        [(0, Outcome::Applied, [318, 400]), (1, Outcome::NoChannel, [310, 490])]
    {
        let mut pair = Pair::new(&[300, 500, 0]);
        let (_, id) = pair.opened(100);
        assert_eq!(pair.execute(3, &body(2, 0, claims(id, claim(2, 5))), true), Outcome::Applied);
        assert_eq!(pair.execute(HOUR + 1, &body(2, 1, data()), true), Outcome::Applied);
        assert_eq!(pair.balance(0), Some(310), "the bond is back when the offer expires");
        assert_eq!(pair.execute(due + late, &body(2, 2, claims(id, claim(2, 9))), true), outcome);
        assert_eq!([pair.balance(0), pair.balance(1)], balances.map(Some));
        pair.compare();
    }
}

#[test]
fn who_withdraws_waits_a_day_and_the_grace() {
    let mut pair = Pair::new(&[300, 500, 0]);
    let (_, id) = pair.opened(100);
    let longer = tops_up(id, 0, 90 * 24 * HOUR);
    assert_eq!(pair.execute(3, &body(1, 1, longer), true), Outcome::Applied);
    assert_eq!(pair.execute(10, &body(1, 2, withdraws(id)), true), Outcome::Applied);
    // Said again, it moves nothing.
    assert_eq!(pair.execute(20, &body(1, 3, withdraws(id)), true), Outcome::Applied);
    let last = 10 + 24 * HOUR + GRACE;
    assert_eq!(pair.execute(last, &body(2, 0, claims(id, claim(2, 5))), true), Outcome::Applied);
    assert_eq!(pair.balance(1), Some(400));
    assert_eq!(pair.execute(last + 1, &body(2, 1, data()), true), Outcome::Applied);
    assert_eq!(pair.balance(1), Some(490));
    pair.compare();
}

/// How a channel ended is told as long as the commit is kept that ended it.
#[test]
fn an_end_is_remembered_with_its_commit() {
    let mut pair = Pair::new(&[300, 500, 0]);
    let (_, id) = pair.opened(100);
    let index = CommitIndex(77);
    pair.settle(Moment { index, time: Time::from_millis(2 * HOUR) });
    pair.shelf.flush();
    let archive = Archive::new(&pair.shelf.written);
    let end = archive.settlement(&id).unwrap();
    assert_eq!((end.index, end.ending, end.channel.rest()), (index, Ending::Expired, Amount(100)));
    for (other, is_kept) in [(CommitIndex(76), true), (CommitIndex(78), true), (index, false)] {
        forget(other, &mut pair.shelf.tables());
        pair.shelf.flush();
        assert_eq!(Archive::new(&pair.shelf.written).settlement(&id).is_some(), is_kept);
    }
    assert!(pair.shelf.all(Table::Settling).is_empty());
}

/// More than one record may settle: those that were due first, by id where they were due together.
/// The rest answers like what is gone until its turn comes.
#[test]
fn at_most_so_many_at_once_in_the_order_of_their_time() {
    const MORE: usize = 6;
    let mut pair = Pair::new(&[300, 100_000, 0]);
    let listed = body(0, 0, offer("s", 2, 9 * HOUR));
    assert_eq!(pair.execute(1, &listed, true), Outcome::Applied);
    let mut due = Vec::new();
    for number in 0..(DUE_AT_ONCE + MORE) as u64 {
        let open = ChannelOpen {
            expiry: Time::from_millis(HOUR + number % 2),
            grace: Span::from_millis(GRACE),
            ..terms(listed.id(), 0, 2, 10)
        };
        let open = body(1, number, Payload::ChannelOpen(open));
        due.push((number % 2, open.id()));
        let at = Moment { index: CommitIndex(number + 2), time: Time::from_millis(2) };
        let tx = super::super::Executed {
            id: crate::digest::TxId(open.id().0),
            body_id: open.id(),
            body: &open,
            anchor_ok: true,
        };
        assert_eq!(pair.ledger.execute(at, tx, &mut pair.shelf.tables()), Outcome::Applied);
        assert_eq!(pair.naive.execute(at.time, &open, true), Outcome::Applied);
        if number % 100 == 0 {
            pair.shelf.flush();
        }
    }
    due.sort_unstable();
    let at = |index| Moment { index: CommitIndex(index), time: Time::from_millis(2 * HOUR) };
    pair.settle(at(5_000));
    pair.compare();
    let ended = |pair: &Pair| {
        let archive = Archive::new(&pair.shelf.written);
        due.iter().take_while(|(_, id)| archive.settlement(id).is_some()).count()
    };
    assert_eq!(ended(&pair), DUE_AT_ONCE);
    let (_, last) = due.last().unwrap();
    let late = body(2, 0, claims(*last, claim(2, 5)));
    let tx = super::super::Executed {
        id: crate::digest::TxId([9; 32]),
        body_id: late.id(),
        body: &late,
        anchor_ok: true,
    };
    let outcome = pair.ledger.execute(at(5_000), tx, &mut pair.shelf.tables());
    assert_eq!(outcome, Outcome::NoChannel);
    assert_eq!(pair.naive.execute(at(5_000).time, &late, true), outcome);
    pair.settle(at(5_001));
    pair.compare();
    assert_eq!(ended(&pair), DUE_AT_ONCE + MORE);
    assert_eq!([pair.balance(0), pair.balance(1)], [Some(200), Some(100_000)]);
}
