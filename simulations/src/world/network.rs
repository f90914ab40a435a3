//! Connections with ordered streams, over links (`links`) that delay, break and part.
//!
//! QUIC repeats what is lost, so frames do not get lost one by one: a stream delivers all, in
//! order, or the connection breaks and everything under way is gone. While a direction is blocked
//! frames wait; the world breaks the connection when that lasts too long. Frames wait as well when
//! their receiver does not read, because it has enough to do.
//!
//! Invariant: of one stream nothing arrives before what was sent before it; and what waits on its
//! way to one peer is bounded, answers excepted, which are bounded by the requests they answer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use weft_core::{
    machine::Ticket,
    time::{Span, Time},
};

use crate::world::{costs::Micros, links::Ways};

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

/// What became of a frame that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It arrives then.
    Arrives(Time),
    /// Its direction is blocked, or its connection gone.
    Waits,
    /// Too much waits on the way already.
    TooSlow,
}

#[derive(Debug)]
struct Conn {
    ends: [usize; 2],
    /// Ends that have not noticed yet that it is broken.
    up: BTreeSet<usize>,
    broken: bool,
    /// When the last frame of a stream arrives.
    latest: BTreeMap<(usize, Stream), Micros>,
    /// What is on its way to an end.
    ways: BTreeMap<usize, Way>,
    stalled: Vec<Frame>,
    /// Requests of each end that are open, with when something last came.
    asks: BTreeMap<(usize, Ticket), Time>,
    /// Requests that reached an end: its own ticket, and the asker's.
    serving: BTreeMap<(usize, Ticket), Ticket>,
}

/// One direction of a connection.
#[derive(Debug, Default)]
struct Way {
    /// When the last byte has left.
    sent_by: Micros,
    /// Frames that have not left yet: when they will have, and their bytes.
    leaving: VecDeque<(Micros, usize)>,
    leaving_bytes: usize,
    /// Frames that arrived and were not read.
    unread: VecDeque<Frame>,
    unread_bytes: usize,
    /// Whether what is relayed is not read for now, and what came of it meanwhile.
    held: Option<VecDeque<Frame>>,
}

impl Way {
    fn left(&mut self, now: Time) {
        while let Some((_, bytes)) = self.leaving.pop_front_if(|(at, _)| *at <= Micros::of(now)) {
            self.leaving_bytes -= bytes;
        }
    }
}

/// All connections.
#[derive(Debug)]
pub(crate) struct Network {
    ways: Ways,
    conns: BTreeMap<ConnId, Conn>,
    /// Those between two, the lower number first.
    between: BTreeMap<[usize; 2], BTreeSet<ConnId>>,
    blocked: BTreeSet<[usize; 2]>,
    next: u64,
    /// Connections with frames that an end has not read, in the order in which it will.
    unread: BTreeMap<usize, VecDeque<ConnId>>,
}

impl Network {
    pub(crate) const fn new(ways: Ways) -> Self {
        Self {
            ways,
            conns: BTreeMap::new(),
            between: BTreeMap::new(),
            blocked: BTreeSet::new(),
            next: 0,
            unread: BTreeMap::new(),
        }
    }

    /// There and back between two, without jitter.
    pub(crate) fn round_trip(&mut self, a: usize, b: usize) -> Span {
        self.ways.round_trip(a, b)
    }

    pub(crate) fn open(&mut self, a: usize, b: usize) -> ConnId {
        let id = ConnId(self.next);
        self.next += 1;
        let conn = Conn {
            ends: [a, b],
            up: [a, b].into(),
            broken: false,
            latest: BTreeMap::new(),
            ways: BTreeMap::new(),
            stalled: Vec::new(),
            asks: BTreeMap::new(),
            serving: BTreeMap::new(),
        };
        self.conns.insert(id, conn);
        self.between.entry(pair(a, b)).or_default().insert(id);
        id
    }

    /// The connection between two, as far as `of` has noticed.
    pub(crate) fn seen_by(&self, of: usize, peer: usize) -> Option<ConnId> {
        let open = |id: &&ConnId| self.conns.get(id).is_some_and(|conn| conn.up.contains(&of));
        self.between.get(&pair(of, peer))?.iter().find(open).copied()
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
        conn.ways.clear();
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
            let [a, b] = conn.ends;
            self.conns.remove(&id);
            if let Some(between) = self.between.get_mut(&pair(a, b)) {
                between.remove(&id);
            }
        }
        Some(tickets)
    }

    /// A frame leaves `from`, if its way is clear.
    pub(crate) fn send(&mut self, now: Time, from: usize, frame: &Frame) -> Sent {
        let bytes = frame.bytes.len();
        let travels = self.ways.travels_us(from, frame.to, bytes);
        let Some(conn) = self.conns.get_mut(&frame.conn).filter(|conn| !conn.broken) else {
            return Sent::Waits;
        };
        let way = conn.ways.entry(frame.to).or_default();
        way.left(now);
        let stalled = conn.stalled.iter().filter(|other| other.to == frame.to);
        let stalled: usize = stalled.map(|other| other.bytes.len()).sum();
        let is_answer = matches!(frame.stream, Stream::Answer(_));
        let waiting = way.leaving_bytes + way.unread_bytes + stalled;
        if !is_answer && waiting + bytes > self.ways.backlog_bytes_max() {
            return Sent::TooSlow;
        }
        if self.blocked.contains(&[from, frame.to]) {
            conn.stalled.push(frame.clone());
            return Sent::Waits;
        }
        let left = self.ways.leaves(now, from, way.sent_by, bytes);
        way.sent_by = left;
        if left > Micros::of(now) && !is_answer {
            way.leaving.push_back((left, bytes));
            way.leaving_bytes += bytes;
        }
        let latest = conn.latest.entry((frame.to, frame.stream)).or_default();
        *latest = left.plus(travels).max(*latest);
        Sent::Arrives(latest.rounded().max(now))
    }

    /// A frame arrived at somebody who does not read now.
    pub(crate) fn leave_unread(&mut self, frame: Frame) {
        let Frame { conn: id, to, .. } = frame;
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let way = conn.ways.entry(to).or_default();
        way.unread_bytes += frame.bytes.len();
        if frame.stream == Stream::Gossip
            && let Some(held) = &mut way.held
        {
            held.push_back(frame);
            return;
        }
        if way.unread.is_empty() {
            self.unread.entry(to).or_default().push_back(id);
        }
        way.unread.push_back(frame);
    }

    /// `to` reads no more of what is relayed to it over a connection, or goes on.
    pub(crate) fn hold(&mut self, conn: ConnId, to: usize, waits: bool) {
        let Some(way) = self.conns.get_mut(&conn).map(|conn| conn.ways.entry(to).or_default())
        else {
            return;
        };
        if waits && way.held.is_none() {
            let is_relayed = |frame: &Frame| frame.stream == Stream::Gossip;
            let (kept, unread) = way.unread.drain(..).partition(is_relayed);
            (way.held, way.unread) = (Some(kept), unread);
        }
        if !waits && let Some(kept) = way.held.take() {
            if way.unread.is_empty() && !kept.is_empty() {
                self.unread.entry(to).or_default().push_back(conn);
            }
            way.unread.extend(kept);
        }
    }

    /// Whether a frame that arrived has to wait because what is relayed is not read.
    pub(crate) fn holds(&self, frame: &Frame) -> bool {
        let way = self.conns.get(&frame.conn).and_then(|conn| conn.ways.get(&frame.to));
        frame.stream == Stream::Gossip && way.is_some_and(|way| way.held.is_some())
    }

    /// Whether a connection has frames that `to` has not read.
    pub(crate) fn has_unread(&self, conn: ConnId, to: usize) -> bool {
        let way = self.conns.get(&conn).and_then(|conn| conn.ways.get(&to));
        way.is_some_and(|way| !way.unread.is_empty())
    }

    /// The next frame that `to` has not read: one of each connection in turn.
    pub(crate) fn read(&mut self, to: usize) -> Option<Frame> {
        let turns = self.unread.get_mut(&to)?;
        while let Some(id) = turns.pop_front() {
            let way = self.conns.get_mut(&id).and_then(|conn| conn.ways.get_mut(&to));
            let Some(way) = way else { continue };
            let Some(frame) = way.unread.pop_front() else { continue };
            way.unread_bytes -= frame.bytes.len();
            if !way.unread.is_empty() {
                turns.push_back(id);
            }
            return Some(frame);
        }
        None
    }

    /// Blocks what goes from one party to another, or lets it through again. Returns the
    /// connections between the two.
    pub(crate) fn block(&mut self, from: usize, to: usize, blocked: bool) -> Vec<ConnId> {
        if blocked {
            self.blocked.insert([from, to]);
        } else {
            self.blocked.remove(&[from, to]);
        }
        let between = self.between.get(&pair(from, to)).into_iter().flatten().copied();
        between.filter(|id| self.is_whole(*id)).collect()
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

    /// Requests of the other end that `server` has not answered.
    pub(crate) fn serving(&self, conn: ConnId, server: usize) -> usize {
        let open = |conn: &Conn| conn.serving.keys().filter(|(end, _)| *end == server).count();
        self.conns.get(&conn).map_or(0, open)
    }

    /// What the asker calls a request that `server` calls `own`.
    pub(crate) fn served(&mut self, conn: ConnId, server: usize, own: Ticket) -> Option<Ticket> {
        self.conns.get_mut(&conn)?.serving.remove(&(server, own))
    }
}

const fn pair(a: usize, b: usize) -> [usize; 2] {
    if a < b { [a, b] } else { [b, a] }
}
