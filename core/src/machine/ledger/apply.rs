//! Writes what was planned: the objects as they are now, and who consumed a sequence.
//!
//! Cannot fail. What it asserts is asserted again at the end of the commit, over all of it.

use super::{
    Executed, Ledger, consumed_key,
    market::{self, Deed},
    plan::{Effect, Plan, paid},
    put, remove,
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
        self.write(plan.effect, tables);
        let key = consumed_key(&tx.body.issuer, tx.body.sequence);
        tables.write(Table::Consumed, &key, &tx.id);
        plan.outcome
    }

    /// What happens by itself, without a body.
    pub(super) fn carry_out(&mut self, deed: Deed, tables: &mut Tables<'_>) {
        let Deed { pays, object, settled, .. } = deed;
        self.write(Effect { accounts: paid(pays, tables), object, settled }, tables);
    }

    fn write(&mut self, effect: Effect, tables: &mut Tables<'_>) {
        let (debits, credits) = effect.sums();
        assert_eq!(debits, credits, "value moves, none is made");
        self.total = self.total + credits - debits;
        for (address, change) in effect.accounts {
            let (key, object) = (ObjectKey::account(&address), Object::Account(change.after));
            put(&key, &object, self.snapshot, tables);
        }
        if let Some(held) = effect.object {
            match &held.after {
                Some(object) => put(&held.key, object, self.snapshot, tables),
                None => remove(&held.key, self.snapshot, tables),
            }
            market::index::moved(held.before.as_ref(), held.after.as_ref(), tables);
        }
        if let Some(settled) = &effect.settled {
            market::remember(settled, tables);
        }
    }
}

impl Effect {
    /// What all that changes held before, and what it holds behind.
    fn sums(&self) -> (u128, u128) {
        let of = |object: &Option<Object>| object.as_ref().map_or(Amount::ZERO, Object::value);
        let accounts = self.accounts.values().map(|one| (one.before, one.after.balance));
        let objects = self.object.iter().map(|held| (of(&held.before), of(&held.after)));
        accounts.chain(objects).fold((0, 0), |(debits, credits), (before, after)| {
            (debits + u128::from(before.0), credits + u128::from(after.0))
        })
    }
}
