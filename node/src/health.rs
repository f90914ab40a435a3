//! Whether a node is fit to be used, and if not, why and what to do.
//!
//! Invariant: each check that fails names the cause and the next step.

use serde::Serialize;
use utoipa::ToSchema;
use weft_core::{
    committee::Committee,
    digest::NodeId,
    machine::{By, Signing, Status, SyncStatus, WaitsFor},
    time::{Span, Time},
};
use weft_storage::{Stats, StoreError};

/// How long the machine may take for one group before it counts as hanging.
const GROUP_TIME_MAX: Span = Span::from_secs(10);

/// How long commits may stay away while transactions wait for them: a working committee makes one
/// within a second, and within a few after the loss of a validator.
const SILENCE_MAX: Span = Span::from_secs(10);

/// Rounds that the committee may be ahead of a node's last commit: some seconds of them. Where all
/// is well it is three or four.
const BEHIND_MAX: u64 = 32;

/// Journals of the store from which on the disk does not keep up.
const JOURNALS_MAX: u64 = 12;

/// Why a node runs no more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StopCause {
    /// It was asked to.
    #[error("it was shut down")]
    Shutdown,
    /// The store failed. Nothing more is written or said.
    #[error("the store failed: {cause}")]
    Store {
        /// What the store says.
        cause: String,
    },
    /// A thread of the node ended by a bug of ours.
    #[error("a bug ended the {thread} thread: {message}; restart the node and report this")]
    Panic {
        /// Which thread.
        thread: &'static str,
        /// What it said last.
        message: String,
    },
}

impl From<StoreError> for StopCause {
    fn from(error: StoreError) -> Self {
        Self::Store { cause: error.to_string() }
    }
}

/// Whether all checks passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// Whether all checks passed.
    pub(crate) ready: bool,
    /// What was checked.
    pub(crate) checks: Vec<Check>,
}

/// One thing that has to be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Check {
    /// `store`, `machine`, `peers`, `sync`, `finality` or `validator`.
    name: &'static str,
    /// Whether it is right.
    ok: bool,
    /// What is wrong and what to do, or in a word why it is right.
    detail: String,
}

/// What the checks look at.
pub(crate) struct Vitals<'a> {
    pub(crate) stopped: Option<StopCause>,
    pub(crate) store: Result<Stats, String>,
    pub(crate) busy_since: Option<Time>,
    pub(crate) now: Time,
    pub(crate) status: &'a Status,
    /// Peers that the operator named.
    pub(crate) fixed_peers: usize,
    pub(crate) own: NodeId,
    pub(crate) committee: &'a Committee,
    /// When the last commit was made here, or the node started.
    pub(crate) committed_at: Time,
}

impl Vitals<'_> {
    /// Runs all checks.
    pub(crate) fn readiness(&self) -> Readiness {
        let [store, machine, peers] = [self.store(), self.machine(), self.peers()];
        let checks = vec![store, machine, peers, self.sync(), self.finality(), self.validator()];
        Readiness { ready: checks.iter().all(|check| check.ok), checks }
    }

    fn store(&self) -> Check {
        match &self.store {
            Err(cause) => Check::failed("store", cause.clone()),
            Ok(stats) if stats.journals > JOURNALS_MAX => {
                let journals = stats.journals;
                let detail = format!(
                    "the disk does not keep up: {journals} journals wait, at most {JOURNALS_MAX} \
                     are normal; look at its load, or give the node a faster one"
                );
                Check::failed("store", detail)
            }
            Ok(_) => Check::passed("store", "reads and writes"),
        }
    }

    fn machine(&self) -> Check {
        if let Some(cause) = &self.stopped {
            return Check::failed("machine", format!("the node runs no more: {cause}"));
        }
        let busy = self.busy_since.map(|since| self.now.since(since));
        match busy.filter(|busy| *busy > GROUP_TIME_MAX) {
            None => Check::passed("machine", "runs"),
            Some(busy) => {
                let seconds = busy.as_millis() / 1_000;
                let detail = format!(
                    "it has been busy with one step for {seconds} s; look at the disk's load, and \
                     restart the node if it stays so"
                );
                Check::failed("machine", detail)
            }
        }
    }

    /// A node without any peer named or known is alone on purpose: the first of its network.
    fn peers(&self) -> Check {
        let connected = self.status.peers.len();
        if connected > 0 {
            return Check::passed("peers", format!("{connected} connected"));
        }
        if self.fixed_peers == 0 && self.status.known_addresses == 0 {
            return Check::passed("peers", "none named and none known: the first of its network");
        }
        let detail = "no peer is connected; check p2p.peers, that those nodes run, that they have \
                      the same genesis, and that UDP reaches them";
        Check::failed("peers", detail)
    }

    fn sync(&self) -> Check {
        if let Some(sync) = &self.status.sync {
            return Check::failed("sync", catching_up(sync, self.now));
        }
        if let Some(behind) = self.behind() {
            return Check::failed("sync", behind);
        }
        if !self.status.fetching {
            return Check::passed("sync", "nothing is being fetched");
        }
        let waiting = self.status.waiting_count;
        let detail = format!(
            "a past is being fetched from a peer, {waiting} transactions wait for it; wait, and \
             look at the network if the number does not change"
        );
        Check::failed("sync", detail)
    }
}

impl Vitals<'_> {
    /// What the committee is ahead of this node, or why nobody knows.
    fn behind(&self) -> Option<String> {
        let Status { heard, anchor, peers, .. } = self.status;
        let is_validator = |id: &NodeId| self.committee.author_of(id).is_some();
        match heard {
            Some(heard) if heard.0 > anchor.round.0 + BEHIND_MAX => Some(format!(
                "it is at round {}, and the committee at {heard}; wait, and look at the network if \
                 the first number does not change",
                anchor.round
            )),
            // A validator asks the others at its start, and `validator` says how that goes.
            None if !is_validator(&self.own) && peers.iter().any(|p| is_validator(&p.id)) => Some(
                "it heard too few validators since it started to know whether it is behind; wait, \
                 and look at /readyz of the validators if this stays"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// A validator needs the others at its side; a follower needs only that commits come.
    fn finality(&self) -> Check {
        let committee = self.committee;
        let peers = || self.status.peers.iter().filter_map(|peer| committee.author_of(&peer.id));
        let own = committee.author_of(&self.own);
        let connected = committee.weigh(own.into_iter().chain(peers()));
        let needed = committee.quorum();
        let all = committee.weigh(committee.authors());
        let equal = committee.validators().iter().all(|validator| validator.weight == 1);
        let what = if equal { "validators" } else { "votes of validators" };
        let seen = format!("{connected} of {all} {what} connected, {needed} are needed");
        let meanwhile = "it accepts, spreads and serves data meanwhile";
        if own.is_some() && connected < needed {
            return Check::failed("finality", format!("{seen}; {meanwhile}"));
        }
        let Status { unordered, anchor, certified, .. } = self.status;
        let silence = self.now.since(self.committed_at);
        if *unordered > 0 && silence > SILENCE_MAX {
            let seconds = silence.as_millis() / 1_000;
            let detail = format!(
                "no commit for {seconds} s, {unordered} transactions wait, {seen}; look at \
                 /readyz of the validators; {meanwhile}"
            );
            return Check::failed("finality", detail);
        }
        let index = anchor.index;
        Check::passed("finality", format!("at commit {index}, certified up to {certified}"))
    }

    fn validator(&self) -> Check {
        match self.status.signing {
            Signing::Follower => {
                Check::passed("validator", "follows; the committee has not its key")
            }
            Signing::Active => Check::passed("validator", "signs checkpoints"),
            Signing::Asking { answered, quorum } => {
                let detail = format!(
                    "it asks the other validators what it signed before it stopped: {answered} of \
                     {quorum} that are needed have answered; start the others and let UDP reach \
                     them, then it signs by itself"
                );
                Check::failed("validator", detail)
            }
            Signing::Observer => {
                let detail = "its disk forgot what it had signed, so it signs nothing more and \
                              goes on as an observer; give this validator a new key in a later \
                              epoch";
                Check::failed("validator", detail)
            }
            Signing::Alarmed => {
                let detail = "it found what cannot be, and signs nothing more; keep its data, look \
                              for the error in its log, and report this";
                Check::failed("validator", detail)
            }
        }
    }
}

/// How far a node is that is not where the others are.
fn catching_up(sync: &SyncStatus, now: Time) -> String {
    let SyncStatus { by, at, to, parts, waits_for, .. } = sync;
    let waits_for = match waits_for {
        WaitsFor::Answers => "waits for answers".into(),
        WaitsFor::Disk => "waits for the disk".into(),
        WaitsFor::Offer => "waits for a peer that offers a snapshot".into(),
        WaitsFor::Commits(index) => {
            format!("waits for a peer that still has commit {index}: connect to an archive node")
        }
        WaitsFor::Snapshot(index) => format!("waits for a peer with the snapshot of {index}"),
    };
    if *to == *at && *parts == 0 {
        return format!("it is behind, at commit {at}, and {waits_for}");
    }
    let speed = sync.commits_per_second(now);
    let done = format!("at commit {at} of {to}, {speed} commits a second");
    match by {
        By::Commits => format!("it catches up by commits: {done}; {waits_for}"),
        By::Snapshot => format!(
            "it catches up by a snapshot: {parts} of 256 parts of the ledger to come, {done}; \
             {waits_for}"
        ),
    }
}

impl Check {
    fn passed(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, ok: true, detail: detail.into() }
    }

    fn failed(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, ok: false, detail: detail.into() }
    }
}

#[cfg(test)]
mod tests;
