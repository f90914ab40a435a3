//! An account that signs readings.

use std::sync::atomic::{AtomicU64, Ordering};

use weft_core::{
    address::Address,
    digest::TxId,
    genesis::Genesis,
    keys::{HostKey, Scheme, Sign as _},
    pow::{Search, required_bits},
    time::Time,
    tx::{
        Attachment, Body, CommitRef, ContentType, Data, NetworkId, Output, Payload, Seal,
        SealedBody, StreamName, Transaction, Transfer,
    },
    units::{Amount, Sequence},
};

pub(crate) struct Account {
    key: HostKey,
    network: NetworkId,
    genesis: Genesis,
    next: AtomicU64,
}

impl Account {
    pub(crate) fn new(genesis: &Genesis, seed: u8) -> Self {
        let key = HostKey::from_seed(Scheme::MlDsa44, &[seed; 32]).unwrap();
        let network = genesis.network();
        Self { key, network, genesis: genesis.clone(), next: AtomicU64::new(0) }
    }

    pub(crate) fn address(&self) -> Address {
        Address::of(self.key.public_key().id())
    }

    pub(crate) fn address_text(&self) -> String {
        self.address().text(self.genesis.kind)
    }

    pub(crate) fn key(&self) -> &HostKey {
        &self.key
    }

    /// The next reading of this account.
    pub(crate) fn reading(&self, stream: &str, text: &str) -> SealedBody {
        self.reading_at(self.next.fetch_add(1, Ordering::Relaxed), stream, text.as_bytes())
    }

    pub(crate) fn reading_at(&self, sequence: u64, stream: &str, bytes: &[u8]) -> SealedBody {
        let payload = Payload::Data(Data {
            stream: StreamName::parse(stream).unwrap(),
            content_type: ContentType::TEXT,
            bytes: bytes.to_vec().into(),
        });
        self.seal(sequence, CommitRef::NONE, payload)
    }

    /// The next transfer of this account, made after the commit `beacon`.
    pub(crate) fn transfer(&self, to: Address, amount: u64, beacon: CommitRef) -> SealedBody {
        self.transfer_at(self.next.fetch_add(1, Ordering::Relaxed), to, amount, beacon)
    }

    pub(crate) fn transfer_at(
        &self,
        sequence: u64,
        to: Address,
        amount: u64,
        beacon: CommitRef,
    ) -> SealedBody {
        let outputs = vec![Output { to, amount: Amount(amount) }];
        let transfer = Transfer::new(outputs, Default::default()).unwrap();
        self.seal(sequence, beacon, Payload::Transfer(transfer))
    }

    /// The next body of this account, whatever it says.
    pub(crate) fn say(&self, payload: Payload) -> SealedBody {
        self.seal(self.next.fetch_add(1, Ordering::Relaxed), CommitRef::NONE, payload)
    }

    fn seal(&self, sequence: u64, beacon: CommitRef, payload: Payload) -> SealedBody {
        let body = Body {
            network: self.network,
            issuer: self.address(),
            signer: None,
            sequence: Sequence(sequence),
            time: Time::from_millis(1_700_000_000_123),
            expires: Time::ZERO,
            beacon,
            payload,
        };
        let seal = Seal::new(&body, &self.key).unwrap();
        SealedBody { body, seal }
    }

    /// Hangs a body below `parents` and does the work.
    pub(crate) fn attach(&self, sealed: SealedBody, parents: [TxId; 2]) -> Transaction {
        let bits = required_bits(
            self.genesis.params.work_bits,
            sealed.body.payload.content_bytes(),
            sealed.body.sequence.registers(),
        );
        let attachment = Attachment::new(parents, self.genesis.commit());
        let prefix = attachment.work_prefix(&sealed.body.id());
        let nonce = Search::new(&prefix, bits, 0).step(u32::MAX).unwrap();
        sealed.attach(Attachment { nonce, ..attachment })
    }
}

/// The same transaction under a seal that does not fit.
pub(crate) fn forged(tx: &Transaction) -> Transaction {
    let mut forged = tx.clone();
    let mut bytes = tx.seal.signature.as_bytes().to_vec();
    bytes[100] ^= 1;
    let scheme = tx.seal.signature.scheme();
    forged.seal.signature = weft_core::keys::Signature::new(scheme, bytes.into()).unwrap();
    forged
}
