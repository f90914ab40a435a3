//! Whether a node is fit to be used, and if not, why and what to do.
//!
//! Invariant: each check that fails names the cause and the next step.

use serde::Serialize;
use utoipa::ToSchema;
use weft_core::{
    machine::Status,
    time::{Span, Time},
};
use weft_storage::Stats;

/// How long the machine may take for one group before it counts as hanging.
const GROUP_TIME_MAX: Span = Span::from_secs(10);

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
    /// `store`, `machine`, `peers` or `sync`.
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
}

impl Vitals<'_> {
    /// Runs all checks.
    pub(crate) fn readiness(&self) -> Readiness {
        let checks = vec![self.store(), self.machine(), self.peers(), self.sync()];
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
    use weft_core::{tx::CommitRef, units::Position};

    use super::*;

    fn status() -> Status {
        Status {
            next: Position::ZERO,
            tips: Vec::new(),
            tip_count: 0,
            anchor: CommitRef::NONE,
            live_count: 0,
            live_bytes: 0,
            waiting_count: 0,
            waiting_bytes: 0,
            wanted: 0,
            fetching: false,
            peers: Vec::new(),
            known_addresses: 0,
        }
    }

    fn vitals(status: &Status) -> Vitals<'_> {
        let now = Time::from_millis(100_000);
        let store = Ok(Stats::default());
        Vitals { stopped: None, store, busy_since: None, now, status, fixed_peers: 0 }
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
        let (idle, mut syncing) = (status(), status());
        syncing.fetching = true;
        assert!(failing(&vitals(&idle)).is_empty());
        assert_eq!(failing(&vitals(&syncing)), ["sync"]);
        assert_eq!(failing(&Vitals { fixed_peers: 1, ..vitals(&idle) }), ["peers"]);
        let busy_since = Some(Time::from_millis(80_000));
        assert_eq!(failing(&Vitals { busy_since, ..vitals(&idle) }), ["machine"]);
        let stats = Stats { disk_bytes: 0, journals: 100 };
        assert_eq!(failing(&Vitals { store: Ok(stats), ..vitals(&idle) }), ["store"]);
        let cause = "no space left".to_owned();
        let stopped = Some(StopCause::Store { cause: cause.clone() });
        let vitals = Vitals { stopped, store: Err(cause), ..vitals(&idle) };
        assert_eq!(failing(&vitals), ["store", "machine"]);
    }
}
