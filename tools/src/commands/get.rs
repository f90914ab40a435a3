//! `weft get`: one transaction or one body, by its id.

use std::{fs, path::PathBuf};

use weft_client::host::{ClientError, Content, Described, NodeClient, Said};
use weft_core::digest::{BodyId, TxId};

use crate::{
    failure::{Exit, Failure},
    output::Output,
    said::of_market,
    target::Target,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Id of a transaction or of a body: 64 hexadecimal digits
    id: TxId,
    /// Write the bytes of the transaction to FILE, or to standard output with `-`
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let node = args.target.client()?;
    let described = find(&node, args.id).await?;
    let Some(file) = args.raw else {
        return output.show(&described, || text(&described));
    };
    let bytes = node.transaction_bytes(described.id).await?;
    if file.as_os_str() == "-" {
        return output.bytes(&bytes);
    }
    let name = file.display();
    fs::write(&file, &bytes)
        .map_err(|error| Failure::failed(format!("cannot write {name}: {error}")))?;
    output.note(&format!("wrote {} bytes to {name}", bytes.len()));
    Ok(())
}

/// Ids of transactions and of bodies look alike.
async fn find(node: &NodeClient, id: TxId) -> Result<Described, Failure> {
    let is_unknown = |error: &ClientError| error.problem().is_some_and(|said| said.status == 404);
    match node.transaction(id).await {
        Err(error) if is_unknown(&error) => {}
        found => return Ok(found?),
    }
    match node.body(BodyId(id.0)).await {
        Err(error) if error.problem().is_some_and(|said| said.code == "pruned") => {
            let said = error.problem().map(|said| said.detail.clone()).unwrap_or_default();
            Err(Failure::new(Exit::NotFound, format!("{}: {said}", node.url())))
        }
        Err(error) if is_unknown(&error) => {
            let cause = format!("{} knows no transaction and no body {id}", node.url());
            Err(Failure::new(Exit::NotFound, cause)
                .next("check the id; what was posted elsewhere takes a moment to come here"))
        }
        found => Ok(found?),
    }
}

fn text(tx: &Described) -> String {
    let Described { id, body, issuer, sequence, scheme, key, anchor, size, position, .. } = tx;
    let list = |ids: &[TxId]| match ids {
        [] => "none".to_owned(),
        ids => ids.iter().map(TxId::to_string).collect::<Vec<_>>().join("\n             "),
    };
    let (about, said) = said(&tx.content);
    let attachments = match tx.attachments.as_slice() {
        [] => String::new(),
        ids => format!("attachments  {}\n", list(ids)),
    };
    let fate = &tx.fate;
    let outcome = match (&fate.outcome, fate.commit) {
        (Some(told), Some(commit)) => format!("{} (commit {commit})", told.detail),
        _ if fate.stale => "none; its attachment is too old, attach it again".to_owned(),
        _ => "none yet".to_owned(),
    };
    let winner = fate.winner.as_ref().map_or_else(String::new, |id| format!("winner       {id}\n"));
    let state = format!("{:?}", fate.state).to_lowercase();
    format!(
        "transaction  {id}\nbody         {body}\nissuer       {issuer}\nsequence     {sequence}\n\
         state        {state}\noutcome      {outcome}\n{winner}\
         time         {} ms\nexpires      {} ms\n{about}\
         parents      {}\n{attachments}anchor       {anchor}\nsigned by    {key} ({scheme})\n\
         size         {size} bytes, at {position} in this node's order\n\n{said}\n",
        tx.time,
        tx.expires,
        list(&tx.parents),
    )
}

/// The lines on what a body is about, and what it says.
fn said(content: &Said) -> (String, &str) {
    match content {
        Said::Data(Content { stream, content_type, content_type_name, text, data }) => {
            let name = content_type_name.as_deref().unwrap_or("unnamed");
            let about = format!("stream       {stream}\ntype         {content_type} ({name})\n");
            (about, text.as_deref().or(data.as_deref()).unwrap_or_default())
        }
        Said::Transfer { outputs, text, data } => {
            let line = |output: &weft_client::host::Output| {
                format!("pays         {} to {}\n", output.amount, output.to)
            };
            (
                outputs.iter().map(line).collect(),
                text.as_deref().or(data.as_deref()).unwrap_or_default(),
            )
        }
        Said::KeyRotate { key, scheme } => (format!("next key     {key} ({scheme})\n"), ""),
        market => (format!("says         {}\n", of_market(market)), ""),
    }
}
