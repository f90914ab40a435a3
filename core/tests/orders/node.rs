//! A machine over a store that is a few maps.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use weft_core::{
    admit::Verified,
    digest::{BodyId, KeyId, NodeId, TxId},
    keys::{DeviceVerifier, PublicKey},
    machine::{
        Batch, Event, Input, Limits, LogEntry, Machine, Outbox, Reads, Setup, Source, Status,
        Table, Ticket, ToNet,
    },
    message::{End, GetCone, Message, PeerAddress},
    time::{Span, Time},
    units::Position,
};

use crate::drawing::genesis;

/// What was written.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) log: Vec<LogEntry>,
    positions: BTreeMap<TxId, usize>,
    bodies: BTreeMap<BodyId, Bytes>,
    records: BTreeMap<(Table, Vec<u8>), Bytes>,
}

impl Shelf {
    fn put(&mut self, batch: Batch) {
        for (table, key, value) in batch.records.iter() {
            let key = (table, key.to_vec());
            match value {
                Some(value) => self.records.insert(key, value.clone()),
                None => self.records.remove(&key),
            };
        }
        for attached in batch.attached {
            let tx = attached.tx;
            assert_eq!(attached.position.0 as usize, self.log.len());
            assert_eq!(attached.first_of_body, !self.bodies.contains_key(&tx.body_id()));
            self.bodies.entry(tx.body_id()).or_insert_with(|| tx.sealed_body());
            self.positions.insert(tx.id(), self.log.len());
            self.log.push(LogEntry {
                position: attached.position,
                id: tx.id(),
                attachment: tx.transaction().attachment,
                body: tx.body_id(),
                bytes: tx.bytes().len() as u32,
                is_own: attached.is_own,
            });
        }
    }
}

impl Reads for Shelf {
    fn entry(&self, id: &TxId) -> Option<LogEntry> {
        self.positions.get(id).map(|at| self.log[*at])
    }

    fn sealed_body(&self, id: &BodyId) -> Option<Bytes> {
        self.bodies.get(id).cloned()
    }

    fn key(&self, _: &KeyId) -> Option<PublicKey> {
        None
    }

    fn log(&self, from: Position, limit: usize) -> Vec<LogEntry> {
        self.log.iter().skip(from.0 as usize).take(limit).copied().collect()
    }

    fn newest(&self, limit: usize) -> Vec<LogEntry> {
        self.log.iter().rev().take(limit).copied().collect()
    }

    fn addresses(&self) -> Vec<PeerAddress> {
        Vec::new()
    }

    fn record(&self, table: Table, key: &[u8]) -> Option<Bytes> {
        self.records.get(&(table, key.to_vec())).cloned()
    }

    fn records(&self, table: Table, from: &[u8], limit: usize) -> Vec<(Vec<u8>, Bytes)> {
        let found = self.records.range((table, from.to_vec())..);
        let found = found.take_while(|((other, _), _)| *other == table).take(limit);
        found.map(|((_, key), value)| (key.clone(), value.clone())).collect()
    }
}

fn machine(limits: Limits, own: NodeId, seed: [u8; 32], now: Time, shelf: &Shelf) -> Machine {
    let genesis = genesis();
    let (genesis, verify) = (&genesis, Arc::new(DeviceVerifier));
    let setup = Setup { genesis, limits, own, key: None, verify, seed };
    Machine::restore(setup, now, shelf)
}

/// A node in a test's hands.
pub(crate) struct Node {
    machine: Machine,
    pub(crate) shelf: Shelf,
    pub(crate) now: Time,
    /// What it told so far.
    pub(crate) events: Vec<Event>,
    tickets: u64,
}

/// Whoever talks to it.
pub(crate) const PEER: NodeId = NodeId([0xee; 32]);

impl Node {
    pub(crate) fn new(limits: Limits) -> Self {
        let (shelf, now) = (Shelf::default(), Time::from_millis(1_000));
        let own = NodeId([1; 32]);
        let machine = machine(limits, own, [7; 32], now, &shelf);
        let mut node = Self { machine, shelf, now, events: Vec::new(), tickets: 0 };
        node.input(Input::PeerUp { peer: PEER, address: None, fixed: false });
        node
    }

    /// Drops the machine and makes it anew from what was written.
    pub(crate) fn restart(&mut self, limits: Limits) {
        let own = NodeId([1; 32]);
        let machine = machine(limits, own, [8; 32], self.now, &self.shelf);
        self.machine = machine;
        self.input(Input::PeerUp { peer: PEER, address: None, fixed: false });
    }

    /// As the checks before the machine hand it on.
    fn looked_for(&self, input: Input) -> Input {
        match input {
            Input::Admitted { source: source @ Source::Gossip(_), tx, .. }
                if !self.shelf.has_body(&tx.body_id()) =>
            {
                let absent_below = Position(self.shelf.log.len() as u64);
                Input::Admitted { source, tx, absent_below }
            }
            input => input,
        }
    }

    /// One input; what it leads to on the network.
    pub(crate) fn input(&mut self, input: Input) -> Vec<ToNet> {
        let mut out = Outbox::default();
        let input = self.looked_for(input);
        self.machine.handle(self.now, input, &self.shelf, &mut out);
        self.shelf.put(out.writes);
        self.events.extend(out.events);
        out.messages
    }

    /// Several inputs with one outbox, looked for before the first is handled.
    pub(crate) fn group(&mut self, inputs: impl IntoIterator<Item = Input>) -> Vec<ToNet> {
        let mut out = Outbox::default();
        let inputs: Vec<Input> = inputs.into_iter().map(|input| self.looked_for(input)).collect();
        for input in inputs {
            self.machine.handle(self.now, input, &self.shelf, &mut out);
        }
        self.shelf.put(out.writes);
        self.events.extend(out.events);
        out.messages
    }

    pub(crate) fn gossip(tx: &Arc<Verified>) -> Input {
        let absent_below = Position::ZERO;
        Input::Admitted { source: Source::Gossip(PEER), tx: tx.clone(), absent_below }
    }

    /// Lets time pass, deadline by deadline.
    pub(crate) fn wait(&mut self, span: Span) -> Vec<ToNet> {
        let (end, mut said) = (self.now + span, Vec::new());
        while let Some(due) = self.machine.deadline().filter(|due| *due <= end) {
            self.now = due;
            said.extend(self.input(Input::Tick));
        }
        self.now = end;
        said
    }

    pub(crate) fn status(&mut self) -> Status {
        self.machine.status()
    }

    /// Asks for a past and takes the answer as it comes: transactions, and where it goes on.
    pub(crate) fn ask(&mut self, cone: GetCone) -> (Vec<Bytes>, Option<Position>) {
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        let message = Message::GetCone(cone);
        let said = self.input(Input::Request { from: PEER, ticket, message });
        let parts = said.into_iter().find_map(|said| match said {
            ToNet::Answer { to: PEER, ticket: answered, parts } if answered == ticket => {
                Some(parts)
            }
            _ => None,
        });
        let mut parts = parts.unwrap();
        let Some(Message::End(End { next })) = parts.pop() else { panic!("no end") };
        let bytes = parts.into_iter().map(|part| match part {
            Message::Transaction(bytes) => bytes,
            other => panic!("{} in a past", other.name()),
        });
        (bytes.collect(), next)
    }
}
