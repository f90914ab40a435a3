//! What is counted, for Prometheus: at the doors, from the values that pass, never inside.
//!
//! One registry per node, so that several nodes can run in one process. Names are
//! `weft_<what>_<unit>`; counters end in `_total`. Labels have few values, all of them ours:
//! nothing a stranger chooses becomes a label.

use std::{
    fmt,
    sync::Mutex,
    time::{Duration, Instant},
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use weft_core::{
    commit::Leaf,
    digest::TxId,
    machine::{Fault, Input, Signing, Source},
    message::Message,
};

use crate::{
    pace::{Pace, PaceShown},
    recent::Recent,
};

/// Transactions whose time of attaching is remembered, twice over: more than wait for their order.
const AGES_MAX: usize = 1 << 16;

/// One label that says which.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Kind {
    kind: &'static str,
}

/// Why something was refused, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RefusalLabels {
    source: &'static str,
    reason: &'static str,
}

/// One kind of answer of the API.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RequestLabels {
    route: String,
    status: u16,
}

/// What is read at the moment someone asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Levels {
    pub(crate) peers: usize,
    pub(crate) known_addresses: usize,
    pub(crate) tips: usize,
    pub(crate) position: u64,
    pub(crate) live_count: usize,
    pub(crate) live_bytes: u64,
    pub(crate) waiting_count: usize,
    pub(crate) waiting_bytes: u64,
    pub(crate) in_line_count: usize,
    pub(crate) in_line_bytes: u64,
    pub(crate) turned_away: u64,
    pub(crate) held_count: usize,
    pub(crate) held_bytes: u64,
    pub(crate) wanted: usize,
    pub(crate) seen_entries: usize,
    pub(crate) keys_cached: usize,
    pub(crate) submissions: usize,
    pub(crate) machine_queue: usize,
    pub(crate) subscribers: usize,
    pub(crate) disk_bytes: u64,
    pub(crate) journals: u64,
    pub(crate) committed: u64,
    pub(crate) certified: u64,
    pub(crate) round: u64,
    pub(crate) unordered: usize,
    pub(crate) lowest: u64,
    /// The commit that a node which is behind gets to; 0 if it is not.
    pub(crate) sync_target: u64,
    pub(crate) signing: &'static str,
    pub(crate) ready: bool,
}

/// All counters of one node.
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    inputs: Family<Kind, Counter>,
    refusals: Family<RefusalLabels, Counter>,
    faults: Family<Kind, Counter>,
    attached: Family<Kind, Counter>,
    sent: Family<Kind, Counter>,
    received: Family<Kind, Counter>,
    received_bytes: Counter,
    turned_away: Counter,
    requests: Family<RequestLabels, Counter>,
    group: Histogram,
    handling: Histogram,
    buffered_commit: Histogram,
    durable_commit: Histogram,
    to_commit: Histogram,
    /// When the newest transactions were attached.
    attached_at: Recent<TxId, Instant>,
    /// The last minute, for those who do not scrape.
    pace: Pace,
    levels: Family<Kind, Gauge>,
    sizes: Family<Kind, Gauge>,
    signing: Family<Kind, Gauge>,
    ready: Gauge,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(..)")
    }
}

/// Buckets from 10 microseconds to 5 seconds.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.000_01, 2.0, 20))
}

impl Metrics {
    /// A fresh registry; `version` is shown in `weft_build`.
    pub(crate) fn new(version: &'static str) -> Self {
        let metrics = Self {
            registry: Mutex::new(Registry::with_prefix("weft")),
            inputs: Family::default(),
            refusals: Family::default(),
            faults: Family::default(),
            attached: Family::default(),
            sent: Family::default(),
            received: Family::default(),
            received_bytes: Counter::default(),
            turned_away: Counter::default(),
            requests: Family::default(),
            group: Histogram::new(exponential_buckets(1.0, 2.0, 12)),
            handling: seconds(),
            buffered_commit: seconds(),
            durable_commit: seconds(),
            to_commit: Histogram::new(exponential_buckets(0.01, 2.0, 14)),
            attached_at: Recent::new(AGES_MAX),
            pace: Pace::new(Instant::now()),
            levels: Family::default(),
            sizes: Family::default(),
            signing: Family::default(),
            ready: Gauge::default(),
        };
        metrics.register(version);
        metrics
    }

    fn register(&self, version: &'static str) {
        let mut registry = self.lock();
        let build = Family::<Kind, Gauge>::default();
        build.get_or_create(&Kind { kind: version }).set(1);
        let (r, m) = (&mut *registry, self);
        r.register("build", "Version of the node, as a label", build);
        r.register("inputs", "Inputs that the machine handled", m.inputs.clone());
        r.register("refusals", "Transactions refused before the machine", m.refusals.clone());
        r.register("faults", "Faults that peers were blamed for", m.faults.clone());
        r.register("attached_transactions", "Attached, by what brought them", m.attached.clone());
        r.register("sent_messages", "Messages handed to the network", m.sent.clone());
        r.register("received_messages", "Messages taken from the network", m.received.clone());
        let bytes = m.received_bytes.clone();
        r.register("received_transaction_bytes", "Transactions taken from the network", bytes);
        let help = "Transactions that found no room to wait for their turn";
        r.register("turned_away_transactions", help, m.turned_away.clone());
        r.register("http_requests", "Requests answered by the API", m.requests.clone());
        r.register("group_inputs", "Inputs handled before one commit", m.group.clone());
        r.register("group_handling_seconds", "Handling of one group", m.handling.clone());
        let buffered = m.buffered_commit.clone();
        r.register("commit_buffered_seconds", "Commits that were not synced", buffered);
        let durable = m.durable_commit.clone();
        r.register("commit_durable_seconds", "Commits with their sync", durable);
        let help = "From the attaching to the ordering of a transaction, at this node";
        r.register("attach_to_commit_seconds", help, m.to_commit.clone());
        let help = "1 for whether this node signs checkpoints: follower, asking, active ..";
        r.register("signing", help, m.signing.clone());
        r.register("level_count", "How many there are now", m.levels.clone());
        r.register("size_bytes", "How large it is now", m.sizes.clone());
        r.register("ready", "Whether all checks of /readyz pass", m.ready.clone());
    }

    /// An input is about to be handled.
    pub(crate) fn input(&self, input: &Input) {
        self.inputs.get_or_create(&Kind { kind: input_kind(input) }).inc();
    }

    /// A transaction was refused before the machine, or by it.
    pub(crate) fn refusal(&self, source: &'static str, reason: &'static str) {
        self.refusals.get_or_create(&RefusalLabels { source, reason }).inc();
    }

    /// A peer was blamed.
    pub(crate) fn fault(&self, fault: &Fault) {
        self.faults.get_or_create(&Kind { kind: fault_kind(fault) }).inc();
    }

    /// A transaction was attached.
    pub(crate) fn attached(&self, source: &Source, id: TxId) {
        self.attached.get_or_create(&Kind { kind: source_kind(source) }).inc();
        let now = Instant::now();
        self.attached_at.insert(id, now);
        self.pace.attached(now);
    }

    /// A commit was made.
    pub(crate) fn committed(&self, leaves: &[Leaf]) {
        let now = Instant::now();
        let attached_at = leaves.iter().filter_map(|leaf| self.attached_at.find(&leaf.tx));
        let took = attached_at.map(|at| now.saturating_duration_since(at));
        let took = took.inspect(|took| self.to_commit.observe(took.as_secs_f64()));
        self.pace.ordered(now, leaves.len() as u64, took);
    }

    /// How much passes, and how fast it becomes final.
    pub(crate) fn pace(&self) -> PaceShown {
        self.pace.shown(Instant::now())
    }

    /// A message was handed to the network.
    pub(crate) fn sent(&self, message: &Message) {
        self.sent.get_or_create(&Kind { kind: message.name() }).inc();
    }

    /// A message was taken from the network.
    pub(crate) fn received(&self, message: &Message) {
        self.received.get_or_create(&Kind { kind: message.name() }).inc();
        if let Message::Transaction(bytes) = message {
            self.received_bytes.inc_by(bytes.len() as u64);
        }
    }

    /// A request was answered. `route` is a pattern of ours, never the path itself.
    pub(crate) fn request(&self, route: &str, status: u16) {
        self.requests.get_or_create(&RequestLabels { route: route.into(), status }).inc();
    }

    /// A group was handled.
    pub(crate) fn group(&self, inputs: usize, handling: Duration) {
        self.group.observe(f64::from(u32::try_from(inputs).unwrap_or(u32::MAX)));
        self.handling.observe(handling.as_secs_f64());
    }

    /// A batch was committed.
    pub(crate) fn commit(&self, durable: bool, took: Duration) {
        let histogram = if durable { &self.durable_commit } else { &self.buffered_commit };
        histogram.observe(took.as_secs_f64());
    }

    /// Everything, as OpenMetrics text.
    pub(crate) fn encode(&self, levels: &Levels) -> String {
        self.set(levels);
        let mut out = String::new();
        text::encode(&mut out, &self.lock()).expect("a string takes any text");
        out
    }

    fn set(&self, levels: &Levels) {
        let count = |kind, value: usize| {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            self.levels.get_or_create(&Kind { kind }).set(value);
        };
        let bytes = |kind, value: u64| {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            self.sizes.get_or_create(&Kind { kind }).set(value);
        };
        count("peers", levels.peers);
        count("known_addresses", levels.known_addresses);
        count("tips", levels.tips);
        count("position", usize::try_from(levels.position).unwrap_or(usize::MAX));
        count("live_transactions", levels.live_count);
        bytes("live_transactions", levels.live_bytes);
        count("waiting_transactions", levels.waiting_count);
        bytes("waiting_transactions", levels.waiting_bytes);
        count("in_line_transactions", levels.in_line_count);
        bytes("in_line_transactions", levels.in_line_bytes);
        // It only grows, and is what the machine says it is.
        let known = self.turned_away.get();
        self.turned_away.inc_by(levels.turned_away.saturating_sub(known));
        count("held_transactions", levels.held_count);
        bytes("held_transactions", levels.held_bytes);
        count("wanted", levels.wanted);
        count("seen_entries", levels.seen_entries);
        count("keys_cached", levels.keys_cached);
        count("submissions_queued", levels.submissions);
        count("machine_queue", levels.machine_queue);
        count("subscribers", levels.subscribers);
        bytes("store", levels.disk_bytes);
        count("store_journals", usize::try_from(levels.journals).unwrap_or(usize::MAX));
        count("committed_index", usize::try_from(levels.committed).unwrap_or(usize::MAX));
        count("certified_index", usize::try_from(levels.certified).unwrap_or(usize::MAX));
        count("round", usize::try_from(levels.round).unwrap_or(usize::MAX));
        count("unordered_transactions", levels.unordered);
        count("lowest_commit", usize::try_from(levels.lowest).unwrap_or(usize::MAX));
        count("sync_target_commit", usize::try_from(levels.sync_target).unwrap_or(usize::MAX));
        self.signing.clear();
        self.signing.get_or_create(&Kind { kind: levels.signing }).set(1);
        self.ready.set(levels.ready.into());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A short name of who brought something.
pub(crate) const fn source_kind(source: &Source) -> &'static str {
    match source {
        Source::Local => "local",
        Source::Gossip(_) => "gossip",
        Source::Answer(_) => "answer",
    }
}

/// A short name of whether a node signs checkpoints.
pub(crate) const fn signing_kind(signing: Signing) -> &'static str {
    match signing {
        Signing::Follower => "follower",
        Signing::Asking { .. } => "asking",
        Signing::Active => "active",
        Signing::Observer => "observer",
        Signing::Alarmed => "alarmed",
    }
}

const fn input_kind(input: &Input) -> &'static str {
    match input {
        Input::Admitted { .. } => "admitted",
        Input::Repeated { .. } => "repeated",
        Input::Checkpoint { .. } => "checkpoint",
        Input::KeyMissing { .. } => "key_missing",
        Input::BodyMissing { .. } => "body_missing",
        Input::Misbehaved { .. } => "misbehaved",
        Input::Message { .. } => "message",
        Input::Part { .. } => "part",
        Input::Request { .. } => "request",
        Input::Answered { .. } => "answered",
        Input::PeerUp { .. } => "peer_up",
        Input::PeerDown { .. } => "peer_down",
        Input::DialFailed { .. } => "dial_failed",
        Input::Tick => "tick",
    }
}

const fn fault_kind(fault: &Fault) -> &'static str {
    match fault {
        Fault::Malformed(_) => "malformed",
        Fault::Oversized { .. } => "oversized",
        Fault::Misplaced { .. } => "misplaced",
        Fault::Refused(_) => "refused",
        Fault::BadCheckpoint(_) => "bad_checkpoint",
        Fault::UnwantedKey => "unwanted_key",
        Fault::TooManyRequests { .. } => "too_many_requests",
        Fault::EmptyAnswer => "empty_answer",
        Fault::BadAnswer => "bad_answer",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const DASHBOARD: &str =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/grafana/weft.json"));

    /// The words that follow `start` in `text`, up to what cannot be part of one.
    fn words<'a>(text: &'a str, start: &str) -> BTreeSet<&'a str> {
        let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        text.split(start).skip(1).filter_map(|rest| rest.split(ends).next()).collect()
    }

    /// What a node says that has counted one of each.
    fn told() -> String {
        let metrics = Metrics::new("0");
        let Metrics { inputs, faults, attached, sent, received, .. } = &metrics;
        for family in [inputs, faults, attached, sent, received] {
            family.get_or_create(&Kind { kind: "any" }).inc();
        }
        metrics.refusal("local", "any");
        metrics.request("/", 200);
        metrics.encode(&Levels { signing: "active", ..Levels::default() })
    }

    #[test]
    fn the_dashboard_shows_only_what_nodes_measure() {
        let told = told();
        let families = words(&told, "# TYPE weft_");
        let shown = words(DASHBOARD, "weft_");
        assert!(shown.len() > 15, "the file was read: {shown:?}");
        for name in shown {
            let ends = ["", "_total", "_bucket", "_sum", "_count"];
            let mut families = families.iter();
            let is_told = families
                .any(|family| ends.iter().any(|end| name.strip_suffix(end) == Some(*family)));
            assert!(is_told, "no node measures weft_{name}");
        }
    }

    #[test]
    fn the_dashboard_names_only_kinds_that_there_are() {
        let told = told();
        let kinds = words(&told, "{kind=\"");
        let named = DASHBOARD.split("kind=").skip(1);
        let named = named.filter_map(|rest| rest.trim_start_matches('~').split('}').next());
        let named = named.flat_map(|list| list.split(['|', '"', '\\', ',']));
        let named: BTreeSet<&str> = named.filter(|name| !name.is_empty()).collect();
        assert!(named.len() > 8, "the file was read: {named:?}");
        assert!(named.is_subset(&kinds), "{:?} are none", named.difference(&kinds));
    }
}
