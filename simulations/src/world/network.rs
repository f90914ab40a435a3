//! Connections with ordered streams, over links that delay, break and part.
//!
//! QUIC repeats what is lost, so frames do not get lost one by one: a stream delivers all, in
//! order, or the connection breaks and everything under way is gone. While a
//! direction is blocked frames
//! wait; the world breaks the connection when that lasts too long.
//!
//! Invariant: of one stream nothing arrives before what was sent before it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use weft_core::{
    machine::Ticket,
    time::{Span, Time},
};

use crate::kernel::random::Dice;

/// Names a connection; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnId(u64);

/// A stream of a connection. Tickets are the asker's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stream {
    Control,
    Gossip,
    Request(Ticket),
    Answer(Ticket),
}

/// A frame on its way.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) conn: ConnId,
    pub(crate) to: usize,
    pub(crate) stream: Stream,
    pub(crate) bytes: Bytes,
}

/// How links behave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Links {
    /// One way, drawn once per pair between these two.
    pub delay: [Span; 2],
    /// Added to each frame, up to this.
    pub jitter: Span,
    /// Bytes per millisecond and direction of a connection, if that is limited.
    pub bytes_per_ms: Option<u64>,
}

#[derive(Debug)]
struct Conn {
    ends: [usize; 2],
    /// Ends that have not noticed yet that it is broken.
    up: BTreeSet<usize>,
    broken: bool,
    /// When the last frame of a stream arrives.
    latest: BTreeMap<(usize, Stream), Time>,
    /// When the last byte to an end has left.
    sent_by: BTreeMap<usize, Time>,
    stalled: Vec<Frame>,
    /// Requests of each end that are open, with when something last came.
    asks: BTreeMap<(usize, Ticket), Time>,
    /// Requests that reached an end: its own ticket, and the asker's.
    serving: BTreeMap<(usize, Ticket), Ticket>,
}

/// All connections.
#[derive(Debug)]
pub(crate) struct Network {
    links: Links,
    delays: BTreeMap<[usize; 2], Span>,
    conns: BTreeMap<ConnId, Conn>,
    blocked: BTreeSet<[usize; 2]>,
    next: u64,
    dice: Dice,
}

impl Network {
    pub(crate) const fn new(links: Links, dice: Dice) -> Self {
        Self {
            links,
            delays: BTreeMap::new(),
            conns: BTreeMap::new(),
            blocked: BTreeSet::new(),
            next: 0,
            dice,
        }
    }

    /// One way between two, without jitter.
    pub(crate) fn delay(&mut self, a: usize, b: usize) -> Span {
        let [low, high] = self.links.delay;
        let dice = &mut self.dice;
        *self.delays.entry([a.min(b), a.max(b)]).or_insert_with(|| dice.span(low, high))
    }

    pub(crate) fn open(&mut self, a: usize, b: usize) -> ConnId {
        let id = ConnId(self.next);
        self.next += 1;
        let conn = Conn {
            ends: [a, b],
            up: [a, b].into(),
            broken: false,
            latest: BTreeMap::new(),
            sent_by: BTreeMap::new(),
            stalled: Vec::new(),
            asks: BTreeMap::new(),
            serving: BTreeMap::new(),
        };
        self.conns.insert(id, conn);
        id
    }

    /// The connection between two, as far as `of` has noticed.
    pub(crate) fn seen_by(&self, of: usize, peer: usize) -> Option<ConnId> {
        let between = |conn: &Conn| conn.ends == [of, peer] || conn.ends == [peer, of];
        let open = |conn: &Conn| between(conn) && conn.up.contains(&of);
        self.conns.iter().find(|(_, conn)| open(conn)).map(|(id, _)| *id)
    }

    /// Connections of a party that are not broken.
    pub(crate) fn of(&self, party: usize) -> Vec<ConnId> {
        let whole = |conn: &Conn| !conn.broken && conn.ends.contains(&party);
        self.conns.iter().filter(|(_, conn)| whole(conn)).map(|(id, _)| *id).collect()
    }

    pub(crate) fn peer(&self, conn: ConnId, of: usize) -> Option<usize> {
        self.conns.get(&conn)?.ends.into_iter().find(|end| *end != of)
    }

    pub(crate) fn is_whole(&self, conn: ConnId) -> bool {
        self.conns.get(&conn).is_some_and(|conn| !conn.broken)
    }

    pub(crate) fn pair(&self, conn: ConnId) -> Option<[usize; 2]> {
        self.conns.get(&conn).map(|conn| conn.ends)
    }

    /// Breaks a connection: nothing of it arrives any more. Its ends have yet to notice.
    pub(crate) fn break_off(&mut self, conn: ConnId) -> Vec<usize> {
        let Some(conn) = self.conns.get_mut(&conn) else { return Vec::new() };
        conn.broken = true;
        conn.stalled.clear();
        conn.up.iter().copied().collect()
    }

    /// An end notices that a connection is broken. Returns its requests that were open, or `None`
    /// if it had noticed before.
    pub(crate) fn notice(&mut self, id: ConnId, end: usize) -> Option<Vec<Ticket>> {
        let conn = self.conns.get_mut(&id)?;
        if !conn.up.remove(&end) {
            return None;
        }
        let open = conn.asks.keys().filter(|(asker, _)| *asker == end);
        let tickets = open.map(|(_, ticket)| *ticket).collect();
        if conn.up.is_empty() {
            self.conns.remove(&id);
        }
        Some(tickets)
    }

    /// When a frame from `from` arrives; `None` if it is lost or has to wait.
    pub(crate) fn send(&mut self, now: Time, from: usize, frame: &Frame) -> Option<Time> {
        let jitter = self.dice.span(Span::default(), self.links.jitter);
        let delay = self.delay(from, frame.to);
        let conn = self.conns.get_mut(&frame.conn).filter(|conn| !conn.broken)?;
        if self.blocked.contains(&[from, frame.to]) {
            conn.stalled.push(frame.clone());
            return None;
        }
        let left = conn.sent_by.get(&frame.to).copied().unwrap_or_default().max(now);
        let takes = self.links.bytes_per_ms.map_or(0, |rate| frame.bytes.len() as u64 / rate);
        let left = left + Span::from_millis(takes);
        conn.sent_by.insert(frame.to, left);
        let stream = (frame.to, frame.stream);
        let earliest = conn.latest.get(&stream).copied().unwrap_or_default();
        let arrives = (left + delay + jitter).max(earliest);
        conn.latest.insert(stream, arrives);
        Some(arrives)
    }

    /// Blocks what goes from one party to another, or lets it through again. Returns the
    /// connections between the two.
    pub(crate) fn block(&mut self, from: usize, to: usize, blocked: bool) -> Vec<ConnId> {
        if blocked {
            self.blocked.insert([from, to]);
        } else {
            self.blocked.remove(&[from, to]);
        }
        let between = |conn: &Conn| conn.ends == [from, to] || conn.ends == [to, from];
        let open = |conn: &Conn| !conn.broken && between(conn);
        self.conns.iter().filter(|(_, conn)| open(conn)).map(|(id, _)| *id).collect()
    }

    pub(crate) fn is_blocked(&self, a: usize, b: usize) -> bool {
        self.blocked.contains(&[a, b]) || self.blocked.contains(&[b, a])
    }

    /// Frames that waited for `to` and may go now.
    pub(crate) fn take_stalled(&mut self, conn: ConnId, to: usize) -> Vec<Frame> {
        let Some(conn) = self.conns.get_mut(&conn) else { return Vec::new() };
        let (go, stay) = conn.stalled.drain(..).partition(|frame: &Frame| frame.to == to);
        conn.stalled = stay;
        go
    }

    /// `asker` opens a request, or something of its answer came.
    pub(crate) fn asked(&mut self, now: Time, conn: ConnId, asker: usize, ticket: Ticket) {
        if let Some(conn) = self.conns.get_mut(&conn) {
            conn.asks.insert((asker, ticket), now);
        }
    }

    /// When something last came of a request, if it is open.
    pub(crate) fn ask_open(&self, conn: ConnId, asker: usize, ticket: Ticket) -> Option<Time> {
        self.conns.get(&conn)?.asks.get(&(asker, ticket)).copied()
    }

    /// A request is over.
    pub(crate) fn ask_over(&mut self, conn: ConnId, asker: usize, ticket: Ticket) {
        if let Some(conn) = self.conns.get_mut(&conn) {
            conn.asks.remove(&(asker, ticket));
            conn.latest.remove(&(asker, Stream::Answer(ticket)));
        }
    }

    /// A request of the other end reached `server`, which calls it `own`.
    pub(crate) fn serve(&mut self, conn: ConnId, server: usize, own: Ticket, theirs: Ticket) {
        if let Some(conn) = self.conns.get_mut(&conn) {
            conn.serving.insert((server, own), theirs);
            conn.latest.remove(&(server, Stream::Request(theirs)));
        }
    }

    /// What the asker calls a request that `server` calls `own`.
    pub(crate) fn served(&mut self, conn: ConnId, server: usize, own: Ticket) -> Option<Ticket> {
        self.conns.get_mut(&conn)?.serving.remove(&(server, own))
    }
}
