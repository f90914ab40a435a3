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
mod tests {
    use weft_core::{
        digest::CommitId,
        keys::{HostKey, Scheme, Sign as _},
        machine::PeerStatus,
        tx::CommitRef,
        units::{CommitIndex, Position, Round},
    };

    use super::*;

    fn status() -> Status {
        Status {
            next: Position::ZERO,
            tips: Vec::new(),
            tip_count: 0,
            anchor: CommitRef::NONE,
            committed: (CommitId([0; 32]), Time::ZERO),
            certified: CommitIndex::ZERO,
            round: Round::ZERO,
            unordered: 0,
            sync: None,
            lowest: CommitIndex(1),
            signing: Signing::Follower,
            live_count: 0,
            live_bytes: 0,
            waiting_count: 0,
            waiting_bytes: 0,
            in_line_count: 0,
            in_line_bytes: 0,
            turned_away: 0,
            wanted: 0,
            fetching: false,
            peers: Vec::new(),
            known_addresses: 0,
        }
    }

    fn committee() -> Committee {
        let key = |seed| HostKey::from_seed(Scheme::MlDsa44, &[seed; 32]).unwrap();
        Committee::of((0..4).map(|seed| key(seed).public_key().clone())).unwrap()
    }

    fn vitals<'a>(status: &'a Status, committee: &'a Committee) -> Vitals<'a> {
        let now = Time::from_millis(100_000);
        Vitals {
            stopped: None,
            store: Ok(Stats::default()),
            busy_since: None,
            now,
            status,
            fixed_peers: 0,
            own: NodeId([9; 32]),
            committee,
            committed_at: now,
        }
    }

    fn failing(vitals: &Vitals<'_>) -> Vec<&'static str> {
        let readiness = vitals.readiness();
        let failed = readiness.checks.iter().filter(|check| !check.ok);
        let names: Vec<&'static str> = failed.map(|check| check.name).collect();
        assert_eq!(readiness.ready, names.is_empty());
        names
    }

    #[test]
    fn each_trouble_fails_its_own_check() {
        let (idle, mut syncing, committee) = (status(), status(), committee());
        syncing.fetching = true;
        let fine = || vitals(&idle, &committee);
        assert!(failing(&fine()).is_empty());
        assert_eq!(failing(&vitals(&syncing, &committee)), ["sync"]);
        assert_eq!(failing(&Vitals { fixed_peers: 1, ..fine() }), ["peers"]);
        let busy_since = Some(Time::from_millis(80_000));
        assert_eq!(failing(&Vitals { busy_since, ..fine() }), ["machine"]);
        let stats = Stats { disk_bytes: 0, journals: 100 };
        assert_eq!(failing(&Vitals { store: Ok(stats), ..fine() }), ["store"]);
        let cause = "no space left".to_owned();
        let stopped = Some(StopCause::Store { cause: cause.clone() });
        let vitals = Vitals { stopped, store: Err(cause), ..fine() };
        assert_eq!(failing(&vitals), ["store", "machine"]);
    }

    #[test]
    fn a_validator_needs_a_quorum_and_a_follower_commits() {
        let committee = committee();
        let mut ids = committee.authors().filter_map(|author| committee.node(author));
        let own = ids.next().unwrap();
        let peer = |id| PeerStatus { id, address: None, fixed: true, eager: true, blame: 0 };
        let mut status = status();
        status.peers = vec![peer(ids.next().unwrap())];
        let check = Vitals { own, ..vitals(&status, &committee) }.finality();
        assert!(check.detail.starts_with("2 of 4 validators connected, 3 are needed; it accepts"));
        assert!(vitals(&status, &committee).finality().ok, "a follower needs none of them");
        status.peers.push(peer(ids.next().unwrap()));
        status.unordered = 1;
        let committed_at = Time::from_millis(80_000);
        let late = |own| Vitals { own, committed_at, ..vitals(&status, &committee) };
        assert!(Vitals { own, ..vitals(&status, &committee) }.finality().ok);
        assert_eq!(failing(&late(own)), ["finality"]);
        assert_eq!(failing(&late(NodeId([9; 32]))), ["finality"]);
        status.unordered = 0;
        assert!(failing(&Vitals { committed_at, ..vitals(&status, &committee) }).is_empty());
        for (signing, ok) in [
            (Signing::Active, true),
            (Signing::Asking { answered: 1, quorum: 3 }, false),
            (Signing::Observer, false),
            (Signing::Alarmed, false),
        ] {
            let status = Status { signing, ..status.clone() };
            assert_eq!(vitals(&status, &committee).validator().ok, ok, "{signing:?}");
        }
    }

    #[test]
    fn whoever_is_behind_says_how_far_and_what_it_waits_for() {
        let (mut status, committee) = (status(), committee());
        let mut detail = |by, parts, waits_for| {
            let (from, at, to) = (CommitIndex(100), CommitIndex(300), CommitIndex(5_000));
            let since = Time::from_millis(98_000);
            status.sync = Some(SyncStatus { by, from, at, to, parts, since, waits_for });
            let check = vitals(&status, &committee).sync();
            assert!(!check.ok);
            check.detail
        };
        assert_eq!(
            detail(By::Snapshot, 37, WaitsFor::Answers),
            "it catches up by a snapshot: 37 of 256 parts of the ledger to come, at commit 300 of \
             5000, 100 commits a second; waits for answers"
        );
        assert_eq!(
            detail(By::Commits, 0, WaitsFor::Commits(CommitIndex(301))),
            "it catches up by commits: at commit 300 of 5000, 100 commits a second; waits for a \
             peer that still has commit 301: connect to an archive node"
        );
    }
}
