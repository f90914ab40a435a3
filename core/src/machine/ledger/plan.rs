//! What a body will do to the ledger: checks in their order, then a value that says it all.
//!
//! Two kinds of failure. Before the sequence is judged nothing is consumed, and there is no plan;
//! behind it the sequence is consumed whatever the payload does, so a plan that fails says just
//! that. Nothing is written here.

use alloc::collections::{BTreeMap, btree_map::Entry};

use super::{Executed, account};
use crate::{
    account::Account,
    address::Address,
    machine::records::Tables,
    outcome::Outcome,
    time::Time,
    tx::{Body, Output, Payload, Transfer},
    units::Amount,
};

/// What a body does that consumes its sequence.
#[derive(Debug)]
pub(super) struct Plan {
    /// What becomes of it.
    pub(super) outcome: Outcome,
    /// The accounts that change; its issuer is always among them.
    pub(super) changes: Changes,
}

/// Accounts that change, by address.
pub(super) type Changes = BTreeMap<Address, Change>;

/// One account that changes.
#[derive(Debug)]
pub(super) struct Change {
    /// What it owned.
    pub(super) before: Amount,
    /// What it will be.
    pub(super) after: Account,
}

impl Change {
    fn to(account: Account) -> Self {
        Self { before: account.balance, after: account }
    }
}

/// Judges a body. `Err` consumes nothing.
pub(super) fn plan(
    time: Time,
    dust: Amount,
    tx: Executed<'_>,
    tables: &Tables<'_>,
) -> Result<Plan, Outcome> {
    let body = tx.body;
    anchor_exists(tx)?;
    let mut issuer = issuer(body, tables)?;
    key_in_force(body, &issuer.after)?;
    not_expired(body, time)?;
    fresh(body, &issuer.after)?;
    issuer.after.consume(body.sequence);
    let (outcome, mut changes) = match effect(body, &mut issuer.after, dust, tables) {
        Ok(others) => (Outcome::Applied, others),
        Err(outcome) => (outcome, Changes::new()),
    };
    changes.insert(body.issuer, issuer);
    Ok(Plan { outcome, changes })
}

/// A fault of the attachment, which nobody signed: it must not cost the issuer its sequence.
const fn anchor_exists(tx: Executed<'_>) -> Result<(), Outcome> {
    if tx.anchor_ok { Ok(()) } else { Err(Outcome::BadAnchor) }
}

/// The account, or a new one if the body registers it.
fn issuer(body: &Body, tables: &Tables<'_>) -> Result<Change, Outcome> {
    let registered = || body.sequence.registers().then(Account::default);
    let account = account(&body.issuer, tables).or_else(registered);
    account.map(Change::to).ok_or(Outcome::NoAccount)
}

fn key_in_force(body: &Body, issuer: &Account) -> Result<(), Outcome> {
    let in_force = issuer.key_in_force(&body.issuer);
    if body.signing_key() == in_force { Ok(()) } else { Err(Outcome::BadKey) }
}

fn not_expired(body: &Body, time: Time) -> Result<(), Outcome> {
    let expires = body.expires != Time::ZERO && body.expires <= time;
    if expires { Err(Outcome::Expired) } else { Ok(()) }
}

fn fresh(body: &Body, issuer: &Account) -> Result<(), Outcome> {
    if issuer.is_fresh(body.sequence) { Ok(()) } else { Err(Outcome::SeqUsed) }
}

/// What the payload does, to the issuer and to others. `Err` changes neither.
fn effect(
    body: &Body,
    issuer: &mut Account,
    dust: Amount,
    tables: &Tables<'_>,
) -> Result<Changes, Outcome> {
    match &body.payload {
        Payload::Data(_) => Ok(Changes::new()),
        Payload::Transfer(transfer) => pay(transfer, &body.issuer, issuer, dust, tables),
        Payload::KeyRotate(rotation) => {
            issuer.rotate(&body.issuer, rotation.key.id());
            Ok(Changes::new())
        }
    }
}

/// One output after the other: what the first one opened, the second one finds.
fn pay(
    transfer: &Transfer,
    from: &Address,
    issuer: &mut Account,
    dust: Amount,
    tables: &Tables<'_>,
) -> Result<Changes, Outcome> {
    let left = issuer.balance.0.checked_sub(transfer.total().0);
    let mut kept = Amount(left.ok_or(Outcome::Insufficient)?);
    let mut others = Changes::new();
    for output in transfer.outputs() {
        if output.to == *from {
            kept = credited(kept, output);
            continue;
        }
        let other = match others.entry(output.to) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(receiver(output, dust, tables)?),
        };
        other.after.balance = credited(other.after.balance, output);
    }
    issuer.balance = kept;
    Ok(others)
}

fn credited(balance: Amount, output: &Output) -> Amount {
    balance.checked_add(output.amount.0).expect("no balance exceeds the supply")
}

/// The account of an output, or a new one if the output is worth it.
fn receiver(output: &Output, dust: Amount, tables: &Tables<'_>) -> Result<Change, Outcome> {
    match account(&output.to, tables) {
        Some(account) => Ok(Change::to(account)),
        None if output.amount < dust => Err(Outcome::Dust),
        None => Ok(Change::to(Account::default())),
    }
}
