//! Any value of every type on the wire.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use proptest::{
    collection::vec,
    option,
    prelude::{Just, Strategy, any},
    prop_oneof,
};
use weft_core::{
    address::Address,
    checkpoint::{Checkpoint, CheckpointCore, CheckpointRef, Vote, list_digest},
    codec::Encode as _,
    committee::Author,
    digest::{BodyId, CheckpointId, CommitId, GenesisId, KeyId, NodeId, TxId},
    keys::{PublicKey, Scheme, Signature},
    message::{End, GetCheckpoints, GetCommits, GetCone, GetObjects, Hello, Message, PeerAddress},
    params::{ADDRESSES_MAX, IDS_MAX, WANTS_MAX},
    time::Time,
    tx::{
        Attachment, Body, CommitRef, ContentType, Data, KeyRotate, NetworkId, Output, Payload,
        Seal, SealedBody, StreamName, Transaction, Transfer,
    },
    units::{Amount, CommitIndex, Position, Round, Sequence},
};

use crate::market::market;

fn bytes(max: usize) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..max).prop_map(Bytes::from)
}

fn exactly(length: usize) -> impl Strategy<Value = Bytes> {
    // One byte, again and again: keys and signatures are long, and nothing here looks inside.
    any::<u8>().prop_map(move |byte| vec![byte; length].into())
}

fn id() -> impl Strategy<Value = TxId> {
    prop_oneof![1 => Just(TxId::ZERO), 9 => any::<[u8; 32]>().prop_map(TxId)]
}

fn commit() -> impl Strategy<Value = CommitRef> {
    let any = any::<(u64, u64, [u8; 16])>();
    any.prop_map(|(index, round, tag)| CommitRef {
        index: CommitIndex(index),
        round: Round(round),
        tag,
    })
}

fn attachment() -> impl Strategy<Value = Attachment> {
    ([id(), id()], commit(), any::<u64>()).prop_map(|([first, second], anchor, nonce)| {
        // Equal parents are malformed unless both are zero.
        let second = if first == second { TxId::ZERO } else { second };
        Attachment { nonce, ..Attachment::new([first, second], anchor) }
    })
}

fn scheme() -> impl Strategy<Value = Scheme> {
    proptest::sample::select(Scheme::ALL.to_vec())
}

fn key() -> impl Strategy<Value = PublicKey> {
    scheme().prop_flat_map(|scheme| {
        exactly(scheme.public_key_bytes())
            .prop_map(move |bytes| PublicKey::new(scheme, bytes).unwrap())
    })
}

fn signature(scheme: Scheme) -> impl Strategy<Value = Signature> {
    exactly(scheme.signature_bytes()).prop_map(move |bytes| Signature::new(scheme, bytes).unwrap())
}

fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![4 => reading(), 2 => transfer(), 1 => rotation(), 3 => market()]
}

/// Of few outputs: many ask for more work.
fn transfer() -> impl Strategy<Value = Payload> {
    let outputs = vec((any::<[u8; 32]>(), 1..=u64::MAX / 20), 1..20);
    (outputs, bytes(65)).prop_map(|(outputs, reference)| {
        let output = |(to, amount)| Output { to: Address::of(KeyId(to)), amount: Amount(amount) };
        let outputs = outputs.into_iter().map(output).collect();
        Payload::Transfer(Transfer::new(outputs, reference).unwrap())
    })
}

fn rotation() -> impl Strategy<Value = Payload> {
    key().prop_flat_map(|key| {
        signature(key.scheme())
            .prop_map(move |proof| Payload::KeyRotate(KeyRotate { key: key.clone(), proof }))
    })
}

fn reading() -> impl Strategy<Value = Payload> {
    let kind = any::<u16>().prop_filter("any bytes", |kind| *kind != ContentType::SEALED_BATCH.0);
    ("[a-zäß€🌍 ]{1,16}", kind, bytes(300)).prop_map(|(stream, kind, bytes)| {
        Payload::Data(Data {
            stream: StreamName::parse(&stream).unwrap(),
            content_type: ContentType(kind),
            bytes,
        })
    })
}

fn body() -> impl Strategy<Value = Body> {
    let numbers = (0..Sequence::LIMIT, any::<u64>(), any::<u64>());
    let fixed = (any::<[u8; 4]>(), any::<[u8; 32]>(), option::of(any::<[u8; 32]>()));
    // The first body is no rotation.
    let said = prop_oneof![
        (Just((0, 0, 0)), prop_oneof![reading(), transfer(), market()]),
        (numbers, payload()).prop_filter("a later body", |((sequence, ..), _)| *sequence > 0),
    ];
    (fixed, said, commit()).prop_map(
        |((network, issuer, signer), ((sequence, time, expires), payload), beacon)| Body {
            network: NetworkId(network),
            issuer: Address::of(KeyId(issuer)),
            // The first body is signed by the first key.
            signer: signer.map(KeyId).filter(|_| sequence > 0),
            sequence: Sequence(sequence),
            time: Time::from_millis(time),
            expires: Time::from_millis(expires),
            beacon,
            payload,
        },
    )
}

pub(crate) fn transaction() -> impl Strategy<Value = Transaction> {
    (attachment(), body(), key()).prop_flat_map(|(attachment, body, key)| {
        signature(key.scheme()).prop_map(move |signature| {
            let key = body.sequence.registers().then(|| key.clone());
            let sealed = SealedBody { body: body.clone(), seal: Seal { key, signature } };
            sealed.attach(attachment)
        })
    })
}

pub(crate) fn socket() -> impl Strategy<Value = SocketAddr> {
    any::<(IpAddr, u16)>().prop_map(|(ip, port)| SocketAddr::new(ip, port))
}

fn hello() -> impl Strategy<Value = Hello> {
    (any::<[u8; 32]>(), any::<[u8; 32]>(), option::of(socket())).prop_map(
        |(genesis, parameters, listening)| Hello {
            genesis: GenesisId(genesis),
            parameters,
            listening,
        },
    )
}

fn peer() -> impl Strategy<Value = PeerAddress> {
    (any::<[u8; 32]>(), socket()).prop_map(|(id, address)| PeerAddress { id: NodeId(id), address })
}

fn cone() -> impl Strategy<Value = GetCone> {
    (vec(id(), 0..=WANTS_MAX), vec(id(), 0..=IDS_MAX), any::<u64>())
        .prop_map(|(want, have, from)| GetCone { want, have, from: Position(from) })
}

fn ids() -> impl Strategy<Value = Vec<TxId>> {
    prop_oneof![4 => vec(id(), 0..4), 1 => vec(id(), IDS_MAX - 1..=IDS_MAX)]
}

/// A checkpoint whose lists are those its core names, signed by nobody.
pub(crate) fn checkpoint() -> impl Strategy<Value = Checkpoint> {
    let reference =
        (any::<u64>(), any::<u16>(), any::<[u8; 32]>()).prop_map(|(round, author, id)| {
            CheckpointRef { round: Round(round), author: Author(author), id: CheckpointId(id) }
        });
    let vote = (any::<u64>(), any::<[u8; 32]>())
        .prop_map(|(index, id)| Vote { index: CommitIndex(index), id: CommitId(id) });
    let lists = (vec(reference, 0..4), vec(id(), 0..4), vec(vote, 0..4));
    let slot = (any::<[u8; 4]>(), 1..u64::MAX, any::<u16>(), 0..1_u64 << 48);
    (slot, lists, signature(Scheme::MlDsa44)).prop_map(|(slot, lists, signature)| {
        let (network, round, author, time) = slot;
        let (mut refs, mut tips, mut votes) = lists;
        refs.sort_unstable_by_key(|reference| reference.author);
        refs.dedup_by_key(|reference| reference.author);
        tips.sort_unstable();
        tips.dedup();
        votes.sort_unstable();
        votes.dedup_by_key(|vote| vote.index);
        let core = CheckpointCore {
            network: NetworkId(network),
            round: Round(round),
            author: Author(author),
            time: Time::from_millis(time),
            refs: list_digest(&refs),
            tips: list_digest(&tips),
            votes: list_digest(&votes),
        };
        Checkpoint { core, refs, tips, votes, signature }
    })
}

/// Any message; a transaction in it is a good one.
pub(crate) fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        hello().prop_map(Message::Hello),
        transaction().prop_map(|tx| Message::Transaction(tx.to_bytes().into())),
        (attachment(), any::<[u8; 32]>())
            .prop_map(|(attachment, body)| Message::Attachment { attachment, body: BodyId(body) }),
        checkpoint().prop_map(|one| Message::Checkpoint(one.to_bytes().into())),
        any::<u16>().prop_map(|author| Message::GetNewest(Author(author))),
        (vec(any::<u64>().prop_map(Round), 0..4), any::<u64>()).prop_map(|(above, to)| {
            Message::GetCheckpoints(GetCheckpoints { above, to: Round(to) })
        }),
        ids().prop_map(Message::Have),
        ids().prop_map(Message::Frontier),
        Just(Message::Prune),
        ids().prop_map(Message::Graft),
        vec(peer(), 0..=ADDRESSES_MAX).prop_map(Message::Peers),
        cone().prop_map(Message::GetCone),
        ids().prop_map(Message::GetTransactions),
        Just(Message::GetSnapshot),
        (any::<u64>(), any::<u8>()).prop_map(|(snapshot, part)| {
            Message::GetObjects(GetObjects { snapshot: CommitIndex(snapshot), part })
        }),
        any::<[u64; 3]>().prop_map(|mut indexes| {
            indexes.sort_unstable();
            let [from, to, under] = indexes.map(CommitIndex);
            Message::GetCommits(GetCommits { from, to, under })
        }),
        vec(any::<u8>(), 0..100).prop_map(|bytes| Message::Part(bytes.into())),
        any::<[u8; 32]>().prop_map(|id| Message::GetKey(KeyId(id))),
        key().prop_map(Message::Key),
        option::of(any::<u64>().prop_map(Position)).prop_map(|next| Message::End(End { next })),
    ]
}
