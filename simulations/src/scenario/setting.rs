//! What a network of nodes is like, as a scenario says it.
//!
//! Invariant: every field has a unit and a default, and none is left out of what is written. Left
//! out on purpose: what the world makes of it (`on_node`).

mod costs;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{
    scenario::{config::Scenario, shipped, span::Duration},
    world::links::Regions,
};

pub use self::costs::Costs;

/// How long, in virtual time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Times {
    /// How long there is load. Default 20 s.
    pub duration: Duration,
    /// From its beginning: what nobody counts. Default 4 s.
    pub warmup: Duration,
    /// After the load: within this all that was said must become final. Default 30 s.
    pub patience: Duration,
}

impl Default for Times {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self { duration: ms(20_000), warmup: ms(4_000), patience: ms(30_000) }
    }
}

/// Who is connected to whom, at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Topology {
    /// Each validator to each; each follower to `links` validators, round and round.
    #[default]
    Mesh,
    /// In a row.
    Line,
}

/// Who is there. Validators are called v0, v1, and so on, followers f0, f1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Nodes {
    /// How many make things final. Default 4.
    pub validators: u64,
    /// How many only follow. Default 0.
    pub followers: u64,
    /// How they are connected.
    pub topology: Topology,
    /// To how many validators a follower is connected by its operator. Default 2.
    pub links: u64,
    /// Connections a node seeks by itself beyond those. Default 0.
    pub seeks: u64,
    /// Parties that follow no rule, each connected to every follower, or to every validator if
    /// there are no followers. Default 0.
    pub rogues: u64,
    /// The pause in a round while there is something to order. Default 50 ms.
    pub round_min: Duration,
    /// How long a round waits for a leader, at first. Default 200 ms; far above a round trip.
    pub leader_timeout: Duration,
    /// Bytes of transactions that a node takes in per second; of more, a second's worth waits, and
    /// issuers take turns. Default 0: as a node does, which is more than a world has.
    pub take_bytes_per_s: u64,
}

impl Default for Nodes {
    fn default() -> Self {
        Self {
            validators: 4,
            followers: 0,
            topology: Topology::Mesh,
            links: 2,
            seeks: 0,
            rogues: 0,
            round_min: Duration::from_millis(50),
            leader_timeout: Duration::from_millis(200),
            take_bytes_per_s: 0,
        }
    }
}

/// What lies between them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Net {
    /// A table of round trips between regions: a file, or one that is shipped. Nodes go to the
    /// regions round and round. Empty: `delay_ms` holds.
    pub rtt: String,
    /// One way, drawn once per pair between these two. Default 10 to 40 ms.
    pub delay_ms: [u64; 2],
    /// Added to each frame, up to this, in ms. Default 5.
    pub jitter_ms: u64,
    /// Share of packets that are lost, and repeated a round trip later. Default 0.
    pub loss: f64,
    /// What a node sends at most, in bytes per ms; 1,250 are 10 Mbit/s. Default 0: no limit.
    pub uplink_bytes_per_ms: u64,
}

impl Default for Net {
    fn default() -> Self {
        Self {
            rtt: String::new(),
            delay_ms: [10, 40],
            jitter_ms: 5,
            loss: 0.0,
            uplink_bytes_per_ms: 0,
        }
    }
}

/// Who takes what posters say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Home {
    /// All nodes, round and round.
    #[default]
    All,
    /// The validators.
    Validators,
    /// The followers.
    Followers,
}

/// Who posts what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Load {
    /// Transactions per second of all honest posters together. Default 40.
    pub tps: f64,
    /// Honest posters. Default 8.
    pub posters: u64,
    /// Bytes of a reading; a transaction has about 3,000 more for its signature and key. Default
    /// 64.
    pub bytes: u64,
    /// Whether an honest poster waits until a body is taken, and attaches it anew until it is. If
    /// not, bodies come at random whatever becomes of them: an offered load. Default true.
    pub waits: bool,
    /// Where they post.
    pub home: Home,
    /// What each honest poster owns at the start, if it does not wait. Default 0.
    pub owns: u64,
    /// Spammers, each at the first node of `home`. Default 0.
    pub spammers: u64,
    /// How many times as much as an honest poster each spammer posts. Default 10.
    pub spam_factor: f64,
    /// What all spammers post together, in transactions per second. Default 0: what `spam_factor`
    /// says.
    pub spam_tps: f64,
    /// What each spammer owns at the start, if honest posters do not wait. Default 0.
    pub spam_owns: u64,
    /// Clients that pay, spend twice and change keys. Default 0.
    pub clients: u64,
    /// Time between two things that a client says. Default 400 ms.
    pub client_every: Duration,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            tps: 40.0,
            posters: 8,
            bytes: 64,
            waits: true,
            home: Home::All,
            owns: 0,
            spammers: 0,
            spam_factor: 10.0,
            spam_tps: 0.0,
            spam_owns: 0,
            clients: 0,
            client_every: Duration::from_millis(400),
        }
    }
}

impl Load {
    /// Transactions per second of each spammer.
    pub(crate) fn spam_rate(&self) -> f64 {
        if self.spam_tps > 0.0 {
            return self.spam_tps / self.spammers.max(1) as f64;
        }
        self.tps / self.posters.max(1) as f64 * self.spam_factor
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultKind {
    /// What goes between `nodes` and all others is blocked, both ways.
    Partition,
    /// What goes between `nodes` and honest others is blocked; rogues stay connected.
    Eclipse,
    /// Nothing that others say reaches `nodes`.
    Deaf,
    /// `nodes` lose power, and start again at the end.
    Crash,
    /// `nodes` lose power and start again, over and over: off half of `every`, each at its time.
    Churn,
    /// `nodes`, which are validators, say nothing of what they sign.
    Silent,
    /// They send what they sign to f + 1 others only.
    Withhold,
    /// They send what they sign 300 ms late.
    Late,
    /// A second machine with their key signs other things for half of the others.
    Equivocate,
}

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// What.
    pub kind: FaultKind,
    /// To whom: `v0`, `f3`, `v0-v2`.
    pub nodes: Vec<String>,
    /// From when on.
    #[serde(default)]
    pub at: Duration,
    /// Until when; a vice lasts for ever. Default: the end of the load.
    #[serde(default)]
    pub until: Duration,
    /// Of churn: how long on and off take together. Default 10 s.
    #[serde(default = "ten_seconds")]
    pub every: Duration,
}

const fn ten_seconds() -> Duration {
    Duration::from_millis(10_000)
}

/// The numbers of the nodes with these names.
pub(crate) fn numbers(nodes: &Nodes, names: &[String]) -> Result<Vec<usize>, String> {
    let number = |name: &str| -> Result<u64, String> {
        let (kind, count) = name.split_at_checked(1).unwrap_or(("", ""));
        let count: Option<u64> = count.parse().ok();
        match (kind, count) {
            ("v", Some(count)) if count < nodes.validators => Ok(count),
            ("f", Some(count)) if count < nodes.followers => Ok(nodes.validators + count),
            _ => Err(format!(
                "no node `{name}`: there are v0 to v{} and {} followers",
                nodes.validators.saturating_sub(1),
                nodes.followers
            )),
        }
    };
    let mut found = Vec::new();
    for name in names {
        let (first, last) = name.split_once('-').unwrap_or((name, name));
        for each in number(first)?..=number(last)? {
            found.push(usize::try_from(each).map_err(|error| error.to_string())?);
        }
    }
    Ok(found)
}

/// The regions of a network, if it has any.
pub(crate) fn regions(net: &Net) -> Result<Option<Regions>, String> {
    if net.rtt.is_empty() {
        return Ok(None);
    }
    // A path is seen from where the program runs: the scenario's folder is not kept.
    let text = shipped::file(Path::new(""), &net.rtt)?;
    Regions::parse(&text).map(Some).map_err(|error| format!("{}: {error}", net.rtt))
}

/// Most parties of a run, whoever they are.
const PARTIES_MAX: u64 = 250;

/// What no type says of a network of nodes.
pub(crate) fn check(scenario: &Scenario) -> Result<(), String> {
    let (Some(time), Some(nodes), Some(net), Some(load)) =
        (&scenario.time, &scenario.nodes, &scenario.net, &scenario.load)
    else {
        return Ok(());
    };
    let within = |name: &str, actual: f64, low: f64, high: f64| {
        let holds = (low..=high).contains(&actual);
        holds.then_some(()).ok_or_else(|| format!("{name} is {actual}: from {low} to {high}"))
    };
    within("time.duration in s", time.duration.seconds(), 1.0, 3_600.0)?;
    within("time.warmup in s", time.warmup.seconds(), 0.0, time.duration.seconds() - 1.0)?;
    within("nodes.validators", nodes.validators as f64, 1.0, 100.0)?;
    let parties = nodes.validators + nodes.followers + nodes.rogues;
    within("nodes in all", parties as f64, 1.0, PARTIES_MAX as f64)?;
    regions(net)?;
    within("net.loss", net.loss, 0.0, 0.5)?;
    within("net.delay_ms", net.delay_ms.first().copied().unwrap_or(0) as f64, 0.0, 10_000.0)?;
    within("load.tps", load.tps, 0.001, 1e6)?;
    within("load.posters", load.posters as f64, 1.0, 10_000.0)?;
    within("load.bytes", load.bytes as f64, 1.0, 24.0 * 1024.0)?;
    within("load.spam_tps", load.spam_tps, 0.0, 1e6)?;
    within("load.spam_factor", load.spam_factor, 0.001, 1e4)?;
    if load.home == Home::Followers && nodes.followers == 0 {
        return Err("load.home is \"followers\", but nodes.followers is 0".into());
    }
    for fault in &scenario.faults {
        let of = numbers(nodes, &fault.nodes)?;
        let is_vice = matches!(
            fault.kind,
            FaultKind::Silent | FaultKind::Withhold | FaultKind::Late | FaultKind::Equivocate
        );
        if is_vice && of.iter().any(|node| *node as u64 >= nodes.validators) {
            return Err(format!("fault {:?} is for validators", fault.kind));
        }
    }
    Ok(())
}
