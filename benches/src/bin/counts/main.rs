//! How many instructions do the hot paths take? One path per run, for callgrind to count.
//!
//! `cargo xtask counts` runs this program under `valgrind --tool=callgrind`, which it tells to
//! count within [`counted`] alone, and holds the counts against `benches/counts.toml`. What a path
//! needs is made before and not counted.
//!
//! Invariant: the same program counts the same at each run. Seeds are fixed, and nothing that is
//! counted asks a clock, a disk or another thread.
//!
//! Left out on purpose: time, which the other benches measure, and the store on disk, whose threads
//! do part of its work. Signatures of the machine's load are free ([`machine`]): `admit` has them.

mod machine;
mod processor;

use std::{env, hint::black_box, process::ExitCode};

use bytes::Bytes;
use weft_benches::{issuer, transaction};
use weft_client::{
    Place,
    tiny::{Work, seal, sealed_bytes},
};
use weft_core::{
    address::Address,
    admit::{Rules, admit},
    codec::{Decode as _, Encode as _},
    digest::{PayWord, TxId},
    genesis::Genesis,
    keys::{HostVerifier, Scheme, SeedKey, Sign as _, Signer as _},
    market::{
        batch::{self, Chunk},
        chain::{PayChain, Salt, descend},
    },
    params::Params,
    time::Time,
    tx::{CommitRef, ContentType, Head, Reading, Transaction},
    units::Sequence,
};

/// All paths, by the names that the baseline has.
const PATHS: &[(&str, fn())] = &[
    ("decode", decode_readings),
    ("admit", admit_readings),
    ("seal", seal_readings),
    ("work", search_nonces),
    ("machine", machine::order_readings),
    ("ticks", check_ticks),
    ("chunk", read_chunk),
];

/// Transactions of a path that has one after the other.
const READINGS: u64 = 32;

/// Bytes of a reading.
const READING_BYTES: usize = 32;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let named = |name: &str| PATHS.iter().find(|(path, _)| *path == name);
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["list"] => PATHS.iter().for_each(|(name, _)| println!("{name}")),
        ["processor"] => println!("{}", processor::seen()),
        [name] if let Some((_, run)) = named(name) => run(),
        _ => {
            eprintln!("usage: counts list | processor | <path>");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// Does `work`. Callgrind counts in here and nowhere else, so this must stay a function of its own.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
    work();
}

/// A dev network that asks no work: what a search costs is `work`.
fn genesis() -> Genesis {
    Genesis::without_finality("counts", Params { work_bits: 0, ..Params::dev() })
}

/// Readings of one issuer, as they come from the wire.
fn readings(genesis: &Genesis) -> Vec<Bytes> {
    let key = issuer(0);
    let reading = |sequence| transaction(genesis, &key, sequence, READING_BYTES, [TxId::ZERO; 2]);
    (1..=READINGS).map(|sequence| reading(sequence).to_bytes().into()).collect()
}

fn decode_readings() {
    let readings = readings(&genesis());
    counted(&mut || {
        for bytes in &readings {
            black_box(Transaction::from_bytes(bytes).expect("valid"));
        }
    });
}

/// All stateless checks, the signature as nodes check it.
fn admit_readings() {
    let genesis = genesis();
    let (readings, rules) = (readings(&genesis), Rules::new(&genesis));
    let key = issuer(0).public_key().clone();
    counted(&mut || {
        for bytes in &readings {
            let admitted = admit(bytes.clone(), &rules, |_| Some(key.clone()), &HostVerifier);
            black_box(admitted.expect("valid").expect("the key is known"));
        }
    });
}

/// What a device does for a reading: its signature, by an ML-DSA-44 key that is only a seed.
fn seal_readings() {
    let key = SeedKey::new(Scheme::MlDsa44, &[1; Scheme::SEED_BYTES]).expect("a seed makes a key");
    let (stream, bytes) = ("temp", [b'7'; READING_BYTES]);
    let reading = Reading { stream, content_type: ContentType::TEXT, bytes: &bytes };
    let mut out = vec![0; sealed_bytes(key.scheme(), reading.content_bytes(), false)];
    let network = genesis().network();
    counted(&mut || {
        for sequence in 1..=READINGS {
            black_box(seal(&head(network, &key, sequence), &reading, &key, &mut out))
                .expect("a valid reading");
        }
    });
}

fn head(network: weft_core::tx::NetworkId, key: &SeedKey, sequence: u64) -> Head {
    Head {
        network,
        issuer: Address::of(key.key_id()),
        signer: None,
        sequence: Sequence(sequence),
        time: Time::from_millis(sequence),
        expires: Time::ZERO,
        beacon: CommitRef::NONE,
    }
}

/// What a device does to attach: tries, as many as 12 bits take, for bits that none has, so that
/// luck is not counted.
fn search_nonces() {
    let key = SeedKey::new(Scheme::MlDsa44, &[1; Scheme::SEED_BYTES]).expect("a seed makes a key");
    let reading = Reading { stream: "temp", content_type: ContentType::TEXT, bytes: b"7" };
    let mut out = vec![0; sealed_bytes(key.scheme(), reading.content_bytes(), false)];
    let genesis = genesis();
    let sealed = seal(&head(genesis.network(), &key, 1), &reading, &key, &mut out);
    let place = Place { parents: [TxId::ZERO; 2], anchor: genesis.commit(), work_bits: u8::MAX };
    let mut work = Work::new(&sealed.expect("a valid reading"), place, 0);
    counted(&mut || assert!(work.step(1 << 12).is_none(), "nobody finds 255 bits"));
}

/// A seller's check of one tick after the other.
fn check_ticks() {
    const TICKS: u32 = 4_096;
    let mut chain = PayChain::new(Salt([1; 28]), [2; 32], TICKS).expect("a whole length");
    let salt = *chain.salt();
    let words: Vec<PayWord> = (0..=TICKS).filter_map(|index| chain.word(index)).collect();
    counted(&mut || {
        for (index, pair) in (1..).zip(words.windows(2)) {
            let [before, word] = pair else { continue };
            assert_eq!(descend(&salt, index, word, index - 1).as_ref(), Some(before));
        }
    });
}

/// A batch of a gateway: its readings and the root that binds them.
fn read_chunk() {
    let reading = |number: u8| batch::Reading {
        time: Time::from_millis(number.into()),
        content_type: ContentType::TEXT,
        bytes: vec![number; READING_BYTES],
    };
    let chunk = Chunk::new((0..=u8::MAX).map(reading).collect()).expect("a length of a chunk");
    let (bytes, root) = (chunk.to_bytes(), chunk.root());
    counted(&mut || {
        assert_eq!(Chunk::from_bytes(&bytes).map(|chunk| chunk.root()), Ok(root));
    });
}
