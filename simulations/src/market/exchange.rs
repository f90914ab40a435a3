//! A ledger with accounts on it: what they say is attached until it has an outcome.

use std::collections::BTreeMap;

use weft_core::{
    address::Address,
    digest::BodyId,
    keys::{PublicKey, Sign as _},
    machine::Archive,
    market::objects::{Channel, Listing},
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

/// Time after which what has no outcome is attached anew.
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
    accounts: Vec<Device>,
    posts: BTreeMap<BodyId, Post>,
    dice: Dice,
}

#[derive(Debug)]
struct Post {
    sealed: SealedBody,
    again: Time,
}

impl Exchange {
    /// A committee of `validators` and so many accounts with 1,000,000 base units each, all
    /// registered.
    pub fn new(seed: u64, validators: u64, accounts: u64) -> Result<Self, Broken> {
        let settings = Settings { validators, clients: accounts, ..Settings::new(seed) };
        let mut world = World::new(settings);
        world.mesh(usize::try_from(validators).unwrap_or(usize::MAX));
        let network = world.genesis().network();
        let devices = (0..accounts).map(|number| Device::of(key(&world, number), network));
        let (accounts, dice) = (devices.collect(), world.seed.dice("exchange", 0));
        let mut exchange = Self { world, accounts, posts: BTreeMap::new(), dice };
        for account in 0..exchange.accounts.len() {
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
        self.device(account).address()
    }

    /// The key of an account.
    pub(crate) fn key(&self, account: usize) -> &Key {
        self.device(account).key()
    }

    fn device(&self, account: usize) -> &Device {
        self.accounts.get(account).expect("accounts are numbered from 0")
    }

    /// Says something; it will become final by itself.
    ///
    /// # Panics
    /// If there is no such account.
    pub fn post(&mut self, account: usize, payload: Payload) -> BodyId {
        let now = self.world.now();
        let device = self.accounts.get_mut(account).expect("accounts are numbered from 0");
        let sequence = device.take_sequence();
        let sealed = device.say(sequence, payload, now);
        let id = sealed.body.id();
        self.posts.insert(id, Post { sealed, again: now });
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
        let now = self.world.now();
        let due: Vec<SealedBody> = self
            .posts
            .iter_mut()
            .filter(|(id, post)| post.again <= now && self.world.finals().outcome(id).is_none())
            .map(|(_, post)| {
                post.again = now + AGAIN;
                post.sealed.clone()
            })
            .collect();
        for sealed in due {
            self.attach(&sealed);
        }
        self.world.run(STEP)
    }

    fn attach(&mut self, sealed: &SealedBody) {
        let live = self.world.honest_numbers();
        let Some(at) = live.into_iter().find(|number| self.world.runs(*number)) else { return };
        let Some(status) = self.world.node(at).status() else { return };
        let (tips, anchor) = (status.tips.clone(), status.anchor);
        let tx = attach(sealed, &tips, anchor, self.world.rules(), &mut self.dice);
        self.world.hand_in(at, &tx);
    }

    /// What became of a body.
    pub fn outcome(&self, id: &BodyId) -> Option<Outcome> {
        self.world.finals().outcome(id)
    }

    /// What a body that took effect says, and who said it.
    pub fn said(&self, id: &BodyId) -> Option<(Address, &Payload)> {
        let post = self.posts.get(id)?;
        let is_applied = self.outcome(id) == Some(Outcome::Applied);
        is_applied.then_some((post.sealed.body.issuer, &post.sealed.body.payload))
    }

    /// The node that has told of most commits.
    fn ahead(&self) -> Option<&Node> {
        self.world.nodes().max_by_key(|node| last(node).map(|commit| commit.record.index))
    }

    fn archive(&self) -> Archive<'_> {
        Archive::new(self.ahead().expect("there are nodes").store())
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
        let owner = self.accounts.iter().find(|device| device.address() == *address)?;
        Some(owner.key().public_key().clone())
    }

    /// The time of the last commit.
    pub fn time(&self) -> Time {
        self.ahead().and_then(last).map_or(Time::ZERO, |commit| commit.record.time)
    }
}

fn last(node: &Node) -> Option<&Commit> {
    node.told().commits.last()
}

fn key(world: &World, number: u64) -> Key {
    clients::key(world.settings().scheme, world.seed, number)
}
