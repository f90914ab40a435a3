//! A ledger and the naive one, side by side, and bodies for both.

use alloc::vec::Vec;

use super::{
    super::{Executed, Ledger, Moment, account, consumed_key, recount, total},
    Shelf, Table,
    naive::Naive,
};
use crate::{
    address::Address,
    digest::TxId,
    keys::{PublicKey, Scheme, Signature},
    outcome::Outcome,
    time::Time,
    tx::{Body, CommitRef, ContentType, Data, KeyRotate, NetworkId, Output, Payload},
    tx::{StreamName, Transfer},
    units::{Amount, CommitIndex, Sequence},
};

pub(super) const DUST: Amount = Amount(10);

/// Accounts of the genesis are the first three.
pub(super) fn address(account: u8) -> Address {
    Address::of(key(account).id())
}

/// Key `account` is the account's first; from 100 on they are later ones of anybody.
pub(super) fn key(number: u8) -> PublicKey {
    let bytes = alloc::vec![number; Scheme::MlDsa44.public_key_bytes()];
    PublicKey::new(Scheme::MlDsa44, bytes.into()).unwrap()
}

pub(super) fn data() -> Payload {
    let stream = StreamName::parse("s").unwrap();
    Payload::Data(Data { stream, content_type: ContentType::RAW, bytes: Default::default() })
}

pub(super) fn pays(outputs: &[(u8, u64)]) -> Payload {
    let output = |(to, amount): &(u8, u64)| Output { to: address(*to), amount: Amount(*amount) };
    let outputs = outputs.iter().map(output).collect();
    Payload::Transfer(Transfer::new(outputs, Default::default()).unwrap())
}

pub(super) fn rotates(to: u8) -> Payload {
    let proof = alloc::vec![0; Scheme::MlDsa44.signature_bytes()];
    let proof = Signature::new(Scheme::MlDsa44, proof.into()).unwrap();
    Payload::KeyRotate(KeyRotate { key: key(to), proof })
}

pub(super) fn body(issuer: u8, sequence: u64, payload: Payload) -> Body {
    Body {
        network: NetworkId([0; 4]),
        issuer: address(issuer),
        signer: None,
        sequence: Sequence(sequence),
        time: Time::ZERO,
        expires: Time::ZERO,
        beacon: CommitRef::NONE,
        payload,
    }
}

/// A ledger and the naive one, side by side.
pub(super) struct Pair {
    pub(super) shelf: Shelf,
    pub(super) ledger: Ledger,
    pub(super) naive: Naive,
    done: u64,
}

impl Pair {
    pub(super) fn new(balances: &[u64]) -> Self {
        let numbered = || (0_u8..).map(address).zip(balances.iter().copied());
        let accounts: Vec<_> = numbered().map(|(to, amount)| (to, Amount(amount))).collect();
        let mut shelf = Shelf::default();
        let ledger = Ledger::genesis(DUST, &accounts, &mut shelf.tables());
        let naive = Naive { dust: DUST.0, balances: numbered().collect(), ..Naive::default() };
        Self { shelf, ledger, naive, done: 0 }
    }

    pub(super) fn execute(&mut self, time: u64, body: &Body, anchor_ok: bool) -> Outcome {
        self.done += 1;
        let mut id = [0; 32];
        id[..8].copy_from_slice(&self.done.to_be_bytes());
        let (id, time) = (TxId(id), Time::from_millis(time));
        let at = Moment { index: CommitIndex(self.done), time };
        self.settle(at);
        let before: Vec<_> = self.shelf.all(Table::Object);
        let mut tables = self.shelf.tables();
        let tx = Executed { id, body_id: body.id(), body, anchor_ok };
        let outcome = self.ledger.execute(at, tx, &mut tables);
        self.ledger.assert_supply();
        assert_eq!(total(&tables), self.ledger.supply);
        let says = self.naive.execute(time, body, anchor_ok);
        assert_eq!(outcome, says, "{body:?}");
        let winner = tables.read(Table::Consumed, &consumed_key(&body.issuer, body.sequence));
        assert_eq!(winner == Some(id), outcome.consumes_sequence());
        if !outcome.consumes_sequence() {
            assert_eq!(self.shelf.all(Table::Object), before);
        }
        outcome
    }

    /// What is due in a record, before its bodies.
    pub(super) fn settle(&mut self, at: Moment) {
        self.ledger.settle_due(at, &mut self.shelf.tables());
        self.ledger.assert_supply();
        self.naive.settle(at.time);
    }

    /// A rotated key is named as its owner would name it.
    pub(super) fn signed(&self, body: Body) -> Body {
        let key = self.naive.keys.get(&body.issuer).copied();
        Body { signer: key.filter(|key| *key != body.issuer.first_key()), ..body }
    }

    pub(super) fn balance(&mut self, number: u8) -> Option<u64> {
        Some(account(&address(number), &self.shelf.tables())?.balance.0)
    }

    /// All of both ledgers.
    pub(super) fn compare(&mut self) {
        let Naive { balances, market, .. } = &self.naive;
        let objects = balances.len() + 1 + market.offers.len() + market.channels.len();
        assert_eq!(self.shelf.all(Table::Object).len(), objects, "the supply, and no other");
        self.compare_market();
        for (address, balance) in &self.naive.balances {
            let account = account(address, &self.shelf.tables()).unwrap();
            assert_eq!(account.balance.0, *balance);
            let next = self.naive.next.get(address).copied().unwrap_or(0);
            assert_eq!(account.next().0, next);
            let open: Vec<u64> = account.gaps().flatten().collect();
            let naive = self.naive.open.get(address).cloned().unwrap_or_default();
            assert_eq!(open, naive.into_iter().collect::<Vec<_>>());
            let key = self.naive.keys.get(address).copied();
            assert_eq!(account.key_in_force(address), key.unwrap_or(address.first_key()));
        }
        self.shelf.flush();
        assert_eq!(recount(&self.shelf.written), self.ledger.supply);
        let again = Ledger::restore(DUST, None, &self.shelf.tables());
        assert_eq!((again.supply, again.dust), (self.ledger.supply, DUST));
    }
}
