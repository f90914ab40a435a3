//! Between the parties and the network: what a node's sockets would do.
//!
//! Plays the part of `weft-net`: framing, lanes, tickets, dials, connections that break.

use weft_core::{
    codec::{Decode as _, Encode as _},
    machine::{Fault, Input, Source, Ticket, ToNet},
    message::{Lane, Message, PeerAddress},
    params::FRAME_BYTES_MAX,
    time::Span,
};

use crate::world::{
    network::{ConnId, Frame, Sent, Stream},
    node::address_of,
    {Happening, Party, World},
};

/// Time until a dial to a dead end is given up.
const DIAL_TIME: Span = Span::from_secs(2);

/// Requests of one peer that are open at once; whoever opens more breaks the rules. As the defaults
/// of `weft-net`.
const REQUESTS_MAX: usize = 16;

/// Bytes in front of each frame.
const LENGTH_BYTES: usize = 4;

impl Stream {
    const fn lane(self) -> Lane {
        match self {
            Self::Control => Lane::Control,
            Self::Gossip => Lane::Gossip,
            Self::Request(_) => Lane::Request,
            Self::Answer(_) => Lane::Answer,
        }
    }
}

impl World {
    /// A party acts on the network.
    pub(crate) fn say(&mut self, from: usize, message: ToNet) {
        match message {
            ToNet::Send { to, message } => {
                let Some(conn) = self.conn(from, &to) else { return };
                let control = message.belongs_on(Lane::Control);
                self.transmit(
                    from,
                    conn,
                    if control { Stream::Control } else { Stream::Gossip },
                    &message,
                );
            }
            ToNet::Ask { to, ticket, message } => {
                let Some(conn) = self.conn(from, &to) else {
                    let input = Input::Answered { from: to, ticket, end: None };
                    return self.hand(from, input);
                };
                self.network.asked(self.now, conn, from, ticket);
                let silence = Happening::Silence { conn, asker: from, ticket };
                self.put(self.now + self.settings.answer_silence, silence);
                self.transmit(from, conn, Stream::Request(ticket), &message);
            }
            ToNet::Answer { to, ticket, parts } => {
                let Some(conn) = self.conn(from, &to) else { return };
                let Some(theirs) = self.network.served(conn, from, ticket) else { return };
                for part in parts {
                    self.transmit(from, conn, Stream::Answer(theirs), &part);
                }
            }
            ToNet::Hold { peer, waits } => {
                if let Some(conn) = self.conn(from, &peer) {
                    self.network.hold(conn, from, waits);
                    self.read_on(from);
                }
            }
            ToNet::Dial(to) => self.dial(from, to, true),
            ToNet::Drop { peer, .. } => {
                if let Some(conn) = self.conn(from, &peer) {
                    self.break_off(conn, Some(from));
                }
            }
        }
    }

    fn conn(&self, from: usize, to: &weft_core::digest::NodeId) -> Option<ConnId> {
        self.numbers_of(to).iter().find_map(|to| self.network.seen_by(from, *to))
    }

    fn transmit(&mut self, from: usize, conn: ConnId, stream: Stream, message: &Message) {
        let Some(to) = self.network.peer(conn, from) else { return };
        let bytes = message.to_bytes();
        assert!(bytes.len() <= FRAME_BYTES_MAX, "{} of {} bytes", message.name(), bytes.len());
        if let Some(sent) = self.sent.get_mut(from) {
            sent.add(message.name(), bytes.len() + LENGTH_BYTES);
        }
        self.route(from, Frame { conn, to, stream, bytes: bytes.into() });
    }

    pub(crate) fn route(&mut self, from: usize, frame: Frame) {
        match self.network.send(self.now, from, &frame) {
            Sent::Arrives(at) => self.put(at, Happening::Arrives(frame)),
            Sent::Waits => {}
            // As a node's network does when the queue to a peer is full.
            Sent::TooSlow => self.break_off(frame.conn, Some(from)),
        }
    }

    /// Something for the machine that needs no check; a rogue hears nothing of it.
    pub(crate) fn hand(&mut self, to: usize, input: Input) {
        let now = self.now;
        if let Some(node) = self.honest(to) {
            node.input(now, input);
        }
        self.plan(to);
    }

    /// A frame arrives: it is read at once, unless its receiver has enough to do.
    pub(crate) fn arrives(&mut self, frame: Frame) {
        let Frame { conn, to, .. } = frame;
        let reads = self.honest(to).is_none_or(|node| node.reads());
        if reads && !self.network.holds(&frame) && !self.network.has_unread(conn, to) {
            self.read(frame);
        } else {
            self.network.leave_unread(frame);
        }
    }

    /// Reads what waits, as long as there is room.
    pub(crate) fn read_on(&mut self, number: usize) {
        while self.honest(number).is_some_and(|node| node.reads()) {
            let Some(frame) = self.network.read(number) else { return };
            self.read(frame);
        }
    }

    fn read(&mut self, frame: Frame) {
        let Frame { conn, to, stream, bytes } = frame;
        let Some(from) = self.network.peer(conn, to) else { return };
        let id = self.party(from).id();
        let fault = match Message::from_bytes(&bytes) {
            Ok(message) if message.belongs_on(stream.lane()) => {
                self.count(to, message.name(), bytes.len() + LENGTH_BYTES);
                return self.heard(to, from, conn, stream, message);
            }
            Ok(message) => Fault::Misplaced { name: message.name() },
            Err(error) => Fault::Malformed(error),
        };
        self.hand(to, Input::Misbehaved { from: id, fault });
    }

    fn heard(&mut self, to: usize, from: usize, conn: ConnId, stream: Stream, message: Message) {
        let (now, id) = (self.now, self.party(from).id());
        match stream {
            Stream::Control | Stream::Gossip => self.deliver(to, id, Source::Gossip(id), message),
            Stream::Request(_) if self.network.serving(conn, to) >= REQUESTS_MAX => {
                let fault = Fault::TooManyRequests { limit: REQUESTS_MAX };
                self.hand(to, Input::Misbehaved { from: id, fault });
                self.break_off(conn, Some(to));
            }
            Stream::Request(theirs) => {
                let own = Ticket(self.tickets);
                self.tickets += 1;
                self.network.serve(conn, to, own, theirs);
                match self.party_mut(to) {
                    Party::Honest(node) => {
                        node.input(now, Input::Request { from: id, ticket: own, message });
                    }
                    Party::Rogue(rogue) => rogue.asked(id, own, message),
                }
            }
            Stream::Answer(ticket) => {
                if self.network.ask_open(conn, to, ticket).is_none() {
                    return;
                }
                if let Message::End(end) = message {
                    self.network.ask_over(conn, to, ticket);
                    self.hand(to, Input::Answered { from: id, ticket, end: Some(end) });
                } else {
                    self.network.asked(now, conn, to, ticket);
                    match message {
                        Message::Part(bytes) => {
                            self.hand(to, Input::Part { from: id, ticket, bytes });
                        }
                        message => self.deliver(to, id, Source::Answer(id), message),
                    }
                }
            }
        }
        self.plan(to);
    }

    fn deliver(
        &mut self,
        to: usize,
        from: weft_core::digest::NodeId,
        source: Source,
        message: Message,
    ) {
        let now = self.now;
        match self.party_mut(to) {
            Party::Honest(node) => node.hear(now, from, source, message),
            Party::Rogue(rogue) => rogue.hear(from, message),
        }
        self.plan(to);
    }

    fn count(&mut self, to: usize, kind: &'static str, bytes: usize) {
        if let Some(traffic) = self.traffic.get_mut(to) {
            traffic.add(kind, bytes);
        }
    }

    /// A request fell silent.
    pub(crate) fn silence(&mut self, conn: ConnId, asker: usize, ticket: Ticket) {
        let Some(last) = self.network.ask_open(conn, asker, ticket) else { return };
        let due = last + self.settings.answer_silence;
        if due > self.now {
            return self.put(due, Happening::Silence { conn, asker, ticket });
        }
        self.network.ask_over(conn, asker, ticket);
        if let Some(peer) = self.network.peer(conn, asker) {
            let from = self.party(peer).id();
            self.hand(asker, Input::Answered { from, ticket, end: None });
        }
    }

    pub(crate) fn redial(&mut self, by: usize, to: usize) {
        let stands = self.network.seen_by(by, to).is_some();
        let runs = self.honest(by).is_none_or(|node| node.is_live());
        if !stands && runs && self.fixed.contains(&[by, to]) {
            let to = PeerAddress { id: self.party(to).id(), address: address_of(to as u64) };
            self.dial(by, to, false);
        }
    }

    fn dial(&mut self, by: usize, to: PeerAddress, asked: bool) {
        let reachable = self.number_of(&to).filter(|number| self.reachable(by, *number, &to));
        let takes = reachable.map_or(DIAL_TIME, |number| self.network.round_trip(by, number));
        self.put(self.now + takes, Happening::Dialled { by, to, asked });
    }

    fn reachable(&self, by: usize, number: usize, to: &PeerAddress) -> bool {
        let runs = match self.party(number) {
            Party::Honest(node) => node.is_live() && !node.is_paused(),
            Party::Rogue(_) => true,
        };
        runs && to.address == address_of(number as u64) && !self.network.is_blocked(by, number)
    }

    /// A dial comes to its end: a connection, one that stood already, or none.
    pub(crate) fn dialled(&mut self, by: usize, to: PeerAddress, asked: bool) {
        if self.honest(by).is_some_and(|node| !node.is_live()) {
            return;
        }
        let number = self.number_of(&to).filter(|number| self.reachable(by, *number, &to));
        let Some(number) = number else {
            if asked {
                self.hand(by, Input::DialFailed { peer: to.id });
            }
            return self.retry(by, &to);
        };
        // Of twins the one that came first stays.
        let own = self.party(by).id();
        if self.conn(by, &to.id).is_some() {
            return;
        }
        if self.has_other(number, by, &own) {
            return self.retry(by, &to);
        }
        if let Some(old) = self.network.seen_by(number, by) {
            // The other end has not noticed yet that the old connection is gone.
            self.network.break_off(old);
            self.noticed(old, number);
        }
        self.network.open(by, number);
        for (end, peer) in [(by, number), (number, by)] {
            let id = self.party(peer).id();
            let fixed = self.fixed.contains(&[end, peer]);
            let address = Some(address_of(peer as u64));
            if let Party::Rogue(rogue) = self.party_mut(end) {
                rogue.met(id);
            }
            self.hand(end, Input::PeerUp { peer: id, address, fixed });
        }
    }

    /// Whether `of` is connected to another one with the id of `than`.
    fn has_other(&self, of: usize, than: usize, id: &weft_core::digest::NodeId) -> bool {
        let others = self.numbers_of(id).iter().filter(|number| **number != than);
        others.into_iter().any(|other| self.network.seen_by(of, *other).is_some())
    }

    fn retry(&mut self, by: usize, to: &PeerAddress) {
        let Some(number) = self.number_of(to) else { return };
        if self.fixed.contains(&[by, number]) {
            let wait = self.trouble.span(Span::from_millis(200), Span::from_secs(2));
            self.put(self.now + wait, Happening::Redial { by, to: number });
        }
    }

    /// A connection breaks. `by` notices at once, others after a while.
    pub(crate) fn break_off(&mut self, conn: ConnId, by: Option<usize>) {
        for end in self.network.break_off(conn) {
            let wait = match by {
                Some(by) if by == end => Span::default(),
                _ => self.trouble.span(Span::from_millis(1), Span::from_millis(200)),
            };
            self.put(self.now + wait, Happening::Noticed { conn, end });
        }
    }

    pub(crate) fn noticed(&mut self, conn: ConnId, end: usize) {
        let Some(peer) = self.network.peer(conn, end) else { return };
        let Some(tickets) = self.network.notice(conn, end) else { return };
        let id = self.party(peer).id();
        let mut inputs: Vec<Input> = tickets
            .into_iter()
            .map(|ticket| Input::Answered { from: id, ticket, end: None })
            .chain([Input::PeerDown { peer: id }])
            .collect();
        // Requests and the connection end on tasks of their own, in any order.
        self.trouble.shuffle(&mut inputs);
        inputs.into_iter().for_each(|input| self.hand(end, input));
        if let Party::Rogue(rogue) = self.party_mut(end) {
            rogue.lost(&id);
        }
        let to = PeerAddress { id, address: address_of(peer as u64) };
        self.retry(end, &to);
    }

    /// A connection whose direction was blocked for long, or one end of which did nothing, counts
    /// as lost.
    pub(crate) fn idle(&mut self, conn: ConnId) {
        let ends = self.network.pair(conn).filter(|_| self.network.is_whole(conn));
        let Some([a, b]) = ends else { return };
        let sleeps =
            |number: usize| matches!(self.party(number), Party::Honest(node) if node.is_paused());
        if self.network.is_blocked(a, b) || sleeps(a) || sleeps(b) {
            self.break_off(conn, None);
        }
    }
}
