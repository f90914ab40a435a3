//! What a node told those who watch it, in all its lives: the matter that judges look at.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use weft_core::{
    commit::{CommitRecord, Leaf},
    committee::Author,
    digest::{NodeId, TxId},
    machine::{DropReason, Fault},
    time::Time,
};

/// A commit as a node told of it.
#[derive(Clone, Debug)]
pub struct Commit {
    /// When, by the clock of the world.
    pub at: Time,
    /// The record.
    pub record: Arc<CommitRecord>,
    /// What it ordered, in order.
    pub leaves: Arc<[Leaf]>,
}

/// What a node told.
#[derive(Debug, Default)]
pub struct Told {
    /// Local submissions that it acknowledged.
    pub acknowledged: BTreeSet<TxId>,
    /// Bytes of transactions that peers brought and that became part of the Tangle.
    pub fetched: u64,
    /// Who was blamed, and for what.
    pub blamed: BTreeMap<NodeId, Vec<Fault>>,
    /// Whom it dropped or turned away, and why.
    pub dropped: Vec<(NodeId, DropReason)>,
    /// Commits, in the order in which it told of them.
    pub commits: Vec<Commit>,
    /// Attachments that no leader could order any more.
    pub stale: Vec<TxId>,
    /// What it was alarmed by.
    pub alarms: Vec<String>,
    /// Validators that it has evidence against.
    pub convicted: BTreeSet<Author>,
    /// How many commits it saw certified.
    pub certified: u64,
    /// How often a read failed, in a step or at a start.
    pub failed_reads: u64,
}

impl Told {
    /// Whether it told of all commits: it never started from a snapshot.
    pub(crate) fn is_whole(&self) -> bool {
        let last = self.commits.last().map_or(0, |last| last.record.index.0);
        last == self.commits.len() as u64
    }
}
