//! Any sequence of commits, restarts and crashes, against the naive model.

use std::sync::Arc;

use bytes::Bytes;
use proptest::{collection::vec, prelude::*};
use weft_core::{admit::Verified, machine::Batch};
use weft_storage::{MemoryStore, Store as _};

use super::{
    Disk, Memory, Subject, commit,
    support::{ISSUERS, Model, RECORD_KEYS, TABLES, key, peers, small_world},
};

#[derive(Clone, Debug)]
enum Step {
    Commit {
        attached: usize,
        key: Option<usize>,
        peers: Option<u8>,
        /// Table, key and value, or the removal.
        records: Vec<(usize, u8, Option<u8>)>,
        /// So many in 255 of what is there leave.
        dropped: Option<u8>,
        durable: bool,
    },
    Restart,
    /// Power goes; so many in 256 of the batches that are not synced stay.
    Crash(u8),
}

fn steps(count: usize) -> impl Strategy<Value = Vec<Step>> {
    let key = prop::option::weighted(0.2, 0..ISSUERS);
    let peers = prop::option::weighted(0.2, 0..9_u8);
    let record = (0..TABLES.len(), 0..RECORD_KEYS, prop::option::weighted(0.7, any::<u8>()));
    let dropped = prop::option::weighted(0.3, any::<u8>());
    let durable = prop::bool::weighted(0.3);
    let commit = (0..9_usize, key, peers, vec(record, 0..4), dropped, durable).prop_map(
        |(attached, key, peers, records, dropped, durable)| Step::Commit {
            attached,
            key,
            peers,
            records,
            dropped,
            durable,
        },
    );
    let step = prop_oneof![
        8 => commit,
        1 => Just(Step::Restart),
        1 => any::<u8>().prop_map(Step::Crash),
    ];
    vec(step, 1..count)
}

/// The world in an order that a seed picks, as `proptest` cannot shuffle what it does not own.
fn shuffled(order: &[prop::sample::Index]) -> Vec<Arc<Verified>> {
    let mut left = small_world().to_vec();
    let mut picked: Vec<_> = order.iter().map(|n| left.swap_remove(n.index(left.len()))).collect();
    picked.append(&mut left);
    picked
}

fn next_batch(model: &Model, world: &[Arc<Verified>], step: &Step) -> Option<(Batch, bool)> {
    let Step::Commit { attached, key: issuer, peers: count, records, dropped, durable } = step
    else {
        return None;
    };
    let from = model.log.len();
    let to = (from + attached).min(world.len());
    let mut batch = model.batch(&world[from..to]);
    batch.keys.extend(issuer.map(key));
    batch.addresses = count.map(peers);
    for (table, key, value) in records {
        let value = value.map(|byte| Bytes::from(vec![byte; usize::from(byte)]));
        batch.records.set(TABLES[*table], &[*key], value);
    }
    batch.drop_below = dropped.map(|part| model.dropping(part));
    Some((batch, *durable))
}

fn run<S: Subject>(world: &[Arc<Verified>], steps: &[Step]) {
    let (mut subject, mut model) = (S::new(), Model::default());
    for step in steps {
        match next_batch(&model, world, step) {
            Some((batch, durable)) => commit(subject.store(), &mut model, &batch, durable),
            None => subject = subject.restart(),
        }
        model.check(subject.store());
    }
}

/// The model of a crash: a list of models, one after each batch since the last durable commit.
fn run_with_crashes(world: &[Arc<Verified>], steps: &[Step]) {
    let store = MemoryStore::new();
    let mut models = vec![Model::default()];
    for step in steps {
        let model = models.last().unwrap();
        if let Some((batch, durable)) = next_batch(model, world, step) {
            let mut next = model.clone();
            commit(&store, &mut next, &batch, durable);
            if durable {
                models.clear();
            } else if batch.is_empty() {
                models.pop();
            }
            models.push(next);
        } else if let Step::Crash(part) = step {
            assert_eq!(store.buffered(), models.len() - 1);
            let kept = store.buffered() * usize::from(*part) / 256;
            store.crash(kept);
            models.truncate(kept + 1);
            models.drain(..kept);
        }
        let model = models.last().unwrap();
        model.check(&store);
        let fresh = MemoryStore::new();
        let all: Vec<_> = model.log.iter().map(|attached| attached.tx.clone()).collect();
        fresh.commit(&Model::default().batch(&all), false).unwrap();
        assert_eq!(store.totals(), fresh.totals());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn memory_is_the_model(order in vec(any::<prop::sample::Index>(), 60), steps in steps(30)) {
        run::<Memory>(&shuffled(&order), &steps);
    }

    #[test]
    fn a_crash_keeps_a_prefix(order in vec(any::<prop::sample::Index>(), 60), steps in steps(30)) {
        run_with_crashes(&shuffled(&order), &steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn disk_is_the_model(order in vec(any::<prop::sample::Index>(), 60), steps in steps(16)) {
        run::<Disk>(&shuffled(&order), &steps);
    }
}
