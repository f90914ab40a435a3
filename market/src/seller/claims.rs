//! Claims: the seller takes what it was paid to the ledger by itself.
//!
//! At a share of the deposit, every so often, and well before the channel ends; again until the
//! ledger shows it. A stale claim costs nothing but its posting.

use weft_core::{digest::BodyId, time::Time, units::Amount};

use super::{Account, Ask, Code, Out, Refusal, Seller, Timer};
use crate::ledger::Found;

impl Seller {
    /// What the ledger says of a channel.
    pub(super) fn channel(&mut self, id: BodyId, found: Option<Box<Found>>, out: &mut Out) {
        match (self.accounts.get_mut(&id), &found) {
            (Some(account), Some(found)) => account.see(found, self.now),
            (Some(_), None) => self.settled(id, out),
            (None, _) => {}
        }
        self.greet(id, found.as_deref(), out);
        if let Some(connection) = self.accounts.get(&id).and_then(|account| account.connection) {
            self.serve(connection, out);
        }
        self.claim_if_due(id, out);
    }

    /// The ledger has settled a channel: there is nothing left to claim.
    fn settled(&mut self, id: BodyId, out: &mut Out) {
        let Some(account) = self.accounts.remove(&id) else { return };
        if let Some(connection) = account.connection {
            self.close(connection, Refusal::new(Code::Closed, 0), out);
        }
        self.timers.clear(Timer::Account(id));
        self.log.forget(id);
    }

    /// The time of a channel has come: it is looked up, claimed, and ended if it is too late.
    pub(super) fn look_after(&mut self, id: BodyId, out: &mut Out) {
        let Some(account) = self.accounts.get(&id) else { return };
        out.asks.push(Ask::Channel(id));
        self.timers.set(Timer::Account(id), self.now + self.settings.limits.look_every);
        let is_ending = account.channel.as_ref().is_some_and(|channel| self.is_ending(channel));
        if let Some(connection) = account.connection.filter(|_| is_ending) {
            self.close(connection, Refusal::new(Code::Expiring, 0), out);
        }
        self.claim_if_due(id, out);
    }

    /// Claims what is unclaimed, if it is time; and wakes up when it will be.
    pub(super) fn claim_if_due(&mut self, id: BodyId, out: &mut Out) {
        let Some(due) = self.accounts.get(&id).and_then(|account| self.claim_due(account)) else {
            return;
        };
        if due <= self.now {
            self.claim(id, out);
        } else if self.timers.due(Timer::Account(id)).is_none_or(|set| set > due) {
            self.timers.set(Timer::Account(id), due);
        }
    }

    /// Claims what is unclaimed, of one channel or of all, whether it is time or not.
    pub(super) fn claim_now(&mut self, channel: Option<BodyId>, out: &mut Out) {
        let unclaimed: Vec<BodyId> = match channel {
            Some(id) => Vec::from([id]),
            None => self.accounts.keys().copied().collect(),
        };
        for id in unclaimed {
            self.claim(id, out);
        }
    }

    fn claim(&mut self, id: BodyId, out: &mut Out) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        // Of a channel that was never looked up nothing is known but what it paid.
        if account.channel.is_some() && account.unclaimed() == Amount::ZERO {
            return;
        }
        if let Some(claim) = account.claim() {
            account.claiming = Some((claim.claim.index, self.now));
            out.asks.push(Ask::Claim(claim));
        }
    }

    /// When what is unclaimed is to be claimed, if anything is.
    fn claim_due(&self, account: &Account) -> Option<Time> {
        let (channel, limits) = (account.channel.as_ref()?, &self.settings.limits);
        let Amount(unclaimed) = account.unclaimed();
        if unclaimed == 0 {
            return None;
        }
        if let Some((_, since)) = account.claiming {
            return Some(since + limits.claim_again);
        }
        let share = u128::from(channel.terms.deposit.0) * u128::from(limits.claim_percent);
        if u128::from(unclaimed) * 100 >= share {
            return Some(self.now);
        }
        let since = account.unclaimed_since.unwrap_or(self.now);
        let last_call = channel.terms.expiry.before(limits.margin);
        // By the ledger's time, which may be ahead of ours.
        let last_call = if self.is_ending(channel) { self.now } else { last_call };
        Some((since + limits.claim_every).min(last_call))
    }
}

impl Account {
    /// Takes what the ledger says.
    fn see(&mut self, found: &Found, now: Time) {
        let claimed = found.channel.claimed;
        let before = self.channel.replace(found.channel.clone()).map(|channel| channel.claimed);
        if self.claiming.is_some_and(|(index, _)| index <= claimed) {
            self.claiming = None;
        }
        self.unclaimed_since = match self.unclaimed() {
            Amount::ZERO => None,
            // What a claim did not cover was paid after it.
            _ if before.is_some_and(|before| before < claimed) => Some(now),
            _ => self.unclaimed_since.or(Some(now)),
        };
    }
}
