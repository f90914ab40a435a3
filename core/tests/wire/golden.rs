//! Frozen bytes: one value of every type on the wire. A change here is a new protocol version.
//!
//! `tests/data/golden.txt` has one per line: name, length, BLAKE2s of all bytes, and the bytes
//! themselves up to the 400th.

use std::fmt::Write as _;

use weft_core::{
    account::Account,
    address::{Address, NetworkKind},
    checkpoint::{Checkpoint, CheckpointCore, CheckpointRef, Vote, list_digest},
    codec::Encode as _,
    committee::Author,
    digest::{BodyId, CheckpointId, CommitId, Domain, GenesisId, KeyId, NodeId, TxId, digest},
    genesis::Genesis,
    keys::{PublicKey, Scheme, Signature},
    message::{End, GetCheckpoints, GetCommits, GetCone, GetObjects, Hello, Message, PeerAddress},
    object::{Object, ObjectKey},
    outcome::Outcome,
    params::Params,
    time::Time,
    trie::{self, Step, TrieProof},
    tx::{
        Attachment, Body, CommitRef, ContentType, Data, KeyRotate, NetworkId, Output, Payload,
        Seal, SealedBody, StreamName, Transaction, Transfer,
    },
    units::{Amount, CommitIndex, Position, Round, Sequence},
};

const FROZEN: &str = include_str!("../data/golden.txt");

/// Bytes written out; keys and signatures beyond are the same byte again and again.
const SHOWN: usize = 400;

fn line(name: &str, bytes: &[u8]) -> String {
    let mut line = format!("{name} {} ", bytes.len());
    let digest = digest(Domain::Content, bytes);
    for byte in digest {
        write!(line, "{byte:02x}").unwrap();
    }
    line.push(' ');
    for byte in bytes.iter().take(SHOWN) {
        write!(line, "{byte:02x}").unwrap();
    }
    line
}

#[test]
fn every_type_has_the_bytes_it_always_had() {
    let samples = samples();
    let actual: Vec<String> = samples.iter().map(|(name, bytes)| line(name, bytes)).collect();
    let frozen: Vec<&str> = FROZEN.lines().collect();
    for (actual, frozen) in actual.iter().zip(&frozen) {
        assert_eq!(actual, frozen);
    }
    assert_eq!(actual.len(), frozen.len(), "a type is missing, here or in the file");
}

/// Writes the file anew: `cargo test -p weft-core --test wire -- --ignored freeze`.
#[test]
#[ignore = "writes a file; only when the format changes"]
fn freeze() {
    let lines: String = samples().iter().map(|(name, bytes)| line(name, bytes) + "\n").collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/golden.txt");
    std::fs::write(path, lines).unwrap();
}

fn commit() -> CommitRef {
    CommitRef { index: CommitIndex(0x0102), round: Round(0x0304), tag: [5; 16] }
}

fn key(scheme: Scheme) -> PublicKey {
    PublicKey::new(scheme, vec![0xaa; scheme.public_key_bytes()].into()).unwrap()
}

fn transaction(scheme: Scheme, sequence: u64, signer: Option<KeyId>) -> Transaction {
    let body = Body {
        network: NetworkId([1, 2, 3, 4]),
        issuer: Address::of(key(scheme).id()),
        signer,
        sequence: Sequence(sequence),
        time: Time::from_millis(1_700_000_000_000),
        expires: Time::from_millis(1_800_000_000_000),
        beacon: CommitRef { index: CommitIndex(7), round: Round(8), tag: [9; 16] },
        payload: Payload::Data(Data {
            stream: StreamName::parse("temperature/küche").unwrap(),
            content_type: ContentType::SENML_CBOR,
            bytes: (0..40).collect::<Vec<u8>>().into(),
        }),
    };
    let seal = Seal {
        key: body.sequence.registers().then(|| key(scheme)),
        signature: Signature::new(scheme, vec![0xbb; scheme.signature_bytes()].into()).unwrap(),
    };
    let parents = [TxId([0x22; 32]), TxId([0x11; 32])];
    let attachment =
        Attachment { nonce: 0x0102_0304_0506_0708, ..Attachment::new(parents, commit()) };
    SealedBody { body, seal }.attach(attachment)
}

/// A later body of an account, under its first key.
pub(crate) fn reading() -> Transaction {
    transaction(Scheme::MlDsa44, 1, None)
}

fn genesis() -> Genesis {
    Genesis {
        created: Time::from_millis(1_700_000_000_000),
        accounts: vec![(Address::of(KeyId([6; 32])), Amount(7))],
        ..Genesis::without_finality("golden", Params::dev())
    }
}

fn checkpoint() -> Checkpoint {
    let reference = |author, round| CheckpointRef {
        round: Round(round),
        author: Author(author),
        id: CheckpointId([7; 32]),
    };
    let (refs, tips) = (vec![reference(0, 8), reference(1, 8)], vec![TxId([8; 32])]);
    let votes = vec![Vote { index: CommitIndex(5), id: CommitId([9; 32]) }];
    let core = CheckpointCore {
        network: genesis().network(),
        round: Round(9),
        author: Author(1),
        time: Time::from_millis(0x0102_0304),
        refs: list_digest(&refs),
        tips: list_digest(&tips),
        votes: list_digest(&votes),
    };
    let bytes = vec![0xbb; Scheme::MlDsa44.signature_bytes()];
    let signature = Signature::new(Scheme::MlDsa44, bytes.into()).unwrap();
    Checkpoint { core, refs, tips, votes, signature }
}

/// Names and bytes of all there is.
pub(crate) fn samples() -> Vec<(String, Vec<u8>)> {
    let mut samples = transactions();
    samples.extend(payloads());
    samples.extend(ledger());
    samples.extend(ids());
    samples.extend(messages());
    samples.extend(crate::market::samples());
    samples.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect()
}

fn transactions() -> Vec<(&'static str, Vec<u8>)> {
    let lone = Attachment::new([TxId::ZERO, TxId([3; 32])], genesis().commit());
    vec![
        ("commit-ref", commit().to_bytes()),
        ("attachment", reading().attachment.to_bytes()),
        ("attachment-of-one-parent", lone.to_bytes()),
        ("body", reading().body.to_bytes()),
        ("transaction-44-registers", transaction(Scheme::MlDsa44, 0, None).to_bytes()),
        ("transaction-44", reading().to_bytes()),
        (
            "transaction-44-rotated",
            transaction(Scheme::MlDsa44, 2, Some(KeyId([6; 32]))).to_bytes(),
        ),
        ("transaction-65-registers", transaction(Scheme::MlDsa65, 0, None).to_bytes()),
        ("transaction-65", transaction(Scheme::MlDsa65, 1, None).to_bytes()),
        ("transaction-dilithium2", transaction(Scheme::Dilithium2, 1, None).to_bytes()),
    ]
}

fn payloads() -> Vec<(&'static str, Vec<u8>)> {
    let output =
        |byte, amount| Output { to: Address::of(KeyId([byte; 32])), amount: Amount(amount) };
    let transfer = |outputs, reference: &'static [u8]| {
        Payload::Transfer(Transfer::new(outputs, reference.into()).unwrap())
    };
    let rotation = |scheme: Scheme| {
        let proof = vec![0xcc; scheme.signature_bytes()].into();
        let proof = Signature::new(scheme, proof).unwrap();
        Payload::KeyRotate(KeyRotate { key: key(scheme), proof })
    };
    let (body, next) = (reading().body, KeyId([6; 32]));
    let message = KeyRotate::message(body.network, &body.issuer, body.sequence, &next);
    vec![
        ("payload-data", body.payload.to_bytes()),
        ("payload-transfer", transfer(vec![output(1, 0x0102)], b"").to_bytes()),
        (
            "payload-transfer-of-two",
            transfer(vec![output(2, 1), output(1, u64::MAX - 1)], b"invoice 7").to_bytes(),
        ),
        ("payload-key-rotate-44", rotation(Scheme::MlDsa44).to_bytes()),
        ("payload-key-rotate-65", rotation(Scheme::MlDsa65).to_bytes()),
        ("rotation-message", message.to_vec()),
    ]
}

fn ledger() -> Vec<(&'static str, Vec<u8>)> {
    let address = Address::of(KeyId([0x11; 32]));
    let mut account = Account::opened(Amount(0x0102));
    for sequence in [3, 9, 10, 6] {
        account.consume(Sequence(sequence));
    }
    let mut rotated = account.clone();
    rotated.rotate(&address, KeyId([6; 32]));
    let place = ObjectKey::account(&address);
    let steps = [(7, [1; 32]), (0, [2; 32])].map(|(depth, sibling)| Step { depth, sibling });
    let proof = TrieProof::new(steps.into()).unwrap();
    let outcomes: Vec<u8> = Outcome::ALL.iter().flat_map(Outcome::to_bytes).collect();
    vec![
        ("outcomes", outcomes),
        ("object-account", Object::Account(account).to_bytes()),
        ("object-account-rotated", Object::Account(rotated).to_bytes()),
        ("object-supply", Object::Supply(Amount(0x0304)).to_bytes()),
        ("object-key-account", place.0.to_vec()),
        ("object-key-supply", ObjectKey::supply().0.to_vec()),
        ("trie-leaf", trie::leaf(&place, b"value").to_vec()),
        ("trie-branch", trie::branch(7, &[1; 32], &[2; 32]).to_vec()),
        ("trie-proof", proof.to_bytes()),
        ("trie-root", proof.root(&place, b"value").to_vec()),
    ]
}

fn ids() -> Vec<(&'static str, Vec<u8>)> {
    let genesis = genesis();
    let address = Address::of(KeyId([0x11; 32]));
    vec![
        ("key-id-44", key(Scheme::MlDsa44).id().to_bytes()),
        ("key-id-65", key(Scheme::MlDsa65).id().to_bytes()),
        ("checkpoint", checkpoint().to_bytes()),
        ("checkpoint-core", checkpoint().core.to_bytes()),
        ("checkpoint-id", checkpoint().id().to_bytes()),
        ("body-id", reading().body_id().to_bytes()),
        ("tx-id", reading().id().to_bytes()),
        ("stream-id", StreamName::parse("a").unwrap().id().to_bytes()),
        ("params", genesis.params.to_bytes()),
        ("genesis", genesis.to_bytes()),
        ("genesis-id", genesis.id().to_bytes()),
        ("genesis-network", genesis.network().0.to_vec()),
        ("genesis-commit", genesis.commit().to_bytes()),
        ("genesis-parameter-hash", genesis.parameter_hash().to_vec()),
        ("address", address.text(NetworkKind::Public).into_bytes()),
        ("address-test", address.text(NetworkKind::Test).into_bytes()),
    ]
}

fn messages() -> Vec<(&'static str, Vec<u8>)> {
    let hello = |listening: Option<&str>| {
        Message::Hello(Hello {
            genesis: GenesisId([1; 32]),
            parameters: [2; 32],
            listening: listening.map(|text| text.parse().unwrap()),
        })
    };
    let peer = |byte: u8, address: &str| PeerAddress {
        id: NodeId([byte; 32]),
        address: address.parse().unwrap(),
    };
    let ids = vec![TxId([1; 32]), TxId([2; 32])];
    let attachment = reading().attachment;
    let cone = GetCone { want: ids.clone(), have: vec![TxId([3; 32])], from: Position(0x0102) };
    let part = GetObjects { snapshot: CommitIndex(0x0102), part: 3 };
    let commits =
        GetCommits { from: CommitIndex(1), to: CommitIndex(2), under: CommitIndex(0x0304) };
    let stretch = GetCheckpoints { above: vec![Round(1), Round(2)], to: Round(0x0304) };
    let messages = [
        ("message-hello", hello(None)),
        ("message-hello-v4", hello(Some("192.0.2.1:4810"))),
        ("message-hello-v6", hello(Some("[2001:db8::1]:4810"))),
        ("message-transaction", Message::Transaction(reading().to_bytes().into())),
        ("message-attachment", Message::Attachment { attachment, body: BodyId([4; 32]) }),
        ("message-checkpoint", Message::Checkpoint(checkpoint().to_bytes().into())),
        ("message-get-newest", Message::GetNewest(Author(0x0102))),
        ("message-get-checkpoints", Message::GetCheckpoints(stretch)),
        ("message-have", Message::Have(ids.clone())),
        ("message-have-none", Message::Have(Vec::new())),
        ("message-frontier", Message::Frontier(ids.clone())),
        ("message-prune", Message::Prune),
        ("message-graft", Message::Graft(ids.clone())),
        (
            "message-peers",
            Message::Peers(vec![peer(5, "192.0.2.1:1"), peer(6, "[2001:db8::1]:65535")]),
        ),
        ("message-get-cone", Message::GetCone(cone)),
        ("message-get-transactions", Message::GetTransactions(ids)),
        ("message-get-snapshot", Message::GetSnapshot),
        ("message-get-objects", Message::GetObjects(part)),
        ("message-get-commits", Message::GetCommits(commits)),
        ("message-part", Message::Part(bytes::Bytes::from_static(b"part"))),
        ("message-get-key", Message::GetKey(KeyId([7; 32]))),
        ("message-key", Message::Key(key(Scheme::MlDsa44))),
        ("message-end", Message::End(End { next: None })),
        ("message-end-cut", Message::End(End { next: Some(Position(0x0102)) })),
    ];
    messages.iter().for_each(|(_, message)| assert_named(message));
    messages.into_iter().map(|(name, message)| (name, message.to_bytes())).collect()
}

/// Compiles only as long as every kind of message is named here; each is above, too.
const fn assert_named(message: &Message) {
    match message {
        Message::Hello(_)
        | Message::Transaction(_)
        | Message::Checkpoint(_)
        | Message::Attachment { .. }
        | Message::Have(_)
        | Message::Frontier(_)
        | Message::Prune
        | Message::Graft(_)
        | Message::Peers(_)
        | Message::GetCone(_)
        | Message::GetTransactions(_)
        | Message::GetCheckpoints(_)
        | Message::GetNewest(_)
        | Message::GetSnapshot
        | Message::GetObjects(_)
        | Message::GetCommits(_)
        | Message::Part(_)
        | Message::GetKey(_)
        | Message::Key(_)
        | Message::End(_) => {}
    }
}
