//! Graphs in strings, and what to do with them.
//!
//! A line is `who: what`: `ABC3: *` makes checkpoints of A, B and C in round 3, each with
//! references to the first version of everybody in round 2; `D3': A2 BD2` makes a second version of
//! D's with just those. Signatures are zeros: nobody here checks them.

use alloc::{collections::BTreeMap, string::String, vec};

use bytes::Bytes;

use super::super::*;
use crate::{
    checkpoint::{Checkpoint, Content},
    keys::{KeyError, PublicKey, Scheme, Sign, Signature},
};

pub(super) const NETWORK: NetworkId = NetworkId([7; 4]);

/// A key that signs nothing.
struct Toy(PublicKey, Signature);

impl Sign for Toy {
    fn public_key(&self) -> &PublicKey {
        &self.0
    }

    fn sign(&self, _: &[u8]) -> Result<Signature, KeyError> {
        Ok(self.1.clone())
    }
}

fn key(byte: u8) -> PublicKey {
    PublicKey::new(Scheme::MlDsa44, Bytes::from(vec![byte; 1_312])).unwrap()
}

std::thread_local! {
    static TOY: Toy = Toy(
        key(0),
        Signature::new(Scheme::MlDsa44, Bytes::from_static(&[0; 2_420])).unwrap(),
    );
}

pub(super) fn committee(count: u8) -> Arc<Committee> {
    Arc::new(Committee::of((0..count).map(key)).unwrap())
}

pub(super) fn make(
    (round, author): (u64, u16),
    time_ms: u64,
    refs: Vec<CheckpointRef>,
    tips: Vec<TxId>,
) -> Arc<VerifiedCheckpoint> {
    let content = Content { refs, tips, votes: Vec::new() };
    let (slot, time) = ((Round(round), Author(author)), Time::from_millis(time_ms));
    let made = TOY.with(|toy| Checkpoint::sign(NETWORK, slot, time, content, toy)).unwrap();
    Arc::new(VerifiedCheckpoint::own(made))
}

pub(super) fn fresh(committee: &Arc<Committee>, own: Option<Author>) -> Consensus {
    let standing = Standing::genesis(Time::from_millis(1));
    let limits = PaceLimits::default();
    Consensus::restore(committee.clone(), own, NETWORK, limits, standing, Vec::new())
}

/// What was drawn, by name.
#[derive(Default)]
pub(super) struct Picture {
    pub(super) names: BTreeMap<String, Arc<VerifiedCheckpoint>>,
    pub(super) made: Vec<Arc<VerifiedCheckpoint>>,
}

impl Picture {
    pub(super) fn draw(lines: &str) -> Self {
        let mut picture = Self::default();
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (who, what) = line.split_once(':').unwrap();
            for name in names(who) {
                picture.add(&name, what.trim());
            }
        }
        picture
    }

    fn add(&mut self, name: &str, what: &str) {
        let (author, round, version) = slot(name);
        let refs: Vec<CheckpointRef> = match what {
            "*" => {
                let before = |one: &&Arc<VerifiedCheckpoint>| one.round().0 + 1 == round;
                let mut refs = BTreeMap::new();
                for one in self.made.iter().filter(before) {
                    refs.entry(one.author()).or_insert(one.reference());
                }
                refs.into_values().collect()
            }
            _ => what.split_whitespace().flat_map(names).map(|to| self.reference(&to)).collect(),
        };
        let made = make((round, author), round * 100 + version, refs, Vec::new());
        assert!(self.names.insert(name.into(), made.clone()).is_none(), "{name} twice");
        self.made.push(made);
    }

    pub(super) fn get(&self, name: &str) -> Arc<VerifiedCheckpoint> {
        self.names[name].clone()
    }

    pub(super) fn reference(&self, name: &str) -> CheckpointRef {
        self.names.get(name).unwrap_or_else(|| panic!("{name} is not drawn")).reference()
    }
}

/// `AB3'` names A3' and B3'.
fn names(text: &str) -> Vec<String> {
    let text = text.trim();
    let split = text.find(|sign: char| !sign.is_ascii_uppercase()).unwrap();
    text[..split].chars().map(|letter| alloc::format!("{letter}{}", &text[split..])).collect()
}

fn slot(name: &str) -> (u16, u64, u64) {
    let author = u16::from(name.as_bytes()[0] - b'A');
    let number = name[1..].trim_end_matches('\'');
    (author, number.parse().unwrap(), (name.len() - 1 - number.len()) as u64)
}

/// What a node decided and ordered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Log {
    pub(super) leaders: Vec<(CheckpointRef, Time)>,
    pub(super) order: Vec<CheckpointRef>,
    pub(super) transactions: Vec<TxId>,
    pub(super) alarm: Option<Alarm>,
}

impl Log {
    /// Takes all leaders that are committed by now.
    pub(super) fn drain(&mut self, node: &mut Consensus) {
        self.drain_with(node, &|_| None);
    }

    pub(super) fn drain_with(
        &mut self,
        node: &mut Consensus,
        past: &dyn Fn(&TxId) -> Option<Orderable>,
    ) {
        loop {
            match node.next_leader() {
                Ok(None) => break,
                Err(alarm) => {
                    self.alarm = Some(alarm);
                    break;
                }
                Ok(Some(leader)) => {
                    assert_eq!(node.next_leader(), Ok(Some(leader.clone())), "asking is free");
                    let ordered = node.sequence(&leader, past);
                    self.leaders.push((leader.reference(), ordered.time));
                    self.order.extend(ordered.checkpoints.iter().map(|one| one.reference()));
                    self.transactions.extend(ordered.transactions);
                }
            }
        }
    }
}

/// Adds a checkpoint that cites nothing unknown.
pub(super) fn add(node: &mut Consensus, checkpoint: &Arc<VerifiedCheckpoint>) -> Added {
    node.add(checkpoint.clone(), &|_| Some(Round::ZERO))
}

/// Small, fast, and the same everywhere.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    pub(super) fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last + 1));
        }
    }
}
