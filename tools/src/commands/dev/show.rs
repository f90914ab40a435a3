//! What `weft dev` prints: a banner, a line per reading that arrived, a summary.
//!
//! Invariant: every line of the banner that looks like a command can be copied and run.

use std::{
    collections::VecDeque,
    env,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::json;
use weft_client::host::Reading;
use weft_node::Node;

use super::{
    folder::SENSOR_KEY,
    sensor::{STREAM, Sensor},
};
use crate::{failure::Failure, network::Network, output::Output};

/// Delays kept for the summary: the last hours of a long run.
const DELAYS_MAX: usize = 65_536;

/// Longest reading shown in a line, in characters.
const TEXT_CHARS_MAX: usize = 160;

/// What there is, and what to try.
pub(super) struct Banner<'a> {
    pub(super) network: &'a Network,
    pub(super) nodes: &'a [Node],
    pub(super) sensor: &'a Sensor,
    pub(super) took: Duration,
}

impl Banner<'_> {
    pub(super) fn show(&self, output: Output) -> Result<(), Failure> {
        let nodes: Vec<_> =
            self.nodes.iter().enumerate().map(|(at, node)| self.node(at, node)).collect();
        let value = json!({
            "event": "ready", "ready_ms": ms(self.took),
            "genesis": self.network.genesis.id().to_string(), "dir": self.network.dir(),
            "nodes": nodes,
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
        let sensor = self.sensor.address();
        text.push_str(&format!(
            "\n  sensor  {sensor}\n          posts this machine's telemetry to node 0 once a \
             second, stream {STREAM:?}\n  folder  {dir}\n"
        ));
        text.push_str(&self.tries());
        let last = count.saturating_sub(1);
        text.push_str(&format!(
            "\nCtrl-C ends it; the next run goes on where it ended, or anew with --reset.\n\
             Readings as they arrive at node {last} (times are UTC):\n"
        ));
        text
    }

    /// Lines to copy into another terminal.
    fn tries(&self) -> String {
        let url = |node: Option<&Node>| node.map(|node| format!("http://{}", node.api_addr()));
        let first = url(self.nodes.first()).unwrap_or_default();
        let last = url(self.nodes.last()).unwrap_or_default();
        // As it was called: it may not be on the path.
        let weft = env::args().next().unwrap_or_else(|| "weft".to_owned());
        format!(
            "\nIn another terminal:\n  export WEFT_NODE={first}\n  \
             {weft} tail hall/temp --node {last} &\n  \
             {weft} post hall/temp --data '{{\"v\":21.4,\"u\":\"Cel\"}}'\n  \
             {weft} status\n  curl '{first}/v1/streams/{STREAM}/readings?limit=1'\n"
        )
    }
}

/// What arrived, and how fast.
pub(super) struct Arrivals {
    sensor: String,
    output: Output,
    sent: u64,
    arrived: u64,
    delays: VecDeque<u64>,
}

impl Arrivals {
    /// Counts the readings of `sensor`; shows those of others too.
    pub(super) const fn new(sensor: String, output: Output) -> Self {
        Self { sensor, output, sent: 0, arrived: 0, delays: VecDeque::new() }
    }

    /// The sensor's reading was acknowledged.
    pub(super) const fn sent(&mut self) {
        self.sent += 1;
    }

    /// Whether everything that was acknowledged arrived.
    pub(super) const fn is_complete(&self) -> bool {
        self.arrived >= self.sent
    }

    /// A reading arrived now.
    pub(super) fn arrived(&mut self, reading: &Reading) -> Result<(), Failure> {
        let now = now_ms();
        let delay = (reading.time > 0).then(|| now.saturating_sub(reading.time));
        if reading.issuer == self.sensor {
            self.arrived += 1;
            if self.delays.len() >= DELAYS_MAX {
                self.delays.pop_front();
            }
            self.delays.extend(delay);
        }
        let value = json!({ "event": "reading", "sent": reading.time, "arrived": now,
            "delay_ms": delay, "reading": reading });
        self.output.show(&value, || line(reading, now, delay))
    }

    pub(super) fn summary(&self) -> Result<(), Failure> {
        let mut delays: Vec<_> = self.delays.iter().copied().collect();
        delays.sort_unstable();
        let (p50, p99) = (quantile(&delays, 50), quantile(&delays, 99));
        let Self { sent, arrived, .. } = self;
        let value = json!({ "event": "summary", "sent": sent, "arrived": arrived,
            "p50_ms": p50, "p99_ms": p99 });
        let shown = |delay: Option<u64>| delay.map_or("-".to_owned(), |ms| format!("{ms} ms"));
        let (p50, p99) = (shown(p50), shown(p99));
        self.output.show(&value, || {
            format!("\nended: {sent} readings sent, {arrived} arrived, delay p50 {p50}, p99 {p99}")
        })
    }
}

fn line(reading: &Reading, now: u64, delay: Option<u64>) -> String {
    let sent = if reading.time > 0 { clock(reading.time) } else { "--:--:--.---".to_owned() };
    let delay = delay.map_or_else(String::new, |ms| format!("{ms} ms"));
    let content = &reading.content;
    let text = content.text.as_deref().or(content.data.as_deref()).unwrap_or_default();
    let (stream, sequence) = (&content.stream, reading.sequence);
    let (arrived, text) = (clock(now), printable(text));
    format!("sent {sent}  arrived {arrived}  {delay:>7}  {stream} #{sequence}  {text}")
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

/// The time of day of a time, UTC.
fn clock(time_ms: u64) -> String {
    let day = time_ms % 86_400_000;
    let (seconds, millis) = (day / 1_000, day % 1_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{hour:02}:{minute:02}:{second:02}.{millis:03}")
}

/// The smallest of `sorted` that at least `percent` of them do not exceed.
fn quantile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

fn now_ms() -> u64 {
    ms(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
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

    #[test]
    fn times_of_day_are_utc() {
        assert_eq!(clock(0), "00:00:00.000");
        assert_eq!(clock(1_794_819_723_045), "09:02:03.045");
    }
}
