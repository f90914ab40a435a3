//! The world: virtual time, one queue of what will happen, and everybody in it.
//!
//! Invariant: everything that happens is drawn from one seed, so a seed is a run, to the byte.
//! Deliveries go into a digest that tells two runs apart.

mod bazaar;
pub mod clients;
pub mod clock;
pub mod costs;
pub mod desk;
pub mod device;
pub mod disk;
pub mod faults;
mod ingest;
mod life;
pub mod links;
pub mod load;
pub mod measure;
pub mod meter;
mod network;
mod node;
pub mod reading;
pub mod rogue;
pub mod settings;
mod shape;
pub mod signer;
pub(crate) mod spoken;
pub mod told;
pub mod toy;
pub mod traffic;
mod turns;
mod twins;
pub mod vice;
mod wire;
mod work;

pub(crate) use self::ingest::HELD_BYTES_MAX;
pub(crate) use self::work::Poster;
pub use self::{links::Links, node::Node, settings::Settings, work::Posting};

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use bytes::Bytes;
use weft_core::{
    admit::Rules,
    digest::{NodeId, TxId},
    genesis::Genesis,
    machine::{Batch, Ticket, ToNet},
    message::PeerAddress,
    time::{Span, Time},
};

use self::{
    bazaar::Bazaar,
    clients::{Client, Finals},
    faults::Fault,
    life::Effects,
    links::Ways,
    load::Stream,
    measure::{Issuer, Submission},
    meter::{Figures, Meter},
    network::{ConnId, Frame, Network},
    node::address_of,
    rogue::Rogue,
    settings::{START, genesis},
    traffic::Traffic,
};
use crate::{
    judges::Broken,
    kernel::{
        random::{Dice, Seed},
        trace::Trace,
        wheel::Wheel,
    },
};

/// Someone with an address.
#[derive(Debug)]
pub(crate) enum Party {
    Honest(Box<Node>),
    Rogue(Box<Rogue>),
}

impl Party {
    pub(crate) const fn id(&self) -> NodeId {
        match self {
            Self::Honest(node) => node.id(),
            Self::Rogue(rogue) => rogue.id(),
        }
    }
}

/// What will happen.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    /// A frame arrives.
    Arrives(Frame),
    /// A party takes its turn.
    Step { party: usize },
    /// A dial comes to its end; `asked`: the machine asked for it.
    Dialled { by: usize, to: PeerAddress, asked: bool },
    /// A peer that the operator named is dialled again.
    Redial { by: usize, to: usize },
    /// An end notices that a connection is broken.
    Noticed { conn: ConnId, end: usize },
    /// A connection has been silent since it was blocked, if it still is.
    Idle { conn: ConnId },
    /// A request may have been silent for too long.
    Silence { conn: ConnId, asker: usize, ticket: Ticket },
    /// Somebody wants to post.
    Post { poster: usize },
    /// Something goes wrong, or right again.
    Fault(Fault),
    /// What a party kept back leaves.
    Says { party: usize, message: ToNet },
    /// A client takes its turn.
    Client { client: usize },
    /// Somebody who does not wait issues the next one.
    Issue { stream: usize },
    /// The work for a transaction is done.
    Handed { issuer: Issuer, at: usize, id: TxId, bytes: Bytes },
    /// A batch of a node is checked.
    Checked { party: usize, life: u64 },
    /// What a step of a node led to leaves it.
    Leaves { party: usize, life: u64, effects: Box<Effects> },
}

/// Everything there is.
#[derive(Debug)]
pub struct World {
    pub(crate) now: Time,
    pub(crate) settings: Settings,
    pub(crate) seed: Seed,
    pub(crate) genesis: Genesis,
    pub(crate) rules: Rules,
    queue: Wheel<Happening>,
    trace: Trace,
    pub(crate) parties: Vec<Party>,
    pub(crate) by_id: BTreeMap<NodeId, Vec<usize>>,
    pub(crate) network: Network,
    /// Whom whose operator named.
    pub(crate) fixed: BTreeSet<[usize; 2]>,
    pub(crate) posters: Vec<Poster>,
    pub(crate) clients: Vec<Client>,
    pub(crate) bazaar: Bazaar,
    pub(crate) streams: Vec<Stream>,
    /// What was told final, by whoever told it first.
    pub(crate) finals: Finals,
    /// Copies of stores.
    pub(crate) copies: BTreeMap<usize, Vec<Batch>>,
    /// What was handed over, and what came of it.
    pub(crate) submissions: BTreeMap<TxId, Submission>,
    /// What reached each party.
    pub(crate) traffic: Vec<Traffic>,
    /// What each sent.
    pub(crate) sent: Vec<Traffic>,
    pub(crate) tickets: u64,
    pub(crate) steps: Dice,
    pub(crate) trouble: Dice,
    pub(crate) timers: Dice,
    pub(crate) works: Dice,
    meter: Meter,
}

impl World {
    /// A world without anybody.
    pub fn new(settings: Settings) -> Self {
        let seed = Seed::new(settings.seed);
        let genesis = genesis(&settings, seed);
        Self {
            now: START,
            seed,
            rules: Rules::new(&genesis),
            genesis,
            queue: Wheel::new(0),
            trace: Trace::new(),
            parties: Vec::new(),
            by_id: BTreeMap::new(),
            network: Network::new(Ways::new(
                settings.links.clone(),
                ["network", "loss", "tail"].map(|label| seed.dice(label, 0)),
            )),
            fixed: BTreeSet::new(),
            posters: Vec::new(),
            clients: Vec::new(),
            bazaar: Bazaar::default(),
            streams: Vec::new(),
            finals: Finals::default(),
            copies: BTreeMap::new(),
            submissions: BTreeMap::new(),
            traffic: Vec::new(),
            sent: Vec::new(),
            tickets: 0,
            steps: seed.dice("steps", 0),
            trouble: seed.dice("trouble", 0),
            timers: seed.dice("timers", 0),
            works: seed.dice("work", 0),
            meter: Meter::default(),
            settings,
        }
    }

    /// What time it is.
    pub const fn now(&self) -> Time {
        self.now
    }

    /// What it is like.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The genesis of the network.
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// What every transaction must keep to.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// A digest over all deliveries so far, and how many there were.
    pub fn trace(&self) -> ([u8; 32], u64) {
        (self.trace.digest(), self.trace.deliveries())
    }

    /// Who has this id: two, if they are twins.
    pub(crate) fn numbers_of(&self, id: &NodeId) -> &[usize] {
        self.by_id.get(id).map_or(&[], Vec::as_slice)
    }

    /// Who has this id and listens there.
    pub(crate) fn number_of(&self, to: &PeerAddress) -> Option<usize> {
        let listens = |number: &usize| to.address == address_of(*number as u64);
        self.numbers_of(&to.id).iter().copied().find(listens)
    }

    pub(crate) fn party(&self, number: usize) -> &Party {
        self.parties.get(number).expect("numbers come from this world")
    }

    pub(crate) fn party_mut(&mut self, number: usize) -> &mut Party {
        self.parties.get_mut(number).expect("numbers come from this world")
    }

    /// The id of a party.
    pub fn id(&self, number: usize) -> NodeId {
        self.party(number).id()
    }

    /// An honest node.
    ///
    /// # Panics
    /// If `number` is not one.
    pub fn node(&self, number: usize) -> &Node {
        match self.party(number) {
            Party::Honest(node) => node,
            Party::Rogue(_) => panic!("{number} is not honest"),
        }
    }

    pub(crate) fn honest(&mut self, number: usize) -> Option<&mut Node> {
        match self.party_mut(number) {
            Party::Honest(node) => Some(node),
            Party::Rogue(_) => None,
        }
    }

    /// Numbers of honest nodes.
    pub fn honest_numbers(&self) -> Vec<usize> {
        let is_honest = |number: &usize| match self.party(*number) {
            Party::Honest(node) => node.vice().is_none(),
            Party::Rogue(_) => false,
        };
        (0..self.parties.len()).filter(is_honest).collect()
    }

    /// All honest nodes.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> + Clone {
        self.parties.iter().filter_map(|party| match party {
            Party::Honest(node) if node.vice().is_none() => Some(&**node),
            _ => None,
        })
    }

    /// Honest nodes that run.
    pub fn live(&self) -> impl Iterator<Item = &Node> + Clone {
        self.nodes().filter(|node| node.is_live())
    }

    /// What reached a party.
    pub fn traffic(&self, number: usize) -> &Traffic {
        self.traffic.get(number).expect("numbers come from this world")
    }

    /// What a party sent.
    pub fn sent(&self, number: usize) -> &Traffic {
        self.sent.get(number).expect("numbers come from this world")
    }

    /// How fast this simulation was so far. Differs from run to run.
    pub fn figures(&self) -> Figures {
        let inside = self.parties.iter().map(|party| match party {
            Party::Honest(node) => node.meter.inside,
            Party::Rogue(_) => std::time::Duration::ZERO,
        });
        Figures::new(&self.meter, inside.sum(), self.now.since(START).as_millis())
    }

    /// Bytes that reached a node for every 100 bytes of transactions that it did not have before.
    pub fn bytes_per_new(&self, number: usize) -> u64 {
        self.traffic(number).total().bytes * 100 / self.node(number).fetched().max(1)
    }

    /// Lets everything happen for `span`.
    pub fn run(&mut self, span: Span) -> Result<(), Broken> {
        self.run_until(self.now + span, |_| false)
    }

    /// Lets everything happen until `done`, which is asked after each step of a node, or until
    /// `end`.
    pub fn run_until(
        &mut self,
        end: Time,
        mut done: impl FnMut(&Self) -> bool,
    ) -> Result<(), Broken> {
        let began = Instant::now();
        let result = self.happen_until(end, &mut done);
        self.meter.wall += began.elapsed();
        result
    }

    fn happen_until(
        &mut self,
        end: Time,
        done: &mut impl FnMut(&Self) -> bool,
    ) -> Result<(), Broken> {
        while let Some((at, happening)) = self.queue.next(end.as_millis()) {
            self.now = Time::from_millis(at);
            self.meter.events += 1;
            if self.happen(happening).map_err(|broken| self.located(&broken))? && done(self) {
                return Ok(());
            }
        }
        self.now = end;
        Ok(())
    }

    /// Makes something happen at `at`, or at once if that has passed.
    pub(crate) fn put(&mut self, at: Time, happening: Happening) {
        self.queue.put(at.as_millis(), happening);
    }

    /// A finding with the seed and the time.
    pub(crate) fn located(&self, broken: &Broken) -> Broken {
        let (seed, ms) = (self.seed.number(), self.now.since(START).as_millis());
        Broken::new(broken.rule, format!("seed {seed}, at {ms} ms: {}", broken.what))
    }

    /// True if a node took a step.
    fn happen(&mut self, happening: Happening) -> Result<bool, Broken> {
        match happening {
            Happening::Arrives(frame) => {
                if self.network.is_whole(frame.conn) {
                    self.trace.add(self.now, frame.to, &frame.bytes);
                    self.arrives(frame);
                }
            }
            Happening::Step { party } => return self.step(party),
            Happening::Dialled { by, to, asked } => self.dialled(by, to, asked),
            Happening::Redial { by, to } => self.redial(by, to),
            Happening::Noticed { conn, end } => self.noticed(conn, end),
            Happening::Idle { conn } => self.idle(conn),
            Happening::Silence { conn, asker, ticket } => self.silence(conn, asker, ticket),
            Happening::Post { poster } => self.post(poster),
            Happening::Fault(fault) => self.fault(&fault),
            Happening::Says { party, message } => self.say(party, message),
            Happening::Client { client } => self.client(client),
            Happening::Issue { stream } => self.issue(stream),
            Happening::Handed { issuer, at, id, bytes } => self.handed(issuer, at, id, bytes),
            Happening::Checked { party, life } => self.checked(party, life),
            Happening::Leaves { party, life, effects } => self.leaves(party, life, *effects),
        }
        Ok(false)
    }
}
