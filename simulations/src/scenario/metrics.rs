//! Every value that a run can give: its name, its unit, what it means.
//!
//! Invariant: what is not listed here can be neither drawn nor expected, and `explain` knows all of
//! it.

use crate::scenario::{config::Engine, read::nearest};

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One number per run.
    Value,
    /// A number over time.
    Series,
    /// The distribution of a latency.
    Tail,
    /// A number per name.
    Bars,
}

/// One value that a run can give.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name in `[expect]` and `[[figure]]`.
    pub name: &'static str,
    /// Which engine gives it.
    pub engine: Engine,
    /// What the name stands for.
    pub kind: Kind,
    /// Its unit; empty for a count or a share.
    pub unit: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

const fn node(kind: Kind, name: &'static str, unit: &'static str, meaning: &'static str) -> Metric {
    Metric { name, engine: Engine::Node, kind, unit, meaning }
}

const fn tangle(
    kind: Kind,
    name: &'static str,
    unit: &'static str,
    meaning: &'static str,
) -> Metric {
    Metric { name, engine: Engine::Tangle, kind, unit, meaning }
}

use Kind::{Bars, Series, Tail, Value};

/// All of them, by engine, in the order in which they are shown.
pub const METRICS: &[Metric] = &[
    node(Value, "offered_tps", "tx/s", "What posters mean to post per second, spam included."),
    node(Value, "posted_tps", "tx/s", "Bodies made after the warm-up and handed to a node."),
    node(Value, "accepted_tps", "tx/s", "Those of them that a node took."),
    node(Value, "turned_away", "", "Bodies of posters who do not wait that nodes refused."),
    node(Value, "final_tps", "tx/s", "Bodies that became final after the warm-up, in the load."),
    node(Value, "honest_tps", "tx/s", "The same, of honest posters alone."),
    node(Value, "unfinal", "", "Share of posted bodies that were not final at the very end."),
    node(
        Value,
        "finality_p50_ms",
        "ms",
        "Median time from the making of a body until the node it was given to told it final.",
    ),
    node(Value, "finality_p95_ms", "ms", "The same, of which 5 % took longer."),
    node(Value, "finality_p99_ms", "ms", "The same, of which 1 % took longer."),
    node(Value, "finality_max_ms", "ms", "The longest of them."),
    node(Value, "honest_p99_ms", "ms", "finality_p99_ms of honest posters alone."),
    node(
        Value,
        "client_p99_ms",
        "ms",
        "finality_p99_ms of clients, who spend twice and leave gaps: until the outcome.",
    ),
    node(
        Value,
        "conflicts",
        "",
        "Bodies of clients that lost against another one with the same sequence or funds.",
    ),
    node(
        Value,
        "jain",
        "",
        "Jain's index of fairness over honest posters, of what became final for each: 1 if all \
         have the same.",
    ),
    node(Value, "bytes_per_tx", "B", "Bytes that reached a node, per body that became final."),
    node(Value, "frames_per_tx", "", "Frames that reached a node, per body that became final."),
    node(Value, "copies_per_tx", "", "How often each transaction reached a node, on average."),
    node(Value, "tx_bytes", "B", "Length of a transaction on the wire, on average."),
    node(
        Value,
        "wire_ratio",
        "",
        "bytes_per_tx over tx_bytes: 1 if each reached each node once and nothing else did.",
    ),
    node(Value, "commits_per_s", "/s", "Commits per second after the warm-up."),
    node(Value, "gap_max_ms", "ms", "The longest time without a commit at any node that ran."),
    node(
        Value,
        "lag_max",
        "commits",
        "By how many commits the last of all honest nodes was behind the first, at most.",
    ),
    node(Value, "tips_mean", "", "Tips at a node, on average over nodes and time."),
    node(Series, "finality_rate", "tx/s", "Bodies that become final, over time."),
    node(Series, "tips", "", "Tips at a node, on average over nodes."),
    node(Series, "lag", "commits", "By how many commits the last node is behind the first."),
    node(Tail, "finality", "ms", "Time until final, by the share that took longer."),
    node(Tail, "honest_finality", "ms", "The same, of honest posters alone."),
    node(Tail, "client_finality", "ms", "The same, of clients."),
    node(Bars, "region_p50_ms", "ms", "Median time until final, by region of the node asked."),
    node(Bars, "issuer_tps", "tx/s", "Bodies that became final, by issuer."),
    node(Bars, "bytes_by_kind", "%", "Bytes that reached nodes, by kind of message."),
    tangle(Value, "tips", "", "Tips after the warm-up, on average over time: L0."),
    tangle(
        Value,
        "tips_theory",
        "",
        "k' rate h / (k' - 1) with k' = k (1 - q): Popov, The Tangle; q adds tips, removes none.",
    ),
    tangle(Value, "tips_deviation", "", "Standard deviation of the tips over time."),
    tangle(
        Value,
        "tips_growth",
        "/h",
        "How fast the tips grow after the warm-up; about 0 if at all stable.",
    ),
    tangle(Value, "approval_mean_h", "h", "Mean time from issue to the first approval."),
    tangle(
        Value,
        "approval_theory_h",
        "h",
        "The same by theory: h + h / (k - 1), for a constant delay and nobody lazy.",
    ),
    tangle(Value, "orphans", "", "Share of transactions that nobody approved and nobody will."),
    tangle(
        Value,
        "orphans_theory",
        "",
        "exp(-(k/x)(D-1)) with x = 1 + (x/k)(1 - exp(-(k/x)(D-2))), for delay 1 and tips that \
         leave at age D.",
    ),
    tangle(Value, "cover_p50_h", "h", "Median time until 2f + 1 validators' blocks cover it."),
    tangle(Value, "cover_p95_h", "h", "The same, of which 5 % took longer."),
    tangle(Value, "cover_p999_h", "h", "The same, of which 0.1 % took longer."),
    tangle(Value, "block_parents", "", "Ids of parents in a block of a validator, on average."),
    tangle(
        Value,
        "lead_p50_h",
        "h",
        "Median time until a private double spend fell behind for good.",
    ),
    tangle(Value, "lead_p95_h", "h", "The same, of which 5 % took longer."),
    tangle(
        Value,
        "parasite_share",
        "",
        "Share of honest transactions that approve the parasite chain at the end.",
    ),
    tangle(
        Value,
        "attack_success",
        "",
        "Share of sampled transactions whose rival had more weight at the release.",
    ),
    tangle(Series, "tip_count", "", "Tips over time: L(t)."),
    tangle(Series, "weight", "", "Cumulative weight over age, mean of the sampled transactions."),
    tangle(Series, "success", "", "Share of races that the attacker would win, by release time."),
    tangle(Tail, "approval", "h", "Time to the first approval, by the share that took longer."),
    tangle(Tail, "cover", "h", "Time until covered, by the share that took longer."),
    tangle(Bars, "approvers", "", "Share of transactions by number of direct approvers."),
];

/// The value of this name.
///
/// # Errors
/// If the engine has none, with the nearest that it has.
pub fn find(name: &str, engine: Engine) -> Result<&'static Metric, String> {
    let of_engine = || METRICS.iter().filter(|metric| metric.engine == engine);
    of_engine().find(|metric| metric.name == name).ok_or_else(|| {
        let near = nearest(name, of_engine().map(|metric| metric.name)).unwrap_or_default();
        let whose = match engine {
            Engine::Node => "nodes",
            Engine::Tangle => "the abstract Tangle",
        };
        format!("no value `{name}` of {whose}; did you mean `{near}`?")
    })
}
