//! C10: every queue keeps its bound, and nobody wakes for nothing.

use weft_core::time::{Span, Time};
use weft_storage::Store as _;

use super::{Broken, Rule, expect};
use crate::world::{HELD_BYTES_MAX, Node};

/// How often a node woke, and for what.
#[derive(Clone, Debug, Default)]
pub struct Pulse {
    /// Steps in all.
    pub steps: u64,
    /// Steps that were only the deadline.
    pub ticks: u64,
    window: Time,
    idle: u64,
    inputs: u64,
    /// Most steps within a second that had no input and led to nothing, beyond those that inputs
    /// of the same second explain.
    pub idle_max: u64,
}

impl Pulse {
    pub(crate) fn step(&mut self, now: Time, inputs: usize, nothing: bool) {
        self.steps += 1;
        self.ticks += u64::from(inputs == 0);
        if now.since(self.window) >= Span::from_secs(1) {
            self.window = now;
            // What came in the last second may still ripple.
            self.inputs /= 2;
            self.idle = 0;
        }
        self.inputs += inputs as u64;
        self.idle += u64::from(inputs == 0 && nothing);
        self.idle_max = self.idle_max.max(self.idle.saturating_sub(self.inputs * 4));
    }
}

/// Deadlines within one second that may lead to nothing.
const IDLE_MAX: u64 = 40;

/// The bounds of a running node.
pub(crate) fn bounds(node: &Node) -> Result<(), Broken> {
    let (Some(status), limits) = (node.status(), node.limits()) else { return Ok(()) };
    // The oldest leave only when all that was attached is in the store.
    let live_max = limits.live_count_max as u64 + node.attached_last;
    let fixed = status.peers.iter().filter(|peer| peer.fixed).count();
    let within = [
        ("waiting bytes", status.waiting_bytes, limits.waiting_bytes_max),
        ("bytes in line", status.in_line_bytes, limits.line_bytes_max),
        ("in line", status.in_line_count as u64, limits.line_count_max as u64),
        ("wanted", status.wanted as u64, limits.wants_max as u64),
        ("live", status.live_count as u64, live_max),
        ("live bytes", status.live_bytes, limits.live_bytes_max),
        ("tips", status.tip_count as u64, limits.tips_max as u64),
        ("shown tips", status.tips.len() as u64, limits.tips_shown as u64),
        ("peers", (status.peers.len() - fixed) as u64, limits.peers_max as u64),
        ("addresses", status.known_addresses as u64, limits.addresses_max as u64),
        ("held bytes", node.held_bytes() as u64, HELD_BYTES_MAX as u64),
        ("idle wake-ups in a second", node.pulse.idle_max, IDLE_MAX),
    ];
    for (what, actual, limit) in within {
        expect(Rule::C10Bounds, actual <= limit, || {
            format!("{what}: at most {limit}, actual {actual}")
        })?;
    }
    let (told, stored) = (status.next, node.store().next_position());
    expect(Rule::C10Bounds, told == stored, || format!("next is {told}, but {stored} are stored"))
}

/// C10: what waits for its place in the order is what is attached and has none.
pub fn unordered_is_bounded(node: &Node) -> Result<(), Broken> {
    let Some(status) = node.status() else { return Ok(()) };
    let leaves = node.told().commits.iter().map(|commit| commit.leaves.len() as u64);
    let open = status.next.0.saturating_sub(leaves.sum());
    // A node that started from a snapshot did not tell of all that it has.
    expect(Rule::C10Bounds, !node.told().is_whole() || status.unordered as u64 <= open, || {
        format!("{} wait for an order, of {open} that have none", status.unordered)
    })
}
