//! A ledger in the simplest code there is: plain maps, and every sequence one by one.

pub(super) mod market;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use crate::{address::Address, digest::KeyId, outcome::Outcome, time::Time, tx::Body, tx::Payload};

#[derive(Default)]
pub(super) struct Naive {
    pub(super) dust: u64,
    pub(super) market: market::Market,
    pub(super) balances: BTreeMap<Address, u64>,
    pub(super) keys: BTreeMap<Address, KeyId>,
    pub(super) next: BTreeMap<Address, u64>,
    pub(super) open: BTreeMap<Address, BTreeSet<u64>>,
}

impl Naive {
    pub(super) fn execute(&mut self, time: Time, body: &Body, anchor: bool) -> Outcome {
        let from = body.issuer;
        if !anchor {
            return Outcome::BadAnchor;
        }
        if !self.balances.contains_key(&from) && body.sequence.0 > 0 {
            return Outcome::NoAccount;
        }
        let key = self.keys.get(&from).copied().unwrap_or(from.first_key());
        if body.signer.unwrap_or(from.first_key()) != key {
            return Outcome::BadKey;
        }
        if body.expires.as_millis() > 0 && body.expires.as_millis() <= time.as_millis() {
            return Outcome::Expired;
        }
        if !self.use_sequence(from, body.sequence.0) {
            return Outcome::SeqUsed;
        }
        self.balances.entry(from).or_default();
        match &body.payload {
            Payload::Data(_) => Outcome::Applied,
            Payload::KeyRotate(rotation) => {
                self.keys.insert(from, rotation.key.id());
                Outcome::Applied
            }
            Payload::Transfer(transfer) => {
                let mut balances = self.balances.clone();
                let total: u64 = transfer.outputs().iter().map(|output| output.amount.0).sum();
                if balances[&from] < total {
                    return Outcome::Insufficient;
                }
                *balances.get_mut(&from).unwrap() -= total;
                for output in transfer.outputs() {
                    if !balances.contains_key(&output.to) && output.amount.0 < self.dust {
                        return Outcome::Dust;
                    }
                    *balances.entry(output.to).or_default() += output.amount.0;
                }
                self.balances = balances;
                Outcome::Applied
            }
            _ => self.trade(time.as_millis(), body).err().unwrap_or(Outcome::Applied),
        }
    }

    fn use_sequence(&mut self, from: Address, sequence: u64) -> bool {
        let next = self.next.entry(from).or_default();
        let open = self.open.entry(from).or_default();
        if sequence < *next {
            if !open.remove(&sequence) {
                return false;
            }
        } else {
            open.extend(*next..sequence);
            *next = sequence + 1;
        }
        // The lowest run of what is open, while there are more runs than 256.
        let starts = |open: &BTreeSet<u64>| -> Vec<u64> {
            open.iter().copied().filter(|at| *at == 0 || !open.contains(&(at - 1))).collect()
        };
        while let starts = starts(open)
            && starts.len() > 256
        {
            open.retain(|at| *at >= starts[1]);
        }
        true
    }
}
