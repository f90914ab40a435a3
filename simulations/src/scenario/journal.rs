//! What happened in a run of nodes, one JSON object a line: for whoever wants to count otherwise.
//!
//! Invariant: ordered by time, then by kind and node, so that a seed gives the same bytes. Left out
//! on purpose: single frames, of which there are thousands a second (the trace hashes them), and
//! who it was in the real world: issuers are numbered.

use serde::Serialize;
use weft_core::time::Time;

use crate::{World, scenario::campaign::hex, world::measure::Issuer};

/// One line.
#[derive(Debug, Serialize)]
struct Line {
    /// Virtual milliseconds since the beginning.
    at_ms: u64,
    #[serde(flatten)]
    event: Event,
    /// Where, by number.
    node: usize,
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Event {
    /// A transaction was made and handed to the node.
    Submitted { tx: String, body: String, issuer: String, bytes: u64 },
    /// The node acknowledged it.
    Attached { tx: String },
    /// The node told of a commit.
    Committed { index: u64, round: u64, bodies: Vec<Ended> },
}

#[derive(Debug, Serialize)]
struct Ended {
    body: String,
    /// As docs/PROTOCOL.md names it.
    outcome: String,
}

/// All lines of a run that began at `begin`.
pub(super) fn of(world: &World, begin: Time) -> Vec<String> {
    let mut lines: Vec<Line> = Vec::new();
    let ms = |at: Time| at.since(begin).as_millis();
    for (tx, one) in world.submissions() {
        let event = Event::Submitted {
            tx: hex(tx.as_bytes()),
            body: hex(one.body.as_bytes()),
            issuer: issuer(one.issuer),
            bytes: one.bytes,
        };
        lines.push(Line { at_ms: ms(one.submitted), event, node: one.node });
        if let Some(at) = one.attached {
            let event = Event::Attached { tx: hex(tx.as_bytes()) };
            lines.push(Line { at_ms: ms(at), event, node: one.node });
        }
    }
    for node in world.honest_numbers() {
        for commit in &world.node(node).told().commits {
            let leaves = commit.leaves.iter();
            let bodies = leaves.map(|leaf| Ended {
                body: hex(leaf.body.as_bytes()),
                outcome: format!("{:?}", leaf.outcome),
            });
            let record = &commit.record;
            let event = Event::Committed {
                index: record.index.0,
                round: record.leader.round.0,
                bodies: bodies.collect(),
            };
            lines.push(Line { at_ms: ms(commit.at), event, node });
        }
    }
    // Stable: what comes first of one time and node was pushed first, in the order of ids.
    lines.sort_by_key(|line| (line.at_ms, line.event.rank(), line.node));
    lines.iter().filter_map(|line| serde_json::to_string(line).ok()).collect()
}

impl Event {
    const fn rank(&self) -> u8 {
        match self {
            Self::Submitted { .. } => 0,
            Self::Attached { .. } => 1,
            Self::Committed { .. } => 2,
        }
    }
}

fn issuer(issuer: Issuer) -> String {
    match issuer {
        Issuer::Client(number) => format!("client {number}"),
        Issuer::Poster(number) => format!("poster {number}"),
        Issuer::Stream(number) => format!("stream {number}"),
        Issuer::Nobody => "nobody".into(),
    }
}
