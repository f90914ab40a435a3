//! The straight line of a transaction: wait, take its turn (`crowd.rs`), attach, become a tip, be
//! spread.
//!
//! Invariant: everything attached has its whole past attached before it, here or in the store, but
//! for what was dropped and can matter no more, and is written in the very step that tells it.
//!
//! Behind it stand the tips of checkpoints: what is attached may be cited, and checkpoints that
//! waited for it may count.

use alloc::{sync::Arc, vec::Vec};

use super::{
    Attached, Event, LogEntry, Machine, Outbox, Reads, Source, SubmitRefusal, cover::Citable,
    scheduler::Solid, tangle::Order, timers::Timer, wants::Want,
};
use crate::{
    admit::Verified,
    digest::{NodeId, TxId},
    keys::PublicKey,
    params::{ANCHOR_LAG, ATTACHMENTS_MAX},
    time::Time,
    units::Position,
};

impl Machine {
    pub(super) fn admitted(
        &mut self,
        source: Source,
        tx: Arc<Verified>,
        absent_below: Position,
        reads: &dyn Reads,
        out: &mut Outbox,
    ) {
        let id = tx.id();
        let is_live_or_new = self.tangle.holds_all_from(absent_below);
        let position =
            if is_live_or_new { self.tangle.position(&id) } else { self.position(&id, reads) };
        if let Some(position) = position {
            return self.attached_before(source, tx, position, out);
        }
        let is_bygone = self.is_bygone(source, &tx);
        let is_useless = is_bygone && !self.is_awaited(&id);
        if let Source::Answer(peer) = source {
            let is_known = self.solidifier.contains(&id) || self.tangle.is_surplus(&id);
            self.wants.brought(self.now, peer, !is_known && !is_useless);
        }
        if self.sync.is_active() {
            return self.admitted_behind(source, &tx, reads, out);
        }
        if self.scheduler.contains(&id) {
            if source == Source::Local {
                self.scheduler.submitted(&id);
            }
            return;
        }
        // Whoever submits what waits here is told what it lacks.
        if self.solidifier.contains(&id) && source != Source::Local {
            return;
        }
        if is_useless {
            return self.pass_over_past(id, source);
        }
        let missing = self.missing(source, &tx, reads);
        if !missing.is_empty() {
            return self.wait(source, tx, &missing, out);
        }
        let solid = Solid { absent_below, ..Solid::new(tx, source, self.now) };
        self.enter(solid, reads, out);
    }

    /// The parents of a transaction that are not here, and not waiting for their turn either. What
    /// is bygone misses none.
    pub(super) fn missing(&self, source: Source, tx: &Verified, reads: &dyn Reads) -> Vec<TxId> {
        if self.is_bygone(source, tx) {
            return Vec::new();
        }
        let is_here = |id: &TxId| self.scheduler.contains(id) || self.position(id, reads).is_some();
        let parents = tx.transaction().attachment.transactions();
        parents.filter(|parent| !is_here(parent)).collect()
    }

    /// While this node is not where the others are, only what certified commits ordered is taken.
    fn admitted_behind(
        &mut self,
        source: Source,
        tx: &Arc<Verified>,
        reads: &dyn Reads,
        out: &mut Outbox,
    ) {
        if source == Source::Local {
            out.events.push(Event::Refused { id: tx.id(), reason: SubmitRefusal::Behind });
        } else if self.sync.body(tx, source) {
            self.sync_on(reads, out);
        }
    }

    /// Where a transaction is, if it is attached.
    pub(super) fn position(&self, id: &TxId, reads: &dyn Reads) -> Option<Position> {
        self.tangle.position(id).or_else(|| reads.entry(id).map(|entry| entry.position))
    }

    /// Whoever submits what is here already is told again, once it is durable.
    fn attached_before(
        &self,
        source: Source,
        tx: Arc<Verified>,
        position: Position,
        out: &mut Outbox,
    ) {
        if source == Source::Local {
            out.durable = true;
            let at = self.now;
            out.events.push(Event::Attached { position, at, source, again: true, tx });
        }
    }

    pub(super) fn wait(
        &mut self,
        source: Source,
        tx: Arc<Verified>,
        missing: &[TxId],
        out: &mut Outbox,
    ) {
        let Some(peer) = source.peer() else {
            let parent = missing.first().copied().unwrap_or(TxId::ZERO);
            let reason = SubmitRefusal::UnknownParent { parent };
            out.events.push(Event::Refused { id: tx.id(), reason });
            return;
        };
        self.gossip.arrived(&tx.id());
        self.wants.satisfied(Want::Transaction(tx.id()));
        let (dropped, expires) = self.solidifier.hold(self.now, tx, source, missing);
        self.timers.set(Timer::Waiting, expires);
        self.want_again(dropped);
        for parent in missing {
            if !self.solidifier.contains(parent) {
                self.want(Want::Past(*parent), peer);
            }
        }
    }

    /// What is gone while others wait for it is missing like any other parent. Who brought it long
    /// ago may have lost it since.
    pub(super) fn want_again(&mut self, gone: Vec<(TxId, NodeId)>) {
        for (id, peer) in gone {
            let delay = self.limits.ask_delay;
            let due = self.wants.add_unclaimed(self.now, Want::Past(id), peer, delay);
            self.ask_at(due);
        }
    }

    /// Whether something came so late that it cannot matter to what will be ordered, nor can its
    /// past (docs/PROTOCOL.md section 12). Most have dropped that, so none of it is taken, but for
    /// what something later stands on. Whoever submits such a thing is told that it is stale.
    fn is_bygone(&self, source: Source, tx: &Verified) -> bool {
        let anchor = tx.transaction().attachment.anchor.round;
        source != Source::Local && anchor < self.consensus.oldest_of_use()
    }

    fn is_awaited(&self, id: &TxId) -> bool {
        self.solidifier.awaits(id) || self.consensus.awaits(id)
    }

    /// Attaches a transaction whose parents are here, or of no use. False if its body has
    /// attachments enough.
    pub(super) fn attach(&mut self, solid: Solid, reads: &dyn Reads, out: &mut Outbox) -> bool {
        let Solid { tx, source, since, is_offered, waited, absent_below } = solid;
        let (id, body) = (tx.id(), tx.body_id());
        if self.is_bygone(source, &tx) {
            self.attach_closed(source, tx, reads, out);
            return true;
        }
        if !self.has_fitting_anchor(&tx, reads) {
            if source == Source::Local {
                out.events.push(Event::Refused { id, reason: SubmitRefusal::AnchorOrder });
            }
            self.pass_over(id);
            return false;
        }
        let attachments = self.tangle.attachments(&body).len();
        if attachments >= ATTACHMENTS_MAX && !self.is_awaited(&id) {
            let reason = SubmitRefusal::EnoughAttachments { limit: ATTACHMENTS_MAX };
            if source == Source::Local {
                out.events.push(Event::Refused { id, reason });
            }
            self.pass_over(id);
            return false;
        }
        let is_live_or_new = self.tangle.holds_all_from(absent_below);
        let first_of_body = attachments == 0 && (is_live_or_new || !reads.has_body(&body));
        let position = self.tangle.next();
        let attached =
            Attached { position, first_of_body, is_own: source == Source::Local, tx: tx.clone() };
        let entry = LogEntry::of(&attached);
        self.place(self.now, &entry, Order::Open(Some(tx.clone())), is_offered);
        self.scheduler.attached(self.now, id);
        self.cover.attached(Citable::of(&entry, tx.transaction().body.issuer));
        for far in self.cover.drop_far() {
            self.tangle.let_go(&far, reads);
        }
        if let Some(key) = tx.transaction().new_key().cloned() {
            self.key_known(key, reads, out);
        }
        self.settled_want(id);
        // What waited in line here waited nowhere else: it is news as if it had just come.
        let since = if waited { self.now } else { since };
        self.spread(source, since, &tx, first_of_body, out);
        self.written(attached, source, out);
        true
    }

    /// Attaches what a certified commit ordered, or what nobody can order any more, whether its
    /// parents are here or were dropped.
    pub(super) fn attach_closed(
        &mut self,
        source: Source,
        tx: Arc<Verified>,
        reads: &dyn Reads,
        out: &mut Outbox,
    ) {
        let (position, body) = (self.tangle.next(), tx.body_id());
        let is_first = self.tangle.attachments(&body).is_empty();
        let first_of_body = is_first && !reads.has_body(&body);
        let is_own = source == Source::Local;
        let attached = Attached { position, first_of_body, is_own, tx };
        self.tangle.attach(&LogEntry::of(&attached), Order::Closed);
        self.settled_want(attached.tx.id());
        if let Some(key) = attached.tx.transaction().new_key().cloned() {
            self.key_known(key, reads, out);
        }
        self.written(attached, source, out);
    }

    /// Writes and tells of what was attached.
    fn written(&self, attached: Attached, source: Source, out: &mut Outbox) {
        out.durable |= source == Source::Local;
        let (at, position, tx) = (self.now, attached.position, attached.tx.clone());
        out.events.push(Event::Attached { position, at, source, again: false, tx });
        out.writes.attached.push(attached);
    }

    /// Anchors do not go back from parent to child, nor forth too far (docs/PROTOCOL.md section
    /// 10): so whatever a leader can still order has its whole past ordered, or too old for ever.
    fn has_fitting_anchor(&self, tx: &Verified, reads: &dyn Reads) -> bool {
        let attachment = tx.transaction().attachment;
        let own = attachment.anchor.round.0;
        attachment.transactions().all(|parent| {
            let anchor = self.tangle.anchor_of(&parent, reads);
            anchor.is_some_and(|anchor| anchor.0 <= own && own - anchor.0 <= ANCHOR_LAG)
        })
    }

    /// It is not taken, and nobody is asked for it any more.
    fn pass_over(&mut self, id: TxId) {
        self.settled_want(id);
        self.tangle.pass_over(id);
    }

    /// It is bygone, and so is all that `source` was asked for behind it, as far as nothing here
    /// stands on that.
    fn pass_over_past(&mut self, id: TxId, source: Source) {
        let Source::Answer(peer) = source else { return self.pass_over(id) };
        for past in self.wants.pasts_asked_of(&peer) {
            if !self.is_awaited(&past) && self.wants.forget(Want::Past(past)) {
                self.pass_over(past);
            }
        }
        self.settled_want(id);
    }

    pub(super) fn settled_want(&mut self, id: TxId) {
        self.wants.satisfied(Want::Past(id));
        self.wants.satisfied(Want::Transaction(id));
    }

    /// News goes to peers as bytes. What an answer brought, or what waited for long, most have
    /// already: it is announced; and of a long past the frontier tells, once, at its end.
    fn spread(
        &mut self,
        source: Source,
        since: Time,
        tx: &Verified,
        first_of_body: bool,
        out: &mut Outbox,
    ) {
        let news = match source {
            Source::Answer(peer) if self.wants.is_bulk(&peer) => {
                return self.gossip.arrived(&tx.id());
            }
            Source::Answer(_) => false,
            Source::Gossip(_) => self.now.since(since) <= self.limits.graft_delay,
            Source::Local => true,
        };
        let flush = self.gossip.spread(self.now, source.peer(), news, tx, first_of_body, out);
        self.timers.set(Timer::Announce, flush);
    }

    /// Puts a transaction into the live DAG, and into the tip set if it may be offered there.
    pub(super) fn place(&mut self, now: Time, entry: &LogEntry, order: Order, is_offered: bool) {
        let may_be_tip = is_offered && self.tangle.attachments(&entry.body).is_empty();
        let parents: Vec<Position> = entry
            .attachment
            .transactions()
            .filter_map(|parent| self.tangle.position(&parent))
            .collect();
        self.tangle.attach(entry, order);
        // A child that can be no tip itself leaves its parents in their place.
        if may_be_tip {
            let due = self.tips.attached(now, entry, &parents);
            self.timers.set(Timer::Tips, due);
        }
    }

    pub(super) fn key_known(&mut self, key: PublicKey, reads: &dyn Reads, out: &mut Outbox) {
        let id = key.id();
        if reads.key(&id).is_none() {
            out.writes.keys.push(key);
        }
        self.wants.satisfied(Want::Key(id));
        out.events.push(Event::KeyKnown(id));
    }
}
