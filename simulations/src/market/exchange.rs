//! A ledger with accounts on it: what they say is attached until it has an outcome.
//!
//! One attachment after the other: nodes keep only a few of each body, and whoever makes more has
//! some nodes keep these and others those.
//!
//! Each account has a node of its own, its home: what it says enters there, and what it knows of
//! the ledger is what that node has told ([`View`]).

use std::collections::BTreeMap;

use weft_core::{
    address::Address,
    digest::{BodyId, TxId},
    keys::{PublicKey, Sign as _},
    machine::{Archive, Reads as _},
    market::objects::{Channel, Listing, Settlement},
    outcome::Outcome,
    time::{Span, Time},
    tx::{Payload, SealedBody},
    units::Amount,
};

use crate::{
    Node, Settings, World,
    judges::Broken,
    kernel::random::Dice,
    world::{
        clients,
        device::{Device, attach, reading},
        signer::Key,
        told::Commit,
    },
};

/// How often is looked whether an attachment of what has no outcome is still to be ordered.
const AGAIN: Span = Span::from_secs(2);

/// How far virtual time goes in one go: a hundredth of a second.
const STEP: Span = Span::from_millis(10);

/// How long something may take to become final before it counts as stuck.
const PATIENCE: Span = Span::from_secs(60);

/// A ledger with accounts on it.
#[derive(Debug)]
pub struct Exchange {
    /// The committee.
    pub world: World,
    accounts: Vec<Account>,
    posts: BTreeMap<BodyId, Post>,
    dice: Dice,
}

#[derive(Debug)]
struct Account {
    device: Device,
    home: usize,
}

#[derive(Debug)]
struct Post {
    by: usize,
    sealed: SealedBody,
    again: Time,
    /// Its last attachment, if there is one.
    attached: Option<TxId>,
    /// The time of the ledger when it had an outcome.
    ended: Option<Time>,
}

impl Exchange {
    /// A committee of `validators` and so many accounts with 1,000,000 base units each, all
    /// registered, and at home at the first node.
    pub fn new(seed: u64, validators: u64, accounts: usize) -> Result<Self, Broken> {
        let clients = accounts as u64;
        let settings = Settings { validators, clients, ..Settings::new(seed) };
        let mut world = World::new(settings);
        world.mesh(usize::try_from(validators).unwrap_or(usize::MAX));
        Self::on(world, &vec![0; accounts])
    }

    /// On a world whose genesis gave funds to so many clients more than there are: the last of them
    /// are the accounts, each with its home.
    pub fn on(world: World, homes: &[usize]) -> Result<Self, Broken> {
        let network = world.genesis().network();
        let first = world.settings().clients.saturating_sub(homes.len() as u64);
        let accounts = (first..).zip(homes).map(|(number, home)| Account {
            device: Device::of(key(&world, number), network),
            home: *home,
        });
        let (accounts, dice) = (accounts.collect(), world.seed.dice("exchange", 0));
        let mut exchange = Self { world, accounts, posts: BTreeMap::new(), dice };
        for account in 0..homes.len() {
            let registered = exchange.say(account, reading(vec![0]))?;
            assert_eq!(registered, Outcome::Applied, "an account of the genesis registers");
        }
        Ok(exchange)
    }

    /// The address of an account.
    ///
    /// # Panics
    /// If there is no such account.
    pub fn address(&self, account: usize) -> Address {
        self.account(account).device.address()
    }

    /// The key of an account.
    pub(crate) fn key(&self, account: usize) -> &Key {
        self.account(account).device.key()
    }

    /// The node at which an account is at home.
    pub(super) fn home(&self, account: usize) -> usize {
        self.account(account).home
    }

    fn account(&self, account: usize) -> &Account {
        self.accounts.get(account).expect("accounts are numbered from 0")
    }

    /// Says something; it will become final by itself.
    ///
    /// # Panics
    /// If there is no such account.
    pub fn post(&mut self, account: usize, payload: Payload) -> BodyId {
        let now = self.world.now();
        let by = self.accounts.get_mut(account).expect("accounts are numbered from 0");
        let sequence = by.device.take_sequence();
        let sealed = by.device.say(sequence, payload, now);
        let id = sealed.body.id();
        self.posts
            .insert(id, Post { by: account, sealed, again: now, attached: None, ended: None });
        id
    }

    /// Says something and waits for its outcome.
    ///
    /// # Panics
    /// If it has none for a minute.
    pub fn say(&mut self, account: usize, payload: Payload) -> Result<Outcome, Broken> {
        let id = self.post(account, payload);
        self.wait_for(&id)
    }

    /// Waits for the outcome of a body.
    ///
    /// # Panics
    /// If it has none for a minute.
    pub fn wait_for(&mut self, id: &BodyId) -> Result<Outcome, Broken> {
        let end = self.world.now() + PATIENCE;
        while self.world.now() < end {
            self.step()?;
            if let Some(outcome) = self.outcome(id) {
                return Ok(outcome);
            }
        }
        panic!("nothing became of {id} for a minute");
    }

    /// Lets a hundredth of a second pass.
    pub fn step(&mut self) -> Result<(), Broken> {
        let (now, time) = (self.world.now(), self.time());
        let mut due = Vec::new();
        for (id, post) in self.posts.iter_mut().filter(|(_, post)| post.ended.is_none()) {
            if self.world.finals().outcome(id).is_some() {
                post.ended = Some(time);
            } else if post.again <= now {
                post.again = now + AGAIN;
                due.push(*id);
            }
        }
        for id in due {
            self.attach(&id);
        }
        self.world.run(STEP)
    }

    /// Attaches a body at its home, unless it is attached there and that may still count.
    fn attach(&mut self, id: &BodyId) {
        let Some(post) = self.posts.get(id) else { return };
        let at = self.home(post.by);
        let node = self.world.node(at);
        let is_here = |tx: &TxId| node.store().entry(tx).is_some();
        if post.attached.is_some_and(|tx| is_here(&tx) && self.world.finals().is_awaited(id, &tx)) {
            return;
        }
        let Some(status) = node.status().filter(|_| self.world.runs(at)) else { return };
        let (tips, anchor) = (status.tips.clone(), status.anchor);
        let tx = attach(&post.sealed, &tips, anchor, self.world.rules(), &mut self.dice);
        self.world.hand_in(at, &tx);
        if let Some(post) = self.posts.get_mut(id) {
            post.attached = Some(tx.id());
        }
    }

    /// What became of a body.
    pub fn outcome(&self, id: &BodyId) -> Option<Outcome> {
        self.world.finals().outcome(id)
    }

    /// The node that has told of most commits.
    fn ahead(&self) -> Option<&Node> {
        self.world.nodes().max_by_key(|node| last(node).map(|commit| commit.record.index))
    }

    fn archive(&self) -> Archive<'_> {
        Archive::new(self.ahead().expect("there are nodes").store())
    }

    /// How a channel ended, as the node that is ahead remembers it.
    pub fn settlement(&self, id: &BodyId) -> Option<Settlement> {
        self.archive().settlement(id)
    }

    /// The balance of an account.
    pub fn balance(&self, account: usize) -> Amount {
        let address = self.address(account);
        self.archive().account(&address).map_or(Amount::ZERO, |account| account.balance)
    }

    /// An offer that is listed.
    pub fn listing(&self, id: &BodyId) -> Option<Listing> {
        self.archive().listing(id)
    }

    /// A channel that is open.
    pub fn channel(&self, id: &BodyId) -> Option<Channel> {
        self.archive().channel(id).filter(|channel| !channel.is_over(self.time()))
    }

    /// The key of whoever has this address.
    pub fn key_of(&self, address: &Address) -> Option<PublicKey> {
        let mut devices = self.accounts.iter().map(|account| &account.device);
        let owner = devices.find(|device| device.address() == *address)?;
        Some(owner.key().public_key().clone())
    }

    /// The time of the last commit.
    pub fn time(&self) -> Time {
        self.ahead().and_then(last).map_or(Time::ZERO, |commit| commit.record.time)
    }

    /// The ledger as the home of an account knows it.
    pub(super) fn view(&self, account: usize) -> View<'_> {
        View { exchange: self, node: self.world.node(self.home(account)) }
    }
}

/// The ledger as one node knows it.
pub(super) struct View<'a> {
    exchange: &'a Exchange,
    node: &'a Node,
}

impl<'a> View<'a> {
    /// The time of the last commit that it told of.
    pub(super) fn time(&self) -> Time {
        last(self.node).map_or(Time::ZERO, |commit| commit.record.time)
    }

    /// What its own clock says.
    pub(super) fn clock(&self) -> Time {
        self.node.clock(self.exchange.world.now())
    }

    /// A channel that is open.
    pub(super) fn channel(&self, id: &BodyId) -> Option<Channel> {
        let channel = Archive::new(self.node.store()).channel(id);
        channel.filter(|channel| !channel.is_over(self.time()))
    }

    /// What a body that took effect says, and who said it.
    pub(super) fn said(&self, id: &BodyId) -> Option<(Address, &'a Payload)> {
        let post = self.exchange.posts.get(id)?;
        let is_known = post.ended.is_some_and(|ended| ended <= self.time());
        let is_applied = self.exchange.outcome(id) == Some(Outcome::Applied);
        let body = &post.sealed.body;
        (is_known && is_applied).then_some((body.issuer, &body.payload))
    }
}

fn last(node: &Node) -> Option<&Commit> {
    node.told().commits.last()
}

fn key(world: &World, number: u64) -> Key {
    clients::key(world.settings().scheme, world.seed, number)
}
