//! What a world is like: one number for all chance, and groups of knobs that are neutral at first.

use weft_core::{
    committee::Committee,
    genesis::Genesis,
    keys::{self, Sign as _},
    machine::Limits,
    params::Params,
    time::{Span, Time},
    units::Amount,
};

use super::{
    clients, clock::Clocks, costs::Costs, desk::Queues, disk::Disks, links::Links, load,
    node::key_of, signer::Scheme,
};
use crate::kernel::random::Seed;

/// Where time starts: not at zero, which means "no clock" in places.
pub(super) const START: Time = Time::from_millis(1_000_000);

/// What a world is like.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The number all chance comes from.
    pub seed: u64,
    /// How many of the first nodes are validators. With none, nothing becomes final.
    pub validators: u64,
    /// How many clients have an account with funds.
    pub clients: u64,
    /// What the first of those who do not wait own at the start, one after the other.
    pub stream_funds: Vec<Amount>,
    /// Commits from one snapshot to the next.
    pub snapshot_every: u32,
    /// Zero bits of work for a small transaction. None by default: work is a cost, not a search.
    pub work_bits: u8,
    /// What signatures are.
    pub scheme: Scheme,
    /// Whether what nodes write is remembered, so that stores can be copied.
    pub copies: bool,
    /// Bounds and paces of every machine.
    pub limits: Limits,
    /// Bounds of what waits before it.
    pub queues: Queues,
    /// How links behave.
    pub links: Links,
    /// How disks behave.
    pub disks: Disks,
    /// How far off clocks are.
    pub clocks: Clocks,
    /// What things cost.
    pub costs: Costs,
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
    /// A network of a continent: 10 to 40 ms one way. Nothing costs anything, and all clocks agree.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            validators: 0,
            clients: 0,
            stream_funds: Vec::new(),
            snapshot_every: 64,
            work_bits: 0,
            scheme: Scheme::Toy,
            copies: false,
            limits: Limits::default(),
            queues: Queues::default(),
            links: Links::default(),
            disks: Disks::default(),
            clocks: Clocks::default(),
            costs: Costs::default(),
            idle: Span::from_secs(3),
            answer_silence: Span::from_secs(10),
            busy: Span::from_millis(2),
            group_max: 64,
            seen_max: 10_000,
        }
    }
}

/// A network whose first nodes are its validators; without any, nothing is final.
pub(super) fn genesis(settings: &Settings, seed: Seed) -> Genesis {
    let params = Params {
        work_bits: settings.work_bits,
        schemes: vec![keys::Scheme::MlDsa44],
        snapshot_every: settings.snapshot_every,
        ..Params::dev()
    };
    let mut accounts = clients::accounts(settings.clients, settings.scheme, seed);
    accounts.extend(load::accounts(&settings.stream_funds, settings.scheme, seed));
    accounts.sort_unstable();
    let without = Genesis::without_finality("simulation", params);
    let without = Genesis { created: START, accounts, ..without };
    let key = |number| key_of(settings.scheme, seed, number).public_key().clone();
    match Committee::of((0..settings.validators).map(key)) {
        Ok(committee) => Genesis { committee, ..without },
        Err(_) => without,
    }
}
