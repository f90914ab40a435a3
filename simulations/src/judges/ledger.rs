//! C3: the final order once more, in a ledger as simple as can be, with what it must come to.

use std::collections::{BTreeMap, BTreeSet};

use weft_core::{
    address::Address,
    codec::Decode as _,
    digest::KeyId,
    genesis::Genesis,
    machine::{Archive, Reads as _, recount},
    outcome::Outcome,
    time::Time,
    tx::{Body, CommitRef, Payload, SealedBody},
    units::{Amount, Sequence},
};

use super::{Broken, Rule, durability::is_whole, expect, market::Market};
use crate::world::{Node, told::Commit};

#[derive(Debug, Default)]
struct Account {
    balance: u64,
    used: BTreeSet<Sequence>,
    key: Option<KeyId>,
}

/// A ledger as simple as can be: no gaps, no plans, no tables.
struct Naive {
    dust: u64,
    accounts: BTreeMap<Address, Account>,
    market: Market,
}

impl Naive {
    fn execute(&mut self, body: &Body, anchor_ok: bool, time: Time) -> Outcome {
        let known = self.accounts.contains_key(&body.issuer);
        let account = self.accounts.get(&body.issuer);
        let key = account.and_then(|account| account.key).unwrap_or(body.issuer.first_key());
        let used = account.is_some_and(|account| account.used.contains(&body.sequence));
        if !anchor_ok {
            Outcome::BadAnchor
        } else if !known && body.sequence != Sequence::ZERO {
            Outcome::NoAccount
        } else if body.signing_key() != key {
            Outcome::BadKey
        } else if body.expires != Time::ZERO && body.expires <= time {
            Outcome::Expired
        } else if used {
            Outcome::SeqUsed
        } else {
            self.of(body.issuer).used.insert(body.sequence);
            self.take_effect(body, time)
        }
    }

    /// What happens by itself before the bodies of a record with this time.
    fn settle(&mut self, time: Time) {
        for (to, amount) in self.market.settle(time, Amount(self.dust)) {
            self.of(to).balance += amount;
        }
    }

    fn take_effect(&mut self, body: &Body, time: Time) -> Outcome {
        match &body.payload {
            Payload::KeyRotate(rotation) => {
                self.of(body.issuer).key = Some(rotation.key.id());
            }
            Payload::Transfer(transfer) => {
                if self.of(body.issuer).balance < transfer.total().0 {
                    return Outcome::Insufficient;
                }
                let mut opened = BTreeSet::new();
                for output in transfer.outputs() {
                    let is_new = !self.accounts.contains_key(&output.to);
                    if is_new && opened.insert(output.to) && output.amount.0 < self.dust {
                        return Outcome::Dust;
                    }
                }
                self.of(body.issuer).balance -= transfer.total().0;
                for output in transfer.outputs() {
                    self.of(output.to).balance += output.amount.0;
                }
            }
            _ => {
                let balance = self.of(body.issuer).balance;
                match self.market.trade(body, time, Amount(self.dust), balance) {
                    Err(outcome) => return outcome,
                    Ok(moves) => {
                        self.of(body.issuer).balance -= moves.take;
                        for (to, amount) in moves.give {
                            self.of(to).balance += amount;
                        }
                    }
                }
            }
        }
        Outcome::Applied
    }

    fn of(&mut self, address: Address) -> &mut Account {
        self.accounts.entry(address).or_default()
    }
}

/// The sum of all balances, bonds and deposits is what it was; outcomes, balances and channels are
/// those of the naive ledger.
pub fn ledger_adds_up(node: &Node, genesis: &Genesis) -> Result<(), Broken> {
    replay(node, genesis, &node.told().commits)
}

pub(super) fn replay(node: &Node, genesis: &Genesis, chain: &[Commit]) -> Result<(), Broken> {
    let supply = genesis.supply().unwrap_or(Amount::ZERO);
    let counted = recount(node.store());
    expect(Rule::C3Conservation, counted == supply, || {
        format!("{counted:?} of {supply:?} are left")
    })?;
    if !is_whole(node) {
        // What was executed is not all there any more; state roots are compared by certificates.
        return Ok(());
    }
    let dust = genesis.params.dust.0;
    let mut naive = Naive { dust, accounts: BTreeMap::new(), market: Market::default() };
    for (address, balance) in &genesis.accounts {
        naive.of(*address).balance = balance.0;
    }
    let mut anchors: BTreeSet<CommitRef> = [genesis.commit()].into();
    for Commit { record, leaves, .. } in chain {
        naive.settle(record.time);
        for leaf in &**leaves {
            let missing = || Broken::new(Rule::C3Conservation, format!("{} has no body", leaf.tx));
            let entry = node.store().entry(&leaf.tx).ok_or_else(missing)?;
            let bytes = node.store().sealed_body(&entry.body).ok_or_else(missing)?;
            let body = SealedBody::from_bytes(&bytes)
                .map_err(|e| Broken::new(Rule::C3Conservation, e.to_string()))?
                .body;
            let anchor_ok = anchors.contains(&entry.attachment.anchor);
            let expected = naive.execute(&body, anchor_ok, record.time);
            let same = leaf.outcome == expected && leaf.body == body.id();
            expect(Rule::C3Conservation, same, || format!("{leaf:?} should be {expected:?}"))?;
        }
        anchors.insert(record.reference());
    }
    let archive = Archive::new(node.store());
    for (address, account) in &naive.accounts {
        let kept = archive.account(address).map(|kept| kept.balance.0);
        let expected = Some(account.balance);
        expect(Rule::C3Conservation, kept == expected, || {
            format!("{address:?} has {kept:?}, not {expected:?}")
        })?;
    }
    for (id, expected) in naive.market.rests() {
        let kept = archive.channel(&id).map(|kept| kept.rest().0);
        expect(Rule::C3Conservation, kept == Some(expected), || {
            format!("channel {id} has {kept:?} left, not {expected}")
        })?;
    }
    Ok(())
}
