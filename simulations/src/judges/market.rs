//! The market of the naive ledger: what is owed is counted anew from what was shown.

use std::collections::BTreeMap;

use weft_core::{
    address::Address,
    digest::BodyId,
    market::{
        chain::claim_holds,
        terms::{DUE_AT_ONCE, WITHDRAW_DELAY, may_expire, offer_bond},
    },
    outcome::Outcome,
    time::Time,
    tx::{Body, ChannelOpen, Claim, Offer, Payload},
    units::Amount,
};

/// What is taken from the issuer, and what is given to whom.
#[derive(Debug, Default)]
pub(super) struct Moves {
    pub(super) take: u64,
    pub(super) give: Vec<(Address, u64)>,
}

#[derive(Clone, Debug)]
struct Channel {
    payer: Address,
    terms: ChannelOpen,
    ticks: u32,
    paid: u64,
}

impl Channel {
    fn due(&self) -> Time {
        self.terms.expiry + self.terms.grace
    }

    fn claim(&mut self, claim: &Claim) -> Result<(), Outcome> {
        let ChannelOpen { root, salt, length, .. } = &self.terms;
        if claim.index > self.ticks {
            if !claim_holds(root, salt, *length, claim.index, &claim.word, &claim.path) {
                return Err(Outcome::BadClaim);
            }
            self.ticks = claim.index;
        }
        Ok(())
    }

    /// Pays what is owed and was not paid.
    fn pay(&mut self, give: &mut Vec<(Address, u64)>) {
        let owed = u128::from(self.terms.price.0) * u128::from(self.ticks);
        let owed = u64::try_from(owed).unwrap_or(u64::MAX).min(self.terms.deposit.0);
        give.push((self.terms.payee, owed - self.paid));
        self.paid = owed;
    }
}

/// Offers and channels.
#[derive(Debug, Default)]
pub(super) struct Market {
    offers: BTreeMap<BodyId, (Address, Offer)>,
    channels: BTreeMap<BodyId, Channel>,
}

impl Market {
    /// What goes back by itself in a record with this time.
    pub(super) fn settle(&mut self, time: Time, dust: Amount) -> Vec<(Address, u64)> {
        let offers = self.offers.iter().map(|(id, (_, offer))| (offer.expiry, *id));
        let channels = self.channels.iter().map(|(id, channel)| (channel.due(), *id));
        let mut due: Vec<_> = offers.chain(channels).filter(|(due, _)| *due < time).collect();
        due.sort_unstable();
        let mut back = Vec::new();
        for (_, id) in due.into_iter().take(DUE_AT_ONCE) {
            back.extend(self.offers.remove(&id).map(|(to, _)| (to, offer_bond(dust).0)));
            let ended = self.channels.remove(&id);
            back.extend(ended.map(|one| (one.payer, one.terms.deposit.0 - one.paid)));
        }
        back
    }

    /// What each channel has left, with its id.
    pub(super) fn rests(&self) -> impl Iterator<Item = (BodyId, u64)> {
        self.channels.iter().map(|(id, one)| (*id, one.terms.deposit.0 - one.paid))
    }

    fn listed(&self, id: &BodyId, time: Time) -> Result<&(Address, Offer), Outcome> {
        let found = self.offers.get(id).filter(|(_, offer)| time <= offer.expiry);
        found.ok_or(Outcome::NoOffer)
    }

    fn channel(&self, id: &BodyId, time: Time) -> Result<Channel, Outcome> {
        let found = self.channels.get(id).filter(|channel| time <= channel.due());
        found.cloned().ok_or(Outcome::NoChannel)
    }

    /// What a body of an issuer does that owns `balance`.
    pub(super) fn trade(
        &mut self,
        body: &Body,
        time: Time,
        dust: Amount,
        balance: u64,
    ) -> Result<Moves, Outcome> {
        let (id, from) = (body.id(), body.issuer);
        let in_time = |expiry| unless(may_expire(expiry, time), Outcome::BadExpiry);
        let has = |amount: Amount| unless(amount.0 <= balance, Outcome::Insufficient);
        let is = |owner: Address| unless(from == owner, Outcome::NotYours);
        let mut moves = Moves::default();
        match &body.payload {
            Payload::Offer(offer) => {
                in_time(offer.expiry)?;
                has(offer_bond(dust))?;
                moves.take = offer_bond(dust).0;
                self.offers.insert(id, (from, offer.clone()));
            }
            Payload::OfferEnd(end) => {
                is(self.listed(&end.offer, time)?.0)?;
                self.offers.remove(&end.offer);
                moves.give.push((from, offer_bond(dust).0));
            }
            Payload::ChannelOpen(open) => {
                let (seller, offer) = self.listed(&open.offer, time)?;
                let same = open.payee == *seller && open.price == offer.price;
                unless(same, Outcome::OfferDiffers)?;
                in_time(open.expiry)?;
                unless(open.deposit >= dust, Outcome::SmallDeposit)?;
                has(open.deposit)?;
                moves.take = open.deposit.0;
                let opened = Channel { payer: from, terms: open.clone(), ticks: 0, paid: 0 };
                self.channels.insert(id, opened);
            }
            Payload::ChannelTopUp(more) => {
                let mut channel = self.channel(&more.channel, time)?;
                is(channel.payer)?;
                if more.expiry > channel.terms.expiry {
                    in_time(more.expiry)?;
                    channel.terms.expiry = more.expiry;
                }
                has(more.amount)?;
                moves.take = more.amount.0;
                channel.terms.deposit.0 += more.amount.0;
                channel.pay(&mut moves.give);
                self.channels.insert(more.channel, channel);
            }
            Payload::ChannelClaim(claim) => {
                let mut channel = self.channel(&claim.channel, time)?;
                channel.claim(&claim.claim)?;
                channel.pay(&mut moves.give);
                self.channels.insert(claim.channel, channel);
            }
            Payload::ChannelClose(close) => {
                let mut channel = self.channel(&close.channel, time)?;
                is(channel.terms.payee)?;
                close.claim.iter().try_for_each(|claim| channel.claim(claim))?;
                channel.pay(&mut moves.give);
                moves.give.push((channel.payer, channel.terms.deposit.0 - channel.paid));
                self.channels.remove(&close.channel);
            }
            Payload::ChannelWithdraw(wish) => {
                let mut channel = self.channel(&wish.channel, time)?;
                is(channel.payer)?;
                channel.terms.expiry = channel.terms.expiry.min(time + WITHDRAW_DELAY);
                self.channels.insert(wish.channel, channel);
            }
            Payload::Data(_) | Payload::Transfer(_) | Payload::KeyRotate(_) => {}
        }
        Ok(moves)
    }
}

fn unless(holds: bool, outcome: Outcome) -> Result<(), Outcome> {
    if holds { Ok(()) } else { Err(outcome) }
}
