//! Issuers who do not wait for an answer: an offered load that does not yield, honest or not.
//!
//! Each has a key of its own and signs what it says; all it says is valid. Bodies come at random,
//! as a Poisson process, so the sum of many is one too. Whatever is turned away or lost stays so,
//! but for the registration, without which nothing else could be checked.

use weft_core::{
    address::Address,
    keys::Sign as _,
    machine::SubmitRefusal,
    time::{Span, Time},
    tx::SealedBody,
    units::Amount,
};

use crate::{
    kernel::random::{Dice, Seed},
    world::{
        device::{Device, attach},
        life::Outcome,
        measure::Issuer,
        signer::{Key, Scheme},
        {Happening, World},
    },
};

/// How somebody issues who does not wait.
#[derive(Clone, Copy, Debug)]
pub struct Issuing {
    /// Time from one body to the next, on average.
    pub every: Span,
    /// Bytes of each reading.
    pub bytes: usize,
    /// Where it hands them over; anywhere, each time anew, if not at one node.
    pub home: Option<usize>,
}

/// Somebody who does not wait.
#[derive(Debug)]
pub(crate) struct Stream {
    device: Device,
    plan: Issuing,
    until: Time,
    /// Its first body, until that is acknowledged.
    registration: Option<SealedBody>,
    turned_away: u64,
    dice: Dice,
}

/// Time after which a registration that nobody acknowledged is handed over once more.
const AGAIN: Span = Span::from_secs(1);

fn key(scheme: Scheme, seed: Seed, number: u64) -> Key {
    scheme.key(&seed.bytes("stream", number))
}

/// What the first of them own at the start.
pub(crate) fn accounts(
    funds: &[Amount],
    scheme: Scheme,
    seed: Seed,
) -> impl Iterator<Item = (Address, Amount)> {
    let address = move |number| Address::of(key(scheme, seed, number).public_key().id());
    (0..).zip(funds).map(move |(number, amount)| (address(number), *amount))
}

impl World {
    /// `count` issuers begin, each for `span`. Returns who they are.
    pub fn add_streams(&mut self, count: usize, plan: Issuing, span: Span) -> Vec<Issuer> {
        let mut issuers = Vec::new();
        for _ in 0..count {
            let number = self.streams.len();
            let key = key(self.settings.scheme, self.seed, number as u64);
            let mut dice = self.seed.dice("stream", number as u64);
            let mut device = Device::of(key, self.genesis.network());
            let registration = Some(device.body(vec![0; plan.bytes.max(1)], self.now));
            let first = self.now + Span::from_millis(dice.below(plan.every.as_millis() + 1));
            let until = self.now + span;
            let stream = Stream { device, plan, until, registration, turned_away: 0, dice };
            self.streams.push(stream);
            self.put(first, Happening::Issue { stream: number });
            issuers.push(Issuer::Stream(number));
        }
        issuers
    }

    /// Bodies of those who do not wait that were refused or turned away.
    pub fn turned_away(&self) -> u64 {
        self.streams.iter().map(|stream| stream.turned_away).sum()
    }

    /// Somebody who does not wait issues the next one.
    pub(crate) fn issue(&mut self, number: usize) {
        let now = self.now;
        let live: Vec<usize> = (0..self.parties.len()).filter(|node| self.runs(*node)).collect();
        let Some(stream) = self.streams.get_mut(number).filter(|stream| now < stream.until) else {
            return;
        };
        let wait = Span::from_millis(stream.dice.exponential(stream.plan.every.as_millis()));
        let anywhere = stream.dice.pick(&live).copied();
        let at = stream.plan.home.or(anywhere);
        let (sealed, next) = match &stream.registration {
            Some(first) => (first.clone(), AGAIN),
            None => {
                let content = stream.dice.bytes(stream.plan.bytes.max(1));
                (stream.device.body(content, now), wait)
            }
        };
        self.put(now + next, Happening::Issue { stream: number });
        let seen = at.and_then(|at| {
            let status = self.honest(at)?.status()?;
            Some((at, status.anchor, status.tips.clone()))
        });
        let rules = self.rules.clone();
        let (Some((at, anchor, tips)), Some(stream)) = (seen, self.streams.get_mut(number)) else {
            return;
        };
        let tx = attach(&sealed, &tips, anchor, &rules, &mut stream.dice);
        self.hand_to(Issuer::Stream(number), at, &tx);
    }

    /// What became of one of them.
    pub(crate) fn stream_told(&mut self, number: usize, outcome: &Outcome) {
        let Some(stream) = self.streams.get_mut(number) else { return };
        match outcome {
            Outcome::Attached => stream.registration = None,
            Outcome::Refused(SubmitRefusal::Refused(refusal)) => {
                panic!("a valid body was refused: {refusal}")
            }
            Outcome::Refused(_) | Outcome::Busy => stream.turned_away += 1,
        }
    }
}
