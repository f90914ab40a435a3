//! Payments: verified, added up, written, and answered with keys.

use super::{Code, Connection, Out, Refusal, Seller, Stage, Ticket, Timer, ToBuyer};
use crate::frame::{Key, Tick};

impl Seller {
    pub(super) fn paid(&mut self, from: Connection, tick: Tick, out: &mut Out) {
        match self.take(from, tick, out) {
            Ok(()) => self.serve(from, out),
            Err(refusal) => self.flaw(from, Some(refusal), out),
        }
    }

    /// Adds a payment to the counter; or the reason why it is none.
    fn take(&mut self, from: Connection, tick: Tick, out: &mut Out) -> Result<(), Refusal> {
        let now = self.now;
        let Self { sessions, accounts, settings, .. } = self;
        let out_of_order = Refusal::new(Code::OutOfOrder, 0);
        let session = sessions.get_mut(&from).ok_or(out_of_order)?;
        let Stage::Serving(serving) = &mut session.stage else { return Err(out_of_order) };
        let account = accounts.get_mut(&serving.channel).ok_or(out_of_order)?;
        if tick.index <= account.counter.index {
            // It came twice, or late: the key may have been lost.
            let repeated = account.counter.paid.iter().find(|paid| paid.index == tick.index);
            if let Some(paid) = repeated.filter(|paid| paid.index <= account.durable) {
                let key = Key { index: paid.index, key: settings.secret.key(paid.sequence) };
                out.say(from, ToBuyer::Key(key));
            }
            return Ok(());
        }
        let expected = serving.sent.front().map_or(account.counter.index, |sent| sent.index);
        let refused = Refusal::new(Code::BadTick, expected.into());
        let at = serving.sent.iter().position(|sent| sent.index == tick.index).ok_or(refused)?;
        let channel = account.channel.as_ref().ok_or(out_of_order)?;
        if !account.holds(channel, tick.index, &tick.word) {
            return Err(refused);
        }
        let paid: Vec<_> = serving.sent.drain(..=at).collect();
        for chunk in &paid {
            serving.window.round();
            serving.owed.push_back(*chunk);
        }
        session.flaws = session.flaws.saturating_sub(1);
        account.counter.add(tick.index, tick.word, paid.into_iter());
        account.unclaimed_since.get_or_insert(now);
        let channel = serving.channel;
        match serving.sent.is_empty() {
            true => self.timers.clear(Timer::Session(from)),
            false => {
                let pay_by = now + self.settings.limits.pay_within;
                self.timers.set(Timer::Session(from), pay_by);
            }
        }
        self.log.changed(channel);
        self.claim_if_due(channel, out);
        Ok(())
    }

    /// A batch is on disk: the keys that waited for it go out.
    pub(super) fn synced(&mut self, ticket: Ticket, out: &mut Out) {
        for (channel, index) in self.log.synced(ticket) {
            let Self { sessions, accounts, settings, .. } = self;
            let Some(account) = accounts.get_mut(&channel) else { continue };
            account.durable = account.durable.max(index);
            let Some(to) = account.connection else { continue };
            let Some(Stage::Serving(serving)) = sessions.get_mut(&to).map(|s| &mut s.stage) else {
                continue;
            };
            while let Some(paid) = serving.owed.pop_front_if(|paid| paid.index <= account.durable) {
                let key = Key { index: paid.index, key: settings.secret.key(paid.sequence) };
                out.say(to, ToBuyer::Key(key));
            }
        }
    }
}
