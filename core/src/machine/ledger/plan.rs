//! What a body will do to the ledger: checks in their order, then a value that says it all.
//!
//! Two kinds of failure. Before the sequence is judged nothing is consumed, and there is no plan;
//! behind it the sequence is consumed whatever the payload does, so a plan that fails says just
//! that. Nothing is written here.

use alloc::{
    collections::{BTreeMap, btree_map::Entry},
    vec::Vec,
};

use super::{
    Executed, Moment, account,
    market::{self, Deed, Held, Said},
};
use crate::{
    account::Account,
    address::Address,
    machine::records::Tables,
    market::objects::Settlement,
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
    /// What changes; its issuer is always among the accounts.
    pub(super) effect: Effect,
}

/// What changes in the ledger. Value moves within it; it makes none.
#[derive(Debug, Default)]
pub(super) struct Effect {
    pub(super) accounts: Changes,
    /// The offer or channel that changes.
    pub(super) object: Option<Held>,
    /// How a channel ended, if one did.
    pub(super) settled: Option<Settlement>,
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
    at: Moment,
    dust: Amount,
    tx: Executed<'_>,
    tables: &Tables<'_>,
) -> Result<Plan, Outcome> {
    let body = tx.body;
    anchor_exists(tx)?;
    let mut issuer = issuer(body, tables)?;
    key_in_force(body, &issuer.after)?;
    not_expired(body, at.time)?;
    fresh(body, &issuer.after)?;
    issuer.after.consume(body.sequence);
    let said = Said { at, id: tx.body_id, by: &body.issuer, dust };
    let (outcome, mut effect) = match effect(said, &body.payload, &mut issuer.after, tables) {
        Ok(others) => (Outcome::Applied, others),
        Err(outcome) => (outcome, Effect::default()),
    };
    effect.accounts.insert(body.issuer, issuer);
    Ok(Plan { outcome, effect })
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
    said: Said<'_>,
    payload: &Payload,
    issuer: &mut Account,
    tables: &Tables<'_>,
) -> Result<Effect, Outcome> {
    match payload {
        Payload::Transfer(transfer) => {
            let accounts = pay(transfer, said.by, issuer, said.dust, tables)?;
            Ok(Effect { accounts, ..Effect::default() })
        }
        Payload::KeyRotate(rotation) => {
            issuer.rotate(said.by, rotation.key.id());
            Ok(Effect::default())
        }
        other => trade(market::deed(said, other, tables)?, said.by, issuer, tables),
    }
}

/// The issuer pays in what it locks; what comes out goes to whom it belongs.
fn trade(
    deed: Deed,
    from: &Address,
    issuer: &mut Account,
    tables: &Tables<'_>,
) -> Result<Effect, Outcome> {
    let Deed { locks, pays, object, settled } = deed;
    let left = issuer.balance.0.checked_sub(locks.0);
    issuer.balance = Amount(left.ok_or(Outcome::Insufficient)?);
    let (own, others): (Vec<_>, Vec<_>) = pays.into_iter().partition(|(to, _)| to == from);
    for (_, amount) in own {
        issuer.balance = credited(issuer.balance, amount);
    }
    Ok(Effect { accounts: paid(others, tables), object, settled })
}

/// The accounts that the market pays, each with what it gets.
///
/// # Panics
/// Where one is missing: payers and sellers had accounts, and no account ever leaves the ledger.
pub(super) fn paid(pays: Vec<(Address, Amount)>, tables: &Tables<'_>) -> Changes {
    let mut accounts = Changes::new();
    for (to, amount) in pays.into_iter().filter(|(_, amount)| *amount > Amount::ZERO) {
        let known = accounts.entry(to).or_insert_with(|| {
            Change::to(account(&to, tables).expect("payers and sellers have accounts"))
        });
        known.after.balance = credited(known.after.balance, amount);
    }
    accounts
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
            kept = credited(kept, output.amount);
            continue;
        }
        let other = match others.entry(output.to) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(receiver(output, dust, tables)?),
        };
        other.after.balance = credited(other.after.balance, output.amount);
    }
    issuer.balance = kept;
    Ok(others)
}

fn credited(balance: Amount, amount: Amount) -> Amount {
    balance.checked_add(amount.0).expect("no balance exceeds the supply")
}

/// The account of an output, or a new one if the output is worth it.
fn receiver(output: &Output, dust: Amount, tables: &Tables<'_>) -> Result<Change, Outcome> {
    match account(&output.to, tables) {
        Some(account) => Ok(Change::to(account)),
        None if output.amount < dust => Err(Outcome::Dust),
        None => Ok(Change::to(Account::default())),
    }
}
