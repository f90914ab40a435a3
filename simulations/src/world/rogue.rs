//! Somebody who follows no rule: speaks the protocol, and does with it what an honest node never
//! does.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use weft_core::{
    admit::Rules,
    codec::{Decode as _, Encode as _},
    digest::{NodeId, TxId},
    keys::Sign as _,
    machine::{Ticket, ToNet},
    message::{End, GetCone, Message, PeerAddress},
    params::{IDS_MAX, PAYLOAD_BYTES_MAX},
    time::{Span, Time},
    tx::{Attachment, CommitRef, NetworkId, SealedBody, Transaction},
    units::Position,
};

use crate::{
    kernel::random::Dice,
    world::{
        World,
        device::{Device, attach_to, bytes_of},
        node::address_of,
        signer::Scheme,
    },
};

/// What a rogue does again and again, to each of its peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trick {
    /// Sends good transactions whose parents exist nowhere.
    UnknownParents,
    /// Shows a frontier of transactions that exist nowhere.
    FalseFrontier,
    /// Announces transactions that exist nowhere.
    FalseHave,
    /// Sends transactions of accounts that nobody ever saw register.
    UnknownKeys,
    /// Attaches one body again and again.
    ManyAttachments,
    /// Names addresses where nobody is.
    FalseAddresses,
    /// Asks for all there is, over and over.
    Greed,
    /// Sends a transaction with a seal that is not one. Ends its connection.
    ForgedSeal,
    /// Sends bytes that are no transaction. Ends its connection.
    Garbage,
    /// Sends a transaction without the work it needs, on networks that ask for any. Ends its
    /// connection.
    TooLittleWork,
    /// Sends a transaction of another network. Ends its connection.
    OtherNetwork,
    /// Sends good transactions that are as long as they may be.
    Huge,
    /// Sends good transactions from the beginning and the end of time.
    StrangeTimes,
    /// Sends one transaction that everybody has, fifty times.
    Repeats,
    /// Asks ten short questions with long answers at once.
    Amplify,
    /// Asks more at once than anybody may. Ends its connection.
    ManyRequests,
}

/// Copies of what everybody has, each time.
const REPEATS: usize = 50;

/// How a rogue answers requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// At once, with nothing.
    Empty,
    /// Never.
    Silence,
    /// With a transaction that everybody has, and the promise of more.
    Endless,
    /// With a transaction whose parents exist nowhere, and the promise of more.
    Unsolid,
    /// With a key that nobody asked for.
    WrongKey,
}

/// Somebody who follows no rule.
#[derive(Debug)]
pub struct Rogue {
    id: NodeId,
    scheme: Scheme,
    rules: Rules,
    anchor: CommitRef,
    body: SealedBody,
    /// A transaction whose parents exist nowhere.
    unsolid: Bytes,
    tricks: Vec<Trick>,
    answers: Answers,
    every: Span,
    peers: BTreeSet<NodeId>,
    /// Transactions that honest nodes sent.
    heard: VecDeque<Transaction>,
    says: Vec<ToNet>,
    due: Time,
    dice: Dice,
    next_ticket: u64,
    pub(crate) planned: Option<Time>,
}

/// Transactions of others that a rogue remembers.
const HEARD_MAX: usize = 16;

impl Rogue {
    /// The party with this `number` in `world`. Does each of `tricks` once in `every`.
    pub fn new(
        number: u64,
        world: &World,
        tricks: &[Trick],
        answers: Answers,
        every: Span,
    ) -> Self {
        let seed = world.seed;
        let key = seed.bytes("rogue device", number);
        let scheme = world.settings.scheme;
        let mut device = Device::of(scheme.key(&key), world.genesis.network());
        let body = device.body(vec![0; 8], Time::ZERO);
        let (anchor, rules) = (world.genesis.commit(), world.rules.clone());
        let nowhere = [TxId(seed.bytes("nowhere", number)), TxId::ZERO];
        let unsolid = bytes_of(&attach_to(&body, nowhere, anchor, &rules, number));
        Self {
            id: NodeId(seed.bytes("rogue id", number)),
            scheme,
            rules,
            anchor,
            body,
            unsolid,
            tricks: tricks.into(),
            answers,
            every,
            peers: BTreeSet::new(),
            heard: VecDeque::new(),
            says: Vec::new(),
            due: world.now() + every,
            dice: seed.dice("rogue", number),
            next_ticket: 0,
            planned: None,
        }
    }

    pub(crate) const fn id(&self) -> NodeId {
        self.id
    }

    /// Whom it is connected to.
    pub const fn peers(&self) -> &BTreeSet<NodeId> {
        &self.peers
    }

    pub(crate) fn deadline(&self, now: Time) -> Option<Time> {
        let soon = now + Span::from_millis(1);
        Some(if self.says.is_empty() { self.due.max(soon) } else { soon })
    }

    pub(crate) fn met(&mut self, peer: NodeId) {
        self.peers.insert(peer);
    }

    pub(crate) fn lost(&mut self, peer: &NodeId) {
        self.peers.remove(peer);
    }

    pub(crate) fn hear(&mut self, _from: NodeId, message: Message) {
        if let Message::Transaction(bytes) = message
            && let Ok(tx) = Transaction::from_bytes(&bytes)
        {
            self.heard.push_back(tx);
            if self.heard.len() > HEARD_MAX {
                self.heard.pop_front();
            }
        }
    }

    pub(crate) fn asked(&mut self, to: NodeId, ticket: Ticket, message: Message) {
        let end = |next| Message::End(End { next });
        let parts = match self.answers {
            Answers::Empty => vec![end(None)],
            Answers::Silence => return,
            Answers::Endless | Answers::Unsolid => {
                let from = match message {
                    Message::GetCone(GetCone { from, .. }) => from,
                    _ => Position::ZERO,
                };
                let known = self.heard.front().map(|tx| Message::Transaction(bytes_of(tx)));
                let unsolid = Some(Message::Transaction(self.unsolid.clone()));
                let part = if self.answers == Answers::Endless { known } else { unsolid };
                part.into_iter().chain([end(from.checked_add(1))]).collect()
            }
            Answers::WrongKey => {
                let seed = self.dice.bytes(32).try_into().unwrap_or([0; 32]);
                vec![Message::Key(self.scheme.key(&seed).public_key().clone()), end(None)]
            }
        };
        self.says.push(ToNet::Answer { to, ticket, parts });
    }

    pub(crate) fn step(&mut self, now: Time) -> Vec<ToNet> {
        if now >= self.due {
            self.due = now + self.every;
            for peer in self.peers.clone() {
                for trick in self.tricks.clone() {
                    self.play(peer, trick, now);
                }
            }
        }
        std::mem::take(&mut self.says)
    }

    fn play(&mut self, to: NodeId, trick: Trick, now: Time) {
        let message = match trick {
            Trick::FalseFrontier => Message::Frontier(self.nowheres(64)),
            Trick::FalseHave => Message::Have(self.nowheres(IDS_MAX)),
            Trick::FalseAddresses => {
                let far: Vec<u64> = (0..32).map(|_| self.dice.between(1_000, 60_000)).collect();
                let peer = |number| {
                    let id = NodeId(self.nowhere().0);
                    PeerAddress { id, address: address_of(number) }
                };
                Message::Peers(far.into_iter().map(peer).collect())
            }
            Trick::Greed => {
                let want = self.heard.iter().map(Transaction::id).collect();
                return self.ask(to, want, Position(u64::MAX));
            }
            Trick::Amplify | Trick::ManyRequests => {
                let count = if trick == Trick::Amplify { 10 } else { 40 };
                let want: Vec<TxId> = self.heard.iter().map(Transaction::id).collect();
                return (0..count).for_each(|_| self.ask(to, want.clone(), Position::ZERO));
            }
            Trick::Repeats => {
                let Some(known) = self.heard.front().map(bytes_of) else { return };
                let message = Message::Transaction(known);
                let copies = std::iter::repeat_n(ToNet::Send { to, message }, REPEATS);
                return self.says.extend(copies);
            }
            Trick::Garbage => Message::Transaction(self.dice.bytes(300).into()),
            _ => Message::Transaction(self.transaction(trick, now)),
        };
        self.says.push(ToNet::Send { to, message });
    }

    fn ask(&mut self, to: NodeId, want: Vec<TxId>, from: Position) {
        let message = Message::GetCone(GetCone { want, have: Vec::new(), from });
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.says.push(ToNet::Ask { to, ticket, message });
    }

    /// A transaction with which something is wrong, in the way of `trick`.
    fn transaction(&mut self, trick: Trick, now: Time) -> Bytes {
        let mut stranger = self.stranger();
        match trick {
            Trick::UnknownParents => {
                let parents = [self.nowhere(), self.nowhere()];
                let body = stranger.body(vec![1; 8], now);
                self.attached(&body, parents)
            }
            Trick::UnknownKeys => {
                drop(stranger.body(Vec::new(), now));
                let body = stranger.body(vec![2; 8], now);
                self.attached(&body, [TxId::ZERO; 2])
            }
            Trick::ManyAttachments => {
                let body = self.body.clone();
                let parent = self.heard.back().map_or(TxId::ZERO, Transaction::id);
                self.attached(&body, [TxId::ZERO, parent])
            }
            Trick::ForgedSeal => {
                let mut forged = stranger.body(vec![3; 8], now);
                forged.seal.signature = self.body.seal.signature.clone();
                self.attached(&forged, [TxId::ZERO; 2])
            }
            Trick::TooLittleWork => {
                let body = stranger.body(vec![4; 8], now);
                bytes_of(&body.attach(Attachment::new([TxId::ZERO; 2], self.anchor)))
            }
            Trick::OtherNetwork => {
                let [first, rest @ ..] = self.body.body.network.0;
                let [a, b, c] = rest;
                let other = NetworkId([!first, a, b, c]);
                let body = Device::of(stranger.key().clone(), other).body(vec![5; 8], now);
                self.attached(&body, [TxId::ZERO; 2])
            }
            Trick::StrangeTimes => {
                let time = self.dice.pick(&[Time::ZERO, Time::from_millis(u64::MAX)]).copied();
                let body = stranger.body(vec![6; 8], time.unwrap_or_default());
                self.attached(&body, [TxId::ZERO; 2])
            }
            _ => {
                // The name of the stream and the type of the content count too.
                let longest = PAYLOAD_BYTES_MAX - 64;
                let body = stranger.body(self.dice.bytes(longest), now);
                self.attached(&body, [TxId::ZERO; 2])
            }
        }
    }

    fn attached(&mut self, body: &SealedBody, parents: [TxId; 2]) -> Bytes {
        let nonce = self.dice.draw();
        attach_to(body, parents, self.anchor, &self.rules, nonce).to_bytes().into()
    }

    fn stranger(&mut self) -> Device {
        let seed = self.dice.bytes(32).try_into().unwrap_or([0; 32]);
        Device::of(self.scheme.key(&seed), self.body.body.network)
    }

    /// The id of nothing.
    fn nowhere(&mut self) -> TxId {
        let bytes: Result<[u8; 32], _> = self.dice.bytes(32).try_into();
        TxId(bytes.unwrap_or([0; 32]))
    }

    fn nowheres(&mut self, count: usize) -> Vec<TxId> {
        (0..count).map(|_| self.nowhere()).collect()
    }
}
