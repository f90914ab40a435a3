//! Question: does a transaction cost the same when a million are stored as when ten thousand are?
//!
//! A committee of one makes everything final while it grows: attach, order, execute, record. What
//! the machine does itself is its time less that of its reads; what the store does is reads and
//! commits, the latter held against the same records written to a bare fjall that grows along.
//! Signatures are toys: checking them costs the same at any size. All of it is CPU time of this
//! thread: both stores compact in threads of their own, which would else be counted as waiting.
//!
//! Beside the old machine runs a young one of the smallest size, group by group in turn: what the
//! caches and the clock of this computer do in that minute happens to both. They take turns while
//! the young one grows already: of two alike the one that grew first, on other pages of memory,
//! took up to a fifth longer.
//!
//! Sketch: trees of live things do not grow, those of the disk by a level or two. Expected: the
//! machine within 15 % of a young one, the commits within 15 % of the bare ones.

use std::{cell::Cell, sync::Arc, time::Duration};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode};
use tempfile::TempDir;
use weft_benches::cpu::ThreadTime;
use weft_core::{
    admit::{Rules, Verified, admit},
    codec::Encode as _,
    committee::Committee,
    digest::{KeyId, NodeId},
    genesis::Genesis,
    keys::{Scheme, Sign as _},
    machine::{Batch, Input, Limits, Machine, Outbox, Reads, Setup, Source},
    params::Params,
    time::{Span, Time},
    units::Position,
};
use weft_simulations::{
    kernel::random::{Dice, Seed},
    world::{
        device::{self, Device},
        reading::{Answer, Through},
        toy::{ToyKey, ToyVerifier},
    },
};
use weft_storage::{Config, FjallStore, Store as _};

/// Inputs handled into one batch, as a node does under load.
const GROUP: usize = 256;

/// Readings of one measurement.
const STRETCH: usize = 10_000;

/// What is stored when it is measured.
const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];

const DEVICES: u8 = 64;

fn main() {
    // `cargo test --benches` runs this too: there a small load shows that it works.
    let is_bench = std::env::args().any(|arg| arg == "--bench");
    let sizes: &[usize] = if is_bench { &SIZES } else { &[500, 1_000] };
    let stretch = if is_bench { STRETCH } else { 500 };
    let smallest = sizes.first().copied().unwrap_or_default();
    let mut world = World::new();
    println!("growth: us of CPU per transaction, over {stretch} at each size");
    for size in sizes {
        world.grow(size - smallest);
        let mut young = World::new();
        in_turn(&mut world, &mut young, smallest);
        let start = world.count;
        let [cost, of_young] = in_turn(&mut world, &mut young, stretch);
        let per = |time: Duration| time.as_secs_f64() * 1e6 / (world.count - start) as f64;
        println!(
            "  at {start}: machine {:.1} ({:.2} of the young one), reads {:.1}, commits {:.1} \
             ({:.2} of the bare fjall)",
            per(cost.machine),
            over(cost.machine, of_young.machine),
            per(cost.reads),
            per(cost.commits),
            over(cost.commits, cost.bare),
        );
    }
}

/// Lets both go on by `count` readings.
fn in_turn(world: &mut World, young: &mut World, count: usize) -> [Cost; 2] {
    let mut costs = [Cost::default(), Cost::default()];
    let [old, new] = &mut costs;
    let end = young.count + count;
    while young.count < end {
        world.group(old);
        young.group(new);
    }
    costs
}

fn over(time: Duration, bound: Duration) -> f64 {
    time.as_secs_f64() / bound.as_secs_f64()
}

/// What some transactions took.
#[derive(Default)]
struct Cost {
    machine: Duration,
    reads: Duration,
    commits: Duration,
    bare: Duration,
}

/// One node, its devices and two stores.
struct World {
    machine: Machine,
    store: Through<Timed>,
    bare: Keyspace,
    database: Database,
    rules: Rules,
    devices: Vec<Device>,
    dice: Dice,
    now: Time,
    count: usize,
    _dirs: [TempDir; 2],
}

impl World {
    fn new() -> Self {
        let key = ToyKey::from_seed(&[9; 32]);
        let params = Params { work_bits: 0, schemes: vec![Scheme::MlDsa44], ..Params::dev() };
        let without = Genesis::without_finality("growth", params);
        let committee = Committee::of([key.public_key().clone()]).expect("one is a committee");
        let genesis = Genesis { committee, created: Time::from_millis(1), ..without };
        let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a temporary directory"));
        let [own, other] = &dirs;
        let opened = FjallStore::open(own.path(), Config::default()).expect("a fresh store");
        let store = Through(Timed { store: opened.store, spent: Cell::default() });
        let database = Database::builder(other.path()).open().expect("a fresh database");
        let separated = KvSeparationOptions::default();
        let options = || KeyspaceCreateOptions::default().with_kv_separation(Some(separated));
        let bare = database.keyspace("bare", options).expect("a fresh keyspace");
        let now = Time::from_millis(1_000_000);
        let setup = Setup {
            genesis: &genesis,
            limits: Limits::default(),
            own: NodeId::from(key.public_key().id()),
            key: Some(Arc::new(key)),
            verify: Arc::new(ToyVerifier),
            seed: [0; 32],
        };
        let machine = Machine::restore(setup, now, &store);
        let devices = (0..DEVICES).map(|n| Device::new(&[n; 32], genesis.network())).collect();
        let (rules, dice) = (Rules::new(&genesis), Seed::new(1).dice("growth", 0));
        Self { machine, store, bare, database, rules, devices, dice, now, count: 0, _dirs: dirs }
    }

    /// Goes on until `count` readings are stored.
    fn grow(&mut self, count: usize) {
        while self.count < count {
            self.group(&mut Cost::default());
        }
    }

    /// One group of readings, as far as a node handles them into one batch.
    fn group(&mut self, cost: &mut Cost) {
        let status = self.machine.status();
        // At first each device says one thing: it brings its key.
        let size = if self.count == 0 { usize::from(DEVICES) } else { GROUP };
        let txs: Vec<Arc<Verified>> = (0..size)
            .map(|at| {
                let which = at % self.devices.len();
                let device = self.devices.get_mut(which).expect("a place among them");
                let sealed = device.body(vec![7; 64], self.now);
                let (tips, anchor) = (&status.tips, status.anchor);
                let tx = device::attach(&sealed, tips, anchor, &self.rules, &mut self.dice);
                let known = |id: KeyId| self.store.0.store.key(&id);
                let admitted = admit(device::bytes_of(&tx), &self.rules, known, &ToyVerifier);
                Arc::new(admitted.expect("valid").expect("the first body of each brings its key"))
            })
            .collect();
        self.now = self.now + Span::from_millis(25);
        let inputs = txs.into_iter().map(|tx| Input::Admitted {
            source: Source::Local,
            tx,
            absent_below: Position::ZERO,
        });
        self.step(inputs.chain([Input::Tick]).collect(), cost);
        while self.machine.deadline().is_some_and(|at| at <= self.now) {
            self.step(vec![Input::Tick], cost);
        }
        self.count += size;
    }

    fn step(&mut self, inputs: Vec<Input>, cost: &mut Cost) {
        let mut out = Outbox::default();
        self.store.0.spent.set(Duration::ZERO);
        let began = ThreadTime::now();
        for input in inputs {
            self.machine.handle(self.now, input, &self.store, &mut out);
        }
        let (all, reads) = (began.elapsed(), self.store.0.spent.get());
        cost.machine += all.saturating_sub(reads);
        cost.reads += reads;
        let began = ThreadTime::now();
        self.store.0.store.commit(&out.writes, out.durable).expect("the disk takes it");
        cost.commits += began.elapsed();
        let began = ThreadTime::now();
        self.write_bare(&out.writes, out.durable).expect("the disk takes it");
        cost.bare += began.elapsed();
    }

    /// The same records, with nothing around them.
    fn write_bare(&self, batch: &Batch, durable: bool) -> fjall::Result<()> {
        let mut records = self.database.batch();
        for attached in &batch.attached {
            let (position, id) = (attached.position.0.to_be_bytes(), attached.tx.id());
            let body = attached.tx.body_id();
            let key = |tag: u8, parts: &[&[u8]]| [&[tag], parts.concat().as_slice()].concat();
            records.insert(
                &self.bare,
                key(b'b', &[body.as_bytes()]),
                &attached.tx.sealed_body()[..],
            );
            records.insert(&self.bare, key(b'l', &[&position]), [0; 213]);
            records.insert(&self.bare, key(b't', &[id.as_bytes()]), position);
            let issuer = attached.tx.transaction().body.issuer.to_bytes();
            records.insert(&self.bare, key(b's', &[&issuer, &position]), []);
            records.insert(&self.bare, key(b'i', &[&issuer, &position]), body.as_bytes());
        }
        for (table, key, value) in batch.records.iter() {
            let key = [&[b'r', table as u8], key].concat();
            match value {
                Some(value) => records.insert(&self.bare, key, &value[..]),
                None => records.remove(&self.bare, key),
            }
        }
        records.commit()?;
        if durable { self.database.persist(PersistMode::SyncAll) } else { Ok(()) }
    }
}

/// A store that counts the time of its reads.
struct Timed {
    store: FjallStore,
    spent: Cell<Duration>,
}

impl Answer for Timed {
    fn answer<T: Default>(&self, read: impl FnOnce(&dyn Reads) -> T) -> T {
        let began = ThreadTime::now();
        let found = read(&self.store);
        self.spent.set(self.spent.get() + began.elapsed());
        found
    }
}
