//! The market in the simplest code there is: whatever is paid out is counted anew each time.

use alloc::{collections::BTreeMap, vec::Vec};

use super::Naive;
use crate::{
    address::Address,
    digest::BodyId,
    machine::ledger::tests::market::is_true,
    outcome::Outcome,
    time::Time,
    tx::{Body, ChannelOpen, Claim, Offer, Payload},
};

const YEAR_MS: u64 = 366 * 24 * 60 * 60 * 1_000;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

#[derive(Default)]
pub(in crate::machine::ledger::tests) struct Market {
    pub(in crate::machine::ledger::tests) offers: BTreeMap<BodyId, (Address, Offer)>,
    pub(in crate::machine::ledger::tests) channels: BTreeMap<BodyId, Channel>,
    /// What payee and payer got of those that are over.
    pub(in crate::machine::ledger::tests) settled: BTreeMap<BodyId, (u64, u64)>,
}

#[derive(Clone)]
pub(in crate::machine::ledger::tests) struct Channel {
    pub(in crate::machine::ledger::tests) payer: Address,
    pub(in crate::machine::ledger::tests) terms: ChannelOpen,
    pub(in crate::machine::ledger::tests) ticks: u64,
    pub(in crate::machine::ledger::tests) paid: u64,
}

impl Channel {
    fn due(&self) -> u64 {
        self.terms.expiry.as_millis() + self.terms.grace.as_millis()
    }
}

impl Naive {
    /// What is due before `time` goes back, in the order of (instant, id), 1,024 at once.
    pub(in crate::machine::ledger::tests) fn settle(&mut self, time: Time) {
        let offers =
            self.market.offers.iter().map(|(id, (_, offer))| (offer.expiry.as_millis(), *id));
        let channels = self.market.channels.iter().map(|(id, channel)| (channel.due(), *id));
        let mut due: Vec<_> = offers.chain(channels).collect();
        due.sort_unstable();
        due.retain(|(instant, _)| *instant < time.as_millis());
        for (_, id) in due.into_iter().take(1_024) {
            match self.market.offers.remove(&id) {
                Some((seller, _)) => self.give(seller, 10 * self.dust),
                None => self.end(id),
            }
        }
    }

    fn give(&mut self, to: Address, amount: u64) {
        *self.balances.get_mut(&to).unwrap() += amount;
    }

    fn end(&mut self, id: BodyId) {
        let Channel { payer, terms, paid, .. } = self.market.channels.remove(&id).unwrap();
        self.give(payer, terms.deposit.0 - paid);
        self.market.settled.insert(id, (paid, terms.deposit.0 - paid));
    }

    fn take(&mut self, from: Address, amount: u64) -> Result<(), Outcome> {
        let balance = self.balances.get_mut(&from).unwrap();
        *balance = balance.checked_sub(amount).ok_or(Outcome::Insufficient)?;
        Ok(())
    }

    fn open_channel(&self, id: BodyId, time: u64) -> Result<Channel, Outcome> {
        let channel = self.market.channels.get(&id).filter(|channel| time <= channel.due());
        channel.cloned().ok_or(Outcome::NoChannel)
    }

    /// The payee has what the ticks are worth, as far as the deposit goes.
    fn pay_out(&mut self, id: BodyId, mut channel: Channel) {
        let worth = u128::from(channel.terms.price.0) * u128::from(channel.ticks);
        let worth = u64::try_from(worth.min(channel.terms.deposit.0.into())).unwrap();
        self.give(channel.terms.payee, worth - channel.paid);
        channel.paid = worth;
        self.market.channels.insert(id, channel);
    }

    fn claim(&mut self, id: BodyId, claim: &Claim, mut channel: Channel) -> Result<(), Outcome> {
        let index = u64::from(claim.index);
        if index > channel.ticks {
            if !is_true(&channel.terms, claim) {
                return Err(Outcome::BadClaim);
            }
            channel.ticks = index;
            self.pay_out(id, channel);
        }
        Ok(())
    }

    pub(super) fn trade(&mut self, time: u64, body: &Body) -> Result<(), Outcome> {
        let (id, from) = (body.id(), body.issuer);
        let in_time = |expiry: Time| {
            let fits = time < expiry.as_millis() && expiry.as_millis() <= time + YEAR_MS;
            if fits { Ok(()) } else { Err(Outcome::BadExpiry) }
        };
        let is = |owner: Address| if owner == from { Ok(()) } else { Err(Outcome::NotYours) };
        let listed = |naive: &Self, id: &BodyId| {
            let found = naive.market.offers.get(id);
            found
                .filter(|(_, offer)| time <= offer.expiry.as_millis())
                .cloned()
                .ok_or(Outcome::NoOffer)
        };
        match &body.payload {
            Payload::Offer(offer) => {
                in_time(offer.expiry)?;
                self.take(from, 10 * self.dust)?;
                self.market.offers.insert(id, (from, offer.clone()));
            }
            Payload::OfferEnd(end) => {
                is(listed(self, &end.offer)?.0)?;
                self.market.offers.remove(&end.offer);
                self.give(from, 10 * self.dust);
            }
            Payload::ChannelOpen(open) => {
                let (seller, offer) = listed(self, &open.offer)?;
                if seller != open.payee || offer.price != open.price {
                    return Err(Outcome::OfferDiffers);
                }
                in_time(open.expiry)?;
                if open.deposit.0 < self.dust {
                    return Err(Outcome::SmallDeposit);
                }
                self.take(from, open.deposit.0)?;
                let channel = Channel { payer: from, terms: open.clone(), ticks: 0, paid: 0 };
                self.market.channels.insert(id, channel);
            }
            Payload::ChannelTopUp(more) => {
                let mut channel = self.open_channel(more.channel, time)?;
                is(channel.payer)?;
                if more.expiry > channel.terms.expiry {
                    in_time(more.expiry)?;
                    channel.terms.expiry = more.expiry;
                }
                self.take(from, more.amount.0)?;
                channel.terms.deposit.0 += more.amount.0;
                self.pay_out(more.channel, channel);
            }
            Payload::ChannelClaim(claim) => {
                let channel = self.open_channel(claim.channel, time)?;
                self.claim(claim.channel, &claim.claim, channel)?;
            }
            Payload::ChannelClose(close) => {
                let channel = self.open_channel(close.channel, time)?;
                is(channel.terms.payee)?;
                if let Some(claim) = &close.claim {
                    self.claim(close.channel, claim, channel)?;
                }
                self.end(close.channel);
            }
            Payload::ChannelWithdraw(wish) => {
                let mut channel = self.open_channel(wish.channel, time)?;
                is(channel.payer)?;
                let soon = Time::from_millis(time + DAY_MS);
                channel.terms.expiry = channel.terms.expiry.min(soon);
                self.market.channels.insert(wish.channel, channel);
            }
            other => panic!("not of the market: {other:?}"),
        }
        Ok(())
    }
}
