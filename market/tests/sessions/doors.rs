//! Limits, questions, samples, and refusals with their reasons.

use weft_core::{
    market::{batch::SealLevel, chain::Salt},
    time::{Span, Time},
    units::Amount,
};
use weft_market::{
    buyer::{Answer, End, Enquiry, Event, Exposure},
    frame::{Ask, Code, Refusal, Tick, ToBuyer, ToSeller},
    seller::{self, Connection, Limits},
};

use crate::world::{Shop, World, buyer_key, channel_id};

fn ask(sample: bool) -> ToSeller {
    ToSeller::Ask(Ask { offer: Shop::default().listing().id, sample })
}

#[test]
fn a_quote_is_the_offer_on_the_ledger() {
    let mut world = World::new(Shop::default());
    world.buyer = None;
    world.publish(1);
    world.publish(1);
    world.tell_seller(seller::Input::Dropped { below: 1 });
    world.call();
    world.buyer_sends(&ask(false));
    let [ToBuyer::Quote(quote)] = world.waiting_for_buyer()[..] else { panic!("no quote") };
    let mut enquiry = Enquiry::new(world.shop.listing(), SealLevel::Gateway);
    assert_eq!(enquiry.said(ToBuyer::Quote(quote)), Ok(Answer::Quote(quote)));
    assert_eq!((quote.first, quote.next), (1, 2));
    assert_eq!(quote.grace, Span::from_secs(20 * 60));
    world.buyer_sends(&ToSeller::Ask(Ask { offer: channel_id(), sample: false }));
    assert_eq!(world.told(), Some(Refusal::new(Code::NoSuchOffer, 0)));
    for _ in 0..15 {
        world.buyer_sends(&ask(false));
    }
    assert_eq!(world.told().map(|refusal| refusal.code), Some(Code::Busy));
}

/// Four readings, a minute old: the newest chunks that fit.
#[test]
fn samples_are_late_few_and_proven() {
    let mut world = World::new(Shop::default());
    world.buyer = None;
    for readings in [1, 2, 1, 1, 1] {
        world.publish(readings);
        world.wait_secs(20);
    }
    world.call();
    world.buyer_sends(&ask(true));
    world.buyer_sends(&ask(true));
    let mut enquiry = Enquiry::new(world.shop.listing(), SealLevel::Batch);
    let mut samples = Vec::new();
    let frames = world.waiting_for_buyer();
    for frame in &frames {
        if let Answer::Look(body) = enquiry.said(frame.clone()).unwrap() {
            let stored = world.chunks.values().find(|one| one.listed.batch == body).unwrap();
            let (sequence, chunk) = enquiry.found(body, Some(&stored.batch)).unwrap().unwrap();
            assert_eq!(chunk, stored.chunk);
            samples.push(sequence);
        }
    }
    assert_eq!(samples, [0, 1, 2], "of the five the last two are too young");
    assert!(!enquiry.is_waiting());
    let quotes = frames.iter().filter(|frame| matches!(frame, ToBuyer::Quote(_))).count();
    assert_eq!((quotes, frames.len()), (2, 5), "samples once, quotes twice");
}

#[test]
fn a_sample_that_is_not_as_sealed_is_refused() {
    let mut world = World::new(Shop::default());
    world.buyer = None;
    world.publish(1);
    world.wait_secs(61);
    world.call();
    world.buyer_sends(&ask(true));
    let Some(ToBuyer::Sample(sample)) = world.waiting_for_buyer().first().cloned() else {
        panic!("no sample");
    };
    let batch = world.chunks[&0].batch.clone();
    let judge = |bend: &dyn Fn(&mut weft_market::frame::Sample), level, found| {
        let mut enquiry = Enquiry::new(Shop::default().listing(), level);
        let mut bent = sample.clone();
        bend(&mut bent);
        let body = bent.batch;
        assert_eq!(enquiry.said(ToBuyer::Sample(bent)), Ok(Answer::Look(body)));
        enquiry.found(body, found).is_ok()
    };
    assert!(judge(&|_| {}, SealLevel::Batch, Some(&batch)));
    assert!(!judge(&|_| {}, SealLevel::Batch, None));
    assert!(!judge(&|_| {}, SealLevel::Message, Some(&batch)));
    assert!(!judge(&|sample| sample.key[0] ^= 1, SealLevel::Batch, Some(&batch)));
    assert!(!judge(&|sample| sample.sequence = 1, SealLevel::Batch, Some(&batch)));
    let nothing = |sample: &mut weft_market::frame::Sample| {
        sample.ciphertext = crate::world::NOTHING;
    };
    assert!(!judge(&nothing, SealLevel::Batch, Some(&batch)));
}

/// What is changed in a world.
type Bend = fn(&mut World);

#[test]
fn a_channel_on_other_terms_is_refused_with_the_reason() {
    let shop = Shop::default();
    let lasting = 1_000_000 + shop.limits.lasting.as_millis();
    let cases: [(Bend, Refusal); 6] = [
        (|world| world.channel = None, Refusal::until(Code::NoSuchChannel, 0, Span::from_secs(5))),
        (
            |world| world.channel.as_mut().unwrap().terms.offer = channel_id(),
            Refusal::new(Code::OtherTerms, 0),
        ),
        (
            |world| {
                let other = weft_core::address::Address::of(crate::world::STRANGER);
                world.channel.as_mut().unwrap().terms.payee = other;
            },
            Refusal::new(Code::OtherTerms, 0),
        ),
        (
            |world| world.channel.as_mut().unwrap().terms.price = Amount(2),
            Refusal::new(Code::WrongPrice, 3),
        ),
        (
            |world| world.channel.as_mut().unwrap().terms.grace = Span::from_secs(1_199),
            Refusal::new(Code::Expiring, 1_200_000),
        ),
        (
            |world| {
                let soon = Time::from_millis(1_000_000) + Span::from_secs(15 * 60 - 1);
                world.channel.as_mut().unwrap().terms.expiry = soon;
            },
            Refusal::new(Code::Expiring, lasting),
        ),
    ];
    for (bend, refusal) in cases {
        let mut world = World::new(shop);
        world.buyer = None;
        bend(&mut world);
        world.greet(&buyer_key(), |_| {});
        assert_eq!((world.told(), world.is_welcome()), (Some(refusal), false));
        assert_eq!(world.seller.as_ref().unwrap().connections(), 0);
    }
    let mut world = World::new(shop);
    world.buyer = None;
    world.channel.as_mut().unwrap().terms.salt = Salt([0; 28]);
    world.publish(1);
    world.greet(&buyer_key(), |_| {});
    let word = crate::world::pay_chain().word(1).unwrap();
    world.buyer_sends(&ToSeller::Tick(Tick { index: 1, word }));
    assert_eq!(world.told(), Some(Refusal::new(Code::BadTick, 1)), "salted otherwise");
}

#[test]
fn connections_have_a_limit_and_must_say_something() {
    let limits = Limits { sessions: 2, ..Limits::default() };
    let mut world = World::new(Shop { limits, ..Shop::default() });
    world.buyer = None;
    for _ in 0..2 {
        world.call();
        assert_eq!(world.told(), None);
    }
    world.call();
    assert_eq!(world.told(), Some(Refusal::until(Code::Busy, 2, Span::from_secs(5))));
    assert_eq!(world.seller.as_ref().unwrap().connections(), 2);
    world.wait_secs(21);
    assert_eq!(world.seller.as_ref().unwrap().connections(), 0);
}

#[test]
fn hellos_that_wait_for_the_ledger_have_a_limit() {
    let limits = Limits { greeting: 0, ..Limits::default() };
    let mut world = World::new(Shop { limits, ..Shop::default() });
    world.buyer = None;
    world.greet(&buyer_key(), |_| {});
    assert_eq!(world.told(), Some(Refusal::until(Code::Busy, 0, Span::from_secs(5))));
}

#[test]
fn frames_out_of_their_place_are_refused() {
    let mut world = World::new(Shop::default());
    world.buyer = None;
    let (connection, _) = world.call();
    let word = crate::world::pay_chain().word(1).unwrap();
    world.buyer_sends(&ToSeller::Tick(Tick { index: 1, word }));
    assert_eq!(world.told(), Some(Refusal::new(Code::OutOfOrder, 0)));
    world.tell_seller(seller::Input::Malformed { connection });
    assert_eq!(world.told(), Some(Refusal::new(Code::Malformed, 0)));
    // Of a connection that is gone nothing is heard.
    let frame = ask(true);
    world.tell_seller(seller::Input::Frame { connection: Connection(77), frame });
    assert_eq!(world.seller.as_ref().unwrap().connections(), 0);
}

#[test]
fn a_buyer_ends_where_its_limits_are() {
    let end = |shop: Shop, readings: [u16; 3]| {
        let mut world = World::new(shop);
        readings.into_iter().for_each(|readings| world.publish(readings));
        world.calm();
        let last = world.events.iter().find_map(|event| match event {
            Event::Ended(end) => Some(end.clone()),
            _ => None,
        });
        (last, world.delivered().len())
    };
    let capped = Shop { spend_max: Some(3 * 4), ..Shop::default() };
    let (spent, limit) = (Amount(6), Amount(12));
    assert_eq!(end(capped, [2, 3, 1]), (Some(End::SpendCap { spent, limit }), 1));
    let cap = Amount(3 * 2);
    let careful = Shop { exposure: Exposure::AtMost(cap), ..Shop::default() };
    let dear = End::TooDear { ticks: 3, price: Amount(9), cap };
    assert_eq!(end(careful, [2, 3, 1]), (Some(dear), 1));
    let poor = Shop { deposit: 3 * 4, ..Shop::default() };
    assert_eq!(end(poor, [2, 3, 1]), (Some(End::DepositUsed), 1));
    // However many it may pay at once, none behind the one that has the last reading wanted.
    for (wanted, chunks) in [(1, 1), (2, 1), (3, 2), (5, 2), (6, 3)] {
        let exposure = Exposure::AtMost(Amount(1_000));
        let few = Shop { readings_max: Some(wanted), exposure, ..Shop::default() };
        assert_eq!(end(few, [2, 3, 1]), (Some(End::Stopped), chunks), "{wanted} readings");
    }
    assert_eq!(end(Shop::default(), [2, 3, 1]), (None, 3));
}

#[test]
fn a_gap_is_told_and_not_paid() {
    let mut world = World::new(Shop::default());
    world.publish(1);
    world.connect();
    world.run();
    world.cut();
    world.publish(4);
    world.publish(2);
    world.tell_seller(seller::Input::Dropped { below: 2 });
    world.connect();
    world.run();
    assert!(world.events.contains(&Event::Gap { from: 1, to: 2 }));
    assert_eq!(world.delivered(), [0, 2]);
    assert_eq!(world.buyer.as_ref().unwrap().counter().paid, 3);
}

#[test]
fn a_buyer_that_stops_waits_for_what_it_paid() {
    let mut world = World::new(Shop::default());
    world.connect();
    world.run();
    world.publish(2);
    world.publish(2);
    while world.deliver(crate::world::Way::ToBuyer, 0) | world.look() | world.sync_buyer() {}
    world.tell_buyer(weft_market::buyer::Input::Stop);
    assert!(!world.events.contains(&Event::Ended(End::Stopped)));
    world.run();
    assert!(world.events.contains(&Event::Ended(End::Stopped)));
    assert_eq!(world.delivered(), [0]);
}
