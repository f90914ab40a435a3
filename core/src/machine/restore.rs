//! A machine as its store left it.
//!
//! Invariant: what was acknowledged, final or signed before a crash is known after it; all else is
//! asked of peers again. Cost grows with what is live and with what is not ordered, not with
//! history.

use alloc::{sync::Arc, vec::Vec};

use bytes::Bytes;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng as _};

use super::{
    Catchup, Certifier, Chain, Consensus, Cover, Floor, Gossip, Heard, Ledger, Limits, LogEntry,
    Machine, PaceLimits, Peers, Reads, Scheduler, Snapshots, Solidifier, Spread, Sync, Tangle,
    Timers, Tips, Validator, Wants,
    checkpoints::{ALARMED, NEXT_VOTE},
    consensus::Standing,
    cover::Citable,
    ids::Places,
    records::{Records, Table, Tables, scan},
    settle::{CONSENSUS, UNORDERED_FROM},
    sync::SYNCING,
    tangle::Order,
    timers::Timer,
    validator::Signed,
};
use crate::{
    checkpoint::{Checkpoint, VerifiedCheckpoint, Vote},
    codec::Decode as _,
    committee::{Author, Committee},
    digest::NodeId,
    genesis::Genesis,
    keys::{Sign, Verify},
    object::ObjectKey,
    params::ORDER_LAG,
    time::Time,
    tx::SealedBody,
    units::{CommitIndex, Position, Round},
};

/// Records read at once.
const PAGE: usize = 1_024;

/// What makes one machine this one.
#[derive(Clone)]
pub struct Setup<'a> {
    /// The network.
    pub genesis: &'a Genesis,
    /// Bounds and paces.
    pub limits: Limits,
    /// This node's id.
    pub own: NodeId,
    /// The key that signs checkpoints, if the committee of the genesis has it.
    pub key: Option<Arc<dyn Sign>>,
    /// Checks what committees sign.
    pub verify: Arc<dyn Verify>,
    /// Makes every random choice.
    pub seed: [u8; 32],
}

/// What a store says of a machine, but for its transactions.
struct Stored {
    chain: Chain,
    ledger: Ledger,
    consensus: Consensus,
    snapshots: Snapshots,
    floor: Floor,
    next_vote: CommitIndex,
}

impl Stored {
    fn read(
        genesis: &Genesis,
        committee: &Arc<Committee>,
        (own, pace): (Option<Author>, PaceLimits),
        tables: &mut Tables<'_>,
    ) -> Self {
        let snapshots = Snapshots::restore(tables.store);
        let ledger = ledger(genesis, snapshots.indexes().next_back(), tables);
        let standing = standing(genesis, tables);
        let checkpoints = checkpoints(standing.gc_round(), tables.store);
        let (network, committee) = (genesis.network(), committee.clone());
        Self {
            chain: Chain::restore(genesis, tables),
            ledger,
            consensus: Consensus::restore(committee, own, network, pace, standing, checkpoints),
            snapshots,
            floor: Floor::read(tables),
            next_vote: tables.read(Table::Standing, &NEXT_VOTE).unwrap_or(CommitIndex(1)),
        }
    }
}

impl Machine {
    /// A machine that goes on from `reads`, or starts anew from an empty store.
    pub fn restore(setup: Setup<'_>, now: Time, reads: &dyn Reads) -> Self {
        let Setup { genesis, limits, own, key, verify, seed } = setup;
        let places = Places::of(seed);
        let committee = Arc::new(genesis.committee.clone());
        let mut validator = key.and_then(|key| Validator::find(&committee, key));
        if let Some(validator) = &mut validator
            && reads.record(Table::Standing, &ALARMED).is_some()
        {
            validator.alarm();
        }
        let author = validator.as_ref().map(Validator::author);
        let mut first = Records::default();
        let mut tables = Tables { pending: &mut first, store: reads };
        let stored = Stored::read(genesis, &committee, (author, limits.pace), &mut tables);
        let is_lost = tables.bytes(Table::Standing, &SYNCING).is_some();
        let Stored { chain, ledger, consensus, snapshots, floor, next_vote } = stored;
        let validators = u16::try_from(committee.len()).expect("at most 100");
        let mut machine = Self {
            genesis: Arc::new(genesis.clone()),
            network: genesis.network(),
            verify,
            anchor: chain.last(),
            tangle: Tangle::new(&limits, places, Position::ZERO),
            tips: Tips::new(&limits),
            solidifier: Solidifier::new(&limits),
            scheduler: Scheduler::new(&limits),
            gossip: Gossip::new(&limits),
            wants: Wants::new(&limits),
            peers: Peers::new(&limits, own, reads.addresses()),
            timers: Timers::default(),
            random: ChaCha8Rng::from_seed(seed),
            places,
            cover: Cover::new(
                author.unwrap_or(Author(0)),
                validators,
                limits.unordered_max,
                places,
            ),
            certifier: Certifier::new(Vote { index: chain.last().index, id: chain.id() }),
            heard: Heard::new(committee.len()),
            spread: Spread::default(),
            catchup: Catchup::default(),
            frontier_turn: 0,
            frontier_shown: NodeId::ZERO,
            next_vote,
            certificate_kept: CommitIndex::ZERO,
            last_filled: CommitIndex::ZERO,
            stretch_from: Round::ZERO,
            first: (!first.is_empty()).then_some(first),
            sync: Sync::new(is_lost),
            committee,
            consensus,
            chain,
            ledger,
            snapshots,
            floor,
            validator,
            now,
            limits,
        };
        machine.seek_validators();
        machine.place_all(reads);
        // Whatever had a child before the restart has lingered long enough.
        machine.tips.expire(now + machine.limits.tip_linger);
        machine.timers.set(Timer::Frontier, now + machine.limits.frontier_every);
        machine.timers.set(Timer::Dial, now);
        machine.timers.set(Timer::Pace, now);
        machine.timers.set(Timer::Sync, now);
        machine
    }

    /// Takes up what `reads` says anew, after it became another's: all but peers and what is asked
    /// of them.
    pub(super) fn rebuild(&mut self, reads: &dyn Reads) {
        let author = self.validator.as_ref().map(Validator::author);
        let mut first = Records::default();
        let mut tables = Tables { pending: &mut first, store: reads };
        let (genesis, pace) = (self.genesis.clone(), self.limits.pace);
        let stored = Stored::read(&genesis, &self.committee, (author, pace), &mut tables);
        let Stored { chain, ledger, consensus, snapshots, floor, next_vote } = stored;
        let (vote, limits) = (Vote { index: chain.last().index, id: chain.id() }, &self.limits);
        let validators = u16::try_from(self.committee.len()).expect("at most 100");
        let (own, held_max) = (author.unwrap_or(Author(0)), limits.unordered_max);
        self.cover = Cover::new(own, validators, held_max, self.places);
        self.certifier = Certifier::new(vote);
        self.tips = Tips::new(limits);
        self.spread = Spread::default();
        self.anchor = chain.last();
        self.stretch_from = Round::ZERO;
        (self.chain, self.ledger, self.consensus) = (chain, ledger, consensus);
        (self.snapshots, self.floor, self.next_vote) = (snapshots, floor, next_vote);
        self.place_all(reads);
    }

    /// A validator connects to all others.
    fn seek_validators(&mut self) {
        if self.validator.is_some() {
            let nodes = self.committee.authors();
            self.peers.seek(nodes.filter_map(|author| self.committee.node(author)));
        }
    }

    /// Fills the live DAG, and finds out what still waits for its place in the order.
    fn place_all(&mut self, reads: &dyn Reads) {
        let mut live = reads.newest(self.limits.live_count_max);
        live.reverse();
        let next = live.last().map_or(self.floor.position, |last| Position(last.position.0 + 1));
        let first = live.first().map_or(next, |entry| entry.position);
        self.tangle = Tangle::new(&self.limits, self.places, first);
        let unordered_from = reads.record(Table::Standing, &UNORDERED_FROM);
        let unordered_from = unordered_from.map_or(Position::ZERO, |bytes| {
            Position::from_bytes(&bytes).expect("a record is what was written")
        });
        let oldest = self.consensus.last_leader_round().0.saturating_sub(ORDER_LAG);
        let is_open = |entry: &LogEntry| {
            entry.attachment.anchor.round.0 >= oldest
                && reads.record(Table::Ordered, entry.id.as_bytes()).is_none()
        };
        self.cover.enter(self.consensus.round().max(self.consensus.quorum_round()));
        let mut from = unordered_from;
        while from < first {
            let page = reads.log(from, PAGE);
            for entry in page.iter().take_while(|entry| entry.position < first) {
                if is_open(entry) {
                    self.tangle.remember_unordered(entry.position);
                    self.uncovered(entry, reads);
                }
            }
            let Some(last) = page.last() else { break };
            from = Position(last.position.0 + 1);
        }
        for entry in &live {
            let open = is_open(entry);
            self.place(self.now, entry, if open { Order::Open(None) } else { Order::Closed }, true);
            if open {
                self.uncovered(entry, reads);
            }
        }
        let cited: Vec<_> = self.consensus.accepted().cloned().collect();
        for checkpoint in cited {
            self.cover.cited(checkpoint.round(), &checkpoint.checkpoint().tips);
        }
        for id in self.cover.drop_far() {
            self.tangle.let_go(&id, reads);
        }
        self.tangle.keep_bounds();
    }

    fn uncovered(&mut self, entry: &LogEntry, reads: &dyn Reads) {
        let sealed = reads.sealed_body(&entry.body).expect("what is attached has its body");
        let sealed = SealedBody::from_bytes(&sealed).expect("a body is what was written");
        self.cover.attached(Citable::of(entry, sealed.body.issuer));
    }
}

/// The ledger as it was written, or as the genesis says it.
fn ledger(genesis: &Genesis, snapshot: Option<CommitIndex>, tables: &mut Tables<'_>) -> Ledger {
    let dust = genesis.params.dust;
    if tables.bytes(Table::Object, &ObjectKey::supply().0).is_some() {
        return Ledger::restore(dust, snapshot, tables);
    }
    Chain::write_genesis(genesis, tables);
    Ledger::genesis(dust, &genesis.accounts, tables)
}

/// Where consensus stood at the last commit, with what was signed since.
fn standing(genesis: &Genesis, tables: &Tables<'_>) -> Standing {
    let standing = tables.read::<Standing>(Table::Standing, &CONSENSUS);
    let mut standing = standing.unwrap_or_else(|| Standing::genesis(genesis.created));
    standing.own_last = Signed::last(tables).map(|last| (last.reference, last.time));
    standing
}

/// The accepted checkpoints above the gc round. They were verified before they were written.
fn checkpoints(gc_round: Round, reads: &dyn Reads) -> Vec<Arc<VerifiedCheckpoint>> {
    let from = (gc_round.0 + 1).to_be_bytes().to_vec();
    let verified = |(_, bytes): (Vec<u8>, Bytes)| {
        let checkpoint = Checkpoint::from_bytes(&bytes).expect("a record is what was written");
        Arc::new(VerifiedCheckpoint::own(checkpoint))
    };
    scan(Table::Checkpoint, from, reads).map(verified).collect()
}
