//! One honest node: the unmodified machine, the checks before it and a disk that can fail.
//!
//! What it is and what it shows. How it lives is the matter of `life`.

use std::net::{Ipv4Addr, SocketAddr};

use weft_core::{
    committee::Author,
    digest::NodeId,
    genesis::Genesis,
    keys::Sign as _,
    machine::{Archive, Batch, Limits, Machine, Reads as _, Source, Status},
    message::Message,
    time::{Span, Time},
};
use weft_storage::MemoryStore;

use crate::{
    judges::bounds::Pulse,
    kernel::random::Seed,
    world::{
        Settings,
        clock::Clock,
        costs::{Costs, Worker},
        desk::{Desk, Lengths, Queues},
        disk::{Boundary, Disk},
        ingest::Ingest,
        meter::Meter,
        signer::{Key, Scheme, Verifier},
        spoken::Signed,
        told::{Commit, Told},
        vice::Vice,
    },
};

/// One honest node.
#[derive(Debug)]
pub struct Node {
    pub(super) id: NodeId,
    address: SocketAddr,
    pub(crate) genesis: Genesis,
    /// What it signs checkpoints with, if it is a validator.
    pub(super) key: Key,
    scheme: Scheme,
    pub(super) limits: Limits,
    pub(super) costs: Costs,
    pub(super) queues: Queues,
    pub(super) group_max: usize,
    pub(super) seen_max: usize,
    pub(super) disk: Disk,
    pub(super) clock: Clock,
    pub(super) live: Option<Live>,
    /// How often it was started.
    pub(super) lives: u64,
    pub(super) seed: Seed,
    pub(super) number: u64,
    /// Transactions that the last step attached.
    pub(crate) attached_last: u64,
    /// When the next step is planned.
    pub(crate) planned: Option<Time>,
    pub(crate) told: Told,
    /// How many of the stale ones it told of were taken note of.
    pub(crate) stale_noticed: usize,
    pub(crate) signed: Signed,
    /// How it breaks the rules, if it does.
    pub(super) vice: Option<Vice>,
    /// Whether it lost its disk, which counts as a fault of a validator.
    pub(crate) forgot: bool,
    /// Where it loses power, the next time that it gets there, if that is by then.
    pub(super) trap: Option<(Boundary, Time)>,
    /// Whether it does nothing for now, as a process that is stopped.
    pub(super) paused: bool,
    /// For an equivocator: what came under its own key, too new to be heard.
    pub(super) unheard: Vec<(NodeId, Source, Message)>,
    pub(crate) pulse: Pulse,
    pub(crate) meter: Meter,
    /// The longest queues of earlier lives.
    pub(super) peak: Lengths,
}

/// What a crash takes.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) machine: Machine,
    pub(super) ingest: Ingest,
    pub(super) desk: Desk,
    pub(super) thread: Worker,
    pub(super) status: Status,
}

/// The key of node `number` of a world.
pub(crate) fn key_of(scheme: Scheme, seed: Seed, number: u64) -> Key {
    scheme.key(&seed.bytes("node", number))
}

/// Where node `number` of a world listens.
pub(crate) fn address_of(number: u64) -> SocketAddr {
    let [.., a, b] = number.to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(10, 0, a, b), 4_810))
}

impl Node {
    pub(crate) fn new(number: u64, genesis: &Genesis, settings: &Settings) -> Self {
        let seed = Seed::new(settings.seed);
        let key = key_of(settings.scheme, seed, number);
        let (costs, disks) = (settings.costs, settings.disks.clone());
        Self {
            id: key.public_key().id().into(),
            address: address_of(number),
            genesis: genesis.clone(),
            key,
            scheme: settings.scheme,
            limits: settings.limits.clone(),
            costs,
            queues: settings.queues.clone(),
            group_max: settings.group_max,
            seen_max: settings.seen_max,
            disk: Disk::new(disks, costs.store_us, settings.copies),
            clock: Clock::new(&settings.clocks, &mut seed.dice("clock", number)),
            live: None,
            lives: 0,
            seed,
            number,
            attached_last: 0,
            planned: None,
            told: Told::default(),
            stale_noticed: 0,
            signed: Signed::default(),
            vice: None,
            forgot: false,
            trap: None,
            paused: false,
            unheard: Vec::new(),
            pulse: Pulse::default(),
            meter: Meter::default(),
            peak: Lengths::default(),
        }
    }

    /// Its id.
    pub const fn id(&self) -> NodeId {
        self.id
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its store.
    pub const fn store(&self) -> &MemoryStore {
        self.disk.store()
    }

    /// Its bounds.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What checks the signatures that it sees.
    pub const fn verifier(&self) -> Verifier {
        self.scheme.verifier()
    }

    /// Whether it runs.
    pub const fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// How often it was started.
    pub const fn lives(&self) -> u64 {
        self.lives
    }

    /// What its machine looked like after the last step, if it runs.
    pub fn status(&self) -> Option<&Status> {
        self.live.as_ref().map(|live| &live.status)
    }

    /// Bytes held for a key, of the peer that holds most.
    pub fn held_bytes(&self) -> usize {
        self.live.as_ref().map_or(0, |live| live.ingest.held_bytes())
    }

    /// How long its queues are, and how long they were at most in all its lives.
    pub fn queues(&self) -> (Lengths, Lengths) {
        let live = self.live.as_ref().map(|live| (live.desk.lengths(), live.desk.peak()));
        let (now, peak) = live.unwrap_or_default();
        (now, peak.max(self.peak))
    }

    /// Commits to its store in all its lives, and syncs among them.
    pub const fn disk_commits(&self) -> [u64; 2] {
        self.disk.commits
    }

    /// What its clock says.
    pub(crate) fn clock(&self, now: Time) -> Time {
        self.clock.at(now)
    }

    /// How far its clock is ahead of the world, in milliseconds; behind, if negative.
    pub fn clock_ahead_ms(&self, now: Time) -> i64 {
        let [own, world] = [self.clock.at(now), now]
            .map(|time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
        own - world
    }

    /// How often it woke, in all its lives.
    pub const fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Bytes of transactions that peers brought and that became part of the Tangle.
    pub const fn fetched(&self) -> u64 {
        self.told.fetched
    }

    /// What it told, in all its lives.
    pub const fn told(&self) -> &Told {
        &self.told
    }

    /// The own checkpoints that left it, in all its lives.
    pub const fn signed(&self) -> &Signed {
        &self.signed
    }

    /// How it breaks the rules, if it does.
    pub const fn vice(&self) -> Option<Vice> {
        self.vice
    }

    /// Its place in the committee.
    pub fn author(&self) -> Option<Author> {
        self.genesis.committee.author_of(&self.id)
    }

    pub(crate) const fn corrupt(&mut self, vice: Vice) {
        self.vice = Some(vice);
    }

    /// Listens elsewhere: two machines may have one key.
    pub(crate) fn settle_at(&mut self, number: u64) {
        self.number = number;
        self.address = address_of(number);
    }

    /// Makes its store, which is empty, one that says what that of `other` does.
    pub(crate) fn take_copy(&mut self, other: &Self) {
        self.disk.go_back(other.disk.copy());
    }

    /// A copy of what is written.
    pub(crate) fn copy(&self) -> Vec<Batch> {
        self.disk.copy()
    }

    /// While it is down, its store becomes what it was when it held `batches` alone.
    pub(crate) fn go_back(&mut self, batches: Vec<Batch>) {
        self.disk.go_back(batches);
    }

    /// Whoever loses a disk may tell of everything again, and does not have what it acknowledged.
    pub(crate) fn forget(&mut self) {
        self.forgot = true;
        let kept = Archive::new(self.disk.store());
        let known = |commit: &Commit| kept.record(commit.record.index).is_some();
        self.told.commits.retain(known);
        let store = self.disk.store();
        self.told.acknowledged.retain(|id| store.entry(id).is_some());
    }

    /// Loses power at this boundary, the next time that it gets there, if that is by `until`.
    pub(crate) const fn trap(&mut self, boundary: Boundary, until: Time) {
        self.trap = Some((boundary, until));
    }

    /// Does nothing from now on, or goes on.
    pub(crate) const fn pause(&mut self, paused: bool) {
        self.paused = paused;
        self.planned = None;
    }

    pub(crate) const fn is_paused(&self) -> bool {
        self.paused
    }

    /// The system's clock is set forward or back by so many milliseconds.
    pub(crate) fn step_clock(&mut self, by_ms: i64) {
        self.clock.step(by_ms);
    }

    /// The clock stands still, or goes on.
    pub(crate) fn freeze(&mut self, now: Time, frozen: bool) {
        self.clock.freeze(now, frozen);
    }

    /// Each sync takes so much longer.
    pub(crate) const fn slow_disk(&mut self, by: Span) {
        self.disk.slow_down(by);
    }

    /// The disk has no room, or has room again.
    pub(crate) const fn fill_disk(&mut self, full: bool) {
        self.disk.fill(full);
    }

    /// After `good` more reads one fails, if it comes before `until`.
    pub(crate) fn fail_read(&self, good: u64, until: Time) {
        self.disk.scratch(good, until);
    }

    /// The next sync fails, if it is by `until`.
    pub(crate) const fn fail_sync(&mut self, until: Time) {
        self.disk.fail_next(until);
    }
}
