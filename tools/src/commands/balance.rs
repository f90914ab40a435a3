//! `weft balance`: what an account owns, as of the last commit.

use weft_client::host::Account;

use crate::{account::Whose, failure::Failure, output::Output, target::Target};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let node = args.target.client()?;
    let account = node.account(&args.whose.address(&node).await?).await?;
    output.show(&account, || text(&account))
}

fn text(account: &Account) -> String {
    let Account { address, next, ledger, .. } = account;
    if !ledger.exists {
        let commit = ledger.commit;
        return format!(
            "0  {address}: no account as of commit {commit}; the first value or the first post \
             opens it"
        );
    }
    let gaps: Vec<_> =
        ledger.gaps.iter().map(|gap| format!("{}..{}", gap.first, gap.end)).collect();
    let gaps = if gaps.is_empty() { "none".to_owned() } else { gaps.join(" ") };
    format!(
        "{}\naddress  {address}\nnext     {next} ({} consumed, gaps {gaps})\nkey      {}\n\
         as of    commit {}",
        ledger.balance, ledger.consumed, ledger.key, ledger.commit
    )
}
