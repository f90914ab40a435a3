//! The machine's part of a reading, from its admission until it is final.
//!
//! A committee of one: attach, cite, order, execute, record, certify. As on a node under load, many
//! readings are handled into one batch; writing it, here to memory, is not counted, its reads are.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use weft_benches::transaction;
use weft_core::{
    admit::{Rules, Verified, admit},
    codec::Encode as _,
    committee::Committee,
    digest::{NodeId, TxId},
    genesis::Genesis,
    keys::{KeyError, PublicKey, Scheme, Sign, Signature, SignatureError, Verify},
    machine::{Input, Limits, Machine, Outbox, Setup, Source},
    time::{Span, Time},
    tx::choose_parents,
    units::Position,
};
use weft_storage::{MemoryStore, Store as _};

use crate::{READING_BYTES, counted};

/// Accounts that post in turn.
const ISSUERS: u8 = 16;

/// Readings of each account in a group, and how many groups there are: a thousand readings.
const EACH: u64 = 8;
const GROUPS: u64 = 8;

/// Time from one group to the next.
const PACE: Span = Span::from_millis(25);

/// Lets readings come until all are final.
pub(crate) fn order_readings() {
    let mut node = Node::new();
    // At first each account says one thing: it brings its key.
    node.take(0..1);
    for group in 0..GROUPS {
        let first = 1 + group * EACH;
        node.take(first..first + EACH);
    }
    while node.machine.status().unordered > 0 {
        node.take(0..0);
    }
    let stored = node.machine.status().next.0;
    assert_eq!(stored, u64::from(ISSUERS) * (1 + GROUPS * EACH), "all are attached, and in order");
}

/// A node that never writes to a disk and whose signatures are free.
struct Node {
    genesis: Genesis,
    rules: Rules,
    machine: Machine,
    store: MemoryStore,
    now: Time,
}

impl Node {
    fn new() -> Self {
        let key = Free::new(u8::MAX);
        let committee = Committee::of([key.0.clone()]).expect("one is a committee");
        let genesis = Genesis { committee, created: Time::from_millis(1), ..crate::genesis() };
        let (store, now) = (MemoryStore::default(), Time::from_millis(1_000_000));
        let setup = Setup {
            genesis: &genesis,
            limits: Limits::default(),
            own: NodeId::from(key.0.id()),
            key: Some(Arc::new(key)),
            verify: Arc::new(Free::new(0)),
            seed: [0; 32],
        };
        let machine = Machine::restore(setup, now, &store);
        Self { rules: Rules::new(&genesis), genesis, machine, store, now }
    }

    /// Takes the readings of these sequences into one batch, then does what is due until the next
    /// ones come.
    fn take(&mut self, sequences: Range<u64>) {
        let tips = self.machine.status().tips;
        let each =
            sequences.flat_map(|sequence| (0..ISSUERS).map(move |number| (number, sequence)));
        let readings: Vec<_> =
            each.map(|(number, sequence)| self.reading(number, sequence, &tips)).collect();
        let inputs = readings.into_iter().map(|tx| {
            let absent_below = Position::ZERO;
            Input::Admitted { source: Source::Local, tx, absent_below }
        });
        self.now = self.now + PACE;
        self.step(inputs.chain([Input::Tick]).collect());
        while self.machine.deadline().is_some_and(|at| at <= self.now) {
            self.step(vec![Input::Tick]);
        }
    }

    /// A reading of that account, as it comes out of the checks.
    fn reading(&self, number: u8, sequence: u64, tips: &[TxId]) -> Arc<Verified> {
        let key = Free::new(number);
        let parents = choose_parents(tips, [number.into(), sequence]);
        let tx = transaction(&self.genesis, &key, sequence, READING_BYTES, parents);
        let known = |_| Some(key.0.clone());
        let admitted = admit(tx.to_bytes().into(), &self.rules, known, &key);
        Arc::new(admitted.expect("valid").expect("the key is known"))
    }

    fn step(&mut self, mut inputs: Vec<Input>) {
        let mut out = Outbox::default();
        counted(&mut || {
            for input in inputs.drain(..) {
                self.machine.handle(self.now, input, &self.store, &mut out);
            }
        });
        self.store.commit(&out.writes, out.durable).expect("memory takes it");
    }
}

/// A key whose signatures cost nothing and are always right.
struct Free(PublicKey);

impl Free {
    fn new(number: u8) -> Self {
        let bytes = Bytes::from(vec![number; Scheme::MlDsa44.public_key_bytes()]);
        Self(PublicKey::new(Scheme::MlDsa44, bytes).expect("as many bytes as a key has"))
    }
}

impl Sign for Free {
    fn public_key(&self) -> &PublicKey {
        &self.0
    }

    fn sign(&self, _: &[u8]) -> Result<Signature, KeyError> {
        Signature::new(Scheme::MlDsa44, vec![0; Scheme::MlDsa44.signature_bytes()].into())
    }
}

impl Verify for Free {
    fn verify(&self, _: &PublicKey, _: &[u8], _: &Signature) -> Result<(), SignatureError> {
        Ok(())
    }
}
