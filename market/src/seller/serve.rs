//! Chunks: what is sent, to whom, and when not.

use weft_core::{market::objects::Channel, time::Time};

use super::{
    Code, Connection, Out, RETRY, Refusal, Seller, Send, Stage, Timer, ToBuyer, session::Serving,
};
use crate::{frame::Key, ledger::covers, paid::Paid};

impl Seller {
    /// Sends to all who are served what they have room for.
    pub(super) fn serve_all(&mut self, out: &mut Out) {
        let all: Vec<Connection> = self.sessions.keys().copied().collect();
        for connection in all {
            self.serve(connection, out);
        }
    }

    /// Sends what there is, as far as window, deposit and time allow.
    pub(super) fn serve(&mut self, connection: Connection, out: &mut Out) {
        loop {
            let Some(session) = self.sessions.get(&connection) else { return };
            let Stage::Serving(serving) = &session.stage else { return };
            if serving.sent.len() >= serving.window.size() {
                return;
            }
            let Some(listed) = self.catalogue.at_or_after(serving.next) else { return };
            let held = match self.end_of_next(serving, listed.ticks) {
                Ok(end) => {
                    let super::Listed { sequence, batch, ticks, .. } = listed;
                    self.sent(connection, Paid { index: end, sequence, batch, ticks });
                    out.frames.push(Send::Chunk { to: connection, sequence, ticks, end, batch });
                    continue;
                }
                Err(held) => held,
            };
            if held.code == Code::Expiring {
                return self.close(connection, held, out);
            }
            let Some(serving) = self.serving(connection) else { return };
            if serving.told.replace(held.code) != Some(held.code) {
                out.say(connection, ToBuyer::Error(held));
            }
            return;
        }
    }

    /// The index that pays for a chunk of `ticks` that is sent next, or why it is not sent.
    fn end_of_next(&self, serving: &Serving, ticks: u32) -> Result<u32, Refusal> {
        let account = self.accounts.get(&serving.channel);
        let known = account.and_then(|account| Some((account, account.channel.as_ref()?)));
        let (account, channel) = known.ok_or(Refusal::until(Code::NoSuchChannel, 0, RETRY))?;
        if self.is_ending(channel) {
            return Err(Refusal::new(Code::Expiring, channel.terms.expiry.as_millis()));
        }
        if self.is_stalled(channel) {
            return Err(Refusal::until(Code::Paused, 0, RETRY));
        }
        let paid = serving.sent.back().map_or(account.counter.index, |sent| sent.index);
        match paid.checked_add(ticks).filter(|end| *end <= channel.terms.length) {
            None => Err(Refusal::new(Code::ChainUsed, channel.terms.length.into())),
            Some(end) if !covers(channel, end) => Err(Refusal::new(Code::DepositUsed, end.into())),
            Some(end) => Ok(end),
        }
    }

    /// The ledger's time, or ours if it is ahead: what expires does so by either.
    pub(super) fn clock(&self) -> Time {
        self.commit.map_or(self.now, |(time, _)| time.max(self.now))
    }

    /// Whether too little of a channel's time is left to be sure of a claim.
    pub(super) fn is_ending(&self, channel: &Channel) -> bool {
        self.clock() + self.settings.limits.margin >= channel.terms.expiry
    }

    /// Whether commits have been missing for so long that what is paid now might be claimed too
    /// late: more than the grace but for the margin, by their time or by ours.
    fn is_stalled(&self, channel: &Channel) -> bool {
        let patience = channel.terms.grace.as_millis();
        let patience = patience.saturating_sub(self.settings.limits.margin.as_millis());
        self.commit.is_none_or(|(time, seen)| self.now.since(time.min(seen)).as_millis() > patience)
    }

    fn sent(&mut self, connection: Connection, chunk: Paid) {
        let pay_by = self.now + self.settings.limits.pay_within;
        let Some(serving) = self.serving(connection) else { return };
        serving.next = chunk.sequence.saturating_add(1);
        serving.told = None;
        let is_first = serving.sent.is_empty();
        serving.sent.push_back(chunk);
        if is_first {
            self.timers.set(Timer::Session(connection), pay_by);
        }
    }

    /// A buyer lacks keys of what it paid.
    pub(super) fn again(&mut self, from: Connection, keyed: u32, out: &mut Out) {
        if self.serving(from).is_none() {
            return self.flaw(from, Some(Refusal::new(Code::OutOfOrder, 0)), out);
        }
        self.resend(from, keyed, out);
        // It costs much more to answer than to ask.
        self.flaw(from, None, out);
    }

    /// Sends the chunks again that were paid above `keyed`, and the keys of those whose payment is
    /// on disk.
    pub(super) fn resend(&mut self, to: Connection, keyed: u32, out: &mut Out) {
        let Self { sessions, accounts, catalogue, settings, .. } = self;
        let Some(session) = sessions.get_mut(&to) else { return };
        let Stage::Serving(serving) = &mut session.stage else { return };
        let Some(account) = accounts.get(&serving.channel) else { return };
        for paid in account.counter.paid.iter().filter(|paid| paid.index > keyed) {
            let Paid { index, sequence, batch, ticks } = *paid;
            if catalogue.has(sequence) {
                out.frames.push(Send::Chunk { to, sequence, ticks, end: index, batch });
            }
            if index <= account.durable {
                let key = Key { index, key: settings.secret.key(sequence) };
                out.say(to, ToBuyer::Key(key));
            } else if !serving.owed.contains(paid) {
                serving.owed.push_back(*paid);
            }
        }
    }

    pub(super) fn serving(&mut self, connection: Connection) -> Option<&mut Serving> {
        match &mut self.sessions.get_mut(&connection)?.stage {
            Stage::Serving(serving) => Some(serving),
            Stage::Fresh | Stage::Greeting(_) => None,
        }
    }
}
