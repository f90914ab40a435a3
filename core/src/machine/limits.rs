//! How one machine paces and bounds itself. Nodes of one network may differ here; the simulator
//! sets tiny values. Every queue of the machine names its bound in this file.

use crate::{time::Span, units::Amount};

/// Paces and bounds of a machine. What happens at a bound is told with it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How fast rounds of checkpoints go. Default: that of a local network.
    pub pace: PaceLimits,

    /// What is kept of what is final. Default 30 days.
    pub history: History,
    /// Live DAG kept in memory, as bytes of transactions. The oldest leave first; they stay in the
    /// store. Memory is about a tenth of this. Default 1 GiB.
    pub live_bytes_max: u64,
    /// The same, as a count, which also bounds what a restart reads: half a minute at 1,000 a
    /// second. A set that outgrows the caches makes each transaction dearer. Default 32,768.
    pub live_count_max: usize,

    /// What is kept at hand of transactions that wait for their place in the order, in bytes; of
    /// older ones it is read from the store when their turn comes. Default 64 MiB.
    pub at_hand_bytes_max: u64,
    /// Transactions held that wait for their place in the order. Beyond, those anchored to commits
    /// that this node does not know yet are not waited for. Default 262,144.
    pub unordered_max: usize,

    /// How long a tip stays eligible after its first child: time for others to approve it too, so
    /// that the Tangle keeps a width. Default 200 ms.
    pub tip_linger: Span,
    /// Age at which a tip that nobody approved leaves, unless it is one of the two newest.
    /// Default 60 s.
    pub tip_age_max: Span,
    /// Most tips. The oldest leaves. Default 4,096.
    pub tips_max: usize,
    /// Tips shown to those who attach, a fresh random sample each time. Default 64.
    pub tips_shown: usize,

    /// Transactions that wait for a parent, as bytes: from one peer, and in all. The oldest of
    /// whoever exceeds leaves. Default 16 MiB and 64 MiB.
    pub waiting_bytes_per_peer: u64,
    /// See [`Self::waiting_bytes_per_peer`].
    pub waiting_bytes_max: u64,
    /// How long a transaction may wait for a parent. Default 60 s.
    pub waiting_age_max: Span,

    /// What is taken in per second, in bytes of transactions, and how much at once after a pause:
    /// less than the slowest part of the node can do. More waits, and issuers take turns. Default
    /// 32 MiB and 4 MiB: some 9,000 a second, so on a usual machine nothing waits.
    pub take_bytes_per_s: u64,
    /// See [`Self::take_bytes_per_s`].
    pub take_bytes_burst: u64,
    /// Transactions that wait for their turn, in bytes and in count. Beyond, the issuer with the
    /// longest line for its weight loses the last of it; who handed it over is told when to come
    /// again. Default 32 MiB, a second, and 16,384.
    pub line_bytes_max: u64,
    /// See [`Self::line_bytes_max`].
    pub line_count_max: usize,
    /// What a balance is worth in turns.
    pub shares: ShareLimits,

    /// How long a missing past may still arrive by gossip before it is asked for. Default 100 ms.
    pub ask_delay: Span,
    /// How long what a frontier shows may still arrive by gossip before it is asked for: more than
    /// announcements, a graft and a round trip take. Default 500 ms.
    pub ask_frontier_delay: Span,
    /// How long until a thing that an answer did not bring is asked for again; grows with each
    /// attempt. Default 500 ms.
    pub ask_again: Span,
    /// Attempts after which a missing thing is forgotten. Default 8.
    pub ask_attempts: u32,
    /// Missing things remembered: from one peer, and in all. Further ones are ignored; the periodic
    /// frontier names them again. Default 1,024 and 8,192.
    pub wants_per_peer: usize,
    /// See [`Self::wants_per_peer`].
    pub wants_max: usize,
    /// Open requests of ours to one peer. Default 4.
    pub asks_per_peer: usize,

    /// How long announcements are gathered before they leave. Default 50 ms.
    pub announce_delay: Span,
    /// How long an announced transaction may still arrive by itself before it is fetched. More than
    /// the time the tree needs to deliver, or trees settle late. A broken tree is repaired, and a
    /// superfluous link cut, within eight times that. Default 250 ms.
    pub graft_delay: Span,
    /// Announced transactions remembered: from one peer, and in all. Further ones are ignored.
    /// Default 4,096 and 16,384.
    pub announced_per_peer: usize,
    /// See [`Self::announced_per_peer`].
    pub announced_max: usize,
    /// How often the frontier is shown to a peer, one after the other, so that whatever was lost is
    /// found.
    /// Default 5 s.
    pub frontier_every: Span,

    /// Length of one answer to a cone request, at least that of a transaction. The asker comes
    /// again. Default 1 MiB.
    pub cone_bytes: u64,
    /// Transactions walked for one answer. A past that is longer is sent in plain order, which
    /// costs the asker more bytes and this node less time. Default 16,384.
    pub cone_walk_max: u64,
    /// How long an open answer with a past may bring nothing until another peer is asked for what
    /// else is missing. Default 2 s.
    pub cone_patience: Span,
    /// What one peer may fetch per second, in bytes, and how much it may save up. Over it, answers
    /// are empty and the peer comes again. Default 32 MiB and 64 MiB.
    pub serve_bytes_per_s: u64,
    /// See [`Self::serve_bytes_per_s`].
    pub serve_bytes_burst: u64,

    /// Connections the machine tries to keep by dialling. Default 8.
    pub peers_target: usize,
    /// Connections beyond which newcomers are turned away. Default 64.
    pub peers_max: usize,
    /// Addresses remembered. The one that failed most leaves. Default 1,024.
    pub addresses_max: usize,
    /// How long a failed address rests; doubles with each failure up to 64 times. Default 2 s.
    pub dial_again: Span,
    /// How long a peer that misbehaved is refused. Default 10 minutes.
    pub ban: Span,
    /// Banned peers remembered. The one whose ban ends first leaves. Default 4,096.
    pub bans_max: usize,
    /// How long a change of neighbours or addresses is gathered before it is told or written.
    /// Default 1 s.
    pub addresses_delay: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pace: PaceLimits::default(),
            history: History::For(Span::from_secs(30 * 24 * 3_600)),
            live_bytes_max: 1 << 30,
            live_count_max: 32_768,
            at_hand_bytes_max: 64 << 20,
            unordered_max: 262_144,
            tip_linger: Span::from_millis(200),
            tip_age_max: Span::from_secs(60),
            tips_max: 4_096,
            tips_shown: 64,
            waiting_bytes_per_peer: 16 << 20,
            waiting_bytes_max: 64 << 20,
            waiting_age_max: Span::from_secs(60),
            take_bytes_per_s: 32 << 20,
            take_bytes_burst: 4 << 20,
            line_bytes_max: 32 << 20,
            line_count_max: 16_384,
            shares: ShareLimits::default(),
            ask_delay: Span::from_millis(100),
            ask_frontier_delay: Span::from_millis(500),
            ask_again: Span::from_millis(500),
            ask_attempts: 8,
            wants_per_peer: 1_024,
            wants_max: 8_192,
            asks_per_peer: 4,
            announce_delay: Span::from_millis(50),
            graft_delay: Span::from_millis(250),
            announced_per_peer: 4_096,
            announced_max: 16_384,
            frontier_every: Span::from_secs(5),
            cone_bytes: 1 << 20,
            cone_walk_max: 16_384,
            cone_patience: Span::from_secs(2),
            serve_bytes_per_s: 32 << 20,
            serve_bytes_burst: 64 << 20,
            peers_target: 8,
            peers_max: 64,
            addresses_max: 1_024,
            dial_again: Span::from_secs(2),
            ban: Span::from_secs(600),
            bans_max: 4_096,
            addresses_delay: Span::from_secs(1),
        }
    }
}

/// What a node keeps of what is final, and so how it catches up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// All of it: whatever it misses it fetches and executes, commit by commit.
    All,
    /// At least this long, by the ledger's time. A node that missed much starts from a snapshot.
    For(Span),
}

/// What a balance is worth where issuers take turns: `min(balance, unit * max) / unit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareLimits {
    /// What a weight of one takes. Whoever owns less shares one part with all others who do. 1,000:
    /// what opening an account costs on a dev network, so that more identities are no more weight.
    pub unit: Amount,
    /// Most weight. 64: a turn of the heaviest is 8 KiB, and its round takes nobody long.
    pub weight_max: u64,
}

impl ShareLimits {
    /// The weight of a balance; 0 for one that is too small.
    pub(super) fn weight(&self, balance: Amount) -> u64 {
        (balance.0 / self.unit.0.max(1)).min(self.weight_max)
    }
}

impl Default for ShareLimits {
    fn default() -> Self {
        Self { unit: Amount(1_000), weight_max: 64 }
    }
}

/// How fast rounds go. An operator's choice: nodes need not agree on it, but should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaceLimits {
    /// The pause in a round while there is something to order. 50 ms: a LAN of up to 20 validators
    /// then finds finality in 150 ms.
    pub min: Span,
    /// The pause while there is nothing. 1 s: anchors stay fresh at a tenth of the cost.
    pub idle: Span,
    /// How long a round waits for a leader, at first. 200 ms: far above a round trip in a LAN.
    pub leader_timeout: Span,
}

impl Default for PaceLimits {
    fn default() -> Self {
        Self {
            min: Span::from_millis(50),
            idle: Span::from_secs(1),
            leader_timeout: Span::from_millis(200),
        }
    }
}
