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

use crate::{
    judges::{Broken, bounds},
    world::{
        network::{ConnId, Frame, Stream},
        node::{Outcome, address_of},
        {Happening, Party, World},
    },
};

/// Time until a dial to a dead end is given up.
const DIAL_TIME: Span = Span::from_secs(2);

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
    /// Plans the next turn of a party.
    pub(crate) fn plan(&mut self, party: usize) {
        let (now, busy) = (self.now, self.settings.busy);
        let wait = self.steps.span(Span::from_millis(1), Span::from_millis(1 + busy.as_millis()));
        let (planned, wanted) = match self.party_mut(party) {
            Party::Honest(node) => {
                let wanted = if node.is_busy() { Some(now + wait) } else { node.deadline() };
                (&mut node.planned, wanted)
            }
            Party::Rogue(rogue) => {
                let wanted = rogue.deadline(now);
                (&mut rogue.planned, wanted)
            }
        };
        let Some(at) = wanted else { return };
        if planned.is_none_or(|planned| planned > at) {
            *planned = Some(at);
            self.queue.put(at, Happening::Step { party });
        }
    }

    pub(crate) fn step(&mut self, number: usize) -> Result<bool, Broken> {
        let now = self.now;
        match self.party_mut(number) {
            Party::Honest(node) => {
                if node.planned != Some(now) || !node.is_live() {
                    return Ok(false);
                }
                node.planned = None;
                let effects = node.step(now);
                bounds::bounds(node)?;
                for (id, outcome) in effects.outcomes {
                    self.outcome(&id, &outcome);
                }
                self.notice_commits(number);
                for (late, message) in effects.messages {
                    if late == Span::default() {
                        self.say(number, message);
                    } else {
                        self.queue.put(now + late, Happening::Says { party: number, message });
                    }
                }
            }
            Party::Rogue(rogue) => {
                if rogue.planned != Some(now) {
                    return Ok(false);
                }
                rogue.planned = None;
                let said = rogue.step(now);
                said.into_iter().for_each(|message| self.say(number, message));
            }
        }
        self.plan(number);
        Ok(true)
    }

    fn outcome(&mut self, id: &weft_core::digest::TxId, outcome: &Outcome) {
        if let Some(poster) = self.submitted.remove(id) {
            return self.told(poster, outcome);
        }
        let now = self.now;
        self.clients.iter_mut().for_each(|client| client.told(now, id, outcome));
    }

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
                self.queue.put(self.now + self.settings.answer_silence, silence);
                self.transmit(from, conn, Stream::Request(ticket), &message);
            }
            ToNet::Answer { to, ticket, parts } => {
                let Some(conn) = self.conn(from, &to) else { return };
                let Some(theirs) = self.network.served(conn, from, ticket) else { return };
                for part in parts {
                    self.transmit(from, conn, Stream::Answer(theirs), &part);
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
        self.route(from, Frame { conn, to, stream, bytes: bytes.into() });
    }

    pub(crate) fn route(&mut self, from: usize, frame: Frame) {
        if let Some(at) = self.network.send(self.now, from, &frame) {
            self.queue.put(at, Happening::Arrives(frame));
        }
    }

    /// Something for the machine that needs no check; a rogue hears nothing of it.
    pub(crate) fn hand(&mut self, to: usize, input: Input) {
        if let Some(node) = self.honest(to) {
            node.input(input);
        }
        self.plan(to);
    }

    pub(crate) fn arrives(&mut self, frame: Frame) {
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
            Stream::Request(theirs) => {
                let own = Ticket(self.tickets);
                self.tickets += 1;
                self.network.serve(conn, to, own, theirs);
                match self.party_mut(to) {
                    Party::Honest(node) => {
                        node.input(Input::Request { from: id, ticket: own, message });
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
        match self.party_mut(to) {
            Party::Honest(node) => node.hear(from, source, message),
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
            return self.queue.put(due, Happening::Silence { conn, asker, ticket });
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
        let takes = reachable.map_or(DIAL_TIME, |number| {
            Span::from_millis(2 * self.network.delay(by, number).as_millis())
        });
        self.queue.put(self.now + takes, Happening::Dialled { by, to, asked });
    }

    fn reachable(&self, by: usize, number: usize, to: &PeerAddress) -> bool {
        let runs = match self.party(number) {
            Party::Honest(node) => node.is_live(),
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
            self.queue.put(self.now + wait, Happening::Redial { by, to: number });
        }
    }

    /// A connection breaks. `by` notices at once, others after a while.
    pub(crate) fn break_off(&mut self, conn: ConnId, by: Option<usize>) {
        for end in self.network.break_off(conn) {
            let wait = match by {
                Some(by) if by == end => Span::default(),
                _ => self.trouble.span(Span::from_millis(1), Span::from_millis(200)),
            };
            self.queue.put(self.now + wait, Happening::Noticed { conn, end });
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

    /// A connection whose direction was blocked for long counts as lost.
    pub(crate) fn idle(&mut self, conn: ConnId) {
        let ends = self.network.pair(conn).filter(|_| self.network.is_whole(conn));
        if ends.is_some_and(|[a, b]| self.network.is_blocked(a, b)) {
            self.break_off(conn, None);
        }
    }
}
