//! Every byte of a proof counts, what is missing is said, and how large it gets.

use alloc::{collections::BTreeMap, vec, vec::Vec};

use bytes::Bytes;

use super::*;
use crate::{
    address::Address,
    checkpoint::CheckpointRef,
    commit::{
        Mountain,
        certificate_tests::{NETWORK, certify, committee, key},
        merkle, mountain,
    },
    committee::Author,
    digest::{CheckpointId, CommitId},
    fuzz,
    keys::{DeviceKey, DeviceVerifier, Sign as _},
    tx::{ContentType, Data, Payload, StreamName},
    units::{Round, Sequence},
};

/// A chain of ten commits; the body names commit 3 and is ordered by commit 6, as leaf 5 of 11.
struct Chain {
    records: Vec<CommitRecord>,
    nodes: BTreeMap<(u8, u64), [u8; 32]>,
    leaves: Vec<Leaf>,
}

const COMMIT: u64 = 6;
const LEAF: u32 = 5;

fn record(index: u64, previous: CommitId, history: &Mountain) -> CommitRecord {
    CommitRecord {
        network: NETWORK,
        index: CommitIndex(index),
        previous,
        leader: CheckpointRef {
            round: Round(10 * index),
            author: Author(0),
            id: CheckpointId([3; 32]),
        },
        time: Time::from_millis(1_000 * index),
        last: true,
        leaves: 0,
        order_root: [0; 32],
        history_root: history.root(),
        state_root: None,
        window_root: None,
    }
}

impl Chain {
    /// `body` is made once the commits before its own are known.
    fn new(body: impl Fn(&[CommitRecord]) -> (Attachment, Body)) -> (Self, Attachment, Body) {
        let mut chain = Self { records: vec![], nodes: BTreeMap::new(), leaves: vec![] };
        let mut history = Mountain::default();
        let mut previous = CommitId([0xee; 32]);
        let mut ours = None;
        for index in 1..=10 {
            for new in history.append(&previous) {
                chain.nodes.insert((new.height, new.number), new.digest);
            }
            let mut record = record(index, previous, &history);
            if index == COMMIT {
                let (attachment, body) = body(&chain.records);
                let ids = (attachment.id(&body.id()), body.id());
                let other = |at| Leaf {
                    tx: TxId([at; 32]),
                    body: BodyId([9; 32]),
                    outcome: Outcome::BadAnchor,
                };
                chain.leaves = (0..11).map(other).collect();
                chain.leaves[LEAF as usize] =
                    Leaf { tx: ids.0, body: ids.1, outcome: Outcome::Applied };
                record.leaves = 11;
                record.order_root = merkle::root(&chain.leaves);
                ours = Some((attachment, body));
            }
            previous = record.id();
            chain.records.push(record);
        }
        let (attachment, body) = ours.unwrap();
        (chain, attachment, body)
    }

    fn record(&self, index: u64) -> &CommitRecord {
        &self.records[usize::try_from(index).unwrap() - 1]
    }

    fn path(&self, index: u64, later: u64) -> Path {
        let node = |height, number| self.nodes.get(&(height, number)).copied();
        mountain::path(CommitIndex(index), CommitIndex(later), node).unwrap()
    }
}

fn body(device: &DeviceKey, sequence: u64, beacon: CommitRef) -> Body {
    Body {
        network: NETWORK,
        issuer: Address::of(device.public_key().id()),
        signer: None,
        sequence: Sequence(sequence),
        time: Time::ZERO,
        expires: Time::ZERO,
        beacon,
        payload: Payload::Data(Data {
            stream: StreamName::parse("t").unwrap(),
            content_type: ContentType::TEXT,
            bytes: Bytes::from_static(b"21.5 degrees"),
        }),
    }
}

/// A proof with all its parts, for a committee of `count`, certified by commit `certified`.
fn proof(
    count: u8,
    sequence: u64,
    certified: u64,
    beacon: Option<CommitRef>,
) -> (Proof, Committee) {
    let device = key(200);
    let (chain, attachment, body) = Chain::new(|before| {
        let anchor = before[4].reference();
        let parents = [TxId([1; 32]), TxId([2; 32])];
        let attachment = Attachment { nonce: 77, ..Attachment::new(parents, anchor) };
        (attachment, body(&device, sequence, beacon.unwrap_or(before[2].reference())))
    });
    let (committee, keys) = committee(count);
    let seal = Seal::new(&body, &device).unwrap();
    let along = seal.key.is_none().then(|| device.public_key().clone());
    let path = Path::to(&chain.leaves, LEAF as usize).unwrap();
    let later = (certified > COMMIT).then(|| Linked {
        record: chain.record(certified).clone(),
        path: chain.path(COMMIT, certified),
    });
    let proof = Proof {
        attachment,
        body,
        signed: Some(Signed { seal, key: along }),
        outcome: Outcome::Applied,
        leaf: LEAF,
        path,
        record: chain.record(COMMIT).clone(),
        later,
        certificate: certify(chain.record(certified).vote(), &committee, &keys),
        beacon: Some(Linked { record: chain.record(3).clone(), path: chain.path(3, certified) }),
    };
    (proof, committee)
}

fn verify(proof: &Proof, committee: &Committee) -> Result<Proven, ProofError> {
    proof.verify(committee, NETWORK, &DeviceVerifier, None)
}

#[test]
fn a_whole_proof_says_who_what_and_when() {
    for (count, certified) in [(1, 6), (4, 9), (4, 10)] {
        let (proof, committee) = proof(count, 5, certified, None);
        assert_eq!(Proof::from_bytes(&proof.to_bytes()).as_ref(), Ok(&proof));
        let proven = verify(&proof, &committee).unwrap();
        assert_eq!(proven.tx, proof.attachment.id(&proof.body.id()));
        assert_eq!((proven.commit, proven.outcome), (CommitIndex(6), Outcome::Applied));
        assert_eq!(proven.not_before, Ok(Time::from_millis(3_000)));
        assert_eq!(proven.not_after, Time::from_millis(6_000));
        assert!(proven.signed);
        assert_eq!(proven.certified.index, CommitIndex(certified));
        assert_eq!(proven.weight, committee.quorum());
    }
}

/// Both ends of a byte, everywhere: nothing but the whole truth verifies.
fn every_byte_counts(proof: &Proof, committee: &Committee) {
    let good = proof.to_bytes();
    assert!(verify(proof, committee).is_ok());
    for at in 0..good.len() {
        for flip in [1, 0x80] {
            let mut bent = good.clone();
            bent[at] ^= flip;
            fuzz::proof_round_trip(&bent);
            if let Ok(bent) = Proof::from_bytes(&bent) {
                assert!(verify(&bent, committee).is_err(), "byte {at} of {}", good.len());
            }
        }
    }
    // Flags and tags have more than two neighbours.
    let fixed = 9 + Attachment::BYTES;
    for byte in 0..=255 {
        let mut bent = good.clone();
        bent[fixed] = byte;
        if byte != good[fixed]
            && let Ok(bent) = Proof::from_bytes(&bent)
        {
            assert!(verify(&bent, committee).is_err(), "tag {byte}");
        }
    }
}

#[test]
fn every_byte_counts_with_the_key_along() {
    let (proof, committee) = proof(2, 5, 9, None);
    every_byte_counts(&proof, &committee);
}

#[test]
fn every_byte_counts_with_the_key_in_the_seal() {
    let (mut proof, committee) = proof(1, 0, 6, None);
    assert!(proof.signed.as_ref().unwrap().seal.key.is_some());
    proof.beacon = None;
    every_byte_counts(&proof, &committee);
}

#[test]
fn every_byte_counts_without_a_seal() {
    let (mut proof, committee) = proof(1, 5, 8, None);
    proof.signed = None;
    every_byte_counts(&proof, &committee);
    assert!(!verify(&proof, &committee).unwrap().signed);
}

#[test]
fn an_invented_beacon_gives_no_bound_and_spoils_nothing_else() {
    let bound = |proof: &Proof, committee| verify(proof, committee).unwrap().not_before;
    let invented = CommitRef { index: CommitIndex(3), round: Round(30), tag: [5; 16] };
    let (with, committee) = proof(1, 5, 9, Some(invented));
    assert_eq!(bound(&with, &committee), Err(NoLowerBound::Invented));
    // Seals are bent elsewhere.
    let with = Proof { signed: None, ..with };
    every_byte_counts(&with, &committee);

    let without = Proof { beacon: None, ..with };
    assert_eq!(bound(&without, &committee), Err(NoLowerBound::NotShown));
    let ahead = CommitRef { index: CommitIndex(COMMIT), ..invented };
    let (ahead, committee) = proof(1, 5, 9, Some(ahead));
    assert_eq!(bound(&ahead, &committee), Err(NoLowerBound::Invented));
    let elsewhere = CommitRef { index: CommitIndex(2), ..invented };
    let (elsewhere, committee) = proof(1, 5, 9, Some(elsewhere));
    assert_eq!(bound(&elsewhere, &committee), Err(NoLowerBound::NotShown));
    let (none, committee) = proof(1, 5, 9, Some(CommitRef::NONE));
    assert_eq!(bound(&none, &committee), Err(NoLowerBound::NoBeacon));
}

#[test]
fn a_seal_is_never_believed_unchecked() {
    let (mut proof, committee) = proof(1, 5, 6, None);
    let check = |proof: &Proof, key| proof.verify(&committee, NETWORK, &DeviceVerifier, key);
    let signed = proof.signed.as_mut().unwrap();
    let right = signed.key.take().unwrap();
    let expected = right.id();
    assert_eq!(check(&proof, None), Err(ProofError::KeyMissing { expected }));
    assert!(check(&proof, Some(&right)).unwrap().signed);
    let other = key(201).public_key().clone();
    let actual = other.id();
    assert_eq!(check(&proof, Some(&other)), Err(ProofError::Key { expected, actual }));
}

#[test]
fn another_network_and_another_committee_do_not_believe_it() {
    let (proof, good) = proof(4, 5, 9, None);
    let elsewhere = proof.verify(&good, NetworkId([0; 4]), &DeviceVerifier, None);
    assert!(matches!(elsewhere, Err(ProofError::Network { .. })));
    let (larger, _) = committee(10);
    assert!(matches!(
        verify(&proof, &larger),
        Err(ProofError::Certificate(CertificateError::Weight { expected: 7, actual: 3 }))
    ));
    let strangers = Committee::of((100..104).map(|at| key(at).public_key().clone())).unwrap();
    assert!(matches!(
        verify(&proof, &strangers),
        Err(ProofError::Certificate(CertificateError::Signature { .. }))
    ));
}

/// A reading of 12 bytes with seal, key and beacon, in a short chain. A long one adds 32 bytes for
/// each doubling, twice; the leaf of a full commit adds 256.
#[test]
fn how_large_it_gets() {
    let sizes = [4, 10, 50].map(|count| {
        let (proof, committee) = proof(count, 5, 9, None);
        assert!(verify(&proof, &committee).is_ok());
        (count, proof.to_bytes().len())
    });
    assert_eq!(sizes, [(4, 12_766), (10, 23_258), (50, 94_079)]);
}
