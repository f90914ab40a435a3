//! A small picture of a machine, for queries: nobody asks the machine itself.

use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::{
    digest::{CommitId, NodeId, TxId},
    time::Time,
    tx::CommitRef,
    units::{CommitIndex, Position, Round},
};

/// What a machine looks like from outside.
#[derive(Clone, Debug)]
pub struct Status {
    /// The position of the next transaction: how many there are.
    pub next: Position,
    /// Tips to attach to: a uniform sample in random order.
    pub tips: Vec<TxId>,
    /// How many tips there are.
    pub tip_count: usize,
    /// The anchor of new attachments.
    pub anchor: CommitRef,
    /// Id and time of the last commit.
    pub committed: (CommitId, Time),
    /// The last commit that a quorum vouches for, as far as known here.
    pub certified: CommitIndex,
    /// The highest round of which a quorum of checkpoints is here.
    pub round: Round,
    /// The round that the committee has reached for sure, as far as was heard since the start.
    pub heard: Option<Round>,
    /// Transactions that wait for their place in the order.
    pub unordered: usize,
    /// How it gets to where the others are; none if it is there.
    pub sync: Option<SyncStatus>,
    /// The lowest commit that is kept.
    pub lowest: CommitIndex,
    /// Whether this node signs checkpoints.
    pub signing: Signing,
    /// Transactions in the live DAG.
    pub live_count: usize,
    /// Their bytes.
    pub live_bytes: u64,
    /// Transactions that wait for a parent.
    pub waiting_count: usize,
    /// Their bytes.
    pub waiting_bytes: u64,
    /// Transactions that wait for their turn, since more comes than is taken.
    pub in_line_count: usize,
    /// Their bytes.
    pub in_line_bytes: u64,
    /// Transactions that found no room to wait, since the start.
    pub turned_away: u64,
    /// Missing things that are being asked for.
    pub wanted: usize,
    /// Whether a past is being fetched from a peer.
    pub fetching: bool,
    /// Connected peers.
    pub peers: Vec<PeerStatus>,
    /// Addresses in the address book.
    pub known_addresses: usize,
}

/// What one connected peer looks like.
#[derive(Clone, Debug)]
pub struct PeerStatus {
    /// Who.
    pub id: NodeId,
    /// Where it accepts connections, if it said so.
    pub address: Option<SocketAddr>,
    /// Whether the operator named it.
    pub fixed: bool,
    /// Whether it gets bytes rather than announcements.
    pub eager: bool,
    /// Points lost by faults, of 1,000.
    pub blame: u64,
}

/// Whether a node signs checkpoints, for queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    /// It is no validator.
    Follower,
    /// It asks the other validators what it signed before.
    Asking {
        /// The weight of those that answered, itself counted.
        answered: u64,
        /// The weight that must answer.
        quorum: u64,
    },
    /// It does.
    Active,
    /// It has forgotten what it signed, and never signs with this key again.
    Observer,
    /// It found what cannot be, and signs nothing more.
    Alarmed,
}

/// How far it is, for queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncStatus {
    /// By what.
    pub by: By,
    /// The commit at which it began.
    pub from: CommitIndex,
    /// The last commit that is here.
    pub at: CommitIndex,
    /// The commit that it leads to.
    pub to: CommitIndex,
    /// Parts of the ledger that are still to come, of 256.
    pub parts: usize,
    /// When it began.
    pub since: Time,
    /// What it waits for.
    pub waits_for: WaitsFor,
}

impl SyncStatus {
    /// How many commits came in a second since it began, at `now`.
    pub fn commits_per_second(&self, now: Time) -> u64 {
        let commits = self.at.0.saturating_sub(self.from.0);
        commits.saturating_mul(1_000) / now.since(self.since).as_millis().max(1)
    }
}

/// What a node that is not where the others are waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// A peer that offers a snapshot.
    Offer,
    /// A peer that still has commits from this one on.
    Commits(CommitIndex),
    /// A peer that still has the snapshot of this commit.
    Snapshot(CommitIndex),
    /// Answers that are under way.
    Answers,
    /// The disk, which is given the last of it.
    Disk,
}

/// How the ledger comes to be that of the offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Every commit is executed here.
    Commits,
    /// It is fetched as it was.
    Snapshot,
}
