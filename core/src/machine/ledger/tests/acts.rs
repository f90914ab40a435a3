//! Any bodies of the market in any order, beside the naive market.

use alloc::vec::Vec;

use proptest::{collection::vec as many, prelude::*, sample::Index};

use super::{
    market::{HOUR, chain, claim, claims, closes, offer, terms, tops_up, withdraws},
    pair::{Pair, body, data},
};
use crate::{
    digest::BodyId,
    market::chain::PayWord,
    outcome::Outcome,
    time::Time,
    tx::{ChannelOpen, Claim, OfferEnd, Payload},
};

/// What somebody does; which offer or channel is drawn from those there were.
#[derive(Clone, Debug)]
enum Act {
    Offer { price: u64, expiry: u64 },
    End(Index),
    Open { offer: Index, chain: u8, price: Option<u64>, payee: u8, deposit: u64, expiry: u64 },
    TopUp { channel: Index, amount: u64, expiry: u64 },
    Claim { channel: Index, index: u32, bent: bool },
    Close { channel: Index, claim: Option<u32>, bent: bool },
    Withdraw(Index),
}

fn act() -> impl Strategy<Value = Act> {
    let bent = || prop::bool::weighted(0.1);
    let at = || prop_oneof![6 => 0..3 * HOUR, 1 => 0..500 * 24 * HOUR];
    prop_oneof![
        2 => (1_u64..4, at()).prop_map(|(price, expiry)| Act::Offer { price, expiry }),
        1 => any::<Index>().prop_map(Act::End),
        4 => (any::<Index>(), 0_u8..4, option_of(1_u64..4), 0_u8..4, 5_u64..60, at()).prop_map(
            |(offer, chain, price, payee, deposit, expiry)| {
                Act::Open { offer, chain, price, payee, deposit, expiry }
            },
        ),
        2 => (any::<Index>(), 0_u64..60, at())
            .prop_map(|(channel, amount, expiry)| Act::TopUp { channel, amount, expiry }),
        6 => (any::<Index>(), 1_u32..514, bent())
            .prop_map(|(channel, index, bent)| Act::Claim { channel, index, bent }),
        1 => (any::<Index>(), option_of(1_u32..514), bent())
            .prop_map(|(channel, claim, bent)| Act::Close { channel, claim, bent }),
        1 => any::<Index>().prop_map(Act::Withdraw),
    ]
}

fn option_of<T: core::fmt::Debug>(
    of: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    proptest::option::weighted(0.4, of)
}

/// The offers and channels there ever were.
#[derive(Default)]
struct Names {
    offers: Vec<(BodyId, u8, u64)>,
    channels: Vec<(BodyId, u8)>,
}

impl Names {
    fn channel(&self, at: Index) -> (BodyId, u8) {
        if self.channels.is_empty() { (BodyId([1; 32]), 0) } else { *at.get(&self.channels) }
    }

    fn payload(&self, act: &Act) -> Payload {
        let bend = |claim: Claim, bent: bool| match bent {
            true => Claim { word: PayWord([9; 32]), ..claim },
            false => claim,
        };
        match act {
            Act::Offer { price, expiry } => offer("s", *price, *expiry),
            Act::End(at) => Payload::OfferEnd(OfferEnd { offer: self.offer(*at).0 }),
            Act::Open { offer, chain: number, price, payee, deposit, expiry } => {
                let (offer, seller, asked) = self.offer(*offer);
                let chain = chain(*number);
                // Mostly what the offer says.
                let payee = if *payee == 0 { 3 } else { seller };
                Payload::ChannelOpen(ChannelOpen {
                    salt: *chain.salt(),
                    length: chain.length(),
                    root: chain.root(),
                    expiry: Time::from_millis(*expiry),
                    ..terms(offer, payee, price.unwrap_or(asked), *deposit)
                })
            }
            Act::TopUp { channel, amount, expiry } => {
                tops_up(self.channel(*channel).0, *amount, *expiry)
            }
            Act::Claim { channel, index, bent } => {
                let (channel, number) = self.channel(*channel);
                claims(channel, bend(claim(number, *index), *bent))
            }
            Act::Close { channel, claim: index, bent } => {
                let (channel, number) = self.channel(*channel);
                closes(channel, index.map(|index| bend(claim(number, index), *bent)))
            }
            Act::Withdraw(at) => withdraws(self.channel(*at).0),
        }
    }

    fn offer(&self, at: Index) -> (BodyId, u8, u64) {
        if self.offers.is_empty() { (BodyId([2; 32]), 0, 1) } else { *at.get(&self.offers) }
    }

    fn learn(&mut self, act: &Act, by: u8, id: BodyId) {
        match act {
            Act::Offer { price, .. } => self.offers.push((id, by, *price)),
            Act::Open { chain, .. } => self.channels.push((id, *chain)),
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Outcomes, balances, offers, channels and how they ended are those of the naive market, and
    /// after every body all value is still there.
    #[test]
    fn any_bodies_in_any_order(
        balances in many(0_u64..1_000, 4),
        acts in many((0_u8..4, act(), 0_u64..HOUR / 8), 1..100),
        flush in 1_usize..40,
    ) {
        let mut pair = Pair::new(&balances);
        let (mut names, mut time) = (Names::default(), 0);
        for (at, (by, act, later)) in acts.into_iter().enumerate() {
            time += later + 1;
            let said = body(by, at as u64 + 1, names.payload(&act));
            if pair.execute(time, &said, true) == Outcome::Applied {
                names.learn(&act, by, said.id());
            }
            if at % flush == 0 {
                pair.shelf.flush();
            }
        }
        pair.compare();
        // In the end everything is over, and everybody has it back.
        pair.say(time + 600 * 24 * HOUR, 0, data());
        assert!(pair.naive.market.channels.is_empty() && pair.naive.market.offers.is_empty());
        pair.compare();
    }
}
