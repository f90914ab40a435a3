//! The straight line of a checkpoint: wait, be accepted, be spread; and the own next one.
//!
//! Invariant: whatever is accepted is written in the very step that spreads it, and an own
//! checkpoint is on disk, with the last signed round, before its first byte leaves.

use alloc::{string::ToString as _, sync::Arc, vec::Vec};

use super::{
    Event, Machine, Outbox, Reads, Source, Validator,
    consensus::{Create, Fate},
    ledger,
    records::{Table, Tables, checkpoint_key, newest_key},
    timers::Timer,
    validator::Signed,
    wants::Want,
};
use crate::{
    address::Address,
    checkpoint::{Checkpoint, CheckpointRef, Content, VerifiedCheckpoint},
    codec::Encode as _,
    commit::Signer,
    digest::NodeId,
    keys::Sign,
    message::Message,
    params::{TIPS_MAX, VOTES_MAX},
    time::Span,
    units::{CommitIndex, Round},
};

/// Rounds below the own one of which a validator is sent what it does not show to have; not of the
/// last one, of which it cannot have shown anything yet.
const RECENT: u64 = 4;

/// Of so many commits in a row one certificate is kept: proofs of the others lead to the next kept
/// one.
const KEPT_CERTIFICATES: u64 = 16;

/// What this node was alarmed by, in [`Table::Standing`]: it stays so after a restart.
pub(super) const ALARMED: [u8; 1] = *b"a";

/// Which commit this node votes for next, in [`Table::Standing`].
pub(super) const NEXT_VOTE: [u8; 1] = *b"v";

impl Machine {
    /// A verified checkpoint came.
    pub(super) fn checkpoint(
        &mut self,
        source: Source,
        checkpoint: Arc<VerifiedCheckpoint>,
        reads: &dyn Reads,
        out: &mut Outbox,
    ) {
        let (reference, peer) = (checkpoint.reference(), source.peer());
        self.heard.checkpoint(reference);
        if let Some(author) = peer.and_then(|peer| self.committee.author_of(&peer)) {
            self.spread.has(author, reference);
        }
        if let Some(validator) = &mut self.validator {
            validator.recalled(reference, self.consensus.own_last().map(|(last, _)| last));
        }
        if self.sync.is_active() {
            self.sync.checkpoint(source, checkpoint);
            return;
        }
        self.notice(reference.round, out);
        let Self { consensus, tangle, .. } = self;
        let added = consensus.add(checkpoint, &|id| tangle.anchor_of(id, reads));
        if let Some(pair) = added.evidence {
            self.equivocated(pair, reads, out);
        }
        if let Fate::Waiting { refs, tips } = added.fate {
            let tips = self.release(tips, reads, out);
            if !tips.is_empty() {
                // Those without a source, or without room, follow when it rings.
                self.timers.set(Timer::Ask, self.now + self.limits.ask_delay);
            }
            // Where an operator's rate has lines stand, little comes by itself in time, and rounds
            // wait for it. In a line that waits for a commit it is late, and need not come twice.
            let is_rated = self.scheduler.waits_for_rate();
            let delay = if is_rated { Span::default() } else { self.limits.ask_delay };
            for (tip, peer) in tips.into_iter().zip(peer.into_iter().cycle()) {
                self.want_after(delay, Want::Past(tip), peer);
            }
            if !refs.is_empty() {
                let due = self.catchup.lacks(self.now, peer);
                self.timers.set(Timer::Catchup, due);
            }
        }
        self.accepted(added.accepted, peer, reads, out);
        self.progress(reads, out);
    }

    /// What follows from checkpoints that count now.
    pub(super) fn accepted(
        &mut self,
        accepted: Vec<Arc<VerifiedCheckpoint>>,
        from: Option<NodeId>,
        reads: &dyn Reads,
        out: &mut Outbox,
    ) {
        for checkpoint in accepted {
            let reference = checkpoint.reference();
            let mut tables = Tables { pending: &mut out.writes.records, store: reads };
            self.keep_checkpoint(&checkpoint, &mut tables);
            self.spread.shown(reference, checkpoint.checkpoint());
            self.cover.enter(self.consensus.round().max(self.consensus.quorum_round()));
            self.cover.cited(reference.round, &checkpoint.checkpoint().tips);
            self.count_votes(checkpoint.checkpoint(), reads, out);
            if self.consensus.is_near(reference.round) {
                self.forward(&checkpoint, from, out);
            }
        }
    }

    /// Writes an accepted checkpoint, and that it is the newest of its author if it is. The one
    /// before stays only if it lies above the floor.
    pub(super) fn keep_checkpoint(&self, checkpoint: &VerifiedCheckpoint, tables: &mut Tables<'_>) {
        let reference = checkpoint.reference();
        let newest = newest_key(reference.author);
        let before = tables.read::<CheckpointRef>(Table::Standing, &newest);
        if before.is_none_or(|before| before.round < reference.round) {
            tables.write(Table::Standing, &newest, &reference);
            if let Some(before) = before.filter(|before| self.floor.is_below(before.round)) {
                tables.remove(Table::Checkpoint, &checkpoint_key(&before));
            }
        }
        let bytes = Some(checkpoint.bytes().clone());
        tables.pending.set(Table::Checkpoint, &checkpoint_key(&reference), bytes);
    }

    fn count_votes(&mut self, checkpoint: &Checkpoint, reads: &dyn Reads, out: &mut Outbox) {
        if checkpoint.votes.is_empty() {
            return;
        }
        let counted = self.certifier.vote(Signer::from(checkpoint), &self.committee);
        for certificate in counted.certificates {
            let index = certificate.vote.index;
            if index.0 / KEPT_CERTIFICATES > self.certificate_kept.0 / KEPT_CERTIFICATES {
                self.certificate_kept = index;
                let bytes = certificate.to_bytes().into();
                out.writes.records.set(Table::Certificate, &index.0.to_be_bytes(), Some(bytes));
            }
            out.events.push(Event::Certified { certificate: Arc::new(certificate) });
        }
        for double in counted.evidence {
            self.voted_twice(double, reads, out);
        }
        if let Some(divergence) = counted.divergence {
            self.alarm(divergence.to_string(), out);
        }
    }

    /// To peers that are no validators, along the tree: validators get it from its author.
    fn forward(&self, checkpoint: &VerifiedCheckpoint, from: Option<NodeId>, out: &mut Outbox) {
        let author = self.committee.node(checkpoint.author());
        for peer in self.gossip.eager() {
            let is_validator = self.committee.author_of(&peer).is_some();
            if Some(peer) != from && Some(peer) != author && !is_validator {
                out.send(peer, Message::Checkpoint(checkpoint.bytes().clone()));
            }
        }
    }

    /// Something happened that cannot happen as long as at most f validators are faulty, or this
    /// node computes wrongly: it signs nothing more, and keeps everything.
    pub(super) fn alarm(&mut self, cause: alloc::string::String, out: &mut Outbox) {
        if let Some(validator) = &mut self.validator {
            validator.alarm();
        }
        let bytes = cause.clone().into_bytes().into();
        out.writes.records.set(Table::Standing, &ALARMED, Some(bytes));
        out.events.push(Event::Alarm { cause });
    }

    /// Settles what is decided and makes the checkpoints that are due, until nothing changes.
    pub(super) fn progress(&mut self, reads: &dyn Reads, out: &mut Outbox) {
        self.settle(reads, out);
        while let Some(key) = self.signing_key() {
            let awake = self.is_awake();
            let Some(create) = self.consensus.create_due(self.now, awake) else { break };
            self.create(create, &*key, reads, out);
            self.settle(reads, out);
        }
        self.set_pace();
    }

    /// The key of this validator, if it may be used.
    fn signing_key(&self) -> Option<Arc<dyn Sign>> {
        let validator = self.validator.as_ref().filter(|_| !self.sync.is_active());
        validator.and_then(Validator::key)
    }

    fn set_pace(&mut self) {
        if self.signing_key().is_some() {
            let awake = self.is_awake();
            if let Some(at) = self.consensus.next_deadline(awake) {
                self.timers.set(Timer::Pace, at.max(self.now + super::MILLISECOND));
            }
        }
    }

    /// Whether rounds should follow one another quickly.
    pub(super) fn is_awake(&self) -> bool {
        self.cover.is_awake() || self.next_vote <= self.last_filled
    }

    /// Signs the checkpoint that is due.
    fn create(&mut self, create: Create, key: &dyn Sign, reads: &dyn Reads, out: &mut Outbox) {
        let Some(author) = self.validator.as_ref().map(Validator::author) else { return };
        let round = create.round;
        self.cover.enter(round);
        let mut tables = Tables { pending: &mut out.writes.records, store: reads };
        let certified = self.certifier.certified().map_or(0, |vote| vote.index.0);
        let from = CommitIndex(self.next_vote.0.max(certified + 1));
        let votes = self.chain.votes(from, VOTES_MAX, &tables);
        let last = self.consensus.own_last().map(|(_, time)| time);
        let time = last.map_or(self.now, |last| self.now.max(last + Span::from_millis(1)));
        let weigh = |issuer: &Address| self.limits.shares.weight(ledger::balance(issuer, &tables));
        let content = Content {
            refs: self.consensus.references(round),
            tips: self.cover.candidates(round, self.consensus.leads(round), TIPS_MAX, &weigh),
            votes: votes.clone(),
        };
        let made = Checkpoint::sign(self.network, (round, author), time, content, key);
        let Ok(made) = made else {
            return self.alarm("the validator's key does not sign".into(), out);
        };
        if let Some(last) = votes.last() {
            self.next_vote = CommitIndex(last.index.0 + 1);
            tables.write(Table::Standing, &NEXT_VOTE, &self.next_vote);
        }
        let made = Arc::new(VerifiedCheckpoint::own(made));
        Signed { reference: made.reference(), time }.write(&mut tables);
        out.durable = true;
        let Self { consensus, tangle, .. } = self;
        let added = consensus.add(made.clone(), &|id| tangle.anchor_of(id, reads));
        assert!(added.fate == Fate::Accepted, "an own checkpoint rests on what is accepted");
        self.accepted(added.accepted, None, reads, out);
        self.say(&made, out);
    }

    /// An own checkpoint to all validators and along the tree, and to each validator what it does
    /// not show to have.
    fn say(&mut self, made: &VerifiedCheckpoint, out: &mut Outbox) {
        let oldest = Round(made.round().0.saturating_sub(RECENT));
        let recent = self.consensus.accepted().map(|one| one.reference());
        let recent: Vec<CheckpointRef> = recent
            .filter(|reference| reference.round >= oldest && reference.round.0 + 1 < made.round().0)
            .collect();
        for peer in self.peers.connected() {
            let Some(author) = self.committee.author_of(&peer) else { continue };
            self.spread.has(author, made.reference());
            out.send(peer, Message::Checkpoint(made.bytes().clone()));
            for reference in self.spread.lacks(author, &recent) {
                if let Some(checkpoint) = self.consensus.checkpoint(&reference) {
                    out.send(peer, Message::Checkpoint(checkpoint.bytes().clone()));
                }
            }
        }
    }

    /// Time came for the pacemaker.
    pub(super) fn pace(&mut self, reads: &dyn Reads, out: &mut Outbox) {
        let awake = self.is_awake();
        let signs = self.signing_key().is_some();
        if signs && self.consensus.is_stuck(self.now, awake) {
            let last = self.consensus.own_last().map(|(last, _)| last);
            let last = last.and_then(|last| self.consensus.checkpoint(&last)).cloned();
            for peer in self.peers.connected() {
                if let (Some(last), Some(_)) = (&last, self.committee.author_of(&peer)) {
                    out.send(peer, Message::Checkpoint(last.bytes().clone()));
                }
            }
        }
        self.progress(reads, out);
    }

    /// A new peer gets what is newest, so that whoever is behind notices.
    pub(super) fn greet(&mut self, peer: NodeId, out: &mut Outbox) {
        let newest = self.consensus.quorum_round();
        for checkpoint in self.consensus.accepted().filter(|one| one.round() >= newest) {
            out.send(peer, Message::Checkpoint(checkpoint.bytes().clone()));
        }
        self.ask_newest(peer, out);
    }

    /// A peer that is no validator gets the newest checkpoint now and then. Checkpoints are not
    /// announced: while nobody posts, nothing else tells it that the tree does not reach it.
    pub(super) fn show_newest(&self, peer: NodeId, out: &mut Outbox) {
        if self.committee.author_of(&peer).is_some() {
            return;
        }
        if let Some(newest) = self.consensus.accepted().max_by_key(|one| one.round()) {
            out.send(peer, Message::Checkpoint(newest.bytes().clone()));
        }
    }

    /// Asks those connected validators again that never answered.
    pub(super) fn ask_silent(&mut self, out: &mut Outbox) {
        let silent = self.validator.as_ref().map(|validator| validator.silent(&self.committee));
        for author in silent.unwrap_or_default() {
            let node = self.committee.node(author).filter(|node| self.peers.is_connected(node));
            if let Some(node) = node {
                self.ask_newest(node, out);
            }
        }
    }

    /// Asks another validator what it knows of the own checkpoints, before any is signed.
    pub(super) fn ask_newest(&mut self, peer: NodeId, out: &mut Outbox) {
        let Some(author) = self.committee.author_of(&peer) else { return };
        if let Some(validator) = self.validator.as_mut().filter(|one| one.is_asking()) {
            let (ticket, own) = (validator.ask(author), validator.author());
            out.ask(peer, ticket, Message::GetNewest(own));
        }
    }
}
