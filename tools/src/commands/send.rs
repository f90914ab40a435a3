//! `weft send`: value to an address.
//!
//! Invariant: it ends well only if the transfer took effect, unless asked not to wait for that.

use std::{path::PathBuf, time::Duration};

use serde_json::{Value, json};
use weft_client::host::{Attach, Final, NodeClient, Posted, Poster};
use weft_core::{
    address::Address,
    time::Time,
    tx::{CommitRef, Output as Paid},
    units::Amount,
};

use crate::{
    account::Account,
    failure::{Exit, Failure},
    output::Output,
    target::Target,
    time::now_ms,
};

/// How long to wait for the outcome.
const FINAL_TIME: Duration = Duration::from_secs(60);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Who receives it
    address: String,
    /// How much, in base units
    amount: u64,
    /// Key file of the account that pays [default: ~/.config/weft/key]
    #[arg(long, value_name = "FILE", env = "WEFT_KEY")]
    key: Option<PathBuf>,
    /// What you agreed on, at most 64 bytes
    #[arg(long, value_name = "TEXT", default_value = "")]
    reference: String,
    /// What to wait for: on the node's disk, or ordered with an outcome
    #[arg(long, value_enum, default_value_t = Wait::Committed)]
    wait: Wait,
    #[command(flatten)]
    target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Wait {
    Attached,
    Committed,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let node = args.target.client()?;
    let mut account = Account::open(args.key.as_deref(), output)?;
    let payment = Payment { to: &args.address, amount: args.amount, reference: &args.reference };
    let waits = args.wait == Wait::Committed;
    let (value, text) = payment.pay(&mut account, node, waits).await?;
    output.show(&value, || text)
}

/// One transfer to one address.
pub(super) struct Payment<'a> {
    pub(super) to: &'a str,
    pub(super) amount: u64,
    pub(super) reference: &'a str,
}

impl Payment<'_> {
    /// Posts it, and waits for its outcome if asked to. Gives what to show.
    pub(super) async fn pay(
        &self,
        account: &mut Account,
        node: NodeClient,
        waits: bool,
    ) -> Result<(Value, String), Failure> {
        let kind = node.tips().await?.kind;
        let to = Address::parse(self.to, kind).map_err(Failure::usage)?;
        // "Signed after this commit": the proof of it then has both bounds of time.
        let beacon = last_commit(&node).await;
        let poster = account.poster(node, Attach::Here).await?;
        let posted = poster.post_draft(|builder, sequence| {
            let outputs = vec![Paid { to, amount: Amount(self.amount) }];
            let draft = builder.transfer(sequence, outputs, self.reference)?;
            Ok(draft.time(Time::from_millis(now_ms())).beacon(beacon))
        });
        let posted = posted.await;
        account.remember(&poster).await?;
        let posted = posted?;
        let mut value = json!({
            "id": posted.id.to_string(), "body": posted.body.to_string(),
            "sequence": posted.sequence.0, "from": poster.address(), "to": self.to,
            "amount": self.amount.to_string(), "state": "attached",
        });
        if !waits {
            return Ok((value, posted.id.to_string()));
        }
        let commit = settle(&poster, &posted, &mut value).await?;
        let (id, amount, to) = (posted.id, self.amount, self.to);
        Ok((value, format!("{id}\nsent {amount} to {to}, final in commit {commit}")))
    }
}

/// Waits until what was posted took effect, and adds to `value` what became of it. Gives the
/// commit.
pub(super) async fn settle(
    poster: &Poster,
    posted: &Posted,
    value: &mut Value,
) -> Result<u64, Failure> {
    let refused = |why: &str| {
        let cause = format!("{} was ordered without effect: {why}", posted.id);
        Failure::new(Exit::Refused, cause).next("see `weft balance` and `weft history`")
    };
    let fate = match poster.finish(posted.body, FINAL_TIME).await? {
        Final::Outcome(fate) => fate,
        Final::Expired => return Err(refused("its time was over")),
    };
    let told = fate.outcome.clone().filter(|told| !told.is_applied());
    if let Some(told) = told {
        return Err(refused(&told.detail));
    }
    if let (Some(fields), Ok(Value::Object(more))) =
        (value.as_object_mut(), serde_json::to_value(&fate))
    {
        fields.extend(more);
    }
    Ok(fate.commit.unwrap_or_default())
}

/// The last commit as bodies name it; none before the first.
pub(super) async fn last_commit(node: &NodeClient) -> CommitRef {
    let commit = node.commit(None).await.ok();
    let reference = commit.and_then(|commit| commit.beacon());
    reference.unwrap_or(CommitRef::NONE)
}
