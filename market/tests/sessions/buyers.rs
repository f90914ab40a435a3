//! Cheating buyers, and what they get: nothing that was not paid.

use weft_core::{
    digest::PayWord,
    keys::{DeviceKey, Scheme, Sign},
    units::Amount,
};
use weft_market::{
    frame::{Again, Code, Hello, Refusal, Tick, ToBuyer, ToSeller},
    hello::hello_digest,
    seller::{self, Connection},
};

use crate::world::{NETWORK, Shop, Way, World, buyer_key, channel_id, pay_chain};

impl World {
    /// A seller that waits for whom the test plays.
    fn with_a_false_buyer(shop: Shop) -> Self {
        let mut world = Self::new(shop);
        world.buyer = None;
        world
    }

    /// A connection of the test's own.
    pub(crate) fn call(&mut self) -> (Connection, [u8; 32]) {
        self.wire.cut();
        let (connection, exporter) = self.wire.connect();
        self.tell_seller(seller::Input::Up { connection, exporter });
        (connection, exporter)
    }

    /// Says a hello that is right in all but what `bend` changes.
    pub(crate) fn greet(&mut self, key: &dyn Sign, bend: impl FnOnce(&mut Hello)) {
        let (_, exporter) = self.call();
        let digest = hello_digest(NETWORK, &channel_id(), &exporter);
        let (leaves, signature) = (pay_chain().leaves(), key.sign(&digest).unwrap());
        let channel = channel_id();
        let mut hello = Hello { channel, next: 0, paid: 0, keyed: 0, leaves, signature };
        bend(&mut hello);
        self.buyer_sends(&ToSeller::Hello(hello));
        while self.settle_once() {}
    }

    pub(crate) fn is_welcome(&self) -> bool {
        self.waiting_for_buyer().iter().any(|frame| matches!(frame, ToBuyer::Welcome(_)))
    }

    pub(crate) fn told(&self) -> Option<Refusal> {
        self.waiting_for_buyer().iter().rev().find_map(|frame| match frame {
            ToBuyer::Error(refusal) => Some(*refusal),
            _ => None,
        })
    }

    /// The indexes whose keys wait for the buyer.
    pub(crate) fn keys(&self) -> Vec<u32> {
        let frames = self.waiting_for_buyer();
        let keys = frames.iter().filter_map(|frame| match frame {
            ToBuyer::Key(key) => Some(key.index),
            _ => None,
        });
        keys.collect()
    }

    /// The chunks that wait for the buyer, by what pays for them.
    pub(crate) fn ends(&self) -> Vec<u32> {
        let frames = self.waiting_for_buyer();
        let ends = frames.iter().filter_map(|frame| match frame {
            ToBuyer::Chunk(chunk) => Some(chunk.end),
            _ => None,
        });
        ends.collect()
    }

    fn tick(&mut self, index: u32) -> Tick {
        Tick { index, word: pay_chain().word(index).unwrap() }
    }

    fn pay(&mut self, tick: Tick) {
        self.buyer_sends(&ToSeller::Tick(tick));
        while self.settle_once() {}
    }

    fn forget_frames(&mut self) {
        while self.wire.take(Way::ToBuyer, 0).is_some() {}
    }
}

#[test]
fn a_payment_used_twice_buys_nothing_twice() {
    let mut world = World::with_a_false_buyer(Shop::default());
    world.publish(2);
    world.publish(2);
    world.greet(&buyer_key(), |_| {});
    assert_eq!((world.is_welcome(), world.ends()), (true, vec![2]));
    let tick = world.tick(2);
    world.pay(tick);
    assert_eq!((world.keys(), world.ends()), (vec![2], vec![2, 4]));
    world.forget_frames();
    for _ in 0..3 {
        world.pay(tick);
        assert_eq!(world.told(), None, "a frame that comes twice is no offence");
    }
    assert_eq!(world.keys(), [2, 2, 2], "the key of what it paid, and no other");
}

#[test]
fn a_forged_payment_buys_nothing_and_is_not_borne_for_long() {
    let mut world = World::with_a_false_buyer(Shop::default());
    world.publish(2);
    world.greet(&buyer_key(), |_| {});
    let right = world.tick(2);
    let forged = [
        Tick { word: PayWord([1; 32]), ..right },
        Tick { index: 1, ..world.tick(1) },
        Tick { index: 3, ..world.tick(3) },
        Tick { index: 600, ..world.tick(600) },
        Tick { index: 65_536, word: PayWord::ZERO },
        Tick { index: 2, ..world.tick(3) },
    ];
    for tick in forged {
        world.pay(tick);
        assert_eq!(world.told(), Some(Refusal::new(Code::BadTick, 2)), "{tick:?}");
        assert_eq!((world.keys(), world.counters.len()), (vec![], 0));
    }
    world.pay(right);
    assert_eq!(world.keys(), [2], "who pays after all is served");
    world.publish(2);
    let forged_later = Tick { index: 4, word: PayWord([1; 32]) };
    world.pay(forged_later);
    assert_eq!(world.told(), Some(Refusal::new(Code::BadTick, 4)), "from what is known, too");
    assert_eq!(world.keys(), [2]);
    for _ in 0..17 {
        world.pay(forged[4]);
    }
    assert_eq!(world.told().map(|refusal| refusal.code), Some(Code::Busy));
    assert_eq!(world.seller.as_ref().unwrap().connections(), 0);
}

#[test]
fn a_channel_serves_its_own_buyer_on_its_own_connection_alone() {
    let mut world = World::with_a_false_buyer(Shop::default());
    world.publish(2);
    let stranger = DeviceKey::from_seed(Scheme::MlDsa44, &[10; 32]).unwrap();
    world.greet(&stranger, |_| {});
    assert_eq!(world.told(), Some(Refusal::new(Code::BadSignature, 0)));
    let mut replayed = None;
    world.greet(&buyer_key(), |hello| replayed = Some(hello.signature.clone()));
    assert!(world.is_welcome());
    world.greet(&buyer_key(), |hello| hello.signature = replayed.unwrap());
    assert_eq!(world.told(), Some(Refusal::new(Code::BadSignature, 0)));
    assert!(!world.is_welcome());
}

#[test]
fn leaves_of_another_chain_are_refused() {
    let mut world = World::with_a_false_buyer(Shop::default());
    for bend in [
        |hello: &mut Hello| hello.leaves[1][0] ^= 1,
        |hello: &mut Hello| hello.leaves.truncate(2),
        |hello: &mut Hello| hello.leaves.push([0; 32]),
        |hello: &mut Hello| hello.leaves.clear(),
    ] {
        world.greet(&buyer_key(), bend);
        assert_eq!(world.told(), Some(Refusal::new(Code::BadLeaves, 3)));
        assert!(world.opened.is_empty() && world.ends().is_empty());
    }
}

#[test]
fn a_buyer_that_does_not_pay_gets_one_window_and_is_left() {
    let mut world = World::with_a_false_buyer(Shop::default());
    for _ in 0..5 {
        world.publish(1);
    }
    world.greet(&buyer_key(), |_| {});
    assert_eq!(world.ends(), [1], "a window of one");
    world.wait_secs(59);
    assert_eq!(world.told(), None);
    world.wait_secs(2);
    assert_eq!(world.told(), Some(Refusal::new(Code::Silent, 0)));
    assert_eq!((world.ends(), world.keys()), (vec![1], vec![]));
}

#[test]
fn a_flaw_closes_the_window() {
    let mut world = World::with_a_false_buyer(Shop::default());
    for _ in 0..40 {
        world.publish(1);
    }
    world.greet(&buyer_key(), |_| {});
    for index in 1..=16 {
        let tick = world.tick(index);
        world.pay(tick);
    }
    world.forget_frames();
    let tick = world.tick(17);
    world.pay(tick);
    assert_eq!(world.ends(), [19], "two are unpaid: 18 was sent before");
    world.pay(Tick { index: 30, word: PayWord::ZERO });
    world.forget_frames();
    let tick = world.tick(18);
    world.pay(tick);
    assert_eq!(world.ends(), [0; 0], "19 is unpaid, and the window is one again");
    let tick = world.tick(19);
    world.pay(tick);
    assert_eq!(world.ends(), [20]);
}

#[test]
fn keys_are_given_again_but_not_for_ever() {
    let mut world = World::with_a_false_buyer(Shop::default());
    world.publish(2);
    world.publish(1);
    world.greet(&buyer_key(), |_| {});
    let tick = world.tick(2);
    world.pay(tick);
    world.forget_frames();
    world.buyer_sends(&ToSeller::Again(Again { keyed: 0 }));
    assert_eq!((world.ends(), world.keys()), (vec![2], vec![2]), "the chunk, and its key");
    world.forget_frames();
    world.buyer_sends(&ToSeller::Again(Again { keyed: 2 }));
    assert_eq!((world.ends(), world.keys()), (vec![], vec![]));
    for _ in 0..16 {
        world.buyer_sends(&ToSeller::Again(Again { keyed: 0 }));
    }
    assert_eq!(world.told().map(|refusal| refusal.code), Some(Code::Busy));
}

/// However often it is asked for, and over whatever connection.
#[test]
fn no_key_leaves_before_its_payment_is_on_disk() {
    let mut world = World::with_a_false_buyer(Shop::default());
    world.publish(2);
    world.greet(&buyer_key(), |_| {});
    let tick = world.tick(2);
    world.buyer_sends(&ToSeller::Tick(tick));
    world.forget_frames();
    world.buyer_sends(&ToSeller::Again(Again { keyed: 0 }));
    world.buyer_sends(&ToSeller::Tick(tick));
    assert_eq!((world.ends(), world.keys()), (vec![2], vec![]));
    assert!(world.sync_seller());
    assert_eq!(world.keys(), [2]);
    assert!(!world.sync_seller(), "one write for it");
}

#[test]
fn a_second_connection_takes_over_and_nothing_is_served_twice() {
    let mut world = World::with_a_false_buyer(Shop::default());
    world.publish(2);
    world.greet(&buyer_key(), |_| {});
    let tick = world.tick(2);
    world.pay(tick);
    world.publish(3);
    assert_eq!(world.seller.as_ref().unwrap().connections(), 1);
    world.greet(&buyer_key(), |hello| (hello.next, hello.paid, hello.keyed) = (1, 2, 2));
    assert_eq!((world.ends(), world.keys()), (vec![5], vec![]));
    assert_eq!(world.seller.as_ref().unwrap().connections(), 1, "the other one was closed");
}

/// What is not covered is not sent; what is added later is.
#[test]
fn a_deposit_that_is_used_up_buys_no_more() {
    let shop = Shop { deposit: 3 * 5, ..Shop::default() };
    let mut world = World::with_a_false_buyer(shop);
    world.publish(3);
    world.publish(3);
    world.greet(&buyer_key(), |_| {});
    let tick = world.tick(3);
    world.pay(tick);
    assert_eq!(world.ends(), [3]);
    assert_eq!(world.told(), Some(Refusal::new(Code::DepositUsed, 6)));
    world.forget_frames();
    let channel = world.channel.as_mut().unwrap();
    channel.terms.deposit = Amount(3 * 6);
    let found = world.found(channel_id());
    world.tell_seller(seller::Input::Channel { id: channel_id(), found });
    assert_eq!(world.ends(), [6]);
}

#[test]
fn a_chain_that_is_used_up_buys_no_more() {
    let shop = Shop { deposit: u64::MAX, price: 1, ..Shop::default() };
    let mut world = World::with_a_false_buyer(shop);
    world.publish(599);
    world.publish(2);
    world.greet(&buyer_key(), |_| {});
    let tick = world.tick(599);
    world.pay(tick);
    assert_eq!((world.ends(), world.keys()), (vec![599], vec![599]));
    assert_eq!(world.told(), Some(Refusal::new(Code::ChainUsed, 600)));
}
