//! Cheating sellers, and what a buyer loses to them: never more than its exposure.

use weft_core::{
    digest::PayWord,
    market::batch::{SealLevel, ciphertext_digest},
    units::Amount,
};
use weft_market::{
    buyer::{End, Enquiry, Event},
    frame::{Code, Quote, Refusal, SealedChunk, ToBuyer, ToSeller, Welcome},
    seal::{NotAsSealed, OpenError},
    seller,
};

use crate::world::{Shop, Stored, World};

impl World {
    /// A buyer that was greeted by a seller whose place the test then takes.
    fn with_a_false_seller() -> Self {
        let mut world = Self::new(Shop::default());
        world.connect();
        world.run();
        world.seller = None;
        world
    }

    /// The chunk as an honest seller sends it, if it comes right after `paid`.
    fn chunk(&mut self, readings: u16, paid: u32) -> SealedChunk {
        self.publish(readings);
        let (sequence, stored) = self.chunks.last_key_value().unwrap();
        let Stored { listed, ciphertext, .. } = stored;
        let (ticks, batch) = (listed.ticks, listed.batch);
        let end = paid + ticks;
        SealedChunk { sequence: *sequence, ticks, end, batch, ciphertext: ciphertext.clone() }
    }

    fn ending(&self) -> Option<&End> {
        self.events.iter().find_map(|event| match event {
            Event::Ended(end) => Some(end),
            _ => None,
        })
    }

    /// The payment that waits, if any.
    fn payment(&self) -> Option<u32> {
        self.waiting_for_seller().iter().rev().find_map(|frame| match frame {
            ToSeller::Tick(tick) => Some(tick.index),
            _ => None,
        })
    }

    fn refusal(&self) -> Option<Refusal> {
        self.waiting_for_seller().iter().find_map(|frame| match frame {
            ToSeller::Error(refusal) => Some(*refusal),
            _ => None,
        })
    }
}

#[test]
fn silence_after_a_payment_costs_one_chunk_and_no_more() {
    let mut world = World::with_a_false_seller();
    let (first, second) = (world.chunk(3, 0), world.chunk(4, 3));
    world.seller_sends(&ToBuyer::Chunk(first));
    world.seller_sends(&ToBuyer::Chunk(second));
    world.settle_once();
    while world.settle_once() {}
    assert_eq!(world.payment(), Some(3), "the first chunk is paid, the second is not");
    for _ in 0..5 {
        world.wait_secs(11);
        let again = world.waiting_for_seller().iter().any(|f| matches!(f, ToSeller::Again(_)));
        assert!(again, "the key is asked for again");
        world.wait_secs(11);
        world.cut();
        world.tell_buyer(weft_market::buyer::Input::Up { exporter: [4; 32] });
        world.wire.connect();
        let welcome = Welcome { paid: 3, word: PayWord([0; 32]), next: 0 };
        world.seller_sends(&ToBuyer::Welcome(welcome));
    }
    assert_eq!(world.ending(), Some(&End::Silent { lost: Amount(9) }));
    assert_eq!(world.judge.said(), 3);
    assert_eq!(world.delivered(), [0; 0]);
}

#[test]
fn a_wrong_key_ends_it_and_costs_one_chunk() {
    let mut world = World::with_a_false_seller();
    let chunk = world.chunk(3, 0);
    world.seller_sends(&ToBuyer::Chunk(chunk));
    while world.settle_once() {}
    let wrong = world.key(3, 77);
    world.seller_sends(&ToBuyer::Key(wrong));
    let (sequence, reason, lost) = (0, OpenError::WrongKey, Amount(9));
    assert_eq!(world.ending(), Some(&End::Cheated { sequence, reason, lost }));
    assert_eq!(world.refusal(), Some(Refusal::new(Code::WrongKey, 3)));
    let next = world.chunk(1, 3);
    world.seller_sends(&ToBuyer::Chunk(next));
    while world.settle_once() {}
    assert_eq!(world.payment(), Some(3), "nothing more is paid");
}

/// The batch commits to the right key and to a ciphertext that holds nothing.
#[test]
fn garbage_under_the_right_key_ends_it_and_costs_one_chunk() {
    let mut world = World::with_a_false_seller();
    let mut chunk = world.chunk(3, 0);
    let stored = world.chunks.get_mut(&0).unwrap();
    let garbage = vec![0xaa; stored.ciphertext.len()];
    stored.batch.ciphertext = ciphertext_digest(&garbage);
    chunk.ciphertext = garbage.into();
    world.seller_sends(&ToBuyer::Chunk(chunk));
    while world.settle_once() {}
    assert_eq!(world.payment(), Some(3));
    let key = world.key(3, 0);
    world.seller_sends(&ToBuyer::Key(key));
    let ending = world.ending().cloned();
    let Some(End::Cheated { sequence: 0, reason: OpenError::Garbage(_), lost: Amount(9) }) = ending
    else {
        panic!("{ending:?}");
    };
    assert_eq!(world.refusal(), Some(Refusal::new(Code::WrongReadings, 0)));
}

/// What is changed in a chunk, or in what the ledger has of it.
type Bend = fn(&mut World, &mut SealedChunk);

#[test]
fn what_the_ledger_does_not_vouch_for_is_not_paid() {
    let expected = 3;
    let refusals: [(Bend, NotAsSealed); 5] = [
        (|_, chunk| chunk.ciphertext = vec![1; chunk.ciphertext.len()].into(), {
            NotAsSealed::Ciphertext
        }),
        (|_, chunk| (chunk.ticks, chunk.end) = (4, 4), NotAsSealed::Price { expected, actual: 4 }),
        (
            |world, _| world.chunks.get_mut(&0).unwrap().batch.chunk = 8,
            NotAsSealed::OtherChunk { expected: 0, actual: 8 },
        ),
        (
            |world, _| world.chunks.get_mut(&0).unwrap().batch.level = SealLevel::Gateway,
            NotAsSealed::Level { expected: 2, actual: 0 },
        ),
        (|_, chunk| chunk.batch.0[31] ^= 1, NotAsSealed::NoBatch),
    ];
    for (bend, reason) in refusals {
        let mut world = World::with_a_false_seller();
        let mut chunk = world.chunk(3, 0);
        bend(&mut world, &mut chunk);
        world.seller_sends(&ToBuyer::Chunk(chunk));
        for _ in 0..8 {
            while world.settle_once() {}
            world.wait_secs(2);
        }
        assert_eq!(world.ending(), Some(&End::NotAsSealed { sequence: 0, reason }));
        assert_eq!(world.payment(), None, "{reason}");
        assert_eq!(world.refusal(), Some(Refusal::new(Code::NotAsSealed, 0)));
    }
}

#[test]
fn a_seller_cannot_say_that_it_was_paid_more() {
    let mut world = World::new(Shop::default());
    world.connect();
    world.seller = None;
    let welcome = Welcome { paid: 9, word: PayWord([8; 32]), next: 0 };
    world.seller_sends(&ToBuyer::Welcome(welcome));
    assert!(matches!(world.ending(), Some(End::Broken(_))), "{:?}", world.ending());
}

/// The chain shows what the buyer's own disk forgot, and it goes on from there.
#[test]
fn a_buyer_that_lost_its_counter_learns_it_back() {
    let mut world = World::new(Shop::default());
    world.connect();
    world.publish(2);
    world.run();
    world.crash_buyer(true);
    world.kept = weft_market::buyer::Counter::starting_at(0);
    // Its disk is older than what it said: only here, so the judge must not look at it.
    let mut judge = crate::judge::Judge::new(&world.shop);
    core::mem::swap(&mut judge, &mut world.judge);
    world.start_buyer();
    world.connect();
    world.run();
    assert_eq!(world.buyer.as_ref().unwrap().counter().paid, 2);
    world.publish(3);
    world.run();
    assert_eq!(world.buyer.as_ref().unwrap().counter().paid, 5);
    assert_eq!(world.counters.values().next().unwrap().index, 5);
}

#[test]
fn chunks_beyond_what_is_wanted_are_left_out() {
    let mut world = World::with_a_false_seller();
    let mut paid = 0;
    for _ in 0..40 {
        let chunk = world.chunk(1, paid);
        paid = chunk.end;
        world.seller_sends(&ToBuyer::Chunk(chunk));
    }
    assert_eq!(world.looks.len(), 32, "the rest is not held");
    while world.settle_once() {}
    assert_eq!(world.payment(), Some(1), "one chunk at a time");
}

#[test]
fn a_quote_that_differs_from_the_offer_is_refused() {
    let shop = Shop::default();
    let listing = shop.listing();
    let (offer, price, unit) = (listing.id, listing.offer.price, listing.offer.unit);
    let (lasting, grace) = (shop.limits.lasting, shop.limits.grace());
    let quote = Quote { offer, price, unit, first: 2, next: 5, lasting, grace };
    let mut enquiry = Enquiry::new(listing, SealLevel::Gateway);
    assert!(enquiry.said(ToBuyer::Quote(quote)).is_ok());
    let others = [
        Quote { price: Amount(price.0 - 1), ..quote },
        Quote { price: Amount(price.0 + 1), ..quote },
        Quote { unit: weft_core::market::terms::Unit::Chunk, ..quote },
        Quote { offer: crate::world::channel_id(), ..quote },
        Quote { first: 6, ..quote },
    ];
    for other in others {
        assert!(enquiry.said(ToBuyer::Quote(other)).is_err(), "{other:?}");
    }
}

/// A seller that crashes before the sync loses what it was not yet paid on disk, and no more.
#[test]
fn a_crash_before_the_sync_costs_the_seller_nothing_in_the_end() {
    let mut world = World::new(Shop::default());
    world.connect();
    world.publish(4);
    world.deliver_all();
    while world.look() | world.sync_buyer() | world.ledger() | world.deliver_all() {}
    assert_eq!((world.judge.said(), world.counters.len()), (4, 0), "paid, and not on disk");
    world.crash_seller(false);
    world.start_seller();
    world.calm();
    assert_eq!(world.delivered(), [0]);
    assert_eq!(world.counters.values().next().unwrap().index, 4);
    let revenue: Vec<_> = world.seller.as_ref().unwrap().revenue().collect();
    assert_eq!(revenue.len(), 1);
    assert_eq!((revenue[0].paid, revenue[0].worth), (4, Some(Amount(12))));
    world.tell_seller(seller::Input::Stop);
}
