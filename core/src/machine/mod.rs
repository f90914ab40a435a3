//! The protocol of a node as one state machine.
//!
//! ```text
//! Input -> solidify -> scheduler -> tangle -> tips -> gossip -> Outbox: writes, then messages,
//! then events
//! ```
//!
//! One door in ([`Input`]), one door out ([`Outbox`]); time, chance and disk reads are arguments.
//! Invariant: same inputs, times, seed and reads give the same outputs, to the byte.
//!
//! A transaction takes a straight line (`attach.rs`): it waits until its parents are here, and for
//! its turn if too much comes (`crowd.rs`), is attached at the next position, becomes a tip, and is
//! spread. Checkpoints cite it (`checkpoints.rs`), a committed leader gives it its place in the
//! order, and the ledger its outcome (`settle.rs`).

mod archive;
mod attach;
mod catchup;
mod certify;
mod chain;
mod checkpoints;
mod consensus;
mod cover;
mod crowd;
mod evidence;
mod gossip;
mod heard;
mod ids;
mod input;
mod ledger;
mod limits;
mod outbox;
mod peers;
mod prune;
mod reads;
mod records;
mod restore;
mod scheduler;
mod serve;
mod settle;
mod snapshot;
mod solidify;
mod spread;
mod status;
mod sync;
mod talk;
mod tangle;
mod timers;
mod tips;
mod turns;
mod validator;
mod wants;

use alloc::sync::Arc;
use core::fmt;

use rand_chacha::ChaCha8Rng;

use self::{
    catchup::Catchup,
    certify::Certifier,
    chain::Chain,
    consensus::Consensus,
    cover::Cover,
    gossip::Gossip,
    heard::Heard,
    ids::Places,
    ledger::Ledger,
    peers::Peers,
    prune::Floor,
    reads::View,
    scheduler::Scheduler,
    snapshot::Snapshots,
    solidify::Solidifier,
    spread::Spread,
    sync::Sync,
    tangle::Tangle,
    timers::{Timer, Timers},
    tips::Tips,
    validator::Validator,
    wants::{Surroundings, Want, Wants},
};
use crate::{
    committee::Committee,
    digest::NodeId,
    genesis::Genesis,
    keys::Verify,
    time::{Span, Time},
    tx::{CommitRef, NetworkId},
    units::{CommitIndex, Round},
};

pub use self::{
    archive::Archive,
    chain::{Place, Verdict},
    input::{Fault, Input, Source, Ticket},
    ledger::recount,
    limits::{History, Limits, PaceLimits, ShareLimits},
    outbox::{Attached, Batch, DropReason, Event, Outbox, SubmitRefusal, ToNet},
    reads::{LogEntry, Reads},
    records::{Records, Table},
    restore::Setup,
    status::{By, PeerStatus, Signing, Status, SyncStatus, WaitsFor},
};

/// The protocol of one node.
pub struct Machine {
    limits: Limits,
    genesis: Arc<Genesis>,
    network: NetworkId,
    /// Checks the signatures of certificates.
    verify: Arc<dyn Verify>,
    committee: Arc<Committee>,
    /// What the first step of all writes.
    first: Option<Records>,
    /// The last commit: the anchor of new attachments.
    anchor: CommitRef,
    consensus: Consensus,
    cover: Cover,
    certifier: Certifier,
    chain: Chain,
    ledger: Ledger,
    snapshots: Snapshots,
    floor: Floor,
    sync: Sync,
    heard: Heard,
    spread: Spread,
    catchup: Catchup,
    validator: Option<Validator>,
    /// The commit that this node votes for next.
    next_vote: CommitIndex,
    /// The last commit whose certificate was kept.
    certificate_kept: CommitIndex,
    /// The last commit that ordered anything.
    last_filled: CommitIndex,
    /// From which round the last stretch of checkpoints was asked for.
    stretch_from: Round,
    tangle: Tangle,
    tips: Tips,
    solidifier: Solidifier,
    scheduler: Scheduler,
    gossip: Gossip,
    wants: Wants,
    peers: Peers,
    timers: Timers,
    random: ChaCha8Rng,
    places: Places,
    /// Which part of a long frontier is shown next.
    frontier_turn: u64,
    /// Whom it was shown last.
    frontier_shown: NodeId,
    now: Time,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { network, now, anchor, .. } = self;
        let mut shown = f.debug_struct("Machine");
        shown.field("network", network).field("now", now).field("anchor", anchor);
        shown.finish_non_exhaustive()
    }
}

impl Machine {
    /// Takes one input. What it leads to is added to `out`, which the caller empties in order
    /// before it sleeps; several inputs may share one `out`.
    pub fn handle(&mut self, now: Time, input: Input, reads: &dyn Reads, out: &mut Outbox) {
        self.now = now;
        if out.writes.attached.is_empty() {
            self.tangle.keep_bounds();
        }
        if let Some(first) = self.first.take() {
            out.writes.records.join(first);
        }
        if self.sync.has_arrived() && out.writes.is_empty() {
            self.arrive(reads, out);
        }
        match input {
            Input::Admitted { source, tx, absent_below } => {
                self.admitted(source, tx, absent_below, reads, out);
            }
            Input::Checkpoint { source, checkpoint } => {
                self.checkpoint(source, checkpoint, reads, out);
            }
            Input::Repeated { from, id } => self.repeated(from, id, reads, out),
            Input::KeyMissing { from, key } => {
                // It is something, though nothing can be done with it yet.
                self.wants.brought(now, from, false);
                let known = View { pending: &out.writes, store: reads }.key(&key).is_some();
                if !known {
                    self.want(Want::Key(key), from);
                }
            }
            Input::BodyMissing { from, id } => self.body_missing(from, id, reads),
            Input::Misbehaved { from, fault } => self.peers.blame(now, from, fault, out),
            Input::Message { from, message } => self.said(from, message, reads, out),
            Input::Part { ticket, bytes, .. } => self.sync.part(ticket, &bytes),
            Input::Request { from, ticket, message } => {
                self.asked(from, ticket, &message, reads, out);
            }
            Input::Answered { from, ticket, end } => self.answered(from, ticket, end, reads, out),
            Input::PeerUp { peer, address, fixed } => self.peer_up(peer, address, fixed, out),
            Input::PeerDown { peer } => self.peer_down(&peer, out),
            Input::DialFailed { peer } => {
                self.peers.dial_failed(now, &peer);
                self.timers.set(Timer::Dial, now);
            }
            Input::Tick => {}
        }
        while let Some(timer) = self.timers.take_due(now) {
            self.fire(timer, reads, out);
        }
    }

    /// When [`Input::Tick`] is due.
    pub fn deadline(&self) -> Option<Time> {
        self.timers.next()
    }

    /// A small picture for queries. Draws a fresh sample of tips.
    pub fn status(&mut self) -> Status {
        Status {
            next: self.tangle.next(),
            tips: self.tips.sample(self.anchor.round, &mut self.random),
            tip_count: self.tips.count(),
            anchor: self.anchor,
            committed: (self.chain.id(), self.chain.time()),
            certified: self.certifier.certified().map_or(CommitIndex::ZERO, |vote| vote.index),
            round: self.consensus.quorum_round(),
            heard: self.heard.round(&self.committee),
            unordered: self.cover.len(),
            sync: self.sync.status(self.chain.last().index),
            lowest: self.floor.commit,
            signing: self
                .validator
                .as_ref()
                .map_or(Signing::Follower, |validator| validator.picture(&self.committee)),
            live_count: self.tangle.count(),
            live_bytes: self.tangle.bytes(),
            waiting_count: self.solidifier.count(),
            waiting_bytes: self.solidifier.bytes(),
            in_line_count: self.scheduler.count(),
            in_line_bytes: self.scheduler.bytes(),
            turned_away: self.scheduler.turned_away(),
            wanted: self.wants.count(),
            fetching: self.wants.fetching_past(),
            peers: self
                .peers
                .picture(self.now)
                .map(|(id, address, fixed, blame)| {
                    let eager = self.gossip.is_eager(&id);
                    PeerStatus { id, address, fixed, eager, blame }
                })
                .collect(),
            known_addresses: self.peers.addresses_known(),
        }
    }
}

impl Machine {
    /// What time brings.
    fn fire(&mut self, timer: Timer, reads: &dyn Reads, out: &mut Outbox) {
        let now = self.now;
        let again = match timer {
            Timer::Tips => self.tips.expire(now),
            Timer::Waiting => {
                let (dropped, next) = self.solidifier.expire(now);
                self.want_again(dropped);
                next
            }
            Timer::Ask => self.ask(out),
            Timer::Announce => {
                self.gossip.flush(out);
                None
            }
            Timer::Graft => self.missed(out),
            Timer::Pace => {
                self.pace(reads, out);
                None
            }
            // Consensus stands still while this node is not where the others are.
            Timer::Catchup if self.sync.is_active() => None,
            Timer::Catchup => self.ask_stretch(out),
            Timer::Sync => {
                self.sync_on(reads, out);
                None
            }
            Timer::Turn => {
                self.take_up(reads, out);
                None
            }
            Timer::Frontier => {
                self.ask_silent(out);
                if let Some(peer) = self.peers.after(self.frontier_shown) {
                    self.frontier_shown = peer;
                    self.show_frontier(&[peer], out);
                    self.show_newest(peer, out);
                }
                Some(now + self.limits.frontier_every)
            }
            Timer::Addresses => {
                self.peers.tell(out);
                let book = self.peers.take_changed_book();
                out.writes.addresses = book.or(out.writes.addresses.take());
                None
            }
            Timer::Dial => self.peers.dial(now, &mut self.random, out),
        };
        if let Some(at) = again {
            // Never in the same instant: a timer that is always due would spin.
            self.timers.set(timer, at.max(now + MILLISECOND));
        }
    }

    fn ask(&mut self, out: &mut Outbox) -> Option<Time> {
        let anyone = self.peers.anyone(&mut self.random);
        let Self { wants, peers, tangle, solidifier, consensus, now, frontier_turn, .. } = self;
        let around = Surroundings {
            now: *now,
            connected: &|peer| peers.is_connected(peer),
            awaited: &|id| solidifier.awaits(id) || consensus.awaits(id),
            anyone,
            have: &|| tangle.known(*frontier_turn),
        };
        let due = wants.ask_due(&around, out);
        if let Some(peer) = anyone {
            self.want_awaited(peer);
        }
        due
    }
}

/// The smallest step of time.
const MILLISECOND: Span = Span::from_millis(1);
