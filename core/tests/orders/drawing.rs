//! Tangles drawn as text, or drawn by lot.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use proptest::{collection::vec, prelude::*};
use weft_core::{
    address::Address,
    admit::{Candidate, Rules, Verified},
    codec::Encode as _,
    digest::TxId,
    genesis::Genesis,
    keys::{PublicKey, Scheme, Signature, SignatureError, Verify},
    params::Params,
    time::Time,
    tx::{Attachment, Body, CommitRef, ContentType, Data, Payload, Seal, SealedBody, StreamName},
    units::Sequence,
};

/// Believes every seal: what is tested here comes after.
struct Trusting;

impl Verify for Trusting {
    fn verify(&self, _: &PublicKey, _: &[u8], _: &Signature) -> Result<(), SignatureError> {
        Ok(())
    }
}

pub(crate) fn genesis() -> Genesis {
    Genesis::without_finality("orders", Params { work_bits: 0, ..Params::dev() })
}

/// A sealed body that says `content`.
pub(crate) fn body(content: &str) -> SealedBody {
    let scheme = Scheme::MlDsa44;
    let body = Body {
        network: genesis().network(),
        issuer: Address::of(key().id()),
        signer: None,
        // Not the first: that one would ask for work.
        sequence: Sequence(1),
        time: Time::ZERO,
        expires: Time::ZERO,
        beacon: CommitRef::NONE,
        payload: Payload::Data(Data {
            stream: StreamName::parse("s").unwrap(),
            content_type: ContentType::TEXT,
            bytes: Bytes::copy_from_slice(content.as_bytes()),
        }),
    };
    let signature = Signature::new(scheme, vec![0; scheme.signature_bytes()].into()).unwrap();
    SealedBody { body, seal: Seal { key: None, signature } }
}

fn key() -> PublicKey {
    let scheme = Scheme::MlDsa44;
    PublicKey::new(scheme, vec![1; scheme.public_key_bytes()].into()).unwrap()
}

/// `body` under `parents`; `nonce` tells its attachments apart.
pub(crate) fn attach(body: SealedBody, parents: [TxId; 2], nonce: u64) -> Arc<Verified> {
    let attachment = Attachment { nonce, ..Attachment::new(parents, genesis().commit()) };
    let bytes = body.attach(attachment).to_bytes();
    let candidate = Candidate::parse(bytes.into(), &Rules::new(&genesis())).unwrap();
    Arc::new(candidate.verify(&key(), &Trusting).unwrap())
}

/// A Tangle, parents first.
#[derive(Clone, Debug)]
pub(crate) struct Drawn {
    pub(crate) transactions: Vec<Arc<Verified>>,
    names: BTreeMap<String, TxId>,
}

impl Drawn {
    /// Reads `a; b <- a; d <- b c`: each name with those it approves.
    pub(crate) fn parse(text: &str) -> Self {
        let mut drawn = Self { transactions: Vec::new(), names: BTreeMap::new() };
        for line in text.split(';').map(str::trim).filter(|line| !line.is_empty()) {
            let (name, parents) = line.split_once("<-").unwrap_or((line, ""));
            let parents: Vec<TxId> =
                parents.split_whitespace().map(|name| drawn.id(name)).collect();
            drawn.add(name.trim(), &parents);
        }
        drawn
    }

    fn add(&mut self, name: &str, parents: &[TxId]) {
        let parent = |at: usize| parents.get(at).copied().unwrap_or_default();
        // Twice the same is once.
        let second = if parent(1) == parent(0) { TxId::ZERO } else { parent(1) };
        let tx = attach(body(name), [parent(0), second], 0);
        self.names.insert(name.into(), tx.id());
        self.transactions.push(tx);
    }

    pub(crate) fn id(&self, name: &str) -> TxId {
        self.names[name]
    }

    pub(crate) fn tx(&self, name: &str) -> Arc<Verified> {
        let id = self.id(name);
        self.transactions.iter().find(|tx| tx.id() == id).unwrap().clone()
    }

    pub(crate) fn ids(&self) -> Vec<TxId> {
        self.transactions.iter().map(|tx| tx.id()).collect()
    }

    /// The past of `id`, itself included, by looking again and again.
    pub(crate) fn past(&self, of: &[TxId]) -> std::collections::BTreeSet<TxId> {
        let mut past: std::collections::BTreeSet<TxId> =
            self.ids().into_iter().filter(|id| of.contains(id)).collect();
        // Parents come first in the list, so from its end each child comes before its parents.
        for tx in self.transactions.iter().rev() {
            if past.contains(&tx.id()) {
                past.extend(tx.transaction().attachment.transactions());
            }
        }
        past
    }
}

/// Any Tangle of up to `max` transactions, each under up to two of those drawn before it, mostly
/// late ones.
pub(crate) fn drawn(max: usize) -> impl Strategy<Value = Drawn> {
    vec(any::<[u16; 2]>(), 1..max).prop_map(|picks| {
        let mut drawn = Drawn { transactions: Vec::new(), names: BTreeMap::new() };
        for (at, picks) in picks.into_iter().enumerate() {
            let ids = drawn.ids();
            let late = |pick: u16| {
                let reach = if pick.is_multiple_of(8) { at } else { at.min(6) };
                ids[at - 1 - usize::from(pick) % reach]
            };
            let parents: Vec<TxId> =
                picks.into_iter().filter(|pick| at > 0 && pick % 16 != 1).map(late).collect();
            drawn.add(&format!("{at}"), &parents);
        }
        drawn
    })
}
