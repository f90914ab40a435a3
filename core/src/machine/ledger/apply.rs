//! Writes what was planned: the accounts as they are now, and who consumed a sequence.
//!
//! Cannot fail. What it asserts is asserted again at the end of the commit, over all of it.

use super::{
    Executed, Ledger, consumed_key,
    plan::{Change, Plan},
    put,
};
use crate::{
    machine::records::{Table, Tables},
    object::{Object, ObjectKey},
    outcome::Outcome,
    units::Amount,
};

impl Ledger {
    pub(super) fn apply(
        &mut self,
        tx: Executed<'_>,
        plan: Plan,
        tables: &mut Tables<'_>,
    ) -> Outcome {
        let Plan { outcome, changes } = plan;
        let sum = |amount: fn(&Change) -> Amount| -> u128 {
            changes.values().map(|change| u128::from(amount(change).0)).sum()
        };
        let (debits, credits) = (sum(|change| change.before), sum(|change| change.after.balance));
        assert_eq!(debits, credits, "a body moves value, it makes none");
        self.total = self.total + credits - debits;
        for (address, change) in changes {
            let (key, object) = (ObjectKey::account(&address), Object::Account(change.after));
            put(&key, &object, self.snapshot, tables);
        }
        let key = consumed_key(&tx.body.issuer, tx.body.sequence);
        tables.write(Table::Consumed, &key, &tx.id);
        outcome
    }
}
