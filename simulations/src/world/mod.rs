//! The world: virtual time, one queue of what will happen, and everybody in it.
//!
//! Invariant: everything that happens is drawn from one seed, so a seed is a run, to the byte.
//! Deliveries go into a digest that tells two runs apart.

pub mod clients;
pub mod device;
pub mod faults;
mod ingest;
mod network;
mod node;
pub mod rogue;
mod shape;
pub(crate) mod spoken;
pub mod told;
pub mod toy;
pub mod traffic;
mod twins;
pub mod vice;
mod wire;
mod work;

pub use self::{network::Links, node::Node, work::Posting};
pub(crate) use self::{node::HELD_BYTES_MAX, work::Poster};

use std::collections::{BTreeMap, BTreeSet};

use weft_core::{
    admit::Rules,
    committee::Committee,
    digest::{NodeId, TxId},
    genesis::Genesis,
    keys::{Scheme, Sign as _},
    machine::{Batch, Limits, Ticket, ToNet},
    message::PeerAddress,
    params::Params,
    time::{Span, Time},
};

use self::{
    clients::{Client, Finals},
    faults::Fault,
    network::{ConnId, Frame, Network},
    node::{address_of, key_of},
    rogue::Rogue,
    traffic::Traffic,
};
use crate::{
    judges::Broken,
    kernel::{
        queue::Queue,
        random::{Dice, Seed},
        trace::Trace,
    },
};

/// What a world is like.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The number all chance comes from.
    pub seed: u64,
    /// How many of the first nodes are validators. With none, nothing becomes final.
    pub validators: u64,
    /// How many clients have an account with funds.
    pub clients: u64,
    /// Commits from one snapshot to the next.
    pub snapshot_every: u32,
    /// Whether what nodes write is remembered, so that stores can be copied.
    pub copies: bool,
    /// Bounds and paces of every machine.
    pub limits: Limits,
    /// How links behave.
    pub links: Links,
    /// Silence after which a connection counts as lost.
    pub idle: Span,
    /// Silence after which a request is given up.
    pub answer_silence: Span,
    /// How long inputs wait at most until the machine has time for them.
    pub busy: Span,
    /// Inputs handled into one outbox.
    pub group_max: usize,
    /// Byte strings that the filter of seen ones remembers.
    pub seen_max: usize,
}

impl Settings {
    /// A network of a continent: 10 to 40 ms one way.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            validators: 0,
            clients: 0,
            snapshot_every: 64,
            copies: false,
            limits: Limits::default(),
            links: Links {
                delay: [Span::from_millis(10), Span::from_millis(40)],
                jitter: Span::from_millis(5),
                bytes_per_ms: None,
            },
            idle: Span::from_secs(3),
            answer_silence: Span::from_secs(10),
            busy: Span::from_millis(2),
            group_max: 64,
            seen_max: 10_000,
        }
    }
}

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
}

/// Everything there is.
#[derive(Debug)]
pub struct World {
    pub(crate) now: Time,
    pub(crate) settings: Settings,
    pub(crate) seed: Seed,
    pub(crate) genesis: Genesis,
    pub(crate) rules: Rules,
    pub(crate) queue: Queue<Happening>,
    trace: Trace,
    pub(crate) parties: Vec<Party>,
    pub(crate) by_id: BTreeMap<NodeId, Vec<usize>>,
    pub(crate) network: Network,
    /// Whom whose operator named.
    pub(crate) fixed: BTreeSet<[usize; 2]>,
    pub(crate) posters: Vec<Poster>,
    pub(crate) clients: Vec<Client>,
    /// What was told final, by whoever told it first.
    pub(crate) finals: Finals,
    /// Copies of stores.
    pub(crate) copies: BTreeMap<usize, Vec<Batch>>,
    /// Who waits for which submission.
    pub(crate) submitted: BTreeMap<TxId, usize>,
    pub(crate) traffic: Vec<Traffic>,
    pub(crate) tickets: u64,
    pub(crate) steps: Dice,
    pub(crate) trouble: Dice,
}

/// Where time starts: not at zero, which means "no clock" in places.
const START: Time = Time::from_millis(1_000_000);

/// A network without work whose first nodes are its validators; without any, nothing is final.
fn genesis(settings: &Settings, seed: Seed) -> Genesis {
    let params = Params {
        work_bits: 0,
        schemes: vec![Scheme::MlDsa44],
        snapshot_every: settings.snapshot_every,
        ..Params::dev()
    };
    let accounts = clients::accounts(settings.clients, seed);
    let without = Genesis::without_finality("simulation", params);
    let without = Genesis { created: START, accounts, ..without };
    let keys = (0..settings.validators).map(|number| key_of(seed, number).public_key().clone());
    match Committee::of(keys) {
        Ok(committee) => Genesis { committee, ..without },
        Err(_) => without,
    }
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
            queue: Queue::new(),
            trace: Trace::new(),
            parties: Vec::new(),
            by_id: BTreeMap::new(),
            network: Network::new(settings.links.clone(), seed.dice("network", 0)),
            fixed: BTreeSet::new(),
            posters: Vec::new(),
            clients: Vec::new(),
            finals: Finals::default(),
            copies: BTreeMap::new(),
            submitted: BTreeMap::new(),
            traffic: Vec::new(),
            tickets: 0,
            steps: seed.dice("steps", 0),
            trouble: seed.dice("trouble", 0),
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
        while let Some((at, happening)) = self.queue.next(end) {
            self.now = at;
            if self.happen(happening).map_err(|broken| self.located(&broken))? && done(self) {
                return Ok(());
            }
        }
        self.now = end;
        Ok(())
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
        }
        Ok(false)
    }
}
