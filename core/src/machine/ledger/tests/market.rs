//! The market beside a naive one: any bodies in any order, and every way to be refused.

use alloc::{collections::BTreeSet, vec, vec::Vec};

use proptest::{collection::vec as many, prelude::*, sample::Index};

use super::{
    Table,
    pair::{Pair, address, body},
};
use crate::{
    codec::{Decode as _, Encode as _},
    digest::{BodyId, NodeId},
    machine::{Archive, ledger::Ledger},
    market::{
        chain::{ClaimPath, PayChain, PayWord, Salt},
        objects::Channel,
        terms::{Sample, Unit},
    },
    object::{Object, ObjectKey},
    outcome::Outcome,
    time::{Span, Time},
    tx::{
        Body, ChannelClaim, ChannelClose, ChannelOpen, ChannelTopUp, ChannelWithdraw, Claim, Offer,
        OfferEnd, Payload, StreamName, Title,
    },
    units::Amount,
};

/// An hour: how long most things live here.
pub(super) const HOUR: u64 = 3_600_000;

/// Pay chains of several lengths, by number.
pub(super) fn chain(number: u8) -> PayChain {
    let length = [1, 20, 300, 513][usize::from(number % 4)];
    PayChain::new(Salt([number; 28]), [number; 32], length).unwrap()
}

pub(super) fn claim(number: u8, index: u32) -> Claim {
    let mut chain = chain(number);
    let index = index.clamp(1, chain.length());
    Claim { index, word: chain.word(index).unwrap(), path: chain.path(index).unwrap() }
}

/// Whether a claim is what the owner of the channel's chain would say.
pub(super) fn is_true(terms: &ChannelOpen, other: &Claim) -> bool {
    let number = terms.salt.0[0];
    let mut chain = chain(number);
    terms.root == chain.root()
        && chain.word(other.index) == Some(other.word)
        && chain.path(other.index).as_ref() == Some(&other.path)
}

pub(super) fn offer(stream: &str, price: u64, expiry: u64) -> Payload {
    Payload::Offer(Offer {
        stream: StreamName::parse(stream).unwrap(),
        source: address(9),
        title: Title::parse("a title").unwrap(),
        unit: Unit::Reading,
        price: Amount(price),
        sample: Sample::default(),
        endpoint: NodeId([7; 32]),
        addresses: vec!["192.0.2.1:1".parse().unwrap()],
        terms: [0; 32],
        expiry: Time::from_millis(expiry),
    })
}

pub(super) fn terms(offer: BodyId, payee: u8, price: u64, deposit: u64) -> ChannelOpen {
    let chain = chain(2);
    ChannelOpen {
        offer,
        payee: address(payee),
        salt: *chain.salt(),
        deposit: Amount(deposit),
        price: Amount(price),
        length: chain.length(),
        root: chain.root(),
        expiry: Time::from_millis(HOUR),
        grace: Span::from_secs(60),
    }
}

pub(super) fn claims(channel: BodyId, claim: Claim) -> Payload {
    Payload::ChannelClaim(ChannelClaim { channel, claim })
}

pub(super) fn closes(channel: BodyId, claim: Option<Claim>) -> Payload {
    Payload::ChannelClose(ChannelClose { channel, claim })
}

pub(super) fn tops_up(channel: BodyId, amount: u64, expiry: u64) -> Payload {
    let (amount, expiry) = (Amount(amount), Time::from_millis(expiry));
    Payload::ChannelTopUp(ChannelTopUp { channel, amount, expiry })
}

pub(super) fn withdraws(channel: BodyId) -> Payload {
    Payload::ChannelWithdraw(ChannelWithdraw { channel })
}

impl Pair {
    /// Offers and channels of both ledgers, where they are found, and how those ended that did.
    pub(super) fn compare_market(&mut self) {
        let market = &self.naive.market;
        let (mut due, mut listed, mut held) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (id, (seller, offer)) in &market.offers {
            let Some(Object::Listing(here)) =
                self.shelf.tables().read(Table::Object, &ObjectKey::listing(id).0)
            else {
                panic!("no listing");
            };
            assert_eq!((&here.id, &here.seller, &here.offer), (id, seller, offer));
            due.insert((offer.expiry.as_millis(), *id));
            listed.insert([offer.stream.id().to_bytes(), id.to_bytes()].concat());
        }
        for (id, naive) in &market.channels {
            let here = channel(id, &mut self.shelf).unwrap();
            assert_eq!((here.payer, &here.terms), (naive.payer, &naive.terms));
            assert_eq!((u64::from(here.claimed), here.paid().0), (naive.ticks, naive.paid));
            due.insert((here.due().as_millis(), *id));
            held.extend(
                [here.payer, here.terms.payee].map(|of| [of.to_bytes(), id.to_bytes()].concat()),
            );
        }
        let due = due.iter().map(|(at, id)| [&at.to_be_bytes()[..], id.as_bytes()].concat());
        assert_eq!(keys(self, Table::Due), due.collect::<Vec<_>>());
        assert_eq!(keys(self, Table::Offers), listed.into_iter().collect::<Vec<_>>());
        assert_eq!(keys(self, Table::Channels), held.into_iter().collect::<Vec<_>>());
        assert_eq!(keys(self, Table::Settling).len(), keys(self, Table::Settled).len());
        self.shelf.flush();
        let archive = Archive::new(&self.shelf.written);
        for (id, (paid, rest)) in &self.naive.market.settled {
            let end = archive.settlement(id).unwrap().channel;
            assert_eq!((end.paid().0, end.rest().0), (*paid, *rest));
            assert_eq!(archive.channel(id), None);
        }
    }

    /// Lists offer "s" of account 0 at a price of 2, and opens a channel of account 1 with
    /// `deposit`.
    pub(super) fn opened(&mut self, deposit: u64) -> (BodyId, BodyId) {
        let listed = body(0, 0, offer("s", 2, HOUR));
        assert_eq!(self.execute(1, &listed, true), Outcome::Applied);
        let open = body(1, 0, Payload::ChannelOpen(terms(listed.id(), 0, 2, deposit)));
        assert_eq!(self.execute(2, &open, true), Outcome::Applied);
        (listed.id(), open.id())
    }

    pub(super) fn say(&mut self, time: u64, by: u8, payload: Payload) -> Outcome {
        let sequence = self.naive.next.get(&address(by)).copied().unwrap_or(1);
        self.execute(time, &body(by, sequence, payload), true)
    }
}

fn keys(pair: &mut Pair, table: Table) -> Vec<Vec<u8>> {
    pair.shelf.all(table).into_iter().map(|(key, _)| key).collect()
}

fn channel(id: &BodyId, shelf: &mut super::Shelf) -> Option<Channel> {
    match shelf.tables().read(Table::Object, &ObjectKey::channel(id).0)? {
        Object::Channel(channel) => Some(channel),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Claims and top-ups in any order, repeated or stale: one result.
    #[test]
    fn claims_and_top_ups_come_in_any_order(
        claimed in many(1_u32..301, 1..8),
        added in many(0_u64..200, 0..4),
        shuffles in many(any::<Index>(), 24),
        repeats in 1_usize..3,
    ) {
        let (mut one, mut other) = (Pair::new(&[300, 1_000, 0]), Pair::new(&[300, 1_000, 0]));
        let (_, id) = one.opened(100);
        prop_assert_eq!(other.opened(100).1, id);
        let by_anybody = claimed.iter().map(|index| (2, claims(id, claim(2, *index))));
        let by_payer = added.iter().map(|amount| (1, tops_up(id, *amount, 0)));
        let said: Vec<(u8, Payload)> = by_anybody.chain(by_payer).collect();
        let mut shuffled = said.clone();
        // Only claims may be said twice: who tops up twice has paid twice.
        for _ in 1..repeats {
            shuffled.extend(said.iter().filter(|(by, _)| *by == 2).cloned());
        }
        for (at, to) in (0..shuffled.len()).zip(&shuffles) {
            let to = to.index(shuffled.len());
            shuffled.swap(at, to);
        }
        for (pair, said) in [(&mut one, said), (&mut other, shuffled)] {
            for (at, (by, payload)) in said.into_iter().enumerate() {
                prop_assert_eq!(pair.say(10 + at as u64, by, payload), Outcome::Applied);
            }
        }
        prop_assert_eq!(channel(&id, &mut one.shelf), channel(&id, &mut other.shelf));
        prop_assert_eq!(&one.naive.balances, &other.naive.balances);
        one.compare();
        other.compare();
    }
}

#[test]
fn each_refusal_has_its_reason() {
    let mut pair = Pair::new(&[300, 500, 50]);
    let year = 366 * 24 * HOUR;
    assert_eq!(pair.say(1, 0, offer("s", 1, 1)), Outcome::BadExpiry);
    assert_eq!(pair.say(1, 0, offer("s", 1, year + 2)), Outcome::BadExpiry);
    assert_eq!(pair.say(1, 2, offer("s", 1, year)), Outcome::Insufficient, "a bond of 100");
    let listed = body(0, 9, offer("s", 2, HOUR));
    assert_eq!(pair.execute(1, &listed, true), Outcome::Applied);
    let opens = |change: &dyn Fn(&mut ChannelOpen)| {
        let mut open = terms(listed.id(), 0, 2, 100);
        change(&mut open);
        Payload::ChannelOpen(open)
    };
    let missing = |open: &mut ChannelOpen| open.offer = BodyId([3; 32]);
    assert_eq!(pair.say(1, 1, opens(&missing)), Outcome::NoOffer);
    assert_eq!(pair.say(1, 1, opens(&|open| open.price = Amount(1))), Outcome::OfferDiffers);
    assert_eq!(pair.say(1, 1, opens(&|open| open.payee = address(2))), Outcome::OfferDiffers);
    assert_eq!(pair.say(1, 1, opens(&|open| open.expiry = Time::ZERO)), Outcome::BadExpiry);
    assert_eq!(pair.say(1, 1, opens(&|open| open.deposit = Amount(9))), Outcome::SmallDeposit);
    assert_eq!(pair.say(1, 1, opens(&|open| open.deposit = Amount(501))), Outcome::Insufficient);
    let open = body(1, 100, opens(&|_| ()));
    assert_eq!(pair.execute(1, &open, true), Outcome::Applied);
    let id = open.id();
    for said in [withdraws(id), tops_up(id, 1, 0), closes(id, None)] {
        assert_eq!(pair.say(2, 2, said), Outcome::NotYours);
    }
    let end = Payload::OfferEnd(OfferEnd { offer: listed.id() });
    assert_eq!(pair.say(2, 1, end.clone()), Outcome::NotYours);
    let bent = Claim { path: ClaimPath::default(), ..claim(2, 9) };
    assert_eq!(pair.say(2, 2, claims(id, bent)), Outcome::BadClaim);
    assert_eq!(pair.say(2, 2, claims(id, claim(3, 9))), Outcome::BadClaim, "of another chain");
    assert_eq!(pair.say(2, 0, closes(id, Some(claim(3, 9)))), Outcome::BadClaim);
    assert_eq!(pair.say(2, 1, tops_up(id, 1_000, 0)), Outcome::Insufficient);
    assert_eq!(pair.say(2, 1, tops_up(id, u64::MAX, 0)), Outcome::Insufficient);
    assert_eq!(pair.say(2, 1, tops_up(id, 0, year + 3)), Outcome::BadExpiry);
    assert_eq!(pair.say(2, 2, withdraws(BodyId([4; 32]))), Outcome::NoChannel);
    assert_eq!(pair.say(3, 0, end.clone()), Outcome::Applied);
    assert_eq!(pair.say(3, 0, end), Outcome::NoOffer, "ended");
    assert_eq!(pair.say(3, 1, opens(&|_| ())), Outcome::NoOffer, "ended");
    assert_eq!(pair.say(3, 0, closes(id, Some(claim(2, 9)))), Outcome::Applied, "lives on");
    assert_eq!(pair.say(3, 0, closes(id, None)), Outcome::NoChannel, "closed");
    assert_eq!([0, 1, 2].map(|number| pair.balance(number)), [318, 482, 50].map(Some));
    pair.compare();
}

#[test]
fn what_is_claimed_beyond_the_deposit_is_paid_when_it_grows() {
    let mut pair = Pair::new(&[300, 500, 0]);
    let (_, id) = pair.opened(100);
    assert_eq!(pair.say(3, 2, claims(id, claim(2, 80))), Outcome::Applied);
    assert_eq!(pair.balance(0), Some(300), "a bond of 100 less, a deposit of 100 more");
    let here = channel(&id, &mut pair.shelf).unwrap();
    assert_eq!((here.entitled(), here.paid(), here.rest()), (Amount(160), Amount(100), Amount(0)));
    assert_eq!(pair.say(4, 2, claims(id, claim(2, 7))), Outcome::Applied, "stale");
    let bent = Claim { word: PayWord([0; 32]), ..claim(2, 80) };
    assert_eq!(pair.say(4, 2, claims(id, bent)), Outcome::Applied, "nobody looks at a stale one");
    assert_eq!(pair.say(5, 1, tops_up(id, 70, 0)), Outcome::Applied);
    assert_eq!([pair.balance(0), pair.balance(1)], [Some(360), Some(330)]);
    assert_eq!(pair.say(6, 0, closes(id, None)), Outcome::Applied);
    assert_eq!([pair.balance(0), pair.balance(1)], [Some(360), Some(340)]);
    pair.compare();
}

/// A payer may buy from itself; value goes round and none is lost.
#[test]
fn a_channel_to_oneself() {
    let mut pair = Pair::new(&[500]);
    let listed = body(0, 0, offer("s", 2, HOUR));
    pair.execute(1, &listed, true);
    let open = body(0, 1, Payload::ChannelOpen(terms(listed.id(), 0, 2, 100)));
    assert_eq!(pair.execute(2, &open, true), Outcome::Applied);
    assert_eq!(pair.say(3, 0, claims(open.id(), claim(2, 10))), Outcome::Applied);
    assert_eq!(pair.balance(0), Some(320));
    assert_eq!(pair.say(4, 0, closes(open.id(), Some(claim(2, 20)))), Outcome::Applied);
    assert_eq!(pair.balance(0), Some(400));
    pair.compare();
}

/// The root names a channel, and the indexes of a ledger that is fetched are those of the one that
/// gave it.
#[test]
fn a_fetched_ledger_finds_offers_and_channels() {
    let mut pair = Pair::new(&[300, 500, 0]);
    let (listed, id) = pair.opened(100);
    let root = Ledger::state_root(&mut pair.shelf.tables());
    let key = ObjectKey::channel(&id);
    let shown = pair.shelf.tables().bytes(Table::Object, &key.0).unwrap();
    let proof = Ledger::prove(&key, &pair.shelf.tables()).unwrap();
    assert!(proof.verify(&root, &key, &shown));
    assert!(matches!(Object::from_bytes(&shown), Ok(Object::Channel(channel)) if channel.id == id));
    pair.shelf.flush();

    // The joiner had another ledger, with an offer that is gone here.
    let mut joiner = Pair::new(&[300, 500, 0]);
    joiner.execute(1, &body(0, 0, offer("other", 9, 2 * HOUR)), true);
    joiner.shelf.flush();
    for part in 0..=u8::MAX {
        let objects = Ledger::part(part, [].into_iter(), &pair.shelf.written);
        Ledger::replace_part(part, &objects, &mut joiner.shelf.tables());
    }
    for table in [Table::Object, Table::Due, Table::Offers, Table::Channels] {
        assert_eq!(joiner.shelf.all(table), pair.shelf.all(table), "{table:?}");
    }
    joiner.shelf.flush();
    let archive = Archive::new(&joiner.shelf.written);
    let stream = StreamName::parse("s").unwrap().id();
    assert_eq!(archive.offers(None, 9), [(stream, listed)]);
    assert_eq!(archive.offers(Some((stream, listed)), 9), []);
    assert_eq!(archive.channels(&address(1), None, 9), [id]);
    assert_eq!(archive.channels(&address(0), None, 9), [id]);
    assert_eq!(archive.channels(&address(0), Some(id), 9), []);
    assert_eq!(archive.channels(&address(2), None, 9), []);
}

#[test]
fn bodies_of_the_market_differ_from_data() {
    let said: Vec<Body> = [offer("s", 1, HOUR), withdraws(BodyId([1; 32]))]
        .into_iter()
        .map(|payload| body(0, 1, payload))
        .collect();
    for body in said {
        assert_eq!(Body::from_bytes(&body.to_bytes()), Ok(body));
    }
}
