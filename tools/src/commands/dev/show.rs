//! What `weft dev` prints: a banner, a line per reading once it is final, a summary.
//!
//! Invariant: every line of the banner that looks like a command can be copied and run.

use std::{
    collections::VecDeque,
    env,
    time::{Duration, Instant},
};

use serde_json::json;
use weft_client::host::{Committed, NodeClient, Reading};
use weft_core::{digest::BodyId, tx::ContentType};
use weft_node::Node;

use super::{
    door::Door,
    sensor::{STREAM, Sensor},
};
use crate::{
    failure::Failure,
    network::{Network, SENSOR_KEY},
    output::Output,
    time::{clock, ms, now_ms},
};

/// Delays kept for the summary: the last hours of a long run.
const DELAYS_MAX: usize = 65_536;

/// How long the line of a reading waits for its place in the order.
pub(super) const FINAL_TIME: Duration = Duration::from_secs(3);

/// Longest reading shown in a line, in characters.
const TEXT_CHARS_MAX: usize = 160;

/// What there is, and what to try.
pub(super) struct Banner<'a> {
    pub(super) network: &'a Network,
    pub(super) nodes: &'a [Node],
    pub(super) sensor: &'a Sensor,
    pub(super) door: &'a Door,
    pub(super) took: Duration,
    /// Key file, address and balance of each account to play with.
    pub(super) accounts: Vec<(String, String, String)>,
}

impl Banner<'_> {
    pub(super) fn show(&self, output: Output) -> Result<(), Failure> {
        let nodes: Vec<_> =
            self.nodes.iter().enumerate().map(|(at, node)| self.node(at, node)).collect();
        let value = json!({
            "event": "ready", "ready_ms": ms(self.took),
            "genesis": self.network.genesis.id().to_string(), "dir": self.network.dir(),
            "nodes": nodes,
            "accounts": self.accounts.iter().map(|(key, address, balance)| {
                json!({ "key": key, "address": address, "balance": balance })
            }).collect::<Vec<_>>(),
            "gateway": self.door.shown(),
            "sensor": { "address": self.sensor.address(), "stream": STREAM,
                "key": self.network.dir().join(SENSOR_KEY) },
        });
        output.show(&value, || self.text())
    }

    fn node(&self, at: usize, node: &Node) -> serde_json::Value {
        let api = format!("http://{}", node.api_addr());
        let p2p = node.p2p_addr().to_string();
        let key = self.network.key_file(at);
        json!({ "node": node.id().to_string(), "api": api, "p2p": p2p, "key": key })
    }

    fn text(&self) -> String {
        let dir = self.network.dir().display();
        let count = self.nodes.len();
        let number = self.network.genesis.network();
        let took = self.took.as_secs_f64();
        let mut text = format!(
            "weft dev: {count} nodes, network {number}, ready in {took:.1} s\n\n  \
             node  API                     QUIC             key\n"
        );
        for (at, node) in self.nodes.iter().enumerate() {
            let api = format!("http://{}", node.api_addr());
            let p2p = node.p2p_addr().to_string();
            let key = self.network.key_file(at);
            text.push_str(&format!("  {at:<4}  {api:<22}  {p2p:<15}  {}\n", key.display()));
        }
        if let Some(node) = self.nodes.first() {
            let api = node.api_addr();
            text.push_str(&format!("\n  page    http://{api}/ shows all of it in a browser"));
        }
        let sensor = self.sensor.address();
        text.push_str(&format!(
            "\n  sensor  {sensor}\n          posts this machine's telemetry to node 0 once a \
             second, stream {STREAM:?}\n  folder  {dir}\n"
        ));
        text.push_str("\n  account                     balance       address\n");
        for (key, address, balance) in &self.accounts {
            let name = key.rsplit('/').next().unwrap_or(key);
            text.push_str(&format!("  {name:<26}  {balance:<12}  {address}\n"));
        }
        text.push_str(&self.tries());
        text.push_str(&self.door.tries());
        let last = count.saturating_sub(1);
        text.push_str(&format!(
            "\nCtrl-C ends it; the next run goes on where it ended, or anew with --reset.\n\
             Readings as they arrive at node {last}, and how long until they were final there \
             (times are UTC):\n"
        ));
        text
    }

    /// Lines to copy into another terminal.
    fn tries(&self) -> String {
        let url = |node: Option<&Node>| node.map(|node| format!("http://{}", node.api_addr()));
        let first = url(self.nodes.first()).unwrap_or_default();
        let last = url(self.nodes.last()).unwrap_or_default();
        let dir = quoted(&self.network.dir().display().to_string());
        // As it was called: it may not be on the path.
        let weft = env::args().next().unwrap_or_else(|| "weft".to_owned());
        format!(
            "\nIn another terminal:\n  export WEFT_NODE={first}\n  export DIR={dir}\n  \
             {weft} balance --key $DIR/demo0.key\n  \
             {weft} send $({weft} address --key $DIR/demo1.key) 5000 --key $DIR/demo0.key \
             | tee sent\n  \
             {weft} proof $(head -1 sent) --out sent.proof\n  \
             {weft} verify sent.proof --committee $DIR/genesis.toml\n  \
             {weft} faucet --faucet-key $DIR/faucet.key --key $DIR/demo2.key\n  \
             {weft} tail hall/temp --node {last} &\n  \
             {weft} post hall/temp --data '{{\"v\":21.4,\"u\":\"Cel\"}}'\n  \
             {weft} status\n  curl '{first}/v1/streams/{STREAM}/readings?limit=1'\n"
        )
    }
}

/// Whether a reading is the batch of a paid chunk.
pub(super) fn is_sealed(reading: &Reading) -> bool {
    ContentType(reading.content.content_type) == ContentType::SEALED_BATCH
}

/// The one line that buys what the sensor sells; a funded account pays.
pub(super) fn offered(
    offer: BodyId,
    network: &Network,
    node: &NodeClient,
    output: Output,
) -> Result<(), Failure> {
    let weft = env::args().next().unwrap_or_else(|| "weft".to_owned());
    let key = quoted(&network.dir().join("demo0.key").display().to_string());
    let buy = format!("{weft} market buy {offer} --max 1000 --key {key} --node {}", node.url());
    let value = json!({ "event": "market", "offer": offer.to_string(), "buy": buy });
    output.show(&value, || {
        format!("\nThe sensor's readings are for sale too, each for 1:\n  {buy}\n")
    })
}

/// What a shell takes as one word.
fn quoted(text: &str) -> String {
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c)) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// What arrived and became final, and how fast.
pub(super) struct Arrivals {
    sensor: String,
    output: Output,
    sent: u64,
    arrived: u64,
    is_final: u64,
    delays: VecDeque<u64>,
    finals: VecDeque<u64>,
    /// Readings whose line waits, in the order in which they arrived.
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    reading: Box<Reading>,
    since: Instant,
    /// When it arrived, ms since the Unix epoch.
    arrived: u64,
}

impl Arrivals {
    /// Counts the readings of `sensor`; shows those of others too.
    pub(super) const fn new(sensor: String, output: Output) -> Self {
        Self {
            sensor,
            output,
            sent: 0,
            arrived: 0,
            is_final: 0,
            delays: VecDeque::new(),
            finals: VecDeque::new(),
            waiting: VecDeque::new(),
        }
    }

    /// The sensor's reading was acknowledged.
    pub(super) const fn sent(&mut self) {
        self.sent += 1;
    }

    /// Whether everything that was acknowledged arrived, and is final.
    pub(super) fn is_complete(&self) -> bool {
        self.arrived >= self.sent && self.waiting.is_empty()
    }

    /// A reading arrived now.
    pub(super) fn arrived(&mut self, reading: Box<Reading>) {
        let arrived = now_ms();
        if reading.issuer == self.sensor {
            self.arrived += 1;
            keep(&mut self.delays, delay(&reading, arrived));
        }
        self.waiting.push_back(Waiting { reading, since: Instant::now(), arrived });
    }

    /// A transaction got its place in the order now.
    pub(super) fn committed(&mut self, committed: &Committed) -> Result<(), Failure> {
        let found = self.waiting.iter().position(|waiting| waiting.reading.body == committed.body);
        let Some(waiting) = found.and_then(|at| self.waiting.remove(at)) else { return Ok(()) };
        let took = delay(&waiting.reading, now_ms());
        if waiting.reading.issuer == self.sensor {
            self.is_final += 1;
            keep(&mut self.finals, took);
        }
        self.show(&waiting, took, Some(committed))
    }

    /// Shows what has waited long enough, final or not.
    pub(super) fn overdue(&mut self) -> Result<(), Failure> {
        while let Some(first) = self.waiting.front()
            && first.since.elapsed() >= FINAL_TIME
            && let Some(waiting) = self.waiting.pop_front()
        {
            self.show(&waiting, None, None)?;
        }
        Ok(())
    }

    fn show(
        &self,
        waiting: &Waiting,
        took: Option<u64>,
        committed: Option<&Committed>,
    ) -> Result<(), Failure> {
        let Waiting { reading, arrived, .. } = waiting;
        let value = json!({ "event": "reading", "sent": reading.time, "arrived": arrived,
            "delay_ms": delay(reading, *arrived), "final_ms": took,
            "commit": committed.map(|committed| committed.commit),
            "outcome": committed.map(|committed| &committed.outcome.code), "reading": reading });
        self.output.show(&value, || line(reading, *arrived, took))
    }

    pub(super) fn summary(&self) -> Result<(), Failure> {
        let [p50, p99] = quantiles(&self.delays);
        let [final_p50, final_p99] = quantiles(&self.finals);
        let Self { sent, arrived, is_final, .. } = self;
        let value = json!({ "event": "summary", "sent": sent, "arrived": arrived,
            "final": is_final, "p50_ms": p50, "p99_ms": p99, "final_p50_ms": final_p50,
            "final_p99_ms": final_p99 });
        let shown = |delay: Option<u64>| delay.map_or("-".to_owned(), |ms| format!("{ms} ms"));
        let [p50, p99, final_p50, final_p99] = [p50, p99, final_p50, final_p99].map(shown);
        self.output.show(&value, || {
            format!(
                "\nended: {sent} readings sent, {arrived} arrived, delay p50 {p50}, p99 {p99}; \
                 {is_final} final, p50 {final_p50}, p99 {final_p99}"
            )
        })
    }
}

/// From when it was sent, if its clock was set.
fn delay(reading: &Reading, until: u64) -> Option<u64> {
    (reading.time > 0).then(|| until.saturating_sub(reading.time))
}

fn keep(delays: &mut VecDeque<u64>, delay: Option<u64>) {
    if delays.len() >= DELAYS_MAX {
        delays.pop_front();
    }
    delays.extend(delay);
}

fn quantiles(delays: &VecDeque<u64>) -> [Option<u64>; 2] {
    let mut sorted: Vec<_> = delays.iter().copied().collect();
    sorted.sort_unstable();
    [50, 99].map(|percent| quantile(&sorted, percent))
}

fn line(reading: &Reading, arrived: u64, took: Option<u64>) -> String {
    let delay = delay(reading, arrived);
    let sent = if reading.time > 0 { clock(reading.time) } else { "--:--:--.---".to_owned() };
    let delay = delay.map_or_else(String::new, |ms| format!("{ms} ms"));
    let took = took.map_or_else(|| "not yet".to_owned(), |ms| format!("{ms} ms"));
    let content = &reading.content;
    let text = content.text.as_deref().or(content.data.as_deref()).unwrap_or_default();
    let (stream, sequence) = (&content.stream, reading.sequence);
    let (arrived, text) = (clock(arrived), printable(text));
    format!(
        "sent {sent}  arrived {arrived}  {delay:>7}  final {took:>7}  {stream} #{sequence}  {text}"
    )
}

/// A text in one line: what would move the cursor is spelled out, what is long is cut.
fn printable(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(TEXT_CHARS_MAX).collect();
    let more = if chars.next().is_some() { ".." } else { "" };
    let spelled = start.chars().map(|c| match c {
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    });
    spelled.collect::<String>() + more
}

/// The smallest of `sorted` that at least `percent` of them do not exceed.
fn quantile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_members() {
        assert_eq!(quantile(&[], 50), None);
        assert_eq!((quantile(&[7], 50), quantile(&[7], 99)), (Some(7), Some(7)));
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!((quantile(&hundred, 50), quantile(&hundred, 99)), (Some(50), Some(99)));
        assert_eq!(quantile(&[1, 2, 3, 4, 1_000], 99), Some(1_000));
    }

    #[test]
    fn what_a_stranger_posts_stays_in_its_line() {
        assert_eq!(printable("a\n\u{1b}[2Jb"), "a\\n\\u{1b}[2Jb");
        let long = "\u{e9}".repeat(TEXT_CHARS_MAX + 1);
        assert_eq!(printable(&long).chars().count(), TEXT_CHARS_MAX + 2);
    }
}
