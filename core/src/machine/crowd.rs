//! From solid to attached: at once where nothing waits, else in turns.
//!
//! Invariant: whoever handed something over is told what became of it, also of what found no room;
//! what a checkpoint waits for waits for nobody. What is taken after a wait is looked at as if it
//! had just come: it may be here by another way, or its parents may be gone.

use alloc::vec::Vec;

use super::{
    Event, Machine, Outbox, Reads, Source, SubmitRefusal, ToNet, ledger,
    records::Tables,
    scheduler::{Solid, TurnedAway},
    timers::Timer,
};
use crate::{
    digest::{NodeId, TxId},
    units::Position,
};

impl Machine {
    /// Takes something solid in, and what becomes solid by that.
    pub(super) fn enter(&mut self, solid: Solid, reads: &dyn Reads, out: &mut Outbox) {
        self.take_in([solid].into(), Vec::new(), reads, out);
        self.take_up(reads, out);
    }

    /// Takes up whose turn has come, as far as there is room.
    pub(super) fn take_up(&mut self, reads: &dyn Reads, out: &mut Outbox) {
        while let Some(solid) = self.scheduler.next(self.now, self.cover.in_flight()) {
            self.take_in(Vec::new(), [solid].into(), reads, out);
        }
        if let Some(due) = self.scheduler.due(self.now, self.cover.in_flight()) {
            self.timers.set(Timer::Turn, due);
        }
        self.hold(out);
    }

    /// Whoever brings more than is taken has to wait with it. Not so validators: what they relay
    /// has passed their own window, and their checkpoints stand on it.
    fn hold(&mut self, out: &mut Outbox) {
        let Self { scheduler, peers, committee, .. } = self;
        let is_validator = |peer: &NodeId| committee.author_of(peer).is_some();
        let may_wait = |peer: &NodeId| peers.is_connected(peer) && !is_validator(peer);
        let changes = scheduler.changes_of_held(may_wait);
        let orders = changes.into_iter().map(|(peer, waits)| ToNet::Hold { peer, waits });
        out.messages.extend(orders);
    }

    /// Whether something that waited may be attached still. If not, what else is to be done is.
    fn still_stands(&mut self, solid: &Solid, reads: &dyn Reads, out: &mut Outbox) -> bool {
        let Solid { tx, source, .. } = solid;
        if self.sync.is_active() || self.position(&tx.id(), reads).is_some() {
            self.admitted(*source, tx.clone(), Position::ZERO, reads, out);
            return false;
        }
        let missing = self.missing(*source, tx, reads);
        if !missing.is_empty() {
            self.wait(*source, tx.clone(), &missing, out);
        }
        missing.is_empty()
    }

    /// Attaches `cleared`, parents first, and lets `entering` take their turns, and whatever waited
    /// for either.
    fn take_in(
        &mut self,
        mut entering: Vec<Solid>,
        mut cleared: Vec<Solid>,
        reads: &dyn Reads,
        out: &mut Outbox,
    ) {
        let was_awake = self.is_awake();
        let mut accepted = Vec::new();
        loop {
            for solid in cleared.drain(..) {
                if solid.waited && !self.still_stands(&solid, reads, out) {
                    continue;
                }
                let (id, anchor) = (solid.tx.id(), solid.tx.transaction().attachment.anchor.round);
                if self.attach(solid, reads, out) {
                    accepted.extend(self.consensus.tip_here(&id, anchor));
                    entering.extend(self.solidifier.resolve(&id));
                }
            }
            let Some(solid) = entering.pop() else { break };
            if self.scheduler.passes(self.now, self.cover.in_flight(), &solid) {
                cleared.push(solid);
            } else if self.is_urgent(&solid) {
                self.scheduler.exempt(&solid);
                let parents = solid.tx.transaction().attachment.transactions();
                cleared.extend(self.scheduler.past(parents));
                // Whoever has not cited it may have no room for it, and of what it stands on
                // something may be gone.
                cleared.push(Solid { is_offered: false, waited: true, ..solid });
            } else {
                let id = solid.tx.id();
                self.queue(solid, reads, out);
                if self.scheduler.contains(&id) {
                    entering.extend(self.solidifier.resolve(&id));
                }
            }
        }
        // Nothing else that rounds depend on can have changed.
        if !accepted.is_empty() || self.is_awake() != was_awake {
            self.accepted(accepted, None, reads, out);
            self.progress(reads, out);
        }
    }

    fn queue(&mut self, solid: Solid, reads: &dyn Reads, out: &mut Outbox) {
        let id = solid.tx.id();
        self.gossip.arrived(&id);
        self.settled_want(id);
        let tables = Tables { pending: &mut out.writes.records, store: reads };
        let balance = ledger::balance(&solid.tx.transaction().body.issuer, &tables);
        let weight = self.limits.shares.weight(balance);
        for TurnedAway { id, source, retry_after } in self.scheduler.put(solid, weight) {
            if source == Source::Local {
                let reason = SubmitRefusal::Crowded { retry_after };
                out.events.push(Event::Refused { id, reason });
            }
        }
    }

    /// Whether a checkpoint waits for it, or for what waits for it, or for the past that it is part
    /// of.
    fn is_urgent(&self, solid: &Solid) -> bool {
        let is_cited = |id: &TxId| self.consensus.awaits(id);
        let is_below = |id: &TxId| is_cited(id) || self.solidifier.leads_to(id, &is_cited);
        is_below(&solid.tx.id())
            || matches!(solid.source, Source::Answer(peer)
                if self.wants.pasts_asked_of(&peer).iter().any(is_below))
    }

    /// Tips of a checkpoint: what waits of them for its turn has it now. Returns the others.
    pub(super) fn release(
        &mut self,
        tips: impl IntoIterator<Item = TxId>,
        reads: &dyn Reads,
        out: &mut Outbox,
    ) -> Vec<TxId> {
        let here = |tip: &TxId| self.scheduler.contains(tip);
        let (here, missing): (Vec<TxId>, Vec<TxId>) = tips.into_iter().partition(here);
        if !here.is_empty() {
            let cleared = self.scheduler.past(here);
            self.take_in(Vec::new(), cleared, reads, out);
            self.hold(out);
        }
        missing
    }
}
