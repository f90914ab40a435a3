//! `weft rotate`: another key for an account, which keeps its address.
//!
//! Invariant: it ends well only if the new key is in force; and whose key that is lies on disk
//! beside it before the rotation leaves, so that no key comes into force that cannot be used.

use std::path::PathBuf;

use serde_json::json;
use weft_client::host::{Attach, NodeClient};
use weft_core::{
    address::{Address, NetworkKind},
    keys::Sign as _,
    time::Time,
};

use super::send::{last_commit, settle};
use crate::{account::Account, failure::Failure, output::Output, target::Target, time::now_ms};

/// What `weft rotate --help` ends with.
const AFTER_HELP: &str = "\
The address stays that of the account's first key; FILE.account, beside the new key, tells it. Keep
both: from then on --key FILE speaks for the account, and what the old key signs has no effect. That
holds for what it signed before, too, if that is not final yet.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Key file that signs for the account until then [default: ~/.config/weft/key]
    #[arg(long, value_name = "FILE", env = "WEFT_KEY")]
    key: Option<PathBuf>,
    /// Key file that signs from then on; `weft key new FILE` makes one
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let node = args.target.client()?;
    let mut account = Account::open(args.key.as_deref(), output)?;
    let mut next = account.successor(&args.to, output)?;
    let kind = node.tips().await?.kind;
    must_be_unused(&next, &node, kind).await?;
    let beacon = last_commit(&node).await;
    let poster = account.poster(node, Attach::Here).await?;
    if poster.next_sequence().await.registers() {
        let cause = "the account has said nothing yet; its first key has to be the first to sign";
        return Err(Failure::usage(cause).next("`weft post` or `weft send` with it, then rotate"));
    }
    next.keep_address(&args.to, kind)?;
    let posted = poster.post_draft(|builder, sequence| {
        let draft = builder.rotation(sequence, next.key())?;
        Ok(draft.time(Time::from_millis(now_ms())).beacon(beacon))
    });
    let posted = posted.await;
    account.remember(&poster).await?;
    // The new key counts on from here, whichever node it asks.
    next.remember(&poster).await?;
    let posted = posted?;
    let (key, address) = (next.key().public_key().id(), poster.address());
    let mut value = json!({
        "id": posted.id.to_string(), "body": posted.body.to_string(),
        "sequence": posted.sequence.0, "account": address, "key": key.to_string(),
    });
    let commit = settle(&poster, &posted, &mut value).await?;
    output.show(&value, || {
        format!("{}\nkey {key} signs for {address}, final in commit {commit}", posted.id)
    })
}

/// A key file speaks for one account: what the key owned by itself would be out of reach.
async fn must_be_unused(
    next: &Account,
    node: &NodeClient,
    kind: NetworkKind,
) -> Result<(), Failure> {
    let own = Address::of(next.key().public_key().id());
    if own == next.address() {
        return Ok(());
    }
    let known = node.account(&own.text(kind)).await?;
    if !known.registered && !known.ledger.exists {
        return Ok(());
    }
    let cause = format!("the key has an account of its own, {}", known.address);
    Err(Failure::usage(cause).next("make a key with `weft key new FILE`"))
}
